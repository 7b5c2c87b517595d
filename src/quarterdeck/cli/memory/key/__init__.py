"""``qd memory key``: keys to encrypt values with."""

from __future__ import annotations

import click

from quarterdeck.cli.lazy import Entry, LazyGroup

COMMANDS = {
    "new": Entry("new", "Make a key file."),
    "rotate": Entry("rotate", "Put a new key into a key file; the older ones stay."),
}


@click.group(cls=LazyGroup, entries=COMMANDS, package=__name__)
def command() -> None:
    """Make keys to encrypt values with, and new ones from time to time.

    \b
    qd memory key new ~/.config/quarterdeck/memory.key
    qd memory key rotate ~/.config/quarterdeck/memory.key
    """
