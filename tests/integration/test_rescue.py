"""Transcripts survive their agents' purges: copied, checked, never made shorter, imported from the copies."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from quarterdeck.costs.importers.importing import import_all
from quarterdeck.costs.importers.known import MODULES, source
from quarterdeck.costs.ledger import Ledger
from quarterdeck.costs.rescue import RescueReport, archive, archived_places, rescue
from quarterdeck.costs.rescue.retention import retention_days
from quarterdeck.errors import StateError, StoreBusy, StoreFull
from quarterdeck.files import Lease
from quarterdeck.journal.zstd import ZstdFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = datetime(2026, 11, 1, tzinfo=UTC).timestamp()
DAY_S = 86_400


def claude_line(number: int) -> str:
    """An answer as Claude Code writes it."""
    usage = {"input_tokens": 10, "output_tokens": number}
    message = {"id": f"msg_{number}", "model": "claude-haiku-4-5", "usage": usage, "role": "assistant"}
    entry = {
        "type": "assistant",
        "message": message,
        "requestId": f"req_{number}",
        "sessionId": "s",
        "uuid": f"u{number}",
        "timestamp": "2026-10-01T10:00:00.000Z",
        "cwd": "/app",
    }
    return json.dumps(entry) + "\n"


def gemini_document(*numbers: int) -> str:
    """A chat as Gemini CLI writes it."""
    messages = [
        {
            "id": f"g{number}",
            "type": "gemini",
            "model": "gemini-2.5-pro",
            "timestamp": "2026-10-01T10:00:00Z",
            "tokens": {"input": 100, "output": number, "cached": 0},
        }
        for number in numbers
    ]
    return json.dumps({"sessionId": "s", "projectHash": "p", "messages": messages})


class Machine:
    """A home with transcripts of several agents, and an archive."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.archive = home / "ledger" / "archive"
        self.claude = home / ".claude" / "projects" / "-app" / "s.jsonl"
        self.gemini = home / ".gemini" / "tmp" / "app" / "chats" / "session-1.json"
        self.opencode = home / ".local" / "share" / "opencode" / "opencode.db"
        self.environment = {"HOME": str(home)}

    def write(self, path: Path, text: str, *, age_days: float = 1.0, mode: str = "w") -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open(mode) as file:
            file.write(text)
        self.age(path, age_days)

    def age(self, path: Path, days: float) -> None:
        """Let the last change of *path* be so long ago; never the same twice."""
        self.clock = getattr(self, "clock", 0) + 1
        at = int((NOW - days * DAY_S) * 1e9) + self.clock
        os.utime(path, ns=(at, at))

    def store(self, *numbers: int) -> None:
        """Rows in OpenCode's database."""
        self.opencode.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(sqlite3.connect(self.opencode, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS message (id, session_id, time_created, time_updated, data)"
            )
            for number in numbers:
                data = {
                    "role": "assistant",
                    "modelID": "m",
                    "providerID": "p",
                    "tokens": {"input": 7, "output": number},
                    "time": {"created": 1_790_000_000_000 + number, "completed": 1_790_000_001_000},
                }
                row = (f"msg_{number}", "s", 0, 1_790_000_000_000, json.dumps(data))
                connection.execute("INSERT INTO message VALUES (?, ?, ?, ?, ?)", row)

    def rescue(self, **options: Any) -> RescueReport:
        return rescue(str(self.archive), environment=self.environment, now_s=NOW, **options)

    def copies(self) -> dict[str, bytes]:
        """Every copy by its name, unpacked."""
        found = {}
        for name in MODULES:
            for path in sorted((self.archive / name).rglob("*")):
                if path.is_file():
                    found[path.name] = path.read_bytes() if path.suffix != ".zst" else unpacked(path)
        return found


def unpacked(path: Path) -> bytes:
    with ZstdFile(path) as file:
        return file.read()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(tmp_path)
    machine.write(machine.claude, claude_line(1) + claude_line(2))
    machine.write(machine.gemini, gemini_document(1))
    machine.store(1, 2)
    return machine


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(str(tmp_path / "ledger"))
    yield ledger
    ledger.close()


def test_every_transcript_is_copied_for_its_owner_only(machine):
    """Folders and files are private; the originals are as they were."""
    before = {path: path.read_bytes() for path in (machine.claude, machine.gemini, machine.opencode)}
    report = machine.rescue()
    assert report.outcomes == {"new": 3}
    assert report.problems == ()
    assert report.bytes_read > report.bytes_written > 0
    assert machine.copies().keys() == {"s.jsonl.zst", "session-1.json.zst", "opencode.db"}
    assert machine.copies()["s.jsonl.zst"] == machine.claude.read_bytes()
    assert {path: path.read_bytes() for path in before} == before
    for folder, _, names in os.walk(machine.archive):
        assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
        for name in names:
            assert stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode) == 0o600


