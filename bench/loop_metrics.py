"""Feedback loops in metrics: is what is said of a history true, and what does it cost to be told.

    classes     of simulated histories (`loop_histories`): virtuous, vicious, balancing or none
    outside     ramps, steps and rhythms, which something outside causes: how often they are called a loop
    onset       how often there is an alarm while nothing happens, and how long after something has
    cost        the specification's own scenario, 500 snapshots and 100 cycles; and one snapshot

Two sets of draws: thresholds were chosen by looking at the one called ``tuning``; ``held out`` was only ever
reported. The peer gets, beside the share of successes, the yes or no that it looks at.
"""

from __future__ import annotations

import json
import math
import os
import random
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from bench import measure, peers
from bench.loop_histories import CLASSES, MAKERS, NO_LOOP, NONE, OUTSIDE
from bench.results import Fact, ScenarioResult, facts_result, scenario_result

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SUBJECT = "Quarterdeck"
BY_TREND = "Mann-Kendall alone"
ENGINES = {SUBJECT: "quarterdeck", peers.EMPATHY.label: "empathy", BY_TREND: "trend"}
HEADLINE = (SUBJECT, peers.EMPATHY.label, BY_TREND)

LENGTHS = (30, 100)
NOISES = (0.02, 0.1)
SETS = ("tuning", "held out")
DRAWS, QUICK_DRAWS = 250, 20
STREAMS, QUICK_STREAMS = 1_000, 60
STABLE = 200
SNAPSHOTS = 500
PROGRAM = Path(__file__).parent / "programs" / "loop_snapshots.py"


class Environments(NamedTuple):
    """Where the contenders run."""

    home: str
    pythons: dict[str, str]

    def command(self, engine: str, scenario: str, histories: Path) -> list[str]:
        """What shows *histories* to *engine*."""
        return [self.pythons[engine], "-P", str(PROGRAM), engine, scenario, str(histories)]

    @property
    def variables(self) -> dict[str, str]:
        """What a contender's process sees beside what the bench itself does."""
        return {"PYTHONPATH": str(peers.ROOT), "HOME": self.home, "QUARTERDECK_HOME": self.home}


def run(*, rounds: int, quick: bool, say: Callable[[str], None]) -> list[ScenarioResult]:
    """All of it.

    Raises:
        PeerUnavailable: an environment cannot be made.
    """
    ours = str(peers.install_quarterdeck() / "python")
    theirs = str(peers.install(peers.EMPATHY) / "python")
    pythons = {"quarterdeck": ours, "trend": ours, "floor": ours, "empathy": theirs}
    with tempfile.TemporaryDirectory() as home:
        environments = Environments(home, pythons)
        draws = QUICK_DRAWS if quick else DRAWS
        return [
            *_classes(environments, draws, SETS[:1] if quick else SETS, say),
            *_outside(environments, draws, say),
            _onset(environments, QUICK_STREAMS if quick else STREAMS, say),
            *_cost(environments, rounds, say),
        ]


def _classes(
    environments: Environments, draws: int, sets: Sequence[str], say: Callable[[str], None]
) -> list[ScenarioResult]:
    results = []
    for length in LENGTHS:
        for noise in NOISES:
            for each in sets:
                say(f"classes, {length} snapshots, noise {noise}, {each}")
                truth, histories = [], []
                for kind in CLASSES:
                    dice = random.Random(f"{each} {length} {noise} {kind}")
                    for _ in range(draws):
                        truth.append(kind)
                        histories.append(MAKERS[kind](dice, length, noise).snapshots())
                facts = [
                    _accuracy(name, truth, _asked(environments, engine, "classes", histories))
                    for name, engine in ENGINES.items()
                ]
                name = f"classes right, {length} snapshots, noise {noise}"
                results.append(facts_result(name, each, len(truth), facts, unit="histories"))
    return results


def _accuracy(name: str, truth: Sequence[str], said: Sequence[str]) -> Fact:
    right = [one == other for one, other in zip(truth, said, strict=True)]
    figures = {"accuracy": sum(right) / len(right)}
    for kind in CLASSES:
        of_kind = [hit for hit, real in zip(right, truth, strict=True) if real == kind]
        called = [hit for hit, answer in zip(right, said, strict=True) if answer == kind]
        figures[f"recall, {kind}"] = sum(of_kind) / len(of_kind)
        figures[f"precision, {kind}"] = sum(called) / len(called) if called else math.nan
    recalls = ", ".join(f"{kind} {figures[f'recall, {kind}']:.2f}" for kind in CLASSES)
    return Fact(name, f"{figures['accuracy']:.3f} ({recalls})", _finite(figures))


def _finite(figures: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in figures.items() if not math.isnan(value)}


