"""Shipping to a real PostgreSQL: every record exactly once, whatever dies in the middle."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from quarterdeck.costs.exporters import ledger_id, ship
from quarterdeck.costs.exporters import postgres as exporter
from quarterdeck.costs.ledger.counted import counting
from quarterdeck.costs.model import Request, Usage
from quarterdeck.errors import (
    MissingExtra,
    NothingToRead,
    StateError,
    StoreBusy,
    StoreTooNew,
    UsageError,
)
from tests.exporter_worlds import CONFIG, HOSTILE, START, live, lived, opened

SHIP_AND_DIE = """
import os, signal, sys
import psycopg
from quarterdeck.costs.exporters import ship
from quarterdeck.costs.ledger import Ledger

folder, dsn, point, times, rows = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])

def passed(here):
    global times
    if here == point:
        times -= 1
        if not times:
            os.kill(os.getpid(), signal.SIGKILL)

wrote = []
write_row, execute = psycopg.Copy.write_row, psycopg.Connection.execute
def dying_write_row(self, row):
    write_row(self, row)
    passed("row")
def dying_execute(self, statement, *arguments, **options):
    said = statement if isinstance(statement, str) else statement.as_string(self)
    if "DELETE" in said and "incoming" in said:
        passed("copied")
    result = execute(self, statement, *arguments, **options)
    if said.startswith("INSERT INTO") and "checkpoints" in said:
        wrote.append(said)
        passed("written")
    return result
class DyingTransaction(psycopg.Transaction):
    def __exit__(self, *exception):
        result = super().__exit__(*exception)
        if wrote:  # not a transaction that only reads
            wrote.clear()
            passed("committed")
        return result
psycopg.Copy.write_row = dying_write_row
psycopg.Connection.execute = dying_execute
psycopg.connection.Transaction = DyingTransaction
ship(Ledger(folder), dsn, batch_rows=rows)
"""
BATCH = 12


def ask(database, question, values=None):
    with psycopg.connect(**database) as connection:
        return connection.execute(question, values).fetchall()


def dsn_of(database, **options):
    return make_conninfo(**(database | options))


def counted(ledger):
    with counting(ledger) as state:
        return {
            f"{chunk.segment}@{offset}": record
            for chunk in state.chunks()
            for offset, record in chunk.records
        }


def assert_equal(database, ledger, schema="quarterdeck"):
    """The database holds exactly what counts, to the pico, and each row once."""
    rows = ask(
        database,
        f"SELECT segment || '@' || byte_offset, output_tokens, cost_picousd "
        f"FROM {schema}.requests WHERE ledger = %s",
        (ledger_id(ledger.folder),),
    )
    expected = [
        (place, record.output_tokens, record.cost_picousd) for place, record in counted(ledger).items()
    ]
    assert sorted(rows) == sorted(expected)
    (total,) = ledger.totals()
    ((spent,),) = ask(
        database,
        f"SELECT sum(cost_picousd) FROM {schema}.requests WHERE ledger = %s",
        (ledger_id(ledger.folder),),
    )
    assert spent == total.cost_picousd > 0


def test_the_database_holds_exactly_what_counts(tmp_path, database):
    """Rows and sums are those of the ledger; a second ship finds nothing to do."""
    ledger = lived(tmp_path)
    report = ship(ledger, dsn_of(database))
    assert_equal(database, ledger)
    assert report.requests == len(counted(ledger))
    assert report.ledger == ledger_id(ledger.folder)
    assert report.problems == ()
    again = ship(ledger, dsn_of(database))
    assert (again.requests, again.displaced, again.batches) == (0, 0, 0)


def test_the_views_say_what_the_ledger_says(tmp_path, database):
    """Spend by day, in the ledger's time zone, and by model: requests, tokens and money are its totals."""
    ledger = lived(tmp_path)
    ship(ledger, dsn_of(database))
    columns = "requests, unpriced_requests, input_tokens, output_tokens, cost_picousd, cost_usd"
    for view, keys, by in (
        ("day", "day::text", ("day",)),
        ("model", "provider, model", ("provider", "model")),
    ):
        found = ask(database, f"SELECT {keys}, {columns} FROM quarterdeck.spend_by_{view}")
        expected = [
            (
                *total.key, total.requests, total.unpriced_requests, total.usage.input_tokens,
                total.usage.output_tokens, total.cost_picousd, Decimal(total.cost_picousd).scaleb(-12),
            )
            for total in ledger.totals(by=by)
        ]  # fmt: skip
        assert sorted(found) == sorted(expected)
    ((by_project,), (by_session,)) = ask(
        database,
        "SELECT sum(cost_picousd) FROM quarterdeck.spend_by_project "
        "UNION ALL SELECT sum(cost_picousd) FROM quarterdeck.spend_by_session",
    )
    assert by_project == by_session == ledger.totals()[0].cost_picousd


