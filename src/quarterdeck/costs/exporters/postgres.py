"""Shipping the records that count to PostgreSQL, exactly once. The only module that knows psycopg.

    counting(ledger), after the checkpoints in the database ── batches ──> one transaction each:
        lock the ledger's row · COPY into a staging table · take out what no longer counts · insert ·
        checkpoint

A crash before the commit leaves nothing, one after it leaves rows and checkpoint: the next `ship` goes on
from the checkpoint, wherever this one ended. Two shippers of one ledger take turns at the ledger's row,
which counts their batches; the slower one sees that there are more, and begins anew from there.

Whether a record counts, the ledger decides, so the sum of ``requests`` is that of `Ledger.totals`. A record
that no longer counts leaves in the transaction in which the better one arrives.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from quarterdeck.costs.exporters.identity import ledger_id
from quarterdeck.costs.exporters.postgres_errors import refused, unreachable
from quarterdeck.costs.exporters.postgres_schema import COLUMNS, MIGRATIONS
from quarterdeck.costs.exporters.selected import COUNTS, LABELS
from quarterdeck.costs.ledger.batch import claim_key
from quarterdeck.costs.ledger.counted import counting
from quarterdeck.costs.record import decode
from quarterdeck.errors import MissingExtra, NothingToRead, StoreTooNew, UsageError
from quarterdeck.journal import Place

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable, Iterator
    from typing import LiteralString

    import psycopg

    from quarterdeck.costs.ledger import Ledger
    from quarterdeck.costs.ledger.counted import CountedChunk, Counting
    from quarterdeck.costs.record import Record

    Progress = Callable[[int, int], None]

_CONNECTION = {
    "connect_timeout": "10",
    "application_name": "quarterdeck",
    "client_encoding": "utf8",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}
"""Unless the DSN says otherwise: a server that has vanished is noticed within a minute."""

_TIMEOUTS = {
    "statement_timeout": "300s",
    "lock_timeout": "30s",
    "idle_in_transaction_session_timeout": "300s",
}
_MIGRATION_LOCK = int.from_bytes(b"qd:costs", "big")
_MAX_NAME_BYTES = 63
_NO_NAME = frozenset("\0%")  # the second is psycopg's placeholder, also within quotes
_BYTES_PER_ROW = 300


class ShipReport(NamedTuple):
    """What one `ship` did.

    Attributes:
        ledger: under which id the rows are in the database.
        requests: rows written.
        displaced: rows taken out, because another record counts instead.
        batches: transactions.
        problems: what was amiss in the journal, for people; what could be read was shipped all the same.
    """

    ledger: uuid.UUID
    requests: int
    displaced: int
    batches: int
    problems: tuple[str, ...]


def ship(
    ledger: Ledger,
    dsn: str,
    *,
    schema: str = "quarterdeck",
    batch_rows: int = 10_000,
    progress: Progress | None = None,
) -> ShipReport:
    """Bring what *ledger* has gained since the last time into the database, each record exactly once.

    May be interrupted at any time, also killed, and run again; several may run at once, of one ledger or of
    many. The tables are made, or brought to this version, first. In labels, the character NUL becomes U+FFFD:
    PostgreSQL has none.

    Args:
        ledger: whose records.
        dsn: a connection string or URI of libpq. TLS is chosen there (``sslmode=verify-full``); a password is
            better kept in ``~/.pgpass`` or ``PGPASSWORD``.
        schema: where the tables are.
        batch_rows: how many rows make a transaction, about; they are held in memory.
        progress: called with the bytes of the journal shipped so far and those there are to ship.

    Raises:
        MissingExtra: psycopg is not installed.
        UsageError: *dsn*, *schema* or *batch_rows* cannot be meant.
        NothingToRead: nothing has ever been recorded.
        StateError: the server cannot be reached or refuses; the message says why, never a password.
        StoreBusy: another process holds a lock for too long.
        StoreFull: the server's disk is full.
        StoreTooNew: the schema was made by a newer version.
    """
    if not 0 < len(schema.encode()) <= _MAX_NAME_BYTES or schema.startswith("pg_") or set(schema) & _NO_NAME:
        raise UsageError(f"{schema!r:.80} cannot be the name of a schema", hint="use a short word")
    if batch_rows < 1:
        raise UsageError(f"batch_rows must be 1 or more, got {batch_rows}", hint="leave it out")
    shipment = _Shipment(ledger_id(ledger.folder), schema)
    with _connected(dsn) as connection:
        shipment.migrate(connection)
        while not shipment.run(connection, ledger, batch_rows, progress):
            pass  # another shipper of this ledger was quicker: on from where it is
    return shipment.report()


class _Batch:
    """Rows of one transaction, and the places that come with them."""

    def __init__(self) -> None:
        self.rows: list[tuple[object, ...]] = []
        self.retired: list[tuple[str, int]] = []
        self.places: dict[str, Place] = {}
        self.size_bytes = 0

    def take(self, chunk: CountedChunk, ledger: str) -> None:
        segment = chunk.segment
        self.rows += [_row(ledger, segment, offset, record) for offset, record in chunk.records]
        self.retired += chunk.retired
        self.places[segment] = chunk.place
        self.size_bytes += chunk.size_bytes


class _Shipment:
    """One ledger on its way into one schema."""

    def __init__(self, ledger: uuid.UUID, schema: str) -> None:
        self._ledger = ledger
        self._schema = schema
        self._requests = self._displaced = self._batches = 0
        self._problems: list[str] = []

    def report(self) -> ShipReport:
        """What has been done so far."""
        return ShipReport(self._ledger, self._requests, self._displaced, self._batches, tuple(self._problems))

    def migrate(self, connection: psycopg.Connection) -> None:
        """Bring the schema to this version; one process at a time, all of it or nothing.

        Raises:
            StoreTooNew: it was made by a newer one.
        """
        with self._transaction(connection):
            if self._version(connection) == len(MIGRATIONS):
                return
            connection.execute("SELECT pg_catalog.pg_advisory_xact_lock(%s)", (_MIGRATION_LOCK,))
            version = self._version(connection)  # another process may have been quicker
            if version is None:
                there = "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = %s"
                if connection.execute(there, (self._schema,)).fetchone() is None:
                    self._execute(connection, "CREATE SCHEMA {schema}")
                self._execute(
                    connection,
                    "CREATE TABLE {schema}.quarterdeck_migrations (version integer PRIMARY KEY, "
                    "applied_at timestamptz NOT NULL DEFAULT now())",
                )
            for number, statements in enumerate(MIGRATIONS[version or 0 :], (version or 0) + 1):
                for statement in statements:
                    self._execute(connection, statement)
                self._execute(
                    connection, "INSERT INTO {schema}.quarterdeck_migrations VALUES (%s)", (number,)
                )

    def run(
        self, connection: psycopg.Connection, ledger: Ledger, batch_rows: int, progress: Progress | None
    ) -> bool:
        """Ship what there is now; False when another shipper of the ledger has written a batch meanwhile."""
        number, shipped = self._checkpoint(connection)  # before the ledger: who goes on from it knows no less
        with counting(ledger) as state:
            self._problems = list(ledger.problems)
            places = shipped | {
                segment: Place(shipped[segment].offset, final=True)
                for segment in self._unusable(connection, ledger, state, shipped)
            }
            timezone = ledger.choices.timezone
            total, done = state.left(places), 0
            for batch in self._batches_of(state, places, batch_rows):
                if not self._send(connection, batch, number, timezone):
                    return False
                number += 1
                done += batch.size_bytes
                if progress is not None:
                    progress(done, total)
        return True

    def _batches_of(self, state: Counting, places: dict[str, Place], batch_rows: int) -> Iterator[_Batch]:
        """What counts after *places*, about *batch_rows* at a time."""
        batch = _Batch()
        most_bytes = min(4 << 20, batch_rows * _BYTES_PER_ROW)
        for chunk in state.chunks(places, max_bytes=most_bytes, problems=self._problems):
            batch.take(chunk, str(self._ledger))
            if len(batch.rows) >= batch_rows:
                yield batch
                batch = _Batch()
        if batch.places:
            yield batch

    def _send(self, connection: psycopg.Connection, batch: _Batch, number: int, timezone: str) -> bool:
        """Write *batch* in one transaction; False, and nothing, if the database has had other than *number*.

        The others' checkpoints matter as well: a shipper that has read the ledger later may have displaced
        what this one is about to write.
        """
        with self._transaction(connection):
            row = self._execute(connection, _LOCK_LEDGER, (self._ledger, timezone)).fetchone()
            if row != (number,):
                return False
            displaced = requests = 0
            if batch.rows:
                self._execute(connection, _STAGE)
                with connection.cursor().copy(_COPY) as copy:
                    for values in batch.rows:
                        copy.write_row(values)
                displaced = self._execute(connection, _DISPLACE).rowcount
            if batch.retired:
                names, offsets = map(list, zip(*batch.retired, strict=True))
                displaced += self._execute(connection, _RETIRE, (self._ledger, names, offsets)).rowcount
            if batch.rows:
                requests = self._execute(connection, _INSERT).rowcount
            ends, finals = map(list, zip(*batch.places.values(), strict=True))
            self._execute(connection, _CHECKPOINT, (self._ledger, list(batch.places), ends, finals))
            self._execute(connection, _COUNT_BATCH, (self._ledger,))
        self._displaced += displaced
        self._requests += requests
        self._batches += 1
        return True

    def _checkpoint(self, connection: psycopg.Connection) -> tuple[int, dict[str, Place]]:
        """How many batches the database has had, and how far of each segment it has come."""
        batches = "SELECT batches FROM {schema}.ledgers WHERE ledger = %s"
        ends = "SELECT segment, byte_offset, final FROM {schema}.checkpoints WHERE ledger = %s"
        with self._transaction(connection):
            row = self._execute(connection, batches, (self._ledger,)).fetchone()
            rows = self._execute(connection, ends, (self._ledger,)).fetchall()
        return row[0] if row else 0, {segment: Place(offset, final) for segment, offset, final in rows}

    def _unusable(
        self, connection: psycopg.Connection, ledger: Ledger, state: Counting, shipped: dict[str, Place]
    ) -> list[str]:
        """Segments that are not those that were shipped: lost, cut, or of a copy that went its own way."""
        lost = ledger.reader.missing(shipped)
        if lost:
            self._problems.append(
                f"the journal has lost records of {', '.join(sorted(lost))} that are in the database; "
                "they stay there, so its sums are higher than the ledger's"
            )
        grown = [
            segment
            for segment, place in shipped.items()
            if not place.final
            and segment not in lost
            and state.places.get(segment, place).offset > place.offset
        ]
        with self._transaction(connection):
            rows = self._execute(connection, _LAST_ROWS, (self._ledger, grown)).fetchall()
        strange = [
            segment for segment, offset, *told in rows if not _stands(ledger, segment, offset, tuple(told))
        ]
        if strange:
            self._problems.append(
                f"{', '.join(sorted(strange))} differs from what was shipped and is left out: "
                "a copy of the ledger has shipped under the same id"
            )
        return lost + strange

    def _version(self, connection: psycopg.Connection) -> int | None:
        """How many migrations the schema has had; None where there is no schema of ours."""
        query = (
            "SELECT 1 FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n "
            "ON n.oid = relnamespace WHERE nspname = %s AND relname = 'quarterdeck_migrations'"
        )
        if connection.execute(query, (self._schema,)).fetchone() is None:
            return None
        row = self._execute(
            connection, "SELECT coalesce(max(version), 0) FROM {schema}.quarterdeck_migrations"
        ).fetchone()
        version = int(row[0]) if row else 0
        if version > len(MIGRATIONS):
            raise StoreTooNew(
                f"schema {self._schema!r} in the database has version {version}, "
                f"this Quarterdeck knows {len(MIGRATIONS)}",
                hint="upgrade quarterdeck",
            )
        return version

    @contextlib.contextmanager
    def _transaction(self, connection: psycopg.Connection) -> Iterator[None]:
        """One transaction, whose time-outs end with it: a pooler's next client does not inherit them."""
        with connection.transaction():
            for name, value in _TIMEOUTS.items():
                connection.execute("SELECT pg_catalog.set_config(%s, %s, true)", (name, value))
            yield

    def _execute(
        self, connection: psycopg.Connection, statement: LiteralString, values: tuple[object, ...] = ()
    ) -> psycopg.Cursor:
        """Run *statement* with the schema's name put in."""
        from psycopg import sql

        return connection.execute(
            sql.SQL(statement).format(schema=sql.Identifier(self._schema)), values or None
        )


