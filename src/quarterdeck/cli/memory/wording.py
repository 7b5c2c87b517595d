"""What an error tells a program to do, as what to type: for who has a shell, and a process that has ended."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

from quarterdeck.errors import QuarterdeckError

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMANDS = {
    "new_key": "qd memory key new",
    "rotate_key": "qd memory key rotate",
    "mend_audit()": "qd memory audit --mend",
}
ONLY_WHO_GOES_ON = re.compile(r"it is tried again in \S+ s; ")


def as_typed(hint: str) -> str:
    """*hint* with commands in the place of functions."""
    hint = ONLY_WHO_GOES_ON.sub("", hint)
    for function, command in COMMANDS.items():
        hint = hint.replace(function, command)
    return hint


@contextlib.contextmanager
def in_words_of_commands() -> Iterator[None]:
    """The hints of errors that come out of it are `as_typed`."""
    try:
        yield
    except QuarterdeckError as error:
        error.hint = as_typed(error.hint)
        raise