def test_what_is_recorded_later_follows(tmp_path, database):
    """Better answers and corrections take out the rows that had been shipped, in any number of rounds."""
    ledger = opened(tmp_path)
    displaced = 0
    for seed in range(6):
        live(ledger, seed=seed, answers=30)
        displaced += ship(ledger, dsn_of(database), batch_rows=5).displaced
        assert_equal(database, ledger)
    assert displaced > 10, "nothing was displaced: the world is too easy"


def test_every_value_comes_back(tmp_path, database):
    """Labels with anything in them arrive as they are, but for NUL, which PostgreSQL does not have."""
    ledger = opened(tmp_path)
    for text in HOSTILE:
        ledger.record(
            Request(
                "m", Usage(1, 2), at=START, session=text, user=text, project=text, tags={f"t{text}": text}
            )
        )
    ship(ledger, dsn_of(database))
    found = ask(
        database,
        "SELECT session, user_name, project, tags, at, cost_picousd "
        "FROM quarterdeck.requests ORDER BY byte_offset",
    )
    at = datetime(2026, 11, 1, 3, 4, 5, 678_000, tzinfo=UTC)
    shown = [text.replace("\0", "\ufffd") for text in HOSTILE]
    assert found == [(text, text, text, {f"t{text}": text}, at, None) for text in shown]


@pytest.mark.parametrize(
    "point, times", [("row", 3 * BATCH), ("copied", 2), ("written", 2), ("committed", 2)]
)
def test_a_killed_shipper_neither_loses_nor_doubles(tmp_path, database, point, times):
    """SIGKILL within COPY, before the insert, before the commit, after it: the next one goes on."""
    ledger = lived(tmp_path / "ledger", answers=150)
    ledger.close()
    dsn = dsn_of(database)
    kills = 0
    while True:
        child = subprocess.run(
            [sys.executable, "-c", SHIP_AND_DIE, ledger.folder, dsn, point, str(times), str(BATCH)],
            capture_output=True,
            text=True,
            timeout=120,
        )
        if child.returncode == 0:
            break
        assert child.returncode == -9, child.stderr
        kills += 1
        assert kills < 40, "it never comes further"
        rows = ask(database, "SELECT segment || '@' || byte_offset FROM quarterdeck.requests")
        assert {place for (place,) in rows} <= set(counted(ledger))
    assert kills >= 2
    assert_equal(database, ledger)


def test_a_kill_while_the_schema_is_made_leaves_none(tmp_path, database):
    """The migration is one transaction; the next shipper makes it whole."""
    ledger = lived(tmp_path / "ledger", answers=20)
    ledger.close()
    script = SHIP_AND_DIE.replace('"checkpoints" in said', '"quarterdeck_migrations" in said')
    child = subprocess.run(
        [sys.executable, "-c", script, ledger.folder, dsn_of(database), "written", "1", "5"], timeout=120
    )
    assert child.returncode == -9
    assert ask(database, "SELECT 1 FROM pg_namespace WHERE nspname = 'quarterdeck'") == []
    ship(ledger, dsn_of(database))
    assert_equal(database, ledger)


