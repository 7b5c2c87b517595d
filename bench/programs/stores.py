"""The stores of part ``memory``, each opened as its own documentation says, behind the same five verbs.

Runs inside each contender's environment, so a store is imported only when it is opened. Where a verb is the
contender's own method it stands here as it is: nothing of ours lies between the clock and the store.
"""

from __future__ import annotations

import json
import os
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TTL_S = 3600
USUAL_COPIES = 500
"""The size of the local tier of Quarterdeck and of empathy-framework when nobody says anything else."""

_NOTE = "the quick brown fox jumps over the lazy dog and looks at the tests of the parser again"
_UPSERT = "INSERT INTO entries VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET data = excluded.data"


class Ways(NamedTuple):
    """How one store does what is asked of all; None where it cannot.

    Attributes:
        get: the value under a key, decoded.
        put: write a value under a key.
        put_for: the same for `TTL_S` seconds.
        put_many: write a dict of values.
        get_many: the values of a list of keys.
        close: give back what is open.
        loop: the verbs are coroutines, for this event loop.
        takes_bytes: it is a floor, which is given JSON instead of a value.
        keeps: False for a floor that keeps nothing.
    """

    get: Callable[..., Any]
    put: Callable[..., Any] | None = None
    put_for: Callable[..., Any] | None = None
    put_many: Callable[..., Any] | None = None
    get_many: Callable[..., Any] | None = None
    close: Callable[[], object] = int
    loop: Any = None
    takes_bytes: bool = False
    keeps: bool = True

    def done(self, answer: Any) -> Any:  # noqa: ANN401  the answer of anybody
        """What a verb has returned, waited for if that is needed."""
        return answer if self.loop is None else self.loop.run_until_complete(answer)


def value(number: int) -> dict[str, object]:
    """What agents tell each other: about 250 bytes as JSON, another with every number."""
    return {
        "task": "review",
        "files": ["src/app/models.py", f"src/app/views_{number % 97}.py"],
        "score": round(number % 1000 / 1000, 3),
        "number": number,
        "note": _NOTE,
        "meta": {"branch": "main", "passed": number % 2 == 0, "parent": None},
    }


def as_bytes(what: object) -> bytes:
    """JSON without spaces, as Quarterdeck writes it."""
    return json.dumps(what, separators=(",", ":")).encode()


def open_store(name: str, place: str, copies: int = USUAL_COPIES) -> Ways:
    """The store *name*; *place* is a folder or a ``redis://`` URL, *copies* the size of its local tier."""
    return STORES[name](place, copies)


def _quarterdeck(place: str, copies: int) -> Ways:
    memory_package = import_module("quarterdeck.memory")
    if place.startswith("redis://"):
        config = memory_package.RedisConfig(url=place, local_cache_size=copies)
    else:
        config = memory_package.MemoryConfig(path=os.path.join(place, "m.sqlite"), local_cache_size=copies)
    memory = memory_package.UnifiedMemory("bench", config)
    return Ways(
        memory.retrieve,
        memory.stash,
        partial(memory.stash, ttl_seconds=TTL_S),
        memory.stash_batch,
        memory.retrieve_batch,
        memory.close,
    )


def _empathy(place: str, copies: int) -> Ways:
    _be_quiet()
    package = import_module("empathy_os.memory")
    types = import_module("empathy_os.memory.types")
    host, port = _address(place) if place.startswith("redis://") else ("localhost", 0)
    memory = package.RedisShortTermMemory(
        config=types.RedisConfig(host=host, port=port, use_mock=not port, local_cache_size=copies)
    )
    who = package.AgentCredentials("bench", package.AccessTier.CONTRIBUTOR)

    def put_many(values: Mapping[str, object]) -> object:
        return memory.stash_batch(list(values.items()), who)

    stash = partial(memory.stash, credentials=who)  # it has a time to live in any case: an hour
    return Ways(
        partial(memory.retrieve, credentials=who),
        stash,
        stash,
        put_many,
        partial(memory.retrieve_batch, credentials=who),
        memory.close,
    )


