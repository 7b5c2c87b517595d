"""The settings of section ``costs``."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class CostsConfig(NamedTuple):
    """What can be set in ``[tool.quarterdeck.costs]``, in the environment and in the user's settings.

    Attributes:
        ledger: the ledger's folder; empty: the user's own, shared by all projects.
        durability: ``process`` (a record survives kill -9 of its writer) or ``power`` (and, from
            *sync_interval_s* later on, a power cut).
        sync_interval_s: how long ``power`` collects records for one sync.
        baseline_model: what savings are compared with.
        cheap, capable, premium: the model that a request logged under that name is priced as.
        rotate_bytes: a segment of the journal is sealed at this size.
        compact_after_days: sealed segments older than this are compressed.
        prices: your own prices by model, in dollars per million tokens; see the how-to.
    """

    ledger: str = ""
    durability: str = "process"
    sync_interval_s: float = 0.05
    baseline_model: str = "claude-opus-4-5"
    cheap: str = "claude-haiku-4-5"
    capable: str = "claude-sonnet-4-5"
    premium: str = "claude-opus-4-5"
    rotate_bytes: int = 10_000_000
    compact_after_days: float = 30.0
    prices: Mapping[str, object] = MappingProxyType({})
