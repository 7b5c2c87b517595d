"""The index over near and far: always up to date, whatever happens to its folder and to the truth."""

from __future__ import annotations

import gc
import os
import shutil
import stat
import threading
from pathlib import Path

import pytest

from quarterdeck import forks
from quarterdeck.errors import StateError, StoreBusy
from quarterdeck.patterns import features
from quarterdeck.patterns.search import index as index_module
from quarterdeck.patterns.search import near as near_module
from quarterdeck.patterns.search.far import Far
from quarterdeck.patterns.search.far_reader import IndexReader
from quarterdeck.patterns.search.index import SearchIndex
from quarterdeck.patterns.search.terms import Hit, Query
from tests.memory_worlds import Clock
from tests.search_worlds import DocumentTruth, assert_exact, document, document_of

ALL = Query({})
QUERY = Query({"a": 1.0, "even": 1.0, "third": 2.0}, (("a",),))


def words(number):
    return "a" + " even" * (number % 2 == 0) + " third" * (number % 3 == 0) + " x" * (number % 5)


@pytest.fixture
def truth():
    return DocumentTruth(document(number, words(number)) for number in range(30))


@pytest.fixture
def folder(tmp_path):
    return str(tmp_path / "index")


@pytest.fixture
def opened(truth, folder):
    """``opened(near_limit=…)``: another index of the same truth; all are closed in the end."""
    made = []

    def opened(folder=folder, **limits):
        limits = {"near_limit": 10, "delta_limit": 5} | limits
        made.append(SearchIndex(truth, folder, document_of, **limits))
        return made[-1]

    yield opened
    for index in made:
        index.close()


@pytest.fixture
def grown(opened):
    """One that has all of the truth in far, and nothing in near."""
    index = opened()
    index.search(ALL, 1)
    settle(index)
    index.search(ALL, 1)
    assert is_far(index)
    assert len(index._near) == 0
    return index


def settle(index):
    """Wait until the background has come to an end."""
    if index._carrier._thread:
        index._carrier._thread.join()


def is_far(index):
    return isinstance(index.statistics(), Far)


def in_how_many(feature, folder):
    """Documents that have it, also deleted ones, of all that is in that folder."""
    indexes = [each.parent for each in Path(folder).rglob("meta.json")]
    return sum(IndexReader.open(str(each)).frequency(feature) for each in indexes)


def assert_right(index, truth):
    """It finds what is in the truth, in the right order."""
    documents = list(truth.live().values())
    for query in (QUERY, Query({"x": 1.0}), ALL):
        assert_exact(index, documents, query, 7)


class TestSmall:
    def test_a_small_library_has_no_folder(self, opened, truth, folder):
        """Up to the limit everything is searched in this process."""
        index = opened(near_limit=30)
        assert_right(index, truth)
        settle(index)
        assert not os.path.exists(folder)

    def test_a_library_in_memory_has_no_far_whatever_its_size(self, opened, truth):
        """There is nowhere to put it."""
        index = opened(None)
        assert_right(index, truth)
        index.rebuild()
        assert_right(index, truth)
        assert not is_far(index)

    def test_an_empty_one_has_nothing(self, opened, truth):
        """And something as soon as something is there."""
        truth.latest.clear()
        index = opened()
        assert index.search(QUERY, 5) == []
        truth.put(document(50, "a"))
        assert [hit.number for hit in index.search(QUERY, 5)] == [50]


