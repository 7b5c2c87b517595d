"""The search index with real libraries: processes, threads and forks that write, search, and are killed."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading

import pytest

from quarterdeck.patterns.model import Pattern
from quarterdeck.patterns.ranking import document_of
from quarterdeck.patterns.search.far import Far
from quarterdeck.patterns.search.index import SearchIndex
from quarterdeck.patterns.search.terms import Query
from quarterdeck.patterns.truth import Truth
from tests.search_worlds import assert_exact

NEAR_LIMIT, DELTA_LIMIT = 20, 5

SEARCHER = """
import json, sys
from quarterdeck.patterns.ranking import document_of
from quarterdeck.patterns.search.index import SearchIndex
from quarterdeck.patterns.search.terms import Query
from quarterdeck.patterns.truth import Truth
path = sys.argv[1]
index = SearchIndex(Truth(path, half_life_s=1e6), path + ".index", document_of, near_limit=20, delta_limit=5)
for word in sys.stdin:
    hits = index.search(Query({word.strip(): 1.0}), 5)
    print(json.dumps([hit.number for hit in hits]), flush=True)
index.close()
"""

BUILDER = """
import sys, time
from quarterdeck.patterns.ranking import document_of
from quarterdeck.patterns.search.index import SearchIndex
from quarterdeck.patterns.truth import Truth
path = sys.argv[1]
index = SearchIndex(Truth(path, half_life_s=1e6), path + ".index", document_of, near_limit=10)
def progress(done, total):
    print(done, flush=True)
    if done >= int(sys.argv[2]):
        time.sleep(600)
