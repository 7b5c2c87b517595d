"""The search by words over all of a library, up to date with the truth before each answer.

A library has no far while it is small. Once there are more than ``near_limit`` patterns it gets one, and
keeps it even if it shrinks again, for then it may soon grow again. From then on near has what has changed
since the revision up to which far is complete, and numbers that have changed are left out of what far finds.

More than ``delta_limit`` changes are taken to far in the background, while answers come from both. Only a
backlog of more than `MOST_NEAR`, as after an import or the loss of the index, keeps the answer waiting.
"""

from __future__ import annotations

import threading
import time
import weakref
from typing import TYPE_CHECKING

from quarterdeck import forks
from quarterdeck.errors import StateError, StoreBusy
from quarterdeck.patterns import features
from quarterdeck.patterns.search.carrying import CHUNK, Carrier, carry
from quarterdeck.patterns.search.far import Far
from quarterdeck.patterns.search.near import Near

if TYPE_CHECKING:
    from collections.abc import Callable

    from quarterdeck.errors import QuarterdeckError
    from quarterdeck.patterns.search.bm25 import Statistics
    from quarterdeck.patterns.search.terms import Document, Hit, Query
    from quarterdeck.patterns.truth import Change, Truth

MOST_NEAR = 5_000
"""So many changes are held in memory while far is made; for more it is quicker to make far first."""
_PATIENCE_S = 300.0
_PAUSES_S = 0.01, 1.0
_ATTEMPTS = 3
_NOTHING = -1