_NAMES = ", ".join(COLUMNS)

# Below, SQL is put together from our own names only.
_LOCK_LEDGER = (
    "INSERT INTO {schema}.ledgers AS known (ledger, timezone) VALUES (%s, %s) "
    "ON CONFLICT (ledger) DO UPDATE SET timezone = excluded.timezone, last_shipped_at = now() "
    "RETURNING batches"
)
_COUNT_BATCH = "UPDATE {schema}.ledgers SET batches = batches + 1 WHERE ledger = %s"
_STAGE = "CREATE TEMPORARY TABLE incoming (LIKE {schema}.requests) ON COMMIT DROP"
_COPY = f"COPY pg_temp.incoming ({_NAMES}) FROM STDIN"
_DISPLACE = (
    "DELETE FROM {schema}.requests AS old USING pg_temp.incoming AS new "
    "WHERE old.ledger = new.ledger AND old.claim = new.claim "
    "AND (old.segment, old.byte_offset) <> (new.segment, new.byte_offset)"
)
_RETIRE = (
    "DELETE FROM {schema}.requests WHERE ledger = %s AND (segment, byte_offset) IN "
    "(SELECT * FROM unnest(%s::text[], %s::bigint[]))"
)
_INSERT = (
    f"INSERT INTO {{schema}}.requests ({_NAMES}) SELECT {_NAMES} FROM pg_temp.incoming "  # noqa: S608
    "ON CONFLICT (ledger, segment, byte_offset) DO NOTHING"
)
_CHECKPOINT = (
    "INSERT INTO {schema}.checkpoints SELECT %s, * FROM unnest(%s::text[], %s::bigint[], %s::boolean[]) "
    "ON CONFLICT (ledger, segment) DO UPDATE SET byte_offset = excluded.byte_offset, final = excluded.final"
)
_TOLD = ("model", "input_tokens", "output_tokens", "cost_picousd")
_LAST_ROWS = (
    f"SELECT DISTINCT ON (segment) segment, byte_offset, at, {', '.join(_TOLD)} "  # noqa: S608
    "FROM {schema}.requests WHERE ledger = %s AND segment = ANY(%s) ORDER BY segment, byte_offset DESC"
)


