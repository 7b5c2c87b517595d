"""Taking what has changed in the truth to far: on the spot, or in a thread of its own."""

from __future__ import annotations

import atexit
import threading
from typing import TYPE_CHECKING
from weakref import WeakSet

from quarterdeck.errors import QuarterdeckError
from quarterdeck.patterns import features
from quarterdeck.patterns.search.far import Far

if TYPE_CHECKING:
    from collections.abc import Callable

    from quarterdeck.patterns.search.terms import Document
    from quarterdeck.patterns.truth import Change, Truth

CHUNK = 200
"""So many changes are in memory at a time."""
_PAUSE_S = 5.0
"""Between attempts of which the first came to nothing: it failed, or somebody else was at it."""


def carry(
    truth: Truth,
    far: Far,
    document_of: Callable[[Change], Document | None],
    *,
    anew: bool = False,
    is_to_stop: Callable[[], bool] = lambda: False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> bool:
    """Bring *far* up to date, in chunks; costs CPU time for the analysis of each pattern that has changed.

    Args:
        truth: from where.
        far: to where; it has not looked at the result yet when this returns.
        document_of: what far holds of a pattern; None: nothing.
        anew: begin from nothing, whatever far has.
        is_to_stop: asked after each chunk; what is done by then is kept.
        progress: told after each chunk how many changes of how many are done.

    Returns:
        Whether it was done; False: somebody else is writing to far, or the truth has gone back meanwhile.

    Raises:
        StateError: with its subclasses: the truth cannot be read, or far not written; it is as it was then.
    """
    far.refresh()
    writer = far.write(anew=anew or truth.mark(far.revision) != far.mark)
    if writer is None:
        return False
    with writer:
        revision, mark, done = writer.revision, writer.mark, 0
        total = min(truth.revision() - revision, truth.count() if revision < 0 else 2**63)
        while True:
            changes = truth.changes(revision, CHUNK)
            if truth.mark(revision) != mark:
                return False
            if not changes:
                break
            for change in changes:
                document = document_of(change)
                if document is None:
                    writer.remove(change.number)
                else:
                    writer.put(document)
            revision, mark = changes[-1].revision, changes[-1].mark
            done += len(changes)
            progress(done, max(done, total))
            if is_to_stop():
                break
        if revision < 0:
            writer.commit(0, truth.mark(0))
        elif done:
            writer.commit(revision, mark)
    return True


class Carrier:
    """A thread that carries when it is told to, once; it is daemonic, and ends with its job.

    Attributes:
        rounds: how often it has come to an end: then far may be another one.
        problem: why the last attempt failed; None: it did not.
    """

    def __init__(
        self,
        truth: Truth,
        folder: str,
        document_of: Callable[[Change], Document | None],
        clock: Callable[[], float],
    ) -> None:
        """Carries from *truth* to the far in *folder*; *clock* is monotonic, in seconds."""
        self.rounds = 0
        self.problem: QuarterdeckError | None = None
        self._truth = truth
        self._folder = folder
        self._document_of = document_of
        self._clock = clock
        self._not_before_s = clock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._identity = ""
        self._far: Far | None = None
        _all.add(self)

    def start(self, *, anew: bool = False) -> None:
        """Begin, unless it is at work or another attempt would come too soon; *anew* as `carry` has it."""
        if (self._thread and self._thread.is_alive()) or self._clock() < self._not_before_s:
            return
        self._stop.clear()
        thread = threading.Thread(
            target=self._run, args=[anew], name="quarterdeck-patterns-index", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:  # the interpreter is about to end, or the system has no more threads
            return
        self._thread = thread

    def abandon(self) -> None:
        """Have it end as soon as its chunk is in; waits for nothing: a collector of garbage may call it."""
        self._stop.set()

    def stop(self) -> None:
        """Have it end as soon as its chunk is in, and wait for that."""
        self._stop.set()
        if self._thread:
            self._thread.join()

    def forget(self) -> None:
        """In a child: the thread is the parent's."""
        self._stop = threading.Event()
        self._thread = None
        self._far = None

    def _run(self, anew: bool) -> None:
        was_done = False
        try:
            far = self._own_far()
            was_done = carry(self._truth, far, self._document_of, anew=anew, is_to_stop=self._stop.is_set)
            self.problem = None
        except QuarterdeckError as error:
            self.problem = error
        finally:
            self._not_before_s = self._clock() + (0.0 if was_done else _PAUSE_S)
            self.rounds += 1

    def _own_far(self) -> Far:
        """Not the one that answers, which stays as it is meanwhile; it remembers what cannot be written."""
        identity = self._truth.identity()
        if self._far is None or self._identity != identity:
            self._far, self._identity = Far(self._folder, identity, features.VERSION), identity
        return self._far


_all: WeakSet[Carrier] = WeakSet()


def _stop_all() -> None:
    """Before the interpreter ends: a thread that is in the middle of tantivy then would end the process."""
    for carrier in list(_all):
        carrier.stop()


atexit.register(_stop_all)