def _empathy_session(place: str, copies: int) -> Ways:  # noqa: ARG001  it has no local tier
    _be_quiet()
    package = import_module("empathy_os.memory")
    memory = package.FileSessionMemory("bench", package.FileSessionConfig(base_dir=place))

    def put_many(values: Mapping[str, object]) -> None:
        for key, one in values.items():
            memory.stash(key, one)

    return Ways(memory.retrieve, memory.stash, put_many=put_many, close=memory.close)


def _quarterdeck_patterns(place: str, copies: int) -> Ways:  # noqa: ARG001  it has no local tier
    """A value is the context of a pattern."""
    package = import_module("quarterdeck.patterns")
    os.makedirs(place, exist_ok=True)
    library = package.PatternLibrary(os.path.join(place, "library.sqlite"))

    def get(key: str) -> object:
        pattern = library.get_pattern(key)
        return pattern and pattern.context

    def put(key: str, one: dict[str, Any]) -> None:
        library.contribute_pattern("bench", package.Pattern(key, "bench", "temporal", key, context=one))

    return Ways(get, put, close=library.close)


def _empathy_patterns(place: str, copies: int) -> Ways:  # noqa: ARG001  it is in this process only
    package = import_module("empathy_os.pattern_library")
    library = package.PatternLibrary()

    def get(key: str) -> object:
        pattern = library.get_pattern(key)
        return pattern and pattern.context

    def put(key: str, one: object) -> None:
        pattern = package.Pattern(key, "bench", "temporal", key, description="", context=one)
        library.contribute_pattern("bench", pattern)

    return Ways(get, put)


def _be_quiet() -> None:
    """What it logs by default costs more than what it does; only warnings are left to it."""
    structlog = import_module("structlog")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))


def _redis_py(place: str, copies: int, *, caching: bool = False) -> Ways:
    host, port = _address(place)
    json_of, value_of = _msgspec()
    redis = import_module("redis")
    options: dict[str, Any] = {}
    if caching:
        cache = import_module("redis.cache").CacheConfig(max_size=copies)
        options = {"protocol": 3, "cache_config": cache}
    client = redis.Redis(host=host, port=port, **options)

    def get(key: str) -> object:
        data = client.get(key)
        return None if data is None else value_of(data)

    def put(key: str, one: object) -> None:
        client.set(key, json_of(one))

    def put_many(values: Mapping[str, object]) -> None:
        pipeline = client.pipeline(transaction=False)
        for key, one in values.items():
            pipeline.set(key, json_of(one))
        pipeline.execute()

    def get_many(keys: list[str]) -> list[object]:
        pipeline = client.pipeline(transaction=False)
        for key in keys:
            pipeline.get(key)
        return [value_of(data) for data in pipeline.execute()]

    return Ways(get, put, None, put_many, get_many, client.close)


def _diskcache(place: str, copies: int) -> Ways:  # noqa: ARG001  it has no local tier
    cache = import_module("diskcache").Cache(place)

    def put_many(values: Mapping[str, object]) -> None:
        with cache.transact():
            for key, one in values.items():
                cache.set(key, one)

    def get_many(keys: list[str]) -> list[object]:
        return [cache.get(key) for key in keys]

    return Ways(cache.get, cache.set, partial(cache.set, expire=TTL_S), put_many, get_many, cache.close)


def _cashews(place: str, copies: int, *, on_disk: bool) -> Ways:  # noqa: ARG001  it is one tier only
    import asyncio

    loop = asyncio.new_event_loop()
    cache = import_module("cashews").Cache()

    async def close() -> None:
        await cache.close()
        await asyncio.sleep(0)  # for the tasks that this has cancelled

    cache.setup(f"disk://?directory={place}" if on_disk else "mem://?size=100000")

    def get_many(keys: list[str]) -> object:
        return cache.get_many(*keys)

    return Ways(
        cache.get,
        cache.set,
        partial(cache.set, expire=TTL_S),
        cache.set_many,
        get_many,
        close,
        loop,
    )


