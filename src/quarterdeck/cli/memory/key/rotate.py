"""``qd memory key rotate``: a new key in a key file."""

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
    """Put a new key into a key file; the older ones stay.

    What is written from now on is encrypted with the new one; the older ones open what they have encrypted.

    \b
    qd memory key rotate ~/.config/quarterdeck/memory.key
    """
    from quarterdeck.memory.sealing import rotate_key

    file = os.path.abspath(os.path.expanduser(path))
    with in_words_of_commands():
        key_id = rotate_key(file)
    if as_json:
        print_json("memory.key", {"path": file, "key": key_id})
        return
    say(f"{file} has the new key {key_id}; keep a copy of it elsewhere")
