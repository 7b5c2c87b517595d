"""`FeedbackLoopDetector` on short and plain histories: the promised answers, and nothing made up."""

from __future__ import annotations

import copy
import doctest
import json
import math

import pytest

from quarterdeck.errors import UsageError
from quarterdeck.loops import FeedbackLoopDetector
from quarterdeck.loops.metrics import LoopType, detector

KEYS = {
    "dominant_loop",
    "loop_type",
    "loop_confirmed",
    "loop_strength",
    "trend",
    "recommendation",
    "details",
}


def history(trusts, **others):
    """Snapshots of *trusts*, each other metric with a value of its own for each, or one for all."""
    columns = {
        name: values if isinstance(values, list) else [values] * len(trusts)
        for name, values in {"trust": list(trusts), **others}.items()
    }
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def answer(snapshots):
    return FeedbackLoopDetector().detect_active_loop(snapshots)


def both(snapshots):
    found = FeedbackLoopDetector()
    return found.detect_virtuous_cycle(snapshots), found.detect_vicious_cycle(snapshots)


def test_the_examples_in_the_docstrings_are_true():
    """All of them, as they stand there."""
    assert doctest.testmod(detector).attempted >= 6
    assert doctest.testmod(detector).failed == 0


def without_notes(found):
    """*found*, but for what it says of the snapshots themselves."""
    del found["recommendation"], found["details"]["notes"]
    return found


class TestThreeSnapshots:
    @pytest.mark.parametrize("trusts", [(0.5, 0.6, 0.75), (0.5, 0.6, 0.7)], ids=["accelerating", "linear"])
    def test_rising_trust_with_success_is_virtuous(self, trusts):
        """Suspected, with as much certainty as three snapshots give."""
        snapshots = history(trusts, success=True)
        assert both(snapshots) == (True, False)
        found = answer(snapshots)
        assert found["dominant_loop"] == "R1_trust_building"
        assert found["loop_type"] == "reinforcing_virtuous"
        assert found["trend"] == "amplifying_positive"
        assert found["recommendation"].startswith("Keep going")
        assert found["loop_confirmed"] is False
        assert 0 < found["loop_strength"] < 0.5

    @pytest.mark.parametrize(
        "trusts", [(0.7, 0.5, 0.3), (0.7, 0.6, 0.4), (0.9, 0.6, 0.2)], ids=["linear", "accelerating", "fast"]
    )
    def test_falling_trust_with_failure_is_vicious(self, trusts):
        """And says what to do, but not as if it were sure."""
        snapshots = history(trusts, success=False)
        assert both(snapshots) == (False, True)
        found = answer(snapshots)
        assert found["dominant_loop"] == "R2_trust_erosion"
        assert found["loop_type"] == "reinforcing_vicious"
        assert found["trend"] == "amplifying_negative"
        assert found["recommendation"].startswith("Intervene early")
        assert found["loop_confirmed"] is False

    def test_a_rate_of_success_is_as_good_as_yes_and_no(self):
        """Both rise: virtuous."""
        assert (
            answer(history([0.5, 0.6, 0.7], success_rate=[0.6, 0.7, 0.8]))["dominant_loop"]
            == "R1_trust_building"
        )

    def test_a_rate_of_failure_is_as_good_as_one_of_success(self):
        """Failures count for themselves where they are measured."""
        assert both(history([0.7, 0.5, 0.3], failure_rate=[0.5, 0.7, 0.9])) == (False, True)

    @pytest.mark.parametrize(
        "trusts,success",
        [((0.5, 0.6, 0.7), False), ((0.7, 0.6, 0.5), True), ((0.5, 0.6, 0.7), [True, False, False])],
        ids=["up, failing", "down, succeeding", "up, mostly failing"],
    )
    def test_trust_that_does_not_go_with_success_is_no_loop(self, trusts, success):
        """What moves trust is something else then."""
        assert both(history(trusts, success=success)) == (False, False)
        assert answer(history(trusts, success=success))["loop_type"] == "none"

    @pytest.mark.parametrize("trusts", [(0.5, 0.7, 0.6), (0.5, 0.5, 0.5), (0.5, 0.5, 0.6)])
    def test_so_few_have_to_agree(self, trusts):
        """Two up and one down of three pairs are no direction."""
        assert both(history(trusts, success=True)) == (False, False)

    def test_success_in_three_of_five_is_enough_and_in_two_is_not(self):
        """Most of it has to go well for trust to build on it."""
        trusts = [0.3, 0.4, 0.5, 0.6, 0.7]
        assert both(history(trusts, success=[True, False, True, False, True])) == (True, False)
        assert both(history(trusts, success=[True, False, True, False, False])) == (False, False)

    def test_failure_in_two_of_five_is_enough_and_in_one_is_not(self):
        """Trust erodes sooner than it builds."""
        trusts = [0.7, 0.6, 0.5, 0.4, 0.3]
        assert both(history(trusts, success=[True, False, True, False, True])) == (False, True)
        assert both(history(trusts, success=[True, True, True, False, True])) == (False, False)

    def test_more_snapshots_of_the_same_are_a_stronger_suspicion(self):
        """Up to where there would be enough for a test."""
        strengths = [
            answer(history([0.2 + 0.04 * i for i in range(length)], success=True))["loop_strength"]
            for length in (3, 5, 10, 15)
        ]
        assert strengths == sorted(set(strengths))


