"""Entries: bytes under a name, until their time is up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from quarterdeck.memory import names
from quarterdeck.memory.backend import Put
from quarterdeck.testing.memory.given import HOSTILE_KEYS, Given, entry

if TYPE_CHECKING:
    from collections.abc import Callable

    from quarterdeck.memory.backend import Backend

DATA = (b"1", b"", b"\x00", b"a\x00b\xff\r\n", bytes(range(256)), b"x" * 1_000_000)


class EntriesContract(Given):
    """get, get_many, put, put_many, delete, listing, and the end of an entry."""

    @pytest.mark.parametrize("data", DATA, ids=lambda data: f"{len(data)} bytes")
    def test_bytes_come_back_exactly(self, backend: Backend, other: Backend, space: str, data: bytes) -> None:
        """Whatever the bytes are, they come back as they were put, here and elsewhere."""
        name = entry(space)
        backend.put(name, data)
        assert backend.get(name).data == data
        assert other.get(name).data == data

    def test_a_name_that_was_never_put_has_nothing(self, backend: Backend, space: str) -> None:
        """No entry: no bytes and no deadline."""
        assert backend.get(entry(space))[:2] == (None, None)

    def test_a_later_put_replaces_the_entry(self, backend: Backend, other: Backend, space: str) -> None:
        """The last put counts, whoever made it."""
        name = entry(space)
        backend.put(name, b"1")
        other.put(name, b"2")
        assert backend.get(name).data == b"2"

    def test_every_hostile_name_is_just_a_name(self, backend: Backend, other: Backend, space: str) -> None:
        """No name reaches another entry, in any operation."""
        found = {entry(space, key): key.encode() for key in HOSTILE_KEYS}
        backend.put_many([Put(name, data) for name, data in found.items()])
        assert [each.data for each in other.get_many(list(found))] == list(found.values())
        for name, data in found.items():
            assert other.get(name).data == data
        assert [each.name for each in other.listing(entry(space, ""))] == sorted(found)
        while found:
            name, _ = found.popitem()
            assert backend.delete([name]) == 1
            assert [each.data for each in other.get_many([name, *found])] == [None, *found.values()]

    def test_agents_whose_names_look_alike_are_apart(self, backend: Backend, namespace: str) -> None:
        """Agent ``a:b`` with key ``c`` is not agent ``a`` with key ``b:c``."""
        pairs = [
            ("a:b", "c"),
            ("a", "b:c"),
            ("a%3Ab", "c"),
            ("*", "c"),
            ("", "c"),
            ("a.0", "c"),
            ("A", "b:c"),
        ]
        written = {
            entry(names.space(namespace, agent), key): f"{agent} {key}".encode() for agent, key in pairs
        }
        assert len(written) == len(pairs)
        backend.put_many([Put(name, data) for name, data in written.items()])
        assert [each.data for each in backend.get_many(list(written))] == list(written.values())
        for name in written:
            assert [each.name for each in backend.listing(entry(names.space_of(name), ""))] == [name]

    # Many at once

    def test_many_are_read_in_the_order_asked_for(self, backend: Backend, space: str) -> None:
        """Absent ones have their place, and one that is asked for twice comes twice."""
        one, two, absent = entry(space, "1"), entry(space, "2"), entry(space, "3")
        backend.put_many([Put(one, b"1"), Put(two, b"2")])
        found = backend.get_many([two, absent, one, two])
        assert [each.data for each in found] == [b"2", None, b"1", b"2"]

    def test_nothing_asked_is_nothing_done(self, backend: Backend) -> None:
        """Empty lists are no error."""
        assert backend.get_many([]) == []
        assert backend.delete([]) == 0
        backend.put_many([])

    def test_many_of_several_spaces(self, backend: Backend, other: Backend, namespace: str) -> None:
        """Reading, writing and removing many is not bound to one space."""
        spaces = [names.space(namespace, agent, bucket) for agent in ("a", "b", "") for bucket in (0, 1)]
        all_names = [entry(space) for space in spaces]
        backend.put_many([Put(name, name.encode()) for name in all_names])
        assert [each.data for each in other.get_many(all_names)] == [name.encode() for name in all_names]
        assert other.delete([*all_names, entry(spaces[0], "absent")]) == len(all_names)
        assert {each.data for each in backend.get_many(all_names)} == {None}

    def test_a_thousand_in_one_go(self, backend: Backend, other: Backend, space: str) -> None:
        """No limit of a statement or a pipeline shows."""
        puts = [Put(entry(space, f"{number:04}"), b"%d" % number) for number in range(1200)]
        backend.put_many(puts)
        all_names = [put.name for put in puts]
        assert [each.data for each in other.get_many(all_names)] == [put.data for put in puts]
        assert [each.name for each in other.listing(entry(space, ""))] == all_names
        assert other.delete(all_names) == len(puts)

    def test_of_two_puts_of_one_name_in_one_go_the_last_counts(self, backend: Backend, space: str) -> None:
        """Bytes and time to live are those of the last."""
        name = entry(space)
        backend.put_many([Put(name, b"1"), Put(name, b"2", 60_000)])
        assert backend.get(name).data == b"2"
        assert backend.get(name).deadline is not None
        backend.put_many([Put(name, b"3", 60_000), Put(name, b"4")])
        assert backend.get(name)[:2] == (b"4", None)

    def test_deleting_counts_what_was_there(self, backend: Backend, other: Backend, space: str) -> None:
        """Absent entries, and those named twice, are not counted."""
        one, two, absent = entry(space, "1"), entry(space, "2"), entry(space, "3")
        backend.put_many([Put(one, b""), Put(two, b"2")])
        assert other.delete([one, absent, two, one]) == 2
        assert backend.delete([one, two]) == 0
        assert backend.get(one).data is None

    # Time to live

    def test_an_entry_lives_to_its_last_millisecond_and_not_one_longer(
        self, backend: Backend, other: Backend, space: str, pass_time: Callable[[float], None]
    ) -> None:
        """Every way to read it agrees."""
        name = entry(space)
        earliest = backend.now() + 0.25 - self.inexact_s
        backend.put(name, b"1", 250)
        latest = backend.now() + 0.25 + self.inexact_s
        for step_s in (0.2, 0.049, 0.001, 0.02):
            pass_time(step_s)
            ways: tuple[Callable[[], bool], ...] = (
                lambda: other.get(name).data is not None,
                lambda: backend.get_many([name])[0].data is not None,
                lambda: bool(list(other.listing(name))),
                lambda: not backend.transact({name: None}),
                lambda: other.transact({name: b"1"}),
            )
            for is_there in ways:
                asked = backend.now()
                assert asked < latest if is_there() else backend.now() >= earliest

    def test_the_deadline_is_when_it_ends(self, backend: Backend, other: Backend, space: str) -> None:
        """On the clock of whoever reads it; an entry for ever has none."""
        name = entry(space)
        before = backend.now()
        backend.put(name, b"1", 1500)
        after = backend.now()
        [listed] = backend.listing(name)
        for deadline in (backend.get(name).deadline, backend.get_many([name])[0].deadline, listed.deadline):
            assert deadline is not None
            assert before + 1.5 - self.inexact_s <= deadline <= after + 1.5 + self.inexact_s
        left = other.get(name).deadline
        assert left is not None
        assert 0 < left - other.now() <= 1.5 + self.inexact_s
        backend.put(name, b"1")
        assert backend.get(name).deadline is None
        assert next(backend.listing(name)).deadline is None

    def test_the_longest_time_is_as_good_as_any(self, backend: Backend, space: str) -> None:
        """Ten years in milliseconds are more than 32 bits."""
        name = entry(space)
        ten_years_ms = 10 * 365 * 86_400_000
        backend.put(name, b"1", ten_years_ms)
        deadline = backend.get(name).deadline
        assert deadline is not None
        assert ten_years_ms / 1000 - 60 < deadline - backend.now() <= ten_years_ms / 1000 + self.inexact_s

    def test_a_new_put_brings_its_own_time(
        self, backend: Backend, other: Backend, space: str, pass_time: Callable[[float], None]
    ) -> None:
        """It may be longer, or for ever; that of before is forgotten."""
        longer, for_ever, shorter = (entry(space, key) for key in ("longer", "for ever", "shorter"))
        backend.put_many([Put(longer, b"1", 50), Put(for_ever, b"1", 50), Put(shorter, b"1")])
        other.put_many([Put(longer, b"2", 60_000), Put(for_ever, b"2"), Put(shorter, b"2", 50)])
        pass_time(0.06 + self.inexact_s)
        assert [each.data for each in backend.get_many([longer, for_ever, shorter])] == [b"2", b"2", None]

    def test_an_entry_that_has_ended_is_not_there_for_anybody(
        self, backend: Backend, other: Backend, space: str, pass_time: Callable[[float], None]
    ) -> None:
        """It is neither listed nor counted when deleted, also after the store was opened anew."""
        gone, kept = entry(space, "gone"), entry(space, "kept")
        backend.put_many([Put(gone, b"1", 50), Put(kept, b"2")])
        backend.close()
        pass_time(0.06 + self.inexact_s)
        for handle in (backend, other):
            assert [each.name for each in handle.listing(entry(space, ""))] == [kept]
            assert handle.get(gone)[:2] == (None, None)
        assert other.delete([gone]) == 0
        backend.put(gone, b"3")
        assert other.get(gone)[:2] == (b"3", None)

    # Listing

    def test_a_listing_is_sorted_and_tells_sizes(self, backend: Backend, other: Backend, space: str) -> None:
        """Names in the order of their characters, each with the bytes of its data."""
        keys = ["b", "a", "B", "ä", "aa", "10", "9", "\U0001f600", "\uffee"]
        backend.put_many([Put(entry(space, key), b"x" * size) for size, key in enumerate(keys)])
        listed = list(other.listing(entry(space, "")))
        assert [each.name for each in listed] == [entry(space, key) for key in sorted(keys)]
        assert [each.size_bytes for each in listed] == [keys.index(key) for key in sorted(keys)]

    def test_a_listing_has_what_begins_with_the_prefix(self, backend: Backend, namespace: str) -> None:
        """A prefix is text: no pattern, and nothing of a kind or an agent whose name goes on."""
        here, beside = names.space(namespace, "a"), names.space(namespace, "ab")
        puts = [names.named(here, kind, key) for kind in ("k", "kk") for key in ("a", "ab", "a*", "b", "A")]
        backend.put_many([Put(name, b"") for name in [*puts, names.named(beside, "k", "a")]])
        for prefix, keys in {
            "": ["A", "a", "a*", "ab", "b"],
            "a": ["a", "a*", "ab"],
            "a*": ["a*"],
            "x": [],
        }.items():
            listed = [each.name for each in backend.listing(names.named(here, "k", prefix))]
            assert listed == [names.named(here, "k", key) for key in keys]

    def test_a_listing_of_what_is_not_there_is_empty(self, backend: Backend, space: str) -> None:
        """It is no error."""
        assert list(backend.listing(entry(space, ""))) == []

    def test_a_listing_goes_on_while_others_write(self, backend: Backend, other: Backend, space: str) -> None:
        """What was there all the time is told once, in order, whatever comes and goes meanwhile."""
        stays = [entry(space, f"{number:04}") for number in range(0, 1000, 2)]
        goes = [entry(space, f"{number:04}") for number in range(501, 1000, 2)]
        backend.put_many([Put(name, b"1") for name in stays + goes])
        told = []
        for number, each in enumerate(backend.listing(entry(space, ""))):
            told.append(each.name)
            if number % 100 == 50:
                other.delete(goes[: len(goes) // 2])
                other.put(entry(space, f"{number:04} new"), b"2")
                backend.put(stays[number % len(stays)], b"3")
        assert told == sorted(set(told))
        assert [name for name in told if name in set(stays)] == stays
