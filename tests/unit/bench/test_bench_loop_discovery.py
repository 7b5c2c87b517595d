"""The bench of discovery: its systems are what they say, and right and wrong loops are counted as such."""

from __future__ import annotations

import math
import pickle
import statistics

import pytest

from bench.loop_discovery import Count, Found, granger, loops_of, ours, score
from bench.loop_models import CONTROLS, MODELS, PUSHED, WITHOUT_LINKS

EVERY = [*MODELS, *PUSHED, *CONTROLS]
MODEL = {model.name: model for model in EVERY}


@pytest.mark.parametrize("name", [*MODEL])
def test_a_draw_can_be_had_again_and_goes_on(name):
    """Each seed gives one history; a longer one begins with the shorter one, and every metric varies."""
    model = pickle.loads(pickle.dumps(MODEL[name]))
    history = model.history(3, 120)
    assert history == MODEL[name].history(3, 200)[:120]
    assert history != model.history(4, 120)
    for metric in history[0]:
        values = [state[metric] for state in history]
        assert all(map(math.isfinite, values))
        assert statistics.pstdev(values) > 0
    assert {end for link in model.links for end in link} <= {*history[0]}


def test_true_loops_are_those_that_the_links_make():
    """The burden is shifted by two balancing loops and a reinforcing one."""
    loops = loops_of(MODEL["shifting the burden"].links)
    assert sorted((len(links), sign) for links, sign in loops) == [(2, -1), (2, -1), (3, 1)]
    assert {model.name for model in EVERY if not loops_of(model.links)} == {model.name for model in CONTROLS}
    assert [(model.name, dict(model.links)) for model in WITHOUT_LINKS] == [
        ("noise", {}),
        ("slow", {}),
        ("walks", {}),
        ("hectic", {}),
    ]


def test_a_loop_with_the_wrong_sign_is_wrong():
    """So is its link, and the true ones are missed."""
    model = MODEL["escalation"]

    def contrary(_):
        links = {("ours", "theirs"): 1, ("theirs", "ours"): -1}
        return Found(links, loops_of(links))

    counted = score(contrary, model, 10, 0)
    assert (counted.loops, counted.links) == (Count(0, 1, 1), Count(1, 1, 1))
    assert (counted.links.precision, counted.links.recall) == (0.5, 0.5)


def test_who_says_nothing_is_never_wrong_and_finds_nothing():
    """Precision 1, recall 0."""
    counted = score(lambda _: Found({}, set()), MODEL["trust"], 10, 0).loops
    assert (counted.precision, counted.recall) == (1.0, 0.0)


@pytest.mark.parametrize("contender", [ours, granger])
def test_contenders_find_what_is_plain(contender):
    """Errors and guardrails, for long enough."""
    counted = score(contender, MODEL["guardrails"], 500, 1)
    assert counted.loops.recall == 1.0
