"""Where a server is and how to speak with it: settings and URLs made into one checked, frozen value.

No message and no ``repr`` made here holds a password, not even of a URL that cannot be understood.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, unquote

from quarterdeck.errors import ConfigError
from quarterdeck.memory.settings import without_secrets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quarterdeck.memory.settings import RedisConfig

_PORT = 6379
_SENTINEL_PORT = 26379
_FORMS = (
    "redis://[user:password@]host[:port][/db], rediss://… (TLS), unix://path[?db=0], "
    "redis+sentinel://host:port,host:port/service[/db] or redis+cluster://host:port,host:port"
)


class Place(NamedTuple):
    """One server: a name or an address, and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Address:
    """A server, or the servers to ask for it.

    Attributes:
        kind: ``plain`` (one server), ``sentinel`` (*places* know where *service* is) or ``cluster`` (*places*
            are some of its nodes).
        places: at least one, or *path*.
        path: of a Unix socket; empty: TCP.
        service: what Sentinel calls the master.
        db: 0 in a cluster.
        tls: speak TLS; with *ca_certs* in place of the system's authorities, and the client's own *certfile*.
    """

    kind: str
    places: tuple[Place, ...]
    path: str = ""
    service: str = ""
    db: int = 0
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    tls: bool = False
    ca_certs: str = ""
    certfile: str = ""
    keyfile: str = ""
    connect_timeout_s: float = 0.5
    timeout_s: float = 1.0

    def __str__(self) -> str:
        """As a URL, without anything secret."""
        if self.path:
            return f"unix://{self.path}"
        scheme = ("rediss" if self.tls else "redis") + ("" if self.kind == "plain" else f"+{self.kind}")
        service = f"/{self.service}" if self.service else ""
        db = f"/{self.db}" if self.db else ""
        return f"{scheme}://{','.join(map(str, self.places))}{service}{db}"

    @property
    def is_local(self) -> bool:
        """Whether what is said stays on this machine."""
        return bool(self.path) or all(_is_loopback(place.host) for place in self.places)


def address_of(config: RedisConfig) -> Address:
    """The address that *config* means; its URL wins over its other fields.

    Raises:
        ConfigError: the URL is none of those that `RedisConfig` describes, or a field cannot be meant.
    """
    _check(config)
    common: dict[str, Any] = {
        "ca_certs": config.ssl_ca_certs,
        "certfile": config.ssl_certfile,
        "keyfile": config.ssl_keyfile,
        "connect_timeout_s": config.connect_timeout_s,
        "timeout_s": config.timeout_s,
    }
    if not config.url:
        return Address(
            "plain",
            (Place(config.host, config.port),),
            db=config.db,
            username=config.username,
            password=config.password,
            tls=config.ssl,
            **common,
        )
    return _of_url(config, common)


def _of_url(config: RedisConfig, common: Mapping[str, Any]) -> Address:
    url = config.url
    scheme, separator, rest = url.partition("://")
    scheme = scheme.lower().replace("valkey", "redis", 1)
    protocol, _, kind = scheme.partition("+")
    if not separator or (protocol, kind) not in {
        ("unix", ""),
        *(("redis" + tls, kind) for tls in ("", "s") for kind in ("", "sentinel", "cluster")),
    }:
        raise _wrong(url, "it begins with none of the schemes that are known")
    rest, _, options = rest.partition("?")
    user, _, place = rest.rpartition("@")
    username, colon, password = user.partition(":")
    db = _db_option(url, options)
    if protocol == "unix":
        path = unquote(place)
        if not path:
            raise _wrong(url, "it names no socket")
        kind, service = "plain", ""
        places: tuple[Place, ...] = ()
    else:
        path = ""
        hosts, _, rest = place.partition("/")
        kind = kind or "plain"
        places = tuple(_place(url, each, kind) for each in hosts.split(","))
        if kind == "plain" and len(places) > 1:
            raise _wrong(url, "it names several servers, and neither +sentinel nor +cluster")
        service, rest = _service(url, rest) if kind == "sentinel" else ("", rest)
        db = _db(url, rest.rstrip("/")) if rest.rstrip("/") else db
    if db is None:
        db = config.db
    if kind == "cluster" and db:
        raise _wrong(url, "a cluster has no databases but 0")
    return Address(
        kind,
        places,
        path=path,
        service=service,
        db=db,
        username=unquote(username) if user else config.username,
        password=unquote(password) if colon else config.password,
        tls=protocol == "rediss" or (config.ssl and protocol != "unix"),
        **common,
    )


def _service(url: str, rest: str) -> tuple[str, str]:
    service, _, rest = rest.partition("/")
    if not service:
        raise _wrong(url, "it does not say which service Sentinel shall be asked for")
    return unquote(service), rest


def _place(url: str, text: str, kind: str) -> Place:
    """``host``, ``host:port``, ``[::1]`` or ``[::1]:port``."""
    if text.startswith("["):
        host, bracket, port = text[1:].partition("]")
        if not bracket or (port and not port.startswith(":")):
            raise _wrong(url, "an address in brackets has no end")
        port = port[1:]
    else:
        host, _, port = text.partition(":")
    if not host or any(character.isspace() or not character.isprintable() for character in host):
        raise _wrong(url, "it names no server")
    if not port:
        return Place(host, _SENTINEL_PORT if kind == "sentinel" else _PORT)
    if not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536):
        raise _wrong(url, "a port is no number from 1 to 65535")
    return Place(host, int(port))


def _db_option(url: str, options: str) -> int | None:
    found = None
    for name, value in parse_qsl(options, keep_blank_values=True):
        if name != "db":
            raise _wrong(url, "it has an option that nobody knows; only ?db= is one")
        found = _db(url, value)
    return found


def _db(url: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        raise _wrong(url, "the database must be a number")
    return int(text)


def _wrong(url: str, why: str) -> ConfigError:
    return ConfigError(
        f"the memory server's URL {without_secrets(url)!r} cannot be understood: {why}",
        hint=f"write {_FORMS}; in a password write % @ / ? # : as %25 %40 %2F %3F %23 %3A",
    )


def _check(config: RedisConfig) -> None:
    """Raise on what no URL can mend."""
    for name in ("connect_timeout_s", "timeout_s"):
        if not 0 < getattr(config, name) <= 3600:
            raise ConfigError(
                f"{name} must be a number of seconds from 0 to 3600, got {getattr(config, name)!r}",
                hint=f"set {name} of section memory to a second or so",
            )
    if not config.url and (not config.host or not 0 < config.port < 65536 or config.db < 0):
        raise ConfigError(
            f"no memory server can be at {config.host!r}, port {config.port}, database {config.db}",
            hint="give host, a port from 1 to 65535 and a database from 0",
        )
    if config.ssl_keyfile and not config.ssl_certfile:
        raise ConfigError(
            "ssl_keyfile is set, and ssl_certfile is not", hint="name the certificate that belongs to the key"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
