"""Money that goes, and nothing comes of it."""

from __future__ import annotations

import msgspec

from quarterdeck.loops.events.findings import SPENT, Count, Finding, Mark
from quarterdeck.loops.events.model import Kind

_MOST = 2**62  # what JSON holds anywhere


class Spending(msgspec.Struct, array_like=True):
    """What has been spent since something came of it.

    Something is changed, or a call works that had failed: that is progress. What is only found out is none,
    and its price counts a quarter: to read is what it takes before something can be changed.
    """

    since: Mark = Mark()
    begun: Mark | None = None
    weighed: Count = 0  # quarters of pico-dollars
    carried: Count = 0  # pico-dollars of a message before a call: it is part of what led to that
    events: Count = 0

    def said(self, mark: Mark, cost: int, *, limit: int) -> Finding | None:
        """The same for a message: it is weighed by what comes after it."""
        carried, self.carried = self.carried, cost
        return self._spent(mark, 4 * carried, limit)

    def called(self, mark: Mark, cost: int, *, found: bool, progress: bool, limit: int) -> Finding | None:
        """Whether more than *limit* pico-dollars went without progress."""
        cost, self.carried = cost + self.carried, 0
        if progress:
            self.since, self.begun, self.weighed, self.events = mark, None, 0, 0
            return None
        return self._spent(mark, cost if found else 4 * cost, limit)

    def _spent(self, mark: Mark, weight: int, limit: int) -> Finding | None:
        self.begun = self.begun or mark
        self.events += 1
        self.weighed = min(self.weighed + weight, _MOST)
        level = SPENT.level(self.weighed // (4 * limit)) if limit else None
        if level is None:
            return None
        return Finding(
            Kind.SPEND, level, self.since.position, self.events, 0, self.events, self.begun, self.since
        )
