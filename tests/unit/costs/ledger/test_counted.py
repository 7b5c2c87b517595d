"""The records that count: those the sums are made of, no other, from wherever one left off."""

from __future__ import annotations

import os

import pytest

from quarterdeck.costs.ledger.counted import counting
from quarterdeck.costs.model import Request, Usage
from quarterdeck.errors import StateError
from tests.exporter_worlds import live, lived, opened

HAIKU = "claude-haiku-4-5"


def answered(output, response_id="r", **labels):
    return Request(HAIKU, Usage(10, output), response_id=response_id, **labels)


def counted(ledger, after=None, **options):
    with counting(ledger) as state:
        return [
            (f"{chunk.segment}@{offset}", record)
            for chunk in state.chunks(after, **options)
            for offset, record in chunk.records
        ]


@pytest.mark.parametrize("seed", range(4))
def test_what_counts_adds_up_to_the_totals(tmp_path, seed):
    """Requests, tokens and pico-dollars are those of the sums, however records were repeated."""
    ledger = lived(tmp_path, seed=seed)
    records = [record for _, record in counted(ledger, max_bytes=1_000)]
    (total,) = ledger.totals()
    assert sum(record.cost_picousd or 0 for record in records) == total.cost_picousd > 0
    assert sum(record.requests for record in records) == total.requests
    assert [sum(counts) for counts in zip(*(record.usage for record in records), strict=True)] == [
        *total.usage
    ]
    assert len(records) < len(list(ledger.records())), "nothing was dropped: the world is too easy"


def test_records_come_in_the_order_of_the_journal(tmp_path):
    """Segments oldest first, and by offset within one."""
    ledger = lived(tmp_path)
    places = [place for place, _ in counted(ledger)]
    everywhere = [place for place, _ in ledger.records()]
    assert places == [place for place in everywhere if place in set(places)]


def test_one_goes_on_from_the_places_and_meets_what_is_new(tmp_path):
    """After the places of the last chunks come only the records that were written since."""
    ledger = opened(tmp_path)
    ledger.record(answered(5, "first"))
    with counting(ledger) as state:
        places = {chunk.segment: chunk.place for chunk in state.chunks()}
        assert state.left(places) == 0
    ledger.record(answered(6, "second"))
    assert [record.response_id for _, record in counted(ledger, places)] == ["second"]


def test_a_better_record_counts_for_who_has_met_the_first(tmp_path):
    """The record with more output comes after the places, with the same claim as the one met before."""
    ledger = opened(tmp_path)
    ledger.record(answered(5))
    with counting(ledger) as state:
        places = {chunk.segment: chunk.place for chunk in state.chunks()}
    ledger.record_many([answered(4), answered(9)])
    assert [record.output_tokens for _, record in counted(ledger, places)] == [9]
    assert [record.output_tokens for _, record in counted(ledger)] == [9]


def test_a_correction_names_the_record_that_is_retired(tmp_path):
    """Who has met the corrected record learns that it counts no longer."""
    ledger = opened(tmp_path)
    ledger.record(answered(5, ""))
    ((place, _),) = counted(ledger)
    ledger.record(answered(7, "", replaces=place))
    with counting(ledger) as state:
        chunks = list(state.chunks())
    assert [f"{segment}@{offset}" for chunk in chunks for segment, offset in chunk.retired] == [place]
    assert [record.output_tokens for chunk in chunks for _, record in chunk.records] == [7]


def test_what_is_recorded_meanwhile_is_not_seen(tmp_path):
    """One state: neither a new record nor a better one that arrives while one reads changes what counts."""
    ledger = opened(tmp_path)
    ledger.record_many([answered(5), answered(1, "")])
    with counting(ledger) as state:
        ledger.record_many([answered(50), answered(2, "")])
        assert ledger.totals()[0].usage.output_tokens == 53
        chunks = list(state.chunks())
        assert [record.output_tokens for chunk in chunks for _, record in chunk.records] == [5, 1]
        places = {chunk.segment: chunk.place for chunk in chunks}
    assert [record.output_tokens for _, record in counted(ledger, places)] == [50, 2]


def test_it_is_the_same_where_the_sums_are_kept_in_memory(tmp_path):
    """A rollup that cannot be written does not change what counts."""
    ledger = lived(tmp_path)
    expected = counted(ledger)
    ledger.close()
    for name in os.listdir(tmp_path):
        if name.startswith("rollup.sqlite"):
            os.unlink(tmp_path / name)
    (tmp_path / "rollup.sqlite").mkdir()
    assert counted(ledger) == expected
    assert "in memory" in ledger.problems[0]


def test_a_segment_that_cannot_be_read_comes_last(tmp_path):
    """Everything else is handed out first; then an error, or a note for who asked for notes."""
    ledger = lived(tmp_path, answers=60)
    everything = counted(ledger)
    broken = everything[0][0].partition("@")[0]
    folder = tmp_path / "journal"
    (path,) = folder.glob(f"{broken}.*")
    content = path.read_bytes()
    with counting(ledger) as state:
        path.unlink()
        path.mkdir()
        problems: list[str] = []
        read = [chunk.segment for chunk in state.chunks(problems=problems)]
        assert broken not in read
        assert set(read) == {place.partition("@")[0] for place, _ in everything} - {broken}
        assert broken in problems[0]
        with pytest.raises(StateError, match=broken):
            list(state.chunks())
        path.rmdir()
        path.write_bytes(content)


def test_an_empty_ledger_has_nothing_that_counts(tmp_path):
    """No journal, no records, and no files made by asking."""
    ledger = opened(tmp_path / "new", timezone="")
    assert counted(ledger) == []
    assert not (tmp_path / "new").exists()


def test_chunks_of_any_size_hold_the_same(tmp_path):
    """How much is read at once makes no difference."""
    ledger = lived(tmp_path, answers=50)
    live(ledger, seed=9, answers=20)
    assert counted(ledger, max_bytes=1) == counted(ledger)