def test_what_has_not_changed_is_not_read(machine):
    """The second rescue reads and writes nothing."""
    machine.rescue()
    report = machine.rescue()
    assert (report.outcomes, report.bytes_read, report.bytes_written) == ({"unchanged": 3}, 0, 0)


def test_a_change_within_one_tick_of_the_clock_is_seen(machine):
    """The time of the last change is the same, the size is not."""
    machine.rescue()
    at = machine.claude.stat().st_mtime_ns
    machine.write(machine.claude, claude_line(3), mode="a")
    os.utime(machine.claude, ns=(at, at))
    assert machine.rescue().outcomes == {"unchanged": 2, "grown": 1}


def test_what_has_grown_takes_the_place_of_its_copy(machine):
    """Lines that were appended, a document that was rewritten with one more message, rows that were added."""
    machine.rescue()
    machine.write(machine.claude, claude_line(3), mode="a")
    machine.write(machine.gemini, gemini_document(1, 2))
    machine.store(3)
    assert machine.rescue().outcomes == {"grown": 3}
    copies = machine.copies()
    assert len(copies) == 3
    assert copies["s.jsonl.zst"] == machine.claude.read_bytes()
    assert copies["session-1.json.zst"] == machine.gemini.read_bytes()


def test_a_purge_changes_nothing(machine):
    """What the archive is for."""
    machine.rescue()
    before = machine.copies()
    for path in (machine.claude, machine.gemini, machine.opencode):
        path.unlink()
    assert machine.rescue().outcomes == {}
    assert machine.copies() == before


@pytest.mark.parametrize("text", ["", claude_line(1)], ids=["emptied", "cut"])
def test_a_transcript_that_became_shorter_keeps_its_copy(machine, text: str):
    """The archive holds more than it does."""
    machine.rescue()
    before = machine.copies()
    machine.write(machine.claude, text)
    assert machine.rescue().outcomes == {"unchanged": 2, "kept": 1}
    assert machine.copies() == before


def test_a_transcript_that_holds_something_else_becomes_a_version(machine):
    """Neither copy is lost, and each further change goes to the latest version."""
    old = machine.claude.read_bytes()
    machine.rescue()
    machine.write(machine.claude, claude_line(7) + claude_line(8) + claude_line(9))
    machine.write(machine.gemini, gemini_document())
    with contextlib.closing(sqlite3.connect(machine.opencode)) as connection, connection:
        connection.execute("DELETE FROM message WHERE id = 'msg_1'")
    assert machine.rescue().outcomes == {"version": 3}
    machine.write(machine.claude, claude_line(10), mode="a")
    assert machine.rescue().outcomes == {"unchanged": 2, "grown": 1}
    copies = machine.copies()
    assert copies["s.jsonl.zst"] == old
    assert copies["s~2.jsonl.zst"] == machine.claude.read_bytes()
    assert copies.keys() >= {"session-1~2.json.zst", "opencode~2.db"}
    assert len(copies) == 6


def test_a_damaged_copy_is_left_and_a_version_made_beside_it(machine):
    """Nobody knows what it held."""
    machine.rescue()
    [copy] = (machine.archive / "claude-code").rglob("*.zst")
    [database] = (machine.archive / "opencode").rglob("*.db")
    for path in (copy, database):
        path.write_bytes(path.read_bytes()[:30])
    report = machine.rescue()
    assert (report.outcomes, report.problems) == ({"unchanged": 1, "version": 2}, ())
    assert unpacked(copy.with_name("s~2.jsonl.zst")) == machine.claude.read_bytes()


def test_a_compressed_transcript_continues_its_copy(machine):
    """Codex compresses its older sessions: the same content under another name."""
    session = machine.home / ".codex" / "sessions" / "2026" / "rollout-2026-s.jsonl"
    machine.write(session, '{"type":"event_msg"}\n' * 100)
    machine.rescue()
    packed = session.with_name(session.name + ".zst")
    with ZstdFile(packed, "wb") as file:
        file.write(session.read_bytes())
    session.unlink()
    machine.age(packed, 2)
    assert machine.rescue().outcomes == {"unchanged": 3, "grown": 1}
    assert machine.rescue().outcomes == {"unchanged": 4}
    assert list(machine.copies()).count("rollout-2026-s.jsonl.zst") == 1


