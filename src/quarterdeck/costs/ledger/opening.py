"""Which ledger is meant, and with which settings."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from quarterdeck.config import load
from quarterdeck.costs.ledger.ledger import Ledger
from quarterdeck.costs.pricing import RESOLVED_FILE, PriceBook
from quarterdeck.costs.settings import CostsConfig
from quarterdeck.errors import ConfigError
from quarterdeck.workspace import find_root, open_workspace, user_state_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "costs"
DURABILITIES = ("process", "power")


def open_ledger(
    folder: str | os.PathLike[str] | None = None,
    *,
    root: str | None = None,
    flags: Mapping[str, object] | None = None,
) -> Ledger:
    """The ledger in *folder*, by default the one in the settings, by default the user's own.

    Args:
        folder: where the ledger lies.
        root: the project whose settings count; by default the one the working directory lies in.
        flags: settings given on the command line.

    Raises:
        ConfigError: a setting cannot be meant.
        StateError: there is no home folder to keep a ledger in.
    """
    root = root or find_root()
    config = load(CostsConfig, NAME, root, flags).values
    if config.durability not in DURABILITIES:
        raise ConfigError(
            f"costs.durability must be one of {', '.join(DURABILITIES)}, got {config.durability!r:.40}",
            hint="process survives kill -9, power also a power cut",
        )
    place = os.fspath(folder) if folder is not None else os.path.expanduser(config.ledger)
    cards = os.path.join(open_workspace(root).cache, RESOLVED_FILE)
    return Ledger(place or user_state_folder(NAME), prices=PriceBook(cards, config.prices), config=config)