@pytest.mark.parametrize("length", [3, 4, 6, 12])
def test_what_slows_down_amplifies_nothing(length):
    """What goes most of the way that is left, at each step, is on its way to a limit; up or down."""
    assert both(history([1 - 0.9 * 0.3**i for i in range(length)], success=True)) == (False, False)
    assert both(history([0.9 * 0.3**i for i in range(length)], success=False)) == (False, False)


class TestUnknown:
    @pytest.mark.parametrize(
        "snapshots", [[], [{"trust": 0.5}], history([0.5, 0.6], success=True), [{}] * 50]
    )
    def test_less_than_three_values_are_insufficient(self, snapshots):
        """Nothing is said of a trend, and there is no loop; what is lacking is said."""
        found = answer(snapshots)
        assert found["dominant_loop"] is None
        assert found["loop_type"] == found["trend"] == "insufficient_data"
        assert found["loop_strength"] == 0.0
        assert found["loop_confirmed"] is False
        assert found["details"] == {"trend": None, "onset": None, "snapshots": len(snapshots), "notes": []}
        assert found["recommendation"]
        assert both(snapshots) == (False, False)

    def test_metrics_that_nobody_looks_for_get_an_advice_of_their_own(self):
        """To go on observing would not help."""
        told = answer([{"latency": i} for i in range(50)])["recommendation"]
        assert "register a loop" in told
        assert told != answer([])["recommendation"]

    def test_what_stands_in_the_way_is_said(self):
        """Numbers that are text, percentages, and successes that are only yes or no."""
        texts = answer([{"trust": f"{at / 10}", "success": True} for at in range(5)])
        assert texts["details"]["notes"] == [
            "trust is text in 5 snapshots, which counts as unknown: pass numbers."
        ]
        assert texts["recommendation"].endswith(texts["details"]["notes"][0])
        percent = answer([{"trust": at, "success_rate": 1.0} for at in (20, 50, 80)])
        assert percent["details"]["notes"] == ["trust goes up to 80: it is taken for a share of 0 to 1."]
        (note,) = answer([{"trust": 0.5, "success": at % 3 > 0} for at in range(40)])["details"]["notes"]
        assert "yes or no" in note

    @pytest.mark.parametrize(
        "unknown",
        [None, math.nan, math.inf, -math.inf, 10**400, 1e200, "no", "0", [], {}, object()],
        ids=lambda value: f"{type(value).__name__} {value!r:.8}",
    )
    def test_unknown_outcomes_are_neither_failure_nor_success(self, unknown):
        """Falling trust alone is no erosion, and rising trust alone no building."""
        for trusts in ((0.7, 0.5, 0.3), (0.3, 0.5, 0.7)):
            snapshots = history(trusts, success=[unknown] * 3)
            assert both(snapshots) == (False, False)
            assert answer(snapshots)["loop_type"] == "none"
            assert without_notes(answer(snapshots)) == without_notes(answer(history(trusts)))

    @pytest.mark.parametrize(
        "unknown", [None, math.nan, 10**400, "high", {}], ids=lambda value: f"{value!r:.8}"
    )
    def test_gaps_are_passed_over(self, unknown):
        """The snapshots that know are judged as if there were no others."""
        trusts = [0.5, unknown, 0.6, unknown, unknown, 0.75]
        assert both(history(trusts, success=True)) == (True, False)
        assert answer(history(trusts, success=True))["details"]["trend"]["values"] == 3

    def test_outcomes_that_are_no_shares_say_nothing_of_how_much_went_well(self):
        """A success rate of 20 could be percent, and is not taken for more than all."""
        assert both(history([0.5, 0.6, 0.7], success_rate=[20, 20, 20])) == (False, False)
        assert both(history([0.7, 0.6, 0.5], success_rate=[20, 20, 20])) == (False, False)
        assert both(history([0.7, 0.6, 0.5], failure_rate=[80, 80, 80])) == (False, False)


