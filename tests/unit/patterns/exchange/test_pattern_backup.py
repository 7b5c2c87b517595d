"""A library that was written to JSON Lines and read again is the library it was: nothing is lost or twice."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta

import pytest

from quarterdeck.errors import UsageError
from quarterdeck.patterns import LinkKind, PatternSettings
from quarterdeck.patterns.exchange import export_jsonl, import_jsonl, intake
from quarterdeck.patterns.truth import past
from tests.library_worlds import Clock, ids, open_library, plain

HEAD = {"format": "quarterdeck-patterns", "version": 1}
DAY = timedelta(days=1)


def now_of(clock):
    return datetime.fromtimestamp(clock.now_s, UTC)


def lived(clock):
    """A library with a past: outcomes of long ago and of today, updates, links of all kinds."""
    library = open_library(clock=clock)
    for name in ("old", "good", "turned", "fresh"):
        library.contribute_pattern("ann", plain(name, "sqlite is locked", tags=["db"]), source="a run")
        clock.advance(1)
    for day in range(50):
        library.record_pattern_outcome("turned", success=True, at=now_of(clock) - (900 - day) * DAY)
    for number in range(10):
        library.record_pattern_outcome("turned", success=False, agent_id="bob", note=f"failed {number}")
        library.record_pattern_outcome("good", success=number > 0)
        clock.advance(10)
    library.update_pattern("good", description="sqlite is locked by another writer")
    library.link_patterns("good", "old", LinkKind.SUPERSEDES, agent_id="bob")
    clock.advance(60)
    library.link_patterns("turned", "good", LinkKind.CONTRADICTS)
    clock.advance(86_400)
    return library


def exported(library, *given):
    file = io.BytesIO()
    export_jsonl(library, file, *given)
    file.seek(0)
    return file


def pattern_of(library, pattern_id):
    return library.get_pattern(pattern_id)


def what_is_known(library):
    """All of it, but that it was imported."""
    known = {}
    for name in ("old", "good", "turned", "fresh"):
        provenance = library.get_provenance(name)
        known[name] = (
            library.get_pattern(name),
            library.get_evidence(name),
            library.get_outcomes(name, 1000),
            [each for each in provenance if each.act != "imported"],
            library.get_links(name),
        )
    return known


def test_a_library_ranks_the_same_after_export_and_import():
    """Outcomes with their notes and ages, provenance, and links with their dates come back."""
    clock = Clock()
    with lived(clock) as library, open_library(clock=clock) as copy:
        imported = import_jsonl(copy, exported(library), agent_id="mover")
        assert (imported.added, imported.linked, imported.refused) == (4, 2, ())
        assert what_is_known(copy) == what_is_known(library)
        (turned,) = [each for each in copy.search("sqlite locked") if each.pattern.id == "turned"]
        assert turned.evidence.expected < 0.2  # and not as if all were of today
        for each in (library.search("sqlite locked"), copy.search("sqlite locked")):
            assert ids(each) == ids(library.search("sqlite locked"))
        assert [each.relevance_score for each in copy.search("sqlite locked")] == [
            each.relevance_score for each in library.search("sqlite locked")
        ]
        last = copy.get_provenance("good")[-1]
        assert (last.act, last.agent_id, last.source) == ("imported", "mover", "a stream")
        clock.advance(86_400)
        for each in (library, copy):
            each.record_pattern_outcome("turned", success=True)
        assert copy.get_evidence("turned") == library.get_evidence("turned")


def test_a_restored_library_is_written_as_it_was():
    """But for the act of the import nothing is said otherwise, not even in another order."""
    clock = Clock()
    with lived(clock) as library, open_library(clock=clock) as copy:
        first = exported(library)
        import_jsonl(copy, first)
        again = [line for line in exported(copy).getvalue().splitlines() if b'"imported"' not in line]
        assert again[:-1] == first.getvalue().splitlines()[:-1]


def test_a_file_that_is_read_twice_changes_nothing():
    """No outcome counts twice, no act and no link is there twice."""
    clock = Clock()
    with lived(clock) as library, open_library(clock=clock) as copy:
        import_jsonl(copy, exported(library))
        before = what_is_known(copy)
        for how in ("skip", "replace"):
            assert import_jsonl(copy, exported(library), on_conflict=how) == (0, 0, 4, 0, (), 0)
            assert import_jsonl(library, exported(library), on_conflict=how) == (0, 0, 4, 0, (), 0)
        assert what_is_known(copy) == before == what_is_known(library)


@pytest.mark.parametrize("most_bytes", [1, 1_000])
def test_a_past_that_is_too_long_for_one_transaction_comes_whole(monkeypatch, most_bytes):
    """It is read and written in parts; its order is kept."""
    monkeypatch.setattr(intake, "_BATCH_BYTES", most_bytes)
    monkeypatch.setattr(past, "_OUTCOMES", 7)
    monkeypatch.setattr(past, "_PATTERNS", 1)
    monkeypatch.setattr(past, "_LINKS", 1)
    clock = Clock()
    with lived(clock) as library, open_library(clock=clock) as copy:
        assert import_jsonl(copy, exported(library)).refused == ()
        assert what_is_known(copy) == what_is_known(library)


def test_what_is_contributed_during_an_export_is_not_in_it():
    """Nor what hangs together with it: every link finds both of its patterns."""
    with lived(Clock()) as library:
        entries = library.history()
        found = [next(entries)]
        library.contribute_pattern("ann", plain("late"))
        library.link_patterns("late", "good")
        library.record_pattern_outcome("turned", success=True)
        found += entries
        assert "late" not in str(found)


def test_a_choice_of_patterns_has_their_past_and_their_links():
    """It says what the given ones say, also if the library does not have them."""
    clock = Clock()
    with lived(clock) as library, open_library(clock=clock) as copy:
        said = [plain("good", "in other words"), library.get_pattern("old"), plain("new")]
        import_jsonl(copy, exported(library, said))
        assert pattern_of(copy, "good").description == "in other words"
        assert len(copy.get_outcomes("good")) == 0  # they are among those that a pattern counts
        assert [each.kind for each in copy.get_links("old")] == [LinkKind.SUPERSEDES]
        assert copy.count() == 3


def test_secrets_in_the_past_of_a_pattern_are_taken_out():
    """A note or a source of a stranger is no better than a description."""
    secret = "AKIA" + "IOSFODNN7EXAMPLE"
    lines = [
        HEAD,
        {
            "pattern": {
                "id": "p",
                "agent_id": "a",
                "pattern_type": "t",
                "name": "n",
                "usage_count": 1,
                "success_count": 1,
            }
        },
        {
            "origin": {
                "pattern_id": "p",
                "at": "2025-01-01T00:00:00Z",
                "act": "contributed",
                "source": secret,
                "details": {"why": secret},
            }
        },
        {
            "outcome": {
                "pattern_id": "p",
                "success": True,
                "at": "2025-01-01T00:00:00Z",
                "note": f"key {secret}",
            }
        },
    ]
    with open_library(scrub=True) as library:
        assert import_jsonl(library, in_lines(*lines)).refused == ()
        assert library.get_outcomes("p")[0].note.startswith("key ")
        assert secret not in str([*library.history()])


PATTERN = {"pattern": {"id": "p", "agent_id": "a", "pattern_type": "t", "name": "n"}}
TRIED = {"pattern": {**PATTERN["pattern"], "usage_count": 2, "success_count": 1, "failure_count": 1}}
SUCCESS = {"outcome": {"pattern_id": "p", "success": True, "at": "2025-01-01T00:00:00Z"}}
ORIGIN = {"origin": {"pattern_id": "p", "at": "2025-01-01T00:00:00Z", "act": "contributed"}}


def in_lines(*said):
    return io.BytesIO(b"".join(json.dumps(each).encode() + b"\n" for each in said))


@pytest.mark.parametrize(
    "wrong",
    [
        {"outcome": {**SUCCESS["outcome"], "pattern_id": "other"}},
        {"outcome": {**SUCCESS["outcome"], "success": 1}},
        {"outcome": {**SUCCESS["outcome"], "at": "2025-01-01T00:00:00"}},
        {"outcome": {**SUCCESS["outcome"], "at": "0001-01-01T00:00:00+14:00"}},
        {"outcome": {**SUCCESS["outcome"], "agent_id": "a\nb"}},
        {"outcome": {**SUCCESS["outcome"], "note": "\x1b[2J"}},
        {"outcome": []},
        {"origin": {**ORIGIN["origin"], "pattern_id": "other"}},
        {"origin": {**ORIGIN["origin"], "act": ""}},
        {"origin": {**ORIGIN["origin"], "source": "x" * 1000}},
        {"origin": {**ORIGIN["origin"], "details": {"a": {"b": "\x00"}}}},
        {"origin": {**ORIGIN["origin"], "at": None}},
        {"end": {"patterns": "many"}},
        {"end": 7},
    ],
    ids=range(14),
)
def test_a_wrong_line_of_a_past_is_set_aside(wrong):
    """The pattern and the rest of its past get in."""
    with open_library() as library:
        imported = import_jsonl(library, in_lines(HEAD, TRIED, ORIGIN, wrong, SUCCESS))
        assert (imported.added, [each.where for each in imported.refused]) == (1, ["line 4"])
        assert len(library.get_outcomes("p")) == 1
        assert [each.act for each in library.get_provenance("p")] == ["contributed", "imported"]


def test_outcomes_are_among_those_that_their_pattern_counts():
    """What is listed and what is counted never contradict each other."""
    with open_library() as library:
        imported = import_jsonl(library, in_lines(HEAD, TRIED, SUCCESS, SUCCESS))
        assert [each.where for each in imported.refused] == ["line 4"]
        assert "counts fewer successes" in imported.refused[0].why


@pytest.mark.parametrize("good, bad", [(-5, 1e308), (1e999, 0), (60, 60), (0.25, 0.5)])
def test_weights_are_never_more_than_there_are_outcomes(good, bad):
    """What a stranger says of outcomes cannot weigh more than the outcomes it tells of."""
    content = json.dumps({**TRIED, "weights": {"good": good, "bad": bad}}).replace("Infinity", "1e999")
    with open_library() as library:
        import_jsonl(library, io.BytesIO(json.dumps(HEAD).encode() + b"\n" + content.encode()))
        (match,) = library.search("n")
        assert 0.24 < match.evidence.expected < 0.76


def test_nothing_that_was_read_is_of_the_future():
    """A link or an outcome of the year 9999 would be the newest for ever."""
    late = "9999-01-01T00:00:00Z"
    clock = Clock()
    with open_library(clock=clock) as library:
        import_jsonl(
            library,
            in_lines(
                HEAD,
                {"pattern": {**TRIED["pattern"], "last_used": late}},
                {"outcome": {**SUCCESS["outcome"], "at": late}},
                {"origin": {**ORIGIN["origin"], "at": late}},
                {"pattern": {**PATTERN["pattern"], "id": "q"}},
                {"link": {"kind": "related", "source": "p", "target": "q", "created_at": late}},
            ),
        )
        now = now_of(clock)
        assert library.get_outcomes("p")[0].at == now
        assert library.get_provenance("p")[0].at == now
        assert library.get_links("p")[0].created_at == now


class TestEnd:
    def test_a_file_that_was_cut_at_the_end_of_a_line_is_noticed(self):
        """Wherever that is; what is left of it gets in."""
        with lived(Clock()) as library:
            whole = exported(library).getvalue().splitlines(keepends=True)
        for kept in range(1, len(whole)):
            with open_library() as copy:
                imported = import_jsonl(copy, io.BytesIO(b"".join(whole[:kept])))
                assert "cut off" in imported.refused[-1].why
                assert imported.refused[-1].where == f"after line {kept}"
                with pytest.raises(UsageError, match="cut off"):
                    import_jsonl(copy, io.BytesIO(b"".join(whole[:kept])), strict=True)

    def test_a_line_that_was_lost_is_noticed(self):
        """The end says how many of each there were."""
        with lived(Clock()) as library:
            whole = exported(library).getvalue().splitlines(keepends=True)
        lost = next(number for number, line in enumerate(whole) if b'"outcome"' in line)
        with open_library() as copy:
            imported = import_jsonl(copy, io.BytesIO(b"".join(whole[:lost] + whole[lost + 1 :])))
            assert imported.added == 4
            assert [each.why for each in imported.refused] == [
                "there should be 70 outcomes before it, but there are 69"
            ]

    def test_a_line_that_cannot_be_read_is_told_once(self):
        """The end is not held against it again."""
        with lived(Clock()) as library:
            whole = exported(library).getvalue().splitlines(keepends=True)
        with open_library() as copy:
            imported = import_jsonl(copy, io.BytesIO(b"".join([*whole[:3], b"{\n", *whole[4:]])))
            assert [each.where for each in imported.refused] == ["line 4"]

    def test_a_file_of_a_person_needs_none(self):
        """Its first line does not promise one."""
        with open_library() as library:
            assert import_jsonl(library, in_lines(HEAD, PATTERN)).refused == ()


class TestSuccessors:
    def test_a_retired_pattern_without_its_successor_stays_retired(self):
        """It says by what, which may come later, or be taken back."""
        with lived(Clock()) as library, open_library() as copy:
            import_jsonl(copy, exported(library, [library.get_pattern("old")]))
            assert pattern_of(copy, "old").superseded_by == "good"
            assert copy.search("sqlite locked") == []
            assert copy.unlink_patterns("good", "old", LinkKind.SUPERSEDES)
            assert ids(copy.search("sqlite locked")) == ["old"]
            assert not copy.unlink_patterns("good", "old", LinkKind.SUPERSEDES)

    def test_a_successor_that_comes_later_is_linked(self):
        """Whichever is first in the file, and also if no line says so."""
        old = {"pattern": {**PATTERN["pattern"], "id": "old", "superseded_by": "new"}}
        new = {"pattern": {**PATTERN["pattern"], "id": "new"}}
        for order in ((old, new), (new, old)):
            with open_library() as library:
                assert import_jsonl(library, in_lines(HEAD, *order), agent_id="mover").linked == 1
                ((kind, source, target, _, agent),) = library.get_links("old")
                assert (kind, source, target, agent) == (LinkKind.SUPERSEDES, "new", "old", "mover")
                assert library.get_provenance("old")[-1].details == {"by": "new"}

    def test_two_that_supersede_each_other_are_not_both_lost(self):
        """One of them is found; the other's claim is refused."""
        one = {"pattern": {**PATTERN["pattern"], "id": "one", "superseded_by": "two"}}
        two = {"pattern": {**PATTERN["pattern"], "id": "two", "superseded_by": "one"}}
        with open_library() as library:
            imported = import_jsonl(library, in_lines(HEAD, one, two))
            assert (imported.added, imported.refused_count) == (2, 1)
            retired = [pattern_of(library, each).superseded_by for each in ("one", "two")]
            assert retired == ["two", None]

    def test_a_pattern_cannot_take_its_own_place(self):
        """It is refused with a reason."""
        wrong = {"pattern": {**PATTERN["pattern"], "superseded_by": "p"}}
        with open_library() as library:
            (refused,) = import_jsonl(library, in_lines(HEAD, wrong)).refused
            assert "linked to itself" in refused.why
            assert library.count() == 0

    def test_contributing_keeps_it_as_well(self):
        """With a link, if the successor is there."""
        with open_library() as library:
            library.contribute_pattern("ann", plain("new", "sqlite"))
            library.contribute_many(
                "ann",
                [plain("old", "sqlite", superseded_by="new"), plain("older", "sqlite", superseded_by="gone")],
            )
            assert ids(library.search("sqlite")) == ["new"]
            assert [each.source for each in library.get_links("old")] == ["new"]
            assert library.get_links("older") == []
            with pytest.raises(UsageError):
                library.contribute_pattern("ann", plain("self", superseded_by="self"))
            assert library.get_pattern("self") is None


def test_progress_is_told_of_patterns_that_are_written_and_bytes_that_are_read(tmp_path):
    """The last call says that all is done, also when the rest was in vain."""
    told = []
    path = tmp_path / "all.jsonl"
    with lived(Clock()) as library, open_library() as copy:
        export_jsonl(library, str(path), progress=lambda *call: told.append(call))
        assert told[0] == (1, 4)
        assert told[-1] == (4, 4)
        told.clear()
        import_jsonl(copy, str(path), progress=lambda *call: told.append(call))
        size = path.stat().st_size
        assert told[-1] == (size, size)
        assert all(0 < done < total == size for done, total in told[:-1])
        assert [done for done, _ in told] == sorted(done for done, _ in told)
        told.clear()
        with pytest.raises(UsageError):
            import_jsonl(copy, str(path), on_conflict="error", progress=lambda *call: told.append(call))
        assert told[-1] == (size, size)


def test_settings_of_the_library_do_not_matter():
    """A library that scrubs takes in what one that scrubs has written, as it is."""
    clock = Clock()
    with lived(clock) as library, open_library(clock=clock, scrub=PatternSettings().scrub) as copy:
        assert import_jsonl(copy, exported(library)).refused == ()
        assert what_is_known(copy) == what_is_known(library)
