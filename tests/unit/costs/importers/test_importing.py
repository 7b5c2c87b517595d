"""What is new is read, once; what cannot be read is said."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime

import pytest
from backports import zstd

from quarterdeck.costs.importers import batch as batch_module
from quarterdeck.costs.importers import claude_code, importing, known, transcript
from quarterdeck.costs.importers.importing import LOCK_FILE, import_all
from quarterdeck.costs.importers.progress import PROGRESS_FILE, Progress
from quarterdeck.costs.importers.source import Problem, Source
from quarterdeck.costs.ledger import Ledger
from quarterdeck.costs.model import Request, Usage
from quarterdeck.errors import StateError, StoreBusy, UsageError
from quarterdeck.files import Lease


def answer(number, output=5, **more):
    """One line of an answer."""
    usage = {"input_tokens": 10, "output_tokens": output}
    message = {"id": f"msg_{number:024}", "model": "claude-opus-4-5", "usage": usage}
    entry = {"type": "assistant", "timestamp": "2026-09-03T10:00:00Z", "sessionId": "s1", "message": message}
    return json.dumps(entry | more) + "\n"


@pytest.fixture
def place(tmp_path):
    """Where the transcripts lie."""
    folder = tmp_path / "home" / ".claude" / "projects" / "p"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def ledger(tmp_path):
    """An empty one."""
    ledger = Ledger(str(tmp_path / "ledger"))
    yield ledger
    ledger.close()


@pytest.fixture
def take(ledger, tmp_path):
    """Import from Claude Code; returns what it reports."""

    def take(**how):
        report = import_all(ledger, [claude_code.SOURCE], environment={"HOME": str(tmp_path / "home")}, **how)
        [source] = report.sources
        return source

    return take


def output_of(ledger):
    [total] = ledger.totals()
    return total.requests, total.usage.output_tokens


def test_a_second_import_opens_no_transcript(take, place, ledger, monkeypatch):
    """It looks at the state of each file, and at nothing else."""
    (place / "a.jsonl").write_text(answer(1) + answer(2))
    assert (take().requests, output_of(ledger)) == (2, (2, 10))
    monkeypatch.setattr(importing, "open_plain", None)
    again = take()
    assert (again.files, again.files_read, again.bytes_read, again.requests) == (1, 0, 0, 0)


def test_only_what_was_appended_is_read(take, place, ledger):
    """However much there was before it."""
    path = place / "a.jsonl"
    path.write_text("".join(answer(number) for number in range(100)))
    take()
    with path.open("a") as file:
        file.write(answer(100))
    again = take()
    assert (again.bytes_read, again.requests, again.duplicates) == (len(answer(100)), 1, 0)
    assert output_of(ledger) == (101, 505)


def test_a_torn_line_is_read_when_it_is_whole(take, place, ledger):
    """Not before, and from its start."""
    path, whole = place / "a.jsonl", answer(2)
    path.write_text(answer(1) + whole[:40])
    first = take()
    assert (first.requests, first.unfinished, first.problems) == (1, 1, ())
    path.write_text(answer(1) + whole)
    assert (take().requests, output_of(ledger)) == (1, (2, 10))


@pytest.mark.parametrize("rewritten", [answer(3) + answer(2) + answer(4), answer(3)])
def test_a_file_that_was_rewritten_is_read_anew(take, place, ledger, rewritten):
    """Longer or shorter than before, under the same name and number."""
    path = place / "a.jsonl"
    path.write_text(answer(1) + answer(2))
    take()
    path.write_text(rewritten)
    assert take().bytes_read == len(rewritten)
    assert output_of(ledger)[0] == 2 + rewritten.count("\n") - ("2" in rewritten and answer(2) in rewritten)


def test_a_file_that_was_replaced_is_read_anew(take, place, ledger):
    """Even by one that begins the same."""
    path, new = place / "a.jsonl", place / "b.tmp"
    path.write_text(answer(1))
    take()
    new.write_text(answer(1) + answer(2))
    new.replace(path)
    again = take()
    assert (again.bytes_read, again.requests, again.duplicates) == (len(answer(1) + answer(2)), 1, 1)


def test_the_line_with_the_most_output_counts(take, place, ledger):
    """Also when it comes in a later import, or stands in another file."""
    path = place / "a.jsonl"
    path.write_text(answer(1, 1) + answer(1, 1) + answer(1, 40) + answer(2, 7))
    first = take()
    assert (first.requests, first.duplicates, output_of(ledger)) == (2, 2, (2, 47))
    (place / "b.jsonl").write_text(answer(1, 90) + answer(2, 3))
    second = take()
    assert (second.requests, second.duplicates, output_of(ledger)) == (1, 1, (2, 97))


def gateway(name, request_id, output=5, **more):
    """One line of an answer whose id is not the API's."""
    entry = json.loads(answer(0, output, requestId=request_id, **more))
    entry["message"]["id"] = name
    return json.dumps(entry) + "\n"


