"""Links: their tests are those of the textbook, and their signs and lags those of the system."""

from __future__ import annotations

import random
from itertools import pairwise

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import false_discovery_control
from statsmodels.tsa.api import VAR

from quarterdeck.loops.discovery import links, table
from quarterdeck.loops.discovery.projection import Basis


def system(snapshots, seed, step):
    """A history of two metrics: *step* says where they go, without their shocks."""
    dice = random.Random(seed)
    history = [{"x": 0.0, "y": 0.0}] * 3
    for _ in range(snapshots):
        x, y = step(history)
        history.append({"x": x + dice.gauss(0, 1), "y": y + dice.gauss(0, 1)})
    return history[3:]


def between(history, max_lag=3):
    """What is found in *history*."""
    return links.find(table.read(history, needed=0), max_lag=max_lag, false_discovery_rate=0.01)


def found(history):
    """The links of *history*, by source and target."""
    return {(link.source, link.target): link for link in between(history).links}


def explained(fixed, tested, targets):
    """The model of *targets* by all columns, with the effects of those that are *tested*."""
    basis = Basis(fixed)
    return links.explain(basis, [basis.add(column) for column in tested], targets)


@given(st.lists(st.floats(0, 1), max_size=30))
def test_benjamini_and_hochberg_is_that_of_scipy(p_values):
    """In the order of the p-values, whichever that is."""
    expected = false_discovery_control(p_values, method="bh").tolist() if p_values else []
    assert links.benjamini_hochberg(p_values) == pytest.approx(expected, rel=1e-12)


@settings(max_examples=30)
@given(st.integers(0, 2**32), st.integers(1, 4), st.integers(1, 3))
def test_effects_are_those_of_statsmodels_with_whites_errors(seed, tested, targets):
    """Coefficients and p-values by least squares with HC3, of regressors that differ in scale by far."""
    dice = np.random.default_rng(seed)
    fixed = np.column_stack([np.ones(60), np.arange(60.0)])
    regressors = dice.normal(size=(60, tested)) * 10.0 ** dice.integers(-3, 4, size=tested)
    shocks = dice.normal(size=(60, targets)) * np.exp(dice.normal(size=(60, 1)))
    values = regressors @ dice.normal(size=(tested, targets)) + shocks
    model = explained(fixed.T.tolist(), regressors.T.tolist(), values.T.tolist())
    for target in range(targets):
        oracle = sm.OLS(values[:, target], np.column_stack([fixed, regressors]))
        expected = oracle.fit(cov_type="HC3", use_t=True)
        effects = [effect for effect in model.effects[target] if effect is not None]
        assert [effect.value for effect in effects] == pytest.approx(expected.params[2:].tolist(), rel=1e-8)
        p_values = [effect.p_value for effect in effects]
        assert p_values == pytest.approx(expected.pvalues[2:].tolist(), rel=1e-6, abs=1e-12)
        assert model.left[target] == pytest.approx(expected.resid.tolist(), rel=1e-6, abs=1e-6)


@settings(max_examples=20)
@given(st.integers(0, 2**32), st.integers(2, 4), st.integers(1, 3))
def test_the_autoregression_is_that_of_statsmodels(seed, count, lags):
    """The same coefficients of a vector autoregression with a constant and a trend, and the same shocks."""
    series = np.random.default_rng(seed).normal(size=(80, count)).cumsum(axis=0)
    oracle = VAR(series).fit(lags, trend="ct")
    rows = len(series) - lags
    past = [
        series[lags - lag : len(series) - lag, i].tolist() for lag in range(1, lags + 1) for i in range(count)
    ]
    fixed = [[1.0] * rows, [float(at) for at in range(rows)]]
    model = explained(fixed, past, series[lags:].T.tolist())
    assert model.freedom == oracle.df_resid
    for target in range(count):
        effects = [effect.value for effect in model.effects[target] if effect is not None]
        assert effects == pytest.approx(oracle.params[2:, target].tolist(), rel=1e-7, abs=1e-9)
        assert model.left[target] == pytest.approx(oracle.resid[:, target].tolist(), abs=1e-7)


