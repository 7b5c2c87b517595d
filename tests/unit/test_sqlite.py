"""Databases: private, migrated, never half written, and honest about what is wrong with them."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest

from quarterdeck import sqlite
from quarterdeck.errors import StateError, StoreBusy, StoreCorrupt, StoreFull, StoreTooNew

V1 = "CREATE TABLE note (text TEXT NOT NULL) -- a comment;\n"
V2 = "ALTER TABLE note ADD COLUMN at INTEGER NOT NULL DEFAULT 0;\nCREATE INDEX note_by_at ON note (at)"
V3 = """
CREATE TABLE log (text);
CREATE TRIGGER noted AFTER INSERT ON note BEGIN
    INSERT INTO log VALUES (new.text);
    INSERT INTO log VALUES ('a;
b');
END;
"""
OPEN_AND_CLOSE = """
import sys
from quarterdeck import sqlite
sqlite.connect(sys.argv[1], (sys.argv[2],), holds="truth").close()
"""
MIGRATE_WHEN_TOLD = """
import sys
from quarterdeck import sqlite
print(flush=True)
sys.stdin.readline()
connection = sqlite.connect(sys.argv[1], sys.argv[2:], holds="truth")
print(connection.execute("SELECT count(*) FROM note").fetchone()[0])
"""
FILL_A_LIMITED_FILE = """
import resource, sys
from quarterdeck import sqlite
from quarterdeck.errors import StoreFull
connection = sqlite.connect(sys.argv[1], (sys.argv[2],), holds="truth")
connection.execute("INSERT INTO note VALUES ('kept')")
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
try:
    with sqlite.transaction(connection):
        for _ in range(100):
            connection.execute("INSERT INTO note VALUES (?)", ("x" * 100_000,))
except StoreFull as error:
    print(error.hint)
print(*connection.execute("SELECT text FROM note").fetchone())
"""
DIE_IN_A_TRANSACTION = """
import os, signal, sys
from quarterdeck import sqlite
connection = sqlite.connect(sys.argv[1], (sys.argv[2],), holds="truth")
with sqlite.transaction(connection):
    connection.execute("INSERT INTO note VALUES ('kept')")
with sqlite.transaction(connection):
    connection.execute("INSERT INTO note VALUES ('lost')")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "a.sqlite")


@pytest.fixture
def opened(path):
    """Opens databases and closes them when the test is over."""
    connections = []

    def connect(*migrations: str, holds="truth", at: str = path, timeout_s: float = 10) -> sqlite3.Connection:
        connection = sqlite.connect(at, migrations or (V1,), holds=holds, timeout_s=timeout_s)
        connections.append(connection)
        return connection

    yield connect
    for connection in connections:
        connection.close()


def child(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)


def notes(connection: sqlite3.Connection) -> list[str]:
    return [row[0] for row in connection.execute("SELECT text FROM note ORDER BY rowid")]


class NotOurs(BaseException):
    """Nothing catches this by accident."""


def write_and_raise(connection: sqlite3.Connection, failure: type[BaseException]) -> None:
    connection.execute("INSERT INTO note VALUES ('a')")
    raise failure


# opening ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777], ids=oct)
def test_the_file_and_its_side_files_are_the_owners_whatever_the_umask(opened, tmp_path, umask: int):
    """Nobody else may read what was noted, not even in the log."""
    before = os.umask(umask)
    try:
        opened().execute("INSERT INTO note VALUES ('secret')")
    finally:
        os.umask(before)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert modes == dict.fromkeys(("a.sqlite", "a.sqlite-shm", "a.sqlite-wal"), 0o600)


def test_readers_and_a_writer_do_not_wait_for_each_other(opened):
    """The log is written ahead, commits survive kill -9, and a foreign schema cannot call functions."""
    connection = opened()
    pragmas = {
        name: connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "trusted_schema")
    }
    assert pragmas == {"journal_mode": "wal", "synchronous": 1, "trusted_schema": 0}


def test_a_database_can_live_in_memory(opened, tmp_path):
    """It leaves no file."""
    connection = opened(V1, V2, at=sqlite.IN_MEMORY)
    connection.execute("INSERT INTO note VALUES ('a', 1)")
    assert notes(connection) == ["a"]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("holds", ["truth", "cache"])
