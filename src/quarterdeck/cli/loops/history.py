"""Histories of metrics as they are handed to commands: a JSON array, or JSON Lines."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from quarterdeck.errors import NothingToRead, TooLarge, UsageError
from quarterdeck.files import failure, open_plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from quarterdeck.cli.options import Command

MAX_BYTES = 256_000_000
_NAMED = 120


def history_argument(command: Command) -> Command:
    """``FILE``: the command gets its snapshots as *history*; ``-`` is stdin."""
    return click.argument("history", metavar="FILE|-", callback=_read)(command)


def _read(context: click.Context, option: click.Parameter, path: str) -> list[dict[str, Any]]:
    del option
    return [] if context.resilient_parsing else snapshots(_content(path), path)


def snapshots(content: bytes, name: str) -> list[dict[str, Any]]:
    """The snapshots that *content* holds, oldest first.

    Raises:
        NothingToRead: there are none.
        UsageError: something in it is no JSON object.
    """
    text = content.decode("utf-8-sig", "replace").strip()
    parse: Callable[[str, str], Iterator[object]] = _array if text.startswith("[") else _lines
    found = []
    for number, each in enumerate(parse(text, name), 1):
        if not isinstance(each, dict):
            raise UsageError(
                f"{name:.{_NAMED}}: snapshot {number:,} is no JSON object",
                hint='write each as {"trust": 0.7, "success": true}',
            )
        found.append(each)
    if not found:
        raise NothingToRead(
            f"{name:.{_NAMED}} holds no snapshot",
            hint="write a JSON array of objects, or one object on each line",
        )
    return found


def _content(path: str) -> bytes:
    if path == "-":
        content = sys.stdin.buffer.read(MAX_BYTES + 1)
    else:
        try:
            with open(open_plain(path), "rb") as file:
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


def _array(text: str, name: str) -> Iterator[object]:
    yield from _parsed(text, name)


def _lines(text: str, name: str) -> Iterator[object]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield _parsed(line, f"{name:.{_NAMED}}:{number}")


def _parsed(text: str, where: str) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        said = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise UsageError(
            f"{where:.{_NAMED}} is not JSON: {said:.{_NAMED}}",
            hint="write a JSON array of objects, or one object on each line",
        ) from error
