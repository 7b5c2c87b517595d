"""Entries on the server: a string key each, with the time to live that the server itself honours."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from redis.exceptions import ResponseError

from quarterdeck.errors import UsageError
from quarterdeck.memory.backend import KEEP, Listed, Put, Stored
from quarterdeck.memory.names import space_of
from quarterdeck.memory.server import failures
from quarterdeck.memory.server.scripts import MEASURE, READ, WRITE, Command, Word

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from quarterdeck.memory.backend import Mark
    from quarterdeck.memory.server.connect import Reply
    from quarterdeck.memory.server.wire import Wire

CHUNK = 1000
"""So many entries one script reads or writes: a server does nothing else meanwhile."""

_CHUNK_BYTES = 1_000_000
"""So much one script writes, beyond its first entry."""

_GLOB = re.compile(r"([\[\]\\*?^])")

now = time.monotonic


def get(wire: Wire, name: str, mark: Mark | None) -> Stored:
    """The entry of that name, read under *mark*; one round trip."""
    sent = now()
    return _stored(wire, name, wire.ask(name, READ.on((name,))), 0, sent, mark)


def get_many(wire: Wire, names: Sequence[str], marks: Sequence[Mark | None]) -> list[Stored]:
    """The entries of those names, in their order; one round trip."""
    groups = list(_chunks(_groups(wire, names)))
    sent = now()
    replies = wire.ask_each([(group[0], READ.on(group)) for group in groups])
    found = {
        name: (reply, index)
        for group, reply in zip(groups, replies, strict=True)
        for index, name in enumerate(group)
    }
    return [
        _stored(wire, name, *found[name], sent, mark)  # which entries of one name share
        for name, mark in zip(names, marks, strict=True)
    ]


def put_many(wire: Wire, puts: Sequence[Put]) -> None:
    """Write entries, all in one round trip; a part of those of one space at one instant."""
    by_name = {put.name: put for put in puts}
    wire.ask_each(
        [
            (part[0].name, _set(part[0]) if len(part) == 1 else _write({}, part, ()))
            for group in _groups(wire, list(by_name))
            for part in _parts([by_name[name] for name in group])
        ],
        write=True,
    )


def delete(wire: Wire, names: Sequence[str]) -> int:
    """Remove entries; how many were there."""
    groups = _chunks(_groups(wire, list(dict.fromkeys(names))))
    replies = wire.ask_each([(group[0], ("UNLINK", *group)) for group in groups], write=True)
    with wire.sense:
        return sum(replies)


def transact(
    wire: Wire, checks: Mapping[str, bytes | None], puts: Sequence[Put], deletes: Sequence[str]
) -> bool:
    """Check, write and remove, all or nothing; one round trip.

    Raises:
        UsageError: the names are of several spaces; nothing was sent.
    """
    names = [*checks, *(put.name for put in puts), *deletes]
    if not names:
        return True
    if len({space_of(name) for name in names}) > 1:
        raise UsageError(
            "entries of different spaces cannot change together",
            hint="keep what belongs together under one agent, with buckets = 1",
        )
    return bool(wire.ask(names[0], _write(checks, puts, deletes), write=True))


def listing(wire: Wire, prefix: str) -> Iterator[Listed]:
    """Every entry that begins with *prefix*, by name; looks at every key of every master."""
    names = scan(wire, prefix, "string")
    groups = list(_chunks(_groups(wire, names)))
    found = []
    for start in range(0, len(groups), 16):
        part = groups[start : start + 16]
        sent = now()
        replies = wire.ask_each([(group[0], MEASURE.on(group)) for group in part])
        with wire.sense:
            for group, reply in zip(part, replies, strict=True):
                found += [
                    Listed(name, size, None if ttl_ms == -1 else sent + ttl_ms / 1000)
                    for name, size, ttl_ms in zip(group, reply[::2], reply[1::2], strict=True)
                    if ttl_ms != -2 and size >= 0
                ]
    return iter(sorted(found))


def scan(wire: Wire, prefix: str, kind: str) -> list[str]:
    """The names of all keys of that *kind* (as the server calls it) that begin with *prefix*, sorted."""
    pattern = _GLOB.sub(r"\\\1", prefix) + "*"
    found: set[bytes] = set()
    for node in wire.masters.all():
        cursor: Word = 0
        while True:
            reply = node.ask(("SCAN", cursor, "MATCH", pattern, "COUNT", CHUNK, "TYPE", kind))
            if isinstance(reply, ResponseError):
                raise failures.refused(reply, node.name) from reply
            with wire.sense:
                cursor, names = reply
                found.update(names)
            if cursor == b"0":
                break
    with wire.sense:
        return sorted(filter(None, map(_text, found)))


def _groups(wire: Wire, names: Sequence[str]) -> list[list[str]]:
    """Names that one script may have: of one space in a cluster, else all."""
    if wire.address.kind != "cluster":
        return [list(names)] if names else []
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(space_of(name), []).append(name)
    return list(groups.values())


def _chunks(groups: list[list[str]]) -> Iterator[list[str]]:
    for group in groups:
        for start in range(0, len(group), CHUNK):
            yield group[start : start + CHUNK]


def _parts(puts: Sequence[Put]) -> Iterator[list[Put]]:
    """What one script writes at a time."""
    part: list[Put] = []
    size_bytes = 0
    for put in puts:
        size_bytes += len(put.data)
        if part and (len(part) == CHUNK or size_bytes > _CHUNK_BYTES):
            yield part
            part, size_bytes = [], len(put.data)
        part.append(put)
    if part:
        yield part


def _set(put: Put) -> Command:
    """One entry without a script, which costs the server as much again."""
    if put.ttl_ms is None:
        return ("SET", put.name, put.data)
    return ("SET", put.name, put.data, *(("KEEPTTL",) if put.ttl_ms == KEEP else ("PX", put.ttl_ms)))


def _write(checks: Mapping[str, bytes | None], puts: Sequence[Put], deletes: Sequence[str]) -> Command:
    arguments: list[Word] = [len(checks), len(puts)]
    for value in checks.values():
        arguments += ("", "") if value is None else ("1", value)
    for put in puts:
        ttl: Word = "" if put.ttl_ms is None else "keep" if put.ttl_ms == KEEP else put.ttl_ms
        arguments += (put.data, ttl)
    return WRITE.on([*checks, *(put.name for put in puts), *deletes], arguments)


def _stored(wire: Wire, name: str, reply: Reply, index: int, sent: float, mark: Mark | None) -> Stored:
    with wire.sense:
        data, ttl_ms = reply[2 * index], reply[2 * index + 1]
        if data is None and wire.address.kind == "cluster":
            mark = None  # its slot may move without a word: only of what is moved along are we told
        if data is None or isinstance(data, bytes):
            return Stored(data, None if ttl_ms < 0 else sent + ttl_ms / 1000, mark)
    if isinstance(data, ResponseError):
        raise failures.refused(data, wire.masters.of(name).name) from data
    raise failures.garbage(str(wire.address))


def _text(name: bytes) -> str | None:
    """A key's name; None of one that is no text, so not ours."""
    try:
        return name.decode()
    except UnicodeDecodeError:
        return None
