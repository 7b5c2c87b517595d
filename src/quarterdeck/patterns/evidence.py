"""What the outcomes of a pattern say: how probably it works when it is used next.

    outcomes ── `Tally`: counted, weighted by age ── posterior ── mean, or a draw ── `factor` of its relevance
             confidence of the author, as prior ────────┘     └── optimistic end ── against min_confidence

A use of a pattern works with a probability that nobody knows; the outcomes and the author's confidence make
a Beta distribution of it. Ranked by a draw from it, and not by its mean, what has been tried little is tried
now and then, the more often the likelier it is the best. `bench.pattern_regret` shows what that is worth, and
is how the constants were chosen.

Sources: W. R. Thompson, "On the likelihood that one unknown probability exceeds another in view of the
evidence of two samples", Biometrika 25, 1933; of forgetting: V. Raj and S. Kalyani, "Taming non-stationary
bandits: a Bayesian approach", 2017; of drawing from a narrower distribution: O. Chapelle and L. Li, "An
empirical evaluation of Thompson sampling", 2011.
"""

from __future__ import annotations

from functools import lru_cache
from math import sqrt
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.patterns.model import Evidence

if TYPE_CHECKING:
    from random import Random

PRIOR_OUTCOMES = 2.0
"""The author's confidence counts as much as so many outcomes."""
MOST_OUTCOMES = 50.0
"""All outcomes together weigh no more than so many, so that what has long been good can still turn bad."""
SHARPNESS = 2.0
"""Draws are from a posterior that has seen everything so many times: fewer needless trials."""
LEAST_DOUBT = 0.05
"""Of a confidence: not even an author who is quite sure makes a pattern certain."""

_ONE_SIDED = 1.6448536269514722
"""Standard deviations above which 5 % of a normal distribution lie."""
_TWO_SIDED = 1.959963984540054
"""Standard deviations within which 95 % of it lie."""


class Tally(NamedTuple):
    """The outcomes of one pattern, as they are kept.

    Attributes:
        successes, failures: all that were ever recorded.
        good, bad: the same, weighted by age as of *at_s*; together at most `MOST_OUTCOMES`.
        at_s: when the latest of them happened, in seconds since the epoch.
    """

    successes: int
    failures: int
    good: float
    bad: float
    at_s: float

    def known_by(self, now_s: float) -> Tally:
        """The same at *now_s*: what claims to be of later, from a clock that was ahead, is of then."""
        return self if self.at_s <= now_s else self._replace(at_s=now_s)

    def after(self, success: bool, at_s: float, half_life_s: float) -> Tally:
        """The tally with one more outcome, of the time *at_s*.

        One that comes late, or from a clock that runs behind, has the weight that it would have by now.
        """
        old = _weight(at_s - self.at_s, half_life_s)
        new = _weight(self.at_s - at_s, half_life_s)
        good = self.good * old + (new if success else 0.0)
        bad = self.bad * old + (0.0 if success else new)
        kept = _kept(good + bad)
        return Tally(
            self.successes + success,
            self.failures + (not success),
            good * kept,
            bad * kept,
            max(self.at_s, at_s),
        )


NO_OUTCOMES = Tally(0, 0, 0.0, 0.0, 0.0)


def counted(successes: int, failures: int, at_s: float) -> Tally:
    """The tally of outcomes of which only the numbers are known, and when the latest of them happened."""
    kept = _kept(successes + failures)
    return Tally(successes, failures, successes * kept, failures * kept, at_s)


class Posterior(NamedTuple):
    """A Beta distribution of the probability that a pattern works; both parameters are above 0."""

    alpha: float
    beta: float

    @property
    def mean(self) -> float:
        """The probability that it works when it is used next."""
        return self.alpha / (self.alpha + self.beta)

    @property
    def optimistic(self) -> float:
        """What it exceeds with a probability of about 5 %: Wilson's bound of alpha and beta as counts."""
        return _bounds(self.alpha, self.beta, _ONE_SIDED)[1]

    def draw(self, random: Random) -> float:
        """A probability drawn from it, sharpened; 0 to 1."""
        return random.betavariate(SHARPNESS * self.alpha, SHARPNESS * self.beta)


def posterior(tally: Tally, confidence: float, now_s: float, half_life_s: float) -> Posterior:
    """What is known of a pattern at *now_s*: its outcomes, on top of its author's *confidence*, 0 to 1."""
    weight = _weight(now_s - tally.at_s, half_life_s)
    # bounded whatever a damaged file says: a draw from NaN or infinity would never end
    good = min(max(0.0, tally.good), MOST_OUTCOMES)
    bad = min(max(0.0, tally.bad), MOST_OUTCOMES)
    stated = min(max(confidence, LEAST_DOUBT), 1 - LEAST_DOUBT)
    return Posterior(
        PRIOR_OUTCOMES * stated + good * weight,
        PRIOR_OUTCOMES * (1 - stated) + bad * weight,
    )


@lru_cache(maxsize=1024)
def untried(confidence: float) -> Posterior:
    """What is known of a pattern without outcomes."""
    return posterior(NO_OUTCOMES, confidence, 0.0, 1.0)


def ceiling(tally: Tally, confidence: float, now_s: float, half_life_s: float) -> float:
    """How good a pattern may well be, 0 to 1: what ``min_confidence`` is compared with.

    The author's *confidence* as long as there are no outcomes, then the optimistic end of the posterior;
    successes alone never make it less than that confidence, nor failures alone more.
    """
    if not (tally.successes or tally.failures):
        return confidence
    optimistic = posterior(tally, confidence, now_s, half_life_s).optimistic
    if not tally.failures:
        return max(confidence, optimistic)
    return optimistic if tally.successes else min(confidence, optimistic)


def wilson(successes: int, failures: int) -> tuple[float, float]:
    """The 95 % interval of the raw rate; 0 and 1 without outcomes.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of
    the American Statistical Association 22, 1927.
    """
    return _bounds(successes, failures, _TWO_SIDED)


def factor(theta: float) -> float:
    """What the relevance of a pattern that works with probability *theta* is multiplied by, 0.71 to 1.41."""
    return float(2 ** (theta - 0.5))


MAX_FACTOR = factor(1.0)


def weigh(
    tally: Tally, confidence: float, now_s: float, half_life_s: float, drawn: float | None = None
) -> Evidence:
    """What the outcomes of a pattern say at *now_s*.

    *drawn* is what it was ranked by; None: by what is expected.
    """
    expected = posterior(tally, confidence, now_s, half_life_s).mean
    drawn = expected if drawn is None else drawn
    return Evidence(
        tally.successes, tally.failures, expected, drawn, *wilson(tally.successes, tally.failures)
    )


def _weight(age_s: float, half_life_s: float) -> float:
    """What an outcome of that age counts: 1 if it is new or from the future, then less and less."""
    return float(0.5 ** (age_s / half_life_s)) if age_s > 0 else 1.0


def _kept(outcomes: float) -> float:
    """The share of their weight that so many outcomes keep."""
    return MOST_OUTCOMES / max(MOST_OUTCOMES, outcomes)


def _bounds(good: float, bad: float, deviations: float) -> tuple[float, float]:
    """Wilson's score interval of a rate."""
    count = good + bad
    if not count:
        return 0.0, 1.0
    square = deviations * deviations
    middle = good + square / 2
    half = deviations * sqrt(good / count * bad + square / 4)
    return max(0.0, (middle - half) / (count + square)), min(1.0, (middle + half) / (count + square))
