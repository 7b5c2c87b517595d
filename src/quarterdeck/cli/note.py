"""``qd note``: the user's own metadata on a file."""

from __future__ import annotations

import json

import click

from quarterdeck.cli.options import inside, json_option, open_index, project_option
from quarterdeck.cli.output import metadata_lines, print_index_json, remark, say
from quarterdeck.errors import UsageError


@click.command()
@click.argument("path")
@click.argument("pairs", nargs=-1, metavar="[KEY=VALUE]...")
@project_option
@json_option
def command(path: str, pairs: tuple[str, ...], project: str | None, as_json: bool) -> None:
    """Attach your own metadata to a file.

    A value that is JSON is kept as such, any other as text; KEY= removes KEY; no pair shows what is there.

    \b
    qd note src/app/models.py owner=ada reviewed=true
    qd note src/app/models.py owner=
    """
    with open_index(project) as index:
        name = inside(index, path)
        values = dict(_pair(pair) for pair in pairs)
        record = index.set_metadata(name, values) if values else index.require_file(name)
        remark(index.problems)
        if as_json:
            print_index_json("note", index, {"path": record.path, "metadata": record.metadata})
        elif record.metadata:
            say(*metadata_lines(record.metadata))
        else:
            say(f"{record.path} has no metadata")


def _pair(text: str) -> tuple[str, object]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise UsageError(f"{text!r} is not KEY=VALUE", hint="write owner=ada, or owner= to remove it")
    if not value:
        return key, None
    try:
        return key, json.loads(value, parse_constant=str)
    except (ValueError, RecursionError):
        return key, value
