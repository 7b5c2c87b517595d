"""``qd costs log``: one request from a shell."""

from __future__ import annotations

import pytest


def test_a_request_is_recorded_and_shown(qd, empty_ledger):
    """With its price; what it was for, and whatever else was named, is in the record."""
    more = "--cache-read 800 --task review --session s1 --source here --user ada --response-id r1"
    at = ("--at", "2026-01-15T13:00:00+01:00", "--tag", "team=search", "--project", "/srv/a")
    result = qd("costs", "log", "fair", "1000000", "50", *more.split(), *at)
    assert (result.code, result.err) == (0, "")
    assert result.out == "recorded: 2026-01-15T12:00:00.000+00:00  fair  1,000,000 in, 50 out  $1.00\n"
    ((_, record),) = empty_ledger.ledger.records()
    assert (record.cache_read_input_tokens, record.task_type) == (800, "review")
    assert record.tags == {"team": "search"}
    assert (record.session, record.source, record.user) == ("s1", "here", "ada")
    assert (record.response_id, record.project) == ("r1", "/srv/a")


def test_a_program_gets_what_the_api_returns(qd):
    """The same keys as `CostTracker.log_request`."""
    answer = qd("costs", "log", "fair", "1000000", "0", "--json").json
    assert answer["schema"] == "quarterdeck.costs.log/1"
    assert (answer["record"]["actual_cost"], answer["record"]["baseline_cost"]) == (1.0, 10.0)


def test_a_model_without_a_price_is_recorded_and_remarked(qd):
    """Nothing is guessed, nothing is lost."""
    result = qd("costs", "log", "nobody", "10", "1", "--at", "2026-01-15T12:00:00Z")
    assert result.code == 0
    assert "no price" in result.out
    assert "note: nobody has no price" in result.err
    assert qd("costs", "--json").json["week"]["unpriced_requests"] == 1


def test_a_dot_is_the_project_found_from_here(qd, empty_ledger, project):
    """So that a shell script need not know where it runs."""
    qd("costs", "log", "fair", "1", "1", "--project", ".")
    ((_, record),) = empty_ledger.ledger.records()
    assert record.project == str(project)


@pytest.mark.parametrize("count", ["1.5", "-1", "x", "99999999999999999999"])
def test_a_count_that_cannot_be_meant_records_nothing(qd, empty_ledger, count: str):
    """Exit code 2."""
    assert qd("costs", "log", "fair", count, "1").code == 2
    assert list(empty_ledger.ledger.records()) == []
