"""Histories whose cause is known: loops are confirmed, and what comes from outside is only a trend."""

from __future__ import annotations

import math
import random

import pytest

from bench.loop_histories import MAKERS, NO_LOOP, OUTSIDE, balancing
from quarterdeck.loops import FeedbackLoopDetector
from quarterdeck.loops.metrics import LoopPolarity

IDS = {"virtuous": "R1_trust_building", "vicious": "R2_trust_erosion", "balancing": "B1_quality_control"}


def answer(snapshots):
    return FeedbackLoopDetector().detect_active_loop(snapshots)


def spiral(seed, length, *, up, noise=0.02):
    """Trust and success, each driven by how far the other is above 0.4; *up* is False: mirrored."""
    dice = random.Random(seed)
    trust = success = 0.45
    snapshots = []
    for _ in range(length):
        seen = (trust, success) if up else (1 - trust, 1 - success)
        snapshots.append({"trust": seen[0], "success_rate": seen[1]})
        trust, success = (
            min(1.0, max(0.0, trust + 0.25 * (success - 0.4) + dice.gauss(0, noise / 2))),
            min(1.0, max(0.0, success + 0.25 * (trust - 0.4) + dice.gauss(0, noise / 2))),
        )
    return snapshots


@pytest.mark.parametrize("kind,least", [("virtuous", 40), ("vicious", 40), ("balancing", 48), ("none", 48)])
def test_most_histories_are_in_the_class_they_were_made_for(kind, least):
    """Of 50 with a hundred snapshots and little noise."""
    found = [
        answer(MAKERS[kind](random.Random(f"{kind} {seed}"), 100, 0.02).snapshots())["dominant_loop"]
        for seed in range(50)
    ]
    assert found.count(IDS.get(kind)) >= least


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("length", [25, 60])
class TestSpirals:
    def test_two_that_drive_each_other_are_confirmed(self, seed, length):
        """With the links that were seen: each moves the other, in the same direction."""
        found = answer(spiral(seed, length, up=True))
        assert found["dominant_loop"] == "R1_trust_building"
        assert found["loop_type"] == "reinforcing_virtuous"
        assert found["loop_confirmed"] is True
        links = found["details"]["links"]
        assert [(link["source"], link["target"]) for link in links] == [
            ("trust", "success_rate"),
            ("success_rate", "trust"),
        ]
        assert all(link["effect"] > 0 and link["z"] > 0 and link["rows"] > 5 for link in links)
        assert "too little is known" not in found["recommendation"]

    def test_the_mirror_image_is_the_opposite_and_as_strong(self, seed, length):
        """What rises from 0.45 in one falls from 0.55 in the other."""
        up, down = answer(spiral(seed, length, up=True)), answer(spiral(seed, length, up=False))
        assert (up["loop_type"], down["loop_type"]) == ("reinforcing_virtuous", "reinforcing_vicious")
        assert (up["loop_confirmed"], down["loop_confirmed"]) == (True, True)
        assert up["loop_strength"] == pytest.approx(down["loop_strength"], abs=1e-5)
        assert up["details"]["trend"]["tau"] == pytest.approx(-down["details"]["trend"]["tau"])

    def test_a_spiral_in_one_direction_is_not_also_one_in_the_other(self, seed, length):
        """Polarity is where it goes, not only that it goes round."""
        detector = FeedbackLoopDetector()
        assert detector.detect_virtuous_cycle(spiral(seed, length, up=True))
        assert not detector.detect_vicious_cycle(spiral(seed, length, up=True))
        assert detector.detect_vicious_cycle(spiral(seed, length, up=False))
        assert not detector.detect_virtuous_cycle(spiral(seed, length, up=False))


@pytest.mark.parametrize("kind", OUTSIDE)
def test_what_something_outside_causes_is_a_trend_and_no_confirmed_loop(kind):
    """Ramps and steps, in one metric or in both at once: one in a hundred may look like more."""
    found = [
        answer(OUTSIDE[kind](random.Random(f"{kind} {seed}"), length, noise).snapshots())
        for length in (30, 100)
        for noise in (0.02, 0.1)
        for seed in range(25)
    ]
    assert sum(each["loop_type"] != "none" for each in found) <= 1
    trends = [each["details"]["trend"]["direction"] for each in found]
    assert kind == "rhythm" or sum(each != "none" for each in trends) >= 80


@pytest.mark.parametrize("kind", sorted({*OUTSIDE} - {"step", "step in both", "rhythm"}))
def test_what_something_outside_causes_is_seldom_suspected_where_success_is_yes_or_no(kind):
    """A long ramp goes on at an even pace, and a loop would grow."""
    found = []
    for seed in range(40):
        dice = random.Random(f"yes {kind} {seed}")
        found.append(answer(OUTSIDE[kind](dice, 60, 0.02).snapshots(dice)))
    assert sum(each["loop_type"] != "none" for each in found) <= 2


