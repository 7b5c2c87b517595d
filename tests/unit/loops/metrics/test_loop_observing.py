"""Observing one by one: alarms as they come, the same answers, and no more memory than the window."""

from __future__ import annotations

import gc
import json
import math
import random
import tracemalloc
import weakref
from collections import ChainMap, UserDict

import pytest

from quarterdeck.errors import UsageError
from quarterdeck.loops import FeedbackLoopDetector
from quarterdeck.loops.metrics import answer as answer_module


def noisy(length, *, level=0.6, seed="noisy", **others):
    dice = random.Random(seed)
    return [{"trust": level + dice.gauss(0, 0.03), **others} for _ in range(length)]


def observed(snapshots, **given):
    detector = FeedbackLoopDetector(**given)
    alarms = [alarm for alarm in map(detector.observe, snapshots) if alarm]
    return detector, alarms


def cycles(detector, *history):
    return detector.detect_virtuous_cycle(*history), detector.detect_vicious_cycle(*history)


@pytest.fixture
def answered(monkeypatch):
    """How many snapshots each answer that is made looks at, in their order."""
    lengths: list[int] = []

    def answer(recent, *others):
        lengths.append(len(recent))
        return answer_module.answer(recent, *others)

    monkeypatch.setattr("quarterdeck.loops.metrics.detector.answer", answer)
    return lengths


class TestAlarms:
    def test_stable_snapshots_raise_none(self):
        """Nothing has happened."""
        _, alarms = observed(noisy(300))
        assert alarms == []

    def test_a_metric_that_leaves_its_level_raises_one_soon(self):
        """With its direction, since when and by how much."""
        snapshots = [*noisy(100), *noisy(60, level=0.4, seed="after")]
        detector, (alarm,) = observed(snapshots)
        assert alarm.direction == "down"
        assert 100 <= alarm.position < 115
        assert abs(alarm.since - 100) <= 3
        assert alarm.size == pytest.approx(-0.2, abs=0.05)
        onset = detector.detect_active_loop()["details"]["onset"]
        assert onset == {"metric": "trust", **alarm._asdict()}
        assert json.loads(json.dumps(onset)) == onset

    @pytest.mark.parametrize(
        "watch,before,after",
        [
            ("latency", {"latency": 0.2}, {"latency": 0.9}),
            ("latency", {"latency": 20}, {"latency": 90}),
            ("success_rate", {"success": True}, {"success": False}),
            ("success_rate", {"success_rate": 0.9}, {"success_rate": 0.1, "success": True}),
            ("success", {"success": True}, {"success": False}),
        ],
        ids=["share", "whole number", "yes or no for a rate", "rate", "yes or no"],
    )
    def test_any_metric_can_be_watched(self, watch, before, after):
        """Under either of its names; and the answer about a history says the same."""
        snapshots = [*[before] * 60, *[after] * 20]
        detector, (alarm,) = observed(snapshots, watch=watch)
        assert (alarm.since, alarm.position) == (60, 63)
        onset = FeedbackLoopDetector(watch=watch).detect_active_loop(snapshots)["details"]["onset"]
        assert (
            onset == detector.detect_active_loop()["details"]["onset"] == {"metric": watch, **alarm._asdict()}
        )

    @pytest.mark.parametrize("watch", ["failure_rate", "guardrail_strength"])
    def test_what_is_only_concluded_from_another_metric_is_not_watched(self, watch):
        """It is what it would be made of that can be watched."""
        snapshots = [*[{"success": True, "trust": 0.9}] * 60, *[{"success": False, "trust": 0.1}] * 20]
        detector, alarms = observed(snapshots, watch=watch)
        assert alarms == []
        assert detector.detect_active_loop()["details"]["onset"] is None
        assert detector.detect_active_loop(snapshots)["details"]["onset"] is None

    @pytest.mark.parametrize(
        "unknown",
        [{}, {"trust": None}, {"trust": math.nan}, {"trust": math.inf}, {"trust": 10**400}, {"trust": "0"}],
        ids=lambda each: f"{each!r:.20}",
    )
    def test_unknown_values_neither_raise_nor_hide_an_alarm(self, unknown):
        """They teach nothing, and positions count them all the same: they are those of the snapshots."""
        snapshots = [*[{"trust": 0.8}] * 50, *[{"trust": 0.2}] * 20]
        _, (alarm,) = observed([each for snapshot in snapshots for each in (unknown, snapshot)])
        (known,) = observed(snapshots)[1]
        assert alarm == known._replace(position=2 * known.position + 1, since=2 * known.since + 1)

    def test_the_last_of_several_is_in_the_answer(self):
        """There and back."""
        detector, alarms = observed([{"trust": level} for level in (0.8, 0.2, 0.8) for _ in range(60)])
        assert [alarm.direction for alarm in alarms] == ["down", "up"]
        assert detector.detect_active_loop()["details"]["onset"]["direction"] == "up"


