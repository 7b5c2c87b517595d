"""Connections on which the masters tell which entries have changed; reading them never waits.

    CLIENT TRACKING ON BCAST PREFIX p  ->  invalidate [names]   after writes of names that begin with p
                                           invalidate nil       after FLUSHALL and the like

When is the news of a write here? A server collects what it has to say in a turn of its loop. Who is last to
be told something is served first: that is us, for news is made when all commands of the turn are carried out.
So whoever knows that a write is done finds the news of it here, but

* if we have asked something in that turn ourselves, a writer may be served before us. So nothing can be said
  of copies while an answer is outstanding (`Lines.asked_at`);
* of more than 64 kB of news only a part comes that soon. Either it is one message (`Lines.is_whole`), or we
  are far behind and ask;
* after FLUSHALL, with the server's ``io-threads`` and over a network, the writer may be told a little before
  us; and SWAPDB is told to nobody;
* a cluster's slot may move to a master that we have no line to, and nobody tells. What is moved along is told
  by the old one, so only the absence of an entry must not be remembered in a cluster.

``HELLO`` does what PING would: its answer proves that everything has been read that was written before it
was asked. It also tells a master from a replica, which a master may become, and which hears of changes late.
Before it goes the question whether ``io-threads`` are at work (`THREADS_AT_WORK`), unless they may be.
"""

from __future__ import annotations

import re
import select
import ssl
import sys
from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

from quarterdeck.errors import MemoryUnavailable, MissingExtra

try:
    import hiredis
except ImportError:
    raise MissingExtra(
        "memory on a Redis or Valkey server needs hiredis", hint="pip install 'quarterdeck[redis]'"
    ) from None

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable, Iterator

PATIENCE_S = 1.0
"""How long a confirmation may take before the server is given up."""

THREADS_AT_WORK = re.compile(r"^(io_threads_active|io_threaded_\w+_processed):[1-9]", re.MULTILINE)
"""In INFO, whose counters begin anew when the server does; how many are configured only CONFIG tells."""

_READ_BYTES = 65_536
_MOST_READS = 64
"""Of one connection at a time: whoever writes faster than we read must not keep us for ever."""
_MORE = object()


class FeedConnection(Protocol):
    """A redis-py connection: RESP3, logged in, with no answer outstanding, and a time-out."""

    def disconnect(self) -> None:
        """Close it; in a forked child the parent can go on."""


class Lines:
    """One connection to each master, used as if they were one; for one thread at a time.

    Attributes:
        poll: ``poll(0)`` is true when something may have come in; for any thread, also when all is over.
    """

    def __init__(
        self,
        connect: Callable[[], Iterable[FeedConnection]],
        prefix: str,
        clock: Callable[[], float],
        *,
        shuns_threads: bool = False,
    ) -> None:
        """Has every master tell of the names that begin with *prefix*; two round trips.

        Args:
            connect: makes the connections.
            prefix: of the names.
            clock: seconds.
            shuns_threads: whether a master is given up when its io-threads are at work.

        Raises:
            MemoryUnavailable: a master will not, or has not answered in time.
            QuarterdeckError: whatever *connect* raises.
        """
        self._clock = clock
        self._shuns_threads = shuns_threads
        self._lines: list[_Line] = []
        try:
            self._greet(connect(), prefix)
            self.poll: Callable[[float], object] = _poll_of([line.socket for line in self._lines])
        except BaseException:  # whatever it is, also an interrupt: the connections are given back
            self.close()
            raise

    @property
    def is_whole(self) -> bool:
        """Whether nothing of what the masters have begun to tell us is still to come."""
        return all(line.is_whole for line in self._lines)

    @property
    def confirmed_at(self) -> float:
        """All that was written until then has been read."""
        return min(line.confirmed_at for line in self._lines)

    @property
    def asked_at(self) -> float | None:
        """When a question was put that not all masters have answered; None: no answer is outstanding."""
        return min((line.asked_at for line in self._lines if line.asked_at is not None), default=None)

    def ask(self) -> None:
        """Put a question to every master that has answered the last one; the answers move `confirmed_at`.

        Raises:
            MemoryUnavailable: one is gone.
        """
        for line in self._lines:
            if line.asked_at is None:
                line.ask(self._clock(), shuns_threads=self._shuns_threads)

    def receive(self) -> list[str] | None:
        """The names that have changed, as far as that has come in; None: it may be any.

        Raises:
            MemoryUnavailable: a master is gone, or is none any more, or speaks no sense.
        """
        names: list[str] = []
        everything = False
        for line in self._lines:
            for changed in line.receive():
                if changed is None:
                    everything = True
                else:
                    names += changed
        if any(line.is_behind for line in self._lines):
            self.ask()
        return None if everything else names

    def wait(self, timeout_s: float) -> None:
        """Return when something may have come in, or after *timeout_s* seconds."""
        poller = select.poll()
        for line in self._lines:
            poller.register(line.socket.fileno(), select.POLLIN)
        poller.poll(timeout_s * 1000)

    def close(self) -> None:
        """Close the connections."""
        for line in self._lines:
            line.close()

    def _greet(self, connections: Iterable[FeedConnection], prefix: str) -> None:
        for connection in connections:
            self._lines.append(_Line(connection))
        if not self._lines:
            raise lost("is none: no master is left")
        track = _packed("CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", prefix)
        for line in self._lines:
            line.send(track)
        for line in self._lines:
            line.wait_for_ok()
        self.ask()
        for line in self._lines:
            line.wait_for_hello()


