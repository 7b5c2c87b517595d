"""``qd files``: the index as a list, filtered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from quarterdeck.cli.options import json_option, limit_option, open_index, project_option
from quarterdeck.cli.output import first, print_index_json, print_table, remark, say, say_left_out
from quarterdeck.index.model import FileCategory

if TYPE_CHECKING:
    from collections.abc import Iterable

    from quarterdeck.index.model import FileRecord
    from quarterdeck.index.project_index import ProjectIndex


@click.command()
@click.option(
    "--category", type=click.Choice([category.value for category in FileCategory]), help="Of one category."
)
@click.option("--language", metavar="NAME", help="In one language: python, go …")
@click.option(
    "--match", "pattern", metavar="GLOB", help="Whose path matches (* crosses /), or contains, GLOB."
)
@click.option("--attention", "need", flag_value="attention", help="That need attention, heaviest first.")
@click.option(
    "--untested", "need", flag_value="untested", help="That need tests and have none, highest impact first."
)
@click.option(
    "--stale",
    "need",
    flag_value="stale",
    help="Much newer than their tests, stalest first; by git's history where there is one.",
)
@click.option(
    "--high-impact", "need", flag_value="high_impact", help="That much depends on, highest impact first."
)
@limit_option(30)
@project_option
@json_option
def command(
    project: str | None,
    category: str | None,
    language: str | None,
    pattern: str | None,
    need: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List files by category, language, pattern or need.

    Filters add up: a file is listed when it passes all of them.

    \b
    qd files --category source --language go
    qd files --untested -n 10
    qd files --match 'src/*/views.py' --json
    """
    from quarterdeck.index.project_index import nothing_in

    with open_index(project) as index:
        with index.frozen() as state:
            if not state.files:
                raise nothing_in(index.root)
            matching = None if pattern is None else {record.path for record in index.search_files(pattern)}
            records = [
                record
                for record in _needing(index, need)
                if (category is None or record.category == category)
                and (language is None or record.language == language.lower())
                and (matching is None or record.path in matching)
            ]
        remark(index.problems)
        kept = first(records, limit)
        if as_json:
            print_index_json(
                "files", index, {"total": len(records), "files": [record.to_dict() for record in kept]}
            )
        elif kept:
            _print(kept, with_reasons=need == "attention")
            say_left_out(len(kept), len(records), "files")
        else:
            say("no file passes these filters")


def _needing(index: ProjectIndex, need: str | None) -> list[FileRecord]:
    """The records that *need* names, in its order; all of them by path when it is None."""
    match need:
        case "attention":
            return index.get_files_needing_attention()
        case "untested":
            return index.get_files_needing_tests()
        case "stale":
            from quarterdeck.index.advice.evidence import gather

            return [index.require_file(each.path) for each in gather(index).stale]
        case "high_impact":
            return index.get_high_impact_files()
        case _:
            return index.get_all_files()


def _print(records: Iterable[FileRecord], *, with_reasons: bool) -> None:
    if with_reasons:
        print_table(
            ("file", "impact", "why"),
            [(r.path, r.impact_score, "; ".join(r.attention_reasons)) for r in records],
        )
        return
    print_table(
        ("file", "category", "language", "lines", "functions", "complexity", "tests", "covered %", "impact"),
        [
            (
                record.path,
                record.category.value,
                record.language,
                record.lines_of_code,
                record.functions,
                round(record.complexity_score),
                record.test_count,
                record.coverage_percent,
                record.impact_score,
            )
            for record in records
        ],
    )
