"""Sums by any label, of hostile labels too."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from quarterdeck.costs.ledger.calendar import Choices
from quarterdeck.costs.ledger.ledger import Ledger
from quarterdeck.costs.ledger.totals import label_name
from quarterdeck.costs.model import MAX_COST_PICOUSD, Request, Usage
from quarterdeck.errors import UsageError

NAMES = (
    "day", "month", "provider", "model", "task_type", "tier", "service_tier", "project", "source", "bracket",
    "priced",
)  # fmt: skip
HOSTILE = [
    "'; DROP TABLE cells; --",
    '"',
    "a\0b",
    "\\",
    "%",
    "{keys}",
    "ü\u2028",
    "?",
    "' OR 1=1 --",
    '$."x"',
    " ",
]
ODD_TAGS = ("a.b", "user", "x[0]", "$", "{where}", "ü %s ?", "--", "#-1")


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger(str(tmp_path / "ledger"))
    ledger.choose(Choices("UTC", ODD_TAGS))
    yield ledger
    ledger.close()


def request(**fields):
    usage = fields.pop("usage", Usage(10, 1))
    at = fields.pop("at", datetime(2026, 5, 6, 7, tzinfo=UTC))
    return Request(fields.pop("model", "no-such-model"), usage, at=at, **fields)


@pytest.mark.parametrize("name", NAMES)
def test_the_sums_by_every_name_add_up_to_the_whole(ledger, name):
    """In the order of their keys."""
    for number in range(6):
        ledger.record(
            request(
                model=["a-model", "claude-haiku-4-5"][number % 2],
                usage=Usage(199_999 + number, 1),
                at=datetime(2026, 4 + number % 2, 6, 7, tzinfo=UTC),
                task_type=f"t{number % 3}",
                tier=f"r{number % 2}",
                provider="anthropic" if number % 2 else "",
                service_tier=["", "batch"][number % 2],
                project=f"p{number % 2}",
                source=f"s{number % 2}",
            )
        )
    (whole,) = ledger.totals()
    parts = ledger.totals(by=[name])
    assert len(parts) >= 2
    assert [part.key for part in parts] == sorted(part.key for part in parts)
    assert sum(part.requests for part in parts) == whole.requests == 6
    assert sum(part.unpriced_requests for part in parts) == whole.unpriced_requests == 3
    assert sum(part.cost_picousd for part in parts) == whole.cost_picousd > 0
    assert sum(part.usage.input_tokens for part in parts) == whole.usage.input_tokens
    for part in parts:
        (alone,) = ledger.totals(where={name: str(part.key[0])})
        assert alone._replace(key=part.key) == part


@pytest.mark.parametrize("name", ["task_type", "tier", "project", "source", "model"])
def test_hostile_labels_are_kept_and_found_as_they_are(ledger, name):
    """They are values, never SQL."""
    for value in HOSTILE:
        ledger.record(request(**{name: value}))
    assert sorted(total.key[0] for total in ledger.totals(by=[name])) == sorted(HOSTILE)
    for value in HOSTILE:
        assert ledger.totals(where={name: value})[0].requests == 1
    assert ledger.totals(where={name: "nobody"})[0].requests == 0


@pytest.mark.parametrize("tag", [tag for tag in ODD_TAGS if tag != "user"])
def test_a_tag_with_an_odd_name_has_sums(ledger, tag):
    """Whatever its values."""
    for value in [*HOSTILE, ""]:
        ledger.record(request(tags={tag: value, "other": "x"}))
    found = {total.key[0]: total.requests for total in ledger.totals(by=[f"tag:{tag}"])}
    kept = [value.replace("\0", "\ufffd") for value in HOSTILE]
    assert found == dict.fromkeys([*kept, ""], 1)
    for value in kept:
        assert ledger.totals(where={f"tag:{tag}": value})[0].requests == 1


def test_the_user_counts_as_a_tag(ledger):
    """The label, unless a tag of that name says otherwise."""
    ledger.record_many([request(user="ann"), request(user="ben", tags={"user": "cyd"}), request()])
    for name in ("user", "tag:user"):
        assert [total.key[0] for total in ledger.totals(by=[name])] == ["", "ann", "cyd"]


@pytest.mark.parametrize(
    "name", ["session", "tags", "tag:", "tag:other", "", "cost_pico", "day; --", "id", "label", "response_id"]
)
def test_a_name_that_has_no_sums_is_refused(ledger, name):
    """And the names there are stand in the hint."""
    for ask in ({"by": [name]}, {"where": {name: "x"}}):
        with pytest.raises(UsageError, match="there are no sums by") as raised:
            ledger.totals(**ask)
        assert "tag:a.b" in raised.value.hint


def test_days_are_counted_from_the_first_to_the_last(ledger):
    """Both included."""
    ledger.record_many([request(at=datetime(2026, 5, day, 12, tzinfo=UTC)) for day in range(1, 11)])
    assert ledger.totals(date(2026, 5, 3), date(2026, 5, 5))[0].requests == 3
    assert ledger.totals(date(2026, 5, 9))[0].requests == 2
    assert ledger.totals(until=date(2026, 5, 9))[0].requests == 9
    assert ledger.totals(date(2026, 5, 5), date(2026, 5, 3))[0].requests == 0
    assert [total.key for total in ledger.totals(date(2026, 5, 10), by=["month", "day"])] == [
        ("2026-05", "2026-05-10")
    ]


def test_sums_beyond_sixty_four_bits_are_exact(ledger):
    """Forty records of the highest cost, of one cell and of several."""
    many = [request(cost_picousd=MAX_COST_PICOUSD - number, project=f"p{number % 2}") for number in range(40)]
    ledger.record_many(many)
    expected = 40 * MAX_COST_PICOUSD - sum(range(40))
    assert expected > 1 << 66
    assert ledger.totals()[0].cost_picousd == expected
    ledger.record(request(cost_picousd=1))
    assert ledger.totals()[0].cost_picousd == expected + 1
    assert sum(total.cost_picousd for total in ledger.totals(by=["project"])) == expected + 1


def test_nothing_recorded_is_one_total_of_nothing(ledger):
    """And no key has any."""
    assert ledger.totals()[0][1:] == (0, 0, Usage(), 0)
    assert ledger.totals(by=["day"]) == []


def test_sessions_say_when_where_and_what_they_came_to(ledger):
    """The latest first."""
    hours = {"s1": (1, 5), "s2": (2, 3), "'; --": (4, 4)}
    for session, (first, last) in hours.items():
        for hour in (first, last):
            at = datetime(2026, 5, 6, hour, tzinfo=UTC)
            ledger.record(
                request(session=session, at=at, project=f"p-{session}", model=f"m{hour}", source="x")
            )
    found = ledger.sessions()
    assert [each.session for each in found] == ["s1", "'; --", "s2"]
    assert found[0][1:6] == (
        "2026-05-06T01:00:00.000+00:00", "2026-05-06T05:00:00.000+00:00", "p-s1", "x", ("m1", "m5"),
    )  # fmt: skip
    assert [each.total.requests for each in found] == [2, 2, 2]
    assert [each.session for each in ledger.sessions(session="'; --")] == ["'; --"]
    assert [each.session for each in ledger.sessions(limit=1)] == ["s1"]
    assert [each.session for each in ledger.sessions(since=datetime(2026, 5, 6, 4, tzinfo=UTC))] == [
        "s1",
        "'; --",
    ]
    assert ledger.sessions(session="nobody") == []


@pytest.mark.parametrize(
    "name,label",
    [("model", "model"), ("user", "user"), ("tag:x", "tag:x"), ("team", "tag:team"), ("day", "day")],
)
def test_what_is_no_label_is_a_tag(name, label):
    """So that callers need not know which is which."""
    assert label_name(name) == label
