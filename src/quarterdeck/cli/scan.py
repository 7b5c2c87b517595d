"""``qd scan``: bring the index up to date."""

from __future__ import annotations

import click

from quarterdeck import caches
from quarterdeck.cli.options import json_option, open_index, project_option
from quarterdeck.cli.output import print_index_json, print_table, remark, say


@click.command()
@click.option("--no-cache", is_flag=True, help="Read every file anew and keep nothing.")
@click.option("--stats", is_flag=True, help="Also show what the caches saved.")
@project_option
@json_option
def command(project: str | None, no_cache: bool, stats: bool, as_json: bool) -> None:
    """Bring the index up to date and say what is in the project.

    \b
    qd scan
    qd scan --stats
    qd scan -C ~/src/django --json
    """
    with open_index(project, use_cache=not no_cache) as index:
        with index.frozen() as state:
            summary = index.get_summary()
        saved = caches.snapshot("index.") if stats else []
        remark(index.problems)
        if as_json:
            print_index_json(
                "scan", index, {"summary": summary.to_dict(), "caches": [each.to_dict() for each in saved]}
            )
            return
        say(
            f"{summary.total_files:,} files, {state.refreshed:,} of them new or changed since the last scan",
            f"{summary.source_files:,} source files with {summary.total_lines_of_code:,} lines and "
            f"{summary.total_functions:,} functions; {summary.test_files:,} test files with "
            f"{summary.total_test_count:,} tests",
            f"{summary.import_edges:,} imports between files, {summary.import_cycles:,} import cycles",
            f"{summary.files_needing_attention:,} files need attention: qd files --attention",
            *(f"note: {note}" for note in summary.notes),
        )
        if saved:
            say("")
            print_table(
                ("cache", "hits", "misses", "hit ratio", "evicted", "entries", "bytes", "seconds saved"),
                [(*each[:3], each.hit_ratio, *each[3:]) for each in saved],
            )
