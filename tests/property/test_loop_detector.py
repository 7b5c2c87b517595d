"""Whatever is in a history: an answer, the same one by one as at once, and never a traceback."""

from __future__ import annotations

import json
import math
import random

from hypothesis import given
from hypothesis import strategies as st

from bench.loop_histories import MAKERS
from quarterdeck.loops import FeedbackLoop, FeedbackLoopDetector, LoopPolarity, LoopType

SHARES = st.floats(0, 1) | st.sampled_from([0.0, 0.5, 1.0])
HOSTILE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(10**400), 10**400),
    st.floats(),
    st.sampled_from([1e150, -1e150, 1.0000001e150, 5e-324, math.nan, math.inf, 10**400]),
    st.text(max_size=3),
    st.lists(st.none(), max_size=1),
    st.complex_numbers(),
)
NAMES = ("trust", "success", "success_rate", "failure_rate", "error_rate", "guardrail_strength", "cost")


def snapshots(values):
    return st.dictionaries(st.sampled_from(NAMES), values, max_size=len(NAMES))


HISTORIES = st.one_of(
    st.lists(snapshots(HOSTILE), max_size=60),
    st.lists(snapshots(SHARES | st.none()), max_size=60),
    st.lists(st.fixed_dictionaries({"trust": SHARES, "success": st.booleans()}), min_size=20, max_size=60),
    st.lists(
        st.fixed_dictionaries({"trust": HOSTILE, "cost": HOSTILE, "success_rate": HOSTILE}), max_size=60
    ),
)


def simulated(*noises):
    """Histories with and without a loop."""
    return st.builds(
        lambda kind, seed, length, noise: MAKERS[kind](random.Random(seed), length, noise).snapshots(),
        st.sampled_from([*MAKERS]),
        st.integers(0, 10**6),
        st.integers(10, 80),
        st.sampled_from(noises),
    )


SIMULATED = simulated(0.0, 0.02, 0.1)
SIGNS = st.sampled_from([1, -1])


@st.composite
def custom_loops(draw):
    """Valid loops of any of the metrics, some of them with signs."""
    kind = draw(st.sampled_from(LoopType))
    least = 1 if kind is LoopType.REINFORCING else 2
    components = draw(st.lists(st.sampled_from(NAMES), min_size=least, max_size=4, unique=True))
    signs = draw(st.lists(SIGNS, min_size=len(components), max_size=len(components)) | st.just([]))
    if signs and math.prod(signs) != (1 if kind is LoopType.REINFORCING else -1):
        signs[0] *= -1
    return FeedbackLoop(
        "custom",
        kind,
        draw(st.sampled_from(LoopPolarity)),
        "Of one's own.",
        components,
        signs=signs,
        moves=draw(st.sampled_from([-1, 0, 1])),
    )


def detector(loops=(), **given):
    made = FeedbackLoopDetector(**given)
    for loop in loops:
        made.register_custom_loop(loop)
    return made


def cycles(made, *history):
    return made.detect_virtuous_cycle(*history), made.detect_vicious_cycle(*history)


@given(
    HISTORIES | SIMULATED, st.lists(custom_loops(), max_size=1), st.sampled_from(NAMES), st.integers(20, 40)
)
def test_one_by_one_is_at_once(history, loops, watch, window):
    """Answers, cycles and the last alarm, of whatever is observed and watched."""
    made = detector(loops, watch=watch, window=window)
    alarms = [alarm for alarm in map(made.observe, history) if alarm]
    answer = made.detect_active_loop()
    fresh = detector(loops, watch=watch, window=window)
    assert answer == fresh.detect_active_loop(history)
    assert cycles(made) == cycles(fresh, history)
    onset = answer["details"]["onset"]
    assert onset == ({"metric": watch, **alarms[-1]._asdict()} if alarms else None)


