"""``qd costs budget``: limits, how they stand, and what still fits."""

from __future__ import annotations

import os

import pytest


def state(qd, *options: str) -> tuple[int, list[str]]:
    """The exit code, and how each budget stands."""
    result = qd("costs", "budget", *options, "--json")
    return result.code, [each["state"] for each in result.json["budgets"]]


@pytest.mark.usefixtures("ledger")
def test_a_budget_is_set_shown_and_removed(qd):
    """By its number."""
    assert qd("costs", "budget", "set", "20", "--per", "day", "--warn", "50%").out == (
        "budget 1, day: $20.00, warns from 50% on\n"
    )
    answer = qd("costs", "budget", "--json").json
    assert answer["schema"] == "quarterdeck.costs.budgets/1"
    (budget,) = answer["budgets"]
    assert (budget["limit_usd"], budget["spent_usd"], budget["warn_ratio"]) == (20.0, 2.2, 0.5)
    assert (budget["since"], budget["until"], budget["state"]) == ("2026-01-15", "2026-01-15", "ok")
    assert budget["projected_usd"] == 4.4
    assert qd("costs", "budget", "rm", "1") == (0, "budget 1 is removed\n", "")
    qd("costs", "budget", "set", "20", "--per", "day")
    assert qd("costs", "budget", "rm", "2", "--json").json["id"] == 2
    assert qd("costs", "budget").out == "no budget is set: qd costs budget set 20 --per day\n"


@pytest.mark.usefixtures("ledger")
def test_the_table_says_where_it_is_going(qd):
    """What is spent and reserved of it, and when it is used up at this pace; unpriced requests are named."""
    qd("costs", "budget", "set", "3", "--per", "day")
    out = qd("costs", "budget").out
    assert "73.3  ok     $4.40 by Thu 15 Jan, used up Thu 15 Jan 16:21" in out
    assert "1 request without a price not counted: qd costs reprice" in out


@pytest.mark.usefixtures("ledger")
def test_the_exit_code_says_whether_one_is_exceeded(qd):
    """And on request whether one is about to be."""
    qd("costs", "budget", "set", "100", "--per", "month")
    assert state(qd) == (0, ["ok"])
    qd("costs", "budget", "set", "4", "--per", "week")
    assert state(qd) == (0, ["ok", "warn"])
    assert state(qd, "--warn-as-error") == (1, ["ok", "warn"])
    qd("costs", "budget", "set", "2.20", "--per", "day")
    assert state(qd) == (1, ["ok", "warn", "exceeded"])
    assert qd("costs", "budget").code == 1


@pytest.mark.usefixtures("ledger")
def test_a_budget_is_for_whatever_labels_are_named(qd):
    """A project, a model, a tag, a user; the same once more changes the limit."""
    scopes = [("--project", "/srv/a"), ("--model", "fair"), ("--tag", "team=search"), ("--tag", "user=ada")]
    for scope in scopes:
        assert qd("costs", "budget", "set", "10", "--per", "week", *scope).code == 0
    assert qd("costs", "budget", "set", "11", "--per", "week", *scopes[0], "--json").json["id"] == 1
    budgets = qd("costs", "budget", "--json").json["budgets"]
    assert [(each["scope"], each["spent_usd"], each["limit_usd"]) for each in budgets] == [
        ({"project": "/srv/a"}, 3.0, 11.0),
        ({"model": "fair"}, 1.2, 10.0),
        ({"tag:team": "search"}, 2.0, 10.0),
        ({"user": "ada"}, 0.2, 10.0),
    ]


@pytest.mark.usefixtures("ledger")
def test_what_fits_is_said_before_it_is_spent(qd):
    """Exit code 1 when it does not fit; to the last pico-dollar; only budgets of these labels count."""
    assert qd("costs", "budget", "check", "1000") == (0, "$1,000.00 fits: no budget limits it\n", "")
    qd("costs", "budget", "set", "5", "--per", "day")
    qd("costs", "budget", "set", "0.5", "--per", "day", "--project", "/srv/b")
    assert qd("costs", "budget", "check", "2.8") == (0, "$2.80 fits: within 1 budget\n", "")
    refused = qd("costs", "budget", "check", "2.800000000001")
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.startswith("error: budget 1 (day) has no room for $2.80")
    assert qd("costs", "budget", "check", "0.3", "--project", "/srv/b").code == 0
    refused = qd("costs", "budget", "check", "0.4", "--project", "/srv/b", "--json")
    assert (refused.code, refused.json["code"]) == (1, "budget-exceeded")
    answer = qd("costs", "budget", "check", "0.3", "--project", "/srv/b", "--json").json
    assert [each["id"] for each in answer["budgets"]] == [1, 2]


def test_what_others_have_reserved_does_not_fit_again(qd, ledger):
    """And to check reserves nothing itself."""
    qd("costs", "budget", "set", "5", "--per", "day")
    with ledger.reserve(2):
        assert qd("costs", "budget", "check", "0.8").code == 0
        assert qd("costs", "budget", "check", "0.81").code == 1
        assert qd("costs", "budget", "--json").json["budgets"][0]["reserved_usd"] == 2.0
    assert qd("costs", "budget", "check", "2.8").code == 0


def test_a_budget_may_come_before_the_first_request(qd):
    """Asking makes no files; setting does."""
    folder = os.environ["QUARTERDECK_HOME"] + "/costs"
    assert qd("costs", "budget").code == 0
    assert qd("costs", "budget", "check", "1").code == 0
    assert not os.path.exists(folder)
    assert qd("costs", "budget", "set", "1", "--per", "day", "--tag", "team=search").code == 0
    at = ("--at", "2026-01-15T12:00:00Z")
    assert qd("costs", "log", "fair", "2000000", "0", "--tag", "team=search", *at).code == 0
    assert qd("costs", "budget").code == 1
