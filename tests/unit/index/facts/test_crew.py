"""Many files in several processes: each is examined once, and nobody waits for an answer that is there."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys

import pytest

from quarterdeck import sqlite
from quarterdeck.index.disk.signature import digest_of
from quarterdeck.index.facts import crew as crew_module
from quarterdeck.index.facts.crew import BATCH, WORTH_A_WORKER, Crew, Job, examine_all
from quarterdeck.index.facts.examine import KNOWN, examine
from quarterdeck.index.facts.fact_store import FactStore, NewFact
from quarterdeck.index.facts.packed import NOTHING

FILES = 1000


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A thousand small files, code and other, one of them with a name that is not UTF-8."""
    root = tmp_path_factory.mktemp("tree")
    paths = [f"m{number}.{('py', 'md', 'txt', 'js')[number % 4]}" for number in range(FILES - 1)]
    paths.append("caf\udce9.py")
    for number, path in enumerate(paths):
        (root / path).write_text(f"x = {number}\n")
    return str(root), paths


@pytest.fixture
def started(monkeypatch):
    """Every worker process that is started."""
    found: list[subprocess.Popen[bytes]] = []
    real = subprocess.Popen

    def counted(*arguments, **options):
        found.append(real(*arguments, **options))
        return found[-1]

    monkeypatch.setattr(subprocess, "Popen", counted)
    return found


def plain(examined):
    """What examining gave, without what the clock decides."""
    return {each.path: each._replace(cost_us=0, racy=False) for each in examined}


def expected(root, paths):
    return plain(examine(root, path, 1 << 20, None) for path in paths)


@pytest.mark.parametrize("count", [0, 1, BATCH, BATCH + 1, FILES])
def test_every_file_is_examined_once(tree, count):
    """However many there are, with the answers that this process alone would give."""
    root, paths = tree
    found = examine_all(Job(root, 1 << 20, ""), paths[:count], 2)
    assert len(found) == count
    assert plain(found) == expected(root, paths[:count])


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_the_number_of_processes_changes_no_answer(tree, started, limit):
    """One process starts no other; more start as many as they may."""
    root, paths = tree
    found = examine_all(Job(root, 1 << 20, ""), paths, limit)
    assert plain(found) == expected(root, paths)
    assert len(started) == limit - 1


def test_the_order_of_the_question_changes_no_answer(tree):
    """Neither forwards nor backwards."""
    root, paths = tree
    job = Job(root, 1 << 20, "")
    assert plain(examine_all(job, paths[::-1], 2)) == plain(examine_all(job, paths, 2))


def test_a_few_files_are_worth_no_worker(tree, started):
    """One less than the bound starts none."""
    root, paths = tree
    examine_all(Job(root, 1 << 20, ""), paths[: WORTH_A_WORKER - 1], 4)
    assert started == []
    examine_all(Job(root, 1 << 20, ""), paths[:WORTH_A_WORKER], 4)
    assert len(started) == 1


def test_workers_that_were_called_before_are_used(tree, started):
    """They come up while files are listed; no more are started for the same work."""
    root, paths = tree
    with Crew(Job(root, 1 << 20, ""), 2) as crew:
        crew.call(FILES)
        crew.call(FILES)
        assert len(list(crew.examine(paths, None))) == FILES
    assert len(started) == 1


def test_no_worker_outlives_its_crew(tree, started):
    """Not even when the caller stops in the middle, or never asks."""
    root, paths = tree
    with Crew(Job(root, 1 << 20, ""), 3) as crew:
        crew.call(FILES)
        next(crew.examine(paths, None))
    assert len(started) == 2
    assert all(process.returncode is not None for process in started)


def test_known_facts_are_found_by_workers_and_here(tree, tmp_path):
    """The store is looked up by content, in every process."""
    root, paths = tree
    python = [path for path in paths if path.endswith(".py")]
    place = str(tmp_path / "facts.sqlite")
    with contextlib.closing(FactStore(place)) as store:
        store.put_many(
            NewFact(digest_of(f"x = {paths.index(path)}\n".encode()), "python", NOTHING._replace(lines=77), 5)
            for path in python
        )
        with Crew(Job(root, 1 << 20, place), 2) as crew:
            found = list(crew.examine(paths, store))
    assert {each.path for each in found if each.origin == KNOWN} == set(python)
    assert {each.packed.lines for each in found if each.origin == KNOWN} == {77}


TOGETHER = """
import os, sys, time
sys.path[:] = {path!r}
from quarterdeck.index.facts import crew
class Later:
    '''Holds the greeting back until the first answer, and writes both at once.'''
    def __init__(self): self.held, self.sent = b"", 0
    def write(self, data): self.held += data
    def flush(self):
        self.sent += 1
        if self.sent > 1:
            os.write(1, self.held)
            self.held = b""
class Out: buffer = Later()
sys.stdout = Out
crew.serve(*{arguments!r})
"""


@pytest.mark.timeout(30)  # what went wrong here once went wrong for ever
def test_an_answer_that_arrives_with_the_greeting_is_seen(tree, started, monkeypatch):
    """Both messages in one write: the second must not hide in a buffer that ``select`` cannot see."""
    root, paths = tree
    code = TOGETHER.format(path=sys.path, arguments=(root, 1 << 20, ""))
    monkeypatch.setattr(crew_module, "_START", code)
    monkeypatch.setattr(crew_module, "BATCH", 4)  # an answer that would fit into a buffer as a whole
    found = examine_all(Job(root, 1 << 20, ""), paths, 2)
    assert len(started) == 1
    assert plain(found) == expected(root, paths)


def test_messages_that_stand_together_in_a_pipe_are_taken_one_by_one():
    """After the first is taken, the pipe still has the second."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as stream:
        for message in ([], [(1, "two")], ["caf\udce9", None]):
            crew_module._send(stream, message)
    got = [crew_module._receive(reading) for _ in range(4)]
    os.close(reading)
    assert got == [[], [(1, "two")], ["caf\udce9", None], None]


@pytest.mark.parametrize("size", [1, 4, 6])
def test_a_message_that_breaks_off_is_the_end(size):
    """Its writer has died: in the length, after it, or in the body."""
    whole = io.BytesIO()
    crew_module._send(whole, ["a message"])
    reading, writing = os.pipe()
    os.write(writing, whole.getvalue()[:size])
    os.close(writing)
    assert crew_module._receive(reading) is None
    os.close(reading)


def test_no_more_processes_than_are_allowed(monkeypatch):
    """None given means one per processor, and never more than the bound."""
    monkeypatch.setattr(crew_module, "_processors", lambda: 64)
    job = Job("/", 1, sqlite.IN_MEMORY)
    assert Crew(job)._limit == crew_module.MOST_PROCESSES
    assert Crew(job, 3)._limit == 3
    monkeypatch.setattr(sys, "executable", "")
    assert Crew(job, 3)._limit == 1
