"""What the rules of this package say, from how many times on, and how loud.

    how many of what                                nudge  pause  stop
    one call with one outcome                           4      6    10
    the same, with other calls in between               5      8    13   if it says anything, and less than
                                                                           half of those are new
    the same, and its outcome is not known              6     10    16
    the same, of a tool that steps on                  12     24    48
    the same, while somebody waits (polling)           30     60   120
    one call, each time with another outcome           50    100   200   polling, stepping: twice as many
    one call that fails, each time in other words       8     12    20
    rounds of 2 to 8 calls with their outcomes          3      5     8   polling, stepping: calls, as above
    one error                                           4      6    10   polling: as above, but for the first
                                                                           after each change
    one error, and between two of them something        6      9    14
      new was tried, waited for, or asked for
    the same, and before each something was changed     6      9     –
    the same, each time of another call                 4      6    24
    returns to a state that was left                    3      5     8   never louder than a pause where
                                                                           something new comes of them
    one message, or nearly the same                     3      5     8   with calls in between: as the next
    messages without a call, half of them nothing new   6     10    16   else 24, 96 and 384
    one chunk inside one message                        6     12    24
    searches on end with one answer, a third of them    8     16    32
      with no new word
    calls at which at most 3 of the last 16 were new    1     16    48
    dollars without progress, times what is set         1      2     4

Why not sooner: a test is run again, a server is asked once more, a step is retried three times, each with
good reason. The bench says how often that is a false alarm, and what is missed.
"""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - msgspec reads the types of what is restored
from typing import TYPE_CHECKING, Annotated, NamedTuple

import msgspec

from quarterdeck.loops.events.model import Kind, Level

if TYPE_CHECKING:
    from quarterdeck.loops.events.calls import Footprint

FORGOTTEN_AFTER = 24
"""Calls without it, and an error, a state or an answer is not the same story any more."""

LABEL_CHARS = 90
"""So long is a call or an outcome in words."""

Count = Annotated[int, msgspec.Meta(ge=0)]
Label = Annotated[str, msgspec.Meta(max_length=LABEL_CHARS)]


class Limits(NamedTuple):
    """From how many on each level is reached."""

    nudge: int
    pause: int
    stop: int

    def level(self, count: int) -> Level | None:
        """How loud *count* is; None: not yet worth a word."""
        if count < self.nudge:
            return None
        return Level.STOP if count >= self.stop else Level.PAUSE if count >= self.pause else Level.NUDGE


_NEVER = 2**62
SAME_CALL = Limits(4, 6, 10)
UNKNOWN_OUTCOME = Limits(6, 10, 16)
STEPPING = Limits(12, 24, 48)
POLLING = Limits(30, 60, 120)
SCATTERED = Limits(5, 8, 13)
OTHER_OUTCOME = Limits(50, 100, 200)
OTHER_OUTCOME_POLLING = Limits(100, 200, 400)
OTHER_FAILURE = Limits(8, 12, 20)
ROUNDS = Limits(3, 5, 8)
SAME_ERROR = Limits(4, 6, 10)
TRIED_ERROR = Limits(6, 9, 14)
MENDED_ERROR = Limits(6, 9, _NEVER)
BATCH_ERROR = Limits(4, 6, 24)
BATCH_OF_TARGETS = Limits(6, 9, 24)
RETURNS = Limits(3, 5, 8)
COMPARED = Limits(3, 5, _NEVER)
SAME_MESSAGE = Limits(3, 5, 8)
MESSAGES = Limits(6, 10, 16)
NEW_MESSAGES = Limits(24, 96, 384)
CHANTED = Limits(6, 12, 24)
SEARCHED = Limits(8, 16, 32)
LITTLE_NEW = Limits(1, 16, 48)
SPENT = Limits(1, 2, 4)


class Mark(NamedTuple):
    """A place in the session.

    Attributes:
        position: number of the event, from 1.
        at, name: of it.
        spent, priced: what everything up to and with it cost, and how many events of that had a price.
    """

    position: int = 0
    at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    name: Annotated[str, msgspec.Meta(max_length=200)] = ""
    spent: int = 0
    priced: int = 0


class Finding(NamedTuple):
    """One rule's answer at one event.

    Attributes:
        kind, level: as of `Alarm`.
        identity: the same number for the same loop.
        times, period, events: as of `Alarm`.
        start: where it began.
        wasted_from: what was spent after this mark is what it has cost.
        polling: whether it is somebody who waits too long.
        changing: whether its outcomes differ.
        searching: whether it looks for what is not found.
    """

    kind: Kind
    level: Level
    identity: int
    times: int
    period: int
    events: int
    start: Mark
    wasted_from: Mark
    polling: bool = False
    changing: bool = False
    searching: bool = False


class Move(NamedTuple):
    """A call as the rules see it.

    Attributes:
        print: what of it is compared.
        new: whether this call with this outcome was not known, and said anything.
        changed: whether it made something different that was not so before.
        touched: whether it may have: also whatever works, is new, and does not only look.
        mark: where it is.
    """

    print: Footprint
    new: bool
    changed: bool
    touched: bool
    mark: Mark
