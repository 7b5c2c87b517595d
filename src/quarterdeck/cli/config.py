"""``qd config``: every setting and where it came from."""

from __future__ import annotations

import json

import click

from quarterdeck import config
from quarterdeck.cli.options import json_option, project_option
from quarterdeck.cli.output import print_table
from quarterdeck.workspace import find_root, open_workspace


@click.command()
@project_option
@json_option
def command(project: str | None, as_json: bool) -> None:
    """Show every setting, its value and where it came from.

    \b
    qd config
    """
    from quarterdeck.index.settings import IndexConfig

    root = open_workspace(project or find_root()).root
    loaded = config.load(IndexConfig, "index", root)
    settings = [
        {"setting": f"index.{name}", "value": value, "source": loaded.sources[name]}
        for name, value in loaded.values._asdict().items()
    ]
    if as_json:
        click.echo(json.dumps({"schema": "quarterdeck.config/1", "project": root, "settings": settings}))
        return
    rows = [(each["setting"], json.dumps(each["value"]), each["source"]) for each in settings]
    print_table(("setting", "value", "source"), rows)
