"""``qd costs ship``, as it is typed, to a real PostgreSQL."""

from __future__ import annotations

import json
import subprocess
import sys

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from quarterdeck.costs.tracker import CostTracker

QD = [sys.executable, "-c", "from quarterdeck.cli import main; main()", "costs", "ship"]


def shipped(*options: str) -> dict[str, object]:
    """What the command answers."""
    ran = subprocess.run([*QD, "--json", *options], capture_output=True, text=True, check=True)
    answer: dict[str, object] = json.loads(ran.stdout)
    return answer


@pytest.mark.parametrize("way", ["option", "variable", "libpq"])
def test_only_what_is_new_is_shipped(database, monkeypatch, way: str):
    """However the server is named; the sum there is the sum here."""
    options = []
    if way == "option":
        options = ["--dsn", make_conninfo(**database)]
    elif way == "variable":
        monkeypatch.setenv("QUARTERDECK_POSTGRES_DSN", make_conninfo(**database))
    else:
        for name, option in (("PGHOST", "host"), ("PGUSER", "user"), ("PGDATABASE", "dbname")):
            monkeypatch.setenv(name, database[option])
    tracker = CostTracker()
    for _ in range(3):
        tracker.log_request("claude-haiku-4-5", 1000, 100)
    first = shipped(*options)
    assert (first["schema"], first["requests"]) == ("quarterdeck.costs.ship/1", 3)
    tracker.log_request("claude-haiku-4-5", 1000, 100)
    (total,) = tracker.ledger.totals()
    tracker.close()
    assert shipped(*options)["requests"] == 1
    assert shipped(*options)["requests"] == 0
    with psycopg.connect(**database) as connection:
        there = connection.execute("SELECT sum(cost_picousd) FROM quarterdeck.requests").fetchone()
    assert there == (total.cost_picousd,)
