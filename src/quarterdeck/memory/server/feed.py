"""Which copies of entries are still good, on a server that many machines write to.

    begin(name) -> mark      before the read is sent: a change that overtakes its answer is not missed
    is_fresh(mark)           read what the masters tell (`lines`), which kills the marks of what has changed
    wrote(names)             after every write of our own, which then needs no telling

Copies are used only while all masters are heard and have confirmed, in the last ``confirm_s`` seconds, that
nothing is left unsaid: a server that is frozen or cut off cannot make anybody use a stale copy for longer.
Whatever goes wrong makes all copies stale at once; the next read then connects anew.

What is certain: no copy is older than our own last write, by whatever thread that shares this feed, and none
is used for more than ``confirm_s`` seconds after somebody else's write. That it is not used at all depends on
the server, which must tell us before it tells the writer that all is done (`lines`). Measured, with processes
that read what another one writes as fast as it can:

    Redis 6.2, 7.0, Valkey 8.0 as they come       0 stale of 110 million reads
    with ``io-threads 4``                         up to 5 %, so no copies are kept unless that is allowed
    behind a TLS proxy that holds up the news     more, for as long as it does

A server whose configuration we may not see (CONFIG) counts as one without io-threads until they have been at
work, which it is asked at each confirmation (INFO). Its copies are dropped then, ``confirm_s`` later at most.

Nobody listens in the background. A process that reads nothing for `IDLE_S` seconds leaves: the server would
have to keep for it everything that others write.
"""

from __future__ import annotations

import contextlib
import math
import random
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any

from quarterdeck import forks
from quarterdeck.errors import MemoryUnavailable, QuarterdeckError
from quarterdeck.memory.server.lines import PATIENCE_S, Lines, lost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from quarterdeck.memory.server.lines import FeedConnection

IDLE_S = 30.0
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
"""Between two tries to connect."""

_ALWAYS = -math.inf
_LOOK_EVERY_S = 0.01


class FeedMark:
    """What a copy was read under; dead as soon as the entry may have changed, and for ever."""

    __slots__ = ("__weakref__", "alive")

    def __init__(self) -> None:
        self.alive = True


