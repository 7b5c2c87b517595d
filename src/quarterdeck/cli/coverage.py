"""``qd coverage``: take in what a coverage run measured."""

from __future__ import annotations

import click

from quarterdeck.cli.options import json_option, open_index, project_option
from quarterdeck.cli.output import print_index_json, remark, say


@click.command()
@click.argument("path")
@project_option
@json_option
def command(path: str, project: str | None, as_json: bool) -> None:
    """Take in what a coverage run measured.

    PATH is a .coverage file, coverage.json, Cobertura XML or lcov.info. When the run kept contexts
    (pytest --cov-context=test, or dynamic_context = test_function), they prove which tests run which file.

    \b
    pytest --cov=src --cov-context=test && qd coverage .coverage
    """
    from quarterdeck.index.coverage.matching import take_in

    with open_index(project) as index:
        taken = take_in(index, path)
        remark(index.problems)
        if as_json:
            print_index_json(
                "coverage",
                index,
                {
                    "files": taken.percent,
                    "average_percent": taken.average_percent,
                    "unknown": list(taken.unknown),
                    "changed_since": list(taken.changed_since),
                    "proven_pairs": len(taken.proven),
                    "unknown_contexts": taken.unknown_contexts,
                },
            )
            return
        average = taken.average_percent
        say(
            f"{len(taken.percent):,} files taken in"
            + ("" if average is None else f", {average:.1f} % covered on average")
        )
        if taken.unknown:
            say(f"{len(taken.unknown):,} files are unknown here, such as {taken.unknown[0]}")
        if taken.changed_since:
            say(f"{len(taken.changed_since):,} files have changed since, such as {taken.changed_since[0]}")
        if taken.proven:
            say(f"{len(taken.proven):,} pairs of test and file are proven: qd tests for PATH")
        else:
            say("no test is proven to run any file: measure with contexts (pytest --cov-context=test)")
        if taken.unknown_contexts:
            say(f"{taken.unknown_contexts:,} contexts belong to no test file of the index")
