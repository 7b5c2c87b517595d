"""``qd file``: everything known about one file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from quarterdeck.cli.options import inside, json_option, open_index, project_option
from quarterdeck.cli.output import metadata_lines, print_index_json, print_table, remark, say

if TYPE_CHECKING:
    from quarterdeck.index.facts.facts import Function
    from quarterdeck.index.graph.covers import Link
    from quarterdeck.index.model import FileRecord


@click.command()
@click.argument("path")
@project_option
@json_option
def command(path: str, project: str | None, as_json: bool) -> None:
    """Show everything known about one file.

    \b
    qd file src/app/models.py
    """
    with open_index(project) as index, index.frozen():
        record = index.require_file(inside(index, path))
        functions, classes = index.get_outline(record.path)
        links = index.get_test_links(record.path)
        remark(index.problems)
        if as_json:
            print_index_json(
                "file",
                index,
                {
                    "file": record.to_dict(),
                    "functions": [each._asdict() for each in functions],
                    "classes": [each._asdict() for each in classes],
                    "tests": [link._asdict() for link in links],
                },
            )
            return
        _print_record(record)
        _print_list("imports", record.imports)
        _print_list("imported by", record.imported_by)
        _print_functions(functions)
        _print_tests(links)


def _print_record(record: FileRecord) -> None:
    say(f"{record.path}: {record.category}{f', {record.language}' if record.language else ''}")
    for reason in record.attention_reasons:
        say(f"  needs attention: {reason}")
    say(
        f"  {record.lines_of_code:,} lines of code of {record.lines:,}, {record.functions:,} functions, "
        f"complexity {record.complexity_score:.0f}, highest {record.max_complexity:,}",
        f"  {record.dependents_count:,} files depend on it, impact {record.impact_score}",
    )
    if record.coverage_percent is not None:
        outdated = " (measured before its last change)" if record.coverage_outdated else ""
        say(f"  {record.coverage_percent:.1f} % of its lines are covered{outdated}")
    say(*(f"  {line}" for line in metadata_lines(record.metadata)))


def _print_list(title: str, paths: tuple[str, ...]) -> None:
    if paths:
        say("", f"{title} {len(paths):,}", *(f"  {path}" for path in paths))


def _print_functions(functions: tuple[Function, ...]) -> None:
    if functions:
        say("")
        print_table(
            ("function", "line", "complexity", "cognitive", "documented", "hinted"),
            [
                (each.name, each.line, each.complexity, each.cognitive, each.documented, each.hinted)
                for each in functions
            ],
        )


def _print_tests(links: list[Link]) -> None:
    if links:
        say("")
        ordered = sorted(links, key=lambda link: (-link.confidence, link.test))
        rows = [(link.test, link.how, f"{link.confidence:.2f}") for link in ordered]
        print_table(("tested by", "how", "confidence"), rows)
