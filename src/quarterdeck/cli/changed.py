"""``qd changed``: what has changed since a snapshot, a state or a commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from quarterdeck.cli.options import json_option, open_index, project_option
from quarterdeck.cli.output import print_index_json, print_table, remark, say

if TYPE_CHECKING:
    from quarterdeck.index.changes.since import FileChange


@click.command()
@click.option(
    "--since",
    required=True,
    metavar="NAME|STATE|git:REV",
    help="A snapshot's name, the id of a state (or 6 digits of it), or git: and a revision.",
)
@project_option
@json_option
def command(since: str, project: str | None, as_json: bool) -> None:
    """List what has changed since a snapshot, a state or a commit.

    Every --json answer carries the id of the state it was checked against; hand it back here.

    \b
    qd changed --since before-refactoring
    qd changed --since 4f1d0c
    qd changed --since git:main
    """
    with open_index(project) as index, index.frozen():
        found = index.get_changes(since)
        remark(index.problems)
        if as_json:
            print_index_json(
                "changed",
                index,
                {
                    "since": found.since,
                    "files": [each.to_dict() for each in found.files],
                    "dependents": list(found.dependents),
                    "tests": [link._asdict() for link in found.tests],
                },
            )
            return
        if not found.files:
            say(f"nothing has changed since {found.since}")
            return
        say(f"{len(found.files):,} files have changed since {found.since}")
        rows = [(each.status, _file(each), _symbols(each)) for each in found.files]
        print_table(("what", "file", "classes and functions"), rows)
        say(f"{len(found.dependents):,} other files depend on them; {len(found.tests):,} test files to run")


def _file(change: FileChange) -> str:
    return f"{change.path}, was {change.old_path}" if change.old_path else change.path


def _symbols(change: FileChange) -> str:
    found = change.symbols
    if found is None:
        return ""
    groups = [
        f"{word} {', '.join(names)}"
        for word, names in (("added", found.added), ("removed", found.removed), ("changed", found.changed))
        if names
    ]
    if not found.exact:
        groups.append("others may have changed inside")
    return "; ".join(groups) or "only outside of them"
