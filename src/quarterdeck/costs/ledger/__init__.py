"""The ledger: one journal, the sums made from it, and its calendar.

Request ──price──> line ──> journal          ledger (Ledger.record)
                               │  refresh
                               ▼
batch: each answer once ──> cells ──> totals, sessions      rollup, batch, cells, totals
                 └ calendar: which day, by the ledger's own time zone
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quarterdeck.costs.ledger.calendar import Choices
    from quarterdeck.costs.ledger.ledger import Ledger, Priced
    from quarterdeck.costs.ledger.totals import SessionTotal, Total

__all__ = ["Choices", "Ledger", "Priced", "SessionTotal", "Total"]

_HOMES = {
    "Choices": "calendar",
    "Ledger": "ledger",
    "Priced": "ledger",
    "SessionTotal": "totals",
    "Total": "totals",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