def test_a_new_file_has_the_pages_that_were_asked_for(opened, path, holds: Literal["cache", "truth"]):
    """Small pages make small writes cheap; a file that is there keeps its own."""
    for asked in (2048, 8192):
        sqlite.connect(path, (V1,), holds=holds, page_size=asked).close()
    assert opened(holds=holds).execute("PRAGMA page_size").fetchone() == (2048,)


@pytest.mark.parametrize("holds", ["truth", "cache"])
@pytest.mark.parametrize("kind", ["link", "link to nothing", "folder", "pipe"])
def test_what_is_no_plain_file_is_refused_and_left_alone(opened, tmp_path, path, kind: str, holds: str):
    """A link could lead anywhere, a pipe would hang."""
    target = tmp_path / "target"
    match kind:
        case "link":
            target.write_bytes(b"theirs")
            os.symlink(target, path)
        case "link to nothing":
            os.symlink(target, path)
        case "folder":
            os.mkdir(path)
        case _:
            os.mkfifo(path)
    before = os.lstat(path)
    with pytest.raises(StateError, match="not a plain file"):
        opened(holds=holds)
    assert os.lstat(path).st_ino == before.st_ino
    assert target.exists() == (kind == "link")
    assert kind != "link" or target.read_bytes() == b"theirs"


def test_a_missing_folder_is_an_error_with_a_hint(opened, tmp_path):
    """It is not for a database to make folders."""
    with pytest.raises(StateError, match="No such file") as caught:
        opened(at=str(tmp_path / "missing" / "a.sqlite"))
    assert "folder" in caught.value.hint


def test_a_second_connection_keeps_the_locks_of_the_first(opened, path):
    """To close any descriptor of a file drops all locks that the process has on it.

    Then another process that closes the database takes itself for the last one and deletes the log.
    """
    first = opened()
    first.execute("INSERT INTO note VALUES ('kept')")
    opened().close()
    assert child(OPEN_AND_CLOSE, path, V1).returncode == 0
    assert os.path.exists(f"{path}-wal")
    assert notes(first) == ["kept"]


# versions --------------------------------------------------------------------------------------------


def test_a_truth_is_migrated_step_by_step_and_keeps_its_data(opened):
    """From any older version, through statements of several lines, with comments and triggers."""
    first = opened(V1)
    first.execute("INSERT INTO note VALUES ('kept')")
    first.close()
    for migrations in ((V1, V2), (V1, V2, V3)):
        connection = opened(*migrations)
        assert connection.execute("PRAGMA user_version").fetchone() == (len(migrations),)
        assert connection.execute("SELECT text, at FROM note").fetchall() == [("kept", 0)]
        connection.close()
    connection = opened(V1, V2, V3)
    connection.execute("INSERT INTO note VALUES ('new', 1)")
    assert connection.execute("SELECT text FROM log").fetchall() == [("new",), ("a;\nb",)]


def test_a_migration_that_fails_changes_nothing(opened):
    """The old version can go on with it."""
    opened(V1).execute("INSERT INTO note VALUES ('kept')")
    with pytest.raises(StateError, match="no such table: nowhere"):
        opened(V1, f"{V2};\nINSERT INTO nowhere VALUES (1)")
    connection = opened(V1)
    assert connection.execute("SELECT * FROM note").fetchall() == [("kept",)]


def test_a_truth_of_a_newer_version_is_left_alone(opened, path):
    """Its notes are not lost because somebody ran an old program once."""
    opened(V1, V2).close()
    before = Path(path).read_bytes()
    with pytest.raises(StoreTooNew, match="version 2, this Quarterdeck writes version 1") as caught:
        opened(V1)
    assert "upgrade" in caught.value.hint
    assert Path(path).read_bytes() == before


