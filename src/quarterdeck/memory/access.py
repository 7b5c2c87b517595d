"""Who may do what: the store knows, not the caller."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quarterdeck.memory.store import Store


class AccessTier(IntEnum):
    """What an agent may do; each tier may all that is below it."""

    OBSERVER = 1
    CONTRIBUTOR = 2
    VALIDATOR = 3
    STEWARD = 4


def admit(store: Store, namespace: str, agent: str, token: str | None) -> None:
    """Let *agent* in."""


def tier_of(store: Store, namespace: str, agent: str) -> AccessTier:
    """The tier of *agent* now."""
    return AccessTier.CONTRIBUTOR
