"""``qd costs``: today and this week."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from quarterdeck.cli.costs import FIRST_LINES
from quarterdeck.costs.tracker import CostTracker

TODAY = "2026-01-15"
PICO = 10**12


def rows(text: str) -> list[list[str]]:
    """The words of each line."""
    return [line.split() for line in text.splitlines()]


@pytest.mark.usefixtures("ledger")
def test_today_and_this_week_are_summed_up(qd):
    """Cost, requests and tokens; the week begins on Monday."""
    result = qd("costs")
    assert (result.code, result.err) == (0, "")
    said = rows(result.out)
    assert said[1] == ["today,", "Thu", "15", "Jan", "$2.20", "3", "201,000", "0", "20,100"]
    assert said[2] == ["this", "week,", "since", "Mon", "12", "Jan", "$3.20", "4", "1,201,000", "0", "20,100"]


@pytest.mark.usefixtures("ledger")
def test_fourteen_days_are_drawn_and_the_dearest_is_named(qd):
    """From the second of January to the fifteenth."""
    assert "14 days  ▁▁▁█▁▁▁▁▁▁▃▁▁▅  most on Mon 05 Jan: $5.00" in qd("costs").out


@pytest.mark.usefixtures("ledger")
def test_the_dearest_models_and_projects_of_the_week_come_first(qd):
    """What has no price stands last, with a dash; a request without a project has one, too."""
    said = rows(qd("costs").out)
    models = [line for line in said if line[:1] in (["dear"], ["fair"], ["nobody"])]
    assert models == [["dear", "$2.00", "1"], ["fair", "$1.20", "2"], ["nobody", "–", "1"]]
    at = said.index(["project", "this", "week", "cost", "requests"])
    assert said[at + 1 : at + 4] == [["/srv/a", "$3.00", "2"], ["/srv/b", "$0.20", "1"], ["–", "–", "1"]]


def test_the_rest_of_many_models_is_counted(qd, ledger):
    """And it is said how to see them."""
    for number in range(4):
        ledger.log_request(f"nobody-{number}", 1, 1, at=ledger.ledger.calendar.now())
    assert "2 more: qd costs report --by model" in qd("costs").out


@pytest.mark.usefixtures("ledger")
def test_what_was_saved_and_what_has_no_price_is_said(qd):
    """Against the baseline model; and how to mend."""
    out = qd("costs").out
    assert "$10.80 saved this week (77%) against $14.00 with dear alone" in out
    assert "1 request this week without a price, not in these sums: qd costs reprice" in out


@pytest.mark.usefixtures("ledger")
def test_more_was_spent_than_the_baseline_would_have_cost(qd, monkeypatch):
    """That is said as plainly."""
    monkeypatch.setenv("QUARTERDECK_COSTS_BASELINE_MODEL", "fair")
    assert "$1.80 more this week (129%) against $1.40 with fair alone" in qd("costs").out


@pytest.mark.usefixtures("ledger")
def test_a_baseline_without_a_price_does_not_hide_the_rest(qd, monkeypatch):
    """The sums stand, and the setting is named."""
    monkeypatch.setenv("QUARTERDECK_COSTS_BASELINE_MODEL", "nobody")
    result = qd("costs")
    assert result.code == 0
    assert "savings are not known: nobody has no price (setting costs.baseline_model)" in result.out
    assert qd("costs", "--json").json["baseline"] is None


def test_every_budget_is_one_line(qd, ledger):
    """What is taken of it, and whether it is about to be used up."""
    ledger.budgets.set("day", 2 * PICO)
    ledger.budgets.set("week", 4 * PICO)
    ledger.budgets.set("month", 100 * PICO, scope={"project": "/srv/a"})
    assert qd("costs").out.splitlines()[-3:] == [
        "budget 1, day: $2.20 of $2.00 (110%), EXCEEDED",
        "budget 2, week: $3.20 of $4.00 (80%), nearly used up",
        "budget 3, month, project=/srv/a: $8.00 of $100.00 (8%)",
    ]


@pytest.mark.parametrize(
    "options, requests, cost",
    [
        (("--project", "/srv/a"), 2, 3.0),
        (("--model", "fair"), 2, 1.2),
        (("--source", "here"), 1, 0.0),
        (("--provider", "own", "--project", "/srv/b"), 1, 0.2),
        (("--project", "nowhere"), 0, 0.0),
    ],
)
@pytest.mark.usefixtures("ledger")
def test_it_can_be_narrowed(qd, options: tuple[str, ...], requests: int, cost: float):
    """By any label that has sums; nothing there is zeros, not an error."""
    week = qd("costs", *options, "--json").json["week"]
    assert (week["requests"], week["cost_usd"]) == (requests, cost)
    assert qd("costs", *options).code == 0


def test_a_dot_is_the_project_found_from_here(qd, ledger, project, monkeypatch):
    """By its absolute path, also from a folder inside it."""
    ledger.log_request("fair", 1_000_000, 0, project=str(project), at=ledger.ledger.calendar.now())
    monkeypatch.chdir(project / "shop")
    assert qd("costs", "--project", ".", "--json").json["where"] == {"project": str(project)}
    assert qd("costs", "--project", ".", "--json").json["week"]["cost_usd"] == 1.0


@pytest.mark.usefixtures("ledger")
def test_a_program_gets_all_of_it(qd, ledger):
    """Amounts exactly, in pico-dollars, and as floats."""
    answer = qd("costs", "--json").json
    assert answer["schema"] == "quarterdeck.costs.glance/1"
    assert answer["ledger"] == ledger.ledger.folder
    assert answer["today"]["day"] == TODAY
    assert (answer["week"]["cost_picousd"], answer["week"]["cost_usd"]) == (3_200_000_000_000, 3.2)
    assert answer["week"]["unpriced_requests"] == 1
    assert len(answer["days"]) == 14
    assert answer["days"][-1] == {"day": TODAY, "cost_picousd": 2_200_000_000_000, "cost_usd": 2.2}
    assert [each["model"] for each in answer["models"]] == ["dear", "fair", "nobody"]
    assert answer["baseline"]["savings_usd"] == 10.8


def test_an_empty_ledger_says_how_to_begin(qd):
    """It is no error; nothing is made on disk by asking."""
    result = qd("costs")
    assert (result.code, result.err) == (0, "")
    folder = os.environ["QUARTERDECK_HOME"] + "/costs"
    assert result.out.startswith(f"nothing is recorded yet in {folder}\n")
    assert "qd costs import" in result.out
    assert not os.path.exists(folder)
    answer = qd("costs", "--json").json
    assert (answer["week"]["requests"], answer["week"]["cost_picousd"], answer["models"]) == (0, 0, [])


def test_the_three_lines_that_it_shows_do_record(qd):
    """They are run as they are printed."""
    shown = [line.strip() for line in qd("costs").out.splitlines()[-3:]]
    assert shown == list(FIRST_LINES)
    subprocess.run([sys.executable, "-c", "\n".join(shown)], check=True)
    assert qd("costs", "report", "--since", "2020-01-01", "--json").json["total"]["requests"] == 1


@pytest.mark.usefixtures("ledger")
def test_another_ledger_can_be_named(qd, tmp_path):
    """It is the one that answers, and the user's own is left alone."""
    other = CostTracker(tmp_path / "other")
    other.log_request("fair", 1_000_000, 0)
    other.close()
    answer = qd(
        "costs", "report", "--ledger", str(tmp_path / "other"), "--since", "2020-01-01", "--json"
    ).json
    assert answer["ledger"] == str(tmp_path / "other")
    assert answer["total"]["cost_usd"] == 1.0


def test_the_files_of_the_specification_s_own_tool_are_taken_in(qd, tmp_path):
    """By the first question; they are left as they are, and what cannot be read is remarked."""
    request = {"timestamp": "2026-01-15T12:00:00", "model": "fair", "tier": "cheap", "task_type": "plan"}
    counts = {"input_tokens": 10, "output_tokens": 1}
    costs = {"actual_cost": 0.5, "baseline_cost": 1.0, "savings": 0.5}
    text = json.dumps(request | counts | costs) + "\n{torn"
    (tmp_path / "costs.jsonl").write_text(text)
    result = qd("costs", "--ledger", str(tmp_path), "--json")
    assert result.json["week"]["cost_usd"] == 0.5
    assert "costs.jsonl" in result.err
    assert (tmp_path / "costs.jsonl").read_text() == text
