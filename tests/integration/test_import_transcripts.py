"""Generated transcripts give exactly what their writer says they cost, however the import is disturbed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from quarterdeck.costs.advice.why import COPIED, COUNTED, EARLIER, REPEATED, why
from quarterdeck.costs.importers import claude_code, codex
from quarterdeck.costs.importers.importing import import_all
from quarterdeck.costs.ledger import Choices, Ledger
from quarterdeck.testing.transcripts import Billed, write_transcripts

SOURCES = (claude_code.SOURCE, codex.SOURCE)
KEY = ("source", "day", "model", "service_tier")


@pytest.fixture
def home(tmp_path):
    """A home folder to be filled."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def ledger(tmp_path):
    """An empty one, with days as the truth has them."""
    ledger = Ledger(str(tmp_path / "ledger"))
    ledger.choose(Choices("UTC"))
    yield ledger
    ledger.close()


def take(ledger, home, **how):
    return import_all(ledger, SOURCES, environment={"HOME": str(home)}, **how)


def billed(ledger):
    """What the ledger has, as the truth says it."""
    return {total.key: Billed(total.requests, total.usage) for total in ledger.totals(by=KEY)}


@pytest.mark.parametrize("seed", range(4))
def test_the_sums_are_those_of_the_writer(home, ledger, seed):
    """Per source, day, model and tier: requests and every class of tokens; and what is no request is said."""
    truth = write_transcripts(str(home), seed=seed, size_bytes=2_000_000)
    report = take(ledger, home)
    assert billed(ledger) == truth.billed
    assert report.sources[0].skipped == {"synthetic": truth.skipped}
    assert sum(source.problem_count for source in report.sources) == truth.corrupt
    assert sum(source.unfinished for source in report.sources) == truth.unfinished
    assert all(problem.line > 0 for problem in report.problems)
    assert all(source.duplicates > source.requests / 2 for source in report.sources)


def test_a_second_import_and_a_full_one_change_nothing(home, ledger):
    """The second reads no byte, the full one all of them."""
    truth = write_transcripts(str(home))
    first, second, full = take(ledger, home), take(ledger, home), take(ledger, home, full=True)
    assert billed(ledger) == truth.billed
    assert [source.bytes_read for source in second.sources] == [0, 0]
    assert [source.bytes_read for source in full.sources] == [source.bytes_read for source in first.sources]
    assert second.requests == full.requests == 0


def test_transcripts_that_grow_while_they_are_imported_come_out_the_same(home, tmp_path, ledger):
    """Each import finds the writing stopped at some byte; what was read before is not read again."""
    truth = write_transcripts(str(tmp_path))
    finished = sorted(tmp_path.rglob("*.jsonl*"), key=lambda path: path.name)
    size = sum(path.stat().st_size for path in finished)
    stops = [*sorted(random.Random(5).sample(range(size), 20)), size]
    written = read = 0
    for path in finished:
        content = path.read_bytes()
        grown = home / path.relative_to(tmp_path)
        grown.parent.mkdir(parents=True, exist_ok=True)
        while stops and stops[0] <= written + len(content):
            grown.write_bytes(content[: stops.pop(0) - written])
            read += sum(source.bytes_read for source in take(ledger, home).sources)
        grown.write_bytes(content)
        written += len(content)
    assert billed(ledger) == truth.billed
    assert size <= read < 1.5 * size


def test_every_session_can_be_followed_back_to_its_lines(home, ledger):
    """One line of each answer counted, and the charges of all answers are the sums of the ledger."""
    write_transcripts(str(home))
    take(ledger, home)
    environment = {"HOME": str(home)}
    found = [why(ledger, one.session, environment=environment) for one in ledger.sessions()]
    answers = [answer for one in found for answer in one.answers]
    [total] = ledger.totals()
    assert len(answers) == total.requests
    assert sum(one.unpriced for one in found) == total.unpriced_requests > 0
    assert sum(charge.cost_picousd for answer in answers for charge in answer.charges) == total.cost_picousd
    for answer in answers:
        assert [line.verdict for line in answer.lines].count(COUNTED) == 1
    verdicts = {line.verdict for answer in answers for line in answer.lines}
    assert verdicts == {COUNTED, EARLIER, REPEATED, COPIED}