@pytest.mark.parametrize("together", [True, False])
def test_what_a_side_question_repeats_is_dropped(take, place, ledger, together):
    """In the same import or a later one, and again in a full one; what is its own counts."""
    (place / "z.jsonl").write_text(gateway("m1", "r1", 7))
    if not together:
        take()
    side = [gateway("m1", "r2", 7, isSidechain=True), gateway("m2", "r3", 9, isSidechain=True)]
    (place / "agent-1.jsonl").write_text("".join(side))
    take()
    assert output_of(ledger) == (2, 16)
    assert take(full=True).duplicates == 3
    assert output_of(ledger) == (2, 16)


def test_a_full_import_counts_nothing_twice(take, place, ledger):
    """It reads everything, and writes nothing that is known."""
    (place / "a.jsonl").write_text(answer(1) + answer(2))
    take()
    again = take(full=True)
    assert (again.files_read, again.requests, again.duplicates) == (1, 0, 2)
    assert output_of(ledger) == (2, 10)


def test_without_its_notes_everything_is_read_again_and_counted_once(take, place, ledger):
    """They can be deleted at any time."""
    (place / "a.jsonl").write_text(answer(1))
    take()
    os.unlink(os.path.join(ledger.folder, PROGRESS_FILE))
    again = take()
    assert (again.files_read, again.requests, output_of(ledger)) == (1, 0, (1, 5))


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.zst"])
def test_large_files_are_written_in_parts(take, place, ledger, monkeypatch, name):
    """So that memory is bounded, also within one block, and where reading must begin at the start again."""
    monkeypatch.setattr(batch_module, "FULL_REQUESTS", 10)
    writes = []
    genuine = ledger.record_many

    def record_many(requests):
        writes.append(len(requests))
        if len(writes) == 5:
            raise KeyboardInterrupt
        return genuine(requests)

    monkeypatch.setattr(ledger, "record_many", record_many)
    content = "".join(answer(number) for number in range(100)).encode()
    (place / name).write_bytes(zstd.compress(content) if name.endswith(".zst") else content)
    with pytest.raises(KeyboardInterrupt):
        take()
    assert take().requests == 60
    assert output_of(ledger) == (100, 500)
    assert max(writes) == 10


def test_an_interrupted_import_goes_on_where_it_was(take, place, ledger, monkeypatch):
    """In the middle of a file; what was written is not written again."""
    monkeypatch.setattr(batch_module, "FULL_REQUESTS", 10)
    monkeypatch.setattr(transcript, "BLOCK_BYTES", 2000)
    content = "".join(answer(number) for number in range(100))
    (place / "a.jsonl").write_text(content)

    def interrupt(done, total):
        if done > total / 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        take(progress=interrupt)
    again = take()
    assert again.bytes_read < len(content) * 0.6
    assert output_of(ledger) == (100, 500)


def test_progress_ends_with_all_that_there_was_to_read(take, place):
    """Bytes read so far, and bytes there are."""
    for name in "ab":
        (place / f"{name}.jsonl").write_text(answer(1))
    told = []
    take(progress=lambda done, total: told.append((done, total)))
    size = 2 * len(answer(1))
    assert told[-1] == (size, size)
    assert told == sorted(told)


def test_another_import_is_waited_for_or_said_to_run(take, place, ledger):
    """Two at once would read the same twice."""
    os.makedirs(ledger.folder)
    with Lease.wait(os.path.join(ledger.folder, LOCK_FILE), 0), pytest.raises(StoreBusy):
        take(wait_s=0)
    take(wait_s=0)


