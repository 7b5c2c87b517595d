"""``qd costs verify``, ``rebuild`` and ``reprice``: the sums and the journal."""

from __future__ import annotations

import json
import os
import sqlite3

import pytest

PRICED = {"nobody": {"input_per_mtok": 1000, "output_per_mtok": 0}}


@pytest.mark.usefixtures("ledger")
def test_sums_that_are_right_are_confirmed(qd):
    """With how much they are the sums of."""
    result = qd("costs", "verify")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("every sum is that of the journal: 5 requests, $8.20, in 1 segment of ")
    answer = qd("costs", "verify", "--json").json
    assert (answer["schema"], answer["ok"]) == ("quarterdeck.costs.verify/1", True)
    assert (answer["requests"], answer["cost_usd"], answer["differences"]) == (5, 8.2, [])


def test_a_sum_that_differs_is_found_named_and_mended(qd, ledger):
    """Exit code 1 until the sums are made anew."""
    qd("costs", "verify")
    with sqlite3.connect(os.path.join(ledger.ledger.folder, "rollup.sqlite")) as database:
        database.execute("UPDATE cells SET cost_usd = cost_usd + 1 WHERE day = '2026-01-05'")
    database.close()
    result = qd("costs", "verify")
    assert result.code == 1
    assert result.out.startswith("the journal says 5 requests, $8.20; 1 sum differ")
    (row,) = [line for line in result.out.splitlines() if line.startswith("cells")]
    assert ", own, dear, plan, premium, /srv/a " in row
    assert row.split()[-2:] == ["$6.00", "$5.00"]
    assert qd("costs", "verify", "--json").code == 1
    assert qd("costs", "rebuild").out == "sums of 5 requests made anew: by days in UTC\n"
    assert qd("costs", "verify").code == 0


def test_a_line_that_is_no_record_is_listed_and_costs_only_itself(qd, ledger):
    """The sums are right: they are those of the others."""
    ledger.ledger.journal.append(b'{"v":1,"nonsense":"\\u001b"}\n')
    result = qd("costs", "verify")
    assert result.code == 0
    assert "note: no record: " in result.err
    assert len(qd("costs", "verify", "--json").json["rejected"]) == 1


def test_an_answer_recorded_twice_is_counted_once_and_said(qd, ledger):
    """By the name of the response."""
    for _ in range(3):
        ledger.log_request("fair", 1, 1, response_id="r1", source="here")
    result = qd("costs", "verify")
    assert "2 further records of answers counted already: here" in result.out
    assert qd("costs", "verify", "--json").json["dropped"] == {"here": 2}


@pytest.mark.usefixtures("ledger")
def test_the_choices_are_changed_by_a_rebuild(qd):
    """Tags come and go, and days begin elsewhere; nothing is lost."""
    result = qd("costs", "rebuild", "--tag", "team", "--tag", "user", "--timezone", "Asia/Tokyo")
    assert result.out == "sums of 5 requests made anew: by days in Asia/Tokyo, and by the tags team, user\n"
    answer = qd("costs", "rebuild", "--no-tag", "user", "--json").json
    assert (answer["tags"], answer["timezone"]) == (["team"], "Asia/Tokyo")
    assert (answer["total"]["requests"], answer["total"]["cost_usd"]) == (5, 8.2)


@pytest.mark.usefixtures("ledger")
def test_what_has_a_price_by_now_is_priced(qd, monkeypatch):
    """Once; what still has none is listed."""
    result = qd("costs", "reprice")
    assert result.out.startswith("0 requests priced: $0.00\n\nstill without a price")
    assert result.out.splitlines()[-1].split() == ["nobody", "1"]
    monkeypatch.setenv("QUARTERDECK_COSTS_PRICES", json.dumps(PRICED))
    answer = qd("costs", "reprice", "--json").json
    assert (answer["priced"], answer["cost_usd"], answer["unpriced"]) == (1, 1.0, {})
    assert qd("costs", "reprice").out == "every request has a price\n"
    assert qd("costs", "--json").json["week"]["cost_usd"] == 4.2


@pytest.mark.parametrize("command", ["verify", "rebuild", "reprice"])
def test_an_empty_ledger_is_in_order(qd, command: str):
    """Nothing to do is no error."""
    result = qd("costs", command)
    assert (result.code, result.err) == (0, "")
    assert result.out
    assert qd("costs", command, "--json").json["schema"] == f"quarterdeck.costs.{command}/1"