KILLED = """
import os, signal, sys
from quarterdeck.costs.importers import batch, claude_code, codex, importing, progress, transcript
from quarterdeck.costs.ledger import Ledger

batch.FULL_REQUESTS = 7
transcript.BLOCK_BYTES = 20_000
home, folder, when, place = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]

def dying(call):
    def counted(*arguments):
        global when
        when -= 1
        if not when:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*arguments)
    return counted

owner = Ledger if place == "record_many" else progress.Progress
setattr(owner, place, dying(getattr(owner, place)))
importing.import_all(Ledger(folder), (claude_code.SOURCE, codex.SOURCE), environment={"HOME": home})
"""


@pytest.mark.parametrize("place", ["save", "pair", "record_many"])
def test_an_import_that_is_killed_loses_and_doubles_nothing(home, ledger, place):
    """Between the journal and the notes, or before the journal; again and again until one comes through."""
    truth = write_transcripts(str(home), seed=11)
    deaths = 0
    for when in range(2, 60):
        command = [sys.executable, "-c", KILLED, str(home), ledger.folder, str(when), place]
        died = subprocess.run(command, check=False, timeout=120).returncode
        if died == 0:
            break
        assert died == -signal.SIGKILL
        deaths += 1
    assert died == 0
    assert deaths > 2
    assert billed(ledger) == truth.billed


def test_two_imports_at_once_count_once(home, ledger):
    """The second waits for the first."""
    truth = write_transcripts(str(home), seed=12)
    command = [sys.executable, "-c", KILLED, str(home), ledger.folder, "1000000", "save"]
    running = [subprocess.Popen(command) for _ in range(3)]
    assert [process.wait(120) for process in running] == [0, 0, 0]
    assert billed(ledger) == truth.billed


def test_hostile_files_among_the_transcripts_do_no_harm(home, ledger):
    """Nothing is raised, nothing outside is read, and the others count."""
    truth = write_transcripts(str(home), seed=13)
    folder = home / ".claude" / "projects" / "hostile"
    folder.mkdir()
    os.mkfifo(folder / "pipe.jsonl")
    (folder / "up").symlink_to(home)
    (folder / "null.jsonl").symlink_to("/dev/zero")
    (folder / "deep.jsonl").write_bytes(b'{"usage":' * 200_000 + b"\n")
    (folder / "zeros.jsonl").write_bytes(b"\0" * 5_000_000)
    (folder / "long.jsonl").write_bytes(b'{"usage":"' + b"x" * 50_000_000 + b'"}\n')
    (folder / "noise.jsonl").write_bytes(random.Random(1).randbytes(1_000_000) + b'\n{"usage"\n')
    (folder / "bomb.jsonl").write_bytes(
        b'{"type":"assistant","message":{"usage":{"input_tokens":' + b"9" * 99_999 + b"}}}\n"
    )
    (home / ".codex" / "sessions" / "rollout-x.jsonl.zst").write_bytes(b"(\xb5/\xfd" + b"\xff" * 1000)
    (folder / os.fsdecode(b"\xff\xfe\n.jsonl")).write_bytes(b"{\n")
    report = take(ledger, home)
    assert billed(ledger) == truth.billed
    reasons = {Path(problem.path).name: problem.reason for problem in report.problems}
    assert reasons["pipe.jsonl"] == "not a regular file"
    assert reasons["up"] == reasons["null.jsonl"] == "a symbolic link: not followed"
    assert reasons["long.jsonl"] == "longer than 33,554,432 bytes"
    assert reasons["rollout-x.jsonl.zst"] == "cannot be read: its compressed data is damaged"
    assert {"deep.jsonl", "noise.jsonl", "bomb.jsonl"} <= reasons.keys()
