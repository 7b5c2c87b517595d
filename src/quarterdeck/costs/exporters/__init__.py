"""What the ledger has counted, on its way to other tools.

    journal ── ledger.counted: the records that count, each answer once ──┐
                                                                          ▼
    once      selected (days, labels)  ──> text          CSV, JSON Lines
                                       └─> parquet       Parquet (extra ``parquet``)
    for good  all, from a checkpoint   ──> postgres      PostgreSQL, exactly once (extra ``postgres``)
                                       └─> otlp          spans for whoever takes OpenTelemetry, at least once

Whatever leaves adds up to `Ledger.totals` to the pico-dollar. The checkpoint of PostgreSQL lies in the
database, in the transaction of what it is about; the one of OTLP in the ledger's folder, written after each
answer. Both know the ledger by a random id (`ledger_id`) that lies in its folder and goes with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quarterdeck.costs.exporters.identity import ledger_id
    from quarterdeck.costs.exporters.otlp import MirrorReport, mirror
    from quarterdeck.costs.exporters.parquet import export_parquet
    from quarterdeck.costs.exporters.postgres import ShipReport, ship
    from quarterdeck.costs.exporters.target import export_file
    from quarterdeck.costs.exporters.text import export_csv, export_jsonl

__all__ = [
    "MirrorReport",
    "ShipReport",
    "export_csv",
    "export_file",
    "export_jsonl",
    "export_parquet",
    "ledger_id",
    "mirror",
    "ship",
]

_HOMES = {
    "MirrorReport": "otlp",
    "ShipReport": "postgres",
    "export_csv": "text",
    "export_jsonl": "text",
    "export_parquet": "parquet",
    "ledger_id": "identity",
    "mirror": "otlp",
    "ship": "postgres",
    "export_file": "target",
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
