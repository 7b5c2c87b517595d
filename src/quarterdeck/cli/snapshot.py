"""``qd snapshot``: name the present state, so that a later question can be "what has changed since?"."""

from __future__ import annotations

import click

from quarterdeck.cli.options import json_option, open_index, project_option
from quarterdeck.cli.output import print_index_json, print_table, remark, say
from quarterdeck.words import count


@click.command()
@click.argument("name", required=False)
@click.option("--list", "list_names", is_flag=True, help="List the names there are (the same as no NAME).")
@project_option
@json_option
def command(name: str | None, list_names: bool, project: str | None, as_json: bool) -> None:
    """Give the present state of the project a name, or list the names.

    \b
    qd snapshot before-refactoring
    qd changed --since before-refactoring
    """
    with open_index(project) as index:
        if name is not None and not list_names:
            state = index.name_snapshot(name)
            remark(index.problems)
            if as_json:
                print_index_json("snapshot", index, {"name": name})
            else:
                files = count(state.files, "file")
                say(f"{name} is state {state.id[:12]}, {files}: qd changed --since {name}")
        else:
            found = index.get_snapshots()
            remark(index.problems)
            if as_json:
                print_index_json("snapshots", index, {"snapshots": [each._asdict() for each in found]})
            elif found:
                print_table(("name", "state", "recorded"), found)
            else:
                say("no state has a name yet: qd snapshot NAME")
