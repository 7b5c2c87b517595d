"""Snapshots become columns: what is no number is unknown, and unknown is neither failure nor success."""

from __future__ import annotations

import math
from collections import ChainMap, UserDict, UserList, deque
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType

import numpy as np
import pytest

from quarterdeck.errors import UsageError
from quarterdeck.loops.metrics.columns import (
    LARGEST,
    Columns,
    as_history,
    as_snapshot,
    is_binary,
    known,
    measured,
    number,
)


class TestNumbers:
    @pytest.mark.parametrize(
        "value,expected",
        [
            (0.7, 0.7),
            (3, 3.0),
            (True, 1.0),
            (False, 0.0),
            (-LARGEST, -LARGEST),
            (Fraction(1, 4), 0.25),
            (np.float32(0.5), 0.5),
            (np.int64(7), 7.0),
            (np.bool_(True), 1.0),
            (Decimal("0.7"), 0.7),
        ],
        ids=repr,
    )
    def test_what_is_a_number_is_one(self, value, expected):
        """Yes and no are 1 and 0; the numbers of numpy are numbers as well."""
        assert number(value) == expected
        assert type(number(value)) is float

    @pytest.mark.parametrize(
        "value",
        [
            None,
            math.nan,
            math.inf,
            -math.inf,
            1e300,
            10**400,
            -(10**400),
            Fraction(10**400),
            "0.7",
            "",
            b"1",
            [0.7],
            {},
            1j,
            np.array([0.7, 0.8]),
            np.array("yes"),
            Decimal("NaN"),
        ],
        ids=lambda value: f"{type(value).__name__} {value!r:.12}",
    )
    def test_what_cannot_be_computed_with_is_unknown(self, value):
        """No number, not a number, and what is beyond all bounds; none of them is an error."""
        assert number(value) is None


class TestColumns:
    def test_a_gap_stays_a_gap(self):
        """Nothing is made up for what a snapshot does not know."""
        metrics = Columns([{"trust": 0.5}, {}, {"trust": None}, {"trust": "high"}, {"trust": 1}])
        assert metrics["trust"] == [0.5, None, None, None, 1.0]
        assert known(metrics["trust"]) == [0.5, 1.0]

    def test_a_metric_that_nobody_has_is_unknown_throughout(self):
        """As long as the history all the same."""
        assert Columns([{}, {"trust": 1}])["latency"] == [None, None]
        assert Columns([])["latency"] == []

    def test_success_stands_in_for_the_success_rate_where_that_is_missing(self):
        """Snapshot by snapshot; where both are known, the rate counts."""
        history: list[dict[str, object]] = [
            {"success": True},
            {"success_rate": 0.4, "success": True},
            {"success_rate": None},
        ]
        assert Columns(history)["success_rate"] == [1.0, 0.4, None]
        assert Columns(history)["success"] == [1.0, 1.0, None]
        assert [measured(snapshot, "success_rate") for snapshot in history] == [1.0, 0.4, None]

    @pytest.mark.parametrize("name", ["failure_rate", "error_rate"])
    def test_what_does_not_succeed_fails(self, name):
        """Where failures are not counted themselves, they are what is less than success."""
        assert Columns([{"success": True}, {}, {"success_rate": 0.25}])[name] == [0.0, None, 0.75]

    def test_what_is_measured_itself_is_never_made_of_another(self):
        """Not even in the snapshots that lack it: two ways of measuring do not mix."""
        history: list[dict[str, object]] = [{"failure_rate": 0.9, "success": True}, {"success": True}]
        assert Columns(history)["failure_rate"] == [0.9, None]
        assert measured({"success": True}, "failure_rate") is None

    def test_less_trust_is_more_of_a_guardrail(self):
        """Where guardrails are not measured themselves."""
        assert Columns([{"trust": 0.25}])["guardrail_strength"] == [0.75]

    def test_yes_and_no_are_told_from_shares(self):
        """Gaps aside, only zeros and ones are yes and no."""
        assert is_binary([1.0, None, 0.0])
        assert not is_binary([1.0, 0.5])
        assert not is_binary([2.0])


class TestWhatIsAccepted:
    @pytest.mark.parametrize(
        "snapshot",
        [{"a": 1}, MappingProxyType({"a": 1}), ChainMap({"a": 1}), UserDict(a=1)],
        ids=lambda each: type(each).__name__,
    )
    def test_any_mapping_is_a_snapshot(self, snapshot):
        """Not only dicts."""
        assert as_snapshot(snapshot) is snapshot

    @pytest.mark.parametrize("kind", [list, tuple, deque, UserList])
    def test_any_sequence_is_a_history(self, kind):
        """Also one that cannot be sliced."""
        snapshots = [{"trust": 0.1}, {"trust": 0.2}]
        assert as_history(kind(snapshots)) == snapshots

    @pytest.mark.parametrize(
        "wrong", [None, 5, "trust", [], [("trust", 1)], {"trust"}, np.array([1.0])], ids=repr
    )
    def test_a_snapshot_that_is_no_mapping_is_refused_with_an_example(self, wrong):
        """Empty lists and lists of pairs would pass for mappings if nobody looked."""
        with pytest.raises(UsageError, match=type(wrong).__name__) as caught:
            as_snapshot(wrong)
        assert '{"trust": 0.7' in caught.value.hint

    @pytest.mark.parametrize(
        "wrong",
        [
            5,
            {},
            {"trust": 0.5},
            {1},
            iter([{"trust": 0.5}]),
            (each for each in range(0)),
            np.array([1.0]),
            object(),
            "trust",
            b"",
        ],
        ids=lambda each: type(each).__name__,
    )
    def test_a_history_that_is_no_sequence_is_refused_with_an_example(self, wrong):
        """One snapshot is no history, and what can be read only once is none either."""
        with pytest.raises(UsageError, match=type(wrong).__name__) as caught:
            as_history(wrong)
        assert '[{"trust": 0.5' in caught.value.hint

    @pytest.mark.parametrize("wrong", [[{}, 5], [[{}]], range(3)], ids=repr)
    def test_one_wrong_snapshot_is_enough(self, wrong):
        """All have to be mappings."""
        with pytest.raises(UsageError, match="a snapshot is a mapping"):
            as_history(wrong)
