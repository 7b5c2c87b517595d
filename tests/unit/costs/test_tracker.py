"""The published API: what it takes, what it gives back, and what it writes down."""

from __future__ import annotations

import itertools
import json
import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import quarterdeck.costs.tracker
from quarterdeck.costs.ledger.ledger import Ledger
from quarterdeck.costs.model import Request, Usage
from quarterdeck.costs.pricing import Bracket, RateCard
from quarterdeck.costs.tracker import CostTracker, get_tracker, log_request
from quarterdeck.errors import UsageError

HAIKU = "claude-haiku-4-5"
PUBLISHED = {
    "timestamp": str,
    "model": str,
    "tier": str,
    "task_type": str,
    "input_tokens": int,
    "output_tokens": int,
    "actual_cost": float,
    "baseline_cost": float,
    "savings": float,
}
SUMS = {
    "requests": int,
    "unpriced_requests": int,
    "input_tokens": int,
    "output_tokens": int,
    "cache_read_input_tokens": int,
    "cache_write_input_tokens": int,
    "cache_write_1h_input_tokens": int,
    "reasoning_output_tokens": int,
    "input_audio_tokens": int,
    "output_audio_tokens": int,
    "cache_read_audio_tokens": int,
    "input_image_tokens": int,
    "output_image_tokens": int,
    "web_searches": int,
    "actual_cost": float,
    "baseline_cost": float,
    "savings": float,
}
TROUBLE = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from('"\\\n\r\t\0\x7f\u0085\u2028{}%,:\ud800\udfff0'),
    ),
    max_size=12,
)
LABEL = TROUBLE | st.sampled_from(
    ['"input_tokens":0', ',"output_tokens":0', '","input_tokens":0,"output_tokens":0', "{0}", "0", ""]
)


def types(found):
    return {name: type(value) for name, value in found.items()}


def lines(folder):
    """What stands in the journal, in its order."""
    files = sorted(path for path in Path(folder, "journal").iterdir() if path.is_file())
    return b"".join(path.read_bytes() for path in files).splitlines(keepends=True)


class Clock:
    """The tracker's and the prices' clock."""

    def __init__(self, at_s: float) -> None:
        self.at_s = at_s

    def __call__(self) -> float:
        return self.at_s


@pytest.fixture
def clock(monkeypatch):
    clock = Clock(datetime(2026, 6, 1, 12, tzinfo=UTC).timestamp())
    monkeypatch.setattr(quarterdeck.costs.tracker, "_now_s", clock)
    return clock


@pytest.fixture
def tracker(tmp_path):
    tracker = CostTracker(tmp_path / "ledger")
    yield tracker
    tracker.close()


