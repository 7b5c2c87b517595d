"""What outcomes say of a pattern: they are weighted by age, never make certain, and never end in NaN."""

from __future__ import annotations

import math
import random
import statistics
from itertools import accumulate, repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.patterns import evidence
from quarterdeck.patterns.evidence import (
    MAX_FACTOR,
    MOST_OUTCOMES,
    NO_OUTCOMES,
    Posterior,
    Tally,
    ceiling,
    counted,
    factor,
    posterior,
    weigh,
    wilson,
)

DAY_S = 86_400.0
HALF_LIFE_S = 90 * DAY_S
NOW_S = 1_790_000_000.0

confidences = st.floats(0, 1)
moments = st.floats(0, 4e9)
half_lives = st.floats(1e-3, 1e300) | st.just(math.inf)
counts = st.integers(0, 2**53)


def of(successes: int, failures: int, at_s: float = NOW_S) -> Tally:
    """The tally after so many successes and then so many failures, all at one time."""
    tally = NO_OUTCOMES
    for success in [True] * successes + [False] * failures:
        tally = tally.after(success, at_s, HALF_LIFE_S)
    return tally


def top(tally: Tally, confidence: float = 0.5, now_s: float = NOW_S) -> float:
    """The ceiling, with the default half-life."""
    return ceiling(tally, confidence, now_s, HALF_LIFE_S)


def expected(tally: Tally, confidence: float = 0.5, now_s: float = NOW_S) -> float:
    """The mean, with the default half-life."""
    return posterior(tally, confidence, now_s, HALF_LIFE_S).mean


def test_an_outcome_counts_half_after_a_half_life():
    """Its weight halves with each half-life; that it happened is not forgotten."""
    tally = of(4, 2)
    now = posterior(tally, 0.5, NOW_S, HALF_LIFE_S)
    later = posterior(tally, 0.5, NOW_S + 2 * HALF_LIFE_S, HALF_LIFE_S)
    assert now == (5.0, 3.0)
    assert later == (2.0, 1.5)
    assert tally.after(True, NOW_S + HALF_LIFE_S, HALF_LIFE_S) == (5, 2, 3.0, 1.0, NOW_S + HALF_LIFE_S)


def test_a_late_outcome_has_the_weight_that_it_would_have_by_now():
    """In whichever order two outcomes are recorded, the tally is the same."""
    early, late = NOW_S - HALF_LIFE_S, NOW_S
    in_order = NO_OUTCOMES.after(True, early, HALF_LIFE_S).after(False, late, HALF_LIFE_S)
    out_of_order = NO_OUTCOMES.after(False, late, HALF_LIFE_S).after(True, early, HALF_LIFE_S)
    assert in_order == out_of_order == (1, 1, 0.5, 1.0, late)


def test_a_clock_that_runs_backwards_lets_no_weight_grow():
    """Neither a query nor an outcome from before the latest outcome makes the older ones heavier."""
    tally = of(3, 1)
    assert posterior(tally, 0.5, NOW_S - 10 * HALF_LIFE_S, HALF_LIFE_S) == (4.0, 2.0)
    assert tally.after(True, NOW_S - 10 * HALF_LIFE_S, HALF_LIFE_S).good == pytest.approx(3 + 2**-10)


def test_what_claims_to_be_of_the_future_is_of_now():
    """Or a clock that was ahead once would outweigh all that comes until then."""
    ahead = of(9, 0, NOW_S + 1e9)
    assert ahead.known_by(NOW_S) == of(9, 0)
    assert of(9, 0, NOW_S - 1).known_by(NOW_S) == of(9, 0, NOW_S - 1)
    later = ahead.known_by(NOW_S).after(False, NOW_S, HALF_LIFE_S)
    assert (later.good, later.bad) == (9, 1)


def test_an_infinite_half_life_forgets_nothing():
    """The first outcome weighs as much as the last."""
    tally = NO_OUTCOMES.after(True, 1.0, math.inf).after(False, NOW_S, math.inf)
    assert posterior(tally, 0.5, NOW_S * 2, math.inf) == (2.0, 2.0)