class TestSync:
    def test_it_costs_a_stamp_when_nothing_has_changed(self, opened, truth):
        """The truth is not read again."""
        index = opened(near_limit=100)
        index.search(QUERY, 5)
        reads = truth.reads
        index.search(QUERY, 5)
        assert index.statistics().documents == 30
        assert truth.reads == reads

    @pytest.mark.parametrize("start", ["opened", "grown"])
    def test_all_that_changes_is_found_at_once(self, request, truth, start):
        """What comes, what is changed, and what goes; also when it is in far."""
        index = request.getfixturevalue(start)
        index = index if start == "grown" else index(near_limit=100)
        truth.put(document(100, "a fresh"))
        truth.put(document(6, "a changed"))
        truth.remove(12)
        assert {hit.number for hit in index.search(Query({"fresh": 1.0, "changed": 1.0}), 5)} == {6, 100}
        assert {hit.number for hit in index.search(Query({"even": 1.0}), 50)} == set(range(0, 30, 2)) - {
            6,
            12,
        }
        assert index._revision == truth.revision()
        assert_right(index, truth)
        truth.remove(100)
        truth.put(document(12, words(12)))
        assert_right(index, truth)

    def test_an_interrupt_leaves_nothing_half_done(self, opened, truth, monkeypatch):
        """Control-C may come in the middle of a document."""
        index = opened(near_limit=100)
        put, calls = near_module._Postings.put, iter(range(1000))

        def interrupted(postings, number, posting):
            if next(calls) == 34:
                raise KeyboardInterrupt
            put(postings, number, posting)

        monkeypatch.setattr(near_module._Postings, "put", interrupted)
        with pytest.raises(KeyboardInterrupt):
            index.search(ALL, 1)
        assert_right(index, truth)

    def test_another_truth_in_the_place_of_this_one_is_noticed(self, grown, truth):
        """The file was deleted or replaced: nothing of the old one is found, whatever far says."""
        other = DocumentTruth([document(3, "a even")])
        truth.name, truth.eras, truth.newest, truth.latest = (
            "second",
            {0: "second"},
            other.newest,
            other.latest,
        )
        assert [hit.number for hit in grown.search(ALL, 5)] == [3]
        assert_right(grown, truth)


class TestFar:
    def test_it_is_made_in_the_background(self, opened, truth):
        """The query that finds that there are too many for near is answered from near."""
        index = opened()
        assert_right(index, truth)
        settle(index)
        assert_right(index, truth)
        assert is_far(index)
        assert len(index._near) == 0
        assert index.problem is None

    def test_nobody_else_may_read_its_files(self, opened, truth, folder):
        """Whatever the umask."""
        before = os.umask(0)
        try:
            index = opened()
            for number in range(30, 60, 6):
                assert_right(index, truth)
                settle(index)
                for each in range(number, number + 6):
                    truth.put(document(each, words(each)))
        finally:
            os.umask(before)
        modes = {stat.S_IMODE(each.stat().st_mode) for each in Path(folder).rglob("*") if each.is_file()}
        assert is_far(index)
        assert modes == {0o600}

    def test_others_find_it(self, grown, opened, truth):
        """A second process reads it instead of everything."""
        second = opened()
        assert_right(second, truth)
        assert is_far(second)
        assert len(second._near) == 0

    def test_it_is_given_what_has_changed_when_that_is_much(self, grown, truth):
        """Little is kept near; both together answer meanwhile."""
        for number in range(40, 45):
            truth.put(document(number, words(number)))
        assert_right(grown, truth)
        assert grown._carrier._thread is None or not grown._carrier._thread.is_alive()
        assert len(grown._near) == 5
        truth.remove(3)
        truth.put(document(0, "a even even"))
        assert_right(grown, truth)
        settle(grown)
        assert_right(grown, truth)
        assert len(grown._near) == 0

    def test_it_is_kept_when_the_library_shrinks(self, grown, opened, truth):
        """It may soon grow again."""
        for number in range(25):
            truth.remove(number)
        settle(grown)
        assert_right(grown, truth)
        assert is_far(grown)
        second = opened()
        assert_right(second, truth)
        assert is_far(second)

    def test_a_large_backlog_is_taken_to_it_first(self, opened, truth, monkeypatch):
        """So that memory is bounded."""
        monkeypatch.setattr(index_module, "MOST_NEAR", 20)
        index = opened()
        assert_right(index, truth)
        assert is_far(index)
        assert len(index._near) == 0
        assert index._carrier.rounds == 0

    def test_revisions_without_patterns_are_no_backlog(self, opened, truth, monkeypatch):
        """A small library that changes often stays near."""
        monkeypatch.setattr(index_module, "MOST_NEAR", 35)
        for _ in range(50):
            truth.put(document(0, words(0)))
        index = opened(near_limit=100)
        assert_right(index, truth)
        assert not is_far(index)

    def test_while_somebody_else_makes_it_we_wait(self, opened, truth, folder, monkeypatch):
        """Of a large backlog; a small one is searched near. In the end the waiting has an end."""
        clock = Clock()
        monkeypatch.setattr(index_module, "_PAUSES_S", (0.0, 0.0))
        index = opened(clock=lambda: clock.pass_time(100) or clock())
        writer = Far(folder, truth.identity(), features.VERSION).write()
        assert writer
        with writer:
            assert_right(index, truth)
            settle(index)
            assert not is_far(index)
            assert index.problem is None
            monkeypatch.setattr(index_module, "MOST_NEAR", 20)
            with pytest.raises(StoreBusy, match="another process has been writing"):
                opened(clock=lambda: clock.pass_time(100) or clock()).search(ALL, 5)
        assert_right(index, truth)