class Cut:
    """Stands between client and server, and cuts the line after so many bytes from the client."""

    def __init__(self, folder, server, after_bytes):
        self.folder = str(folder)
        self._server = server
        self._left = after_bytes
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(os.path.join(self.folder, ".s.PGSQL.5432"))
        self._listening.listen()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self):
        client, _ = self._listening.accept()
        with client, socket.socket(socket.AF_UNIX) as server:
            server.connect(os.path.join(self._server, ".s.PGSQL.5432"))
            back = threading.Thread(target=self._answers, args=(server, client))
            back.start()
            while self._left > 0 and (data := client.recv(min(4096, self._left))):
                self._left -= len(data)
                server.sendall(data)
            for end in (server, client):
                end.shutdown(socket.SHUT_RDWR)
            back.join()

    @staticmethod
    def _answers(server, client):
        try:
            while data := server.recv(65_536):
                client.sendall(data)
        except OSError:
            return

    def close(self):
        self._listening.close()
        self._thread.join()


def test_a_connection_cut_in_the_middle_is_said_and_mended(tmp_path, database, tmp_path_factory):
    """The line breaks in COPY: an error that says so, nothing half written; the next ship completes it."""
    ledger = lived(tmp_path / "ledger")
    ship_some = dsn_of(database)
    with psycopg.connect(**database) as connection:  # so that the line breaks in COPY, not in the migration
        connection.execute("SELECT 1")
    ship(lived(tmp_path / "other", answers=2), ship_some)
    folder = Path("/tmp", f"qd-cut-{os.getpid()}")  # a socket's path may have 107 characters
    folder.mkdir()
    cut = Cut(folder, database["host"], 12_000)
    try:
        with pytest.raises(StateError, match="connection to PostgreSQL was lost") as caught:
            ship(ledger, dsn_of(database, host=str(folder)), batch_rows=1_000)
        assert "nothing is doubled" in caught.value.hint
    finally:
        cut.close()
        shutil.rmtree(folder)
    mine = ledger_id(ledger.folder)
    assert ask(database, "SELECT count(*) FROM quarterdeck.requests WHERE ledger = %s", (mine,)) == [(0,)]
    ship(ledger, ship_some)
    assert_equal(database, ledger)


def test_an_interrupt_loses_nothing(tmp_path, database):
    """What was committed stays, and the next ship goes on from there."""
    ledger = lived(tmp_path)

    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ship(ledger, dsn_of(database), batch_rows=10, progress=interrupt)
    ((before,),) = ask(database, "SELECT count(*) FROM quarterdeck.requests")
    assert 0 < before < len(counted(ledger))
    report = ship(ledger, dsn_of(database))
    assert report.requests == len(counted(ledger)) - before
    assert_equal(database, ledger)


def test_two_shippers_of_one_ledger_take_turns(tmp_path, database):
    """The slower one sees that the checkpoint has moved, and does not ship anything twice."""
    ledger = lived(tmp_path)
    others = iter([lambda: ship(ledger, dsn_of(database), batch_rows=7)])

    def overtake(done, total):
        for other in others:
            other()

    report = ship(ledger, dsn_of(database), batch_rows=10, progress=overtake)
    assert report.batches == 1
    assert_equal(database, ledger)


