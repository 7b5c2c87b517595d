"""One thread that makes what a journal has appended survive a power cut, a little later."""

from __future__ import annotations

import atexit
import threading
import weakref
from typing import TYPE_CHECKING

from quarterdeck.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Callable


class Flusher:
    """Calls *flush* once, *interval_s* after one or many calls of `wake`.

    Args:
        flush: a bound method, held weakly: its object may end, and the thread with it. Returns
            whether it is certain to have covered all that was appended; if not, it is called again.
        interval_s: how long to gather.
    """

    def __init__(self, flush: Callable[[], bool], interval_s: float) -> None:
        self._flush = weakref.WeakMethod(flush)
        self._interval_s = interval_s
        self._dirty = threading.Event()
        self._stopped = threading.Event()
        self._failure: StateError | None = None
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        """Something is about to be appended.

        Raises:
            StateError: what was appended before could not be brought to the disk; told once.
        """
        self.complain()
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="quarterdeck-journal-sync", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # beyond a limit, or at the interpreter's end: see `appended`
                return
            self._thread = thread
            atexit.register(self._flush_once)  # the thread does not outlive the interpreter
        self._dirty.set()

    def appended(self) -> None:
        """Something has been appended: where no thread can be started, it is flushed at once."""
        if self._thread is None:
            self._flush_once()

    def complain(self) -> None:
        """Raise what went wrong in the thread since the last call."""
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def stop(self) -> None:
        """End the thread, now or after the flush it is in."""
        self._stopped.set()
        atexit.unregister(self._flush_once)
        self._dirty.set()

    def _run(self) -> None:
        while True:
            self._dirty.wait()
            self._stopped.wait(self._interval_s)
            self._dirty.clear()
            if self._stopped.is_set():  # looked at after the clearing: `stop` sets both
                return
            if not self._flush_once():
                self._dirty.set()

    def _flush_once(self) -> bool:
        """Whether all is on the disk, or nobody is left to ask; what failed is tried again."""
        flush = self._flush()
        if flush is None:
            return True
        try:
            return flush()
        except StateError as error:
            self._failure = error
            return False
