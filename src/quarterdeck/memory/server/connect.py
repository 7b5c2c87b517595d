"""Connections to one server, and what is said on them.

    ask_nodes -> a connection of each node (Breaker: or an error at once) -> send to all -> replies of all

redis-py makes the connections and packs and parses what goes over them. Its clients and pools are not used:
they send a command again after an error, and a take or an add must never be done twice; and a connection that
was left in the middle of a reply must never be used again.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any, Protocol

from redis import connection as redis_connection
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import RedisError, ResponseError
from redis.retry import Retry

from quarterdeck.errors import ConfigError, MemoryUnavailable
from quarterdeck.memory.server import failures
from quarterdeck.memory.server.breaker import Breaker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from quarterdeck.memory.server.address import Address, Place
    from quarterdeck.memory.server.scripts import Command

CLIENT_NAME = "quarterdeck"
MOST_CONNECTIONS = 64
"""To one server, from one process."""

Reply = Any
"""Bytes, a number, None, a list of them, or a `ResponseError` as a value."""

_FAILURES = (RedisError, OSError)


class Connection(Protocol):
    """What we use of redis-py's connections, which it gives no types."""

    @property
    def is_connected(self) -> bool:
        """Whether it has a socket."""

    def connect(self) -> None:
        """Connect and log in, if it has none."""

    def on_connect(self) -> None:
        """Log in."""

    def disconnect(self) -> None:
        """Close the socket."""

    def can_read(self) -> bool:
        """Whether something has come in; raises if that is the end."""

    def pack_commands(self, commands: Sequence[Command]) -> list[bytes]:
        """Commands as they are sent."""

    def send_packed_command(self, command: list[bytes] | bytes) -> None:
        """Send; closes the socket if that fails."""

    def send_command(self, *words: str) -> None:
        """Pack and send."""

    def read_response(self, *, disconnect_on_error: bool = True) -> Reply:
        """The next reply; an error of the server is raised."""


class Node:
    """One server: its idle connections, and what is known of an outage. May be shared by threads."""

    def __init__(self, address: Address, place: Place | None, on_outage: Callable[[], None]) -> None:
        """Connects to nothing yet.

        Args:
            address: how to speak with it.
            place: where it is; None: at the socket of *address*.
            on_outage: called after every failure of a connection.
        """
        self.place = place
        self.name = str(place) if place else str(address)
        self.breaker = Breaker(address.connect_timeout_s + address.timeout_s)
        self._address = address
        self._on_outage = on_outage
        self._idle: list[Connection] = []
        self._free = threading.BoundedSemaphore(MOST_CONNECTIONS)
        self._is_closed = False

    def ask(self, command: Command, *, write: bool = False) -> Reply:
        """The reply to one command; an error of the server is a value (`ResponseError`).

        Raises:
            MemoryUnavailable: it is down, or has not answered in time.
            AccessDenied, ConfigError: it does not let us in.
        """
        call = Call(self, (command,), write)
        try:
            call.send()
            return call.receive()[0]
        finally:
            call.end()

    def fresh(self) -> Connection:
        """A new connection, which is the caller's own.

        Raises:
            MemoryUnavailable: it is down.
            AccessDenied, ConfigError: it does not let us in.
        """
        self._check_breaker()
        return self._connect()

    def lend(self) -> Connection:
        """A connection that is ready to be sent on; `take_back` it."""
        self._check_breaker()
        if not self._free.acquire(timeout=self._address.timeout_s):
            raise MemoryUnavailable(
                f"all {MOST_CONNECTIONS} connections to the memory server at {self.name} are in use;"
                " nothing was sent",
                hint="use fewer threads, or wait for them",
            )
        try:
            while self._idle:
                connection = self._idle.pop()
                if _is_ready(connection):
                    return connection
                connection.disconnect()
            return self._connect()
        except BaseException:  # whatever it is: the place must be free again
            self._free.release()
            raise

    def take_back(self, connection: Connection, *, usable: bool) -> None:
        """Keep a connection for the next one who asks; one in the middle of something is closed."""
        if usable and not self._is_closed:
            self._idle.append(connection)
        else:
            connection.disconnect()
        self._free.release()

    def lost(self, error: BaseException, *, write: bool) -> Exception:
        """What to raise for an *error* of a connection on which something was sent."""
        return self._failure(error, sent=True, write=write)

    def close(self) -> None:
        """Close what is idle, and whatever is given back from now on."""
        self._is_closed = True
        while self._idle:
            self._idle.pop().disconnect()

    def _check_breaker(self) -> None:
        outage = self.breaker.refusal()
        if outage:
            raise failures.unavailable(self.name, outage.reason, outage)

    def _connect(self) -> Connection:
        connection = connection_to(self._address, self.place)
        try:
            connection.connect()
        except _FAILURES as error:
            raise self._failure(error, sent=False, write=False) from error
        self.breaker.succeeded()
        return connection

    def _failure(self, error: BaseException, *, sent: bool, write: bool) -> Exception:
        self._on_outage()
        if isinstance(error, ResponseError) or failures.code_of(error) not in {"", "ERR"}:
            return failures.refused(error, self.name)  # it is there, and has said no
        if not isinstance(error, Disconnected | OSError) and type(error).__name__ == "InvalidResponse":
            return failures.garbage(self.name)
        reason = failures.reason_of(error)
        return failures.unavailable(self.name, reason, self.breaker.failed(reason), sent=sent, write=write)


