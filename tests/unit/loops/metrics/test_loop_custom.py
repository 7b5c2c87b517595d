"""Loops of one's own are looked for as the standard ones are: with feedback, in any metrics, in any unit."""

from __future__ import annotations

import json
import random

import pytest

from quarterdeck.errors import UsageError
from quarterdeck.loops import FeedbackLoop, FeedbackLoopDetector, LoopPolarity, LoopType

STORM, QUEUE = ("errors", "retries"), ("load", "workers")


def storm(*, signs=(1, 1), names=STORM, length=60, unit=1.0):
    """Each metric grows by a tenth of the one before, times its sign, and a little chance."""
    dice = random.Random("storm")
    state = [1.0] * len(names)
    snapshots = []
    for _ in range(length):
        snapshots.append({name: value * unit for name, value in zip(names, state, strict=True)})
        state = [
            value + 0.1 * signs[i - 1] * state[i - 1] + dice.gauss(0, 0.05) for i, value in enumerate(state)
        ]
    return snapshots


def queue(*, length=100, unit=1.0):
    """More load calls for workers, more workers take load away; both are drawn to their middle."""
    dice = random.Random("queue")
    load, workers = 12.0, 3.0
    snapshots = []
    for _ in range(length):
        snapshots.append({"load": load * unit, "workers": workers * unit})
        load, workers = (
            load - 0.4 * (workers - 5) - 0.1 * (load - 10) + dice.gauss(0, 0.3),
            workers + 0.4 * (load - 10) - 0.1 * (workers - 5) + dice.gauss(0, 0.3),
        )
    return snapshots


def reinforcing(**given):
    usual = {"loop_id": "storm", "polarity": LoopPolarity.VICIOUS, "components": [*STORM]}
    return FeedbackLoop(loop_type=LoopType.REINFORCING, description="A storm.", **{**usual, **given})


def balancing(**given):
    usual = {"loop_id": "queue", "polarity": LoopPolarity.NEUTRAL, "components": [*QUEUE]}
    return FeedbackLoop(loop_type=LoopType.BALANCING, description="A queue.", **{**usual, **given})


def answer(loop, history):
    detector = FeedbackLoopDetector()
    detector.register_custom_loop(loop)
    return detector.detect_active_loop(history)


class TestReinforcing:
    @pytest.mark.parametrize("signs", [(1, 1), (-1, -1)], ids=["with", "against"])
    def test_it_is_found_without_and_with_its_signs_and_not_with_others(self, signs):
        """Two that drive each other up, and two of which one goes down where the other goes up."""
        history = storm(signs=signs)
        for known in ([], [*signs]):
            found = answer(reinforcing(signs=known), history)
            assert (found["dominant_loop"], found["loop_confirmed"]) == ("storm", True)
            assert found["loop_type"] == "reinforcing_vicious"
            assert found["loop_strength"] > 0.9
        assert answer(reinforcing(signs=[-sign for sign in signs]), history)["loop_type"] == "none"

    @pytest.mark.parametrize(
        "polarity,kind,trend",
        [
            (LoopPolarity.VIRTUOUS, "reinforcing_virtuous", "amplifying_positive"),
            (LoopPolarity.VICIOUS, "reinforcing_vicious", "amplifying_negative"),
            (LoopPolarity.NEUTRAL, "reinforcing", "amplifying"),
        ],
        ids=lambda value: getattr(value, "value", ""),
    )
    def test_its_author_says_whether_it_is_for_the_better(self, polarity, kind, trend):
        """The same numbers are good or bad, or neither."""
        detector = FeedbackLoopDetector()
        detector.register_custom_loop(reinforcing(polarity=polarity))
        found = detector.detect_active_loop(storm())
        assert (found["loop_type"], found["trend"]) == (kind, trend)
        assert detector.detect_virtuous_cycle(storm()) is (polarity is LoopPolarity.VIRTUOUS)
        assert detector.detect_vicious_cycle(storm()) is (polarity is LoopPolarity.VICIOUS)

    def test_where_it_has_to_go_is_part_of_it(self):
        """A storm that has to calm down is not at work in one that rises."""
        assert answer(reinforcing(moves=1), storm())["dominant_loop"] == "storm"
        assert answer(reinforcing(moves=-1), storm())["dominant_loop"] is None

    def test_components_in_between_need_not_be_measured(self):
        """Their signs count all the same."""
        names = ("errors", "retries", "load")
        history = [
            {name: value for name, value in snapshot.items() if name != "retries"}
            for snapshot in storm(names=names, signs=(1, 1, 1))
        ]
        found = answer(reinforcing(components=[*names], signs=[1, 1, 1]), history)
        assert (found["dominant_loop"], found["loop_confirmed"]) == ("storm", True)
        assert found["details"]["measured"] == ["errors", "load"]
        twice_against = answer(reinforcing(components=[*names], signs=[-1, -1, 1]), history)
        assert twice_against["dominant_loop"] == "storm"
        once_against = answer(reinforcing(components=[*names], signs=[1, -1, -1]), history)
        assert once_against["dominant_loop"] is None

    def test_the_first_component_need_not_be_measured_where_it_may_go_anywhere(self):
        """But a loop that has to go somewhere cannot be told without it."""
        history = [{"load": each["errors"], "errors": each["retries"]} for each in storm()]
        components = ["retries", "errors", "load"]
        assert (
            answer(reinforcing(components=components, signs=[1, 1, 1]), history)["dominant_loop"] == "storm"
        )
        assert answer(reinforcing(components=components, moves=1), history)["dominant_loop"] is None

    def test_the_sign_of_what_is_not_measured_at_first_counts_too(self):
        """The last one measured acts through it on the first one measured."""
        history = [{"load": each["errors"], "errors": each["retries"]} for each in storm()]
        components = ["retries", "errors", "load"]
        for signs, loop_id in (([-1, 1, -1], "storm"), ([-1, -1, 1], None)):
            found = answer(reinforcing(components=components, signs=signs), history)
            assert found["dominant_loop"] == loop_id

    def test_one_metric_can_drive_itself(self):
        """Interest on interest."""
        history = [{"debt": 1.1**year} for year in range(40)]
        found = answer(reinforcing(components=["debt"]), history)
        assert (found["dominant_loop"], found["loop_confirmed"]) == ("storm", True)
        assert [(link["source"], link["target"]) for link in found["details"]["links"]] == [("debt", "debt")]
        straight = answer(reinforcing(components=["debt"]), [{"debt": 1 + 0.1 * year} for year in range(40)])
        assert straight["loop_confirmed"] is False

    def test_a_few_snapshots_are_a_suspicion(self):
        """Of metrics that all go where the loop would drive them."""
        found = answer(reinforcing(), storm(length=5))
        assert (found["dominant_loop"], found["loop_confirmed"]) == ("storm", False)
        assert found["details"]["links"] == []

    def test_a_few_snapshots_have_to_go_with_its_signs(self):
        """Errors rise and retries fall: that is how a loop looks in which each goes against the other."""
        history = [{"errors": 2**at, "retries": 40 - 2**at} for at in range(5)]
        assert answer(reinforcing(signs=[-1, -1]), history)["dominant_loop"] == "storm"
        assert answer(reinforcing(signs=[1, 1]), history)["dominant_loop"] is None


