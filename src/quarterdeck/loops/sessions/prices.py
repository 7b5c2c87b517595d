"""What the answers in transcripts are priced by: the ledger's price book, without the ledger."""

from __future__ import annotations

import os

from quarterdeck.config import load
from quarterdeck.costs.pricing import RESOLVED_FILE, PriceBook
from quarterdeck.costs.settings import CostsConfig
from quarterdeck.workspace import open_workspace


def prices_of(root: str) -> PriceBook:
    """The prices that count for the project at *root*.

    Raises:
        ConfigError: a price of the user's own cannot be meant.
    """
    own = load(CostsConfig, "costs", root).values.prices
    return PriceBook(os.path.join(open_workspace(root).cache, RESOLVED_FILE), own)
