"""Histories of metrics as they are handed to commands: a JSON array, or one object after the other."""

from __future__ import annotations

import json
import os
import re
import stat
import sys
from typing import TYPE_CHECKING, Any

import click

from quarterdeck.cli.output import remark
from quarterdeck.errors import NothingToRead, TooLarge, UsageError
from quarterdeck.files import failure, open_plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quarterdeck.cli.options import Command

MAX_BYTES = 256_000_000
STDIN = "-"

_NAMED = 120
_SPACE = re.compile(r"[ \t\r\n]*")


def history_argument(command: Command) -> Command:
    """``FILE``: the command gets it as *path*, for `read_history`."""
    return click.argument("path", metavar="FILE|-")(command)


def read_history(path: str) -> list[dict[str, Any]]:
    """The snapshots in the file *path*, oldest first; ``-`` is stdin.

    Raises:
        NothingToRead: there is no file, or nothing in it.
        StateError: it cannot be read.
        UsageError: something in it is no JSON object, or there is too much.
    """
    return snapshots(_content(path), "what is on stdin" if path == STDIN else path)


def snapshots(content: bytes, name: str) -> list[dict[str, Any]]:
    """The snapshots that *content* holds: one array of them, or one after the other, on a line each or not.

    A last line that somebody is still writing is left out, and that is said.

    Raises:
        NothingToRead: there are none.
        UsageError: something in it is no JSON object.
    """
    found = list(_values(content.decode("utf-8-sig", "replace"), name))
    if len(found) == 1 and isinstance(found[0], list):
        found = found[0]
    for number, each in enumerate(found, 1):
        if not isinstance(each, dict):
            raise UsageError(
                f"{name:.{_NAMED}}: snapshot {number:,} is no JSON object",
                hint='write each as {"trust": 0.7, "success": true}',
            )
    if not found:
        raise NothingToRead(
            f"{name:.{_NAMED}} holds no snapshot",
            hint="write a JSON array of objects, or one object on each line",
        )
    return found


def _values(text: str, name: str) -> Iterator[Any]:
    decode = json.JSONDecoder().raw_decode
    at = _after_space(text, 0)
    while at < len(text):
        begin = at
        try:
            value, end = decode(text, at)
        except (ValueError, RecursionError) as error:
            if "\n" in text[:begin] and "\n" not in text[begin:]:
                remark([f"{name:.{_NAMED}}: the last line has no end, and is left out"])
                return
            if isinstance(error, json.JSONDecodeError):
                at, said = error.pos, error.msg
            else:
                said = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
            line = text.count("\n", 0, at) + 1
            raise UsageError(
                f"{name:.{_NAMED}}: line {line:,} is not JSON: {said:.{_NAMED}}",
                hint="write a JSON array of objects, or one object on each line",
            ) from error
        yield value
        at = _after_space(text, end)


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _opened(path: str) -> int:
    """A descriptor of the file that *path* leads to, or of what a shell hands in as ``<(...)``."""
    file = os.path.realpath(path)
    if path.startswith("/dev/") and stat.S_ISFIFO(os.stat(path).st_mode):
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    return open_plain(file if os.path.isfile(file) else path)


def _content(path: str) -> bytes:
    if path == STDIN:
        content = sys.stdin.buffer.read(MAX_BYTES + 1) if sys.stdin else b""  # None: it was closed
    else:
        try:
            with open(_opened(path), "rb") as file:
                content = file.read(MAX_BYTES + 1)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NothingToRead(
                f"there is no {path:.{_NAMED}}", hint="name a file, or - for stdin"
            ) from error
        except OSError as error:
            raise failure(error, path) from error
        except ValueError as error:
            raise UsageError(f"no file is called {path!r:.{_NAMED}}", hint="name a file, or -") from error
    if len(content) > MAX_BYTES:
        raise TooLarge(
            f"{path:.{_NAMED}} has more than {MAX_BYTES:,} bytes", hint="hand in the last of its snapshots"
        )
    return content
