"""Many processes race for one budget, some are killed in the middle: it is never overspent."""

from __future__ import annotations

import random
import signal

from quarterdeck.costs.budgets import BudgetBook
from quarterdeck.costs.ledger import Ledger
from quarterdeck.costs.money import PICO
from tests.budget_worlds import ended, ledger_at, start, taken

PROCESSES = 8
LIMIT_PICOUSD = 2 * PICO + 7
MOST_PICOUSD = PICO // 240

RACE = """
import random, sys
from quarterdeck.costs.budgets import BudgetBook, Reservation
from quarterdeck.costs.ledger import Ledger
from quarterdeck.costs.model import Request, Usage
from quarterdeck.errors import BudgetExceeded
folder, seed, most, project = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
dice, ledger = random.Random(seed), Ledger(folder)
book = BudgetBook(ledger, timeout_s=60)
while True:
    estimate = dice.randint(1, most)
    try:
        with Reservation(book, estimate, {"project": project}):
            ledger.record(Request("a-model-of-the-house", Usage(), cost_picousd=estimate, project=project))
            print("spent", flush=True)
    except BudgetExceeded:
        break
"""

HOLD = """
import sys
from quarterdeck.costs.budgets import BudgetBook, Reservation
from quarterdeck.costs.ledger import Ledger
with Reservation(BudgetBook(Ledger(sys.argv[1]), timeout_s=60), int(sys.argv[2]), {"project": "a"}):
    print("held", flush=True)
    sys.stdin.read()
"""


def racer(folder, seed):
    return start(RACE, folder, seed, MOST_PICOUSD, "ab"[seed % 2])


def killed(child):
    """Whether *child* was killed: it may have ended just before, as it should."""
    child.kill()
    child.communicate(timeout=60)
    return child.returncode == -signal.SIGKILL


def test_eight_processes_never_overspend(tmp_path):
    """Random estimates under two limits each, kills at random moments: the limits hold, and get used up."""
    dice = random.Random(7)
    book = BudgetBook(ledger_at(tmp_path))
    book.set("day", LIMIT_PICOUSD)
    book.set("month", LIMIT_PICOUSD * 2 // 3, scope={"project": "a"})
    holder = start(HOLD, tmp_path, LIMIT_PICOUSD // 4)
    assert holder.stdout.readline() == "held\n"
    kills = 0
    racers = [racer(tmp_path, seed) for seed in range(PROCESSES)]
    for seed in range(PROCESSES, 2 * PROCESSES):
        victim = racers.pop(dice.randrange(PROCESSES))
        victim.stdout.readline()  # it has spent something, unless there is no room any more
        kills += killed(victim)
        racers.append(racer(tmp_path, seed))
        for standing in book.standings():
            assert standing.spent_picousd <= standing.budget.limit_picousd
    assert killed(holder)
    for child in racers:
        ended(child)
    ended(racer(tmp_path, 101))  # alone, it is refused only for what is spent
    assert kills >= PROCESSES // 4, "the budget was used up too early: the race is too easy"
    common, project_a = BudgetBook(Ledger(str(tmp_path))).standings()
    assert [each.reserved_picousd for each in (common, project_a)] == [0, 0], "of the dead"
    assert LIMIT_PICOUSD - MOST_PICOUSD < common.spent_picousd <= LIMIT_PICOUSD
    assert project_a.spent_picousd <= project_a.budget.limit_picousd
    assert len(list((tmp_path / "leases").iterdir())) <= 2 * PROCESSES


def test_the_killed_leave_room_for_the_living(tmp_path):
    """One that holds the whole budget is killed: the next process gets all of it."""
    book = BudgetBook(ledger_at(tmp_path))
    book.set("day", PICO, scope={"project": "a"})
    for _ in range(3):
        holder = start(HOLD, tmp_path, PICO)
        assert holder.stdout.readline() == "held\n"
        assert taken(book) == [(0, 1)]
        assert killed(holder)
