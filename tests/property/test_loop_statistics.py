"""Whatever the numbers: the same statistics as scipy, pymannkendall, statsmodels and numpy."""

from __future__ import annotations

import math

import numpy as np
import pymannkendall
import pytest
import statsmodels.api as sm
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from quarterdeck.loops.metrics.least_squares import fit, student_p
from quarterdeck.loops.metrics.onset import START, Onset
from quarterdeck.loops.metrics.trend import mann_kendall, theil_sen

FINITE = st.floats(-1e6, 1e6)
FEW = st.integers(-3, 3).map(float)
"""So few that many are equal."""
HISTORIES = st.lists(FINITE | FEW, min_size=2, max_size=40) | st.lists(FEW, min_size=2, max_size=40)
ANY = st.floats(allow_nan=False, allow_infinity=False) | FEW


@given(HISTORIES)
def test_mann_kendall_is_that_of_pymannkendall(values):
    """Score, variance, z, p-value and tau."""
    found = mann_kendall(values)
    oracle = pymannkendall.original_test(values)
    assert found.s == oracle.s
    assert found[1:5] == pytest.approx((oracle.var_s, oracle.z, oracle.p, oracle.Tau), abs=1e-12)


@given(HISTORIES)
def test_theil_sen_is_that_of_scipy(values):
    """Slope and intercept of evenly spaced values."""
    oracle = stats.theilslopes(values)
    assert theil_sen(values) == pytest.approx((oracle.slope, oracle.intercept), rel=1e-9, abs=1e-9)


@given(HISTORIES)
def test_caution_never_finds_more(values):
    """Allowing for autocorrelation only ever enlarges the variance."""
    plain, cautious = mann_kendall(values), mann_kendall(values, autocorrelated=True)
    assert cautious.variance >= plain.variance
    assert cautious.p_value >= plain.p_value


@given(st.floats(-1e6, 1e6), st.integers(1, 1000))
def test_p_values_are_those_of_student(t, degrees_of_freedom):
    """To ten digits after the point; scipy itself has no more than eight next to zero."""
    assume(abs(t) > 1e-5 or t == 0)
    assert student_p(t, degrees_of_freedom) == pytest.approx(
        2 * stats.t.sf(abs(t), degrees_of_freedom), abs=1e-10
    )


@st.composite
def problems(draw):
    """Regressors and a target that are well apart, in any units."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    rows, count = draw(st.integers(15, 60)), draw(st.integers(1, 9))
    units = 10.0 ** rng.integers(-6, 6, count)
    regressors = (rng.normal(size=(rows, count)) + rng.normal(size=count)) * units
    design = np.column_stack([np.ones(rows), regressors])
    return design, design @ (rng.normal(size=count + 1) / [1, *units]) + rng.normal(size=rows)


@given(problems())
def test_least_squares_are_those_of_statsmodels(problem):
    """Coefficients, standard errors and p-values; numpy agrees on the coefficients."""
    design, target = problem
    found = fit(design.tolist(), target.tolist())
    oracle = sm.OLS(target, design).fit(method="qr")
    assert found is not None
    apart = (np.array(found.coefficients) - oracle.params) / oracle.bse
    assert apart == pytest.approx(0, abs=1e-8)
    assert found.standard_errors == pytest.approx(oracle.bse, rel=1e-8)
    assert found.p_values == pytest.approx(oracle.pvalues, abs=1e-8)
    scale = abs(design).max(axis=0)
    solved, *_ = np.linalg.lstsq(design / scale, target, rcond=None)
    assert found.coefficients * scale == pytest.approx(solved, rel=1e-8, abs=1e-8)


@given(st.lists(st.lists(ANY, min_size=3, max_size=3), max_size=12), st.data())
def test_a_fit_is_finite_or_none(rows, data):
    """Of whatever numbers: no traceback, no infinity, nothing that is not a number."""
    target = data.draw(st.lists(ANY, min_size=len(rows), max_size=len(rows)))
    found = fit(rows, target)
    if found is not None:
        assert all(map(math.isfinite, [*found.coefficients, *found.standard_errors, found.residual_squares]))
        assert all(0 <= p <= 1 for p in found.p_values)


@given(st.lists(ANY | FINITE | FEW, max_size=120))
def test_an_onset_is_within_what_was_observed(values):
    """Whatever comes: since is not after position, and there is no alarm while it learns."""
    onset = Onset()
    begun = 0
    for position, value in enumerate(values):
        shift = onset.observe(value)
        if shift:
            assert begun + START <= shift.since <= shift.position == position
            begun = position + 1


@given(st.lists(st.integers(-50, 50), min_size=60, max_size=120), st.integers(-30, 30))
def test_an_onset_does_not_mind_units_or_signs(values, exponent):
    """Twice as large is the same alarm twice as large; turned over, up is down."""
    plain, scaled, turned = Onset(), Onset(), Onset()
    for value in values:
        one = plain.observe(value)
        other = scaled.observe(value * 2.0**exponent)
        over = turned.observe(-value)
        assert (one and one[:3]) == (other and other[:3])
        assert (one and one[1:3]) == (over and over[1:3])
        if one and other and over:
            assert other.size == one.size * 2.0**exponent
            assert {one.direction, over.direction} == {"up", "down"}
