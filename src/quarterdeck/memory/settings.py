"""The settings of section ``memory``, and what a caller may pass instead."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import NamedTuple

from quarterdeck.errors import ConfigError

_LEAST = {"buckets": 1, "max_key_bytes": 1, "max_value_bytes": 1}


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What is the same wherever the memory is kept.

    Attributes:
        namespace: stores of one file or server that do not see each other.
        local_cache_enabled: keep copies in this process; they are never stale.
        local_cache_size: how many entries to keep copies of, the least recently used go first.
        max_key_bytes, max_value_bytes: of one key in UTF-8, and of one value as JSON; more is an error.
        pii_scrub_enabled: take out what is personal: mail addresses, numbers of cards, phones, accounts.
        secrets_detection_enabled: take out keys, tokens and passwords.
        key_file: encrypt values with the key in this file (see ``qd memory key``); empty: plain JSON.
        buckets: how many slots of a cluster an agent's entries are spread over. More than one: what lies in
            different buckets cannot change in one transaction. Must be the same for all users of a namespace.
    """

    namespace: str = "default"
    local_cache_enabled: bool = True
    local_cache_size: int = 500
    max_key_bytes: int = 1024
    max_value_bytes: int = 10_000_000
    pii_scrub_enabled: bool = True
    secrets_detection_enabled: bool = True
    key_file: str = ""
    buckets: int = 1

    def __post_init__(self) -> None:
        """Refuse what cannot be meant, before anything is opened.

        Raises:
            ConfigError: a value has another type than its default, or is less than it can be.
        """
        for each in fields(self):
            _check(each.name, getattr(self, each.name), each.default)


@dataclass(frozen=True, kw_only=True)
class MemoryConfig(Limits):
    """Memory in a file, shared by all processes of this machine.

    Attributes:
        path: of the file; empty: ``memory.sqlite`` in the state of the project we are in.
    """

    path: str = ""
    buckets: int = field(default=1, init=False)  # there is no cluster to spread over


@dataclass(frozen=True, kw_only=True)
class RedisConfig(Limits):
    """Memory on a Redis (6 or newer) or Valkey server, shared by many machines.

    Attributes:
        url: ``redis://`` or ``rediss://[user:password@]host[:port][/db]``, ``unix://path``,
            ``redis+sentinel://host:port,host:port/service[/db]``, ``redis+cluster://host:port,host:port``;
            ``valkey`` may stand for ``redis``, ``rediss+…`` is with TLS. What it says wins over what follows.
        host, port, db, username, password: the server, without a URL.
        ssl: speak TLS; the server's certificate and name are checked.
        ssl_ca_certs: file of the authorities to trust; empty: the system's.
        ssl_certfile, ssl_keyfile: the client's own certificate.
        connect_timeout_s, timeout_s: give up a connection, or an answer, after so many seconds.
        local_cache_confirm_s: a copy is used only if the server was heard of within so many seconds.
        local_cache_io_threads: keep copies also if the server uses io-threads, with which they may be stale
            for a moment: up to 5 % of reads that race with a write.
        allow_eviction: stage patterns on a server that may drop them when its memory is full.
    """

    url: str = ""
    host: str = "localhost"
    port: int = 6379
    db: int = 0
    username: str = ""
    password: str = ""
    ssl: bool = False
    ssl_ca_certs: str = ""
    ssl_certfile: str = ""
    ssl_keyfile: str = ""
    connect_timeout_s: float = 0.5
    timeout_s: float = 1.0
    local_cache_confirm_s: float = 1.0
    local_cache_io_threads: bool = False
    allow_eviction: bool = False

    def __repr__(self) -> str:
        """Without anything secret."""
        place = without_secrets(self.url) if self.url else f"{self.host}:{self.port}/{self.db}"
        return f"RedisConfig({place!r}, namespace={self.namespace!r})"


class MemorySettings(NamedTuple):
    """What can be set in ``[tool.quarterdeck.memory]``, in the environment and in the user's settings.

    Attributes are those of `MemoryConfig` and, with a *url*, of `RedisConfig`.
    """

    path: str = ""
    url: str = ""
    namespace: str = Limits.namespace
    local_cache_enabled: bool = Limits.local_cache_enabled
    local_cache_size: int = Limits.local_cache_size
    local_cache_confirm_s: float = RedisConfig.local_cache_confirm_s
    local_cache_io_threads: bool = RedisConfig.local_cache_io_threads
    max_key_bytes: int = Limits.max_key_bytes
    max_value_bytes: int = Limits.max_value_bytes
    pii_scrub_enabled: bool = Limits.pii_scrub_enabled
    secrets_detection_enabled: bool = Limits.secrets_detection_enabled
    key_file: str = Limits.key_file
    ssl_ca_certs: str = ""
    ssl_certfile: str = ""
    ssl_keyfile: str = ""
    connect_timeout_s: float = RedisConfig.connect_timeout_s
    timeout_s: float = RedisConfig.timeout_s
    buckets: int = Limits.buckets
    allow_eviction: bool = False

    def config(self) -> MemoryConfig | RedisConfig:
        """These settings as what `ShortTermMemory` takes."""
        kind = RedisConfig if self.url else MemoryConfig
        taken = {each.name for each in fields(kind) if each.init}
        mine = {name: value for name, value in self._asdict().items() if name in taken}
        return kind(**mine)


def _check(name: str, value: object, default: object) -> None:
    """Raise unless *value*, which is not repeated as it may be secret, is of the type of *default*."""
    kinds = (int, float) if isinstance(default, float) else type(default)
    if not isinstance(value, kinds) or isinstance(value, bool) is not isinstance(default, bool):
        raise ConfigError(
            f"{name} of the memory must be of type {type(default).__name__}, got {type(value).__name__}",
            hint=f"leave it away for the default, {default!r}",
        )
    if isinstance(value, str):
        if "\0" in value or (name == "namespace" and not (value and value.isprintable())):
            raise ConfigError(f"{name} of the memory is not plain text", hint="use printable characters")
    elif isinstance(value, int | float) and not _LEAST.get(name, 0) <= value < float("inf"):
        raise ConfigError(
            f"{name} of the memory must be a number from {_LEAST.get(name, 0)} up, got {value!r}",
            hint=f"leave it away for the default, {default!r}",
        )


def without_secrets(url: str) -> str:
    """*url* without user, password and options; of a URL that is none, as much as cannot be secret."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return "***"
    before_options = rest.partition("?")[0].partition("#")[0]
    if "@" not in rest:
        return f"{scheme}://{before_options}"
    if "@" in rest[len(before_options) :]:  # an option with @, or a password with ?: who knows
        return f"{scheme}://***"
    return f"{scheme}://***@{before_options.rpartition('@')[2]}"
