"""The cost ledger: what agents spent, on what, why, and whether it will run out.

One request, from the call to the answer, and the room each step lives in:

    CostTracker.log_request()          tracker       the published API; the hot path: no SQLite, no msgspec
    transcripts of agents              importers     Claude Code, Codex, Gemini CLI, OpenCode, legacy files
    responses, litellm, OTLP           capture       live
        │  a Request: model, Usage, labels
        ▼
    price      Usage x RateCard -> integer pico-dollars; no card = unpriced      pricing
        ▼
    record     one JSON line, one write(2); the truth                            ledger -> quarterdeck.journal
        ▼
    roll up    new lines -> cells and sessions, with the offsets they came from, ledger.rollup
        │      in one transaction; a pure function of the journal's lines
        ▼
    answer     summary, report, what-if, why, budgets, verify                    -> CLI / MCP / web
               CSV, Parquet, PostgreSQL, OTLP                                    exporters

On disk, in one folder per user (not per project: people ask what their agents spent, wherever it was;
the project is a label of each record):

    journal/        segments of JSON lines: the truth, written only by appending
    rollup.sqlite   derived; delete it at any time
    imports.sqlite  derived; how far each transcript has been read
    ledger.json     the time zone of its days, and the tags that get cells
    budgets.sqlite  budgets, and what is reserved under them
    leases/         one locked file per process that holds a reservation
    ledger.id       the name that databases know this ledger by; a copied folder has it too
    legacy/         derived; what has been taken in of the specification's files
    archive/        transcripts that were rescued

Money is an integer of pico-dollars (1e-12 USD) from the call to the report. Floats appear only in what
the published API returns, and there each is the float nearest to the exact amount.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quarterdeck.costs.budgets import Budget, BudgetBook, Reservation
    from quarterdeck.costs.ledger import Ledger, Total
    from quarterdeck.costs.ledger.opening import open_ledger
    from quarterdeck.costs.model import Request, Usage
    from quarterdeck.costs.tracker import CostTracker, get_tracker, log_request

__all__ = [
    "Budget",
    "BudgetBook",
    "CostTracker",
    "Ledger",
    "Request",
    "Reservation",
    "Total",
    "Usage",
    "get_tracker",
    "log_request",
    "open_ledger",
]

_HOMES = {
    "Budget": "budgets",
    "BudgetBook": "budgets",
    "CostTracker": "tracker",
    "Ledger": "ledger",
    "Request": "model",
    "Reservation": "budgets",
    "Total": "ledger",
    "Usage": "model",
    "get_tracker": "tracker",
    "log_request": "tracker",
    "open_ledger": "ledger.opening",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    """Also the names that nobody has used yet."""
    return sorted({*globals(), *_HOMES})