class TestBalancing:
    def test_it_is_found_without_and_with_its_signs_and_not_with_others(self):
        """More of one is more of the other, and more of that is less of the first."""
        for known in ([], [1, -1]):
            found = answer(balancing(signs=known), queue())
            assert (found["dominant_loop"], found["loop_type"]) == ("queue", "balancing")
            assert (found["loop_confirmed"], found["trend"]) == (True, "stabilizing")
        assert answer(balancing(signs=[-1, 1]), queue())["loop_type"] == "none"

    def test_it_amplifies_nothing(self):
        """Neither a virtuous nor a vicious cycle, whatever polarity its author gave it."""
        for polarity in LoopPolarity:
            detector = FeedbackLoopDetector()
            detector.register_custom_loop(balancing(polarity=polarity))
            assert detector.detect_active_loop(queue())["loop_type"] == "balancing"
            assert not detector.detect_virtuous_cycle(queue())
            assert not detector.detect_vicious_cycle(queue())

    def test_too_few_snapshots_never_balance(self):
        """There is no suspicion of it either."""
        assert answer(balancing(), queue(length=19))["loop_type"] == "none"

    def test_one_metric_alone_never_balances(self):
        """That it returns to its middle is also what noise does."""
        dice = random.Random("noise")
        assert answer(balancing(), [{"load": dice.gauss(9, 1)} for _ in range(60)])["loop_type"] == "none"
        assert answer(balancing(), [{"load": each["load"]} for each in queue()])["loop_type"] == "none"

    def test_a_storm_is_not_balanced(self):
        """Each is found where it is."""
        assert answer(balancing(components=[*STORM]), storm())["loop_type"] == "none"
        assert answer(reinforcing(components=[*QUEUE]), queue())["loop_type"] == "none"


class TestSeveralAtWork:
    def test_what_is_confirmed_is_said_before_what_is_suspected(self):
        """However strong the suspicion: success that is only yes or no confirms little."""
        history = [
            {"trust": 0.1 + 0.01 * 1.06**at, "success": True, **each}
            for at, each in enumerate(storm(length=40))
        ]
        alone = FeedbackLoopDetector().detect_active_loop(history)
        assert (alone["dominant_loop"], alone["loop_confirmed"]) == ("R1_trust_building", False)
        found = answer(reinforcing(), history)
        assert (found["dominant_loop"], found["loop_confirmed"]) == ("storm", True)
        assert found["loop_strength"] < alone["loop_strength"]

    def test_what_amplifies_is_said_before_what_balances(self):
        """Being balanced can wait."""
        history = [{**one, **other} for one, other in zip(storm(), queue(length=60), strict=True)]
        detector = FeedbackLoopDetector()
        detector.register_custom_loop(balancing())
        assert detector.detect_active_loop(history)["dominant_loop"] == "queue"
        detector.register_custom_loop(reinforcing())
        assert detector.detect_active_loop(history)["dominant_loop"] == "storm"


