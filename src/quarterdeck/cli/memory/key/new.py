"""``qd memory key new``: a key file."""

from __future__ import annotations

import os

import click

from quarterdeck.cli.memory.wording import in_words_of_commands
from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import print_json, say


@click.command()
@click.argument("path")
@json_option
def command(path: str, as_json: bool) -> None:
    """Make a key file.

    For its owner only, and no part of the memory: without it, nobody reads what was encrypted with it. Values
    that are plain already stay readable until you take the line accept-plain out of it.

    \b
    qd memory key new ~/.config/quarterdeck/memory.key
    """
    from quarterdeck.memory.sealing import new_key

    file = os.path.abspath(os.path.expanduser(path))
    with in_words_of_commands():
        key_id = new_key(file)
    if as_json:
        print_json("memory.key", {"path": file, "key": key_id})
        return
    say(
        f"{file} holds the key {key_id}; keep a copy of it elsewhere, and use it:",
        f"  export QUARTERDECK_MEMORY_KEY_FILE={file}",
    )