class InvalidationFeed:
    """Kills the marks of what has changed; may be shared by threads, and used after a fork."""

    def __init__(
        self,
        connect: Callable[[], Iterable[FeedConnection]],
        prefix: str,
        confirm_s: float,
        clock: Callable[[], float] = time.monotonic,
        *,
        shuns_threads: bool = False,
    ) -> None:
        """Connects on first use.

        Args:
            connect: makes a connection to each master there is now; raises a `QuarterdeckError`.
            prefix: of all names that are ever asked about.
            confirm_s: how long a copy may be used without a sign of life from every master.
            clock: seconds.
            shuns_threads: whether no copies are kept while a master's io-threads are at work.
        """
        self.lock = threading.RLock()
        self._connect = connect
        self._prefix = prefix
        self._confirm_s = confirm_s
        self._clock = clock
        self._shuns_threads = shuns_threads
        self._marks: weakref.WeakValueDictionary[str, FeedMark] = weakref.WeakValueDictionary()
        self._lines: Lines | None = None
        self._poll: Callable[[float], object] = _nothing
        self._due = _ALWAYS
        self._over = threading.Event()
        self._idle_s = max(IDLE_S, 2 * confirm_s)
        self._connecting = 0  # the thread that does
        self._is_heeding = False
        self._drops = 0
        self._retry_at = _ALWAYS
        self._pause_s = FIRST_PAUSE_S
        self._problem = ""
        forks.guard(self, InvalidationFeed.in_child)

    def begin(self, name: str) -> FeedMark | None:
        """The mark to read that entry under; see `begin_many`."""
        return self.begin_many((name,))[0]

    def begin_many(self, names: Sequence[str]) -> list[FeedMark | None]:
        """The marks to read those entries under; call it before the read is sent.

        Connects if need be, which may take as long as *connect* does; after a failure not again at once.

        Returns:
            A mark for each name, or None for each when no copies can be kept now.
        """
        if self._connecting:  # another thread, which may take a while
            return [None] * len(names)
        with self.lock:
            if self._lines is None:
                self._open()
            elif self._poll(0) or self._clock() >= self._due:
                self._catch_up()
            if self._lines is None:
                return [None] * len(names)
            marks: list[FeedMark | None] = []
            for name in names:
                mark = self._marks.get(name)
                if mark is None:
                    mark = self._marks[name] = FeedMark()
                marks.append(mark)
            return marks

    def is_fresh(self, mark: Any) -> bool:  # noqa: ANN401  # only a backend knows what its marks are
        """Whether nobody has changed the entry since it was read; never waits for a server, never raises."""
        if not mark.alive:
            return False
        if self._poll(0) or self._clock() >= self._due:
            return self._catch_up() and mark.alive
        # Nothing has come in. If another thread has just taken it, *_due* had us wait until it was heeded.
        alive: bool = mark.alive
        return alive

    def wrote(self, names: Iterable[str]) -> None:
        """Make the marks of these names stale: we have changed them, or may have, and need not be told.

        Call it when the write is over, however it ended. What was read before that may be from before it.
        """
        if self._acquire():
            try:
                self._heed(names)
            finally:
                self.lock.release()

    def usable(self) -> bool:
        """Whether copies can be kept now; connects if need be."""
        return self.begin("") is not None

    def problem(self) -> str:
        """Why no copies can be kept, in a sentence; empty when they can, or when nobody has tried."""
        return self._problem

    def drop(self) -> None:
        """Make all marks stale, and have the next `begin` connect anew, to the masters there are then.

        Call it after every error of another connection, and when a server says that something has moved.
        """
        if self._connecting == threading.get_ident():  # *connect* itself: it has failed, or found another way
            return
        self._drops += 1
        if not self._acquire():  # whoever connects will see that it was early
            return
        try:
            self._due = _ALWAYS
            self._kill_all()
            self._poll = _nothing
            self._over.set()
            lines, self._lines = self._lines, None
            if lines is not None:
                lines.close()
        finally:
            self.lock.release()

    def close(self) -> None:
        """As `drop`; the next use connects anew."""
        self.drop()
        self._problem = ""
        self._retry_at = _ALWAYS

    def in_child(self) -> None:
        """Close what is the parent's, in a child that has just been forked."""
        self._over = threading.Event()  # the old one's lock may be held by a thread that is not here
        self.close()

    def leave_if_idle(self) -> None:
        """Close the connections if nobody has asked for long; the next `begin` connects anew."""
        with self.lock:
            if self._lines is not None and self._clock() - self._lines.confirmed_at > self._idle_s:
                self.drop()

    def _acquire(self) -> bool:
        """Take the lock; False when another thread connects under it.

        That may take long, and may want a lock of our caller's. Nobody has a live mark then, and those that
        come are for reads that are yet to be sent.
        """
        while not self.lock.acquire(timeout=_LOOK_EVERY_S):
            if self._connecting:
                return False
        return True

    def _open(self) -> None:
        now = self._clock()
        if now < self._retry_at:
            return
        self._connecting = threading.get_ident()
        drops = self._drops
        try:
            lines = Lines(self._connect, self._prefix, self._clock, shuns_threads=self._shuns_threads)
        except QuarterdeckError as error:
            self._problem = f"{error.message}: {error.hint}"
            self._retry_at = now + self._pause_s * (1 - random.random() / 2)  # noqa: S311  # no secret
            self._pause_s = min(LONGEST_PAUSE_S, self._pause_s * 2)
            return
        finally:
            self._connecting = 0  # before the look at *drops*: who drops later finds the lines
        if self._drops != drops:
            lines.close()
            return
        self._problem = ""
        self._pause_s = FIRST_PAUSE_S
        self._lines = lines
        self._poll = lines.poll  # *_due* stays as it is: part of a message may have come in already
        self._over = threading.Event()
        leaver = threading.Thread(
            target=_leave_when_idle, args=(weakref.ref(self), self._over, self._idle_s), daemon=True
        )
        with contextlib.suppress(RuntimeError):  # the interpreter is ending: it will not be idle for long
            leaver.start()

    def _catch_up(self) -> bool:
        """Heed all that has come in, and see to the next confirmation; whether copies can be used now."""
        with self.lock:
            lines = self._lines
            if lines is None or self._is_heeding:  # by ourselves: this is a finaliser, or a signal's handler
                return False
            self._is_heeding = True
            self._due = _ALWAYS  # what we take from the sockets others no longer see: they must wait for us
            try:
                self._heed(lines.receive())
                self._confirm(lines, self._clock())
            except MemoryUnavailable as error:
                self.drop()
                self._problem = error.message
                return False
            except BaseException:  # an interrupt: something may have been taken and not been heeded
                self.drop()
                raise
            finally:
                self._is_heeding = False
            if lines.asked_at is not None or not lines.is_whole:
                return False
            self._due = lines.confirmed_at + self._confirm_s
            return True

    def _heed(self, changed: Iterable[str] | None) -> None:
        if changed is None:
            self._kill_all()
            return
        for name in changed:
            mark = self._marks.pop(name, None)
            if mark is not None:
                mark.alive = False

    def _kill_all(self) -> None:
        while self._marks:  # a signal's handler may begin others meanwhile
            try:
                _, mark = self._marks.popitem()
            except KeyError:  # the last one is gone, as nobody has kept it
                return
            mark.alive = False

    def _confirm(self, lines: Lines, now: float) -> None:
        """Ask if it is time, and give up who does not answer."""
        asked_at = lines.asked_at
        if asked_at is None:
            if now >= lines.confirmed_at + self._confirm_s:
                lines.ask()
        elif now > asked_at + max(self._confirm_s, PATIENCE_S):
            raise lost("does not answer in time")


def _leave_when_idle(feed: weakref.ref[InvalidationFeed], over: threading.Event, every_s: float) -> None:
    while not over.wait(every_s):
        listening = feed()
        if listening is None:
            return
        listening.leave_if_idle()
        del listening


def _nothing(timeout_s: float) -> object:  # noqa: ARG001  # it stands for a poll
    """Nothing can come in where there is no connection."""
    return None