class _Line:
    """One connection, what of a message has come in, and the question that is outstanding."""

    __slots__ = (
        "_awaited",
        "_connection",
        "_reader",
        "asked_at",
        "confirmed_at",
        "is_behind",
        "is_whole",
        "socket",
    )

    def __init__(self, connection: FeedConnection) -> None:
        self._connection = connection
        self._reader = hiredis.Reader(encoding="utf-8", errors="replace", notEnoughData=_MORE)
        self._awaited: deque[Callable[[object], None]] = deque()
        self.socket = _socket_of(connection)
        self.asked_at: float | None = None
        self.confirmed_at = 0.0
        self.is_behind = False
        self.is_whole = True

    def ask(self, now: float, *, shuns_threads: bool) -> None:
        """Put a question at the time *now*; its answers are heeded as they come in."""
        self.asked_at = now
        if shuns_threads:
            self._awaited.append(self._heed_info)
        self._awaited.append(self._heed_hello)
        self.send(_INFO + _HELLO if shuns_threads else _HELLO)

    def send(self, data: bytes) -> None:
        """Send a short command, which fits where nothing else is on the way."""
        try:
            self.socket.sendall(data)
        except OSError as error:  # also if it would have to wait
            raise lost("has closed the connection") from error

    def wait_for_ok(self) -> None:
        """Wait for the answer to ``CLIENT TRACKING``; what has changed before it matters to nobody."""
        answer, *others = self._wait_for_answers()
        if others:
            raise lost("has given an answer that makes no sense")
        if answer != "OK":
            said = str(answer).split(" ", 1)[0] if isinstance(answer, Exception) else "no error"
            raise lost(f"refuses CLIENT TRACKING ({said})")

    def wait_for_hello(self) -> None:
        """Wait for the answer to ``HELLO``; from then on nothing waits."""
        while self._awaited:
            for answer in self._wait_for_answers():
                self._heed(answer)
        self.socket.setblocking(False)

    def receive(self) -> Iterator[list[str] | None]:
        """Names that have changed, or None for all of them, message by message."""
        self.is_behind = False
        taken_bytes = 0
        for _ in range(_MOST_READS):
            try:
                data = self.socket.recv(_READ_BYTES)
            except (BlockingIOError, ssl.SSLWantReadError):
                return
            except OSError as error:
                raise lost("has broken the connection") from error
            taken_bytes += len(data)  # TLS gives 16 kB at a time
            self.is_behind = taken_bytes >= _READ_BYTES
            for message in self._messages(data):
                if not isinstance(message, hiredis.PushNotification):
                    self._heed(message)
                elif message[:1] == ["invalidate"]:
                    yield _changed(message)

    def close(self) -> None:
        """Close the connection."""
        self._connection.disconnect()

    def _heed(self, answer: object) -> None:
        if not self._awaited:
            raise lost("has given an answer that makes no sense")
        self._awaited.popleft()(answer)

    def _heed_info(self, answer: object) -> None:
        """An error (NOPERM) is none of ours: whoever connects has made sure of io-threads."""
        if isinstance(answer, str) and THREADS_AT_WORK.search(answer):
            raise MemoryUnavailable(
                "the memory server uses io-threads, so it may tell of a change too late",
                hint="set its io-threads to 1, or local_cache_io_threads of section memory",
            )

    def _heed_hello(self, answer: object) -> None:
        if self.asked_at is None or not isinstance(answer, dict):
            raise lost("has given an answer that makes no sense")
        if answer.get("role") != "master":
            raise lost("is no master")
        self.confirmed_at, self.asked_at = self.asked_at, None

    def _wait_for_answers(self) -> list[object]:
        """One or more, as they come in."""
        while True:
            try:
                data = self.socket.recv(_READ_BYTES)
            except TimeoutError as error:
                raise lost("does not answer in time") from error
            except OSError as error:
                raise lost("has broken the connection") from error
            answers = [
                each for each in self._messages(data) if not isinstance(each, hiredis.PushNotification)
            ]
            if answers:
                return answers

    def _messages(self, data: bytes) -> Iterator[Any]:
        """The messages that *data* completes."""
        if not data:
            raise lost("has closed the connection")
        try:
            self._reader.feed(data)
            while self._reader.has_data():
                message = self._reader.gets()
                if message is _MORE:
                    self.is_whole = False
                    return
                self.is_whole = True
                yield message
        except (hiredis.HiredisError, MemoryError, TypeError, ValueError) as error:  # such as a list as a key
            raise lost("has sent what makes no sense") from error


