"""From a history to its loops: those that are there, none that are not, and why where nothing can be said."""

from __future__ import annotations

import json
import math
import random
from collections import deque

import pytest

from bench.loop_models import CONTROLS, MODELS
from quarterdeck.errors import UsageError
from quarterdeck.loops.discovery import CausalLoop, Link, discover
from quarterdeck.loops.metrics.detector import FeedbackLoopDetector
from quarterdeck.loops.metrics.model import LoopPolarity, LoopType

MODEL = {model.name: model for model in (*MODELS, *CONTROLS)}
DRAWS = range(2_000, 2_005)


def noise(names="ab", snapshots=250, seed=1):
    """Metrics that know nothing of each other."""
    dice = random.Random(seed)
    return [{name: dice.gauss(0, 1) for name in names} for _ in range(snapshots)]


def loops(history, **asked):
    """The components of the loops that are shown, in the order of their names, with their types."""
    return {(*sorted(loop.components), loop.loop_type.value) for loop in discover(history, **asked).loops}


def test_a_guardrail_holds_errors_down():
    """Errors raise guardrails and guardrails lower errors: a balancing loop, link by link."""
    found = discover(MODEL["guardrails"].history(2_000, 300))
    (loop,) = found.loops
    assert {(link.source, link.target, link.sign) for link in loop.links} == {
        ("errors", "guardrails", 1),
        ("guardrails", "errors", -1),
    }
    assert (loop.loop_type, loop.delay, found.abstained) == (LoopType.BALANCING, 2, "")
    assert 0 < loop.strength < 1
    assert loop.p_value < 0.01


def test_loops_that_share_a_metric_are_told_apart():
    """Usage feeds on revenue and is starved by load."""
    assert loops(MODEL["limits to growth"].history(2_000, 500)) == {
        ("revenue", "usage", "reinforcing"),
        ("load", "usage", "balancing"),
    }


def test_a_loop_of_three_goes_round_in_the_order_of_its_causes():
    """Each component moves the next one, and the last one the first."""
    (loop,) = discover(MODEL["trust"].history(2_001, 500)).loops
    pairs = set(zip(loop.components, loop.components[1:] + loop.components[:1], strict=True))
    assert pairs == {("success", "trust"), ("trust", "delegation"), ("delegation", "success")}
    assert loop.loop_type is LoopType.REINFORCING


@pytest.mark.parametrize("name", [model.name for model in CONTROLS])
def test_nothing_goes_round_where_there_is_no_loop(name):
    """But for one history in five at most: of random walks, and of chains, one in fifty looks like one."""
    assert sum(loops(MODEL[name].history(draw, 200)) != set() for draw in DRAWS) <= 1


@pytest.mark.parametrize("name", ["noise", "slow", "walks", "adding up"])
def test_what_wanders_has_no_links_of_its_own(name):
    """By where metrics stood alone, half of the walks and of the stocks that add up would have some."""
    true = {*MODEL[name].links}
    found = [
        {(link.source, link.target) for link in discover(MODEL[name].history(draw, 200)).links}
        for draw in range(15)
    ]
    assert all(each >= true for each in found)
    assert sum(each != true for each in found) <= 1


def test_a_common_driver_makes_loops_doubtful():
    """What follows the same hidden walk seems to move each other, and their shocks come together."""
    doubts = [
        loop.doubt for draw in DRAWS for loop in discover(MODEL["hidden walk"].history(draw, 200)).doubtful
    ]
    assert doubts
    assert all("something outside may move" in doubt for doubt in doubts)


@pytest.mark.parametrize("max_lag", [1, 3, 10])
@pytest.mark.parametrize("snapshots, begin", [(300, 150), (1_300, 1_200)])
def test_what_something_outside_did_is_said(snapshots, begin, max_lag):
    """A step that all metrics take together, at the snapshot at which they take it."""
    history = [
        {name: value + 12 * (row >= begin) for name, value in each.items()}
        for row, each in enumerate(noise(snapshots=snapshots))
    ]
    assert f"a step at snapshot {begin}" in discover(history, max_lag=max_lag).outside


def test_a_metric_that_remembers_itself_is_no_loop():
    """Autoregression is a link from nothing else."""
    dice, history = random.Random(2), [{"a": 0.0, "b": 0.0}]
    for _ in range(300):
        history.append({name: 0.9 * value + dice.gauss(0, 1) for name, value in history[-1].items()})
    assert discover(history).links == ()


@pytest.mark.parametrize(
    "history, why",
    [
        pytest.param([], "a loop needs two metrics that vary, and there are 0", id="nothing"),
        pytest.param(noise("a"), "a loop needs two metrics that vary, and there are 1", id="one metric"),
        pytest.param(noise(snapshots=150), "150 snapshots count, and 200 are needed", id="too short"),
        pytest.param([{}] * 300, "a loop needs two metrics that vary, and there are 0", id="empty snapshots"),
    ],
)
def test_where_too_little_is_known_nothing_is_said_and_why(history, why):
    """An abstention is no answer that there are no loops."""
    found = discover(history)
    assert (found.abstained, found.loops, found.links) == (why, (), ())


def test_who_wants_an_answer_sooner_can_have_one():
    """Short histories can be asked for; there must still be rows for the coefficients."""
    history = MODEL["guardrails"].history(2_000, 80)
    assert discover(history).abstained
    assert loops(history, min_snapshots=50) == {("errors", "guardrails", "balancing")}
    assert discover(history[:20], min_snapshots=0).abstained == "20 snapshots are too few for 2 metrics"


