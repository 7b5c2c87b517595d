"""Sums from the cells, by any of their labels."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck import sqlite
from quarterdeck.costs.ledger.cells import COUNTS, LABELS
from quarterdeck.costs.model import Usage
from quarterdeck.costs.money import PICO
from quarterdeck.errors import UsageError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence
    from datetime import date

TAG = "tag:"
_COLUMNS = ("day", "bracket", "priced", *(label for label in LABELS if label != "tags"))
_SUMS = ", ".join(f"coalesce(sum({name}), 0)" for name in COUNTS)
_SUMS += (
    ", coalesce(sum(cost_usd), 0), coalesce(sum(cost_pico), 0), coalesce(sum(requests * (1 - priced)), 0)"
)
_SELECT = f"SELECT {{keys}} {_SUMS} FROM cells JOIN labels ON id = label {{where}} {{group}}"  # noqa: S608 - our own
_SESSIONS = f"""
SELECT session, first_at, last_at, min(project), min(source), json_group_array(DISTINCT model), {_SUMS}
FROM (SELECT * FROM session_times WHERE {{where}} ORDER BY last_at DESC, session LIMIT ?)
JOIN sessions USING (session) JOIN labels ON id = label
GROUP BY session ORDER BY last_at DESC, session
"""  # noqa: S608 - our own


class Total(NamedTuple):
    """A sum of requests.

    Attributes:
        key: the values it was asked for by, in that order; text, an int for ``bracket``.
        requests: all of them.
        unpriced_requests: those that have no price; *cost_picousd* does not contain them.
        usage: the sum of each count, unpriced requests included.
        cost_picousd: exact.
    """

    key: tuple[str | int, ...]
    requests: int
    unpriced_requests: int
    usage: Usage
    cost_picousd: int


class SessionTotal(NamedTuple):
    """One session: when, and what it came to.

    Attributes:
        first_at, last_at: UTC, ISO 8601.
        models: the served models, by name.
        project: where it ran; the first by name if there are several.
        source: the agent; likewise.
    """

    session: str
    first_at: str
    last_at: str
    project: str
    source: str
    models: tuple[str, ...]
    total: Total


def totals(
    connection: sqlite3.Connection,
    *,
    since: date | None,
    until: date | None,
    by: Sequence[str],
    where: Mapping[str, str],
    tags: Sequence[str],
) -> list[Total]:
    """The sums from *since* to *until*, both included, in the order of their keys.

    Costs one range scan of the cells of those days, whatever the ledger's age.

    Raises:
        UsageError: *by* or *where* names something that has no cells.
    """
    conditions = ["day >= ?"] if since else []
    values: list[str] = [since.isoformat()] if since else []
    if until:
        conditions.append("day <= ?")
        values.append(until.isoformat())
    for name, value in where.items():
        conditions.append(f"{_column(name, tags)} = ?")
        values.append(value)
    columns = [_column(name, tags) for name in by]
    order = ", ".join(str(place + 1) for place in range(len(columns)))
    query = _SELECT.format(
        keys="".join(f"{column}, " for column in columns),
        where=f"WHERE {' AND '.join(conditions)}" if conditions else "",
        group=f"GROUP BY {order} ORDER BY {order}" if columns else "",
    )
    with sqlite.translated():
        return [_total(row, len(columns)) for row in connection.execute(query, values)]


def sessions(
    connection: sqlite3.Connection, *, session: str | None, since: str | None, limit: int
) -> list[SessionTotal]:
    """The sessions, the latest first: all, or only *session*, or only those seen from *since* on."""
    conditions, values = ["last_at >= ?"], [since or ""]
    if session is not None:
        conditions.append("session = ?")
        values.append(session)
    query = _SESSIONS.format(where=" AND ".join(conditions))
    with sqlite.translated():
        rows = connection.execute(query, (*values, limit or -1))
        return [
            SessionTotal(
                name, first_at, last_at, project, source, tuple(sorted(json.loads(models))), _total(sums, 0)
            )
            for name, first_at, last_at, project, source, models, *sums in rows
        ]


def label_name(name: str) -> str:
    """How `totals` names the label that callers know as *name*: a tag where it is no label of its own."""
    return name if name in _COLUMNS or name == "user" or name.startswith(TAG) else TAG + name


def _column(name: str, tags: Sequence[str]) -> str:
    """The SQL of one label; only ever our own words."""
    if name in _COLUMNS:
        return name
    if name == "month":
        return "substr(day, 1, 7)"
    tag = "user" if name == "user" else name.removeprefix(TAG) if name.startswith(TAG) else ""
    if tag and tag in tags:  # a chosen tag has neither quotes nor backslashes
        return f"coalesce(json_extract(nullif(tags, ''), '$.\"{tag}\"'), '')"
    known = [*_COLUMNS, "month", *(TAG + chosen for chosen in tags)]
    raise UsageError(
        f"there are no sums by {name!r:.60}",
        hint=f"sums are kept by {', '.join(known)}; "
        f"to keep more: qd costs rebuild --tag {name.removeprefix(TAG):.60}",
    )


def _total(row: Sequence[int], width: int) -> Total:
    counts = row[width : width + len(COUNTS)]
    usd, pico, unpriced = row[width + len(COUNTS) :]
    return Total(tuple(row[:width]), counts[0], unpriced, Usage(*counts[1:]), usd * PICO + pico)
