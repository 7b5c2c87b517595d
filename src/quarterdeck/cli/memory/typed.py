"""Values as people and pipes write them."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import msgspec

from quarterdeck.cli.output import remark
from quarterdeck.errors import TooLarge, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quarterdeck.memory.store import Store

STDIN = "-"
MARK = re.compile(r"\[REDACTED:([\w-]+)\]", re.ASCII)
"""What stands in the place of what was taken out."""


def value_of(typed: str | None, store: Store, *, as_text: bool) -> object:
    """The value that was typed, or the whole of stdin when it is ``-`` or missing.

    JSON where it can be read as JSON, else text: of stdin without the line feed at its end, which ``echo``
    adds. With *as_text* always text, exactly as it came.

    Raises:
        UsageError: there is none, or stdin is not UTF-8.
        TooLarge: stdin holds more than a value may have.
    """
    piped = typed is None or typed == STDIN
    text = _stdin(store.limits.max_value_bytes) if piped else typed or ""
    if as_text:
        return text
    value = parsed(text)
    if value is text:
        if text.lstrip()[:1] in ("{", "["):
            remark(
                ["the value looks like JSON and is not: it is kept as text (--text says that it is meant)"]
            )
        return text.removesuffix("\n") if piped else text
    return value


def parsed(text: str) -> object:
    """*text* as JSON; *text* itself where it is none."""
    try:
        return msgspec.json.decode(text)
    except (ValueError, RecursionError):  # msgspec's errors are ValueErrors; half a character is one too
        return text


def remark_removed(value: object, store: Store) -> None:
    """Tell stderr what kind of thing was taken out of *value*, and where; never what it was."""
    from quarterdeck.memory.codec import decode, encode

    data = encode(value, store.limits.max_value_bytes)
    kept = store.scrubber.scrub(data)
    if kept != data:
        remark(_differing(decode(data), decode(kept), "the value"))


def _differing(given: object, kept: object, place: str) -> Iterator[str]:
    """What was taken out where, as deep down as the two are alike."""
    if isinstance(given, dict) and isinstance(kept, dict) and given.keys() == kept.keys():
        for key, value in given.items():
            yield from _differing(value, kept[key], f"{place}[{key!r}]")
    elif isinstance(given, list) and isinstance(kept, list) and len(given) == len(kept):
        for at, (each, other) in enumerate(zip(given, kept, strict=True)):
            yield from _differing(each, other, f"{place}[{at}]")
    elif given != kept or type(given) is not type(kept):
        kinds = dict.fromkeys(MARK.findall(kept)) if isinstance(kept, str) else ()
        yield f"{', '.join(kinds) or 'something'} was taken out of {place}"


def _stdin(max_bytes: int) -> str:
    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError("there is no value", hint="write it after the key, or pipe it in")
    data = sys.stdin.buffer.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise TooLarge(
            f"stdin holds more than {max_bytes:,} bytes",
            hint="store a reference to it, or raise max_value_bytes of section memory",
        )
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise UsageError(
            "stdin is not UTF-8", hint="pipe text or JSON; base64 makes text of anything"
        ) from error
