"""What one working tree looked like when it was last read, and everything derived from that.

One SQLite file in the project's state folder, open to any SQL tool. All of it can be deleted; it is
written in one transaction per refresh, so a reader (or a kill -9) meets the state before or the
state after, never a mixture.

    entry, watched   signatures: what `validate` compares with the disk
    record           one row for each file, as `FileRecord` has it
    edge             imports, file to file;  definition: the files that define what a file imports
    link             test file -> file it covers, and how we know
    state, change    a log of states: what differs between then and now
    meta             what the rows were made with (versions, settings), the summary

Paths are TEXT; a path that is not UTF-8 is a BLOB of its bytes.
"""

from __future__ import annotations

import contextlib
import json
import weakref
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from quarterdeck import sqlite
from quarterdeck.index.disk.signature import Signature
from quarterdeck.index.graph.covers import Link
from quarterdeck.index.model import FileCategory, FileRecord, ProjectSummary, TestRequirement, moment
from quarterdeck.index.store import seal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

FILE = "index.sqlite"
KEEP_STATES = 2000

TURN_S = 10.0
"""How long to let another process do the work before doing it here as well."""

_SCHEMA = """
CREATE TABLE entry (            -- every file of the tree, as it was when it was read
    path PRIMARY KEY,
    size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL, inode INTEGER NOT NULL,
    racy INTEGER NOT NULL,      -- it was read so soon after a change that the signature proves nothing
    hash TEXT NOT NULL,         -- of its bytes; empty when it could not be read
    category TEXT NOT NULL,
    language TEXT NOT NULL,
    read_at INTEGER NOT NULL    -- when its bytes were last looked at, ns since 1970
) WITHOUT ROWID;
CREATE TABLE watched (          -- folders and ignore files: they decide which files belong to the tree
    path PRIMARY KEY,           -- absolute
    size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL, inode INTEGER NOT NULL,
    racy INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE record (
    path PRIMARY KEY, name, category, language, test_requirement, test_file_path, tests_exist, test_count,
    coverage_percent, last_modified, tests_last_modified, last_indexed, staleness_days, is_stale,
    lines_of_code, lines_of_test, complexity_score, has_docstrings, has_type_hints, lint_issues,
    imports, imported_by, import_count, imported_by_count, impact_score, metadata, needs_attention,
    attention_reasons, content_hash, size_bytes, lines, functions, max_complexity, cognitive_complexity,
    documented_ratio, hinted_ratio, dependents_count, test_files, coverage_outdated, error,
    attention_weight            -- orders the attention list; not part of a FileRecord
) WITHOUT ROWID;
CREATE TABLE edge (source NOT NULL, target NOT NULL, kind TEXT NOT NULL, line INTEGER NOT NULL,
    PRIMARY KEY (source, target)) WITHOUT ROWID;
CREATE INDEX edge_by_target ON edge (target);
CREATE TABLE definition (source NOT NULL, target NOT NULL, PRIMARY KEY (source, target)) WITHOUT ROWID;
CREATE TABLE link (path NOT NULL, test NOT NULL, how TEXT NOT NULL, confidence REAL NOT NULL,
    PRIMARY KEY (path, test)) WITHOUT ROWID;
CREATE INDEX link_by_test ON link (test);
CREATE TABLE state (seq INTEGER PRIMARY KEY, id TEXT NOT NULL, at INTEGER NOT NULL);
CREATE TABLE change (seq INTEGER NOT NULL, path NOT NULL, before TEXT NOT NULL, after TEXT NOT NULL,
    PRIMARY KEY (seq, path)) WITHOUT ROWID;
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID
"""

_RECORD_COLUMNS = ", ".join(FileRecord._fields)
_TUPLES = tuple(
    FileRecord._fields.index(name) for name in ("imports", "imported_by", "attention_reasons", "test_files")
)


SignatureRow: TypeAlias = tuple[str | bytes, int, int, int, int, int]
"""(path as the database holds it, size, mtime_ns, ctime_ns, inode, racy)."""