class TestMishaps:
    @pytest.mark.parametrize("what", ["folder", "manifest"])
    def test_a_deleted_index_is_made_again(self, grown, truth, folder, what):
        """Nothing but time is lost."""
        if what == "folder":
            shutil.rmtree(folder)
        else:
            os.unlink(os.path.join(folder, "manifest.json"))
        truth.put(document(77, "a even"))
        assert_right(grown, truth)
        settle(grown)
        assert_right(grown, truth)
        assert is_far(grown)

    def test_an_index_of_another_analysis_is_made_again(self, grown, opened, truth, monkeypatch):
        """Its features would not be those that queries have."""
        monkeypatch.setattr(features, "VERSION", "another")
        second = opened()
        assert_right(second, truth)
        assert len(second._near) == 30
        settle(second)
        assert_right(second, truth)
        assert is_far(second)

    def test_an_index_that_is_ahead_of_the_truth_is_made_again(self, grown, opened, truth):
        """A backup of the truth has been restored; it would find what is not there."""
        backup = truth.newest, dict(truth.latest)
        for number in range(10):
            truth.put(document(number, "a never"))
        grown.search(ALL, 1)
        settle(grown)
        truth.go_back(*backup)
        second = opened()
        for index in (grown, second):
            assert_right(index, truth)
            settle(index)
        truth.put(document(90, "a even"))
        for index in (grown, second):
            assert_right(index, truth)
            assert is_far(index)
            assert index.search(Query({"never": 1.0}), 5) == []

    @pytest.mark.parametrize("near_limit", [10, 100], ids=["far", "near"])
    @pytest.mark.parametrize("is_far_newest", [True, False])
    def test_a_truth_that_went_back_and_on_is_noticed(self, opened, truth, near_limit, is_far_newest):
        """A power cut, or a restored backup: the same revisions are given out again, for something else."""
        index = opened(near_limit=near_limit)
        for number in range(30, 40):
            truth.put(document(number, words(number)))
            if number == 34:
                backup = truth.newest, dict(truth.latest)
        for number in range(10 if is_far_newest else 2):
            truth.put(document(number, "a lost"))
        index.search(ALL, 1)
        settle(index)
        index.search(ALL, 1)
        truth.go_back(*backup)
        for number in range(20, 40):
            truth.put(document(number, "a kept"))
        for each in (index, opened(near_limit=near_limit)):
            assert_right(each, truth)
            settle(each)
            assert_right(each, truth)
            assert each.search(Query({"lost": 1.0}), 5) == []
            assert len(each.search(Query({"kept": 1.0}), 50)) == 20
            assert is_far(each) == (near_limit == 10)

    def test_a_truth_that_goes_back_while_far_is_made_is_noticed(self, opened, truth, monkeypatch):
        """What was taken there by then may be lost: it is made anew."""
        monkeypatch.setattr(index_module, "MOST_NEAR", 20)
        monkeypatch.setattr("quarterdeck.patterns.search.carrying.CHUNK", 10)
        monkeypatch.setattr(index_module, "_PAUSES_S", (0.0, 0.0))
        early = {number: change for number, change in truth.latest.items() if change.revision <= 5}
        changes = truth.changes

        def going_back(after, at_most):
            if after == 20:
                monkeypatch.setattr(truth, "changes", changes)
                truth.go_back(5, early)
                for number in range(40, 70):
                    truth.put(document(number, "a kept"))
            return changes(after, at_most)

        monkeypatch.setattr(truth, "changes", going_back)
        index = opened()
        index.search(ALL, 1)
        assert_right(index, truth)
        assert len(truth.live()) == index.statistics().documents == 35

    def test_damage_found_while_searching_costs_no_answer(self, grown, truth, monkeypatch):
        """The question is answered without far, which is made again."""
        search = Far.search

        def damaged(far, *given, **named):
            monkeypatch.setattr(Far, "search", search)
            far._condemn(far._seen.manifest.generation)
            return []

        monkeypatch.setattr(Far, "search", damaged)
        assert_right(grown, truth)
        settle(grown)
        assert_right(grown, truth)
        assert is_far(grown)

    def test_a_folder_that_cannot_be_written_is_a_problem_but_no_error(self, opened, truth, folder):
        """Answers come from near; it is tried again after a while, not at once."""
        clock = Clock()
        with open(folder, "w") as file:
            file.write("in the way")
        index = opened(clock=clock)
        assert_right(index, truth)
        settle(index)
        assert isinstance(index.problem, StateError)
        rounds = index._carrier.rounds
        assert_right(index, truth)
        settle(index)
        assert index._carrier.rounds == rounds
        os.unlink(folder)
        clock.pass_time(60)
        truth.put(document(70, "a"))
        assert_right(index, truth)
        settle(index)
        assert index.problem is None
        assert_right(index, truth)
        assert is_far(index)

    def test_a_backlog_too_large_for_memory_needs_the_folder(self, opened, folder, monkeypatch):
        """The error says what is in the way."""
        monkeypatch.setattr(index_module, "MOST_NEAR", 20)
        with open(folder, "w") as file:
            file.write("in the way")
        with pytest.raises(StateError, match="index"):
            opened().search(ALL, 5)