def test_a_slower_shipper_does_not_put_back_what_was_displaced(tmp_path, database):
    """It has read the ledger before a better answer came, in a segment that another one has shipped since."""
    ledger, other = opened(tmp_path), opened(tmp_path)

    def answer(output_tokens, response_id="r"):
        return Request("claude-haiku-4-5", Usage(1, output_tokens), at=START, response_id=response_id)

    ledger.record(answer(1, "in the older segment"))
    other.record(answer(5))
    assert len(ledger.reader.segments()) == 2

    def stop(done, total):
        raise KeyboardInterrupt

    def better_answer_arrives(done, total):
        if done < total and len(list(ledger.records())) == 2:
            ledger.record(answer(50))
            with pytest.raises(KeyboardInterrupt):
                ship(other, dsn_of(database), batch_rows=1, progress=stop)

    ship(ledger, dsn_of(database), batch_rows=1, progress=better_answer_arrives)
    assert len(list(ledger.records())) == 3, "nothing arrived"
    ship(ledger, dsn_of(database))
    assert_equal(database, ledger)


def test_many_shippers_at_once_into_an_empty_database(tmp_path, database):
    """Three ledgers, each shipped by two at the same time: one schema, every ledger equal to its own."""
    folders = [tmp_path / name for name in "abc"]
    for seed, folder in enumerate(folders):
        lived(folder, seed=seed, answers=60).close()

    def run(folder):
        return ship(opened(folder, timezone=""), dsn_of(database), batch_rows=9)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(run, folders * 2))
    for folder in folders:
        assert_equal(database, opened(folder, timezone=""))
    assert ask(database, "SELECT version FROM quarterdeck.quarterdeck_migrations") == [(1,)]
    assert ask(database, "SELECT count(*) FROM quarterdeck.ledgers") == [(3,)]


def test_a_lost_segment_is_reported_and_stays_in_the_database(tmp_path, database):
    """What was shipped is not taken back; what is left goes on being shipped."""
    ledger = lived(tmp_path)
    ship(ledger, dsn_of(database))
    ((before,),) = ask(database, "SELECT count(*) FROM quarterdeck.requests")
    ledger.close()
    lost = sorted((tmp_path / "journal").glob("*.jsonl"))[1]
    lost.unlink()
    usage = Usage(1, 1)
    ledger.record(Request("m", usage, at=START))
    report = ship(ledger, dsn_of(database))
    assert any(lost.name.partition(".")[0] in problem for problem in report.problems)
    assert report.requests == 1
    assert ask(database, "SELECT count(*) FROM quarterdeck.requests") == [(before + 1,)]


def test_a_copy_that_went_its_own_way_is_left_out_and_reported(tmp_path, database):
    """Two folders with one id go on with the same segment: the second one's part is not mixed in."""
    usage = Usage(10, 10)
    ledger = opened(tmp_path / "one")
    ledger.record(Request("m", usage, at=START, session="shared"))
    ledger_id(ledger.folder)
    ledger.close()
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    copy = opened(tmp_path / "two", timezone="")
    ledger.record(Request("m", usage, at=START, session="one"))
    ship(ledger, dsn_of(database))
    for session in ("two", "two, again"):
        copy.record(Request("m", Usage(20, 20), at=START, session=session))
    report = ship(copy, dsn_of(database))
    assert ["copy of the ledger" in problem for problem in report.problems] == [True]
    sessions = ask(database, "SELECT session FROM quarterdeck.requests ORDER BY byte_offset")
    assert sessions == [("shared",), ("one",)]


def test_a_journal_cut_short_is_reported(tmp_path, database):
    """A segment that ends before its checkpoint, as after a power cut or an old backup."""
    ledger = opened(tmp_path)
    usage = Usage(10, 10)
    ledger.record_many([Request("m", usage, at=START), Request("m", usage, at=START)])
    ship(ledger, dsn_of(database))
    ledger.close()
    (path,) = (tmp_path / "journal").glob("*.open")
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    report = ship(opened(tmp_path, timezone=""), dsn_of(database))
    assert path.name.partition(".")[0] in report.problems[-1]
    assert ask(database, "SELECT count(*) FROM quarterdeck.requests") == [(2,)]