def test_links_and_pipes_are_not_copied(machine):
    """Nothing outside the agents' folders reaches the archive, and nobody waits for a pipe."""
    secret = machine.home / "secret"
    machine.write(secret, "secret")
    machine.claude.with_name("link.jsonl").symlink_to(secret)
    machine.claude.with_name("folder").symlink_to(machine.home)
    os.mkfifo(machine.claude.with_name("pipe.jsonl"))
    report = machine.rescue()
    assert report.outcomes == {"new": 3}
    assert {os.path.basename(problem.path) for problem in report.problems} == {
        "link.jsonl",
        "folder",
        "pipe.jsonl",
    }
    assert b"secret" not in machine.copies().values()


def test_a_broken_source_does_not_end_the_rescue(machine):
    """A database that is none, and compressed data that is damaged, are problems."""
    machine.opencode.unlink()
    machine.write(machine.opencode, "x" * 5000)
    machine.write(machine.home / ".codex" / "sessions" / "rollout-1.jsonl.zst", "no zstd")
    report = machine.rescue()
    assert report.outcomes == {"new": 2}
    assert len(report.problems) == 2
    assert len(machine.copies()) == 2


def test_two_configurations_of_one_agent_do_not_meet(machine):
    """The same path below two places is two transcripts."""
    other = machine.home / "work" / "projects" / "-app" / "s.jsonl"
    machine.write(other, claude_line(5))
    machine.environment["CLAUDE_CONFIG_DIR"] = f"{machine.home}/.claude,{machine.home}/work"
    assert machine.rescue().outcomes == {"new": 4}
    assert len(list((machine.archive / "claude-code").rglob("s.jsonl.zst"))) == 2


class TestImport:
    """The archive can be read like the agents' own folders."""

    def imported(self, machine: Machine, ledger: Ledger) -> int:
        places = archived_places(str(machine.archive))
        report = import_all(ledger, [source(name) for name in places], places)
        assert [problem for one in report.sources for problem in one.problems] == []
        return report.requests

    def test_what_was_purged_is_imported_from_its_copy(self, machine, ledger):
        """Each answer once."""
        machine.rescue()
        for path in (machine.claude, machine.gemini, machine.opencode):
            path.unlink()
        assert self.imported(machine, ledger) == 5
        assert ledger.totals()[0].requests == 5

    def test_what_was_imported_before_counts_once(self, machine, ledger):
        """The copies hold the same answers under the same names, in however many versions."""
        import_all(ledger, environment=machine.environment)
        machine.rescue()
        machine.write(machine.claude, claude_line(2) + claude_line(3))
        machine.rescue()
        assert self.imported(machine, ledger) == 1
        assert ledger.totals()[0].requests == 6

    def test_a_second_import_of_the_archive_reads_nothing(self, machine, ledger):
        """Its files do not change by themselves."""
        machine.rescue()
        self.imported(machine, ledger)
        assert self.imported(machine, ledger) == 0


class TestFullDisk:
    """The archive stays whole, the originals are untouched, and it is said what is wrong."""

    def test_is_an_error_and_leaves_the_archive_clean(self, machine, monkeypatch):
        """The copy that did not fit is gone; those before it are there."""
        machine.rescue()
        before = machine.copies()
        machine.write(machine.gemini, gemini_document(1, 2))
        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", _no_space)
            with pytest.raises(StoreFull):
                machine.rescue()
        assert machine.copies() == before
        assert list((machine.archive / ".partial").iterdir()) == []
        assert machine.rescue().outcomes == {"unchanged": 2, "grown": 1}

    def test_a_copy_of_a_database_that_does_not_fit(self, machine, monkeypatch):
        """SQLite tells it in its own way."""
        monkeypatch.setattr(archive, "_back_up", _database_full)
        with pytest.raises(StoreFull):
            machine.rescue()
        assert "opencode.db" not in machine.copies()


def _no_space(_: int) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def _database_full(*_: object) -> None:
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute("PRAGMA max_page_count=2")
        connection.execute("CREATE TABLE t (x)")
        connection.execute("INSERT INTO t VALUES (zeroblob(100000))")


