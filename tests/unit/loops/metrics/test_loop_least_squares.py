"""Least squares without numpy: the same numbers as statsmodels, and None where there is no single answer."""

from __future__ import annotations

import math
import random

import pytest
import statsmodels.api as sm
from scipy import stats

from quarterdeck.loops.metrics.least_squares import fit, student_p

RANDOM = random.Random(6)
NOISE = [RANDOM.gauss(0, 1) for _ in range(60)]


def test_a_fit_answers_as_statsmodels_does():
    """Coefficients, standard errors, p-values by Student's t, residuals and degrees of freedom."""
    rows = [[1.0, RANDOM.gauss(5, 2), RANDOM.gauss(-300, 40), i * 0.1] for i in range(60)]
    target = [2 + 0.5 * row[1] - 0.01 * row[2] + noise for row, noise in zip(rows, NOISE, strict=True)]
    found = fit(rows, target)
    oracle = sm.OLS(target, rows).fit()
    assert found is not None
    assert found.coefficients == pytest.approx(oracle.params, rel=1e-9)
    assert found.standard_errors == pytest.approx(oracle.bse, rel=1e-9)
    assert found.p_values == pytest.approx(oracle.pvalues, abs=1e-10)
    assert found.residual_squares == pytest.approx(oracle.ssr, rel=1e-9)
    assert found.degrees_of_freedom == oracle.df_resid


@pytest.mark.parametrize("degrees_of_freedom", [1, 2, 3, 7, 30, 500, 10_000])
def test_p_values_are_those_of_student(degrees_of_freedom):
    """From the middle of the distribution to far out in its tails, relative to themselves."""
    for t in (0.0, 0.001, 0.5, 1.0, 1.7320508, 1.74, 1.96, -2.5, 5.0, 20.0, 1e3):
        expected = 2 * stats.t.sf(abs(t), degrees_of_freedom)
        assert student_p(t, degrees_of_freedom) == pytest.approx(expected, rel=1e-10, abs=1e-290)


def test_p_values_have_ends():
    """Nothing is as likely as not to move; what is beyond all bounds cannot be chance."""
    assert student_p(0.0, 5) == 1.0
    assert student_p(1e200, 5) == student_p(math.inf, 5) == student_p(-math.inf, 5) == 0.0
    assert math.isnan(student_p(math.nan, 5))


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [[1.0, 2.0], [1.0, 3.0]],
        [[1.0, 7.0] for _ in range(9)],
        [[1.0, 0.0] for _ in range(9)],
        [[1.0, i, 2 * i + 7] for i in range(9)],
        [[1.0, 1e6 + noise, 3e6 + 3 * noise] for noise in NOISE],
        [[1.0, math.nan if i == 4 else i] for i in range(9)],
        [[1.0, math.inf if i == 4 else i] for i in range(9)],
    ],
    ids=[
        "no rows",
        "no rows to spare",
        "constant",
        "zeros",
        "combination",
        "far combination",
        "nan",
        "infinity",
    ],
)
def test_no_single_answer_is_none(rows):
    """Better than numbers that mean nothing."""
    assert fit(rows, NOISE[: len(rows)]) is None


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1.7e308], ids=str)
def test_a_target_without_finite_squares_has_no_fit(bad):
    """Nothing that is not finite is ever in a fit."""
    assert fit([[1.0, float(i)] for i in range(9)], [bad, *NOISE[:8]]) is None


def test_what_does_not_matter_is_not_significant_in_a_fit_without_noise():
    """Of a target that is explained down to its rounding, the rest is rounding too."""
    for seed in range(50):
        other = random.Random(seed)
        rows = [[1.0, other.gauss(0, 1), other.gauss(0, 1)] for _ in range(40)]
        found = fit(rows, [0.1 + 0.3 * row[1] for row in rows])
        assert found is not None
        assert found.p_values[1] < 1e-100
        assert found.p_values[2] > 0.05
        assert found.residual_squares < 1e-28


def test_a_target_of_zeros_is_explained_by_nothing():
    """Neither a division by zero nor a finding."""
    found = fit([[1.0, value] for value in NOISE], [0.0] * len(NOISE))
    assert found is not None
    assert found.coefficients == found.standard_errors == (0.0, 0.0)
    assert found.p_values == (1.0, 1.0)


@pytest.mark.parametrize("scale", [2.0**-900, 2.0**-30, 2.0**30, 2.0**400])
def test_units_do_not_matter(scale):
    """Scaling a regressor scales its coefficient, and nothing else."""
    target = [0.5 * value + RANDOM.gauss(0, 1) for value in NOISE]
    plain = fit([[1.0, value] for value in NOISE], target)
    scaled = fit([[1.0, value * scale] for value in NOISE], target)
    assert plain is not None
    assert scaled is not None
    assert scaled.p_values == plain.p_values
    assert scaled.coefficients == (plain.coefficients[0], plain.coefficients[1] / scale)


def test_a_far_offset_does_not_blur_the_answer():
    """Values around a million, that vary by one, keep nine digits of the slope between them."""
    target = [1e6 + 0.5 * value for value in NOISE]
    found = fit([[1.0, 1e6 + value] for value in NOISE], target)
    assert found is not None
    assert found.coefficients[1] == pytest.approx(0.5, rel=1e-9)
