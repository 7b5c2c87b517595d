"""How the server is: found out by using it, and by asking for what is known to go wrong.

What a user of the server may not see (INFO, CONFIG) is unknown, and no error.
"""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, NamedTuple

from redis.exceptions import ResponseError

from quarterdeck.errors import ConfigError, QuarterdeckError
from quarterdeck.memory.backend import Health, Put
from quarterdeck.memory.names import named, space
from quarterdeck.memory.server import entries, failures
from quarterdeck.memory.server.connect import ask_nodes
from quarterdeck.memory.server.lines import THREADS_AT_WORK
from quarterdeck.memory.server.masters import SLOTS, Cluster

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from quarterdeck.memory.server.connect import Node
    from quarterdeck.memory.server.wire import Wire

_PROBE_MS = 10_000
_FULL_RATIO = 0.9
_QUESTIONS = (("HELLO",), ("CONFIG", "GET", "save"), ("CONFIG", "GET", "io-threads"), ("INFO",))


class Server(NamedTuple):
    """What one master says of itself; None is unknown.

    Attributes:
        product: ``redis 7.0.15``, ``valkey 8.0.1``.
        role: ``master`` or ``replica``.
        eviction: its policy.
        used_bytes, max_bytes: of its memory; *max_bytes* 0 is no limit.
        keeps: what survives its restart: ``rdb``, ``aof``, ``rdb+aof`` or ``nothing``.
        has_io_threads: whether several threads read and write for it, or have done so.
    """

    product: str
    role: str
    eviction: str | None = None
    used_bytes: int | None = None
    max_bytes: int | None = None
    keeps: str | None = None
    has_io_threads: bool | None = None


def examine(wire: Wire, namespace: str, problem_of_copies: Callable[[Iterable[Server]], str]) -> Health:
    """Use the server, and look at what is known to go wrong; a dozen round trips.

    Args:
        wire: to it.
        namespace: where an entry may be written.
        problem_of_copies: what is wrong with the copies of entries in this process; empty: nothing.
    """
    problems: list[str] = []
    servers: dict[str, Server] = {}
    latency_ms: float | None = None
    try:
        latency_ms = _probe(wire, namespace)
    except QuarterdeckError as error:
        problems.append(_sentence(error))
    try:
        masters = wire.masters.all()
    except QuarterdeckError as error:
        masters = []
        problems.append(_sentence(error))
    for node in masters:
        try:
            servers[node.name] = look_at(node)
        except QuarterdeckError as error:
            problems.append(_sentence(error))
    if servers:
        for name, server in servers.items():
            problems += _problems_of(name, server)
        problems += _problems_of_way(wire)
        problems += filter(None, [problem_of_copies(servers.values())])
    details = {
        "address": str(wire.address),
        "masters": {name: server._asdict() for name, server in servers.items()},
    }
    state = "down" if not servers else "degraded" if problems else "ok"
    return Health("redis", state, latency_ms, tuple(dict.fromkeys(problems)), details)


def durability_problem(wire: Wire) -> str:
    """Why the server may drop entries that nobody has removed; empty when it does not."""
    for node in wire.masters.all():
        policy = look_at(node).eviction
        if policy is None:
            return f"what the memory server at {node.name} drops when it is full is unknown: grant +info"
        if policy != "noeviction":
            return _evicts(node.name, policy)
    return ""


def need_timely_news(node: Node) -> None:
    """Make sure that the server tells of a change before whoever made it hears that it is done.

    With several threads it does not: each of them writes to some connections, in any order. How many there
    are only CONFIG tells. Without it the server counts as one with a single thread until others have been at
    work, which is looked at again at each confirmation (`quarterdeck.memory.server.lines`).

    Raises:
        ConfigError: it does not, or that is unknown.
        MemoryUnavailable: it does not answer.
    """
    has_io_threads = look_at(node).has_io_threads
    if has_io_threads is None:
        raise ConfigError(
            f"whether the memory server at {node.name} uses io-threads is unknown",
            hint="grant +info, or set local_cache_io_threads of section memory",
        )
    if has_io_threads:
        raise ConfigError(
            f"the memory server at {node.name} uses io-threads, so it may tell of a change too late",
            hint="set its io-threads to 1, or local_cache_io_threads of section memory",
        )