def test_metrics_that_say_nothing_are_left_out_and_why():
    """Constants, copies, straight lines, text, and what is mostly missing."""
    history = [
        each
        | {"c": 7, "copy": 3 * each["a"] - 1, "time": row, "text": "1"}
        | ({"rare": row} if row % 2 else {})
        for row, each in enumerate(noise())
    ]
    found = discover(history)
    assert found.metrics == ("a", "b")
    assert found.left_out == {
        "c": "does not vary",
        "copy": "follows from time and the metrics before it",
        "time": "follows from time and the metrics before it",
        "text": "is no number in more than a fifth of the snapshots",
        "rare": "is no number in more than a fifth of the snapshots",
    }


def test_gaps_are_unknown_and_not_made_up():
    """Snapshots with gaps do not count, nor do those after them; the rest shows the same loop."""
    history = MODEL["guardrails"].history(2_000, 400)
    gaps: list[object] = [None, math.nan, "n/a", 10**400, math.inf]
    holes = [
        {**each, "errors": each["errors"] if row % 20 else gaps[row // 20 % 5]}
        for row, each in enumerate(history)
    ]
    assert loops(holes) == loops(history) == {("errors", "guardrails", "balancing")}
    assert discover(holes, min_snapshots=362).abstained == "361 snapshots count, and 362 are needed"


def test_a_metric_with_many_gaps_does_not_cost_the_others_their_loop():
    """It is left out when too few snapshots would count with it."""
    dice = random.Random(3)
    history = [
        each | ({"patchy": dice.random()} if dice.random() < 0.85 else {})
        for each in MODEL["guardrails"].history(2_000, 220)
    ]
    found = discover(history)
    assert found.left_out == {"patchy": "has gaps where others have none"}
    assert len(found.loops) == 1


def test_true_and_false_are_one_and_zero():
    """A success that comes or does not is a metric."""
    history = [each | {"success": each["a"] > 0} for each in noise()]
    assert discover(history).metrics == ("a", "b", "success")


def test_only_the_latest_of_an_endless_history_are_looked_at():
    """What a system was long ago, it need not be now."""
    history = deque(noise(snapshots=1_500) + MODEL["guardrails"].history(2_000, 1_000))
    found = discover(history)
    assert found.snapshots == 1_000
    assert found.metrics == ("errors", "guardrails")


def test_only_so_many_metrics_are_looked_at():
    """The first ones that can be."""
    found = discover(noise([f"m{number}" for number in range(23)]), min_snapshots=300)
    assert len(found.metrics) == 20
    assert found.left_out == dict.fromkeys(["m20", "m21", "m22"], "comes after 20 others")


def test_the_strongest_loops_come_first_and_only_so_many():
    """The others are not returned."""
    history = MODEL["shifting the burden"].history(2_003, 500)
    found = discover(history).loops
    assert len(found) == 3
    assert [loop.strength for loop in found] == sorted((loop.strength for loop in found), reverse=True)
    assert discover(history, max_loops=1).loops == found[:1]
    assert discover(history, max_loops=0).loops == ()


def test_an_answer_survives_json():
    """Everything in it is a list, a text or a number."""
    answer = discover(MODEL["limits to growth"].history(2_000, 300)).to_dict()
    assert json.loads(json.dumps(answer, allow_nan=False)) == answer
    assert answer["loops"][0]["loop_type"] in {"reinforcing", "balancing"}


def test_a_loop_that_was_found_can_be_looked_out_for():
    """It is registered like one that somebody thought of, with its signs."""
    (loop,) = discover(MODEL["guardrails"].history(2_000, 300)).loops
    known = loop.feedback_loop()
    detector = FeedbackLoopDetector()
    detector.register_custom_loop(known)
    assert known in detector.get_all_loops()
    assert known.loop_id == "discovered_" + "_".join(loop.components)
    assert (known.loop_type, known.polarity) == (LoopType.BALANCING, LoopPolarity.NEUTRAL)
    assert known.components == [*loop.components]
    assert known.signs == [*loop.signs]


def test_a_loop_is_described_on_one_harmless_line():
    """Whatever the metrics are called."""
    names = "a\x1b[31m", "b\n"
    links = tuple(
        Link(source, target, sign, 1, 0.5, 0.001)
        for source, target, sign in ((names[0], names[1], 1), (names[1], names[0], -1))
    )
    loop = CausalLoop(links)
    assert loop.description == r"a\x1b[31m -> (+) b\n -> (-) a\x1b[31m"
    assert loop.feedback_loop().loop_id == r"discovered_a\x1b[31m_b\n"
    assert loop.feedback_loop().components == [*names]


@pytest.mark.parametrize(
    "history", [None, {}, "abc", 3, [1, 2], ["ab"], iter([])], ids=lambda each: type(each).__name__
)
def test_what_is_no_history_is_refused(history):
    """With a word on what one is."""
    with pytest.raises(UsageError, match="snapshot"):
        discover(history)


@pytest.mark.parametrize(
    "argument, value",
    [
        ("max_lag", 0),
        ("max_lag", 10**5_000),
        ("max_lag", 1.5),
        ("min_snapshots", -1),
        ("min_snapshots", 10**5_000),
        ("max_loops", -1),
        ("max_loops", None),
        ("false_discovery_rate", 0.0),
        ("false_discovery_rate", math.nan),
        ("false_discovery_rate", 1),
        ("confirm", "granger"),
    ],
    ids=lambda each: "huge" if isinstance(each, int) and each > 9 else str(each),
)
def test_what_cannot_be_meant_is_refused(argument, value):
    """Also when there is nothing to look at."""
    with pytest.raises(UsageError):
        discover([], **{argument: value})
