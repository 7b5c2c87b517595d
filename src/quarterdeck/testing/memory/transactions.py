"""Transactions: entries of one space change together, or not at all."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from quarterdeck.errors import UsageError
from quarterdeck.memory import names
from quarterdeck.memory.backend import KEEP, Put
from quarterdeck.testing.memory.given import HOSTILE_KEYS, Given, entry

if TYPE_CHECKING:
    from collections.abc import Callable

    from quarterdeck.memory.backend import Backend


class TransactionsContract(Given):
    """transact."""

    def test_checks_that_hold_let_it_happen(self, backend: Backend, other: Backend, space: str) -> None:
        """Puts and deletes happen together."""
        checked, put, deleted = (entry(space, key) for key in ("checked", "put", "deleted"))
        backend.put_many([Put(checked, b"1"), Put(deleted, b"2")])
        assert backend.transact({checked: b"1", put: None}, [Put(put, b"3")], [deleted]) is True
        assert [each.data for each in other.get_many([checked, put, deleted])] == [b"1", b"3", None]

    @pytest.mark.parametrize("wrong", [b"", b"11", b"1\x00", b"0", None], ids=repr)
    def test_a_check_that_fails_leaves_everything(
        self, backend: Backend, other: Backend, space: str, wrong: bytes | None
    ) -> None:
        """One wrong byte in one check, and nothing has happened."""
        good, checked, put, deleted = (entry(space, key) for key in ("good", "checked", "put", "deleted"))
        backend.put_many([Put(good, b"1"), Put(checked, b"1"), Put(deleted, b"2", 60_000)])
        checks = {good: b"1", checked: wrong}
        assert backend.transact(checks, [Put(put, b"3"), Put(good, b"9")], [deleted]) is False
        assert [each.data for each in other.get_many([good, checked, put, deleted])] == [
            b"1",
            b"1",
            None,
            b"2",
        ]
        assert other.get(deleted).deadline is not None

    def test_an_absent_entry_is_not_an_empty_one(self, backend: Backend, space: str) -> None:
        """None checks that there is no entry; no bytes are bytes, too."""
        name = entry(space)
        assert not backend.transact({name: b""}, [Put(name, b"1")])
        assert backend.transact({name: None}, [Put(name, b"")])
        assert not backend.transact({name: None}, [Put(name, b"2")])
        assert backend.transact({name: b""}, [Put(name, b"3")])
        assert backend.get(name).data == b"3"

    def test_without_checks_it_always_happens(self, backend: Backend, space: str) -> None:
        """Also when there is nothing to do, or an entry to be removed is not there."""
        name = entry(space)
        assert backend.transact({}) is True
        assert backend.transact({}, [Put(name, b"1")], [entry(space, "absent")]) is True
        assert backend.get(name).data == b"1"
        assert backend.transact({}, (), [name]) is True
        assert backend.get(name).data is None

    def test_an_entry_that_has_ended_counts_as_absent(
        self, backend: Backend, other: Backend, space: str, pass_time: Callable[[float], None]
    ) -> None:
        """Its bytes match no check any more."""
        name = entry(space)
        backend.put(name, b"1", 50)
        pass_time(0.06 + self.inexact_s)
        assert not other.transact({name: b"1"}, [Put(name, b"2")])
        assert other.transact({name: None}, [Put(name, b"3")])
        assert backend.get(name)[:2] == (b"3", None)

    def test_puts_bring_their_time_and_checks_leave_it(
        self, backend: Backend, space: str, pass_time: Callable[[float], None]
    ) -> None:
        """An entry that is only checked ends when it was to end."""
        brief, checked, kept = (entry(space, key) for key in ("brief", "checked", "kept"))
        backend.put_many([Put(brief, b"1"), Put(checked, b"1", 400), Put(kept, b"1", 400)])
        before = backend.get(checked).deadline
        assert backend.transact(
            {brief: b"1", checked: b"1", kept: b"1"}, [Put(brief, b"2", 400), Put(kept, b"2")]
        )
        after = backend.get(checked).deadline
        assert before is not None
        assert after is not None
        assert abs(after - before) <= self.inexact_s
        assert backend.get(brief).deadline is not None
        pass_time(0.41 + self.inexact_s)
        assert [each.data for each in backend.get_many([brief, checked, kept])] == [None, None, b"2"]

    def test_an_entry_can_be_written_and_keep_its_end(
        self, backend: Backend, other: Backend, space: str, pass_time: Callable[[float], None]
    ) -> None:
        """However often; what has none, what is new and what has ended gets none."""
        brief, ever, new, ended = (entry(space, key) for key in ("brief", "ever", "new", "ended"))
        backend.put_many([Put(brief, b"0", 60_000), Put(ever, b"0"), Put(ended, b"0", 50)])
        before = backend.get(brief).deadline
        pass_time(0.06 + self.inexact_s)
        for number in range(1, 30):
            data = b"%d" % number
            assert backend.transact({brief: b"%d" % (number - 1)}, [Put(brief, data, KEEP)])
            other.put_many([Put(name, data, KEEP) for name in (ever, new, ended)])
        after = other.get(brief).deadline
        assert before is not None
        assert after is not None
        assert abs(after - before) <= self.inexact_s
        assert [each.deadline for each in backend.get_many([ever, new, ended])] == [None] * 3
        assert {each.data for each in backend.get_many([brief, ever, new, ended])} == {b"29"}
        assert backend.transact({}, [Put(brief, b"1"), Put(brief, b"2", KEEP)])
        assert other.get(brief)[:2] == (b"2", None)

    def test_hostile_names_change_together(self, backend: Backend, other: Backend, space: str) -> None:
        """No name means anything in a transaction."""
        all_names = [entry(space, key) for key in HOSTILE_KEYS]
        binary = bytes(range(256))
        assert backend.transact(dict.fromkeys(all_names), [Put(name, binary) for name in all_names])
        assert other.transact(dict.fromkeys(all_names, binary), (), all_names)
        assert {each.data for each in backend.get_many(all_names)} == {None}

    def test_hundreds_of_entries_change_together(self, backend: Backend, other: Backend, space: str) -> None:
        """No limit of a statement or a script shows."""
        puts = [Put(entry(space, str(number)), b"%d" % number) for number in range(1200)]
        assert backend.transact({put.name: None for put in puts}, puts)
        assert other.transact({put.name: put.data for put in puts}, (), [put.name for put in puts])
        assert list(backend.listing(entry(space, ""))) == []

    @pytest.mark.parametrize("part", ["checks", "puts", "deletes"])
    def test_all_names_are_of_one_space(self, backend: Backend, namespace: str, part: str) -> None:
        """Another agent's entry, or one of another bucket, cannot take part."""
        mine = entry(names.space(namespace, "a"))
        for foreign in (entry(names.space(namespace, "b")), entry(names.space(namespace, "a", 1))):
            backend.put_many([Put(foreign, b"1"), Put(mine, b"1")])
            checks: dict[str, bytes | None] = {mine: b"1"}
            puts, deletes = [Put(mine, b"2")], []
            if part == "checks":
                checks[foreign] = b"1"
            elif part == "puts":
                puts.append(Put(foreign, b"2"))
            else:
                deletes.append(foreign)
            with pytest.raises(UsageError):
                backend.transact(checks, puts, deletes)
            assert [each.data for each in backend.get_many([mine, foreign])] == [b"1", b"1"]

    def test_a_counter_loses_nothing(self, backend: Backend, other: Backend, space: str) -> None:
        """Threads on two handles compare and set; every success counts once."""
        name = entry(space)
        backend.put(name, b"0")
        each_adds = 15

        def add(handle: Backend) -> None:
            done = 0
            while done < each_adds:
                data = handle.get(name).data
                assert data is not None
                done += handle.transact({name: data}, [Put(name, b"%d" % (int(data) + 1))])

        handles = [backend, other, backend, other]
        with ThreadPoolExecutor(len(handles)) as pool:
            list(pool.map(add, handles))
        assert backend.get(name).data == b"%d" % (each_adds * len(handles))

    def test_one_of_many_who_want_to_be_first_is(self, backend: Backend, other: Backend, space: str) -> None:
        """Whoever checks for absence: exactly one finds it."""
        handles = [backend, other, backend, other]
        start = threading.Barrier(len(handles))

        def race(number: int) -> list[bool]:
            start.wait(self.patience_s)
            return [
                handles[number].transact({name: None}, [Put(name, b"%d" % number)])
                for name in (entry(space, f"{round_}") for round_ in range(20))
            ]

        with ThreadPoolExecutor(len(handles)) as pool:
            won = list(pool.map(race, range(len(handles))))
        for round_, results in enumerate(zip(*won, strict=True)):
            assert sum(results) == 1
            assert backend.get(entry(space, f"{round_}")).data == b"%d" % results.index(True)

    def test_everybody_sees_it_at_one_instant(self, backend: Backend, other: Backend, space: str) -> None:
        """Whoever sees one entry of a transaction sees the others of it, in any order of looking."""
        one, two = entry(space, "1"), entry(space, "2")
        backend.put_many([Put(one, b"0"), Put(two, b"0")])
        rounds = 60

        def write() -> None:
            for number in range(1, rounds + 1):
                data = b"%d" % number
                assert other.transact({}, [Put(one, data), Put(two, data)])

        def seen(name: str) -> int:
            data = backend.get(name).data
            assert data is not None
            return int(data)

        with ThreadPoolExecutor(1) as pool:
            writing = pool.submit(write)
            while not writing.done():
                assert seen(one) <= seen(two)
                assert seen(two) <= seen(one)
            writing.result()
        assert seen(one) == seen(two) == rounds