def test_a_folder_that_cannot_be_written_to_is_said(take, ledger):
    """By our own error."""
    with open(ledger.folder, "w"):
        pass
    with pytest.raises(StateError, match="cannot be locked"):
        take()


def test_what_is_not_there_is_reported(ledger, tmp_path):
    """A source without a place is no error."""
    report = import_all(ledger, [claude_code.SOURCE], environment={"HOME": str(tmp_path)})
    assert report.not_found == ("claude-code",)
    assert report.sources[0].places[0] == str(tmp_path / ".claude/projects")


def test_problems_are_reported_with_file_and_line_and_counted_beyond_a_bound(take, place, monkeypatch):
    """The rest of the file is read."""
    monkeypatch.setattr(importing, "KEPT_PROBLEMS", 2)
    (place / "a.jsonl").write_text(answer(1) + '{"usage"\n' * 5 + answer(2))
    report = take()
    assert (report.requests, report.problem_count) == (2, 5)
    assert [(problem.path, problem.line) for problem in report.problems] == [
        (str(place / "a.jsonl"), 2),
        (str(place / "a.jsonl"), 3),
    ]


def test_nothing_but_regular_files_is_opened(take, place, tmp_path):
    """A pipe would never end; a link leads elsewhere."""
    os.mkfifo(place / "pipe.jsonl")
    outside = tmp_path / "outside.jsonl"
    outside.write_text(answer(1))
    (place / "link.jsonl").symlink_to(outside)
    (place / "loop").symlink_to(place)
    (place / "folder.jsonl").mkdir()
    report = take()
    assert (report.requests, report.files_read) == (0, 0)
    assert sorted((os.path.basename(problem.path), problem.reason) for problem in report.problems) == [
        ("link.jsonl", "a symbolic link: not followed"),
        ("loop", "a symbolic link: not followed"),
        ("pipe.jsonl", "not a regular file"),
    ]


def test_a_file_that_vanishes_is_no_error(take, place, monkeypatch):
    """Agents purge their transcripts."""
    for name in "ab":
        (place / f"{name}.jsonl").write_text(answer(ord(name)))
    genuine = transcript.open_plain

    def open_plain(path):
        (place / "a.jsonl").unlink(missing_ok=True)
        return genuine(path)

    monkeypatch.setattr(importing, "open_plain", open_plain)
    report = take()
    assert (report.requests, [problem.reason for problem in report.problems]) == (
        1,
        ["cannot be read: No such file or directory"],
    )


def test_a_place_may_itself_be_a_link_and_be_named_twice(ledger, place, tmp_path):
    """People keep their settings elsewhere; each file counts once."""
    (place / "a.jsonl").write_text(answer(1))
    (tmp_path / "link").symlink_to(place)
    roots = {"claude-code": [str(tmp_path / "link"), str(place)]}
    [report] = import_all(ledger, [claude_code.SOURCE], roots).sources
    assert (report.files, report.requests) == (1, 1)


def test_a_label_is_no_reason_to_lose_what_was_spent(take, place, ledger):
    """Too long, or half an emoji."""
    (place / "a.jsonl").write_text(answer(1, cwd="/" + "x" * 10_000) + answer(2, cwd="/\ud83d"))
    assert (take().requests, output_of(ledger)) == (2, (2, 10))


def source_of(*requests, beside=()):
    """A source that finds *requests* in any file."""
    return Source(
        "toy", lambda environment: [], lambda place: iter([place]), lambda transcript: iter(requests), beside
    )


@pytest.mark.parametrize(
    "request_, reason",
    [
        (Request("", Usage(1, 1)), "it names no model"),
        (Request("m", Usage(1, 1), cost_picousd=-1), "it states a price that cannot be meant"),
        (Request("m", Usage(1, 1), cost_picousd=10**30), "it states a price that cannot be meant"),
        (Request("m", Usage(1, 1), at=datetime(1, 1, 1, tzinfo=UTC)), "at is 0001-01-01"),
        (Request("m", Usage(-1, 1)), "input_tokens must be a whole number from 0 to 1,000,000,000, got -1"),
        (
            Request("m", Usage(1, 1, 5)),
            "cache_read_input_tokens + cache_write_input_tokens is more than input_tokens",
        ),
    ],
)
def test_a_request_that_cannot_be_meant_is_a_problem(ledger, tmp_path, request_, reason):
    """Whatever source says it; the others are recorded."""
    (tmp_path / "t").touch()
    long = "x" * 10_000
    good = Request("m", Usage(1, 1), provider=long, user=long, tags={long: long}, response_id=long)
    roots = {"toy": [str(tmp_path / "t")]}
    [report] = import_all(ledger, [source_of(request_, good)], roots).sources
    assert report.requests == 1
    assert report.problems[0].reason.startswith(reason)


