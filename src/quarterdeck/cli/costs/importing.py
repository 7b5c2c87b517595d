"""``qd costs import``: what agents have written down themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from quarterdeck.cli.costs.options import archive_of, ledger_option, opened_ledger
from quarterdeck.cli.costs.output import print_ledger_json
from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import print_table, progress, remark, say
from quarterdeck.costs.importers import known
from quarterdeck.errors import NothingToRead, UsageError
from quarterdeck.words import count, size

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from quarterdeck.costs.importers.importing import ImportReport, SourceReport

SHOWN_PROBLEMS = 5


@click.command()
@click.argument("sources", metavar="[SOURCE]...", nargs=-1, type=click.Choice(sorted(known.MODULES)))
@click.option(
    "--root",
    "roots",
    metavar="DIR",
    multiple=True,
    help="Look here instead of the usual places; with one SOURCE only.",
)
@click.option("--rescued", is_flag=True, help="Read the copies that qd costs rescue has made.")
@click.option("--full", is_flag=True, help="Read everything again; nothing is counted twice.")
@ledger_option
@json_option
def command(
    sources: tuple[str, ...],
    roots: tuple[str, ...],
    rescued: bool,
    full: bool,
    folder: str | None,
    as_json: bool,
) -> None:
    """Take in what agents have written down: Claude Code, Codex, Gemini CLI, OpenCode.

    Only what is new is read, and nothing is counted twice: run it as often as you like.

    \b
    qd costs import
    qd costs import claude-code codex
    qd costs import codex --root /mnt/backup/.codex/sessions
    """
    from quarterdeck.costs.importers.importing import import_all
    from quarterdeck.costs.rescue import archived_places

    with opened_ledger(folder) as ledger:
        places = archived_places(archive_of(ledger)) if rescued else _places(sources, roots)
        chosen = [name for name in sources or known.MODULES if not rescued or name in places]
        report = import_all(
            ledger,
            [known.source(name) for name in chosen],
            places,
            progress=progress("MB", unit=1_000_000),
            full=full,
        )
        if len(report.not_found) == len(report.sources):
            raise _nothing(report)
        remark(_problems(report))
        remark(ledger.problems)
        if as_json:
            answer = {
                "requests": report.requests,
                "not_found": report.not_found,
                "sources": [_json(each) for each in report.sources],
            }
            print_ledger_json("import", ledger, answer)
            return
    _print(report)


def _places(sources: Sequence[str], roots: Sequence[str]) -> dict[str, Sequence[str]]:
    if not roots:
        return {}
    if len(sources) != 1:
        raise UsageError(
            "--root says where one source is, and there is not one SOURCE",
            hint=f"write qd costs import {next(iter(known.MODULES))} --root DIR",
        )
    return {sources[0]: roots}


def _nothing(report: ImportReport) -> NothingToRead:
    looked = ", ".join(place for each in report.sources for place in each.places)
    return NothingToRead(
        f"there are no transcripts in {looked}" if looked else "no transcripts have been rescued",
        hint="name the folder: qd costs import SOURCE --root DIR",
    )


def _problems(report: ImportReport) -> Iterator[str]:
    shown = report.problems[:SHOWN_PROBLEMS]
    yield from map(str, shown)
    left = sum(each.problem_count for each in report.sources) - len(shown)
    if left:
        yield f"{left:,} more could not be read; --json lists the first of each source"


def _print(report: ImportReport) -> None:
    print_table(
        ("source", "files", "read", "size read", "requests", "duplicates", "problems"),
        [
            (
                each.name,
                each.files,
                each.files_read,
                size(each.bytes_read),
                each.requests,
                each.duplicates,
                each.problem_count,
            )
            for each in report.sources
            if each.found
        ],
    )
    say("")
    for each in report.sources:
        for why, times in each.skipped.items():
            say(f"{each.name}: {times:,} left out: {why}")
        if each.unfinished:
            files = count(each.unfinished, "file")
            say(f"{each.name}: {files} ending within a line, which is read when it is finished")
    if report.not_found:
        say(f"not found here: {', '.join(report.not_found)}")
    say(f"{count(report.requests, 'request')} recorded; what they cost: qd costs")


def _json(each: SourceReport) -> dict[str, Any]:
    return {**each._asdict(), "problems": [problem._asdict() for problem in each.problems]}
