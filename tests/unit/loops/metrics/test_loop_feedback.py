"""The two tests of feedback, each on what it is for and on what the other one is for."""

from __future__ import annotations

import math
import random

import pytest

from quarterdeck.loops.metrics.feedback import MIN_SNAPSHOTS, UNTESTED, balancing, reinforcing


def pair(onto_second, onto_first, *, length=80, drawn=0.0):
    """Two metrics: how much of each the other gains at every step, and how much each is drawn to zero."""
    dice = random.Random("pair")
    one, two = 4.0, 2.0
    columns: tuple[list[float | None], list[float | None]] = ([], [])
    for _ in range(length):
        columns[0].append(one)
        columns[1].append(two)
        one, two = (
            one + onto_first * two - drawn * one + dice.gauss(0, 0.2),
            two + onto_second * one - drawn * two + dice.gauss(0, 0.2),
        )
    return columns


GROWING, AGAINST, TURNING = pair(0.06, 0.06), pair(-0.06, -0.06), pair(0.4, -0.4, drawn=0.1)


class TestReinforcing:
    @pytest.mark.parametrize(
        "columns,signs", [(GROWING, (1, 1)), (AGAINST, (-1, -1))], ids=["with", "against"]
    )
    def test_two_that_amplify_each_other_are_confirmed(self, columns, signs):
        """With their effects, about as they were made, and their signs."""
        for known in ((), signs):
            found = reinforcing(columns, known)
            assert (found.confirmed, found.tested) == (True, True)
            assert [(link.source, link.target) for link in found.links] == [(0, 1), (1, 0)]
            for link, sign in zip(found.links, signs, strict=True):
                assert link.effect == pytest.approx(0.06 * sign, abs=0.02)
                assert math.copysign(1, link.z) == math.copysign(1, link.correlation) == sign
                assert link.rows == 79
            assert 0 < found.strength <= 1
        assert not reinforcing(columns, [-sign for sign in signs]).confirmed

    def test_two_that_hold_each_other_back_do_not_amplify(self):
        """There was enough to see it, and it is not there."""
        found = reinforcing(TURNING)
        assert (found.confirmed, found.tested, found.strength) == (False, True, 0.0)

    def test_nothing_is_known_of_constants(self):
        """They move nothing, and nothing moves them."""
        assert reinforcing([[5.0] * 50, [7.0] * 50]) == UNTESTED

    def test_gaps_leave_out_the_steps_next_to_them(self):
        """A step needs both of its ends, and where the other metric stood."""
        one, two = map(list, GROWING)
        one[40] = None
        found = reinforcing([one, two])
        assert found.confirmed
        assert [link.rows for link in found.links] == [78, 77]


class TestBalancing:
    def test_two_that_hold_each_other_back_are_confirmed(self):
        """One is gained, and takes."""
        for known in ((), (1, -1)):
            found = balancing(TURNING, known)
            assert found.confirmed
            assert [math.copysign(1, link.effect) for link in found.links] == [1, -1]
        assert not balancing(TURNING, (-1, 1)).confirmed

    def test_two_that_amplify_each_other_do_not_balance(self):
        """Neither with the other nor against it."""
        assert not balancing(GROWING).confirmed
        assert not balancing(AGAINST).confirmed

    @pytest.mark.parametrize("columns", [[], [[1.0, 2.0] * 30]], ids=["none", "one"])
    def test_fewer_than_two_metrics_are_no_test(self, columns):
        """A loop of one is not told from noise."""
        assert balancing(columns) == UNTESTED


@pytest.mark.parametrize("test", [reinforcing, balancing])
class TestTooLittle:
    def test_a_handful_of_snapshots_is_no_test(self, test):
        """Links cannot even be estimated."""
        assert test([column[:5] for column in GROWING]) == UNTESTED

    def test_what_is_not_found_in_few_snapshots_has_not_been_ruled_out(self, test):
        """Below the number that is needed."""
        dice = random.Random("few")
        noise = [[dice.random() * 9 for _ in range(MIN_SNAPSHOTS - 1)] for _ in range(2)]
        found = test(noise, [1, 1] if test is reinforcing else [1, -1])
        assert (found.confirmed, found.tested) == (False, False)
        assert found.links


@pytest.mark.parametrize("bound", [0.0, 1.0])
def test_deviations_of_shares_at_their_bounds_say_nothing(bound):
    """Thirty snapshots at the top or at the bottom and four that move are four."""
    assert balancing([[bound] * 30 + [0.5, 0.6] * 2, [bound] * 30 + [0.6, 0.4] * 2]) == UNTESTED