@pytest.mark.parametrize(
    "found, wanted",
    [((V1,), (V1, V2)), ((V1, V2), (V1,)), ((V1,), (f"{V1};\n{V2}",))],
    ids=["older", "newer", "changed in place"],
)
def test_a_cache_of_another_schema_is_made_anew(opened, found, wanted):
    """Nobody has to remember to count versions of what can be computed again."""
    first = opened(*found, holds="cache")
    first.execute("INSERT INTO note (text) VALUES ('old')")
    first.close()
    connection = opened(*wanted, holds="cache")
    expected = [row[1] for row in opened(*wanted, at=sqlite.IN_MEMORY).execute("PRAGMA table_info(note)")]
    assert [row[1] for row in connection.execute("PRAGMA table_info(note)")] == expected
    assert notes(connection) == []


def test_a_cache_of_the_same_schema_is_kept(opened):
    """Else it would be none."""
    first = opened(holds="cache")
    first.execute("INSERT INTO note VALUES ('kept')")
    first.close()
    assert notes(opened(holds="cache")) == ["kept"]


def test_many_processes_that_migrate_at_once_migrate_once(path):
    """One does it, the others wait and find it done."""
    steps = (V1, "INSERT INTO note VALUES ('migrated')")
    crowd = [
        subprocess.Popen(
            [sys.executable, "-c", MIGRATE_WHEN_TOLD, path, *steps],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in crowd:
        assert process.stdout is not None
        process.stdout.readline()
    for process in crowd:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    assert [process.communicate()[0].strip() for process in crowd] == ["1"] * 4


def test_a_version_that_another_process_has_raised_meanwhile_is_not_lowered(opened, monkeypatch):
    """Between the first look and the lock a newer program may have been quicker."""
    migrate = sqlite._migrate

    def outrun(*given):
        monkeypatch.setattr(sqlite, "_migrate", migrate)
        opened(V1, V2).close()
        migrate(*given)

    monkeypatch.setattr(sqlite, "_migrate", outrun)
    with pytest.raises(StoreTooNew):
        opened(V1)
    assert opened(V1, V2).execute("PRAGMA user_version").fetchone() == (2,)


def test_a_database_that_another_process_makes_meanwhile_is_not_called_foreign(path, monkeypatch):
    """It has tables and a version at once, but we look at them one after the other."""
    plain = sqlite3.connect

    class Outrun(sqlite3.Connection):
        looks = 0

        def execute(self, statement, *given):
            self.looks += statement in {"PRAGMA user_version", "SELECT 1 FROM sqlite_master"}
            if self.looks == 2:
                monkeypatch.setattr(sqlite3, "connect", plain)
                sqlite.connect(path, (V1,), holds="truth").close()
            return super().execute(statement, *given)

    monkeypatch.setattr(sqlite3, "connect", lambda *given, **options: Outrun(*given, **options))
    connection = sqlite.connect(path, (V1,), holds="truth")
    assert notes(connection) == []
    connection.close()


# damage ----------------------------------------------------------------------------------------------


def foreign(path: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE note (theirs)")
    connection.close()


@pytest.mark.parametrize("damage", [lambda path: Path(path).write_bytes(b"not a database" * 999), foreign])
def test_a_truth_that_is_not_ours_is_left_as_it_is(opened, path, damage):
    """The user may be able to mend it, or it may be somebody else's."""
    damage(path)
    before = Path(path).read_bytes()
    with pytest.raises(StoreCorrupt) as caught:
        opened(holds="truth")
    assert "move it away" in caught.value.hint
    assert path in caught.value.message
    assert Path(path).read_bytes() == before


@pytest.mark.parametrize("damage", [lambda path: Path(path).write_bytes(b"not a database" * 999), foreign])
def test_a_cache_that_is_not_ours_is_made_anew(opened, path, damage):
    """Nobody is told, for nothing is lost."""
    damage(path)
    connection = opened(holds="cache")
    connection.execute("INSERT INTO note VALUES ('new')")
    assert notes(connection) == ["new"]


def test_damage_that_is_met_later_has_the_same_name(opened, path):
    """A page in the middle is only read when it is needed."""
    connection = opened()
    connection.executemany("INSERT INTO note VALUES (?)", [("x" * 1000,)] * 100)
    connection.close()
    with open(path, "r+b") as file:
        file.seek(8192)
        file.write(b"\xa5" * 40_000)
    with pytest.raises(StoreCorrupt), sqlite.translated():
        opened().execute("SELECT sum(length(text)) FROM note").fetchone()


def test_text_that_is_not_utf8_is_damage(opened):
    """SQLite does not look, Python does, and its error has no code."""
    connection = opened()
    connection.execute("INSERT INTO note VALUES (CAST(X'ff' AS TEXT))")
    with pytest.raises(StoreCorrupt), sqlite.translated():
        connection.execute("SELECT text FROM note").fetchone()


def test_a_mistake_of_the_program_is_not_called_damage(opened):
    """To blame the file would make somebody delete it."""
    connection = opened()
    with pytest.raises(sqlite3.ProgrammingError), sqlite.translated():
        connection.execute("SELECT ?", ())


def test_discarding_takes_the_side_files_along(opened, path, tmp_path):
    """A log that is left behind would be played back into the next database."""
    opened().execute("INSERT INTO note VALUES ('a')")
    sqlite.discard(path)
    assert not list(tmp_path.iterdir())
    sqlite.discard(path)


# transactions ----------------------------------------------------------------------------------------


def test_a_transaction_is_kept_when_it_ends(opened):
    """Also for other connections."""
    with sqlite.transaction(opened()) as connection:
        connection.execute("INSERT INTO note VALUES ('a')")
    assert notes(opened()) == ["a"]


@pytest.mark.parametrize("failure", [KeyboardInterrupt, GeneratorExit, SystemExit, ValueError, NotOurs])
def test_a_transaction_is_undone_by_any_exception(opened, failure):
    """An interrupt included: what it wrote is gone and the lock is free."""
    connection = opened()
    with pytest.raises(failure), sqlite.transaction(connection):
        write_and_raise(connection, failure)
    assert notes(connection) == []
    with sqlite.transaction(opened(timeout_s=0)) as other:
        other.execute("INSERT INTO note VALUES ('b')")


def test_a_killed_process_leaves_whole_transactions(opened, path):
    """What was committed is there, what was not is not."""
    assert child(DIE_IN_A_TRANSACTION, path, V1).returncode == -9
    assert notes(opened()) == ["kept"]


def test_a_writer_that_waits_too_long_is_told_that_it_is_busy(opened):
    """The other one goes on undisturbed."""
    first, second = opened(), opened(timeout_s=0)
    with sqlite.transaction(first):
        first.execute("INSERT INTO note VALUES ('a')")
        with pytest.raises(StoreBusy) as caught, sqlite.transaction(second):
            pytest.fail("two writers at once")
        assert "wait" in caught.value.hint
    assert notes(second) == ["a"]


def test_a_full_database_keeps_what_it_had(opened):
    """SQLite has rolled back by itself then; the error that is seen is still the first one."""
    connection = opened()
    connection.execute("INSERT INTO note VALUES ('kept')")
    connection.execute("PRAGMA max_page_count=8")
    with pytest.raises(StoreFull) as caught, sqlite.transaction(connection):
        connection.executemany("INSERT INTO note VALUES (?)", [("x" * 4000,)] * 100)
    assert caught.value.hint
    assert notes(connection) == ["kept"]


def test_a_quota_is_a_full_disk(path):
    """A limit that the kernel enforces looks the same, and loses nothing either."""
    filled = child(FILL_A_LIMITED_FILE, path, V1)
    assert filled.stdout.splitlines() == ["free some space and run the command again", "kept"], filled.stderr


def test_a_snapshot_sees_one_state(opened):
    """Whatever others commit meanwhile; afterwards their work is seen."""
    reader, writer = opened(), opened()
    with sqlite.snapshot(reader):
        assert notes(reader) == []
        writer.execute("INSERT INTO note VALUES ('new')")
        assert notes(reader) == []
    assert notes(reader) == ["new"]


def test_a_snapshot_that_fails_shows_its_own_error(opened):
    """And leaves no transaction open."""
    connection = opened()
    with pytest.raises(StateError, match="nowhere"), sqlite.snapshot(connection):
        connection.execute("SELECT * FROM nowhere")
    assert not connection.in_transaction
