"""``qd summary``: the project on one screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from quarterdeck.cli.options import json_option, open_index, project_option
from quarterdeck.cli.output import print_index_json, print_table, remark, say

if TYPE_CHECKING:
    from quarterdeck.index.advice.health import Health
    from quarterdeck.index.model import FileRecord, ProjectSummary

_SHOWN = 8


@click.command()
@project_option
@json_option
def command(project: str | None, as_json: bool) -> None:
    """Show the project in numbers.

    \b
    qd summary
    qd summary --json
    """
    from quarterdeck.index.advice.latest_health import latest_health

    with open_index(project) as index:
        with index.frozen():
            health = latest_health(index)
            summary = index.get_summary()
            top = (
                [] if as_json else [index.require_file(path) for path in summary.top_attention_files[:_SHOWN]]
            )
        remark(index.problems)
        if as_json:
            print_index_json("summary", index, {"summary": summary.to_dict(), "health": health.to_dict()})
            return
        say(index.root, "", *_numbers(summary), *_health(health), "")
        if top:
            print_table(("needs attention first", "why"), [(record.path, _why(record)) for record in top])
            say("", "all of them: qd files --attention; two weeks' worth: qd report sprint")
        else:
            say("nothing needs attention")


def _numbers(summary: ProjectSummary) -> list[str]:
    languages = ", ".join(f"{name} {lines:,}" for name, lines in list(summary.lines_by_language.items())[:6])
    coverage = (
        "never measured"
        if summary.test_coverage_avg is None
        else f"{summary.test_coverage_avg:.0f} % on average"
    )
    needing = summary.files_requiring_tests
    return [
        f"files      {summary.total_files:,}: {summary.source_files:,} source, {summary.test_files:,} test, "
        f"{summary.config_files:,} config, {summary.doc_files:,} docs, {_others(summary):,} other",
        f"code       {summary.total_lines_of_code:,} lines in {summary.total_functions:,} functions, "
        f"complexity {summary.avg_complexity:.1f} a file",
        f"languages  {languages or 'none that is known'} (lines)",
        f"tests      {summary.total_test_count:,} tests; {summary.files_with_tests:,} of {needing:,} files "
        f"that need tests have some; coverage {coverage}",
        f"imports    {summary.import_edges:,} between files, {summary.import_cycles:,} cycles",
    ]


def _health(health: Health) -> list[str]:
    if health.score is None:
        return ["health     no source code to judge"]
    lost = sorted(
        (part for part in health.parts if part.points_lost >= 1), key=lambda part: -part.points_lost
    )
    worst = ", ".join(f"{part.name} -{part.points_lost:.0f}" for part in lost[:4])
    left_out = [part.name for part in health.parts if part.applies and part.value is None]
    return [
        f"health     {health.score:.0f} of 100{f' ({worst})' if worst else ''}: qd report health",
        *([f"           not measured, so not in it: {', '.join(left_out)}"] if left_out else []),
    ]


def _why(record: FileRecord) -> str:
    return "; ".join(record.attention_reasons)


def _others(summary: ProjectSummary) -> int:
    """Files that are none of what the line names."""
    named = (summary.source_files, summary.test_files, summary.config_files, summary.doc_files)
    return summary.total_files - sum(named)
