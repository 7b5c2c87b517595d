"""The simulation of regret counts what it says, and its policies are what their names say."""

from __future__ import annotations

import random
import statistics
from functools import cache, partial
from itertools import islice

import pytest

from bench import pattern_regret
from bench.pattern_regret import DRIFTING, POLICIES, STANDING, SUBJECT, USES, Arm, regret_of
from quarterdeck.patterns.evidence import counted

WORLDS = STANDING | DRIFTING


def arm(successes: int, failures: int) -> Arm:
    """A pattern with so many outcomes."""
    it = Arm()
    it.tally = counted(successes, failures, 0.0)
    return it


@cache
def mean_regret(world: str, policy: str) -> float:
    """Of a few runs."""
    return statistics.mean(map(partial(regret_of, WORLDS[world], POLICIES[policy], 1), range(6)))


def test_regret_is_what_the_best_would_have_had_more():
    """In a world of two rates, where the policy always takes the second."""

    def two(_):
        return ([0.75, 0.5] for _ in range(40))

    assert regret_of(two, pattern_regret.newest, 1, 0) == 10.0
    assert regret_of(two, lambda *_: 0, 1, 0) == 0.0


def test_who_chooses_at_a_time_knows_of_no_outcome_of_the_others():
    """All of them become known when the last has chosen."""
    seen = []

    def watch(arms, _, __):
        seen.append(arms[0].uses)
        return 0

    regret_of(lambda _: ([0.5] for _ in range(30)), watch, 10, 0)
    assert seen == [0] * 10 + [10] * 10 + [20] * 10


@pytest.mark.parametrize("name", WORLDS)
def test_a_world_has_a_probability_for_each_pattern(name):
    """For each use; the same ones for the same seed."""
    worlds = [[list(rates) for rates in WORLDS[name](random.Random(5))] for _ in range(2)]
    assert worlds[0] == worlds[1]
    assert len(worlds[0]) == USES
    assert all(0 <= rate <= 1 for rates in worlds[0] for rate in rates)
    assert [len(rates) for rates in worlds[0]] == sorted(len(rates) for rates in worlds[0])


@pytest.mark.parametrize("name", DRIFTING)
def test_a_drifting_world_changes_its_best(name):
    """And a standing one does not, of those that were there."""

    def bests(world):
        return {max(range(5), key=rates.__getitem__) for rates in islice(world(random.Random(5)), USES)}

    assert len(bests(DRIFTING[name])) > 1
    assert all(len(bests(world)) == 1 for world in STANDING.values())


def test_the_peers_rule_is_to_forget_what_failed_and_to_stay_with_what_has_worked_once():
    """As empathy-framework 4.8.0 itself answered, 17,010 times out of 17,010 in sixty random lives."""
    dice = random.Random(1)
    assert pattern_regret.empathy([arm(0, 1), arm(1, 0), arm(999, 1)], 0.0, dice) == 1
    assert pattern_regret.empathy([arm(2, 3), arm(0, 0), arm(0, 1)], 0.0, dice) == 1
    assert pattern_regret.empathy([arm(0, 0), arm(1, 3)], 0.0, dice) == 1


def test_ucb1_tries_each_once():
    """In their order, and then what could be the best."""
    assert pattern_regret.ucb1([arm(1, 0), arm(0, 0)], 0.0, random.Random(1)) == 1
    assert pattern_regret.ucb1([arm(90, 10), arm(1, 1)], 0.0, random.Random(1)) == 1


@pytest.mark.parametrize("other", ["raw success rate", "Wilson's lower bound", "UCB1", "floor (any)"])
@pytest.mark.parametrize("world", ["any rates", "the best goes bad"])
def test_what_we_rank_by_loses_less_than_simpler_rules(world, other):
    """Whether the world stands still or drifts; the runs are seeded, so the answer is always the same."""
    assert mean_regret(world, SUBJECT) < mean_regret(world, other)
