"""The tables of the rollup, and adding requests to them.

A cell is the sum of all requests of one day that share their labels, the bracket of their context and whether
they had a price: enough to answer any sum, and to price the same tokens by another model's card.
Dollars and the pico-dollars below a dollar are two columns, so that no sum can leave 64 bits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from quarterdeck.costs.model import Usage
from quarterdeck.costs.money import PICO

if TYPE_CHECKING:
    import sqlite3

Sums: TypeAlias = dict[tuple[object, ...], tuple[int, ...]]

LABELS = ("provider", "model", "task_type", "tier", "service_tier", "project", "source", "tags")
COUNTS = ("requests", *Usage._fields)
SUMS = (*COUNTS, "cost_usd", "cost_pico")

_LABEL_COLUMNS = ", ".join(f"{name} TEXT NOT NULL" for name in LABELS)
_SUM_COLUMNS = ", ".join(f"{name} INTEGER NOT NULL" for name in SUMS)

# Below, SQL is put together from our own names only.
SCHEMA = f"""
CREATE TABLE lost (segment TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE made_with (choices TEXT NOT NULL, making TEXT NOT NULL);
CREATE TABLE labels (id INTEGER PRIMARY KEY, {_LABEL_COLUMNS}, UNIQUE ({", ".join(LABELS)}));
CREATE TABLE cells (
    day TEXT NOT NULL, label INTEGER NOT NULL, bracket INTEGER NOT NULL, priced INTEGER NOT NULL,
    {_SUM_COLUMNS},
    PRIMARY KEY (day, label, bracket, priced)) WITHOUT ROWID;
CREATE TABLE sessions (
    session TEXT NOT NULL, label INTEGER NOT NULL, priced INTEGER NOT NULL, {_SUM_COLUMNS},
    PRIMARY KEY (session, label, priced)) WITHOUT ROWID;
CREATE TABLE session_times (
    session TEXT PRIMARY KEY, first_at TEXT NOT NULL, last_at TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX sessions_by_time ON session_times (last_at);
CREATE TABLE counted (
    key BLOB PRIMARY KEY, rank INTEGER NOT NULL, segment TEXT NOT NULL, offset INTEGER NOT NULL
    ) WITHOUT ROWID;
CREATE TABLE replaced (
    segment TEXT NOT NULL, offset INTEGER NOT NULL, PRIMARY KEY (segment, offset)) WITHOUT ROWID;
CREATE TABLE dropped (source TEXT PRIMARY KEY, requests INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE rejected (
    segment TEXT NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL, reason TEXT NOT NULL,
    PRIMARY KEY (segment, offset)) WITHOUT ROWID;
CREATE TABLE places (
    segment TEXT PRIMARY KEY, offset INTEGER NOT NULL, final INTEGER NOT NULL) WITHOUT ROWID;
CREATE VIEW spend AS
    SELECT day, {", ".join(LABELS)}, priced, {", ".join(COUNTS)}, cost_usd + cost_pico / {PICO}.0 AS cost
    FROM cells JOIN labels ON labels.id = cells.label;
"""  # noqa: S608


def _upsert(table: str, *keys: str) -> str:
    names = (*keys, *SUMS)
    adding = ", ".join(f"{name} = {name} + excluded.{name}" for name in COUNTS)
    return (
        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))}) "  # noqa: S608 - our own
        f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {adding}, "
        f"cost_usd = cost_usd + excluded.cost_usd + (cost_pico + excluded.cost_pico) / {PICO}, "
        f"cost_pico = (cost_pico + excluded.cost_pico) % {PICO}"
    )


_ADD_TO_CELL = _upsert("cells", "day", "label", "bracket", "priced")
_ADD_TO_SESSION = _upsert("sessions", "session", "label", "priced")
_KNOWN_LABEL = f"SELECT id FROM labels WHERE ({', '.join(LABELS)}) = ({', '.join('?' * len(LABELS))})"  # noqa: S608
_NEW_LABEL = f"INSERT OR IGNORE INTO labels ({', '.join(LABELS)}) VALUES ({', '.join('?' * len(LABELS))})"  # noqa: S608
_WIDEN = """
INSERT INTO session_times VALUES (?, ?, ?) ON CONFLICT (session) DO UPDATE SET
    first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at)
"""


class Gain(NamedTuple):
    """What a batch of lines adds, gathered in memory: each sum by its key, and the span of each session."""

    cells: dict[tuple[str, tuple[str, ...], int, int], list[int]]
    sessions: dict[tuple[str, tuple[str, ...], int], list[int]]
    spans: dict[str, tuple[str, str]]

    @classmethod
    def nothing(cls) -> Gain:
        """A batch that is still empty."""
        return cls({}, {}, {})


def write(connection: sqlite3.Connection, gain: Gain) -> None:
    """Add *gain* to the tables, inside the caller's transaction; sums that fall to nothing leave."""
    known: dict[tuple[str, ...], int] = {}

    def label_id(label: tuple[str, ...]) -> int:
        if label not in known:
            connection.execute(_NEW_LABEL, label)
            known[label] = connection.execute(_KNOWN_LABEL, label).fetchone()[0]
        return known[label]

    connection.executemany(
        _ADD_TO_CELL,
        (
            (day, label_id(label), bracket, priced, *_split(sums))
            for (day, label, bracket, priced), sums in gain.cells.items()
        ),
    )
    connection.executemany(
        _ADD_TO_SESSION,
        (
            (session, label_id(label), priced, *_split(sums))
            for (session, label, priced), sums in gain.sessions.items()
        ),
    )
    connection.executemany(_WIDEN, ((session, *span) for session, span in gain.spans.items()))
    connection.executemany(
        "DELETE FROM cells WHERE (day, label, bracket, priced) = (?, ?, ?, ?) AND requests = 0",
        (
            (day, label_id(label), bracket, priced)
            for (day, label, bracket, priced), sums in gain.cells.items()
            if sums[0] <= 0  # only a record that was displaced or replaced takes away
        ),
    )
    connection.executemany(
        "DELETE FROM sessions WHERE (session, label, priced) = (?, ?, ?) AND requests = 0",
        (
            (session, label_id(label), priced)
            for (session, label, priced), sums in gain.sessions.items()
            if sums[0] <= 0
        ),
    )


def _split(sums: list[int]) -> tuple[int, ...]:
    """The counts; then the cost, the last of *sums*, as whole dollars and what is above them, 0 or more."""
    return (*sums[:-1], *divmod(sums[-1], PICO))


def contents(connection: sqlite3.Connection) -> tuple[Sums, Sums]:
    """Every sum by its labels, of cells and of sessions."""
    labels = ", ".join(LABELS)
    sums = ", ".join(SUMS)
    found: list[Sums] = []
    for table, keys in (("cells", "day, bracket, priced"), ("sessions", "session, priced")):
        width = len(LABELS) + keys.count(",") + 1
        query = f"SELECT {keys}, {labels}, {sums} FROM {table} JOIN labels ON id = label"  # noqa: S608
        rows = connection.execute(query)
        found.append({tuple(row[:width]): tuple(row[width:]) for row in rows})
    return found[0], found[1]