def test_progress_reaches_the_end(tmp_path, database):
    """The last call says that all bytes are shipped."""
    calls: list[tuple[int, int]] = []
    ship(lived(tmp_path), dsn_of(database), batch_rows=20, progress=lambda *call: calls.append(call))
    assert calls == sorted(calls)
    assert calls[-1][0] == calls[-1][1] > 0
    assert len(calls) > 3


@pytest.mark.parametrize("schema", ['we"ird; DROP SCHEMA public', "Grüße", "select", "{schema}"])
def test_a_schema_may_have_any_name(tmp_path, database, schema):
    """It is quoted, never executed."""
    ledger = lived(tmp_path, answers=20)
    ship(ledger, dsn_of(database), schema=schema)
    quoted = '"' + schema.replace('"', '""') + '"'
    assert_equal(database, ledger, schema=quoted)


def test_nothing_is_shipped_where_nothing_was_recorded(tmp_path, database):
    """An error of its own, not a silent zero."""
    with pytest.raises(NothingToRead):
        ship(opened(tmp_path, timezone=""), dsn_of(database))


@pytest.fixture
def role(postgres, database):
    """Makes roles that the test alone uses."""
    made: list[str] = []

    def make(name, options="LOGIN"):
        with psycopg.connect(**postgres, autocommit=True) as connection:
            connection.execute(f"CREATE ROLE {name} {options}")
        made.append(name)
        return database | {"user": name}

    yield make
    with psycopg.connect(**database, autocommit=True) as connection:
        for name in made:
            connection.execute(f"DROP OWNED BY {name} CASCADE")
            connection.execute(f"DROP ROLE {name}")


def test_without_rights_the_error_says_which_to_ask_for(tmp_path, database, role):
    """Neither may the role make the schema, nor write into one that others have made."""
    ledger = lived(tmp_path, answers=5)
    stranger = role("stranger")
    with pytest.raises(StateError, match="refuses") as caught:
        ship(ledger, dsn_of(stranger))
    assert "grant" in caught.value.hint
    ship(ledger, dsn_of(database))
    with pytest.raises(StateError, match="refuses"):
        ship(ledger, dsn_of(stranger))


def test_the_rights_in_the_hint_are_enough(tmp_path, database, role):
    """A shipper needs neither to own the schema nor to be allowed to make one."""
    ledger = lived(tmp_path)
    ship(lived(tmp_path / "first", answers=2), dsn_of(database))
    shipper = role("shipper")
    with psycopg.connect(**database, autocommit=True) as connection:
        connection.execute("GRANT USAGE ON SCHEMA quarterdeck TO shipper")
        connection.execute(
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA quarterdeck TO shipper"
        )
    ship(ledger, dsn_of(shipper), batch_rows=20)
    assert_equal(database, ledger)