@pytest.mark.parametrize("up", [True, False], ids=["up", "down"])
def test_a_ramp_that_drags_success_along_is_no_loop(up):
    """However steep: both move because of something else, and neither because of the other."""
    dice = random.Random("ramp")
    snapshots = []
    for step in range(60):
        level = 0.2 + step / 100 if up else 0.8 - step / 100
        snapshots.append({"trust": level + dice.gauss(0, 0.02), "success_rate": level + dice.gauss(0, 0.02)})
    found = answer(snapshots)
    assert found["loop_type"] == "none"
    assert found["trend"] == ("rising" if up else "falling")


ONE_WAY = {"adding up", "averaging"}
"""Success moves trust, and trust moves nothing."""


@pytest.mark.parametrize("kind", NO_LOOP)
def test_no_cause_gives_no_confirmed_loop(kind):
    """Not of noise, nor of what wanders about; one in twenty-five may look like it."""
    found = [
        answer(NO_LOOP[kind](random.Random(f"no {kind} {seed}"), 60, 0.1).snapshots()) for seed in range(50)
    ]
    assert sum(each["loop_confirmed"] for each in found) <= (5 if kind in ONE_WAY else 2)


def test_what_turns_about_its_middle_balances():
    """Trust follows success and success falls where trust is too high: held back, not idle."""
    found = [answer(balancing(random.Random(f"b{seed}"), 60, 0.05).snapshots()) for seed in range(30)]
    balanced = [each for each in found if each["dominant_loop"] == "B1_quality_control"]
    assert len(balanced) >= 28
    for each in balanced:
        assert each["loop_type"] == "balancing"
        assert each["trend"] == "stabilizing"
        assert each["loop_confirmed"] is True
        assert each["recommendation"].startswith("Stable")
        effects = [link["effect"] for link in each["details"]["links"]]
        assert math.prod(effects) < 0


class TestLongHistories:
    def test_five_thousand_random_snapshots_have_no_loop(self):
        """Nor do they move."""
        dice = random.Random("long")
        snapshots = [{"trust": dice.random(), "success": dice.random() < 0.5} for _ in range(5000)]
        found = answer(snapshots)
        assert (found["loop_type"], found["trend"], found["details"]["snapshots"]) == ("none", "steady", 128)

    def test_five_thousand_snapshots_that_never_change_have_no_loop(self):
        """Whatever they stay at."""
        found = answer([{"trust": 0.7, "success": True}] * 5000)
        assert (found["loop_type"], found["trend"], found["details"]["onset"]) == ("none", "steady", None)

    def test_only_the_last_of_a_long_history_count(self):
        """A spiral that came to rest long ago is over; one that has begun is at work."""
        rest = [{"trust": 0.5, "success_rate": 0.5}] * 5000
        rising = spiral(1, 25, up=True)
        assert answer([*rising, *rest])["loop_type"] == "none"
        assert FeedbackLoopDetector(window=25).detect_active_loop([*rest, *rising]) | {"details": 0} == (
            FeedbackLoopDetector(window=25).detect_active_loop(rising) | {"details": 0}
        )

    def test_a_spiral_that_has_arrived_is_over(self):
        """At the top nothing moves any more, whatever brought it there."""
        assert answer(spiral(1, 300, up=True))["loop_type"] == "none"
        assert answer(spiral(1, 300, up=False))["loop_type"] == "none"


@pytest.mark.parametrize("up", [True, False], ids=["up", "down"])
def test_yes_and_no_are_enough_to_suspect_a_spiral(up):
    """Trust goes ever faster where work goes well or badly, with an exception now and then."""
    snapshots = [
        {"trust": 0.1 + 0.02 * 1.1**at if up else 0.9 - 0.02 * 1.1**at, "success": (at % 9 != 5) is up}
        for at in range(38)
    ]
    found = answer(snapshots)
    assert found["loop_type"] == ("reinforcing_virtuous" if up else "reinforcing_vicious")
    assert found["loop_strength"] > 0.8


def test_each_question_is_about_its_own_polarity():
    """The yes or no of both cycles goes with the answer in full, where that amplifies."""
    detector = FeedbackLoopDetector()
    for polarity in (LoopPolarity.VIRTUOUS, LoopPolarity.VICIOUS):
        for seed in range(20):
            history = MAKERS[polarity.value](random.Random(seed), 30, 0.02).snapshots()
            kind = detector.detect_active_loop(history)["loop_type"]
            if kind.startswith("reinforcing"):
                assert detector.detect_virtuous_cycle(history) is (kind == "reinforcing_virtuous")
                assert detector.detect_vicious_cycle(history) is (kind == "reinforcing_vicious")
