"""Reservations and processes: what a process held ends with it, and a fork takes nothing along."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from quarterdeck.costs.budgets import BudgetBook
from quarterdeck.costs.money import PICO
from tests.budget_worlds import ended, ledger_at, start, taken

HOLD = """
import os, signal, sys
from quarterdeck.costs.tracker import CostTracker
tracker = CostTracker(sys.argv[1])
with tracker.reserve(2):
    print("held", flush=True)
    sys.stdin.readline()
    if sys.argv[2] == "exit":
        os._exit(0)
    if sys.argv[2] == "leave":
        sys.exit(0)
    if sys.argv[2] == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
"""

FORK_INSIDE = """
import os, sys
from quarterdeck.costs.tracker import CostTracker
tracker = CostTracker(sys.argv[1])
with tracker.reserve(2):
    child = os.fork()
    if child:
        assert os.waitpid(child, 0)[1] == 0
        (standing,) = tracker.budgets.standings()
        print(standing.reserved_picousd)
    else:
        with tracker.reserve(1):
            (standing,) = tracker.budgets.standings()
            print(standing.reserved_picousd, flush=True)
        tracker.close()
if not child:
    os._exit(0)
"""

DIE_BEFORE_THE_CHILD = """
import os, signal, sys
from quarterdeck.costs.tracker import CostTracker
tracker = CostTracker(sys.argv[1])
reservation = tracker.reserve(2)
reservation.__enter__()
if os.fork():
    os.kill(os.getpid(), signal.SIGKILL)
print("orphan", flush=True)
sys.stdin.readline()
os._exit(0)
"""

FORK_AMONG_THREADS = """
import os, sys, threading
from quarterdeck.costs.tracker import CostTracker
tracker = CostTracker(sys.argv[1])
stop = threading.Event()
def call(usd):
    with tracker.reserve(usd):
        tracker.log_request("claude-haiku-4-5", 1, 1)
def work():
    while not stop.is_set():
        call(0.01)
call(0.01)  # a fork while another thread imports would leave the import system itself locked
threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads:
    thread.start()
for _ in range(12):
    child = os.fork()
    if not child:
        call(1)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
stop.set()
for thread in threads:
    thread.join()
(standing,) = tracker.budgets.standings()
print(standing.reserved_picousd)
"""


@pytest.fixture
def book(tmp_path):
    book = BudgetBook(ledger_at(tmp_path))
    book.set("day", 5 * PICO)
    return book


@pytest.mark.parametrize("how, returncode", [("kill", -signal.SIGKILL), ("exit", 0), ("leave", 0)])
def test_what_a_process_held_ends_with_it(book, tmp_path, how, returncode):
    """Killed, ended without a word, or left in good order: others have the room again."""
    child = start(HOLD, tmp_path, how)
    assert child.stdout.readline() == "held\n"
    assert taken(book) == [(0, 2)]
    child.stdin.write("\n")
    ended(child, returncode)
    assert taken(book) == [(0, 0)]


def test_the_lease_of_a_killed_process_is_removed(book, tmp_path):
    """The next one that reserves cleans up, whether or not anything was reserved."""
    child = start(HOLD, tmp_path, "kill")
    assert child.stdout.readline() == "held\n"
    child.stdin.write("\n")
    ended(child, -signal.SIGKILL)
    (dead,) = (tmp_path / "leases").iterdir()
    (tmp_path / "leases" / ("0" * 32)).touch()
    book.grant("mine", PICO, {})
    (mine,) = (tmp_path / "leases").iterdir()
    assert mine.name not in {dead.name, "0" * 32}


def test_a_child_neither_gives_back_nor_adds_to_what_its_parent_holds(book, tmp_path):
    """Forked inside the block, it leaves the block too; its own reservations are its own."""
    assert ended(start(FORK_INSIDE, tmp_path)).split() == [str(3 * PICO), str(2 * PICO)]
    assert taken(book) == [(0, 0)]


def test_a_child_does_not_keep_a_dead_parents_reservation(book, tmp_path):
    """The parent is killed; that the child lives on changes nothing."""
    child = start(DIE_BEFORE_THE_CHILD, tmp_path)
    assert child.stdout.readline() == "orphan\n"
    child.wait(timeout=60)
    assert taken(book) == [(0, 0)]
    ended(child, -signal.SIGKILL)


def test_a_process_may_fork_while_its_threads_reserve(book, tmp_path):
    """No child meets a lock that nobody will ever give back, or a transaction that is half done."""
    assert ended(start(FORK_AMONG_THREADS, tmp_path)) == "0\n"
    assert taken(book)[0][1] == 0
    assert len(list(Path(tmp_path, "leases").iterdir())) <= 13
