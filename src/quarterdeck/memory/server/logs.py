"""Logs on the server: a sorted set of numbers by score, and beside it a hash of the data by number.

    {space}:kind:key          sorted set: 0000000000000007 with its score
    {space}:%items:kind:key   hash: 0000000000000007 -> data
    {space}:%logs             hash: number -> the last number given in this space

No kind begins with ``%``, so nobody who looks for a kind finds these hashes. A log ends ``ttl_ms`` after the
latest item was added with one, unless something was ever added to it without: then it ends when it is empty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from quarterdeck.memory.backend import Item
from quarterdeck.memory.names import space_of
from quarterdeck.memory.server.entries import scan
from quarterdeck.memory.server.scripts import ADD, DROP, ITEMS, MOVE, TAKE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quarterdeck.memory.server.connect import Reply
    from quarterdeck.memory.server.wire import Wire


def add(
    wire: Wire, log: str, items: Sequence[bytes], score: int | None, keep: int | None, ttl_ms: int | None
) -> list[int]:
    """Add items; their numbers."""
    if not items:
        return []
    space = space_of(log)
    limits = ["" if limit is None else limit for limit in (score, keep, ttl_ms)]
    reply = wire.ask(log, ADD.on((log, _data_of(log), f"{space}:%logs"), (*limits, *items)), write=True)
    with wire.sense:
        last = int(reply)
    return list(range(last - len(items) + 1, last + 1))


def items(
    wire: Wire, log: str, low: int | None, high: int | None, limit: int | None, newest_first: bool
) -> list[Item]:
    """The items with scores from *low* to *high*."""
    order = "newest" if newest_first else ""
    arguments = (_low(low), _high(high), -1 if limit is None else limit, order)
    return _items(wire, wire.ask(log, ITEMS.on((log, _data_of(log)), arguments)))


def take(wire: Wire, log: str, high: int | None, limit: int, score: int | None = None) -> list[Item]:
    """Remove the first items, or give them *score*."""
    arguments = (_high(high), limit, "" if score is None else score)
    return _items(wire, wire.ask(log, TAKE.on((log, _data_of(log)), arguments), write=True))


def move(wire: Wire, log: str, ids: Sequence[int], was: int | None, score: int | None) -> int:
    """Give items another score by number, with None: remove them; how many were there."""
    if not ids:
        return 0
    scores = ("" if each is None else each for each in (was, score))
    arguments = (*scores, *(f"{number:016d}" for number in dict.fromkeys(ids)))
    reply = wire.ask(log, MOVE.on((log, _data_of(log)), arguments), write=True)
    with wire.sense:
        return int(reply)


def count(wire: Wire, log: str, low: int | None, high: int | None) -> int:
    """How many items there are."""
    reply = wire.ask(log, ("ZCOUNT", log, _low(low), _high(high)))
    with wire.sense:
        return int(reply)


def logs(wire: Wire, prefix: str) -> list[str]:
    """The names of all logs that begin with *prefix*."""
    return scan(wire, prefix, "zset")


def drop(wire: Wire, names: Sequence[str]) -> int:
    """Remove logs; how many there were."""
    asked = [(log, DROP.on((log, _data_of(log)))) for log in dict.fromkeys(names)]
    replies = wire.ask_each(asked, write=True)
    with wire.sense:
        return sum(replies)


def _data_of(log: str) -> str:
    """The hash beside it."""
    space = space_of(log)
    return f"{space}:%items{log[len(space) :]}"


def _items(wire: Wire, reply: Reply) -> list[Item]:
    with wire.sense:
        return [
            Item(int(number), int(score), data)
            for number, score, data in zip(reply[::3], reply[1::3], reply[2::3], strict=True)
        ]


def _low(score: int | None) -> str | int:
    return "-inf" if score is None else score


def _high(score: int | None) -> str | int:
    return "+inf" if score is None else score
