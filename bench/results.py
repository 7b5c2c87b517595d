"""What was measured, for people and for programs.

    Measured -> ScenarioResult -> bench/results/PART-DATE.json -> bench/results/README.md
                                                               -> <!-- bench:PART --> in README.md

The JSON files are the record; both Markdown files can be written anew from them at any time.
"""

from __future__ import annotations

import json
import os
import platform
import re
import statistics
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NotRequired, TypedDict, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bench.measure import Measured

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "bench" / "results"


class Spread(TypedDict):
    """How a set of runs is distributed; quartiles by the inclusive method."""

    median: float
    min: float
    max: float
    q1: float
    q3: float


class Fact(NamedTuple):
    """What was found out about one contender that is no time, such as how many of its answers were wrong.

    Attributes:
        name: of the contender.
        text: as the tables say it.
        figures: the numbers it is made of.
        failure: why nothing was found out, in one line; empty when it was.
    """

    name: str
    text: str
    figures: Mapping[str, float]
    failure: str = ""


class Row(TypedDict):
    """One contender in one scenario; a failed one has no times.

    The ratios say how many times the cost of the scenario's subject it has: the ratio of the medians,
    and the median of the ratios within each round (which a drifting machine disturbs less). A row of a
    scenario of facts has *text* and *figures* in place of times.
    """

    name: str
    failure: str
    text: NotRequired[str]
    figures: NotRequired[dict[str, float]]
    wall_s: NotRequired[Spread]
    cpu_s: NotRequired[Spread]
    rss_bytes: NotRequired[int]
    pss_bytes: NotRequired[int]
    largest_rss_bytes: NotRequired[int]
    wall_ratio: NotRequired[float]
    wall_ratio_paired: NotRequired[float]
    cpu_ratio: NotRequired[float]
    cpu_ratio_paired: NotRequired[float]
    wall_runs_s: NotRequired[list[float]]
    cpu_runs_s: NotRequired[list[float]]


class ScenarioResult(TypedDict):
    """One question on one set of data; the first row is the subject, which the others are compared with.

    Attributes:
        files: how large the data are, in *unit*.
        unit: what *files* counts; ``files`` where it is left out.
    """

    name: str
    corpus: str
    files: int
    rows: list[Row]
    unit: NotRequired[str]


class PartResult(TypedDict):
    """One run of one part of the bench.

    Attributes:
        headline: the contenders that README.md shows, the subject first.
    """

    part: str
    at: str
    git_revision: str
    machine: dict[str, str | int]
    headline: list[str]
    scenarios: list[ScenarioResult]


def spread(values: Sequence[float]) -> Spread:
    """The distribution of at least one value."""
    low, middle, high = (
        statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else [values[0]] * 3
    )
    return Spread(median=middle, min=min(values), max=max(values), q1=low, q3=high)


def scenario_result(
    name: str, corpus: str, files: int, contenders: Sequence[Measured], *, unit: str = "files"
) -> ScenarioResult:
    """The rows of one scenario; ``contenders[0]`` is its subject."""
    subject = contenders[0]
    return ScenarioResult(
        name=name,
        corpus=corpus,
        files=files,
        rows=[_row(contender, subject) for contender in contenders],
        unit=unit,
    )


def facts_result(name: str, corpus: str, size: int, facts: Iterable[Fact], *, unit: str) -> ScenarioResult:
    """The rows of a scenario of facts, in their order."""
    rows = [
        Row(name=fact.name, failure=fact.failure, text=fact.text, figures=dict(fact.figures))
        for fact in facts
    ]
    return ScenarioResult(name=name, corpus=corpus, files=size, rows=rows, unit=unit)


