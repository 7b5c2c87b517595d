"""Logs: items in the order of their scores, each with a number of its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from quarterdeck.memory import names
from quarterdeck.testing.memory.given import HOSTILE_KEYS, Given, log

if TYPE_CHECKING:
    from collections.abc import Callable

    from quarterdeck.memory.backend import Backend, Item

FAR = 2**53 - 1
"""The largest score: whole numbers up to it are exact in every store, and no time is as late."""


def data_of(items: list[Item]) -> list[bytes]:
    """What the items hold."""
    return [item.data for item in items]


class LogsContract(Given):
    """add, items, take, claim, move, remove, count, logs, drop."""

    def test_items_come_back_with_their_numbers(self, backend: Backend, other: Backend, space: str) -> None:
        """Without a score, each one's score is its number, and the numbers ascend."""
        data = [b"a", b"", b"\x00\xff\r\n", b"a", b"x" * 100_000]
        ids = backend.add(log(space), data)
        assert len(ids) == len(data)
        assert ids == sorted(set(ids))
        found = other.items(log(space))
        assert [tuple(item) for item in found] == list(zip(ids, ids, data, strict=True))

    def test_numbers_only_ascend(self, backend: Backend, other: Backend, space: str) -> None:
        """In the whole space, whoever adds, and also when logs are emptied, dropped and opened anew."""
        a, b = log(space, "a"), log(space, "b")
        ids = backend.add(a, [b"1", b"2"]) + other.add(b, [b"3"]) + backend.add(a, [b"4"])
        other.take(a, limit=9)
        ids += other.add(a, [b"5"])
        backend.drop([a, b])
        ids += backend.add(b, [b"6"])
        backend.remove(b, ids)
        backend.close()
        ids += backend.add(a, [b"7"], score=-5) + other.add(a, [b"8"], keep=1)
        assert ids == sorted(set(ids))

    def test_numbers_are_unique_among_threads(self, backend: Backend, other: Backend, space: str) -> None:
        """Nobody's item takes another's number, and nothing is lost."""
        handles = [backend, other, backend, other]

        def add(number: int) -> list[int]:
            mine = [
                each
                for round_ in range(15)
                for each in handles[number].add(log(space), [b"%d" % round_, b"x"])
            ]
            assert mine == sorted(mine)
            return mine

        with ThreadPoolExecutor(len(handles)) as pool:
            ids = [each for mine in pool.map(add, range(len(handles))) for each in mine]
        assert len(ids) == len(set(ids)) == backend.count(log(space)) == 120
        assert [item.id for item in backend.items(log(space))] == sorted(ids)

    def test_adding_nothing_is_nothing(self, backend: Backend, space: str) -> None:
        """No items, no numbers, no log."""
        assert backend.add(log(space), []) == []
        assert backend.logs(log(space, "")) == []

    def test_items_lie_by_score_and_ties_by_number(self, backend: Backend, space: str) -> None:
        """Also when the numbers get another digit on the way."""
        name = log(space)
        for score in (5, -3, 5, 0, FAR, -FAR):
            backend.add(name, [b"%d" % score] * 40, score=score)
        found = backend.items(name)
        assert found == sorted(found, key=lambda item: (item.score, item.id))
        assert [item.score for item in found] == [
            score for score in (-FAR, -3, 0, 5, 5, FAR) for _ in range(40)
        ]
        assert backend.items(name, newest_first=True) == found[::-1]

    def test_ranges_are_inclusive(self, backend: Backend, space: str) -> None:
        """From low to high, both counted; an open end is open."""
        name = log(space)
        for score in (10, 20, 30, 40):
            backend.add(name, [b"%d" % score], score=score)
        assert data_of(backend.items(name, low=20, high=30)) == [b"20", b"30"]
        assert data_of(backend.items(name, low=21)) == [b"30", b"40"]
        assert data_of(backend.items(name, high=10)) == [b"10"]
        assert data_of(backend.items(name, low=31, high=39)) == []
        assert data_of(backend.items(name, low=40, high=10)) == []
        assert data_of(backend.items(name, limit=2)) == [b"10", b"20"]
        assert data_of(backend.items(name, limit=2, newest_first=True)) == [b"40", b"30"]
        assert data_of(backend.items(name, low=10, high=30, limit=1, newest_first=True)) == [b"30"]
        assert backend.count(name) == 4
        assert backend.count(name, low=20) == 3
        assert backend.count(name, high=20) == 2
        assert backend.count(name, low=20, high=20) == 1
        assert backend.count(name, low=FAR) == 0

    def test_a_log_that_is_not_there_is_empty(self, backend: Backend, space: str) -> None:
        """Nothing done with it is an error."""
        name = log(space)
        assert backend.items(name) == backend.take(name) == backend.claim(name, high=FAR, score=1) == []
        assert backend.count(name) == backend.remove(name, [1, 2]) == backend.drop([name]) == 0
        assert backend.remove(name, []) == backend.drop([]) == 0

    def test_no_more_is_kept_than_asked(self, backend: Backend, space: str) -> None:
        """The lowest scores go first, of equal ones the oldest; new items are no exception."""
        name = log(space)
        assert len(backend.add(name, [b"1", b"2", b"3", b"4", b"5"], keep=3)) == 5
        assert data_of(backend.items(name)) == [b"3", b"4", b"5"]
        backend.add(name, [b"lowest"], score=-1, keep=3)
        assert data_of(backend.items(name)) == [b"3", b"4", b"5"]
        backend.add(name, [b"a", b"b", b"c"], score=FAR, keep=2)
        assert data_of(backend.items(name)) == [b"b", b"c"]
        backend.add(name, [b"d"], score=FAR)
        assert backend.count(name) == 3

    def test_an_item_lives_as_long_as_it_was_given(
        self, backend: Backend, other: Backend, space: str, pass_time: Callable[[float], None]
    ) -> None:
        """Neither another item's shorter time nor the end of one takes it along."""
        for_ever, long = log(space, "for ever"), log(space, "long")
        backend.add(for_ever, [b"brief"], ttl_ms=50)
        other.add(for_ever, [b"for ever"])
        backend.add(long, [b"long"], ttl_ms=60_000)
        other.add(long, [b"brief"], ttl_ms=50)
        assert backend.count(long) >= 1
        pass_time(0.06 + self.inexact_s)
        backend.add(long, [b"new"])
        backend.add(for_ever, [b"new"], ttl_ms=60_000)
        assert [data for data in data_of(other.items(long)) if data != b"brief"] == [b"long", b"new"]
        assert [data for data in data_of(other.items(for_ever)) if data != b"brief"] == [b"for ever", b"new"]

    # Taking and claiming

    def test_taking_removes_the_first(self, backend: Backend, other: Backend, space: str) -> None:
        """By score, and not beyond the highest that is asked for."""
        name = log(space)
        for score in (30, 10, 20):
            backend.add(name, [b"%d" % score], score=score)
        assert data_of(other.take(name, high=9)) == []
        assert data_of(other.take(name, high=20, limit=9)) == [b"10", b"20"]
        [last] = backend.take(name)
        assert (last.score, last.data) == (30, b"30")
        assert backend.count(name) == 0

    def test_each_item_goes_to_one_taker(self, backend: Backend, other: Backend, space: str) -> None:
        """Four take at once: together they have everything, nothing twice, each in order."""
        name = log(space)
        ids = backend.add(name, [b"%d" % number for number in range(120)])
        handles = [backend, other, backend, other]

        def take(handle: Backend) -> list[int]:
            mine = []
            while taken := handle.take(name, limit=3):
                mine += [item.id for item in taken]
            assert mine == sorted(mine)
            return mine

        with ThreadPoolExecutor(len(handles)) as pool:
            taken = [each for mine in pool.map(take, handles) for each in mine]
        assert sorted(taken) == ids

    def test_claiming_gives_a_new_score(self, backend: Backend, other: Backend, space: str) -> None:
        """The items stay, with their numbers and data, and are not claimed again below that score."""
        name = log(space)
        ids = [
            backend.add(name, [data], score=score)[0] for score, data in ((10, b"a"), (20, b"b"), (30, b"c"))
        ]
        claimed = other.claim(name, high=20, score=100, limit=9)
        assert [tuple(item) for item in claimed] == [(ids[0], 100, b"a"), (ids[1], 100, b"b")]
        assert other.claim(name, high=20, score=100) == []
        assert [tuple(item) for item in backend.items(name)] == [(ids[2], 30, b"c"), *map(tuple, claimed)]
        assert data_of(backend.claim(name, high=200, score=5, limit=1)) == [b"c"]
        assert [(item.score, item.data) for item in backend.items(name)] == [
            (5, b"c"),
            (100, b"a"),
            (100, b"b"),
        ]

    def test_each_item_is_claimed_by_one(self, backend: Backend, other: Backend, space: str) -> None:
        """Four claim at once: together they have everything, and nothing twice."""
        name = log(space)
        ids = backend.add(name, [b""] * 120, score=1)
        handles = [backend, other, backend, other]

        def claim(number: int) -> list[int]:
            mine = []
            while claimed := handles[number].claim(name, high=1, score=100 + number, limit=3):
                assert {item.score for item in claimed} == {100 + number}
                mine += [item.id for item in claimed]
            return mine

        with ThreadPoolExecutor(len(handles)) as pool:
            claims = list(pool.map(claim, range(len(handles))))
        assert sorted(each for mine in claims for each in mine) == ids
        scores = {item.id: item.score for item in backend.items(name)}
        assert scores == {each: 100 + number for number, mine in enumerate(claims) for each in mine}

    def test_removing_by_number(self, backend: Backend, other: Backend, space: str) -> None:
        """Numbers that are not in this log, or are named twice, are not counted."""
        a, b = log(space, "a"), log(space, "b")
        ids = backend.add(a, [b"1", b"2", b"3"])
        [foreign] = backend.add(b, [b"4"])
        assert other.remove(a, [ids[0], foreign, ids[2], ids[0], 10**9]) == 2
        assert [item.id for item in backend.items(a)] == [ids[1]]
        assert backend.count(b) == 1

    def test_removing_only_what_has_its_score_still(
        self, backend: Backend, other: Backend, space: str
    ) -> None:
        """Whoever has lost a claim to another cannot remove what that one holds now."""
        name = log(space)
        one, two = backend.add(name, [b"1", b"2"], score=1)
        backend.claim(name, high=1, score=50, limit=2)
        other.claim(name, high=50, score=60, limit=1)
        assert backend.remove(name, [one, two], score=50) == 1
        assert [(item.id, item.score) for item in backend.items(name)] == [(one, 60)]
        assert other.remove(name, [one], score=60) == 1
        assert backend.count(name) == 0

    def test_moving_gives_a_new_score_by_number(self, backend: Backend, other: Backend, space: str) -> None:
        """The items keep number and data; numbers not in this log, or named twice, are not counted."""
        a, b = log(space, "a"), log(space, "b")
        one, two, three = backend.add(a, [b"1", b"2", b"3"], score=10)
        [foreign] = backend.add(b, [b"4"], score=10)
        assert other.move(a, [three, foreign, one, three, 10**9], score=-5) == 2
        assert [tuple(item) for item in backend.items(a)] == [
            (one, -5, b"1"),
            (three, -5, b"3"),
            (two, 10, b"2"),
        ]
        assert [tuple(item) for item in backend.items(b)] == [(foreign, 10, b"4")]
        assert backend.move(a, [], score=1) == backend.move(log(space, "none"), [one], score=1) == 0
        assert backend.logs(log(space, "")) == [a, b]

    def test_moving_only_what_has_its_score_still(self, backend: Backend, other: Backend, space: str) -> None:
        """Of several that move an item from one score, one does; also to the score it has."""
        name = log(space)
        one, two = backend.add(name, [b"1", b"2"], score=50)
        other.claim(name, high=50, score=60, limit=1)
        assert backend.move(name, [one, two], score=70, was=50) == 1
        assert [(item.id, item.score) for item in backend.items(name)] == [(one, 60), (two, 70)]
        assert other.move(name, [one], score=60, was=60) == 1
        handles = [backend, other, backend, other]
        with ThreadPoolExecutor(len(handles)) as pool:
            moved = list(
                pool.map(lambda number: handles[number].move(name, [one], score=number, was=60), range(4))
            )
        assert sorted(moved) == [0, 0, 0, 1]
        assert backend.items(name)[0].score == moved.index(1)

    # Logs

    def test_logs_that_have_an_item_are_named(self, backend: Backend, other: Backend, namespace: str) -> None:
        """Sorted; a prefix is text, and an emptied log is gone."""
        here, beside = names.space(namespace, "a"), names.space(namespace, "ab")
        keys = ["b", "a", "a*", "ab", "A", "emptied", "dropped"]
        for name in [log(here, key) for key in keys] + [log(beside, "a"), names.named(here, "logs", "a")]:
            backend.add(name, [b"1"])
        other.take(log(here, "emptied"))
        assert log(here, "emptied") not in backend.logs(log(here, ""))
        assert other.drop([log(here, "dropped"), log(here, "emptied"), log(here, "never")]) == 1
        backend.put(names.named(here, "log", "an entry"), b"1")
        for prefix, found in {
            "": ["A", "a", "a*", "ab", "b"],
            "a": ["a", "a*", "ab"],
            "a*": ["a*"],
            "x": [],
        }.items():
            assert other.logs(log(here, prefix)) == [log(here, key) for key in found]
        assert backend.items(log(here, "dropped")) == []

    def test_hostile_names_of_logs_are_just_names(self, backend: Backend, other: Backend, space: str) -> None:
        """No name reaches another log."""
        found = {log(space, key): key.encode() for key in HOSTILE_KEYS}
        for name, data in found.items():
            backend.add(name, [data])
        assert other.logs(log(space, "")) == sorted(found)
        for name, data in found.items():
            assert data_of(other.items(name)) == [data]
        gone, *rest = found
        assert other.drop([gone, gone]) == 1
        assert backend.logs(log(space, "")) == sorted(rest)
        assert other.drop(rest) == len(rest)
        assert backend.logs(log(space, "")) == []

    def test_logs_and_entries_do_not_meet(self, backend: Backend, space: str) -> None:
        """Neither is told among the other's names, and dropping one leaves the other."""
        one, two = names.named(space, "a", "key"), names.named(space, "b", "key")
        backend.put(one, b"1")
        backend.add(two, [b"2"])
        assert backend.logs(names.named(space, "a")) == []
        assert list(backend.listing(names.named(space, "b"))) == []
        assert backend.drop([two]) == 1
        assert backend.get(one).data == b"1"
        backend.add(two, [b"3"])
        assert backend.delete([one]) == 1
        assert data_of(backend.items(two)) == [b"3"]
