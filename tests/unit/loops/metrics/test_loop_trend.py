"""Whether a metric moves, and how fast: the answers of pymannkendall and scipy, and some they do not give."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pymannkendall
import pytest
from scipy import stats

from quarterdeck.loops.metrics.trend import MannKendall, TheilSen, mann_kendall, theil_sen

DIRECTIONS = {"increasing": "up", "decreasing": "down", "no trend": "none"}
NOTHING = MannKendall(s=0, variance=0.0, z=0.0, p_value=1.0, tau=0.0, direction="none")


def noise(seed, length):
    return [random.Random(f"{seed} {index}").gauss(0, 1) for index in range(length)]


def walk(seed, length):
    return list(itertools.accumulate(noise(seed, length)))


HISTORIES = {
    "two": [1.0, 2.0],
    "noise": noise(1, 100),
    "walk": walk(2, 80),
    "falls": [-0.1 * i + value for i, value in enumerate(noise(3, 60))],
    "ties": [float(round(value)) for value in noise(4, 50)],
    "constant": [0.8] * 12,
    "whole numbers": [3, 1, 4, 1, 5, 9, 2, 6, 5, 3],
    "both zeros": [0.0, -0.0, 1.0, 0.0, -1.0, -0.0],
}


@pytest.mark.parametrize("values", HISTORIES.values(), ids=HISTORIES)
class TestAsOthersDo:
    def test_mann_kendall_is_that_of_pymannkendall(self, values):
        """With ties, and with the correction for continuity."""
        found = mann_kendall(values)
        oracle = pymannkendall.original_test(values)
        assert found.s == oracle.s
        assert found.variance == pytest.approx(oracle.var_s)
        assert found.z == pytest.approx(oracle.z)
        assert found.p_value == pytest.approx(oracle.p, abs=1e-12)
        assert found.tau == pytest.approx(oracle.Tau)
        assert found.direction == DIRECTIONS[oracle.trend]

    def test_theil_sen_is_that_of_scipy_and_pymannkendall(self, values):
        """Slope and intercept."""
        found = theil_sen(values)
        assert found == pytest.approx(stats.theilslopes(values)[:2])
        assert found == pytest.approx(pymannkendall.sens_slope(values))


def test_too_little_to_compare_says_nothing():
    """One value has no direction, and none at all has no level either."""
    assert mann_kendall([]) == mann_kendall([7.0]) == NOTHING
    assert theil_sen([]) == TheilSen(0.0, 0.0)
    assert theil_sen([7.0]) == TheilSen(0.0, 7.0)


def test_an_outlier_does_not_move_the_slope():
    """The median of all slopes: a few that are far out do not matter."""
    values = [0.5 * i for i in range(30)]
    values[4] = values[20] = 1e9
    assert theil_sen(values).slope == pytest.approx(0.5)


class TestExact:
    @pytest.mark.parametrize("length", [2, 3, 4, 5, 6])
    def test_every_order_is_counted(self, length):
        """The p-value is the part of all orders that are at least as far from no trend."""
        orders = list(itertools.permutations(range(length)))
        scores = [abs(mann_kendall(order).s) for order in orders]
        for order, score in zip(orders, scores, strict=True):
            expected = sum(other >= score for other in scores) / len(scores)
            assert mann_kendall(order, exact=True).p_value == pytest.approx(expected)

    @pytest.mark.parametrize("length", [7, 8, 9])
    def test_longer_runs_are_those_of_scipy(self, length):
        """Kendall's tau against time is the same test."""
        values = noise(length, length)
        oracle = stats.kendalltau(range(length), values, method="exact")
        assert mann_kendall(values, exact=True).p_value == pytest.approx(oracle.pvalue)

    def test_three_that_rise_may_be_chance_and_five_are_not(self):
        """One order in three is monotone of three values, one in sixty of five."""
        assert mann_kendall([1, 2, 3], exact=True).p_value == pytest.approx(1 / 3)
        assert mann_kendall([1, 2, 3, 4, 5], exact=True).p_value == pytest.approx(1 / 60)
        assert mann_kendall([1, 2, 3, 4, 5], exact=True).direction == "up"
        assert mann_kendall([5, 4, 3, 2, 1], exact=True).direction == "down"

    @pytest.mark.parametrize("values", [[1, 2, 2, 3, 4], list(range(10))], ids=["ties", "ten"])
    def test_ties_and_more_than_nine_values_are_approximated(self, values):
        """What is not counted is answered as without asking."""
        assert mann_kendall(values, exact=True) == mann_kendall(values)


class TestAutocorrelated:
    @pytest.mark.parametrize("seed", range(5))
    def test_the_variance_grows_as_that_of_an_autoregression(self, seed):
        """By the first autocorrelation, as pymannkendall finds it, less its bias."""
        values = walk(seed, 50)
        plain = pymannkendall.original_test(values).var_s
        first = (pymannkendall.yue_wang_modification_test(values, lag=1).var_s / plain - 1) / 2 / (1 - 1 / 50)
        persistence = min((first * 50 + 2) / 46, 0.999)
        lags = np.arange(1, 50)
        factor = 1 + 2 * np.sum((1 - lags / 50) * persistence**lags)
        assert mann_kendall(values, autocorrelated=True).variance == pytest.approx(plain * factor)
        assert mann_kendall(values, autocorrelated=True).s == mann_kendall(values).s

    def test_fewer_walks_are_called_trends(self):
        """Of random walks, three quarters look like a trend if nothing is done, and a quarter still does."""
        walks = [walk(f"walk {seed}", 30) for seed in range(200)]
        plain = sum(mann_kendall(values).direction != "none" for values in walks)
        cautious = sum(mann_kendall(values, autocorrelated=True).direction != "none" for values in walks)
        assert plain > 130
        assert cautious < 60

    def test_noise_is_hardly_called_a_trend(self):
        """As often as asked for: one in twenty."""
        found = [mann_kendall(noise(f"n{seed}", 40), autocorrelated=True) for seed in range(200)]
        assert sum(each.direction != "none" for each in found) <= 16

    @pytest.mark.parametrize("values", [[0.1 * i for i in range(20)], [5.0] * 20, [1.0, 2.0, 3.0, 4.0]])
    def test_where_nothing_is_left_but_rounding_nothing_is_enlarged(self, values):
        """A line has no noise that could hang on to itself; four values are too few to tell."""
        assert mann_kendall(values, autocorrelated=True) == mann_kendall(values)
