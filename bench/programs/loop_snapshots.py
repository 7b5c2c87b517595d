"""``loop_snapshots.py ENGINE SCENARIO HISTORIES``: what a detector says of histories, or what that costs.

classes     one word for each history of HISTORIES (a JSON array of arrays of snapshots): the class it is in
shifts      one line for each: the snapshots, counted from 1, at which an alarm was raised
cycles      the first history as it comes in, snapshot by snapshot, and what is asked again each time; the
            last line is ``timed WALL_S CPU_S`` of one snapshot
observe     … without asking
answer      the whole answer about the first history; of one answer
"""

from __future__ import annotations

import json
import sys
import time
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

CYCLES = 100
Snapshots = list[dict[str, Any]]
VIRTUOUS, VICIOUS, BALANCING, NONE = "virtuous", "vicious", "balancing", "none"
_CLASSES = {"R1_trust_building": VIRTUOUS, "R2_trust_erosion": VICIOUS, "B1_quality_control": BALANCING}


def main(engine: str, scenario: str, file: str) -> None:
    """Print what is asked for."""
    histories: list[Snapshots] = json.loads(Path(file).read_text())
    if scenario == "classes":
        say = classifier(engine)
        print(json.dumps([say(history) for history in histories]))
    elif scenario == "shifts":
        print(json.dumps([shifts(history) for history in histories]))
    else:
        timed(CALLS[engine, scenario](histories[0]))


def classifier(engine: str) -> Callable[[Snapshots], str]:
    """How *engine* names the class of a history."""
    if engine == "trend":
        return by_trend
    detector = detector_of(engine)

    def say(history: Snapshots) -> str:
        return _CLASSES.get(detector.detect_active_loop(history)["dominant_loop"], NONE)

    return say


def detector_of(engine: str) -> Any:  # noqa: ANN401 - two packages that know nothing of each other
    """The detector of that name; each environment has its own."""
    if engine == "empathy":
        return import_module("empathy_os.feedback_loops").FeedbackLoopDetector()
    from quarterdeck.loops import FeedbackLoopDetector

    return FeedbackLoopDetector()


def by_trend(history: Snapshots) -> str:
    """Any significant trend of trust is a spiral: what can be known without asking what drives it."""
    from quarterdeck.loops.metrics.trend import mann_kendall

    direction = mann_kendall([each["trust"] for each in history]).direction
    return {"up": VIRTUOUS, "down": VICIOUS, "none": NONE}[direction]


def shifts(history: Snapshots) -> list[int]:
    """The snapshots, from 1, at which the streaming detector raises its alarm."""
    detector = detector_of("quarterdeck")
    return [at for at, snapshot in enumerate(history, 1) if detector.observe(snapshot) is not None]


def all_questions(engine: str, history: Snapshots) -> Callable[[], int]:
    """The specification's way: ask all three questions of all that there is, once a cycle."""
    detector = detector_of(engine)

    def call() -> int:
        for _ in range(CYCLES):
            detector.detect_virtuous_cycle(history)
            detector.detect_vicious_cycle(history)
            detector.detect_active_loop(history)
        return CYCLES

    return call


def as_they_come(asked: bool, history: Snapshots) -> Callable[[], int]:
    """Each cycle brings one more snapshot; if *asked*, the whole answer is asked for as well."""
    detector = detector_of("quarterdeck")
    for snapshot in history:
        detector.observe(snapshot)

    def call() -> int:
        for snapshot in history[:CYCLES]:
            detector.observe(snapshot)
            if asked:
                detector.detect_active_loop()
        return CYCLES

    return call


def floor(history: Snapshots) -> Callable[[], int]:
    """Copy a snapshot and look up a metric, and do nothing with it."""
    kept: list[dict[str, Any]] = []

    def call() -> int:
        for snapshot in history:
            copied = dict(snapshot)
            copied.get("trust")
            kept.append(copied)
        kept.clear()
        return len(history)

    return call


def one_snapshot(history: Snapshots) -> Callable[[], int]:
    """Observe every snapshot of the history."""
    detector = detector_of("quarterdeck")

    def call() -> int:
        for snapshot in history:
            detector.observe(snapshot)
        return len(history)

    return call


CALLS: dict[tuple[str, str], Callable[[Snapshots], Callable[[], int]]] = {
    ("empathy", "cycles"): partial(all_questions, "empathy"),
    ("quarterdeck", "cycles"): partial(as_they_come, False),
    ("quarterdeck", "answered"): partial(as_they_come, True),
    ("quarterdeck", "batch"): partial(all_questions, "quarterdeck"),
    ("quarterdeck", "observe"): one_snapshot,
    ("floor", "observe"): floor,
}
AT_LEAST_S = 0.3


def timed(call: Callable[[], int]) -> None:
    """Repeat *call* for a while, once to warm up; what one of the things it does takes."""
    call()
    done = 0
    wall, cpu = time.perf_counter(), time.process_time()
    while time.perf_counter() - wall < AT_LEAST_S:
        done += call()
    cpu_s, wall_s = time.process_time() - cpu, time.perf_counter() - wall
    print(f"timed {wall_s / done} {cpu_s / done}")


if __name__ == "__main__":
    main(*sys.argv[1:])
