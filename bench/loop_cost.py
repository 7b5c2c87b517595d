"""What watching an agent costs: CPU time of an event, and the memory that stays in use on an endless session.

    events -> a file -> `programs.loop_watching` for each contender, in a process of its own

The floor is what any detector must do that tells one event from another: write it as JSON, and hash that.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bench import measure, peers
from bench.loop_rules import RULES
from bench.results import Fact, ScenarioResult, duration, facts_result, ratios, spread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from quarterdeck.loops.events.model import AgentEvent

SUBJECT = "Quarterdeck"
FLOOR = "floor (json.dumps, hash)"
ENGINES = {SUBJECT: "quarterdeck", **{name: name for name in RULES}, FLOOR: "floor"}
"""Contender -> what `bench.programs.loop_watching` calls it."""
MANY_EVENTS = 100_000
PROGRAM = Path(__file__).parent / "programs" / "loop_watching.py"


def run(events: Sequence[AgentEvent], rounds: int, say: Callable[[str], None]) -> list[ScenarioResult]:
    """The time of one event of *events*, and the memory after `MANY_EVENTS` that are all new.

    Raises:
        PeerUnavailable: Quarterdeck's environment cannot be made.
    """
    python = str(peers.install_quarterdeck() / "python")
    with tempfile.TemporaryDirectory() as home:
        stream = Path(home) / "events.jsonl"
        stream.write_text("".join(json.dumps(event._replace(at=None)) + "\n" for event in events))
        env = {"PYTHONPATH": str(peers.ROOT), "HOME": home, "QUARTERDECK_HOME": home}

        def contender(name: str, *words: str, times_itself: bool) -> measure.Contender:
            return measure.Contender(
                name,
                [python, "-P", str(PROGRAM), ENGINES[name], *words],
                home,
                env,
                times_itself=times_itself,
            )

        timed = measure.measure(
            [contender(name, "time", str(stream), times_itself=True) for name in ENGINES],
            rounds=rounds,
            memory_rounds=0,
            progress=say,
        )
        kept = []
        for name in ENGINES:
            say(f"memory: {name}")
            done = measure.run(contender(name, "memory", str(MANY_EVENTS), times_itself=False))
            kept.append(_kept(name, done))
    of_one = [_of_one(each, floor=timed[-1]) for each in timed]
    return [
        facts_result("CPU of one event", "sessions one after another", len(events), of_one, unit="events"),
        facts_result("memory in use", "every event new", MANY_EVENTS, kept, unit="events"),
    ]


def _of_one(measured: measure.Measured, floor: measure.Measured) -> Fact:
    if measured.failure:
        return Fact(measured.name, "", {}, measured.failure)
    cpu_s = [run.cpu_s for run in measured.timed]
    low, middle, high = (spread(cpu_s)[key] for key in ("q1", "median", "q3"))
    times = ratios(cpu_s, [run.cpu_s for run in floor.timed])[1]
    text = f"{duration(middle)} [{duration(low)}–{duration(high)}], {times:.1f} × the floor"
    return Fact(measured.name, text, {"cpu_s": middle, "times the floor": times})


def _kept(name: str, done: measure.Run) -> Fact:
    if done.exit_code:
        return Fact(name, "", {}, done.output_tail.strip().rpartition("\n")[2][:120])
    first, last = map(int, done.output_tail.split()[-2:])
    text = f"{last / 1000:.0f} kB ({first / 1000:.0f} kB after the first thousand)"
    return Fact(name, text, {"bytes": last, "bytes after 1,000": first})