def test_a_tally_of_mere_counts_is_that_of_the_outcomes():
    """As far as they fit; of more than fit, the shares are kept."""
    assert counted(3, 2, NOW_S) == of(3, 2)
    assert counted(999, 1, NOW_S) == (999, 1, 0.999 * MOST_OUTCOMES, 0.001 * MOST_OUTCOMES, NOW_S)


def test_what_has_long_worked_can_turn_bad():
    """After a thousand successes as many failures as after a hundred make one doubt."""
    failing = accumulate(
        repeat(False), lambda tally, _: tally.after(False, NOW_S, HALF_LIFE_S), initial=of(1000, 0)
    )
    patience = next(failures for failures, tally in enumerate(failing) if expected(tally) < 0.8)
    assert patience < 12


@pytest.mark.parametrize(
    "successes, failures, is_found",
    [
        (2, 3, True),
        (1, 1, True),
        (0, 1, True),
        (999, 1, True),
        (0, 20, False),
        (0, 1000, False),
        (10, 990, False),
    ],
)
def test_a_pattern_is_found_at_one_half_unless_outcomes_rule_it_out(successes, failures, is_found):
    """2 of 5 could well be better than even; 0 of 20 could not."""
    assert (top(of(successes, failures)) >= 0.5) is is_found


def test_an_authors_word_stands_until_there_are_outcomes():
    """Then outcomes of one kind move it in their direction only, even from 0 and from 1."""
    for confidence in (0.0, 0.3, 0.5, 0.97, 1.0):
        assert top(NO_OUTCOMES, confidence) == confidence
        assert top(of(3, 0), confidence) >= confidence
        assert top(of(0, 3), confidence) <= confidence


def test_an_author_who_is_sure_is_not_believed_for_ever():
    """A confidence of 1 fails by its failures, and one of 0 mends by its successes."""
    assert expected(of(0, 20), 1.0) < 0.1
    assert expected(of(20, 0), 0.0) > 0.9
    assert top(of(0, 20), 1.0) < 0.5
    assert 0 < expected(NO_OUTCOMES, 0.0) < expected(NO_OUTCOMES, 1.0) < 1


def test_one_success_is_no_better_than_999_of_1000():
    """What has been proven ranks above what has been lucky once."""
    assert expected(of(1, 0)) < expected(of(999, 1))


@pytest.mark.parametrize(
    "successes, failures, low, high",
    [(81, 182, 0.2553, 0.3662), (15, 133, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 28, 0.0061, 0.1718)],
)
def test_wilsons_interval_is_the_published_one(successes, failures, low, high):
    """Oracle: R. G. Newcombe, Statistics in Medicine 17, 1998, table I, method 3 (the score interval)."""
    assert list(wilson(successes, failures)) == pytest.approx([low, high], abs=5e-5)


@pytest.mark.parametrize(
    "successes, failures, low, high",
    [
        (0, 1, 0.0, 0.7934506856227627),
        (1, 0, 0.2065493143772374, 1.0),
        (2, 3, 0.11762077423264788, 0.7692757187239871),
        (999, 1, 0.9943574414020421, 0.9998234536293739),
    ],
)
def test_wilsons_interval_agrees_with_statsmodels(successes, failures, low, high):
    """Oracle: statsmodels 0.15.0, ``proportion_confint(successes, uses, method="wilson")``."""
    assert list(wilson(successes, failures)) == pytest.approx([low, high], abs=1e-12)


def test_without_outcomes_an_interval_is_everything():
    """Nothing is known, which is not the same as zero."""
    assert wilson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(
    "alpha, beta, quantile",
    [
        (1, 1, 0.95),
        (3, 4, 0.7286616274802475),
        (1, 21, 0.13294591102652337),
        (5, 3, 0.8712436071957572),
        (51, 1, 0.9989947547275464),
        (26, 26, 0.6131086372813749),
    ],
)
def test_the_optimistic_end_is_near_the_exact_quantile(alpha, beta, quantile):
    """Oracle: SciPy 1.17.1, ``beta.ppf(0.95, alpha, beta)``."""
    assert Posterior(alpha, beta).optimistic == pytest.approx(quantile, abs=0.075)


