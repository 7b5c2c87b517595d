"""kill -9 at any moment of logging or summing up: what was acknowledged is counted, once and to the pico."""

from __future__ import annotations

import contextlib
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from quarterdeck.costs.advice.verify import verify
from quarterdeck.costs.tracker import CostTracker

WRITERS = 6
KILLS = 24
MIN_ACKNOWLEDGED = 2000

WRITE = """
import itertools, os, sys
from quarterdeck.costs.tracker import CostTracker
folder, writer, acknowledged = sys.argv[1:]
tracker = CostTracker(folder)
out = os.open(acknowledged, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
for number in itertools.count():
    details = {"tags": {"n": str(number)}, "reasoning_output_tokens": 1} if number % 7 == 0 else {}
    os.write(out, b"?")
    answer = tracker.log_request("claude-haiku-4-5", number % 1000 + 1, 7, f"w{writer}", **details)
    os.write(out, b"%d\\n" % round(answer["actual_cost"] * 10**12))
"""
REFRESH = """
import sys
from quarterdeck.costs.tracker import CostTracker
tracker = CostTracker(sys.argv[1])
while True:
    tracker.get_summary()
"""


def start(code, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], stderr=subprocess.PIPE, stdin=subprocess.DEVNULL
    )


def kill(process):
    process.send_signal(signal.SIGKILL)
    _, complaint = process.communicate(timeout=30)
    assert complaint == b""


def read(acknowledged):
    """How many requests were acknowledged, what they cost, and how many were begun and never acknowledged."""
    parts = acknowledged.read_bytes().split(b"?")[1:] if acknowledged.exists() else []
    done = [int(part) for part in parts if part.endswith(b"\n")]
    return len(done), sum(done), len(parts) - len(done)


def test_killed_writers_and_readers_lose_nothing_and_count_nothing_twice(tmp_path):
    """Six writers by both ways and one that sums up, killed and started again; another asks all the while."""
    folder = tmp_path / "ledger"
    dice = random.Random(3)
    CostTracker(folder).log_request("claude-haiku-4-5", 0, 0, "warm")  # the price is in the cache file
    journals = [tmp_path / f"acknowledged-{writer}" for writer in range(WRITERS)]
    processes = [start(WRITE, folder, writer, journals[writer]) for writer in range(WRITERS)]
    processes.append(start(REFRESH, folder))
    seen: list[tuple[int, int]] = []
    over = threading.Event()
    live = CostTracker(folder)

    def ask():
        while not over.is_set():
            total = live.ledger.totals()[0]
            seen.append((total.requests, total.cost_picousd))

    reader = threading.Thread(target=ask)
    reader.start()
    kills = 0
    began = time.monotonic()
    try:
        while kills < KILLS or (
            sum(read(path)[0] for path in journals) < MIN_ACKNOWLEDGED and time.monotonic() - began < 60
        ):
            with contextlib.suppress(subprocess.TimeoutExpired):
                processes[0].wait(dice.uniform(0.02, 0.12))
            victim = dice.randrange(len(processes))
            kill(processes[victim])
            kills += 1
            processes[victim] = (
                start(WRITE, folder, victim, journals[victim]) if victim < WRITERS else start(REFRESH, folder)
            )
    finally:
        for process in processes:
            kill(process)
        over.set()
        reader.join(60)
    acknowledged = [read(path) for path in journals]
    requests = sum(done for done, _, _ in acknowledged)
    assert requests >= MIN_ACKNOWLEDGED
    for writer, (done, cost, begun) in enumerate(acknowledged):
        (total,) = live.ledger.totals(where={"task_type": f"w{writer}"})
        written = [record for _, record in live.ledger.records() if record.task_type == f"w{writer}"]
        assert total.requests == len(written)
        assert total.cost_picousd == sum(record.cost_picousd or 0 for record in written)
        # A kill between the write and its acknowledgement leaves a record that nobody was told of.
        assert done <= total.requests <= done + begun
        assert cost <= total.cost_picousd <= cost + begun * (1000 * 10**6 + 7 * 5 * 10**6)
        if total.requests == done:
            assert total.cost_picousd == cost
    assert seen == sorted(seen), "a sum went down"
    assert live.ledger.rejected() == []
    assert live.ledger.dropped() == {}
    assert verify(live.ledger).ok
    assert live.ledger.problems == []
    assert not list(Path(folder).rglob("*.tmp"))
    live.close()
