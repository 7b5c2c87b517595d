"""What means and trends make of a metric that only follows another."""

from __future__ import annotations

import random

from quarterdeck.loops.metrics.feedback import balancing
from quarterdeck.loops.metrics.hindsight import score_without_hindsight


def adding_up(seed: int, length: int = 60) -> tuple[list[float], list[float]]:
    """Trust that adds up success, which knows nothing of it."""
    dice = random.Random(seed)
    trust, success = [0.5], [dice.gauss(0.5, 0.1)]
    for _ in range(length - 1):
        trust.append(trust[-1] + 0.1 * (success[-1] - 0.5))
        success.append(dice.gauss(0.5, 0.1))
    return trust, success


def held_back(seed: int, length: int = 60) -> tuple[list[float], list[float]]:
    """Trust that adds up success, which falls where there is too much of it."""
    dice = random.Random(seed)
    trust, success = [0.6], [0.5]
    for _ in range(length - 1):
        was = trust[-1]
        trust.append(was + 0.5 * (success[-1] - 0.5) + dice.gauss(0, 0.02))
        success.append(0.5 - 0.5 * (was - 0.5) + dice.gauss(0, 0.02))
    return trust, success


def test_trust_that_only_adds_up_success_is_not_balanced_by_it():
    """Nothing comes back, so no loop is confirmed, but for the odd chance."""
    assert sum(balancing(adding_up(seed)).confirmed for seed in range(60)) <= 3


def test_what_is_held_back_is_confirmed_all_the_same():
    """The bias is taken off, and not the effect."""
    assert sum(balancing(held_back(seed)).confirmed for seed in range(20)) >= 18


def test_the_bias_of_hindsight_is_on_the_average_taken_off():
    """Scores of an effect that is not there are about zero; without it their mean is -2.3."""
    scores = []
    for seed in range(80):
        states = list(zip(*adding_up(seed), strict=True))
        scores.append(score_without_hindsight(states[:-1], states[1:], 0, 1))
    assert abs(sum(scores) / len(scores)) < 1


def test_nothing_is_told_of_metrics_that_explain_each_other():
    """Where there is no single answer the score is zero."""
    states = [(float(at), 2.0 * at) for at in range(30)]
    assert score_without_hindsight(states[:-1], states[1:], 0, 1) == 0.0
