"""The rollup's sums next to those that DuckDB and plain Python make of the raw journal, to the pico."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pytest

from quarterdeck.costs.ledger.calendar import Choices
from quarterdeck.costs.ledger.ledger import Ledger
from quarterdeck.costs.model import Request, Usage
from quarterdeck.costs.settings import CostsConfig

RECORDS = 20_000
MODELS = ("claude-haiku-4-5", "claude-sonnet-4-5", "gpt-4o", "gemini-2.5-pro", "no-such-model")

SQL = """
WITH lines AS (
    SELECT *, row_number() OVER () AS line
    FROM read_json({files}, format = 'newline_delimited', filename = true, columns = {{
        "at": 'VARCHAR', model: 'VARCHAR', task_type: 'VARCHAR', response_id: 'VARCHAR',
        input_tokens: 'HUGEINT', output_tokens: 'HUGEINT', cost_picousd: 'HUGEINT'}})
),
ranked AS (
    SELECT *, row_number() OVER (
        PARTITION BY coalesce(response_id, filename || '@' || line)
        ORDER BY output_tokens DESC, cost_picousd IS NULL, line) AS place
    FROM lines
)
SELECT "at"[:10], model, coalesce(task_type, 'unknown'), count(*), count(*) FILTER (cost_picousd IS NULL),
       sum(input_tokens)::HUGEINT, sum(output_tokens)::HUGEINT, coalesce(sum(cost_picousd), 0)::HUGEINT
FROM ranked WHERE place = 1 GROUP BY ALL
"""


def mixed(dice):
    """Requests of all kinds; of every tenth response there are several."""
    start = datetime(2026, 3, 1, tzinfo=UTC)
    for _ in range(RECORDS):
        tokens, answer = dice.randrange(300_000), dice.randrange(4000)
        cached = dice.choice([0, 0, tokens // 2])
        yield Request(
            dice.choice(MODELS),
            Usage(tokens, answer, cached, reasoning_output_tokens=answer // 3),
            at=start + timedelta(seconds=dice.randrange(6 * 86_400)),
            task_type=dice.choice(["unknown", "summarize", 'task "x" ü']),
            session=dice.choice(["", "s1", "s2"]),
            service_tier=dice.choice(["", "", "batch"]),
            response_id=f"r{dice.randrange(1500)}" if dice.random() < 0.1 else "",
        )


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    """Some segments of mixed records, summed up in several goes."""
    ledger = Ledger(str(tmp_path_factory.mktemp("ledger")), config=CostsConfig(rotate_bytes=1_000_000))
    ledger.choose(Choices("UTC"))
    requests = list(mixed(random.Random(11)))
    for start in range(0, RECORDS, 6000):
        ledger.record_many(requests[start : start + 6000])
        ledger.refresh()
    yield ledger
    ledger.close()


@pytest.fixture(scope="module")
def sums(ledger):
    """What the ledger answers, by day, model and task."""
    return {
        total.key: (
            total.requests, total.unpriced_requests, total.usage.input_tokens, total.usage.output_tokens,
            total.cost_picousd,
        )
        for total in ledger.totals(by=("day", "model", "task_type"))
    }  # fmt: skip


def test_duckdb_over_the_raw_journal_finds_the_same_sums(ledger, sums):
    """Duplicates resolved by SQL of its own."""
    files = [f"{ledger.journal_folder}/*"]
    found = duckdb.connect(config={"threads": 1}).execute(SQL.format(files=files)).fetchall()
    assert len(found) == 6 * len(MODELS) * 3
    assert len(ledger.reader.segments()) > 3
    assert {row[:3]: row[3:] for row in found} == sums


def test_plain_python_over_the_raw_journal_finds_the_same_sums(ledger, sums):
    """By the json module and dicts alone."""
    best: dict[object, tuple[tuple[object, ...], dict[str, Any]]] = {}
    for segment in ledger.reader.segments():
        suffix = {"open": ".open", "sealed": ".jsonl"}[segment.state]
        with open(f"{ledger.journal_folder}/{segment.name}{suffix}", "rb") as file:
            for number, line in enumerate(file):
                record = json.loads(line)
                place = (segment.name, number)
                rank = (-record["output_tokens"], "cost_picousd" not in record, place)
                key = record.get("response_id") or place
                if key not in best or rank < best[key][0]:
                    best[key] = rank, record
    expected: defaultdict[tuple[object, ...], list[int]] = defaultdict(lambda: [0, 0, 0, 0, 0])
    for _, record in best.values():
        cell = expected[record["at"][:10], record["model"], record.get("task_type", "unknown")]
        cost = record.get("cost_picousd")
        gains = (1, cost is None, record["input_tokens"], record["output_tokens"], cost or 0)
        for column, gain in enumerate(gains):
            cell[column] += gain
    assert {key: tuple(cell) for key, cell in expected.items()} == sums


def test_what_was_dropped_and_what_counts_make_up_all_that_was_recorded(ledger, sums):
    """No record is lost between the two."""
    counted = sum(cell[0] for cell in sums.values())
    assert counted + sum(ledger.dropped().values()) == RECORDS
    assert 0 < sum(ledger.dropped().values()) < RECORDS / 10