class TestPublishedShape:
    def test_a_logged_request_is_answered_with_the_published_keys(self, tracker):
        """The first of its labels, the second and every later one alike."""
        for _ in range(3):
            assert types(tracker.log_request(HAIKU, 1000, 500, "summarize")) == PUBLISHED

    def test_the_cost_is_that_of_the_published_price(self, tracker):
        """A dollar a million in, five out; the baseline five and twenty-five."""
        for _ in range(2):
            found = tracker.log_request(HAIKU, 1000, 500)
            assert (found["actual_cost"], found["baseline_cost"], found["savings"]) == (0.0035, 0.0175, 0.014)
            assert (found["tier"], found["task_type"]) == ("cheap", "unknown")

    def test_a_summary_has_the_published_keys(self, tracker):
        """Also where nothing has been recorded."""
        wanted = {
            "days": int,
            **SUMS,
            "savings_percent": float,
            "by_tier": dict,
            "by_task": dict,
            "by_model": dict,
        }
        assert types(tracker.get_summary()) == wanted
        tracker.log_request(HAIKU, 1000, 500, "summarize")
        found = tracker.get_summary(days=7, include_breakdown=True)
        assert types(found) == wanted
        assert found["by_tier"] == {"cheap": 1, "capable": 0, "premium": 0}
        assert (found["by_task"], found["by_model"]) == ({"summarize": 1}, {HAIKU: 1})
        assert (found["actual_cost"], found["baseline_cost"]) == (0.0035, 0.0175)
        assert (found["savings"], found["savings_percent"]) == (0.014, 80.0)

    def test_a_summary_without_breakdown_leaves_it_empty(self, tracker):
        """The keys are there all the same."""
        tracker.log_request(HAIKU, 1, 1, "x")
        found = tracker.get_summary(include_breakdown=False)
        assert (found["by_task"], found["by_model"]) == ({}, {})

    def test_today_has_the_sums_alone(self, tracker):
        """No days, no breakdown."""
        tracker.log_request(HAIKU, 1, 1)
        tracker.log_request(HAIKU, 1, 1, at=datetime.now(UTC) - timedelta(days=3))
        assert types(tracker.get_today()) == SUMS
        assert tracker.get_today()["requests"] == 1
        assert tracker.get_summary(7)["requests"] == 2

    @pytest.mark.parametrize("days", [0, -1, 1.0, True, "7", 10**9, None])
    def test_days_that_cannot_be_meant_are_refused(self, tracker, days):
        """With the field's name."""
        for ask in (tracker.get_summary, tracker.get_report):
            with pytest.raises(UsageError, match="days must be"):
                ask(days)

    def test_a_report_names_models_tasks_and_what_has_no_price(self, tracker):
        """Plain text for people."""
        tracker.log_request(HAIKU, 1_000_000, 0, "summarize")
        tracker.log_request("no-such-model", 5, 5)
        report = tracker.get_report(7)
        assert type(report) is str
        for part in ("last 7 days", HAIKU, "summarize", "$1.00", "no-such-model", "1 request", "1,000,005"):
            assert part in report

    @pytest.mark.parametrize("size", [0, -1, 1.5, True, "50", None])
    def test_a_batch_size_that_cannot_be_meant_is_refused(self, tmp_path, size):
        """It is accepted as published, and has no effect."""
        with pytest.raises(UsageError, match="batch_size"):
            CostTracker(tmp_path, batch_size=size)
        CostTracker(tmp_path, batch_size=1).flush()

    def test_the_module_shares_one_tracker_for_each_folder(self, tmp_path, monkeypatch):
        """However the folder is spelled."""
        monkeypatch.setattr(quarterdeck.costs.tracker, "_trackers", {})
        assert get_tracker() is get_tracker()
        assert get_tracker(tmp_path) is get_tracker(f"{tmp_path}/") is not get_tracker()
        assert types(log_request(HAIKU, 1, 2, "t", "mine", session="s")) == PUBLISHED
        assert get_tracker().get_summary()["by_tier"] == {"cheap": 0, "capable": 0, "premium": 0, "mine": 1}
        get_tracker().close()

    def test_the_numbers_of_a_summary_are_of_one_moment(self, tracker, monkeypatch):
        """Though others record between any two questions to the ledger."""
        totals = Ledger.totals

        def racing(ledger, *arguments, **named):
            found = totals(ledger, *arguments, **named)
            ledger.record(Request("no-such-model", Usage(5, 5)))
            ledger.record(Request(HAIKU, Usage(1000, 500)))
            return found

        monkeypatch.setattr(Ledger, "totals", racing)
        tracker.get_summary()
        found = tracker.get_summary()
        assert (found["requests"], found["unpriced_requests"]) == (2, 1)
        assert sum(found["by_model"].values()) == sum(found["by_task"].values()) == 2
        assert sum(found["by_tier"].values()) == 2
        assert (found["actual_cost"], found["baseline_cost"], found["savings"]) == (0.0035, 0.0175, 0.014)


class TestUnpriced:
    def test_a_model_without_a_price_costs_nothing_and_is_counted_apart(self, tracker):
        """Never a guess: its cost is not known."""
        for _ in range(2):
            found = tracker.log_request("no-such-model", 10, 5)
            assert (found["actual_cost"], found["savings"], found["tier"]) == (None, None, "")
        tracker.log_request(HAIKU, 1000, 500)
        summary = tracker.get_summary()
        assert (summary["requests"], summary["unpriced_requests"]) == (3, 2)
        assert (summary["actual_cost"], summary["baseline_cost"]) == (0.0035, 0.0175)
        assert summary["input_tokens"] == 1020
        assert b"cost_picousd" not in lines(tracker.ledger.folder)[0]

    @pytest.mark.parametrize("name", ["cheap", "capable", "premium"])
    def test_the_settings_models_can_be_logged_by_tier(self, tracker, name):
        """The specification's tiers are names of models, too."""
        assert tracker.log_request(name, 1000, 500)["actual_cost"] > 0


