"""``loop_watching.py ENGINE time STREAM`` or ``… memory COUNT``: show a detector one event after another.

time      the events of STREAM, one JSON array a line; the last line is ``timed WALL_S CPU_S`` of one event
memory    COUNT events no two of which are alike; the last line is how many bytes Python holds more after
them than after the first thousand
"""

from __future__ import annotations

import json
import sys
import time
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

from quarterdeck.loops.events import AgentEvent

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST = 1_000
OUTCOME = "line of text\n" * 80


def main(engine: str, what: str, given: str) -> None:
    """Print the figure asked for."""
    observe = engine_named(engine)
    if what == "memory":
        print(held_bytes(observe, int(given)))
        return
    events = [AgentEvent(*json.loads(line)) for line in Path(given).read_text().splitlines()]
    wall, cpu = time.perf_counter(), time.process_time()
    for event in events:
        observe(event)
    cpu_s, wall_s = time.process_time() - cpu, time.perf_counter() - wall
    print(f"timed {wall_s / len(events)} {cpu_s / len(events)}")


def engine_named(engine: str) -> Callable[[AgentEvent], object]:
    """What is called with each event; only what it needs is imported."""
    if engine == "floor":
        return lambda event: hash(json.dumps((event.tool, event.arguments, event.outcome, event.text)))
    if engine == "quarterdeck":
        from quarterdeck.loops.events import AgentLoopDetector

        return AgentLoopDetector().observe
    from bench.loop_rules import RULES

    return RULES[engine]().observe


def held_bytes(observe: Callable[[AgentEvent], object], count: int) -> int:
    """How much more is in use after *count* events than after `FIRST`."""
    tracemalloc.start()
    before = 0
    for number in range(count):
        path = f"src/module_{number}.py"
        observe(AgentEvent.call("Read", {"path": path, "limit": number}, f"{path}\n{number}\n{OUTCOME}"))
        if number == FIRST:
            before = tracemalloc.get_traced_memory()[0]
    return tracemalloc.get_traced_memory()[0] - before


if __name__ == "__main__":
    main(*sys.argv[1:])
