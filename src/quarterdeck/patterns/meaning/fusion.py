"""How well something fits by its words and by its meaning, as one number."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

WEIGHT = 0.5
"""How much meaning counts. The bench finds anything from 0.4 to 0.6 as good."""


def fuse(
    lexical: Mapping[int, float], similar: Mapping[int, float], weight: float = WEIGHT
) -> dict[int, float]:
    """The fits of all that is in either, 0 to 1: a convex combination, each part scaled to 0 ... 1.

    Scaled means divided by the greatest of its part: the least that a part can say is known, 0, no word in
    common or nothing alike. (The least that happens to be among the candidates would make much of a tiny
    difference when there are few of them.) What one part does not have is 0 there, and so is what is below 0.
    A part with nothing above 0 adds 0 to all. So the result is 1 for what is the best in both parts, and a
    single candidate gets the whole weight of each part that finds it.

    Args:
        lexical: scores by words, finite.
        similar: cosines, finite.
        weight: of *similar*, 0 to 1; *lexical* has the rest.

    Source: Bruch, Gai, Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval", 2023: the convex
    combination with min-max scaling by the theoretical minimum; theirs of a cosine is -1.
    """
    fits = {number: (1.0 - weight) * part for number, part in _scaled(lexical).items()}
    for number, part in _scaled(similar).items():
        fits[number] = min(1.0, fits.get(number, 0.0) + weight * part)
    return fits


def relevance(lexical: float, similar: float | None, weight: float = WEIGHT) -> float:
    """The same of one by itself, whatever the others fit, 0 to 1.

    Args:
        lexical: the share of the question that is in it.
        similar: its cosine; None: not compared, so that words alone tell.
        weight: as for `fuse`.
    """
    words = min(1.0, lexical)
    return words if similar is None else (1.0 - weight) * words + weight * max(0.0, min(1.0, similar))


def _scaled(part: Mapping[int, float]) -> dict[int, float]:
    """Each divided by the greatest, if that is above 0; else 0."""
    greatest = max(part.values(), default=0.0)
    return {number: value / greatest if value > 0.0 else 0.0 for number, value in part.items()}