class TestRefusal:
    @pytest.mark.parametrize("bad", [-1, 1.0, float("nan"), True, "5", None, 10**9 + 1, 1 << 70, [1]])
    @pytest.mark.parametrize("warm", [False, True])
    @pytest.mark.parametrize("field", ["input_tokens", "output_tokens"])
    def test_tokens_that_cannot_be_meant_are_named_and_nothing_is_written(self, tracker, field, bad, warm):
        """Whether or not their labels are known by then."""
        if warm:
            tracker.log_request(HAIKU, 1, 1)
        with pytest.raises(UsageError, match=f"^{field} must be a whole number"):
            tracker.log_request(HAIKU, **{"input_tokens": 1, "output_tokens": 1, field: bad})
        assert tracker.get_summary()["requests"] == warm

    @pytest.mark.parametrize("bad", [5, None, b"x", ["x"], "x" * 4097, 0, False])
    @pytest.mark.parametrize(
        "field", ["model", "task_type", "provider", "session", "project", "user", "tier"]
    )
    def test_labels_that_cannot_be_meant_are_named_and_nothing_is_written(self, tracker, field, bad):
        """Also those that Python takes for nothing."""
        if field == "tier" and bad is None:
            return
        with pytest.raises(UsageError, match=f"^{field} must be a string"):
            tracker.log_request(**{"model": HAIKU, "input_tokens": 1, "output_tokens": 1, field: bad})
        assert not os.path.exists(tracker.ledger.folder)

    @pytest.mark.parametrize(
        "details,said",
        [
            ({"cache_read_input_tokens": 2}, "cache_read_input_tokens"),
            ({"reasoning_output_tokens": -1}, "reasoning_output_tokens must be"),
            ({"response_id": 7}, "response_id must be"),
            ({"tags": {"a": 1}}, "tags must be"),
            ({"tags": ["a"]}, "tags must be"),
            ({"tags": {str(number): "" for number in range(33)}}, "tags must be"),
            ({"cost_picousd": 0.5}, "cost_picousd must be"),
            ({"cost_picousd": -1}, "cost_picousd must be"),
            ({"at": "2026-01-01"}, "at must be"),
            ({"at": datetime(2026, 1, 1)}, "at must be"),  # noqa: DTZ001 - naive: the test
            ({"at": datetime(1970, 1, 1, tzinfo=UTC)}, "at is"),
            ({"at": datetime.min.replace(tzinfo=UTC)}, "at is"),
            ({"requests": 2}, "no parameter 'requests'"),
            ({"replaces": "x@1"}, "no parameter 'replaces'"),
            ({"usage": 1}, "no parameter 'usage'"),
            ({"nonsense": 1}, "no parameter 'nonsense'"),
        ],
    )
    def test_details_that_cannot_be_meant_are_named_and_nothing_is_written(self, tracker, details, said):
        """One error for all of them, never a traceback of ours."""
        with pytest.raises(UsageError, match=said):
            tracker.log_request(HAIKU, 1, 1, **details)
        assert not os.path.exists(tracker.ledger.folder)

    def test_an_empty_model_is_refused(self, tracker):
        """There is no such model."""
        with pytest.raises(UsageError, match="model is empty"):
            tracker.log_request("", 1, 1)


