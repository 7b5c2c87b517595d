"""OpenCode: ``$XDG_DATA_HOME/opencode``, a database in newer versions, a file for each message in older ones.

    opencode*.db                           tables ``message`` (version 1) and ``session_message`` (version 2)
    storage/message/<session>/<id>.json    what a row of ``message`` holds, before there was a database

An answer is a message of the assistant that has been finished. A fork of a session copies its messages under
new names, and an upgrade copies them into the next form; so an answer is known by what no copy changes: when
it was begun, by which model, and its counts.

``input`` is without what was read from or written to the cache. ``output`` is without ``reasoning`` in newer
versions, with it in older ones, but for providers that report it apart; ``total`` tells, where it is there.
``cost`` is OpenCode's own reckoning; 0 stands both for free and for unknown, so it is no price.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import sqlite3
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

import msgspec

from quarterdeck.costs.importers.decoding import Count, decode, text
from quarterdeck.costs.importers.source import Problem, Source, below_home, walk
from quarterdeck.costs.model import Request, Usage
from quarterdeck.costs.money import stated_price

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from quarterdeck.costs.importers.source import Found
    from quarterdeck.costs.importers.transcript import Transcript

SUBAGENT = "subagent"
MAX_MESSAGE_BYTES = 32 << 20
AGAIN_MS = 86_400_000
"""How far before the last change rows are looked at again: a clock may have been set."""

PROVIDERS = {
    "amazon-bedrock": "aws",
    "azure-cognitive-services": "azure",
    "fireworks-ai": "fireworks",
    "google-vertex": "google",
    "google-vertex-anthropic": "google",
    "togetherai": "together",
}
"""OpenCode's names of providers that are not those of the price lists."""

APART = frozenset({"google"})
"""Providers of whom older versions, too, wrote down output and reasoning apart."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIMEOUT_S = 2.0


class Table(NamedTuple):
    """A table of messages.

    Attributes:
        name: of the table.
        version: of OpenCode, that has it.
        query: the rows that may be answers and have changed since; a text that is too long is left out.
    """

    name: str
    version: int
    query: str


TABLES = (
    Table(
        "message",
        1,
        "SELECT rowid, session_id, time_updated, CASE WHEN length(data) <= ? THEN data END "
        "FROM message WHERE time_updated >= ?",
    ),
    Table(
        "session_message",
        2,
        "SELECT rowid, session_id, time_updated, CASE WHEN length(data) <= ? THEN data END "
        "FROM session_message WHERE type = 'assistant' AND time_updated >= ?",
    ),
)

SESSIONS = {
    "session": "SELECT id, directory, parent_id FROM session",
    "session_v2": "SELECT id, directory, parent_id FROM session_v2",
}
"""By table, what it knows of sessions; a later table knows better."""


class Cache(msgspec.Struct, gc=False):
    """``tokens.cache`` of a message."""

    read: Count = None
    write: Count = None


class Tokens(msgspec.Struct, gc=False):
    """``tokens`` of a message."""

    input: Count = None
    output: Count = None
    reasoning: Count = None
    total: Count = None
    cache: Cache | None = None


class Message(msgspec.Struct, gc=False):
    """A row's ``data``, or a file; version 1 has ``role``, ``modelID`` and ``path``, version 2 ``model``."""

    role: Any = None
    modelID: Any = None  # noqa: N815 - the file's own name
    providerID: Any = None  # noqa: N815
    model: dict[str, Any] | None = None
    tokens: Any = None
    time: dict[str, Any] | None = None
    path: dict[str, Any] | None = None
    cost: Any = None
    finish: Any = None
    error: Any = None


class Session(NamedTuple):
    """What is known about the session of a message."""

    id: str
    folder: str = ""
    task_type: str = "unknown"


_decoder = msgspec.json.Decoder(Message)


def places(environment: Mapping[str, str]) -> list[str]:
    """``$XDG_DATA_HOME/opencode``, and the database that ``OPENCODE_DB`` names."""
    own = environment.get("XDG_DATA_HOME", "")
    if os.path.isabs(own):
        folders = [os.path.join(own, "opencode")]
    else:
        folders = below_home(environment, ".local", "share", "opencode")
    database = environment.get("OPENCODE_DB", "")
    named = os.path.join(*folders, database)
    return [*folders, named] if database not in {"", ":memory:"} and os.path.isabs(named) else folders


def files(place: str) -> Iterator[str | Problem]:
    """The databases in *place*, and the messages of older versions below it."""
    if not os.path.isdir(place):
        yield from walk(place, bool)
        return
    try:
        names = sorted(os.listdir(place))
    except OSError as error:
        yield Problem(place, 0, f"cannot be listed: {error.strerror}")
        return
    for name in names:
        if name.startswith("opencode") and name.endswith(".db"):
            yield os.path.join(place, name)
    yield from walk(
        os.path.join(place, "storage", "message"), lambda name: name.endswith((".json", ".json.zst"))
    )


def read(transcript: Transcript) -> Iterator[Found]:
    """A request for every finished answer.

    Raises:
        OSError: the database cannot be read now, or is none.
    """
    if ".json" in os.path.basename(transcript.path):
        content = transcript.content(MAX_MESSAGE_BYTES)
        session = Session(os.path.basename(os.path.dirname(transcript.path)))
        try:
            if content:
                yield from _answer(content, 1, session)
        except ValueError as error:
            yield Problem(transcript.path, 0, str(error))
        return
    try:
        with opened(transcript.path) as connection:
            yield from _rows(connection, transcript)
    except sqlite3.Error as error:
        raise OSError(
            errno.EIO, f"SQLite says: {error}"
        ) from error  # not noted as read: tried again next time


