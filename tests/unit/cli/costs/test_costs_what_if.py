"""``qd costs what-if``: the same requests on other models."""

from __future__ import annotations

import pytest


@pytest.mark.usefixtures("ledger")
def test_every_model_is_compared_and_split_by_those_that_were_used(qd):
    """What was spent, what it would have been, the difference; what has no price is left out and said."""
    result = qd("costs", "what-if", "fair", "dear")
    assert (result.code, result.err) == (0, "")
    said = [line.split() for line in result.out.splitlines()]
    assert said[0] == ["3", "requests", "that", "have", "a", "price"]
    assert said[3] == ["fair", "$3.20", "$1.40", "-$1.80", "-56.2"]
    assert said[4] == ["dear", "$3.20", "$14.00", "$10.80", "337.5"]
    assert said[7] == ["dear", "$2.00", "$0.20", "-$1.80", "-90.0"]
    assert said[8] == ["fair", "$1.20", "$1.20", "$0.00", "0.0"]
    assert "1 request without a price left out: qd costs reprice" in result.out


@pytest.mark.usefixtures("ledger")
def test_it_can_be_narrowed_and_dated(qd):
    """As every question."""
    answer = qd("costs", "what-if", "fair", "--project", "/srv/a", "--days", "30", "--json").json
    assert answer["schema"] == "quarterdeck.costs.what-if/1"
    assert (answer["since"], answer["where"]) == ("2025-12-17", {"project": "/srv/a"})
    (model,) = answer["models"]
    assert (model["actual_usd"], model["hypothetical_usd"], model["savings_usd"]) == (8.0, 1.7, -6.3)
    assert [(part["used"], part["actual_usd"]) for part in model["by_model"]] == [
        ("dear", 7.0),
        ("fair", 1.0),
    ]


@pytest.mark.usefixtures("ledger")
def test_a_price_by_steps_is_no_exact_answer(qd, monkeypatch):
    """The sums are not split where this model's steps are, and that is said."""
    monkeypatch.setenv(
        "QUARTERDECK_COSTS_PRICES",
        '{"steps": {"input_per_mtok": 1, "output_per_mtok": 1, "above": {"12345": {"input_per_mtok": 2}}}}',
    )
    result = qd("costs", "what-if", "steps")
    assert "about: its price goes by steps" in result.out
    assert qd("costs", "what-if", "steps", "--json").json["models"][0]["exact"] is False


def test_an_empty_ledger_has_nothing_to_compare(qd):
    """No error; zeros for programs."""
    assert qd("costs", "what-if", "dear") == (0, "no requests with a price in these days\n", "")
    assert qd("costs", "what-if", "dear", "--json").json["models"][0]["actual_picousd"] == 0