def _outside(environments: Environments, draws: int, say: Callable[[str], None]) -> list[ScenarioResult]:
    results = []
    for noise, yes_no in ((0.02, False), (0.1, False), (0.02, True)):
        say(f"ramps and steps, noise {noise}{', yes or no' * yes_no}")
        kinds: list[str] = []
        histories = []
        for kind in NO_LOOP:
            for length in LENGTHS:
                dice = random.Random(f"outside {length} {noise} {kind}")
                kinds += [kind] * draws
                for _ in range(draws):
                    history = NO_LOOP[kind](dice, length, noise)
                    histories.append(history.snapshots(dice if yes_no else None))
        facts = []
        for name, engine in ENGINES.items():
            said = _asked(environments, engine, "classes", histories)
            figures = {
                kind: sum(a != NONE for a, k in zip(said, kinds, strict=True) if k == kind) / (2 * draws)
                for kind in NO_LOOP
            }
            mean = sum(figures[kind] for kind in OUTSIDE) / len(OUTSIDE)
            most = sorted(figures, key=lambda kind: -figures[kind])[:3]
            rest = ", ".join(f"{kind} {figures[kind]:.3f}" for kind in most)
            facts.append(Fact(name, f"{mean:.3f} of what is from outside (most: {rest})", figures))
        results.append(
            facts_result(
                f"called a loop without being one, noise {noise}{', success yes or no' * yes_no}",
                "30 and 100 snapshots",
                len(kinds),
                facts,
                unit="histories",
            )
        )
    return results


def _onset(environments: Environments, streams: int, say: Callable[[str], None]) -> ScenarioResult:
    say("onset")
    dice = random.Random("onset")
    stable = [[dice.gauss(0.6, 0.05) for _ in range(STABLE)] for _ in range(streams)]
    alarms = _asked(environments, "quarterdeck", "shifts", [_trusts(each) for each in stable])
    false = sum(map(len, alarms)) / streams
    facts = [Fact(f"no shift, {STABLE} snapshots", f"{false:.4f} false alarms", {"false alarms": false})]
    for size in (1.0, 1.5, 2.0, 3.0):
        shifted = [
            [dice.gauss(0.6, 0.05) for _ in range(100)]
            + [dice.gauss(0.6 - size * 0.05, 0.05) for _ in range(60)]
            for _ in range(streams)
        ]
        told = _asked(environments, "quarterdeck", "shifts", [_trusts(each) for each in shifted])
        delays = sorted(next((at - 100 for at in each if at > 100), 999) for each in told)
        median, in_time = delays[len(delays) // 2], sum(each <= 20 for each in delays) / streams
        facts.append(
            Fact(
                f"falls by {size} standard deviations",
                f"{median} snapshots later (median), {in_time:.1%} within 20",
                {"median delay": float(median), "within 20": in_time},
            )
        )
    return facts_result("onset alarm", "normal noise", streams, facts, unit="streams")


def _cost(environments: Environments, rounds: int, say: Callable[[str], None]) -> list[ScenarioResult]:
    dice = random.Random("cost")
    history = [
        {"trust": min(1.0, max(0.0, 0.3 + 0.001 * at + dice.gauss(0, 0.05))), "success": dice.random() < 0.7}
        for at in range(SNAPSHOTS)
    ]
    file = Path(environments.home) / "cost.json"
    file.write_text(json.dumps([history]))

    def contender(name: str, engine: str, scenario: str) -> measure.Contender:
        return measure.Contender(
            name,
            environments.command(engine, scenario, file),
            environments.home,
            environments.variables,
            times_itself=True,
        )

    cycles = [
        contender(f"{SUBJECT}, observing", "quarterdeck", "cycles"),
        contender(f"{SUBJECT}, observing, the whole answer each time", "quarterdeck", "answered"),
        contender(f"{SUBJECT}, all questions anew", "quarterdeck", "batch"),
        contender(peers.EMPATHY.label, "empathy", "cycles"),
    ]
    single = [
        contender(SUBJECT, "quarterdeck", "observe"),
        contender("floor (copy, look up)", "floor", "observe"),
    ]
    return [
        scenario_result(
            "one cycle of 100",
            "500 snapshots",
            SNAPSHOTS,
            measure.measure(cycles, rounds=rounds, progress=say),
            unit="snapshots",
        ),
        scenario_result(
            "one snapshot observed",
            "500 snapshots",
            SNAPSHOTS,
            measure.measure(single, rounds=rounds, progress=say),
            unit="snapshots",
        ),
    ]


def _trusts(values: Sequence[float]) -> list[dict[str, object]]:
    return [{"trust": value} for value in values]


def _asked(environments: Environments, engine: str, scenario: str, histories: Sequence[object]) -> list[Any]:
    """What *engine* says of each of *histories*."""
    file = Path(environments.home) / f"{scenario}.json"
    file.write_text(json.dumps(histories))
    done = subprocess.run(
        environments.command(engine, scenario, file),
        env={**os.environ, **environments.variables},
        cwd=environments.home,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise peers.PeerUnavailable(f"{engine} failed: {done.stderr.strip()[-300:]}")
    answers: list[Any] = json.loads(done.stdout)
    return answers
