"""One pattern that was found, how well it fits, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quarterdeck.patterns import features
from quarterdeck.patterns.meaning import WEIGHT
from quarterdeck.patterns.model import Factor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quarterdeck.patterns.model import Evidence, Pattern

_SPOKEN = {"text": "{}", "tag": "tag {}", "type": "type {}", "lesson": "lesson {}", "context": "{}"}
_MEANING = "meaning"


class PatternMatch:
    """One pattern that was found; it cannot be changed, for many callers may hold the same one.

    Attributes:
        pattern: as it was when it was found.
        relevance_score: how well it fits what was asked, 0 to 1: the share of the question, weighed by
            rarity, that is in the pattern; 1.0 when nothing but filters were asked for. Where meanings were
            compared, half of that and half of *similarity*.
        score: what it was ranked by: how well it fits (above 1 if so; with meanings, compared with the others
            that were found), times what its outcomes say.
        evidence: what its outcomes say.
        similarity: of the meaning, as cosine; None: not compared.
        contradicted_by: ids of patterns that say otherwise.
    """

    pattern: Pattern
    relevance_score: float
    score: float
    evidence: Evidence
    similarity: float | None
    contradicted_by: tuple[str, ...]
    _asked: Mapping[str, float]
    _factors: tuple[Factor, ...] | None

    __slots__ = (
        "_asked",
        "_factors",
        "contradicted_by",
        "evidence",
        "pattern",
        "relevance_score",
        "score",
        "similarity",
    )

    def __init__(
        self,
        pattern: Pattern,
        relevance_score: float,
        score: float,
        evidence: Evidence,
        *,
        asked: Mapping[str, float],
        similarity: float | None = None,
        contradicted_by: tuple[str, ...] = (),
    ) -> None:
        """See the attributes; *asked* says how much each feature of the question can give at most."""
        keep = object.__setattr__
        keep(self, "pattern", pattern)
        keep(self, "relevance_score", relevance_score)
        keep(self, "score", score)
        keep(self, "evidence", evidence)
        keep(self, "similarity", similarity)
        keep(self, "contradicted_by", contradicted_by)
        keep(self, "_asked", asked)
        keep(self, "_factors", None)

    @property
    def factors(self) -> tuple[Factor, ...]:
        """Why it was found, the weightiest first; the shares add up to 1 (or there are none)."""
        factors = self._factors
        if factors is None:
            factors = self._explained()
            object.__setattr__(self, "_factors", factors)
        return factors

    @property
    def matching_factors(self) -> list[str]:
        """The same in words: ``sqlite``, ``tag locks``, ``language=python``."""
        return [_SPOKEN.get(factor.kind, "{1}").format(factor.what, factor.kind) for factor in self.factors]

    def __setattr__(self, name: str, value: object) -> None:
        """Never: others hold the same match."""
        raise AttributeError(f"a match cannot be changed, so not its {name} either")

    def __repr__(self) -> str:
        """Which pattern, and how well it fits."""
        fits = f"relevance_score={self.relevance_score:.3f}, score={self.score:.3f}"
        return f"PatternMatch({self.pattern.id!r}, {fits})"

    def _explained(self) -> tuple[Factor, ...]:
        has = features.features_of(self.pattern)
        common = {feature: weight for feature, weight in self._asked.items() if feature in has}
        whole = sum(common.values())
        meant = self._meant() if whole else 1.0
        if self.similarity is not None and meant >= 1.0:
            return (Factor(_MEANING, f"{self.similarity:.2f}", 1.0),)
        if not whole:
            return ()
        words = features.spellings(self.pattern)
        shares: dict[tuple[str, str], float] = {}
        for feature, weight in common.items():
            kind, what = features.spoken(feature)
            reason = kind, words.get(feature, what)  # the parts of an identifier are all spelled as it is
            shares[reason] = shares.get(reason, 0.0) + (1.0 - meant) * weight / whole
        if meant:
            shares[_MEANING, f"{self.similarity:.2f}"] = meant
        return tuple(Factor(*reason, share) for reason, share in sorted(shares.items(), key=_share))

    def _meant(self) -> float:
        """How much of the relevance is due to its meaning, 0 to 1."""
        due = WEIGHT * max(0.0, self.similarity or 0.0)
        return min(1.0, due / self.relevance_score) if due else 0.0


def _share(reason: tuple[tuple[str, str], float]) -> tuple[float, tuple[str, str]]:
    """The weightiest first."""
    return -reason[1], reason[0]