def test_draws_are_spread_around_the_mean_and_less_where_more_is_known():
    """Their mean is the posterior's, and their variance that of a Beta distribution, sharpened."""
    dice = random.Random(7)
    for known in (Posterior(1.0, 1.0), Posterior(8.0, 2.0), Posterior(40.0, 12.0)):
        draws = [known.draw(dice) for _ in range(4_000)]
        count = evidence.SHARPNESS * (known.alpha + known.beta)
        deviation = math.sqrt(known.mean * (1 - known.mean) / (count + 1))
        assert statistics.mean(draws) == pytest.approx(known.mean, abs=4 * deviation / math.sqrt(4_000))
        assert statistics.stdev(draws) == pytest.approx(deviation, rel=0.1)


def test_the_same_dice_draw_the_same():
    """And others something else."""
    known = posterior(of(3, 1), 0.5, NOW_S, HALF_LIFE_S)
    assert known.draw(random.Random(3)) == known.draw(random.Random(3)) != known.draw(random.Random(4))


def test_a_match_is_told_what_it_was_ranked_by():
    """Beside what is expected of it, and the interval of what was seen."""
    assert weigh(of(3, 1), 0.5, NOW_S, HALF_LIFE_S, 0.25) == (3, 1, 4 / 6, 0.25, *wilson(3, 1))


@given(confidences, moments, half_lives)
def test_of_what_was_never_tried_time_changes_nothing(confidence, now_s, half_life_s):
    """It is its author's confidence alone."""
    assert evidence.untried(confidence) == posterior(NO_OUTCOMES, confidence, now_s, half_life_s)


def test_relevance_is_at_most_doubled_between_the_worst_and_the_best():
    """A pattern of which nothing is known keeps its relevance."""
    assert factor(0.5) == 1.0
    assert factor(1.0) / factor(0.0) == pytest.approx(2.0)
    assert factor(1.0) == MAX_FACTOR


@given(st.lists(st.tuples(st.booleans(), moments), max_size=80), confidences, half_lives, moments)
def test_whatever_happened_all_figures_are_shares(outcomes, confidence, half_life_s, now_s):
    """Every number is from 0 to 1, nothing is NaN, and all weights together stay within their bound."""
    tally = NO_OUTCOMES
    for success, at_s in outcomes:
        tally = tally.after(success, at_s, half_life_s)
    known = posterior(tally, confidence, now_s, half_life_s)
    assert tally.successes == sum(success for success, _ in outcomes)
    assert tally.failures == len(outcomes) - tally.successes
    assert tally.good >= 0
    assert tally.bad >= 0
    assert tally.good + tally.bad <= min(len(outcomes), MOST_OUTCOMES) * (1 + 1e-9)
    assert 0 < known.mean < 1
    assert 0 <= known.draw(random.Random(1)) <= 1
    assert 0 <= ceiling(tally, confidence, now_s, half_life_s) <= 1


@given(counts, counts, confidences, moments)
def test_counts_of_any_size_are_understood(successes, failures, confidence, now_s):
    """Up to the largest that a pattern can be contributed with."""
    seen = weigh(counted(successes, failures, now_s), confidence, now_s, HALF_LIFE_S, 0.5)
    assert 0 < seen.expected < 1
    assert 0 <= seen.low <= seen.high <= 1
    if successes + failures:
        assert seen.low - 1e-9 <= successes / (successes + failures) <= seen.high + 1e-9


@given(st.integers(0, 60), st.integers(0, 60), confidences)
def test_a_success_never_makes_worse_and_a_failure_never_better(successes, failures, confidence):
    """Neither the mean nor the ceiling."""
    tally = counted(successes, failures, NOW_S)
    better, worse = (tally.after(success, NOW_S, HALF_LIFE_S) for success in (True, False))
    for judge in (expected, top):
        assert judge(worse, confidence) <= judge(tally, confidence) + 1e-9
        assert judge(better, confidence) >= judge(tally, confidence) - 1e-9


@pytest.mark.parametrize("weight", [math.nan, math.inf, -math.inf, -1.0, 5e-324, 1e308], ids=str)
def test_impossible_weights_in_a_damaged_file_do_no_harm(weight):
    """A draw ends, and is from 0 to 1."""
    tally = Tally(1, 1, weight, weight, NOW_S)
    assert 0 <= posterior(tally, 0.5, NOW_S, HALF_LIFE_S).draw(random.Random(1)) <= 1
    assert 0 <= top(tally) <= 1
