"""``qd hotspots``: where the trouble is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from quarterdeck.cli.options import json_option, limit_option, open_index, project_option
from quarterdeck.cli.output import first, print_index_json, print_table, remark, say, say_left_out
from quarterdeck.index.advice.evidence import past_of
from quarterdeck.index.advice.hotspots import rank_files, rank_functions, with_worst_functions
from quarterdeck.index.project_index import nothing_in
from quarterdeck.words import count

if TYPE_CHECKING:
    from quarterdeck.index.advice.history import History
    from quarterdeck.index.advice.hotspots import FunctionHotSpot, HotSpot


@click.command()
@click.option("--functions", is_flag=True, help="Rank functions instead of files.")
@click.option(
    "--since",
    "days",
    metavar="DAYS",
    type=click.IntRange(min=1, max=36_500),
    help="How many days of history count (default: churn_days).",
)
@limit_option(15)
@project_option
@json_option
def command(project: str | None, functions: bool, days: int | None, limit: int, as_json: bool) -> None:
    """Rank code that is complex, often changed and little tested.

    The score is 0 to 100 within this project: 100 x sqrt(change x complexity), less what coverage proves.
    Without a history, the number of files that depend on a file stands in for change.

    \b
    qd hotspots
    qd hotspots --functions -n 30
    qd hotspots --since 90 --json
    """
    with open_index(project) as index:
        with index.frozen():
            records = index.get_all_files()
            if not records:
                raise nothing_in(index.root)
            history, churn = past_of(index, records, days)
            if functions:
                outlines = index.get_outlines(record for record in records if record.functions)
                functions_ranked = rank_functions(records, churn, outlines)
                total = len(functions_ranked)
                hottest = first(functions_ranked, limit)
                table = _function_table(hottest)
                answer = {"functions": [spot.to_dict() for spot in hottest]}
            else:
                ranked = rank_files(records, churn)
                total = len(ranked)
                spots = first(ranked, limit)
                shown = {spot.path for spot in spots}
                outlines = index.get_outlines(record for record in records if record.path in shown)
                spots = with_worst_functions(spots, outlines)
                table = _file_table(spots, history)
                answer = {"files": [spot.to_dict() for spot in spots]}
        remark(index.problems)
        if as_json:
            past = {
                "since": history.since.isoformat(),
                "commits": len(history.commits),
                "reason": history.reason,
                "notes": history.notes,
            }
            print_index_json("hotspots", index, {"history": past, "total": total, **answer})
            return
        columns, rows = table
        if not rows:
            say("there is no code to rank")
            return
        say(*_preface(history), "")
        print_table(columns, rows)
        say_left_out(len(rows), total, "functions" if functions else "files")


def _preface(history: History) -> list[str]:
    if history.reason:
        return [f"no history: {history.reason}; ranked by complexity and by how many files depend on each"]
    past = f"{count(len(history.commits), 'commit')} since {history.since:%Y-%m-%d}"
    quiet = [] if history.commits else ["no commit in this time: ranked by complexity"]
    return [past, *quiet, *(f"note: {note}" for note in history.notes)]


def _file_table(spots: list[HotSpot], history: History) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
    changed = ("commits", "authors", "lines ±") if history.known else ("dependents",)
    columns = ("score", "file", *changed, "complexity", "covered %", "worst function")
    return columns, [
        (
            spot.score,
            spot.path,
            *((spot.commits, spot.authors, spot.churn) if history.known else (spot.dependents,)),
            spot.complexity,
            spot.coverage_percent,
            f"{spot.worst_function} ({spot.max_complexity}), line {spot.worst_line}"
            if spot.worst_function
            else None,
        )
        for spot in spots
    ]


def _function_table(spots: list[FunctionHotSpot]) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
    columns = (
        "score",
        "function",
        "where",
        "complexity",
        "cognitive",
        "commits to file",
        "covered % of file",
    )
    return columns, [
        (
            spot.score,
            spot.name,
            f"{spot.path}:{spot.line}",
            spot.complexity,
            spot.cognitive,
            spot.commits,
            spot.coverage_percent,
        )
        for spot in spots
    ]