def clock_ahead_s(wire: Wire) -> float:
    """What to add to our monotonic clock for the first master's time since the epoch; three round trips.

    The quickest of them tells; it is wrong by half of its own time at most.
    """
    node = wire.masters.all()[0]
    found = []
    for _ in range(3):
        sent = time.monotonic()
        reply = node.ask(("TIME",))
        came = time.monotonic()
        if isinstance(reply, ResponseError):
            raise failures.refused(reply, node.name) from reply
        with wire.sense:
            seconds, microseconds = reply
            found.append((came - sent, int(seconds) + int(microseconds) / 1e6 - (sent + came) / 2))
    return min(found)[1]


def look_at(node: Node) -> Server:
    """What one server says of itself; one round trip.

    Raises:
        MemoryUnavailable: it does not answer.
    """
    replies = ask_nodes({node: _QUESTIONS}, write=False)[node]
    hello, saves, threads = map(_texts, replies[:3])
    info_text = replies[3].decode(errors="replace") if isinstance(replies[3], bytes) else ""
    info = _info(info_text)
    return Server(
        product=f"{hello.get('server', 'unknown')} {hello.get('version', '')}".strip(),
        role={"slave": "replica"}.get(role := hello.get("role", "unknown"), role),
        eviction=info.get("maxmemory_policy"),
        used_bytes=_number(info.get("used_memory")),
        max_bytes=_number(info.get("maxmemory")),
        keeps=_keeps(saves.get("save"), info.get("aof_enabled")),
        has_io_threads=_has_io_threads(threads.get("io-threads"), info_text),
    )


def _probe(wire: Wire, namespace: str) -> float:
    """Write, read and remove one entry; how long the first two took, in ms."""
    name = named(space(namespace), "health", secrets.token_hex(8))
    data = secrets.token_bytes(16)
    began = time.perf_counter()
    entries.put_many(wire, (Put(name, data, _PROBE_MS),))
    same = entries.get(wire, name, None).data == data
    took_ms = (time.perf_counter() - began) * 1000
    entries.delete(wire, (name,))
    if not same:
        raise failures.garbage(str(wire.address))
    return took_ms


def _problems_of(name: str, server: Server) -> list[str]:
    found = []
    if server.role == "replica":
        found.append(f"the server at {name} is a replica: name its master, or use redis+sentinel://")
    if server.eviction not in {None, "noeviction"}:
        found.append(_evicts(name, str(server.eviction)))
    if server.max_bytes and server.used_bytes and server.used_bytes > _FULL_RATIO * server.max_bytes:
        found.append(
            f"the server at {name} uses {server.used_bytes} of {server.max_bytes} bytes: raise its maxmemory"
        )
    if server.keeps == "nothing":
        found.append(f"the server at {name} forgets everything when it restarts: set appendonly yes, or save")
    return found


def _problems_of_way(wire: Wire) -> list[str]:
    found = []
    address = wire.address
    if not address.is_local and not address.tls:
        found.append(f"what is said to {address} can be read on the way: use rediss://")
    if isinstance(wire.masters, Cluster) and (covered := wire.masters.covered()) < SLOTS:
        found.append(
            f"{SLOTS - covered} of {SLOTS} slots of the cluster have no server: redis-cli --cluster check"
        )
    return found


def _evicts(name: str, policy: str) -> str:
    what = "any entry" if policy.startswith("allkeys") else "entries that have a time to live"
    return (
        f"the server at {name} may drop {what} when its memory is full ({policy}):"
        " set maxmemory-policy noeviction"
    )


def _sentence(error: QuarterdeckError) -> str:
    return f"{error.message}: {error.hint}"


def _keeps(saves: str | None, aof: str | None) -> str | None:
    if aof == "1":
        return "rdb+aof" if saves else "aof"
    if saves:
        return "rdb"
    return None if saves is None or aof is None else "nothing"


def _has_io_threads(configured: str | None, info: str) -> bool | None:
    """From its configuration, if we may see that; else whether it has used any since it was started."""
    if configured is not None:
        return configured != "1"
    return bool(THREADS_AT_WORK.search(info)) if "io_thread" in info else None


def _info(text: str) -> dict[str, str]:
    """The fields of INFO."""
    pairs = (line.partition(":") for line in text.splitlines())
    return {name: value for name, colon, value in pairs if colon}


def _texts(reply: object) -> dict[str, str]:
    """What is text in a map; nothing of anything else."""
    if not isinstance(reply, dict):
        return {}
    return {
        name.decode(errors="replace"): value.decode(errors="replace")
        for name, value in reply.items()
        if isinstance(name, bytes) and isinstance(value, bytes)
    }


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() else None