def _row(ledger: str, segment: str, offset: int, record: Record) -> tuple[object, ...]:
    """The values of `COLUMNS`."""
    tags = {_plain(name): _plain(value) for name, value in record.tags.items()}
    return (
        ledger, segment, offset, record.at,
        *(_plain(getattr(record, name)) for name in LABELS),
        *(getattr(record, name) for name in COUNTS),
        record.cost_picousd,
        msgspec.json.encode(tags).decode(),
        claim_key(record),
    )  # fmt: skip


def _plain(text: str) -> str:
    """*text* as PostgreSQL can hold it."""
    return text.replace("\0", "\ufffd")


def _stands(ledger: Ledger, segment: str, offset: int, told: tuple[object, ...]) -> bool:
    """Whether the record that was shipped from that place still stands there."""
    try:
        record = decode(ledger.reader.line(segment, offset))
    except (ValueError, NothingToRead):
        return False
    from datetime import datetime

    values = (getattr(record, name) for name in _TOLD)
    return told == (
        datetime.fromisoformat(record.at),
        *(_plain(v) if isinstance(v, str) else v for v in values),
    )


@contextlib.contextmanager
def _connected(dsn: str) -> Iterator[psycopg.Connection]:
    """A connection in which every statement outside a transaction is one; psycopg's errors become ours."""
    try:
        import psycopg
        from psycopg.conninfo import conninfo_to_dict, make_conninfo
    except ImportError as error:
        raise MissingExtra(
            "shipping to PostgreSQL needs psycopg", hint="pip install 'quarterdeck[postgres]'"
        ) from error
    try:
        options = {name: str(value) for name, value in conninfo_to_dict(dsn).items() if value is not None}
        # What a password with @ or / in it leaves in the place of host and port:
        is_read = "@" not in options.get("host", "")[1:] and not options.get("port", "").strip("0123456789,")
    except psycopg.Error:  # its message quotes the DSN
        is_read = False
    if not is_read:
        raise UsageError(
            "the connection string cannot be read",
            hint="write postgresql://user@host:5432/database, and in a password %40 for @, %2F for /",
        )
    try:
        completed = make_conninfo(**(_CONNECTION | options))
        connection = psycopg.connect(completed, autocommit=True, prepare_threshold=None)
        connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED  # whoever waited sees what came
    except psycopg.Error as error:
        raise unreachable(str(error), options.get("password", "")) from None
    with contextlib.closing(connection):
        try:
            yield connection
        except psycopg.Error as error:
            if not error.sqlstate and not isinstance(
                error, psycopg.OperationalError | psycopg.InterfaceError
            ):
                raise  # the server had no part in it
            said = error.diag.message_primary or str(error)
            raise refused(error.sqlstate or "", said) from error
