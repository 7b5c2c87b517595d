"""Where to push: what can be done about a loop, the most effective first.

Source: Meadows (1999), "Leverage Points: Places to Intervene in a System". Her list counts down: 12, numbers,
is the weakest place, 1, the power to change the way one thinks, the strongest.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


class Place(enum.IntEnum):
    """Where in a system one can act; the smaller, the more it changes."""

    TRANSCEND_PARADIGMS = 1
    PARADIGM = 2
    GOALS = 3
    SELF_ORGANISATION = 4
    RULES = 5
    INFORMATION_FLOWS = 6
    GAIN_OF_REINFORCING_LOOPS = 7
    STRENGTH_OF_BALANCING_LOOPS = 8
    DELAYS = 9
    STOCKS_AND_FLOWS = 10
    BUFFERS = 11
    NUMBERS = 12


class Intervention(NamedTuple):
    """One thing to do.

    Attributes:
        name: for programs.
        place: where in the system it acts; None: its author did not say.
        advice: for people, in the imperative.
    """

    name: str
    place: Place | None
    advice: str


_KNOWN = {
    each.name: each
    for each in (
        Intervention(
            "celebrate_wins",
            Place.INFORMATION_FLOWS,
            "Show what went well to everybody who decides on trust.",
        ),
        Intervention(
            "increase_transparency",
            Place.INFORMATION_FLOWS,
            "Show why the agent does what it does, before and after.",
        ),
        Intervention(
            "break_cycle",
            Place.RULES,
            "Make it a rule that work stops after the third failure in a row, and a person looks at why.",
        ),
        Intervention(
            "rebuild_confidence",
            Place.INFORMATION_FLOWS,
            "Give small tasks with a check that everybody can see pass.",
        ),
        Intervention("adjust_scope", Place.NUMBERS, "Make the tasks smaller until most of them succeed."),
        Intervention(
            "adjust_guardrails",
            Place.STRENGTH_OF_BALANCING_LOOPS,
            "Tighten the checks that catch errors, and loosen those that catch none.",
        ),
        Intervention(
            "calibrate_sensitivity",
            Place.DELAYS,
            "Let checks answer sooner and less strongly: late, strong corrections overshoot.",
        ),
    )
}


def interventions(names: Iterable[str]) -> list[Intervention]:
    """What *names* stand for, the most effective place first; those of no known place last."""
    found = [_KNOWN.get(name) or Intervention(name, None, name.replace("_", " ")) for name in names]
    return sorted(found, key=lambda each: each.place or len(Place) + 1)
