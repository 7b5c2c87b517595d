"""What answers cost, each once, however many lines and copies tell of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from quarterdeck.costs.importers.batch import identity_of
from quarterdeck.costs.importers.source import Replay, Shown, Traced
from quarterdeck.costs.line import timestamp
from quarterdeck.costs.model import Request, checked, label
from quarterdeck.loops.transcripts.recent import Recent

if TYPE_CHECKING:
    from quarterdeck.costs.importers.source import Found
    from quarterdeck.costs.pricing import PriceBook


class Counted(msgspec.Struct):
    """What a `Meter` keeps from one process to the next, the oldest first.

    Attributes:
        answers: by the answer's name, its output tokens and its price.
        shown: names that a replay may speak of.
    """

    answers: dict[str, tuple[int, int | None]] = {}
    shown: list[str] = []


class Meter:
    """The prices of answers by the ledger's rules: of two with one name the one with more output counts.

    An answer that is told line by line, with more output on each, gains with each; the gains add up to its
    price.
    """

    def __init__(self, prices: PriceBook | None, counted: Counted | None = None) -> None:
        """Go on at *counted*; without *prices* nothing has one."""
        counted = counted or Counted()
        self._prices = prices
        self._answers = Recent(dict(counted.answers))
        self._shown = Recent(dict.fromkeys(counted.shown))

    def counted(self) -> Counted:
        """What the next process needs."""
        return Counted(self._answers.newest(), list(self._shown.newest()))

    def gained(self, found: Found) -> int | None:
        """What *found* adds to what has been spent; None: it is no request, or has no price.

        Raises:
            UsageError: it is a request whose counts or time cannot be meant; it counts for nothing.
        """
        if isinstance(found, Shown):
            self._shown.put(identity_of(found.name), None)
        elif isinstance(found, Replay):
            return None if identity_of(found.of) in self._shown else self._gained(found.request)
        elif isinstance(found, Traced):
            return self._gained(found.request)
        elif isinstance(found, Request):
            return self._gained(found)
        return None

    def _gained(self, request: Request) -> int | None:
        if self._prices is None:
            return None
        output, name = request.usage.output_tokens, identity_of(request.response_id)
        before = self._answers.get(name) if name else None
        if before and before[0] >= output:
            return None
        checked(request.usage)
        price = _price(request, self._prices)
        if name:
            self._answers.put(name, (output, price))
        if before is None or before[1] is None:
            return price
        return (price or 0) - before[1]


def _price(request: Request, prices: PriceBook) -> int | None:
    """As the ledger has it."""
    from quarterdeck.costs.pricing import cost_picousd

    if request.at is not None:
        timestamp(request.at)
    card = prices.card(
        label(request.model),
        provider=label(request.provider),
        service_tier=label(request.service_tier),
        at=request.at,
    )
    return None if card is None else cost_picousd(request.usage, card)