class TestHotPath:
    @settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    @given(
        labels=st.fixed_dictionaries(
            {"task_type": LABEL},
            optional={
                "tier": st.none() | LABEL,
                "provider": st.sampled_from(["", "anthropic", "google"]) | LABEL,
                "session": LABEL,
                "project": LABEL,
                "user": LABEL,
            },
        ),
        tokens=st.tuples(st.sampled_from([0, 1, 200_000, 200_001, 10**9]), st.sampled_from([0, 7, 10**9])),
        model=st.sampled_from([HAIKU, "gemini-2.5-pro", "gpt-4o"]),
    )
    def test_the_short_way_writes_and_answers_what_the_long_way_does(
        self, tmp_path_factory, clock, model, tokens, labels
    ):
        """Byte for byte, whatever stands in the labels."""
        folder = tmp_path_factory.mktemp("ledger")
        tracker = CostTracker(folder)
        tracker.log_request(model, 1, 1, **labels)
        answers = [tracker.log_request(model, *tokens, **labels) for _ in range(2)]
        long = tracker.log_request(model, *tokens, **labels, tags={})
        tracker.close()
        assert answers == [long, long]
        _, second, third, last = lines(folder)
        assert second == third == last
        assert json.loads(last)["input_tokens"] == tokens[0]

    def test_known_labels_do_not_meet_the_ledger(self, tracker, clock, monkeypatch):
        """Else the comparison above would compare the long way with itself."""
        tracker.log_request(HAIKU, 1, 1, "t")
        monkeypatch.setattr(Ledger, "record", None)
        assert tracker.log_request(HAIKU, 2, 3, "t")["input_tokens"] == 2
        with pytest.raises(TypeError):
            tracker.log_request(HAIKU, 2, 3, "other")

    def test_no_tier_and_an_empty_tier_are_the_same(self, tracker, clock):
        """By the model's price."""
        assert [tracker.log_request(HAIKU, 1, 1, "t", tier)["tier"] for tier in (None, "", None, "")] == [
            "cheap"
        ] * 4
        assert len(set(lines(tracker.ledger.folder))) == 1

    def test_labels_that_are_alike_in_parts_are_kept_apart(self, tracker, clock):
        """Each combination is remembered for itself."""
        names = ("task_type", "provider", "session", "project", "user")
        for chosen in itertools.product(["", "anthropic"], repeat=len(names)):
            for _ in range(2):
                tracker.log_request(HAIKU, 1, 1, **dict(zip(names, chosen, strict=True)))
        written = lines(tracker.ledger.folder)
        assert written[::2] == written[1::2]
        assert len(set(written)) == 16  # half: the provider is the model's own where it is empty

    def test_more_labels_than_are_remembered_are_priced_all_the_same(self, tracker, clock, monkeypatch):
        """They start over at the next second."""
        monkeypatch.setattr(quarterdeck.costs.tracker, "REMEMBERED_LABELS", 3)
        for number in range(10):
            clock.at_s += 1
            tracker.log_request(HAIKU, 1, 1, session=str(number))
        assert len(tracker._moment.known) <= 3
        assert tracker.get_summary(36_500)["requests"] == 10


