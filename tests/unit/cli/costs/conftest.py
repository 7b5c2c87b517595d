"""A ledger to ask: five requests of two weeks at round prices, on a day that stands still."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from quarterdeck.costs.ledger import Choices
from quarterdeck.costs.ledger.calendar import Calendar
from quarterdeck.costs.tracker import CostTracker

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
"""A Thursday."""

PRICES = {
    "dear": {"input_per_mtok": 10, "output_per_mtok": 100},
    "fair": {"input_per_mtok": 1, "output_per_mtok": 10},
}
HOSTILE = "a\x1b[2Jb\nc\u202ed|=*"


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prices that can be computed by hand, and the day it is."""
    monkeypatch.setenv("QUARTERDECK_COSTS_PRICES", json.dumps(PRICES))
    monkeypatch.setenv("QUARTERDECK_COSTS_BASELINE_MODEL", "dear")
    monkeypatch.setattr(Calendar, "now", lambda self: NOW.astimezone(self.zone))
    monkeypatch.setattr(Calendar, "today", lambda self: NOW.astimezone(self.zone).date())


@pytest.fixture
def empty_ledger() -> Iterator[CostTracker]:
    """The user's own, with days in UTC and nothing in it."""
    tracker = CostTracker()
    tracker.ledger.choose(Choices("UTC"))
    yield tracker
    tracker.close()


@pytest.fixture
def ledger(empty_ledger: CostTracker) -> CostTracker:
    """$5 in the week before, $1 on Monday, $2.20 today, and a request that has no price."""
    log = empty_ledger.log_request
    monday, before = datetime(2026, 1, 12, 9, tzinfo=UTC), datetime(2026, 1, 5, 9, tzinfo=UTC)
    log("dear", 500_000, 0, "plan", project="/srv/a", session="s0", at=before)
    log("fair", 1_000_000, 0, "plan", project="/srv/a", session="s1", at=monday)
    log("dear", 100_000, 10_000, "code", project="/srv/a", session="s1", at=NOW, tags={"team": "search"})
    log("fair", 100_000, 10_000, "code", project="/srv/b", session="s2", user="ada", at=NOW)
    log("nobody", 1_000, 100, session="s3", source="here", at=NOW)
    return empty_ledger


@pytest.fixture
def hostile(empty_ledger: CostTracker) -> CostTracker:
    """Every label of its only request wants to reach the terminal."""
    labels = dict.fromkeys(("project", "session", "user", "source", "provider", "task_type"), HOSTILE)
    empty_ledger.log_request(
        HOSTILE,
        10,
        10,
        at=NOW,
        cost_picousd=10**12,
        tags={"team": HOSTILE},
        **labels,  # type: ignore[arg-type]
    )
    return empty_ledger