index.rebuild(progress)
"""


def pattern(number, words=""):
    return Pattern(
        id=f"p{number}",
        agent_id="agent",
        pattern_type="conditional",
        name=f"lock n{number}",
        description=f"sqlite busy {words}",
        tags=[f"t{number % 7}"],
    )


def contribute(truth, *patterns):
    truth.contribute(patterns, act="contributed", agent_id="agent")


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "library.sqlite")


@pytest.fixture
def truth(path):
    with contextlib.closing(Truth(path, half_life_s=1e6)) as truth:
        yield truth


@pytest.fixture
def index(truth, path):
    index = SearchIndex(truth, path + ".index", document_of, near_limit=NEAR_LIMIT, delta_limit=DELTA_LIMIT)
    with contextlib.closing(index):
        yield index


def settle(index):
    """Wait until the background has nothing to do any more."""
    rounds = None
    while rounds != index._carrier.rounds:
        rounds = index._carrier.rounds
        index.search(Query({}), 1)
        if index._carrier._thread:
            index._carrier._thread.join()


def assert_right(index, truth):
    """Each kind of query finds what a plain BM25 finds."""
    documents = [document for each in truth.changes(0, 10**6) if (document := document_of(each))]
    for query in (Query({"lock": 1.0, "#t3": 2.0, "n17": 1.0}), Query({"busi": 1.0}, (("#t1",),)), Query({})):
        assert_exact(index, documents, query, 20)


class Searcher:
    """Another process that searches the library."""

    def __init__(self, path):
        command = [sys.executable, "-c", SEARCHER, path]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdin
        assert self.process.stdout
        self.ask, self.answers = self.process.stdin, self.process.stdout

    def search(self, word):
        self.ask.write(word + "\n")
        self.ask.flush()
        return json.loads(self.answers.readline())

    def close(self):
        with self.process:
            self.ask.close()
        assert self.process.returncode == 0


def test_what_one_process_contributes_another_finds_at_once(truth, index, path):
    """While both grow out of memory and carry to the same folder; what is deleted is gone at once, too."""
    with contextlib.closing(Searcher(path)) as other:
        for number in range(1, 61):
            contribute(truth, pattern(number))
            found = [hit.number for hit in index.search(Query({f"n{number}": 1.0}), 5)]
            assert [each.id for each in truth.read(found).values()] == [f"p{number}"]
            assert other.search(f"n{number}") == found
            if number % 3 == 0:
                truth.delete(f"p{number - 1}", agent_id="agent")
                assert other.search(f"n{number - 1}") == []
                assert index.search(Query({f"n{number - 1}": 1.0}), 5) == []
    settle(index)
    assert isinstance(index.statistics(), Far)
    assert index.problem is None
    assert_right(index, truth)


def test_threads_search_while_others_contribute(truth, index):
    """Nobody gets an error, and each finds what was there before it asked."""
    errors: list[object] = []
    done = [0]

    def contributes():
        for number in range(1, 121):
            contribute(truth, pattern(number))
            done[0] = number
            if number % 10 == 0:
                truth.delete(f"p{number - 5}", agent_id="agent")

    def searches(seed):
        rng = random.Random(seed)
        while done[0] < 120 and not errors:
            newest = done[0]
            number = rng.randint(0, newest)
            if number and number % 10 != 5:
                found = index.search(Query({f"n{number}": 1.0}), 3)
                if len(found) != 1:
                    errors.append((number, found))

    def guarded(work, *given):
        try:
            work(*given)
        except Exception as error:  # noqa: BLE001 whatever it is, nothing should be raised
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(searches, seed)) for seed in range(8)]
    threads.append(threading.Thread(target=guarded, args=(contributes,)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    settle(index)
    assert_right(index, truth)


@pytest.mark.parametrize("had_one", [False, True], ids=["the first", "another"])
def test_a_build_that_is_killed_harms_nobody(truth, index, path, had_one):
    """What was there before is still used, if anything was; the next build needs nobody's help."""
    contribute(truth, *(pattern(number) for number in range(1000)))
    if had_one:
        index.search(Query({}), 1)
        settle(index)
        assert isinstance(index.statistics(), Far)
    command = [sys.executable, "-c", BUILDER, path, "600"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as builder:
        assert builder.stdout
        assert any(int(line) >= 600 for line in builder.stdout)
        os.kill(builder.pid, signal.SIGKILL)
    assert_right(index, truth)
    settle(index)
    assert_right(index, truth)
    assert isinstance(index.statistics(), Far)
    index.rebuild()
    assert_right(index, truth)


@pytest.mark.parametrize("many", [10, 40], ids=["near", "near and far"])
def test_a_forked_child_goes_on_to_search(truth, index, many):
    """Also for what comes after the fork, in either of the two; the thread stays with the parent."""
    contribute(truth, *(pattern(number) for number in range(1, many + 1)))
    index.search(Query({}), 1)
    go_on, done = os.pipe()
    pid = os.fork()
    if not pid:
        status = 1
        with contextlib.suppress(BaseException):
            os.read(go_on, 1)
            assert_right(index, truth)
            contribute(truth, pattern(200))
            found = index.search(Query({"n100": 1.0, "n200": 1.0}), 5)
            assert len(found) == 2
            index.close()
            status = 0
        os._exit(status)
    contribute(truth, pattern(100))
    os.write(done, b"!")
    assert os.waitpid(pid, 0)[1] == 0
    assert len(index.search(Query({"n100": 1.0, "n200": 1.0}), 5)) == 2
    settle(index)
    assert_right(index, truth)
    os.close(go_on)
    os.close(done)


def test_forks_in_the_middle_of_anything(truth, index):
    """Another thread searches and contributes, a third carries: nobody waits for ever, all find all."""
    is_over = threading.Event()

    def works():
        for number in range(0, 10_000, 5):
            contribute(truth, *(pattern(each) for each in range(number, number + 5)))
            index.search(Query({"lock": 1.0}), 3)
            if is_over.is_set():
                break

    thread = threading.Thread(target=works)
    contribute(truth, pattern(10_000))
    thread.start()
    for _ in range(10):
        pid = os.fork()
        if not pid:
            status = 1
            with contextlib.suppress(BaseException):
                there = {change.number for change in truth.changes(0, 10**6)}
                assert there <= {hit.number for hit in index.search(Query({}), 10**6)}
                status = 0
            os._exit(status)
        assert os.waitpid(pid, 0)[1] == 0
    is_over.set()
    thread.join()
    settle(index)
    assert_right(index, truth)


def test_a_process_that_just_ends_is_not_held_up_by_its_thread(truth, path):
    """Nor does it crash: the thread is told to stop, and what it has done is kept."""
    contribute(truth, *(pattern(number) for number in range(2000)))
    script = BUILDER.partition("index = ")[0] + (
        "from quarterdeck.patterns.search.terms import Query\n"
        "index = SearchIndex(Truth(path, half_life_s=1e6), path + '.index', document_of, near_limit=10)\n"
        "print(len(index.search(Query({}), 5000)))\n"
    )
    ended = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "2000\n", "")
    with contextlib.closing(SearchIndex(truth, path + ".index", document_of)) as index:
        assert isinstance(index.statistics(), Far)
        assert_right(index, truth)