@given(HISTORIES | SIMULATED, st.lists(custom_loops(), max_size=1))
def test_an_answer_is_json_and_hangs_together(history, loops):
    """No NaN, no infinity; what is said of the loop goes with its type."""
    answer = detector(loops).detect_active_loop(history)
    assert json.loads(json.dumps(answer, allow_nan=False)) == answer
    assert 0 <= answer["loop_strength"] <= 1
    kind, trend, loop = answer["loop_type"], answer["trend"], answer["dominant_loop"]
    details = answer["details"]
    if loop is None:
        assert (kind == trend == "insufficient_data") or (
            kind == "none" and trend in ("rising", "falling", "steady")
        )
        assert (answer["loop_confirmed"], answer["loop_strength"]) == (False, 0)
        assert "loop" not in details
    else:
        assert details["loop"]["loop_id"] == loop
        assert kind.split("_")[0] == details["loop"]["loop_type"]
        assert trend.startswith("amplifying" if kind.startswith("reinforcing") else "stabilizing")
        assert set(details["measured"]) <= set(details["loop"]["components"])
        assert answer["loop_confirmed"] or kind != "balancing"
        assert not answer["loop_confirmed"] or len(history) >= 20
        assert all(link["source"] in details["measured"] for link in details["links"])
    assert details["snapshots"] == min(len(history), 128)


@given(st.lists(st.fixed_dictionaries({"trust": HOSTILE, "success": HOSTILE}), max_size=30))
def test_what_is_unknown_is_as_good_as_missing(history):
    """Leaving out what is no number gives the same answer."""
    known = [
        {
            name: value
            for name, value in snapshot.items()
            if isinstance(value, int | float) and abs(value) <= 1e150
        }
        for snapshot in history
    ]
    found, expected = detector().detect_active_loop(history), detector().detect_active_loop(known)
    for each in (found, expected):
        del each["recommendation"], each["details"]["notes"]
    assert found == expected


@given(simulated(0.02, 0.1))
def test_the_mirror_image_of_a_confirmed_loop_is_its_opposite(history):
    """Trust and success, each taken from one: virtuous is vicious, balancing stays, and as strong."""
    plain = [{"trust": each["trust"], "success_rate": each["success_rate"]} for each in history]
    mirrored = [{name: 1 - value for name, value in each.items()} for each in plain]
    one, other = detector().detect_active_loop(plain), detector().detect_active_loop(mirrored)
    assert one["loop_confirmed"] == other["loop_confirmed"]
    if one["loop_confirmed"]:
        opposite = {
            "reinforcing_virtuous": "reinforcing_vicious",
            "reinforcing_vicious": "reinforcing_virtuous",
        }
        assert other["loop_type"] == opposite.get(one["loop_type"], one["loop_type"])
        assert math.isclose(other["loop_strength"], one["loop_strength"], abs_tol=1e-4)


@given(SIMULATED, st.integers(1, 40))
def test_multiples_of_two_of_a_custom_metric_are_the_same(history, exponent):
    """Above the range of shares, the unit is nobody's business."""
    loops = [
        FeedbackLoop("up", LoopType.REINFORCING, LoopPolarity.NEUTRAL, "", ["one", "two"]),
        FeedbackLoop("down", LoopType.BALANCING, LoopPolarity.NEUTRAL, "", ["one", "two"]),
    ]

    def told(unit):
        seen = [
            {"one": (each["trust"] + 2) * unit, "two": (each["success_rate"] + 2) * unit} for each in history
        ]
        answer = detector(loops).detect_active_loop(seen)
        return answer["dominant_loop"], answer["loop_confirmed"], answer["loop_strength"], answer["trend"]

    assert told(2.0**exponent) == told(1.0)


@given(st.lists(SHARES, min_size=3, max_size=60), st.booleans())
def test_trust_alone_is_never_taken_for_failure_or_success(trusts, whole):
    """With fewer than twenty values nothing is known; with more it takes feedback to say so."""
    history = [{"trust": trust} for trust in (trusts if whole else trusts[:19])]
    made = detector()
    answer = made.detect_active_loop(history)
    if len(history) < 20:
        assert answer["loop_type"] == "none"
        assert cycles(made, history) == (False, False)
    else:
        assert answer["loop_confirmed"] == (answer["dominant_loop"] is not None)
