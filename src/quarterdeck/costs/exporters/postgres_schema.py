"""The tables and views in PostgreSQL, as a list of migrations; a change is a new one at its end.

    ledgers       who ships here, and in which time zone their days are
    requests      one row for each record that counts, keyed by where it stands in its journal
    checkpoints   how far each segment of each ledger has been shipped; written with the rows
    spend_by_*    for people; sums are numeric, so no total can overflow or be rounded

``{schema}`` is put in as a quoted identifier; there is nothing else to fill in.
"""

from __future__ import annotations

from quarterdeck.costs.exporters.selected import COUNTS, LABELS

_LABELS = tuple("user_name" if name == "user" else name for name in LABELS)  # user is a word of SQL
COLUMNS = (
    "ledger", "segment", "byte_offset", "at", *_LABELS, *COUNTS, "cost_picousd", "tags", "claim",
)  # fmt: skip
"""Of ``requests``, in the order in which rows are sent."""

_SUMS = ",\n        ".join(
    (
        "sum(requests) AS requests",
        "coalesce(sum(requests) FILTER (WHERE cost_picousd IS NULL), 0) AS unpriced_requests",
        *(f"sum({name}) AS {name}" for name in COUNTS[1:]),
        "coalesce(sum(cost_picousd), 0) AS cost_picousd",
        "coalesce(sum(cost_picousd), 0) * 0.000000000001 AS cost_usd",
    )
)


def _spend_by(view: str, columns: str, group: str) -> str:
    return f"""
    CREATE VIEW {{schema}}.spend_by_{view} AS SELECT {columns},
        {_SUMS}
    FROM {{schema}}.requests JOIN {{schema}}.ledgers USING (ledger) GROUP BY {group}
    """  # noqa: S608 - our own names


_FIRST = (
    """
    CREATE TABLE {schema}.ledgers (
        ledger uuid PRIMARY KEY,
        timezone text NOT NULL,
        batches bigint NOT NULL DEFAULT 0,
        first_shipped_at timestamptz NOT NULL DEFAULT now(),
        last_shipped_at timestamptz NOT NULL DEFAULT now())
    """,
    f"""
    CREATE TABLE {{schema}}.requests (
        ledger uuid NOT NULL REFERENCES {{schema}}.ledgers,
        segment text COLLATE "C" NOT NULL,
        byte_offset bigint NOT NULL,
        at timestamptz(3) NOT NULL,
        {", ".join(f"{name} text NOT NULL" for name in _LABELS)},
        {", ".join(f"{name} bigint NOT NULL" for name in COUNTS)},
        cost_picousd bigint,
        tags jsonb NOT NULL,
        claim bytea,
        PRIMARY KEY (ledger, segment, byte_offset))
    """,
    "CREATE UNIQUE INDEX requests_once_a_claim ON {schema}.requests (ledger, claim)",
    "CREATE INDEX requests_by_time ON {schema}.requests (at)",
    """
    CREATE TABLE {schema}.checkpoints (
        ledger uuid NOT NULL REFERENCES {schema}.ledgers,
        segment text COLLATE "C" NOT NULL,
        byte_offset bigint NOT NULL,
        final boolean NOT NULL,
        PRIMARY KEY (ledger, segment))
    """,
    _spend_by("day", "(at AT TIME ZONE timezone)::date AS day", "1"),
    _spend_by("model", "provider, model", "1, 2"),
    _spend_by("project", "project", "1"),
    _spend_by("session", "session, project", "1, 2"),
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_FIRST,)
"""The statements of each version, oldest first; what has been released is never edited."""