def _langgraph(place: str, copies: int) -> Ways:  # noqa: ARG001  it has no local tier
    base = import_module("langgraph.store.base")
    os.makedirs(place, exist_ok=True)
    opened = import_module("langgraph.store.sqlite").SqliteStore.from_conn_string(f"{place}/store.sqlite")
    store = opened.__enter__()
    store.setup()
    space = ("bench",)

    def get(key: str) -> object:
        item = store.get(space, key)
        return None if item is None else item.value

    def put_many(values: Mapping[str, object]) -> None:
        store.batch([base.PutOp(space, key, one) for key, one in values.items()])

    def get_many(keys: list[str]) -> list[object]:
        return [item.value for item in store.batch([base.GetOp(space, key) for key in keys])]

    put = partial(store.put, space)
    return Ways(
        get, put, partial(put, ttl=TTL_S / 60), put_many, get_many, partial(opened.__exit__, None, None, None)
    )


def _dict(place: str, copies: int) -> Ways:  # noqa: ARG001  a floor
    """A lookup in a dict, and JSON decoded: the least that gives each caller a copy of its own."""
    _, value_of = _msgspec()
    data: dict[str, bytes] = {}

    def get(key: str) -> object:
        return value_of(data[key])

    return Ways(get, put_many=data.update, takes_bytes=True)


def _sqlite(place: str, copies: int) -> Ways:  # noqa: ARG001  a floor
    """A table of its own, in the journal mode that readers do not wait in, and nothing else."""
    import sqlite3

    _, value_of = _msgspec()
    os.makedirs(place, exist_ok=True)
    database = sqlite3.connect(f"{place}/floor.sqlite", isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")
    database.execute("CREATE TABLE IF NOT EXISTS entries (name TEXT PRIMARY KEY, data BLOB) WITHOUT ROWID")

    def get(key: str) -> object:
        return value_of(database.execute("SELECT data FROM entries WHERE name = ?", (key,)).fetchone()[0])

    def put(key: str, data: bytes) -> None:
        database.execute(_UPSERT, (key, data))

    def put_many(values: Mapping[str, bytes]) -> None:
        database.execute("BEGIN IMMEDIATE")
        database.executemany(_UPSERT, values.items())
        database.execute("COMMIT")

    def get_many(keys: list[str]) -> list[object]:
        marks = ",".join("?" * len(keys))
        rows = database.execute(f"SELECT data FROM entries WHERE name IN ({marks})", keys)
        return [value_of(data) for (data,) in rows]

    return Ways(get, put, None, put_many, get_many, database.close, takes_bytes=True)


def _ping(place: str, copies: int) -> Ways:  # noqa: ARG001  a floor
    """One round trip to the server, over a bare socket."""
    import socket

    server = socket.create_connection(_address(place))
    server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ping(*_: object) -> bytes:
        server.sendall(b"PING\r\n")
        return server.recv(64)

    return Ways(ping, ping, close=server.close, keeps=False)


def _nothing(place: str, copies: int) -> Ways:  # noqa: ARG001  a floor
    return Ways(bool, keeps=False)


def _msgspec() -> tuple[Callable[[object], bytes], Callable[[bytes], object]]:
    """The fastest JSON there is, so that nobody loses by another."""
    package = import_module("msgspec.json")
    return package.Encoder().encode, package.Decoder().decode


def _address(url: str) -> tuple[str, int]:
    host, _, port = url.removeprefix("redis://").partition("/")[0].partition(":")
    return host, int(port)


STORES: dict[str, Callable[[str, int], Ways]] = {
    "quarterdeck": _quarterdeck,
    "quarterdeck-fast": _quarterdeck,
    "quarterdeck-patterns": _quarterdeck_patterns,
    "empathy": _empathy,
    "empathy-patterns": _empathy_patterns,
    "empathy-session": _empathy_session,
    "redis-py": _redis_py,
    "redis-py-caching": partial(_redis_py, caching=True),
    "diskcache": _diskcache,
    "cashews-memory": partial(_cashews, on_disk=False),
    "cashews-disk": partial(_cashews, on_disk=True),
    "langgraph": _langgraph,
    "dict": _dict,
    "sqlite": _sqlite,
    "ping": _ping,
    "nothing": _nothing,
}
