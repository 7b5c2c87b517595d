"""``qd deps``: what a file depends on."""

from __future__ import annotations

import click

from quarterdeck.cli.neighbours import print_neighbours
from quarterdeck.cli.options import inside, json_option, open_index, project_option


@click.command()
@click.argument("path")
@click.option("--transitive", is_flag=True, help="Also what those depend on, with the distance.")
@project_option
@json_option
def command(path: str, transitive: bool, project: str | None, as_json: bool) -> None:
    """List the files a file depends on.

    \b
    qd deps src/app/models.py
    qd deps src/app/models.py --transitive
    """
    with open_index(project) as index, index.frozen():
        record = index.require_file(inside(index, path))
        reach = index.get_graph().all_dependencies(record.path)
        print_neighbours(index, record.path, reach, verb="depends on", transitive=transitive, as_json=as_json)