def test_a_copy_that_does_not_read_back_is_an_error(machine, monkeypatch):
    """A disk that forgets is found out before the old copy is replaced."""
    machine.rescue()
    before = machine.copies()
    machine.write(machine.claude, claude_line(3), mode="a")
    with monkeypatch.context() as patched:
        patched.setattr(archive, "_settle", lambda file, at: file.truncate(20))
        with pytest.raises(StateError, match="does not hold"):
            machine.rescue()
    assert machine.copies() == before


def test_a_killed_rescue_leaves_whole_copies_only(machine):
    """What it was working on is swept away by the next."""
    for number in range(30):
        machine.write(machine.claude.with_name(f"s{number}.jsonl"), claude_line(number) * 300)
    code = (
        "import sys; from quarterdeck.costs.rescue import archive, rescue\n"
        "settle = archive._settle\n"
        "def told(file, at): print(flush=True); settle(file, at)\n"
        "archive._settle = told\n"
        "rescue(sys.argv[1], environment={'HOME': sys.argv[2]})"
    )
    command = [sys.executable, "-c", code, str(machine.archive), str(machine.home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for _ in range(10):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    for name, content in machine.copies().items():
        if name.startswith("s"):
            assert content in {path.read_bytes() for path in machine.claude.parent.iterdir()} | {
                machine.gemini.read_bytes()
            }
    report = machine.rescue()
    assert sum(report.outcomes.values()) == 33
    assert list((machine.archive / ".partial").iterdir()) == []


def test_a_second_rescue_waits_for_the_first(machine, monkeypatch):
    """Not for ever."""
    monkeypatch.setattr("quarterdeck.costs.rescue.rescuing._WAIT_S", 0.0)
    machine.rescue()
    with Lease.wait(str(machine.archive / "lock"), 1), pytest.raises(StoreBusy):
        machine.rescue()


def test_an_archive_that_cannot_be_made_is_an_error(machine):
    """Something stands in its place."""
    machine.write(machine.archive, "a file")
    with pytest.raises(StateError):
        machine.rescue()


class TestPurge:
    """The report warns of transcripts that their agent is going to delete."""

    def warned(self, machine: Machine, **options: float) -> list[tuple[str, float]]:
        report = machine.rescue(**options)
        return [(os.path.basename(one.path), round(one.days_left, 6)) for one in report.expiring]

    def test_comes_after_thirty_days_without_a_change(self, machine):
        """The first to go comes first; OpenCode deletes nothing by itself."""
        machine.age(machine.claude, 24)
        machine.age(machine.gemini, 31)
        machine.age(machine.opencode, 300)
        assert self.warned(machine) == [("session-1.json", -1), ("s.jsonl", 6)]
        assert self.warned(machine, expiring_within_days=5) == [("session-1.json", -1)]

    def test_comes_when_the_settings_say(self, machine):
        """``cleanupPeriodDays`` of Claude Code."""
        machine.age(machine.claude, 24)
        machine.write(machine.home / ".claude" / "settings.json", '{"cleanupPeriodDays": 90}')
        assert self.warned(machine) == []
        machine.write(machine.home / ".claude" / "settings.json", '{"cleanupPeriodDays": 25}')
        assert self.warned(machine) == [("s.jsonl", 1)]


@pytest.mark.parametrize(
    "agent,settings,days",
    [
        ("claude-code", None, 30),
        ("claude-code", '{"cleanupPeriodDays": 365}', 365),
        ("claude-code", '{"cleanupPeriodDays": 0}', None),
        ("claude-code", '{"cleanupPeriodDays": "many"}', 30),
        ("claude-code", "{", 30),
        ("claude-code", "[]", 30),
        ("claude-code", "[" * 100_000, 30),
        ("gemini-cli", None, 30),
        ("gemini-cli", '{"general": {"sessionRetention": {"maxAge": "2w"}}}', 14),
        ("gemini-cli", '{"general": {"sessionRetention": {"maxAge": "12h"}}}', 0.5),
        ("gemini-cli", '{"general": {"sessionRetention": {"maxAge": "soon"}}}', 30),
        ("gemini-cli", '{"general": {"sessionRetention": {"enabled": false}}}', None),
        ("gemini-cli", '{"general": []}', 30),
        ("codex", None, None),
        ("opencode", None, None),
    ],
)
def test_retention(tmp_path, agent: str, settings: str | None, days: float | None):
    """What cannot be understood is no reason to feel safe."""
    if settings is not None:
        (tmp_path / "settings.json").write_text(settings)
    assert retention_days(agent, str(tmp_path / "projects")) == days
