"""Answers are given again until anybody writes, for a minute at most, and never beyond an expiry."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta

import pytest

from quarterdeck.patterns.answers import LIFE_S, MOST, Answers
from tests.library_worlds import Clock, ids, open_library, plain
from tests.truth_worlds import NOW

WRITE = """
import sys
from quarterdeck.patterns import Pattern, PatternLibrary
with PatternLibrary(sys.argv[1]) as library:
    library.contribute_pattern("cy", Pattern(id="c", agent_id="cy", pattern_type="temporal", name="sqlite"))
"""


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def library(tmp_path, clock):
    with open_library(tmp_path / "own.sqlite", clock) as library:
        library.contribute_many("ann", [plain(name, name="sqlite") for name in "ab"])
        yield library


@pytest.fixture
def asked(library):
    """How often the library has had to look."""
    looks: list[object] = []
    best = library._ranking.best

    def counting(question):
        looks.append(question)
        return best(question)

    library._ranking.best = counting
    return looks


QUESTIONS = {
    "words": lambda library: library.search("sqlite"),
    "a context": lambda library: library.query_patterns("ben", {"task": "sqlite"}),
    "filters": lambda library: library.search("", type="conditional", limit=5),
}


@pytest.mark.parametrize("ask", QUESTIONS.values(), ids=QUESTIONS)
class TestRemembered:
    def test_the_same_question_is_looked_up_once(self, library, asked, clock, ask):
        """For a minute, in which what decays hardly does."""
        first = ask(library)
        clock.advance(LIFE_S - 0.001)
        assert ask(library) == first
        assert len(asked) == 1
        clock.advance(0.001)
        assert ids(ask(library)) == ids(first)
        assert len(asked) == 2

    @pytest.mark.parametrize(
        "write",
        [
            lambda library: library.contribute_pattern("ann", plain("c", name="sqlite")),
            lambda library: library.update_pattern("a", description="new"),
            lambda library: library.delete_pattern("a"),
            lambda library: library.record_pattern_outcome("a", success=True),
            lambda library: library.link_patterns("a", "b", "supersedes"),
            lambda library: library.link_patterns("a", "b", "contradicts"),
            lambda library: library.reset(),
            lambda library: library.follow("log", "1", [plain("c", name="sqlite")]),
        ],
        ids=["contribute", "update", "delete", "outcome", "supersede", "contradict", "reset", "follow"],
    )
    def test_until_anything_is_written(self, library, asked, ask, write):
        """The second outcome of a pattern, too."""
        ask(library)
        for times in (2, 3):
            if times == 2 or write is not None:
                write(library) if times == 2 else library.contribute_pattern("x", plain("z", name="sqlite"))
            ask(library)
            assert len(asked) == times

    def test_until_another_process_writes(self, library, asked, ask):
        """Its pattern is in the next answer."""
        before = ids(ask(library))
        subprocess.run([sys.executable, "-c", WRITE, library.path], check=True)
        after = ids(ask(library))
        assert len(asked) == 2
        assert ("c" in after, "c" in before) == (len(after) == 3, False)

    def test_until_another_handle_of_the_same_process_writes(self, library, asked, ask, clock):
        """Each has a connection of its own."""
        ask(library)
        with open_library(library.path, clock) as other:
            other.record_pattern_outcome("b", success=True)
        assert ids(ask(library))[0] == "b"
        assert len(asked) == 2


def test_an_answer_is_not_given_beyond_the_expiry_of_what_is_in_it(library, asked, clock):
    """Also of a fraction of a second."""
    library.contribute_pattern("ann", plain("c", name="sqlite", expires_at=NOW + timedelta(seconds=1.5)))
    assert len(library.search("sqlite")) == 3
    clock.advance(1.499)
    assert len(library.search("sqlite")) == 3
    clock.advance(0.001)
    assert len(library.search("sqlite")) == 2
    assert len(asked) == 2


def test_what_is_retired_is_remembered_too(library, asked):
    """It does not end."""
    library.contribute_pattern("ann", plain("c", name="sqlite", expires_at=NOW))
    for _ in range(2):
        assert len(library.search("sqlite", retired=True)) == 3
    assert len(asked) == 1


def test_different_questions_are_not_mixed_up(library, asked):
    """Whatever differs."""
    for limit in (1, 2):
        assert len(library.search("sqlite", limit=limit)) == limit
    library.search("sqlite", retired=True)
    library.search("sqlite", explore=True)
    library.search("sqlite", min_confidence=0.4)
    library.search("sqlite", tags=["a"])
    library.search("sqlite", type="a")
    library.search("sqlite", lesson="do")
    library.query_patterns("ben", {"sqlite": 1})
    library.query_patterns("ben", {"sqlite": "1"})
    library.query_patterns("ben", {"sqlite": 1}, "temporal")
    assert len(asked) == 11


def test_a_forked_child_sees_what_either_of_the_two_writes(library):
    """The parent's answers are of the parent's file."""
    library.search("sqlite")
    pid = os.fork()
    if not pid:
        status = 1
        try:
            library.contribute_pattern("cy", plain("c", name="sqlite"))
            status = 0 if len(library.search("sqlite")) == 3 else 2
        finally:
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0
    assert len(library.search("sqlite")) == 3


class TestAnswers:
    def test_so_many_are_kept_and_the_oldest_go_first(self, clock):
        """The memory of a process that asks much is bounded."""
        answers = Answers(lambda: 1, clock)
        for key in range(MOST + 10):
            answers.keep(key, 1, float("inf"), ())
        assert answers.stats().size == MOST
        assert answers.get(9) is None
        assert answers.get(10) == []

    def test_an_answer_to_an_old_state_is_not_given(self, clock):
        """It was found, and then somebody wrote, before it was kept."""
        stamp = [1]
        answers = Answers(lambda: stamp[0], clock)
        stamp[0] = 2
        answers.keep("a", 1, float("inf"), ())
        assert answers.get("a") is None

    def test_hits_and_misses_are_counted(self, clock):
        """What it saves is known."""
        answers = Answers(lambda: 1, clock)
        answers.get("a")
        answers.keep("a", 1, float("inf"), ())
        answers.get("a")
        assert (answers.stats().hits, answers.stats().misses) == (1, 1)
        answers.forget()
        assert answers.get("a") is None