def test_a_schema_of_somebody_else_is_left_alone(tmp_path, database):
    """It has a table of a name that we need: nothing of ours is added to it."""
    with psycopg.connect(**database, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA quarterdeck; CREATE TABLE quarterdeck.requests (mine text)")
    with pytest.raises(StateError, match="not what Quarterdeck has made") as caught:
        ship(lived(tmp_path, answers=1), dsn_of(database))
    assert "another schema" in caught.value.hint
    tables = ask(database, "SELECT tablename FROM pg_tables WHERE schemaname = 'quarterdeck'")
    assert tables == [("requests",)]


def test_a_schema_of_a_newer_version_is_not_touched(tmp_path, database):
    """Who upgraded first is not undone."""
    ledger = lived(tmp_path, answers=5)
    ship(ledger, dsn_of(database))
    with psycopg.connect(**database, autocommit=True) as connection:
        connection.execute("INSERT INTO quarterdeck.quarterdeck_migrations VALUES (99)")
    with pytest.raises(StoreTooNew, match="99"):
        ship(ledger, dsn_of(database))


def test_a_lock_that_is_held_for_too_long_is_an_error(tmp_path, database, monkeypatch):
    """Nobody waits forever for another shipper that hangs."""
    ledger = lived(tmp_path, answers=5)
    ship(ledger, dsn_of(database))
    ledger.record(Request("m", Usage(1, 1), at=START))
    monkeypatch.setitem(exporter._TIMEOUTS, "lock_timeout", "50ms")
    with psycopg.connect(**database) as other:
        other.execute("SELECT * FROM quarterdeck.ledgers FOR UPDATE")
        with pytest.raises(StoreBusy, match="lock"):
            ship(ledger, dsn_of(database))
    ship(ledger, dsn_of(database))
    assert_equal(database, ledger)


def test_a_server_that_is_not_there_is_said_so(tmp_path):
    """With what to check."""
    with pytest.raises(StateError, match="no connection to PostgreSQL") as caught:
        ship(lived(tmp_path, answers=1), f"host={tmp_path} user=nobody")
    assert "server runs" in caught.value.hint


def test_a_wrong_password_is_said_and_never_shown(tmp_path, postgres, database, role):
    """Neither the message, nor the hint, nor the chain of errors holds it."""
    ledger = lived(tmp_path, answers=1)
    asked = role("asked_for_a_password", "LOGIN PASSWORD 'right'")
    ((rules,),) = ask(database, "SHOW hba_file")
    original = Path(rules).read_text()
    try:
        Path(rules).write_text(f"local all asked_for_a_password scram-sha-256\n{original}")
        ask(database, "SELECT pg_reload_conf()")
        until_reloaded(asked)
        for password in ("wr0ng-s3cret", None):
            with pytest.raises(StateError, match="no connection") as caught:
                ship(ledger, dsn_of(asked, password=password) if password else dsn_of(asked))
            assert "pgpass" in caught.value.hint
            assert "wr0ng-s3cret" not in repr(
                (caught.value, caught.value.__cause__, caught.value.__context__)
            )
        with pytest.raises(StateError, match="refuses"):  # the password is right, its rights are not
            ship(ledger, dsn_of(asked, password="right"))
    finally:
        Path(rules).write_text(original)
        ask(database, "SELECT pg_reload_conf()")


def until_reloaded(options):
    """Wait for the server to ask for a password; it re-reads its rules when it gets to it."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            psycopg.connect(**options).close()
        except psycopg.OperationalError:
            return
    pytest.fail("the server does not take its new rules")


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://ann:s3cr3t/w@localhost/costs",
        "postgresql://ann:s3cr3t@x@localhost/costs",
        "host=localhost password='s3cr3t",
        "s3cr3t",
        "host=localhost pasword=s3cr3t",
    ],
)
def test_a_connection_string_that_cannot_be_read_is_never_shown(tmp_path, dsn):
    """Libpq's own message quotes it, password and all; ours says how to write it."""
    with pytest.raises((UsageError, StateError)) as caught:
        ship(lived(tmp_path, answers=1), dsn)
    assert "s3cr3t" not in repr((caught.value, caught.value.__cause__, caught.value.__context__))


@pytest.mark.parametrize(
    "options", [{"schema": ""}, {"schema": "x" * 64}, {"schema": "pg_x"}, {"schema": "%s"}, {"batch_rows": 0}]
)
def test_what_cannot_be_meant_is_a_usage_error(tmp_path, options):
    """Before anything is connected to."""
    with pytest.raises(UsageError):
        ship(lived(tmp_path, answers=1), "host=/nowhere", **options)


def test_without_psycopg_the_error_says_what_to_install(tmp_path, monkeypatch):
    """The extra is named."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtra) as caught:
        ship(lived(tmp_path, answers=1), "host=/nowhere")
    assert "quarterdeck[postgres]" in caught.value.hint


def test_the_world_has_many_segments(tmp_path):
    """Otherwise the tests above would not see what happens between them."""
    ledger = lived(tmp_path)
    assert CONFIG.rotate_bytes < 10_000
    assert len(ledger.reader.segments()) > 5
