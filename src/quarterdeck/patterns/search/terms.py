"""What the text index is given and asked: documents, queries, hits; it knows not what features mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

FOREVER_S = 2**62
"""Of a pattern that does not expire."""


class Document(NamedTuple):
    """One pattern, as the index holds it.

    Attributes:
        number: the truth's own for it; never used again for another.
        features: how often each occurs, >= 1; their sum is the length of the document.
        confidence: what its author stated, 0 to 1.
        until_s: it is not to be found from this second of the epoch on; 0: not at all, unless asked for.
        is_tried: whether outcomes say more about it than *confidence*.
    """

    number: int
    features: Mapping[str, int]
    confidence: float
    until_s: int
    is_tried: bool


class Gate(NamedTuple):
    """What a document must be to be found at all.

    Attributes:
        confidence: stated at least, unless the document has been tried.
        at_s: it must be found beyond this second of the epoch; -1: any.
    """

    confidence: float = 0.0
    at_s: int = -1

    def lets(self, confidence: float, until_s: int, *, is_tried: bool) -> bool:
        """Whether such a document passes."""
        return (is_tried or confidence >= self.confidence) and until_s > self.at_s


class Query(NamedTuple):
    """What is looked for.

    Attributes:
        weights: how much each feature counts, > 0; a hit has at least one of them. Empty: all that is
            required; then every score is 0.
        required: of each of these groups, one feature must be in the document, whatever it scores.
        gate: what else a document must be.
    """

    weights: Mapping[str, float]
    required: tuple[tuple[str, ...], ...] = ()
    gate: Gate = Gate()


class Hit(NamedTuple):
    """One document that was found.

    Attributes:
        score: BM25 with the weights of the query, >= 0; see `bm25`.
        number: which.
        confidence, is_tried: as in the `Document`.
    """

    score: float
    number: int
    confidence: float
    is_tried: bool