class Call:
    """Some commands on one connection of a node; `end` it whatever happens."""

    __slots__ = ("_commands", "_connection", "_left", "_node", "_write")

    def __init__(self, node: Node, commands: Sequence[Command], write: bool) -> None:
        self._node = node
        self._commands = commands
        self._write = write
        self._left = len(commands)
        self._connection: Connection | None = None

    def send(self) -> None:
        """Put all commands on the way."""
        self._connection = connection = self._node.lend()
        try:
            connection.send_packed_command(connection.pack_commands(self._commands))
        except _FAILURES as error:
            raise self._node.lost(error, write=self._write) from error

    def receive(self) -> list[Reply]:
        """The replies to them, in their order."""
        connection = self._connection
        assert connection is not None
        replies = []
        while self._left:
            try:
                reply = connection.read_response(disconnect_on_error=False)
            except ResponseError as error:
                reply = error
            except _FAILURES as error:
                raise self._node.lost(error, write=self._write) from error
            self._left -= 1
            replies.append(reply)
        self._node.breaker.succeeded()
        return replies

    def end(self) -> None:
        """Give the connection back, or close it if a reply may still come."""
        if self._connection is not None:
            self._node.take_back(self._connection, usable=not self._left)
            self._connection = None


def ask_nodes(asked: Mapping[Node, Sequence[Command]], *, write: bool) -> dict[Node, list[Reply]]:
    """The replies of several nodes, each to its own commands; one round trip for all.

    Raises:
        MemoryUnavailable: one of them is down, or has not answered; others may have done their part.
    """
    calls = {node: Call(node, commands, write) for node, commands in asked.items()}
    try:
        for call in calls.values():
            call.send()
        return {node: call.receive() for node, call in calls.items()}
    finally:
        for call in calls.values():
            call.end()


def connection_to(address: Address, place: Place | None) -> Connection:
    """A connection to *place*, or to the socket of *address*, that is not made yet.

    Raises:
        ConfigError: a file for TLS cannot be read.
    """
    settings: dict[str, object] = {
        "db": address.db,
        "username": address.username or None,
        "password": address.password or None,
        "socket_timeout": address.timeout_s,
        "socket_connect_timeout": address.connect_timeout_s,
        "protocol": 3,
        "retry": Retry(NoBackoff(), 0),
        "driver_info": None,  # else every connection costs two round trips more
        "redis_connect_func": _greet,
    }
    kinds: Any = redis_connection
    made: Connection
    if place is None:
        made = kinds.UnixDomainSocketConnection(path=address.path, **settings)
        return made
    settings |= {"host": place.host, "port": place.port, "socket_keepalive": True}
    if not address.tls:
        made = kinds.Connection(**settings)
        return made
    files = {
        "ssl_ca_certs": address.ca_certs,
        "ssl_certfile": address.certfile,
        "ssl_keyfile": address.keyfile,
    }
    for name, path in files.items():
        if path:
            _check_file(name, path)
            settings[name] = path
    made = kinds.SSLConnection(**settings, ssl_cert_reqs="required", ssl_check_hostname=True)
    return made


def _greet(connection: Connection) -> None:
    """Log in and say who we are, which a user of the server may not be allowed to."""
    connection.on_connect()
    connection.send_command("CLIENT", "SETNAME", CLIENT_NAME)
    with contextlib.suppress(ResponseError):
        connection.read_response(disconnect_on_error=False)


def _is_ready(connection: Connection) -> bool:
    """Whether nothing has come in on it: that would be its end, or a reply that nobody waits for."""
    try:
        return connection.is_connected and not connection.can_read()
    except _FAILURES:
        return False


def _check_file(name: str, path: str) -> None:
    try:
        with open(path, "rb"):
            pass
    except OSError as error:
        raise ConfigError(
            f"{name} cannot be read at {path!r}: {error.strerror}",
            hint=f"set {name} of section memory to a file in PEM",
        ) from error
