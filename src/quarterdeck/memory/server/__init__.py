"""Memory on a Redis (6 or newer) or Valkey server, shared by many machines.

    RedisBackend                    the protocol, and when copies of entries are stale (feed), waiting (watch)
        │
    entries · logs · health         what is asked: commands, and Lua that does things in one step (scripts)
        │
    wire                            to whom: all in one round trip; redirected commands once more
        │
    masters                         one server, the one that Sentinel names, or all of a cluster
        │
    connect                         connections (redis-py); breaker: or an error at once
        │
    address · failures              settings and URLs understood; errors made into ours

Keys on the server are the names of `quarterdeck.memory.names`; any Redis tool can read them.

A user of the server needs no more than this (for namespace ``default``)::

    ACL SETUSER qd on >secret ~{default.* -@all +@read +@write -@dangerous +eval +evalsha +time +select
        +info +client|tracking +client|setname +cluster|slots +asking

Without ``+client|tracking`` no copies of entries are kept, and every read is a round trip; so it is if the
server uses io-threads, with which it may tell of a change too late, unless ``local_cache_io_threads`` is set.
Without ``+info`` nobody knows that, nor what the server drops when it is full, so patterns are staged only
with ``allow_eviction``. With ``+config|get`` too (which shows passwords as well), `health` knows whether
anything survives a restart of the server, and io-threads are known before they are at work; without it they
are found out, and the copies dropped, within ``local_cache_confirm_s``.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from quarterdeck.errors import MissingExtra

if TYPE_CHECKING:
    from quarterdeck.memory.server.backend import RedisBackend as RedisBackend


def __getattr__(name: str) -> object:
    """`RedisBackend`, on first use: an address can be looked at without redis-py."""
    if name != "RedisBackend":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if not all(map(find_spec, ("redis", "hiredis"))):
        raise MissingExtra(
            "memory on a Redis or Valkey server needs redis-py and hiredis",
            hint="pip install 'quarterdeck[redis]'",
        )
    from quarterdeck.memory.server.backend import RedisBackend

    return RedisBackend