def _row(measured: Measured, subject: Measured) -> Row:
    if measured.failure or not measured.timed:
        return Row(name=measured.name, failure=measured.failure or "was not run")
    wall = [run.wall_s for run in measured.timed]
    cpu = [run.cpu_s for run in measured.timed]
    row = Row(
        name=measured.name,
        failure="",
        wall_s=spread(wall),
        cpu_s=spread(cpu),
        rss_bytes=max((run.rss_bytes for run in measured.watched), default=0),
        pss_bytes=max((run.pss_bytes for run in measured.watched), default=0),
        largest_rss_bytes=max((run.largest_rss_bytes for run in measured.watched), default=0),
        wall_runs_s=wall,
        cpu_runs_s=cpu,
    )
    if subject.timed and not subject.failure:
        row["wall_ratio"], row["wall_ratio_paired"] = ratios(wall, [run.wall_s for run in subject.timed])
        row["cpu_ratio"], row["cpu_ratio_paired"] = ratios(cpu, [run.cpu_s for run in subject.timed])
    return row


def ratios(values: Sequence[float], subject: Sequence[float]) -> tuple[float, float]:
    """How many times *subject*: by the medians of all runs, and by the median over paired rounds."""
    of_medians = statistics.median(values) / statistics.median(subject)
    paired = statistics.median(mine / theirs for mine, theirs in zip(values, subject, strict=False))
    return of_medians, paired


def machine() -> dict[str, str | int]:
    """What the figures depend on besides the code."""
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "kernel": platform.release(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }


def _cpu_model() -> str:
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
        return next(models, platform.machine())


def git_revision() -> str:
    """The commit that was measured, with ``+`` when the tree differed from it; empty without git."""
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--abbrev=12", "--dirty=+"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return ""
    return described.stdout.strip()


def part_result(part: str, headline: Iterable[str], scenarios: list[ScenarioResult]) -> PartResult:
    """*scenarios*, dated and with the fingerprint of this machine."""
    return PartResult(
        part=part,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        git_revision=git_revision(),
        machine=machine(),
        headline=list(headline),
        scenarios=scenarios,
    )