@contextlib.contextmanager
def opened(path: str) -> Iterator[sqlite3.Connection]:
    """The database at *path*, only to be read: nothing is made beside it, and nobody has to wait.

    Where nobody has it open SQLite would make the files that its users share, unless it is told that nobody
    is going to write. Whoever begins to does so in a file beside it, at first.

    Raises:
        sqlite3.Error: it is no database, or cannot be read now.
    """
    alone = "" if os.path.exists(f"{path}-wal") else "&immutable=1"
    address = f"file:{quote(os.fsencode(path))}?mode=ro{alone}"
    connection = sqlite3.connect(address, uri=True, timeout=_TIMEOUT_S, isolation_level=None)
    try:
        connection.text_factory = bytes
        connection.execute("PRAGMA query_only=ON")
        connection.execute("PRAGMA trusted_schema=OFF")
        yield connection
    finally:
        connection.close()


def _rows(connection: sqlite3.Connection, transcript: Transcript) -> Iterator[Found]:
    """The answers in the rows that have changed since the last time, and for a while before it."""
    before = os.stat(transcript.path)
    latest = seen = transcript.state.get("seen", 0)
    known = [table for table in TABLES if _has(connection, table.name, "session_id", "time_updated", "data")]
    if not known and connection.execute("SELECT 1 FROM sqlite_master").fetchone():
        yield Problem(transcript.path, 0, "a database without the tables of any version that is known")
    sessions = _sessions(connection) if known else {}
    for table in known:
        for row, session, updated, content in connection.execute(
            table.query, (MAX_MESSAGE_BYTES, seen - AGAIN_MS)
        ):
            latest = max(latest, updated) if isinstance(updated, int) else latest
            name = _utf8(session)
            try:
                yield from _answer(content, table.version, sessions.get(name, Session(name)))
            except ValueError as error:
                yield Problem(transcript.path, 0, f"row {row} of {table.name}: {error}")
    after = os.stat(transcript.path)
    if (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns):
        transcript.state["seen"] = latest


def _has(connection: sqlite3.Connection, table: str, *columns: str) -> bool:
    """Whether there is such a table; a view of that name could be anything."""
    there = connection.execute(
        "SELECT its.name FROM sqlite_master AS one, pragma_table_info(one.name) AS its "
        "WHERE one.type = 'table' AND one.name = ?",
        (table,),
    )
    return {_utf8(name) for (name,) in there}.issuperset(columns)


def _sessions(connection: sqlite3.Connection) -> dict[str, Session]:
    """Every session by its id."""
    found: dict[str, Session] = {}
    for table, query in SESSIONS.items():
        if _has(connection, table, "id", "directory", "parent_id"):
            for row in connection.execute(query):
                name, folder, parent = map(_utf8, row)
                found[name] = Session(name, folder, SUBAGENT if parent else "unknown")
    return found


def _answer(content: object, version: int, session: Session) -> Iterator[Request]:
    """The request that a message answers; none if it is no answer, is not finished, or cost nothing.

    Raises:
        ValueError: it cannot be told what it is.
    """
    if not isinstance(content, bytes):  # of a row: a column can hold anything
        raise ValueError(f"no text, or longer than {MAX_MESSAGE_BYTES:,} bytes")  # noqa: TRY004
    message = decode(content, _decoder, lambda value: isinstance(value, dict))
    if message is None or message.tokens is None or (version == 1 and message.role != "assistant"):
        return
    times, named, path = message.time or {}, message.model or {}, message.path or {}
    created, completed = times.get("created"), times.get("completed")
    if completed is None and message.finish is None and message.error is None:
        return
    tokens = msgspec.convert(message.tokens, Tokens)
    model = text(message.modelID) or text(named.get("id"))
    provider = text(message.providerID) or text(named.get("providerID"))
    if not model:
        raise ValueError("an answer without the name of its model")
    usage = usage_of(tokens, apart=version > 1 or provider in APART)
    if not any(usage):
        return
    cache = tokens.cache or Cache()
    counts = (tokens.input, tokens.output, tokens.reasoning, cache.read, cache.write)
    name = repr((created, provider, model, *(count or 0 for count in counts)))
    yield Request(
        model=model,
        usage=usage,
        at=_time(created if completed is None else completed),
        provider=PROVIDERS.get(provider, provider),
        task_type=session.task_type,
        session=session.id,
        project=text(path.get("cwd")) or session.folder,
        response_id=f"opencode:{hashlib.sha256(name.encode(errors='replace')).hexdigest()[:32]}",
        cost_picousd=stated_price(message.cost) or None,
    )


def usage_of(tokens: Tokens, *, apart: bool) -> Usage:
    """OpenCode's counts in our terms.

    Args:
        tokens: as they stand there.
        apart: whether output is without reasoning, where ``total`` does not tell.
    """
    cache = tokens.cache or Cache()
    read, written = cache.read or 0, cache.write or 0
    prompt = (tokens.input or 0) + read + written
    output, reasoning = tokens.output or 0, tokens.reasoning or 0
    if tokens.total == prompt + output + reasoning or reasoning > output:
        apart = True
    elif tokens.total == prompt + output:
        apart = False
    return Usage(
        input_tokens=prompt,
        output_tokens=output + reasoning if apart else output,
        cache_read_input_tokens=read,
        cache_write_input_tokens=written,
        reasoning_output_tokens=reasoning,
    )


def _time(milliseconds: object) -> datetime:
    """The time that is meant.

    Raises:
        ValueError: it is no time.
    """
    if not isinstance(milliseconds, int | float):
        raise ValueError("an answer without its time")  # noqa: TRY004 - the file's fault, not the caller's
    try:
        return _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError as error:
        raise ValueError("its time is out of bounds") from error


def _utf8(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else ""


SOURCE = Source("opencode", places, files, read, beside=("-wal",))