class TestNothingThere:
    @pytest.mark.parametrize(
        "snapshots",
        [
            history([0.5] * 50, success=True),
            history([0.5] * 50, success=False),
            history([1.0] * 200, success=True),
            history([0.0] * 200, success=False),
            history([0.5] * 50, success_rate=0.5, error_rate=0.1, guardrail_strength=0.9),
            history([1e150, -1e150] * 30, success_rate=[1e150, -1e150] * 30),
            history([5e-324, 0.0] * 30, success_rate=[0.0, 5e-324] * 30),
        ],
        ids=["successes", "failures", "at the top", "at the bottom", "everything", "enormous", "tiny"],
    )
    def test_what_stays_where_it_is_has_no_loop(self, snapshots):
        """It is none and steady; above all it is not called balancing."""
        found = answer(snapshots)
        assert found["dominant_loop"] is None
        assert found["loop_type"] == "none"
        assert found["trend"] == "steady"
        assert both(snapshots) == (False, False)

    def test_a_trend_is_said_also_where_there_is_no_loop(self):
        """With the metric, its direction, how fast, and how likely that is by chance."""
        found = answer(history([0.1 + 0.01 * i for i in range(60)], success=[i % 2 == 0 for i in range(60)]))
        assert found["loop_type"] == "none"
        assert found["trend"] == "rising"
        assert "look outside" in found["recommendation"]
        trend = found["details"]["trend"]
        assert (trend["metric"], trend["direction"], trend["values"]) == ("trust", "up", 60)
        assert trend["slope_per_snapshot"] == pytest.approx(0.01)
        assert trend["tau"] == 1.0
        assert trend["p_value"] < 0.001

    def test_without_trust_the_trend_is_that_of_success(self):
        """Whatever is known often enough."""
        found = answer([{"success_rate": 0.9 - 0.01 * i} for i in range(30)])
        assert found["trend"] == "falling"
        assert found["details"]["trend"]["metric"] == "success_rate"


class TestTheAnswer:
    @pytest.mark.parametrize(
        "snapshots",
        [
            [],
            history([0.5] * 9),
            history([0.5, 0.6, 0.7], success=True),
            history([0.7, 0.5, 0.3], success=False),
        ],
        ids=["insufficient", "none", "virtuous", "vicious"],
    )
    def test_it_has_the_same_keys_and_is_json_whatever_it_says(self, snapshots):
        """Without NaN or infinity, which are not JSON."""
        found = answer(snapshots)
        assert found.keys() == KEYS
        assert json.loads(json.dumps(found, allow_nan=False)) == found
        assert 0 <= found["loop_strength"] <= 1
        assert found["details"].keys() >= {"trend", "onset", "snapshots"}

    def test_a_loop_is_told_with_what_can_be_done_about_it(self):
        """The most effective place first, and its advice is the recommendation."""
        found = answer(history([0.7, 0.5, 0.3], success=False))
        loop = found["details"]["loop"]
        assert loop["loop_id"] == "R2_trust_erosion"
        assert (loop["loop_type"], loop["polarity"]) == ("reinforcing", "vicious")
        assert [each["rank"] for each in loop["interventions"]] == [5, 6, 12]
        assert loop["interventions"][0]["place"] == "rules"
        assert loop["interventions"][0]["advice"] in found["recommendation"]
        assert found["details"]["measured"] == ["trust", "failure_rate"]

    def test_it_is_a_copy(self):
        """Changing one changes neither the next nor the loops that are looked for."""
        watching = FeedbackLoopDetector()
        for snapshot in history([0.7, 0.5, 0.3], success=False):
            watching.observe(snapshot)
        first = watching.detect_active_loop()
        untouched = copy.deepcopy(first)
        first["details"]["loop"]["components"].clear()
        first["details"]["loop"]["interventions"].clear()
        first.clear()
        assert watching.detect_active_loop() == untouched
        assert watching.detect_active_loop(history([0.7, 0.5, 0.3], success=False)) == untouched

    def test_a_history_is_only_read(self):
        """Neither the list nor its snapshots are changed."""
        snapshots = history([0.5, None, 0.7] * 20, success=True)
        before = copy.deepcopy(snapshots)
        answer(snapshots)
        both(snapshots)
        assert snapshots == before