def save(result: PartResult, folder: Path = FOLDER) -> Path:
    """Write *result* under its part and day; a second one of that day replaces the first."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{result['part']}-{result['at'][:10]}.json"
    path.write_text(json.dumps(result, indent=1) + "\n")
    return path


def newest(folder: Path = FOLDER) -> list[PartResult]:
    """The newest result of each part, by name of the part."""
    by_part: dict[str, PartResult] = {}
    for path in sorted(folder.glob("*.json")):
        result = cast("PartResult", json.loads(path.read_text()))
        if result["at"] >= by_part.get(result["part"], result)["at"]:
            by_part[result["part"]] = result
    return [by_part[part] for part in sorted(by_part)]


def full_tables(results: Iterable[PartResult]) -> str:
    """The text of bench/results/README.md."""
    parts = [
        "# Results\n",
        "Written by `./run bench`; edits here are lost. A time is the median of all rounds, with the\n"
        "interquartile range in brackets, in fresh processes that took turns. `×` is how many times\n"
        "Quarterdeck's cost it is, by the median over rounds. Memory is the largest sum of resident sets\n"
        "over all processes of a run.\n",
    ]
    for result in results:
        about = result["machine"]
        parts.append(
            f"## {result['part']}\n\n{result['at'][:10]}, revision {result['git_revision'] or 'unknown'}, "
            f"{about['cpu']}, {about['cores']} cores, Linux {about['kernel']}, {about['python']}\n"
        )
        parts.extend(_table(scenario) for scenario in result["scenarios"])
    return "\n".join(parts)


def _table(scenario: ScenarioResult) -> str:
    is_of_facts = any("text" in row for row in scenario["rows"])
    return _facts_table(scenario) if is_of_facts else _times_table(scenario)


def _facts_table(scenario: ScenarioResult) -> str:
    lines = [f"### {scenario['name']}: {_size(scenario)}\n", "| | |", "|---|---:|"]
    for row in scenario["rows"]:
        said = f"failed: {_cell(row['failure'])}" if row["failure"] else row["text"]
        lines.append(f"| {row['name']} | {said} |")
    return "\n".join(lines) + "\n"


def _times_table(scenario: ScenarioResult) -> str:
    lines = [
        f"### {scenario['name']}: {_size(scenario)}\n",
        "| | wall | × | CPU | × | memory |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for row in scenario["rows"]:
        if row["failure"]:
            lines.append(f"| {row['name']} | failed: {_cell(row['failure'])} | | | | |")
            continue
        lines.append(
            f"| {row['name']} | {_spread(row['wall_s'])} | {_ratio(row.get('wall_ratio_paired'))} "
            f"| {_spread(row['cpu_s'])} | {_ratio(row.get('cpu_ratio_paired'))} "
            f"| {row['rss_bytes'] / 1e6:.0f} MB |"
        )
    return "\n".join(lines) + "\n"


def headline_table(result: PartResult) -> str:
    """The short table of a part for README.md: wall times of, or facts about, the headline contenders.

    A contender's row is that of its very name, else the first that says more in brackets.
    """
    subject, *others = result["headline"]
    is_timed = any("wall_s" in row for scenario in result["scenarios"] for row in scenario["rows"])
    heads = [subject, *(head for other in others for head in ((other, "×") if is_timed else (other,)))]
    lines = ["| | " + " | ".join(heads) + " |", "|---|" + "---:|" * len(heads)]
    for scenario in result["scenarios"]:
        rows = {row["name"].partition(" (")[0]: row for row in reversed(scenario["rows"])}
        rows |= {row["name"]: row for row in scenario["rows"]}
        cells = [_answer(rows.get(subject))]
        for other in others:
            row = rows.get(other)
            cells.append(_answer(row))
            if is_timed:
                cells.append(_ratio(row.get("wall_ratio_paired") if row else None))
        where = f"{scenario['name']}, {_size(scenario)}"
        lines.append(f"| {where} | " + " | ".join(cells) + " |")
    about = result["machine"]
    lines.append(
        f"\nMeasured on {result['at'][:10]}, {about['cores']} cores, {about['python']}: `./run bench`."
    )
    return "\n".join(lines)


def with_regions(text: str, results: Iterable[PartResult]) -> str:
    """*text* with each marked region of a known part replaced by the part's headline table."""
    for result in results:
        begin, end = f"<!-- bench:{result['part']} -->", f"<!-- /bench:{result['part']} -->"
        region = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
        table = f"{begin}\n{headline_table(result)}\n{end}"
        text = region.sub(table.replace("\\", r"\\"), text)
    return text


def write_markdown(root: Path = ROOT) -> None:
    """Write bench/results/README.md and the regions of README.md from the newest results."""
    folder = root / "bench" / "results"
    results = newest(folder)
    (folder / "README.md").write_text(full_tables(results))
    readme = root / "README.md"
    readme.write_text(with_regions(readme.read_text(), results))


def _size(scenario: ScenarioResult) -> str:
    return f"{scenario['corpus']} ({scenario['files']:,} {scenario.get('unit', 'files')})"


def _answer(row: Row | None) -> str:
    if row is None:
        return "—"
    if row["failure"]:
        return "failed"
    return row["text"] if "text" in row else duration(row["wall_s"]["median"])


def _spread(values: Spread) -> str:
    return f"{duration(values['median'])} [{duration(values['q1'])}–{duration(values['q3'])}]"


def duration(seconds: float) -> str:
    """Three digits at most: ``2.7 µs``, ``31 ms``, ``0.41 s``, ``12 s``."""
    if seconds < 0.000_1:
        return f"{seconds * 1e6:.2f} µs"
    if seconds < 0.01:
        return f"{seconds * 1000:.2f} ms"
    if seconds < 0.1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"


def _ratio(value: float | None) -> str:
    if value is None:
        return ""
    digits = 2 if value < 0.1 else 1 if value < 20 else 0
    return f"{value:.{digits}f} ×"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
