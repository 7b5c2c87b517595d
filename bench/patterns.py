"""A library of patterns next to what else could keep and find them: speed, memory, and what it promises.

    a few         100 patterns: what fits the situation of an agent, the same again, another, after a write
    many          10 thousand and a million on disk: how long they take to be searched, by words and filters
    contribute    one at a time, from one process and from four
    fresh         a process that is started for one question
    meaning       the same questions by words and by meaning, with the extra ``semantic``
    facts         found by another process at once, and lost to kill -9 (`pattern_facts`)

The contenders stand in `pattern_stores`, what they do in `programs`. All get the same patterns and are asked
the same questions (`programs.pattern_corpus`). A process measures several operations, each by its median (and
what one in a hundred exceeds); it is one run of each of them. How well what is found answers the question is
another part: `pattern_quality`; what is learned from outcomes is `pattern_regret`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bench import pattern_facts, pattern_stores
from bench.measure import Contender, Measured, Run, measure
from bench.pattern_stores import (
    BM25S,
    EMPATHY,
    FTS5,
    LINE,
    ROW,
    ROWS,
    STAMP,
    START,
    SUBJECT,
    TANTIVY,
    WITHOUT_MEANING,
    WORK,
)
from bench.results import Fact, ScenarioResult, facts_result, scenario_result

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bench.memory_stores import Stores

HEADLINE = pattern_stores.HEADLINE

FEW = 100
MANY = 10_000, 1_000_000
QUICK_MANY = (20_000,)
BY_MEANING = 10_000, 100_000
QUICK_BY_MEANING = (2_000,)
WRITES = 2_000
QUICK_SHARE = 10
PATIENCE_S = 900.0
BUILT_ONCE = 100_000
"""From so many patterns on they are built once, not in every round."""

SEARCHED = {SUBJECT: "quarterdeck", FTS5: "fts5", TANTIVY: "tantivy", BM25S: "bm25s"}
ASKED_AGAIN = {SUBJECT: "quarterdeck", EMPATHY: "empathy", FTS5: "fts5", TANTIVY: "tantivy", BM25S: "bm25s"}
IN_TABLE = {ROWS: "rows"}
IN_DICT = {STAMP: "stamp"}
MEANT = {SUBJECT: "quarterdeck-semantic", WITHOUT_MEANING: "quarterdeck-without-meaning"}
WRITTEN = {SUBJECT: "quarterdeck", FTS5: "fts5", ROW: "rows", LINE: "line"}
WRITTEN_ALONE = {
    SUBJECT: "quarterdeck",
    EMPATHY: "empathy",
    FTS5: "fts5",
    TANTIVY: "tantivy",
    ROW: "rows",
    LINE: "line",
}
STARTED = {SUBJECT: "quarterdeck", EMPATHY: "empathy", FTS5: "fts5", TANTIVY: "tantivy"}


class Told(NamedTuple):
    """What one process has said of itself.

    Attributes:
        runs: operation -> what one of them took.
        own_bytes: of memory at its end, without files that are mapped.
        failure: why it has said nothing, in one line.
    """

    runs: Mapping[str, Run]
    own_bytes: int = 0
    failure: str = ""


class Bench:
    """The places of all contenders, and the programs at work in them."""

    def __init__(self, stores: Stores, rounds: int, say: Callable[[str], None]) -> None:
        """Every process is started anew in each of *rounds*."""
        self.stores = stores
        self._rounds = rounds
        self._say = say

    def corpus(self, count: int) -> Path:
        """A file of so many patterns."""
        path = WORK / f"patterns-{count}.jsonl"
        if not path.exists():
            self._say(f"making {count:,} patterns up")
            program = Path(__file__).parent / "programs" / "pattern_corpus.py"
            subprocess.run([sys.executable, str(program), str(path), str(count)], check=True)
        return path

    def place(self, engine: str, *, empty: bool = False) -> Path:
        """The folder of *engine*."""
        place = WORK / "places" / engine
        if empty:
            shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True, exist_ok=True)
        return place

    def in_turn(
        self,
        title: str,
        engines: Mapping[str, str],
        program: str,
        *arguments: object,
        empty: bool = False,
        rounds: int = 0,
    ) -> dict[str, list[Told]]:
        """What each contender says in each round; who has failed once is not started again."""
        told: dict[str, list[Told]] = {contender: [] for contender in engines}
        for number in range(1, (rounds or self._rounds) + 1):
            for contender, engine in engines.items():
                if told[contender] and told[contender][-1].failure:
                    continue
                self._say(f"{title}, round {number}: {contender}")
                place = self.place(engine, empty=empty)
                told[contender].append(self._tell(engine, program, place, *arguments))
        return told

    def _tell(self, engine: str, program: str, place: Path, *arguments: object) -> Told:
        env = {**os.environ, **self.stores.variables(engine)}
        try:
            done = subprocess.run(
                self.stores.command(engine, program, place, *arguments),
                cwd=place,
                env=env,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=PATIENCE_S,
            )
        except subprocess.TimeoutExpired:
            return Told({}, failure=f"not done after {PATIENCE_S:.0f} s")
        if done.returncode:
            lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            return Told({}, failure=lines[-1][:120])
        return told_by(done.stdout)


def told_by(output: str) -> Told:
    """What the last line of a program says."""
    said = json.loads(output.strip().splitlines()[-1])
    peak = said["peak_bytes"]
    runs = {
        operation: Run(wall_s, cpu_s, peak, 0, peak, 0, "")
        for operation, (wall_s, cpu_s) in said["times"].items()
    }
    return Told(runs, said["own_bytes"])


def scenarios(told: Mapping[str, Sequence[Told]], where: str, size: int) -> list[ScenarioResult]:
    """One for each operation, of those who have done it and those who have failed."""
    operations = dict.fromkeys(
        operation for every in told.values() for each in every for operation in each.runs
    )
    results = []
    for operation in operations or ("all of it",):
        measured = []
        for contender, every in told.items():
            runs = tuple(each.runs[operation] for each in every if operation in each.runs)
            failure = next((each.failure for each in every if each.failure), "")
            if runs or failure:
                measured.append(Measured(contender, runs, runs, failure))
        results.append(scenario_result(operation, where, size, measured, unit="patterns"))
    return results


def run(*, rounds: int, quick: bool, say: Callable[[str], None]) -> list[ScenarioResult]:
    """Every scenario; *quick*: with fewer patterns."""
    say("preparing the contenders")
    bench = Bench(pattern_stores.install(), rounds, say)
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    share = QUICK_SHARE if quick else 1
    try:
        results = _few(bench)
        for size in QUICK_MANY if quick else MANY:
            results += _many(bench, size)
        results += _contributed(bench, WRITES // share)
        results += _fresh(bench, rounds, say)
        for size in QUICK_BY_MEANING if quick else BY_MEANING:
            results += _meant(bench, size)
        results += pattern_facts.run(bench.stores, share=share, say=say)
    finally:
        shutil.rmtree(WORK, ignore_errors=True)
    return results


def _few(bench: Bench) -> list[ScenarioResult]:
    engines = ASKED_AGAIN | IN_DICT
    told = bench.in_turn("a few", engines, "pattern_asking", "few", bench.corpus(FEW), empty=True)
    return scenarios(told, "on disk", FEW)


def _many(bench: Bench, size: int) -> list[ScenarioResult]:
    engines = SEARCHED | IN_TABLE
    file = bench.corpus(size)
    rounds = 1 if size >= BUILT_ONCE else 0
    title = f"{size:,}"
    built = bench.in_turn(
        f"{title}, build", engines, "pattern_asking", "build", file, empty=True, rounds=rounds
    )
    there = {contender: engines[contender] for contender in engines if not built[contender][-1].failure}
    on_disk = {contender: _bytes_in(bench.place(engine)) for contender, engine in there.items()}
    asked = bench.in_turn(f"{title}, asked", there, "pattern_asking", "many", file)
    facts = [
        _memory(contender, every, on_disk[contender]) for contender, every in asked.items() if every[-1].runs
    ]
    file.unlink()
    return [
        *scenarios(built, "on disk", size),
        *scenarios(asked, "on disk", size),
        facts_result("memory when all is asked", "on disk", size, facts, unit="patterns"),
    ]


def _memory(contender: str, every: Sequence[Told], on_disk: int) -> Fact:
    peak = max(run.rss_bytes for each in every for run in each.runs.values())
    own = max(each.own_bytes for each in every)
    text = f"{peak / 1e6:.0f} MB, {own / 1e6:.0f} MB of it its own; {on_disk / 1e6:.0f} MB on disk"
    return Fact(contender, text, {"peak_bytes": peak, "own_bytes": own, "disk_bytes": on_disk})


def _bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _contributed(bench: Bench, count: int) -> list[ScenarioResult]:
    results = []
    for engines, writers in ((WRITTEN_ALONE, 1), (WRITTEN, 4)):
        title = f"contribute, {writers} at a time"
        told = bench.in_turn(title, engines, "pattern_writing", writers, count, empty=True)
        where = "one process" if writers == 1 else f"{writers} processes"
        results += scenarios(told, f"{where} at work", count)
    return results


def _fresh(bench: Bench, rounds: int, say: Callable[[str], None]) -> list[ScenarioResult]:
    """A process that is started for one question, as a whole; memory is watched in a round of its own."""
    file = bench.corpus(FEW)
    fill = {contender: engine for contender, engine in STARTED.items() if engine != "empathy"}
    bench.in_turn("fresh, fill", fill, "pattern_asking", "build", file, empty=True, rounds=1)
    python = bench.stores.command("quarterdeck", "")[0]
    asking = [
        _process(
            bench,
            contender,
            engine,
            bench.stores.command(engine, "pattern_once", bench.place(engine), file),
        )
        for contender, engine in STARTED.items()
    ]
    library = str(bench.place("quarterdeck") / "library.sqlite")
    qd = str(Path(python).with_name("qd"))
    searching = _process(
        bench, SUBJECT, "quarterdeck", [qd, "patterns", "search", "object", "value", "--path", library]
    )
    floor = _process(bench, START, "quarterdeck", [python, "-c", "pass"])
    results = []
    for name, contenders in (
        ("import, open, ask once", [*asking, floor]),
        ("qd patterns search", [searching, floor]),
    ):
        measured = measure(
            contenders,
            rounds=max(rounds, 5),
            memory_rounds=1,
            progress=lambda text, name=name: say(f"{name}: {text}"),  # type: ignore[misc]
        )
        results.append(scenario_result(name, "a fresh process", FEW, measured, unit="patterns"))
    return results


def _process(bench: Bench, name: str, engine: str, argv: Sequence[str]) -> Contender:
    return Contender(name, argv, str(WORK), bench.stores.variables(engine))


def _meant(bench: Bench, size: int) -> list[ScenarioResult]:
    file = bench.corpus(size)
    bench.in_turn(f"{size:,} by meaning, build", MEANT, "pattern_asking", "build", file, empty=True, rounds=1)
    told = bench.in_turn(f"{size:,} by meaning, asked", MEANT, "pattern_asking", "meaning", file)
    file.unlink()
    return scenarios(told, "with the extra semantic", size)
