"""The price of any model at any time, without asking twice.

Who is asked, in this order:

    this process's memory
    the user's own prices
    the file of what was resolved before      five milliseconds, once
    the published prices                      imports a library: a tenth of a second and more, once
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from quarterdeck.costs.model import MAX_LABEL_CHARS
from quarterdeck.costs.pricing.schedule import UNPRICED, Schedule, always
from quarterdeck.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from quarterdeck.costs.pricing.rate_card import RateCard
    from quarterdeck.costs.pricing.resolved_file import ResolvedFile

RESOLVED_FILE = "cards.jsonl"
"""What a project's file of prices that were found before is called, in its cache."""

MAX_REMEMBERED = 10_000
"""Names of models held in memory; whoever sends more of them starts over."""


class PriceBook:
    """Cards by model, provider, service tier and time.

    Threads may share one: at worst two of them resolve the same model at once.

    Args:
        cache_file: where resolved schedules are kept for the next process; None: nowhere.
        overrides: the user's own prices by model or ``provider/model``; they win over published ones, at
            all times and for all service tiers. See `quarterdeck.costs.pricing.overrides`.

    Raises:
        ConfigError: an override cannot be meant; names the model and the field.
    """

    def __init__(self, cache_file: str | None = None, overrides: Mapping[str, object] | None = None) -> None:
        self._cache_file = cache_file
        self._file: ResolvedFile | None = None
        self._schedules: dict[tuple[str, str, str], Schedule] = {}
        self._own: Mapping[str, RateCard] = {}
        if overrides:
            from quarterdeck.costs.pricing.overrides import parsed

            self._own = parsed(overrides)

    def card(
        self, model: str, *, provider: str = "", service_tier: str = "", at: datetime | None = None
    ) -> RateCard | None:
        """What *model* charges at the time *at*; None where no price is known.

        Args:
            model: as a provider, an agent or a gateway spells it.
            provider: empty: whoever publishes a price for the model.
            service_tier: see `Request.service_tier`; a tier that has no price is charged the standard one.
            at: aware; None: now.

        Raises:
            UsageError: *at* has no time zone.
        """
        if at is None:
            at_s = time.time()
        elif at.tzinfo is None:
            raise UsageError("at has no time zone", hint="pass an aware datetime, such as datetime.now(UTC)")
        else:
            at_s = at.timestamp()
        return self.card_until(model, provider=provider, service_tier=service_tier, at_s=at_s)[0]

    def card_until(
        self, model: str, *, provider: str = "", service_tier: str = "", at_s: float
    ) -> tuple[RateCard | None, float]:
        """The card in force *at_s* seconds after 1970, and until when it is; infinity: no change is known."""
        name = (model, provider, service_tier)
        schedule = self._schedules.get(name)
        if schedule is None:
            schedule = self._found(model, provider, service_tier)
            if len(self._schedules) >= MAX_REMEMBERED:
                self._schedules.clear()
            self._schedules[name] = schedule
        return schedule.at(at_s)

    def _found(self, model: str, provider: str, service_tier: str) -> Schedule:
        if max(len(model), len(provider), len(service_tier)) > MAX_LABEL_CHARS:
            return UNPRICED
        own = self._own and self._own_card(model.strip().lower(), provider.strip().lower())
        if own:
            return always(own)
        service_tier = service_tier.strip().lower()
        file = self._resolved_file()
        kept = file.get(model, provider, service_tier) if file else None
        if kept is not None:
            return kept
        from quarterdeck.costs.pricing import published

        schedule = published.resolve(model, provider, service_tier)
        if file:
            file.put(model, provider, service_tier, schedule)
        return schedule

    def _own_card(self, model: str, provider: str) -> RateCard | None:
        qualified = self._own.get(f"{provider}/{model}") if provider else None
        return qualified or self._own.get(model)

    def _resolved_file(self) -> ResolvedFile | None:
        path = self._cache_file
        if path:
            from quarterdeck.costs.pricing.resolved_file import ResolvedFile, data_version

            data = data_version()
            self._file = ResolvedFile(path, data) if data else None
            self._cache_file = None
        return self._file