class Entry(NamedTuple):
    """One file as it was when it was read."""

    path: str
    signature: Signature
    racy: bool
    hash: str
    category: str
    language: str
    read_at: int


class Watched(NamedTuple):
    """A folder or an ignore file; one that does not exist has the signature `ABSENT`."""

    path: str
    signature: Signature
    racy: bool


ABSENT = Signature(-1, 0, 0, 0)


def to_db(path: str) -> str | bytes:
    """*path* as SQLite can hold it."""
    if path.isascii():
        return path
    try:
        path.encode()
    except UnicodeEncodeError:
        return path.encode("utf-8", "surrogateescape")
    return path


def from_db(value: str | bytes) -> str:
    """The inverse of `to_db`."""
    return value if isinstance(value, str) else value.decode("utf-8", "surrogateescape")


class Stamp(NamedTuple):
    """The state the stored rows describe; `seq` 0 means "nothing stored yet"."""

    seq: int
    id: str


class TreeStore:
    """The rows of one working tree. One object per process and thread; many processes may share the file."""

    def __init__(self, path: str) -> None:
        """Open the store at *path* (or `sqlite.IN_MEMORY`), making it anew when it is damaged.

        Raises:
            StoreFull, StoreBusy, StateError: it can be neither opened nor made.
        """
        self.in_memory = path == sqlite.IN_MEMORY
        self._path = path
        with contextlib.nullcontext(False) if self.in_memory else seal.opening(path) as is_broken:
            if is_broken:
                sqlite.discard(path)
            self.connection = sqlite.connect(path, (_SCHEMA,), holds="cache")
        # At the latest when the process ends: a file that is closed but not sealed would be made anew.
        how = (self.connection.close,) if self.in_memory else (seal.close, self.connection, path)
        self._closing = weakref.finalize(self, *how)

    def close(self) -> None:
        """Give the file back; the object cannot be used afterwards."""
        self._closing()

    def turn(self) -> contextlib.AbstractContextManager[bool]:
        """The right to bring the rows up to date; true inside when another process has just had it."""
        return contextlib.nullcontext(False) if self.in_memory else seal.turn(self._path, wait_s=TURN_S)

    def stamp(self) -> Stamp:
        """The newest state."""
        row = self.connection.execute("SELECT seq, id FROM state ORDER BY seq DESC LIMIT 1").fetchone()
        return Stamp(*row) if row else Stamp(0, "")

    def meta(self) -> dict[str, str]:
        """What the rows were made with."""
        return dict(self.connection.execute("SELECT key, value FROM meta"))

    def forget(self) -> None:
        """Make the next scan a cold one; other processes may have the file open."""
        with sqlite.transaction(self.connection):
            self.clear()

    def clear(self) -> None:
        """Forget everything but the log of states; call inside a transaction."""
        for table in ("entry", "watched", "record", "edge", "definition", "link", "meta"):
            self.connection.execute(f"DELETE FROM {table}")  # noqa: S608

    def notes(self) -> tuple[str, ...]:
        """What discovery wanted the user to know."""
        return tuple(json.loads(self.meta().get("notes", "[]")))

    def put_notes(self, notes: Sequence[str]) -> None:
        """Replace the notes of discovery; call inside a transaction."""
        self.put_meta({"notes": json.dumps(notes)})

    def summary(self) -> ProjectSummary:
        """The summary of the stored state."""
        return ProjectSummary.from_dict(json.loads(self.meta()["summary"]))

    def put_summary(self, summary: ProjectSummary) -> None:
        """Replace the summary; call inside a transaction."""
        self.put_meta({"summary": json.dumps(summary.to_dict())})

    def entries(self) -> list[Entry]:
        """Every file, by path. O(files)."""
        return [
            Entry(from_db(row[0]), Signature(*row[1:5]), bool(row[5]), *row[6:])
            for row in self.connection.execute("SELECT * FROM entry")
        ]

    def paths(self) -> list[str]:
        """Every file's path, sorted by the database."""
        return [from_db(path) for (path,) in self.connection.execute("SELECT path FROM record")]

    def signatures(self) -> Iterator[SignatureRow]:
        """The signature of every file: the hot part of `entries`."""
        return self.connection.execute("SELECT path, size, mtime_ns, ctime_ns, inode, racy FROM entry")

    def watched_signatures(self) -> Iterator[SignatureRow]:
        """The signature of every folder and ignore file; paths are absolute."""
        return self.connection.execute("SELECT path, size, mtime_ns, ctime_ns, inode, racy FROM watched")

    def put_entries(self, entries: Iterable[Entry]) -> None:
        """Add or replace *entries*; call inside a transaction."""
        self.connection.executemany(
            "INSERT OR REPLACE INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (to_db(e.path), *e.signature, int(e.racy), e.hash, e.category, e.language, e.read_at)
                for e in entries
            ],
        )

    def drop_files(self, paths: Iterable[str]) -> None:
        """Forget files that are gone: their entry and record; call inside a transaction."""
        keys = [(to_db(path),) for path in paths]
        self.connection.executemany("DELETE FROM entry WHERE path = ?", keys)
        self.connection.executemany("DELETE FROM record WHERE path = ?", keys)

    def put_watched(self, watched: Iterable[Watched]) -> None:
        """Replace all watched folders and inputs; call inside a transaction."""
        self.connection.execute("DELETE FROM watched")
        self.connection.executemany(
            "INSERT INTO watched VALUES (?, ?, ?, ?, ?, ?)",
            [(to_db(each.path), *each.signature, int(each.racy)) for each in watched],
        )

    def put_meta(self, values: Mapping[str, str]) -> None:
        """Set some keys; call inside a transaction."""
        self.connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", list(values.items()))

    def put_graph(
        self,
        edges: Iterable[tuple[str, str, str, int]],
        definitions: Iterable[tuple[str, str]],
    ) -> None:
        """Replace all edges and definitions; call inside a transaction."""
        connection = self.connection
        connection.execute("DELETE FROM edge")
        connection.execute("DELETE FROM definition")
        connection.executemany(
            "INSERT INTO edge VALUES (?, ?, ?, ?)",
            [(to_db(source), to_db(target), kind, line) for source, target, kind, line in edges],
        )
        connection.executemany(
            "INSERT INTO definition VALUES (?, ?)",
            [(to_db(source), to_db(target)) for source, target in definitions],
        )

    def put_links(self, links: Iterable[Link]) -> None:
        """Replace all test links; call inside a transaction."""
        self.connection.execute("DELETE FROM link")
        self.connection.executemany(
            "INSERT INTO link VALUES (?, ?, ?, ?)",
            [(to_db(path), to_db(test), how, confidence) for path, test, how, confidence in links],
        )

    def edges(self) -> list[tuple[str, str, str, int]]:
        """(source, target, kind, line) of every import."""
        return [
            (from_db(source), from_db(target), kind, line)
            for source, target, kind, line in self.connection.execute("SELECT * FROM edge")
        ]

    def definitions(self) -> list[tuple[str, str]]:
        """(source, target): target defines something that source imports."""
        return [(from_db(a), from_db(b)) for a, b in self.connection.execute("SELECT * FROM definition")]

    def links(self) -> list[Link]:
        """Every direct test link."""
        return [
            Link(from_db(path), from_db(test), how, confidence)
            for path, test, how, confidence in self.connection.execute("SELECT * FROM link")
        ]

    def put_rows(self, rows: Iterable[Sequence[Any]]) -> None:
        """Add or replace `record_row` rows; call inside a transaction."""
        marks = ", ".join("?" * (len(FileRecord._fields) + 1))
        self.connection.executemany(f"INSERT OR REPLACE INTO record VALUES ({marks})", rows)  # noqa: S608

    def rows(self, where: str = "", parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Raw record rows, as `record_row` makes them. *where* is SQL of ours, never a user's."""
        return self.connection.execute(f"SELECT * FROM record {where}", parameters).fetchall()  # noqa: S608

    def records(self, where: str = "", parameters: Sequence[object] = ()) -> list[FileRecord]:
        """Records, by path unless *where* orders them. *where* is SQL of ours, never a user's."""
        statement = f"SELECT {_RECORD_COLUMNS} FROM record {where}"  # noqa: S608
        return [record_of(row) for row in self.connection.execute(statement, parameters)]

    def records_at(self, paths: Iterable[str]) -> list[FileRecord]:
        """Records of those *paths* that are indexed, in the order of *paths*."""
        return [record for path in paths for record in self.records("WHERE path = ?", (to_db(path),))]

    def states(self, start: str) -> dict[str, int]:
        """Recorded states whose id begins with *start* -> number of the newest of each id."""
        rows = self.connection.execute(
            "SELECT id, max(seq) FROM state WHERE substr(id, 1, ?) = ? GROUP BY id", (len(start), start)
        )
        return dict(rows.fetchall())

    def changes_after(self, seq: int) -> list[tuple[str, str, str]]:
        """(path, hash before, hash after) of every logged change after state *seq*, oldest first."""
        rows = self.connection.execute(
            "SELECT path, before, after FROM change WHERE seq > ? ORDER BY seq", (seq,)
        )
        return [(from_db(path), before, after) for path, before, after in rows]

    def log_state(self, state_id: str, at_ns: int, changes: Iterable[tuple[str, str, str]]) -> int:
        """Append a state with what differs from the one before; the number of the new state.

        Args:
            state_id: digest of the tree.
            at_ns: now.
            changes: (path, hash before, hash after); an empty hash means "not there".
        """
        connection = self.connection
        seq = self.stamp().seq + 1
        connection.execute("INSERT INTO state VALUES (?, ?, ?)", (seq, state_id, at_ns))
        connection.executemany(
            "INSERT INTO change VALUES (?, ?, ?, ?)", [(seq, to_db(path), a, b) for path, a, b in changes]
        )
        oldest = seq - KEEP_STATES
        connection.execute("DELETE FROM state WHERE seq <= ?", (oldest,))
        connection.execute("DELETE FROM change WHERE seq <= ?", (oldest,))
        return seq


def record_row(record: FileRecord, attention_weight: float) -> tuple[Any, ...]:
    """*record* as a row of the table `record`."""
    row: list[Any] = list(record)
    row[0] = to_db(record.path)
    row[1] = to_db(record.name)
    row[2] = record.category.value
    row[4] = record.test_requirement.value
    row[5] = None if record.test_file_path is None else to_db(record.test_file_path)
    for index in _TIMES:
        row[index] = None if row[index] is None else (row[index] - _EPOCH) // _MICROSECOND * 1000
    for index in _TUPLES:
        row[index] = json.dumps(row[index]) if row[index] else ""
    row[_METADATA] = json.dumps(record.metadata) if record.metadata else ""
    row.append(attention_weight)
    return tuple(row)


_TIMES = tuple(
    FileRecord._fields.index(name) for name in ("last_modified", "tests_last_modified", "last_indexed")
)
_EPOCH = moment(0)
_MICROSECOND = _EPOCH.resolution
_METADATA = FileRecord._fields.index("metadata")
_BOOLS = tuple(
    FileRecord._fields.index(name)
    for name in (
        "tests_exist",
        "is_stale",
        "has_docstrings",
        "has_type_hints",
        "needs_attention",
        "coverage_outdated",
    )
)
_CATEGORIES = {category.value: category for category in FileCategory}
_REQUIREMENTS = {requirement.value: requirement for requirement in TestRequirement}


def record_of(row: Sequence[Any]) -> FileRecord:
    """The inverse of `record_row`, without the weight."""
    values = list(row)
    values[0] = from_db(values[0])
    values[1] = from_db(values[1])
    values[2] = _CATEGORIES[values[2]]
    values[4] = _REQUIREMENTS[values[4]]
    if values[5] is not None:
        values[5] = from_db(values[5])
    for index in _TIMES:
        if values[index] is not None:
            values[index] = moment(values[index])
    for index in _TUPLES:
        values[index] = tuple(json.loads(values[index])) if values[index] else ()
    values[_METADATA] = json.loads(values[_METADATA]) if values[_METADATA] else {}
    for index in _BOOLS:
        values[index] = bool(values[index])
    return FileRecord._make(values)