class TestTheSameAnswers:
    def test_before_anything_is_observed_there_is_too_little(self):
        """As of an empty history."""
        detector = FeedbackLoopDetector()
        assert detector.detect_active_loop() == detector.detect_active_loop([])
        assert detector.detect_active_loop()["loop_type"] == "insufficient_data"
        assert cycles(detector) == (False, False)

    @pytest.mark.parametrize("rate", [-0.004, 0.0, 0.004], ids=["falling", "steady", "rising"])
    def test_they_are_the_same_at_every_snapshot(self, rate):
        """Also after the window is full, and with gaps."""
        dice = random.Random("same")
        snapshots = [
            {
                "trust": 0.5 + rate * at + dice.gauss(0, 0.02) if dice.random() < 0.9 else None,
                "success": dice.random() < 0.5 + 40 * rate,
            }
            for at in range(60)
        ]
        detector, fresh = FeedbackLoopDetector(window=20), FeedbackLoopDetector(window=20)
        for end, snapshot in enumerate(snapshots, 1):
            detector.observe(snapshot)
            assert detector.detect_active_loop() == fresh.detect_active_loop(snapshots[:end])
            assert cycles(detector) == cycles(fresh, snapshots[:end])

    def test_asking_about_a_history_leaves_what_was_observed_alone(self):
        """And the other way round."""
        detector, _ = observed(noisy(50))
        before = detector.detect_active_loop()
        detector.detect_active_loop([{"trust": i, "success": True} for i in range(9)])
        detector.detect_vicious_cycle([{"trust": -i, "success": False} for i in range(9)])
        assert detector.detect_active_loop() == before

    def test_a_reset_forgets_what_was_observed(self):
        """Snapshots, level and the last alarm; what is watched and the window stay."""
        detector, alarms = observed([{"load": at > 60} for at in range(100)], watch="load", window=30)
        assert alarms
        detector.reset()
        assert detector.detect_active_loop() == FeedbackLoopDetector(watch="load").detect_active_loop([])
        again = [detector.observe({"load": at > 60}) for at in range(100)]
        assert [alarm for alarm in again if alarm] == alarms
        assert detector.detect_active_loop()["details"]["snapshots"] == 30


class TestWhatIsKept:
    def test_changing_a_snapshot_afterwards_changes_nothing(self):
        """The one dict that a caller fills again and again is a new snapshot each time."""
        detector = FeedbackLoopDetector()
        reused: dict[str, object] = {}
        for trust in (0.5, 0.6, 0.7):
            reused.update(trust=trust, success=True)
            detector.observe(reused)
        reused.clear()
        assert cycles(detector) == (True, False)
        assert detector.detect_active_loop()["details"]["trend"]["slope_per_snapshot"] == pytest.approx(0.1)

    def test_a_snapshot_is_not_kept_alive(self):
        """Only what is in it is."""

        class Snapshot(dict[str, object]):
            """A dict that can be referred to weakly."""

        detector, snapshot = FeedbackLoopDetector(), Snapshot(trust=0.5)
        gone = weakref.ref(snapshot)
        detector.observe(snapshot)
        assert snapshot == {"trust": 0.5}
        del snapshot
        gc.collect()
        assert gone() is None

    def test_memory_does_not_grow_without_end(self):
        """A hundred thousand snapshots take no more than a few thousand did."""
        detector = FeedbackLoopDetector()

        def observe(times):
            for at in range(times):
                detector.observe({"trust": at % 7 / 7, "success": at % 3 > 0, "note": f"step {at}"})
            gc.collect()
            return tracemalloc.get_traced_memory()[0]

        tracemalloc.start()
        try:
            before = observe(2_000)
            after = observe(100_000)
        finally:
            tracemalloc.stop()
        assert after - before < 20_000
        assert detector.detect_active_loop()["details"]["snapshots"] == 128

    def test_an_answer_is_made_once_for_what_has_been_observed(self, answered):
        """Asking again costs nothing; one more snapshot, and it is made anew."""
        detector, _ = observed(noisy(30))
        assert detector.detect_active_loop() == detector.detect_active_loop()
        assert answered == [30]
        detector.observe({})
        detector.detect_active_loop()
        assert answered == [30, 31]

    def test_an_answer_looks_at_no_more_than_the_window(self, answered):
        """However long the session has been, or the history is."""
        detector, _ = observed(noisy(500), window=40)
        detector.detect_active_loop()
        detector.detect_active_loop(noisy(5000))
        assert answered == [40, 40]


class TestWhatIsAccepted:
    @pytest.mark.parametrize("kind", [dict, UserDict, ChainMap])
    def test_any_mapping_is_a_snapshot(self, kind):
        """And is copied as one."""
        detector, _ = observed([kind({"trust": trust, "success": True}) for trust in (0.5, 0.6, 0.7)])
        assert cycles(detector) == (True, False)

    @pytest.mark.parametrize("wrong", [None, 5, "", "trust", [], [("trust", 1)], {"trust"}], ids=repr)
    def test_what_is_no_mapping_is_refused_and_not_remembered(self, wrong):
        """Also what dict() would make an empty or a plausible snapshot of."""
        detector = FeedbackLoopDetector()
        with pytest.raises(UsageError, match="a snapshot is a mapping") as caught:
            detector.observe(wrong)
        assert "pass snapshots such as" in caught.value.hint
        assert detector.detect_active_loop()["details"]["snapshots"] == 0
