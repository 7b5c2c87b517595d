"""``times.py STORE OPERATION PLACE COUNT``: do one thing often, and say how long one of them took.

    hot              read 100 keys again and again
    first            read each of many keys once, none of which is in the local tier
    stash, ttl       write 1,000 keys in turn, a new value each time; with a time to live
    stash-batch      the same by the hundred; the time is of one entry
    retrieve-batch   read by the hundred what is not in the local tier; the time is of one entry
    fill             write 100 keys and leave
    fresh            open, read once and leave

The last line is ``timed WALL_S CPU_S``, but for the last two, of which the whole process is what counts.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from bench.programs.stores import Ways, as_bytes, open_store, value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

HOT_KEYS, WRITTEN_KEYS = 100, 1000
BATCH = 100
VALUES = 997
"""No divisor of the number of keys: a key gets another value each time."""

PIECE = 200
ENOUGH_S = 0.5
"""After so long a slow store has shown enough."""


def main(name: str, operation: str, place: str, count: int) -> None:
    """Open, do it, close, and say the times if they are of a part only."""
    store = open_store(name, place)
    said = ""
    if operation == "fill":
        fill(store, HOT_KEYS)
    elif operation == "fresh":
        store.done(store.get(_key(0)))
    else:
        call, columns, each = prepared(store, operation, count)
        wall_s, cpu_s = timed(store, call, columns)
        said = f"timed {wall_s / each} {cpu_s / each}"
    store.done(store.close())
    print(said)


def prepared(
    store: Ways, operation: str, count: int
) -> tuple[Callable[..., Any], list[Sequence[object]], int]:
    """What is called, its arguments column by column, and how many entries one call is about."""
    if operation == "hot":
        keys = fill(store, HOT_KEYS)
        if store.loop is None:
            deque(map(store.get, keys), maxlen=0)  # into the local tier
        return store.get, [keys * (count // HOT_KEYS)], 1
    if operation == "first":
        return store.get, [fill(store, count)], 1
    if operation == "retrieve-batch":
        assert store.get_many
        return store.get_many, [_by_the_hundred(fill(store, count))], BATCH
    keys = fill(store, WRITTEN_KEYS) * (count // WRITTEN_KEYS)
    values = list(_values(store, VALUES)) * (len(keys) // VALUES + 1)
    if operation == "stash-batch":
        assert store.put_many
        batches = _by_the_hundred(list(zip(keys, values, strict=False)))
        return store.put_many, [[dict(batch) for batch in batches]], BATCH
    call = store.put_for if operation == "ttl" else store.put
    assert call
    return call, [keys, values[: len(keys)]], 1


def timed(store: Ways, call: Callable[..., Any], columns: list[Sequence[object]]) -> tuple[float, float]:
    """Wall and CPU seconds of one call, over all of them or as many as `ENOUGH_S` allows."""
    pieces = [[column[at : at + PIECE] for column in columns] for at in range(0, len(columns[0]), PIECE)]
    done = 0
    wall, cpu = time.perf_counter(), time.process_time()

    def enough(piece: list[Sequence[object]]) -> bool:
        nonlocal done
        done += len(piece[0])
        return time.perf_counter() - wall > ENOUGH_S

    async def in_turn() -> None:
        for piece in pieces:
            for awaitable in map(call, *piece):
                await awaitable
            if enough(piece):
                return

    if store.loop is not None:
        store.loop.run_until_complete(in_turn())
    else:
        for piece in pieces:
            deque(map(call, *piece), maxlen=0)
            if enough(piece):
                break
    return (time.perf_counter() - wall) / done, (time.process_time() - cpu) / done


def fill(store: Ways, count: int) -> list[str]:
    """Write *count* entries by the hundred, and see that they are there; their keys."""
    keys = [_key(number) for number in range(count)]
    if not store.keeps:
        return keys
    assert store.put_many
    for batch in _by_the_hundred(list(zip(keys, _values(store, count), strict=True))):
        store.done(store.put_many(dict(batch)))
    assert store.done(store.get(keys[0])) == value(0), "it does not give back what was put"
    return keys


def _values(store: Ways, count: int) -> Iterator[object]:
    made = map(value, range(count))
    return map(as_bytes, made) if store.takes_bytes else made


def _by_the_hundred(what: list[Any]) -> list[list[Any]]:
    return [what[at : at + BATCH] for at in range(0, len(what), BATCH)]


def _key(number: int) -> str:
    return f"task-{number}"


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
