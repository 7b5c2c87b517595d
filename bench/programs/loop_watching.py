"""``loop_watching.py ENGINE time STREAM`` or ``… memory COUNT``: show a detector one event after another.

    time      the events of STREAM, one JSON array a line
    memory    COUNT events no two of which are alike

The last line is ``timed WALL_S CPU_S`` of one event, or how many bytes the detector holds after the first
thousand events and after all.
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
    """Print the figures asked for."""
    make = engine_named(engine)
    if what == "memory":
        print(*held_bytes(make, int(given)))
        return
    observe = make()
    events = [AgentEvent(*json.loads(line)) for line in Path(given).read_text().splitlines()]
    wall, cpu = time.perf_counter(), time.process_time()
    for event in events:
        observe(event)
    cpu_s, wall_s = time.process_time() - cpu, time.perf_counter() - wall
    print(f"timed {wall_s / len(events)} {cpu_s / len(events)}")


def engine_named(engine: str) -> Callable[[], Callable[[AgentEvent], object]]:
    """What makes a detector, which is called with each event; only what it needs is imported."""
    if engine == "floor":
        return lambda: (
            lambda event: hash(json.dumps((event.tool, event.arguments, event.outcome, event.text)))
        )
    if engine == "quarterdeck":
        from quarterdeck.loops.events import AgentLoopDetector

        return lambda: AgentLoopDetector().observe
    from bench.loop_rules import RULES

    return lambda: RULES[engine]().observe


def held_bytes(make: Callable[[], Callable[[AgentEvent], object]], count: int) -> tuple[int, int]:
    """What a detector holds after `FIRST` events, and after *count*."""
    make()(_new(0))  # what is made once, such as a compiled pattern, is no part of it
    tracemalloc.start()
    empty = tracemalloc.get_traced_memory()[0]
    observe = make()
    held = []
    for number in range(1, count + 1):
        observe(_new(number))
        if number in {FIRST, count}:
            held.append(tracemalloc.get_traced_memory()[0] - empty)
    tracemalloc.stop()
    return held[0], held[-1]


def _new(number: int) -> AgentEvent:
    path = f"src/module_{number}.py"
    return AgentEvent.call("Read", {"path": path, "limit": number}, f"{path}\n{number}\n{OUTCOME}")


if __name__ == "__main__":
    main(*sys.argv[1:])
