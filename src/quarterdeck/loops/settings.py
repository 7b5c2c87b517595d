"""The settings of section ``loops``."""

from __future__ import annotations

from typing import NamedTuple


class LoopSettings(NamedTuple):
    """What can be set in ``[tool.quarterdeck.loops]``, in the environment and in the user's settings.

    Attributes:
        polling: tools that may be called again and again with the same arguments while somebody waits, as
            names or patterns of names such as ``*wait*``; besides those known to be.
        batch: tools that do the same with many things, as names or patterns of names; besides those known.
        spend_usd: how many dollars without progress are a nudge; a pause is twice, a stop four times as many.
        hook_asks: whether ``qd loops hook`` may have a person asked; else it tells the agent. Where there is
            no person, a question is a refusal.
        hook_blocks: whether the hook may block a call; else it asks, or tells where it cannot.
        hook_records: whether the hook records loops that are certain in the pattern library.
    """

    polling: tuple[str, ...] = ()
    batch: tuple[str, ...] = ()
    spend_usd: float = 2.0
    hook_asks: bool = True
    hook_blocks: bool = True
    hook_records: bool = False