class TestTime:
    def test_the_timestamp_is_utc_to_the_millisecond(self, tracker, clock):
        """Within a second, at its very end, and in the next."""
        found = []
        for at_s in (0, 0.0625, 0.9990234375, 0.99999, 1, 61.5):
            clock.at_s = datetime(2026, 6, 1, 23, 59, 58, tzinfo=UTC).timestamp() + at_s
            found += [tracker.log_request(HAIKU, 1, 1)["timestamp"] for _ in range(2)]
        assert found[::2] == found[1::2]
        assert [stamp[11:] for stamp in found[::2]] == [
            "23:59:58.000+00:00", "23:59:58.062+00:00", "23:59:58.999+00:00", "23:59:58.999+00:00",
            "23:59:59.000+00:00", "00:00:59.500+00:00",
        ]  # fmt: skip
        assert found[-1].startswith("2026-06-02T")

    @pytest.mark.parametrize("back_s", [0.25, 0.75, 1.5, 3600])
    def test_a_clock_that_is_set_back_is_followed(self, tracker, clock, back_s):
        """No second of before is used for what comes after."""
        tracker.log_request(HAIKU, 1, 1)
        clock.at_s += 0.5
        tracker.log_request(HAIKU, 1, 1)
        clock.at_s -= back_s
        stamp = tracker.log_request(HAIKU, 1, 1)["timestamp"]
        assert datetime.fromisoformat(stamp).timestamp() == clock.at_s

    @pytest.mark.parametrize("step_s", [2.0, 0.5])
    def test_a_new_price_holds_from_its_first_moment(self, tracker, clock, monkeypatch, step_s):
        """Though the labels were known before; and the old one again if the clock goes back."""
        change_s = clock.at_s + 1
        old, new = (
            RateCard(name, "p", "m", (Bracket(0, (rate, rate, *[0] * 10)),))
            for name, rate in (("old", 1), ("new", 1000))
        )

        def card_until(model, *, provider="", service_tier="", at_s):
            return (old, change_s) if at_s < change_s else (new, float("inf"))

        monkeypatch.setattr(tracker.ledger.prices, "card_until", card_until)
        times = [clock.at_s, clock.at_s + 0.999, change_s, change_s + step_s, change_s - 0.5]
        for at_s in times:
            clock.at_s = at_s
            for task_type in (
                "first",
                "second",
            ):  # the first brings the second of the clock, the other is known
                tracker.log_request("m", 1, 0, task_type)
        records = [json.loads(line) for line in lines(tracker.ledger.folder)]
        assert [record["card"] for record in records] == ["old"] * 4 + ["new"] * 4 + ["old"] * 2
        assert [record["cost_picousd"] for record in records] == [1] * 4 + [1000] * 4 + [1] * 2


class TestSharing:
    def test_threads_lose_nothing(self, tracker):
        """Eight of them, with labels of their own and in common."""

        def work(number):
            for count in range(1000):
                tracker.log_request(HAIKU, count, number, session=f"s{count % 3}", user=f"u{number}")

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        summary = tracker.get_summary()
        assert summary["requests"] == 8000
        assert summary["input_tokens"] == 8 * sum(range(1000))
        assert summary["output_tokens"] == 1000 * sum(range(8))

    def test_a_forked_child_records_and_asks_beside_its_parent(self, tracker):
        """After both ways of logging and a question, each with files of its own."""
        for _ in range(3):
            tracker.log_request(HAIKU, 1, 0)
        assert tracker.get_summary()["requests"] == 3
        child = os.fork()
        if not child:
            tracker.log_request(HAIKU, 10, 0)
            tracker.log_request(HAIKU, 10, 0, "other")
            os._exit(0 if tracker.get_summary()["requests"] >= 5 else 1)
        tracker.log_request(HAIKU, 100, 0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        summary = tracker.get_summary()
        assert (summary["requests"], summary["input_tokens"]) == (6, 123)

    def test_a_closed_tracker_opens_again(self, tracker):
        """By logging as by asking."""
        tracker.log_request(HAIKU, 1, 1)
        tracker.close()
        tracker.log_request(HAIKU, 1, 1)
        tracker.close()
        assert tracker.get_summary()["requests"] == 2


def test_what_only_some_requests_have_is_kept(tracker):
    """Token classes, tags, response ids: as the line says."""
    at = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)
    tracker.log_request(
        HAIKU, 100, 50, at=at, service_tier="batch", source="me", response_id="r", tags={"team": "x"},
        cache_read_input_tokens=40, cache_write_input_tokens=20, cache_write_1h_input_tokens=20,
        reasoning_output_tokens=10,
    )  # fmt: skip
    (line,) = map(json.loads, lines(tracker.ledger.folder))
    assert {name: line[name] for name in line if name not in {"card", "cost_picousd"}} == {
        "v": 1, "at": "2026-01-02T03:04:05.678+00:00", "model": HAIKU, "provider": "anthropic",
        "tier": "cheap", "service_tier": "batch", "source": "me", "response_id": "r", "tags": {"team": "x"},
        "input_tokens": 100, "output_tokens": 50, "cache_read_input_tokens": 40,
        "cache_write_input_tokens": 20, "cache_write_1h_input_tokens": 20, "reasoning_output_tokens": 10,
    }  # fmt: skip
    assert line["cost_picousd"] > 0