class SearchIndex:
    """Finds documents of a library; may be shared by threads, and begins anew in a forked child.

    Attributes:
        lock: for `forks.guard`; nothing is done while it is held.
    """

    def __init__(
        self,
        truth: Truth,
        folder: str | None,
        document_of: Callable[[Change], Document | None],
        *,
        near_limit: int = 1000,
        delta_limit: int = 1000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Reads and makes nothing yet.

        Args:
            truth: what is searched.
            folder: for far, made when it is needed; None: there is never one, whatever there is to search.
            document_of: what is searched of a pattern; None: nothing, for it was deleted.
            near_limit: so many patterns are searched without far.
            delta_limit: so many changes are not worth being taken to far.
            clock: monotonic, in seconds.
        """
        self.lock = threading.RLock()
        self._at_work = threading.RLock()  # no fork waits for it: under it, guarded objects are made
        self._truth = truth
        self._folder = folder
        self._document_of = document_of
        self._near_limit = near_limit
        self._delta_limit = delta_limit
        self._clock = clock
        self._state: object = None  # of truth and carrier, when it was last brought up to date
        self._identity = ""
        self._far: Far | None = None
        self._is_far_wrong = False
        self._base = _NOTHING  # what far has of the truth, if it is used
        self._revision = _NOTHING  # what far and near have
        self._mark = ""  # of the truth at that revision
        self._near = Near()
        self._changed: set[int] = set()  # numbers of which far, if it is used, has something older or nothing
        self._carrier = Carrier(truth, folder or "", document_of, clock)
        weakref.finalize(self, self._carrier.abandon).atexit = False
        forks.guard(self, SearchIndex._in_child)

    @property
    def problem(self) -> QuarterdeckError | None:
        """Why far cannot be brought up to date in the background; answers are right, but take longer."""
        return self._carrier.problem

    def search(self, query: Query, k: int) -> list[Hit]:
        """The *k* >= 1 best that answer *query*, best first; it finds all that was committed, by whomever.

        Of equal ones that with the smaller number comes first, as far as `Far.search` can tell, whose scores
        are of single precision. Of a query without weights the newest: those with the greatest numbers.

        Raises:
            StoreBusy: another process has been making far for too long.
            StateError: with its subclasses: the truth cannot be read, or far be made for so many patterns.
        """
        with self._at_work:
            for _ in range(_ATTEMPTS):
                self._sync()
                found = self._search(query, k)
                if found is not None:
                    return found
                self._state, self._is_far_wrong = None, True
        raise StateError(
            f"the search index in {self._folder} is damaged as soon as it is made",
            hint="check the disk; the library itself is in another file",
        )

    def statistics(self) -> Statistics:
        """What scores are computed from now; good until the next call of anything here.

        Raises:
            StateError: with its subclasses, as `search`.
        """
        with self._at_work:
            self._sync()
            return self._statistics()

    def rebuild(self, progress: Callable[[int, int], None] = lambda done, total: None) -> None:
        """Make all of it again from the truth; *progress* is told how many changes of how many are in.

        Until it is done, others go on to search what there was, in this process and elsewhere, and find what
        comes meanwhile. Of what was deleted nothing is left in far then.

        Raises:
            StoreBusy: another process has been writing to far for too long.
            StateError: with its subclasses: the truth cannot be read, or far not be written.
        """
        with self._at_work:
            self._look_at_far()
            is_large = self._truth.count() > self._near_limit
            far = self._own_far() if self._far and (self._far.is_there or is_large) else None
        if far:
            self._build(far, anew=True, progress=progress)
        with self._at_work:
            self._begin()
            self._state = None
            self._sync()

    def close(self) -> None:
        """Give all of it back, the thread has ended then; the next use begins anew."""
        self._carrier.stop()
        with self._at_work:
            if self._far:
                self._far.close()
            self._forget()

    def _search(self, query: Query, k: int) -> list[Hit] | None:
        """The answer of what is here; None: far cannot be read any more."""
        statistics = self._statistics()
        if self._base == _NOTHING or not self._far:
            return self._near.search(query, k, statistics)
        found = self._far.search(query, k, without=self._changed)
        newer = self._near.search(query, k, statistics)
        if self._far.revision != self._base:
            return None
        if query.weights:
            return sorted(found + newer, key=lambda hit: (-hit.score, hit.number))[:k]
        return sorted(found + newer, key=lambda hit: -hit.number)[:k]

    def _statistics(self) -> Statistics:
        if self._far and self._base > _NOTHING and self._far.mean_length > 0:
            return self._far
        return self._near

    def _sync(self) -> None:
        """Take in what has changed in the truth; some microseconds if nothing has."""
        state = self._truth.stamp(), self._carrier.rounds
        if state == self._state:
            return
        self._look_at_far()
        if self._far and self._backlog() > MOST_NEAR:
            self._build(self._far, anew=self._is_far_wrong)
            self._look_at_far()
        while True:
            changes = self._truth.changes(self._revision, CHUNK)
            if self._truth.mark(self._revision) != self._mark:
                self._look_at_far()
            elif changes:
                self._take(changes)
                self._revision, self._mark = changes[-1].revision, changes[-1].mark
            else:
                break
        self._state = state
        if self._far and self._is_due():
            self._carrier.start(anew=self._is_far_wrong)

    def _backlog(self) -> int:
        """How many patterns may have changed; that others were deleted is soon taken in."""
        return min(self._truth.revision() - self._revision, self._truth.count())

    def _take(self, changes: list[Change]) -> None:
        try:
            for change in changes:
                document = self._document_of(change)
                if document is None:
                    self._near.remove(change.number)
                else:
                    self._near.put(document)
                if self._base > _NOTHING:
                    self._changed.add(change.number)
        except BaseException:  # an interrupt: near may have half of a document
            self._forget()
            raise

    def _is_due(self) -> bool:
        if self._is_far_wrong:
            return True
        if self._base == _NOTHING:
            return len(self._near) > self._near_limit
        return len(self._changed) > self._delta_limit

    def _look_at_far(self) -> None:
        """Begin anew when far, or the truth, is not what it was."""
        identity = self._truth.identity()
        if identity != self._identity:
            self._forget()
            self._identity = identity
        if self._far is None and self._folder:
            self._far = self._own_far()
        base, mark = _NOTHING, ""
        if self._far:
            self._far.refresh()
            base, mark = self._far.revision, self._far.mark
        if self._truth.mark(base) != mark:  # a power cut, or somebody has restored a backup of the truth
            self._is_far_wrong = True
            base, mark = _NOTHING, ""
        elif base > _NOTHING:
            self._is_far_wrong = False
        if base != self._base or self._truth.mark(self._revision) != self._mark:
            self._begin(base, mark)

    def _own_far(self) -> Far:
        return Far(self._folder or "", self._truth.identity(), features.VERSION)

    def _begin(self, base: int = _NOTHING, mark: str = "") -> None:
        """Have nothing but what far has up to revision *base*, which has that *mark*."""
        self._base = base
        self._revision = base
        self._mark = mark
        self._near = Near()
        self._changed = set()

    def _forget(self) -> None:
        """Have nothing at all."""
        self._far = None
        self._state = None
        self._begin()

    def _build(
        self,
        far: Far,
        *,
        anew: bool,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:
        """Bring far up to date here and now, after anybody else who is writing to it."""
        deadline, pause_s = self._clock() + _PATIENCE_S, _PAUSES_S[0]
        while not carry(self._truth, far, self._document_of, anew=anew, progress=progress):
            if self._clock() >= deadline:
                raise StoreBusy(
                    f"another process has been writing the index in {self._folder} for {_PATIENCE_S:g} s",
                    hint="wait until that process has ended, or end it, and try again",
                )
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, _PAUSES_S[1])

    def _in_child(self) -> None:
        """Another thread may have been in the middle of anything."""
        self._at_work = threading.RLock()
        self._carrier.forget()
        self._forget()