@pytest.mark.parametrize("unit", [1000.0, 1e9, 1e100])
@pytest.mark.parametrize("loop,make", [(reinforcing(), storm), (balancing(), queue)], ids=["storm", "queue"])
def test_units_do_not_matter(loop, make, unit):
    """Seconds or milliseconds: the same loop, as surely and as strongly."""
    plain, scaled = answer(loop, make()), answer(loop, make(unit=unit))
    assert plain["dominant_loop"] == loop.loop_id
    assert {**scaled, "details": 0, "loop_strength": 0} == {**plain, "details": 0, "loop_strength": 0}
    assert scaled["loop_strength"] == pytest.approx(plain["loop_strength"], abs=1e-5)
    for one, other in zip(plain["details"]["links"], scaled["details"]["links"], strict=True):
        for key in ("effect", "z", "correlation", "rows"):
            assert other[key] == pytest.approx(one[key], rel=1e-6)


class TestRegistering:
    def test_it_is_listed_after_the_standard_ones(self):
        """As it was given."""
        detector = FeedbackLoopDetector()
        detector.register_custom_loop(reinforcing())
        assert detector.get_all_loops()[3:] == [reinforcing()]

    def test_one_with_the_same_id_takes_the_place_of_the_other(self):
        """Also of a standard one, but never by mistake."""
        detector = FeedbackLoopDetector()
        mine = reinforcing(loop_id="R1_trust_building", intervention_points=["rest"])
        with pytest.raises(UsageError, match="already") as raised:
            detector.register_custom_loop(mine)
        assert "replace=True" in raised.value.hint
        detector.register_custom_loop(mine, replace=True)
        assert [loop.loop_id for loop in detector.get_all_loops()].count("R1_trust_building") == 1
        assert detector.get_intervention_recommendations("R1_trust_building") == ["rest"]
        assert detector.detect_active_loop(storm())["dominant_loop"] == "R1_trust_building"
        assert not detector.detect_virtuous_cycle([{"trust": i / 9, "success": True} for i in range(9)])

    def test_changing_it_afterwards_changes_nothing(self):
        """The loop that is looked for is the one that was registered."""
        detector, mine = FeedbackLoopDetector(), reinforcing(intervention_points=["rest"])
        detector.register_custom_loop(mine)
        mine.components.clear()
        mine.intervention_points.append("panic")
        mine.loop_id = "gone"
        assert detector.detect_active_loop(storm())["dominant_loop"] == "storm"
        assert detector.get_intervention_recommendations("storm") == ["rest"]

    def test_it_counts_at_once_for_what_has_been_observed(self):
        """An answer that was given before is not given again."""
        detector = FeedbackLoopDetector()
        for snapshot in storm():
            detector.observe(snapshot)
        assert detector.detect_active_loop()["loop_type"] == "insufficient_data"
        detector.register_custom_loop(reinforcing())
        assert detector.detect_active_loop()["dominant_loop"] == "storm"

    def test_a_reset_forgets_it(self):
        """Only the standard loops are left."""
        detector = FeedbackLoopDetector()
        detector.register_custom_loop(reinforcing())
        detector.reset()
        assert detector.get_all_loops() == FeedbackLoopDetector().get_all_loops()
        assert detector.get_intervention_recommendations("storm") == []

    def test_what_cannot_be_looked_for_is_refused_and_leaves_everything_as_it_was(self):
        """The loop that it would have replaced is still there."""
        detector = FeedbackLoopDetector()
        before = detector.get_all_loops()
        with pytest.raises(UsageError, match="at least one component"):
            detector.register_custom_loop(reinforcing(loop_id="R1_trust_building", components=[]))
        assert detector.get_all_loops() == before

    def test_interventions_of_ones_own_are_in_the_answer(self):
        """In their own words, after those whose place is known."""
        found = answer(reinforcing(intervention_points=["call_a_friend", "adjust_scope"]), storm())
        told = found["details"]["loop"]["interventions"]
        assert [(each["name"], each["rank"]) for each in told] == [
            ("adjust_scope", 12),
            ("call_a_friend", None),
        ]
        assert told[1]["advice"] == "call a friend"
        json.dumps(found, allow_nan=False)

    def test_one_without_interventions_has_a_recommendation_all_the_same(self):
        """To look at it."""
        found = answer(reinforcing(polarity=LoopPolarity.NEUTRAL), storm())
        assert found["recommendation"] == "Look at it: this feeds on itself."