class TestLoops:
    def test_the_standard_loops_are_there(self):
        """Two that amplify and one that balances."""
        found = {loop.loop_id: loop.loop_type for loop in FeedbackLoopDetector().get_all_loops()}
        assert found == {
            "R1_trust_building": LoopType.REINFORCING,
            "R2_trust_erosion": LoopType.REINFORCING,
            "B1_quality_control": LoopType.BALANCING,
        }

    def test_changing_a_loop_that_was_handed_out_changes_nothing(self):
        """Not even emptying it."""
        watching = FeedbackLoopDetector()
        for loop in watching.get_all_loops():
            loop.components.clear()
            loop.intervention_points.clear()
            loop.loop_id = "mine"
        assert watching.get_all_loops() == FeedbackLoopDetector().get_all_loops()
        assert watching.detect_vicious_cycle(history([0.7, 0.5, 0.3], success=False))

    def test_interventions_come_the_most_effective_first(self):
        """By name, for each of the standard loops."""
        ask = FeedbackLoopDetector().get_intervention_recommendations
        assert ask("R1_trust_building") == ["celebrate_wins", "increase_transparency"]
        assert ask("R2_trust_erosion") == ["break_cycle", "rebuild_confidence", "adjust_scope"]
        assert ask("B1_quality_control") == ["adjust_guardrails", "calibrate_sensitivity"]

    def test_an_unknown_loop_has_no_interventions(self):
        """An empty list, and no error."""
        assert FeedbackLoopDetector().get_intervention_recommendations("R7") == []


class TestErrors:
    @pytest.mark.parametrize("window", [19, 1001, 0, -5, True, 50.0, math.nan, "128", None, 10**30], ids=repr)
    def test_a_window_out_of_bounds_is_refused(self, window):
        """With its bounds, and what to pass."""
        with pytest.raises(UsageError, match=r"from 20 to 1,000, got") as caught:
            FeedbackLoopDetector(window=window)
        assert "128" in caught.value.hint

    @pytest.mark.parametrize("window", [20, 1000])
    def test_the_bounds_of_a_window_are_windows(self, window):
        """As many snapshots of a longer history are looked at."""
        found = FeedbackLoopDetector(window=window).detect_active_loop(history([0.5] * 1100))
        assert found["details"]["snapshots"] == found["details"]["trend"]["values"] == window

    @pytest.mark.parametrize("watch", [None, 5, ["trust"]], ids=repr)
    def test_only_a_name_can_be_watched(self, watch):
        """A metric is a text."""
        with pytest.raises(UsageError, match="the name of a metric"):
            FeedbackLoopDetector(watch=watch)

    @pytest.mark.parametrize(
        "method", ["detect_active_loop", "detect_virtuous_cycle", "detect_vicious_cycle"]
    )
    @pytest.mark.parametrize(
        "wrong",
        [5, "trust", {"trust": 0.5}, [5], [None], (each for each in range(0))],
        ids=lambda each: type(each).__name__,
    )
    def test_what_is_no_history_is_refused_with_an_example(self, method, wrong):
        """By every question that can be asked of one."""
        with pytest.raises(UsageError) as caught:
            getattr(FeedbackLoopDetector(), method)(wrong)
        assert "{" in caught.value.hint

    def test_one_wrong_snapshot_long_ago_is_refused_too(self):
        """Also where no question looks that far back."""
        snapshots = [5, *history([0.5] * 500)]
        with pytest.raises(UsageError):
            both(snapshots)