def test_a_change_beside_a_file_is_a_change(ledger, tmp_path):
    """A database's latest rows are in its log."""
    (tmp_path / "t").touch()
    roots, source = {"toy": [str(tmp_path / "t")]}, source_of(beside=("-wal",))
    assert [import_all(ledger, [source], roots).sources[0].files_read for _ in range(2)] == [1, 0]
    (tmp_path / "t-wal").touch()
    assert [import_all(ledger, [source], roots).sources[0].files_read for _ in range(2)] == [1, 0]


def test_files_that_are_gone_are_forgotten(take, place, ledger):
    """The notes do not grow for ever."""
    (place / "a.jsonl").write_text(answer(1))
    take()
    (place / "a.jsonl").unlink()
    take()
    progress = Progress(os.path.join(ledger.folder, PROGRESS_FILE))
    assert progress.marks("claude-code") == {}
    progress.close()


class TestAJournalOfItsOwn:
    """What was noted about the transcripts holds for the journal that it was noted for."""

    def test_without_its_journal_everything_is_read_again(self, take, place, ledger, tmp_path):
        """Somebody moved the journal away, and left the notes."""
        (place / "a.jsonl").write_text(answer(1))
        take()
        ledger.close()
        os.rename(ledger.reader.folder, tmp_path / "moved")
        fresh = Ledger(ledger.folder)
        report = import_all(fresh, [claude_code.SOURCE], environment={"HOME": str(tmp_path / "home")})
        assert report.requests == 1
        assert output_of(fresh) == (1, 5)
        again = import_all(fresh, [claude_code.SOURCE], environment={"HOME": str(tmp_path / "home")})
        assert again.sources[0].bytes_read == 0
        fresh.close()

    def test_with_the_journal_of_another_ledger_too(self, take, place, ledger, tmp_path):
        """What that one holds stays, and counts once."""
        (place / "a.jsonl").write_text(answer(1) + answer(2))
        take()
        ledger.close()
        other = Ledger(str(tmp_path / "other"))
        other.record(Request("gpt-5", Usage(1, 7)))
        other.close()
        os.rename(ledger.reader.folder, tmp_path / "moved")
        os.rename(other.reader.folder, ledger.reader.folder)
        mixed = Ledger(ledger.folder)
        import_all(mixed, [claude_code.SOURCE], environment={"HOME": str(tmp_path / "home")})
        assert output_of(mixed) == (3, 17)
        mixed.close()

    def test_a_journal_that_goes_on_is_the_same(self, take, place, ledger):
        """Also when nothing was recorded before, and when other segments come."""
        assert take().files == 0
        (place / "a.jsonl").write_text(answer(1))
        take()
        second = Ledger(ledger.folder)
        second.record(Request("gpt-5", Usage(1, 7)))
        second.close()
        assert take().bytes_read == 0


@pytest.mark.parametrize("name", sorted(known.MODULES))
def test_every_known_source_bears_its_name(name):
    """And can be loaded."""
    assert known.source(name).name == name


def test_an_unknown_source_is_an_error_that_names_the_known_ones():
    """So that a typing error is seen."""
    with pytest.raises(UsageError, match="claude") as caught:
        known.source("claude")
    assert "claude-code" in caught.value.hint


def test_a_folder_that_cannot_be_listed_is_a_problem(take, place, monkeypatch):
    """The others are read."""
    (place / "a.jsonl").write_text(answer(1))
    (place.parent / "q").mkdir()
    genuine = os.scandir

    def scandir(folder):
        if folder.endswith("/q"):
            raise PermissionError(13, "Permission denied")
        return genuine(folder)

    monkeypatch.setattr(os, "scandir", scandir)
    report = take()
    assert report.problems == (Problem(str(place.parent / "q"), 0, "cannot be listed: Permission denied"),)
    assert report.requests == 1