def _poll_of(sockets: list[socket.socket]) -> Callable[[float], object]:
    """A function that says whether one of them has something to read; called with 0, by any thread.

    Nothing is closed by hand when all is over: a thread may still be in it.

    Raises:
        MemoryUnavailable: the system gives no file descriptor for it.
    """
    if sys.platform == "linux":  # where its cost does not grow with the sockets, and threads may share it
        try:
            epoll = select.epoll()
        except OSError as error:
            raise MemoryUnavailable(
                f"news of changes cannot be waited for: {error.strerror}",
                hint="close files, or allow more of them: ulimit -n",
            ) from error
        for each in sockets:
            epoll.register(each.fileno(), select.EPOLLIN)
        return epoll.poll
    poll = select.poll()
    for each in sockets:
        poll.register(each.fileno(), select.POLLIN)

    def check(timeout_ms: float) -> object:
        try:
            return poll.poll(timeout_ms)
        except RuntimeError:  # another thread is in it
            return True

    return check


def _packed(*words: str) -> bytes:
    """A command as a server reads it."""
    parts = [word.encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)


_HELLO = _packed("HELLO")
_INFO = _packed("INFO", "stats")


def _changed(push: list[Any]) -> list[str] | None:
    """The names in an ``invalidate``."""
    if len(push) == 2:
        names = push[1]
        if names is None:
            return None
        if isinstance(names, list) and all(isinstance(name, str) for name in names):
            return names
    raise lost("has sent what makes no sense")


def _socket_of(connection: FeedConnection) -> socket.socket:
    """The socket of a redis-py connection, which it has no public name for."""
    connected: socket.socket = connection._sock  # type: ignore[attr-defined]  # noqa: SLF001
    return connected


def lost(what: str) -> MemoryUnavailable:
    """The error for a master that has become silent; *what* it did follows its name."""
    return MemoryUnavailable(
        f"the news of changes has stopped: the memory server {what}",
        hint="see whether it runs and lets this user track changes: qd memory doctor",
    )