class TestRebuild:
    def test_every_pattern_is_looked_at_once(self, truth, folder, monkeypatch):
        """Also by the first one, of a library that is too large to be searched near."""
        monkeypatch.setattr(index_module, "MOST_NEAR", 20)
        looked_at = []

        def noted(change):
            looked_at.append(change.number)
            return document_of(change)

        index = SearchIndex(truth, folder, noted, near_limit=10)
        index.rebuild()
        index.close()
        assert sorted(looked_at) == list(range(30))

    def test_it_tells_how_far_it_is(self, grown, truth):
        """From nothing to everything; deleted patterns have left changes, too."""
        truth.remove(7)
        told = []
        grown.rebuild(lambda done, total: told.append((done, total)))
        assert told == [(30, 30)]
        assert_right(grown, truth)
        assert is_far(grown)
        assert grown.statistics().documents == 29

    def test_others_search_meanwhile(self, grown, truth):
        """Also what comes while it is made; that is not lost when it is done."""
        found: list[Hit] = []

        def progress(done, total):
            if not found:
                truth.put(document(200, "a fresh"))
            other = threading.Thread(target=lambda: found.extend(grown.search(Query({"fresh": 1.0}), 5)))
            other.start()
            other.join(20)
            assert not other.is_alive()

        grown.rebuild(progress)
        assert [hit.number for hit in found] == [200, 200]
        assert_right(grown, truth)
        assert is_far(grown)

    def test_of_what_was_deleted_nothing_is_left(self, grown, truth, folder):
        """No matter how little is left: a library that was reset, for example."""
        assert in_how_many("third", folder) == 10
        truth.name, truth.eras = "reset", {0: "reset"}
        for number in list(truth.live()):
            truth.remove(number)
        grown.rebuild()
        assert in_how_many("third", folder) == 0
        assert_right(grown, truth)

    def test_a_small_library_has_nothing_to_build(self, opened, truth, folder):
        """It reads the truth again, that is all."""
        index = opened(near_limit=50)
        index.rebuild()
        assert_right(index, truth)
        assert not os.path.exists(folder)


class TestClose:
    def test_a_closed_index_begins_anew(self, grown, truth):
        """The next use opens what it needs."""
        grown.close()
        grown.close()
        assert_right(grown, truth)
        assert is_far(grown)

    def test_who_lets_go_of_it_waits_for_nothing(self, truth, folder):
        """A collector of garbage runs in any thread, whatever locks that holds; the thread ends soon."""
        index = SearchIndex(truth, folder, document_of, near_limit=10)
        with forks._fork:
            index.search(ALL, 1)
            carrier = index._carrier
            del index
            gc.collect()
            thread = carrier._thread
            assert carrier._stop.is_set()
            assert thread
            assert thread.is_alive()
        thread.join()

    def test_its_thread_has_ended_then_and_kept_what_it_had(self, opened, truth, monkeypatch):
        """It goes on where it was when it is told to again."""
        monkeypatch.setattr("quarterdeck.patterns.search.carrying.CHUNK", 10)
        index = opened()
        index._carrier._stop.set()
        monkeypatch.setattr(index._carrier._stop, "clear", lambda: None)
        index.search(ALL, 5)
        index.close()
        assert not index._carrier._thread.is_alive()
        second = opened(delta_limit=50)
        assert_right(second, truth)
        assert is_far(second)
        assert len(second._near) == 20