def test_a_correlation_is_partial():
    """Of what is left of target and regressor when the others are taken out of both."""
    dice = np.random.default_rng(1)
    one, two = dice.normal(size=(2, 100))
    target = one + two + dice.normal(size=100)
    (effects,) = explained([[1.0] * 100], [one.tolist(), two.tolist()], [target.tolist()]).effects
    rest = [sm.OLS(each, sm.add_constant(two)).fit().resid for each in (one, target)]
    assert effects[0] is not None
    assert effects[0].correlation == pytest.approx(np.corrcoef(*rest)[0, 1], rel=1e-9)


def test_a_link_has_the_sign_and_the_lag_of_the_system():
    """Two snapshots after y rises, x falls; x moves nothing."""
    history = system(200, 5, lambda past: (0.5 * past[-1]["x"] - 0.6 * past[-2]["y"], 0.5 * past[-1]["y"]))
    link = found(history).pop(("y", "x"))
    assert (link.sign, link.lag) == (-1, 2)
    assert 0.3 < link.strength < 0.8
    assert link.p_value < 1e-6
    assert ("x", "y") not in found(history)


def test_links_do_not_depend_on_the_units():
    """Multiplied and shifted, metrics have the same links, as sure as before."""
    history = system(200, 6, lambda past: (0.5 * past[-1]["y"], -0.5 * past[-1]["x"]))
    other = [{"x": 1e9 + 1e4 * each["x"], "y": -1e-6 * each["y"]} for each in history]
    mine, same = found(history), found(other)
    assert mine.keys() == same.keys() == {("x", "y"), ("y", "x")}
    for ends, link in mine.items():
        assert same[ends].sign == -link.sign
        assert same[ends].strength == pytest.approx(link.strength, rel=1e-6)


def test_lags_are_as_many_as_are_needed():
    """One where the past is one snapshot long, three where something acts three snapshots later."""
    systems = [
        system(200, 7, lambda past: (0.5 * past[-1]["y"], -0.5 * past[-1]["x"])),
        system(200, 7, lambda past: (0.5 * past[-1]["x"], -0.6 * past[-3]["x"])),
    ]
    for history, expected in zip(systems, (1, 3), strict=True):
        x, y = table.read(history, needed=0).filled
        past = [[column[3 - lag : -lag] for column in (x, y)] for lag in (1, 2, 3)]
        models = [Basis([column for columns in past[:lags] for column in columns]) for lags in (1, 2, 3)]
        assert links.best_lags(models, [x[3:], y[3:]]) == expected


def test_shocks_that_come_together_are_told():
    """Their correlation is near 0 where each metric has its own, and high where they share one."""
    apart = system(200, 8, lambda past: (0.5 * past[-1]["x"], 0.5 * past[-1]["y"]))
    shared = [{"x": each["x"], "y": each["x"] + 0.5 * each["y"]} for each in apart]
    together = [between(each, max_lag=1).together["x", "y"] for each in (apart, shared)]
    assert abs(together[0][0]) < 0.2 < 0.8 < together[1][0]
    assert together[1][1] < 1e-9


def test_what_moves_a_walk_is_found():
    """By its changes, although the walk never comes back."""
    history = system(300, 10, lambda past: (past[-1]["x"] + 0.5 * past[-1]["y"], 0.5 * past[-1]["y"]))
    assert found(history)["y", "x"].sign == 1


def test_what_a_walk_moves_is_found():
    """By the changes of the walk."""
    history = system(300, 11, lambda past: (past[-1]["x"], 0.5 * past[-1]["y"] + 0.5 * past[-1]["x"]))
    assert {ends: link.sign for ends, link in found(history).items()} == {("x", "y"): 1}


def test_a_metric_without_shocks_shows_no_link():
    """What copies another one exactly follows it, but so it would if both followed a third."""
    dice = random.Random(9)
    values = [dice.gauss(0, 1) for _ in range(201)]
    history = [{"x": now, "y": before} for before, now in pairwise(values)]
    assert found(history) == {}


@pytest.mark.parametrize(
    "rows, metrics, lags",
    [
        pytest.param(200, 2, 3, id="few"),
        pytest.param(200, 20, 2, id="many"),
        pytest.param(60, 20, 0, id="too many"),
    ],
)
def test_fewer_lags_are_looked_at_where_rows_are_few(rows, metrics, lags):
    """Four rows for each coefficient; none at all where even one lag is too many."""
    assert links.most_lags(rows, metrics, 3) == lags
