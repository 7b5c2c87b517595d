"""``qd map``: an outline of the project within a budget of tokens."""

from __future__ import annotations

import click

from quarterdeck.cli.options import inside, json_option, open_index, project_option
from quarterdeck.cli.output import print_index_json, remark


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("-t", "--tokens", type=click.IntRange(min=1), required=True, help="The budget; never exceeded.")
@click.option("--focus", multiple=True, metavar="PATH", help="What matters most, with what is near it.")
@project_option
@json_option
def command(
    paths: tuple[str, ...], tokens: int, focus: tuple[str, ...], project: str | None, as_json: bool
) -> None:
    """Outline the project within a budget of tokens.

    The most important files first, by who imports them; under each its most important classes and functions.

    \b
    qd map --tokens 2000
    qd map --tokens 1000 src/app --focus src/app/models.py
    """
    from quarterdeck.index.outline.gather import outline

    with open_index(project) as index:
        found = outline(
            index, tokens, [inside(index, path) for path in paths], [inside(index, path) for path in focus]
        )
        remark(index.problems)
        if as_json:
            print_index_json("map", index, {"budget": tokens, **found._asdict()})
            return
        click.echo(found.text, nl=False)
