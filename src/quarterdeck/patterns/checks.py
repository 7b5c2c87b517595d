"""Whether something can be a pattern; a stranger's input comes here first."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import Any

import msgspec

from quarterdeck.errors import TooLarge, UsageError
from quarterdeck.words import harmless

MAX_ID = 200
MAX_LINE = 500
"""Characters of a name, a type, a tag, an agent or a source."""
MAX_TEXT_BYTES = 1_000_000
"""Of a description, of a code, and of a context as JSON."""
MAX_TAGS = 100
MAX_DEPTH = 100
"""Of a context: deeper JSON is nobody's context, and would exhaust a recursion."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]*")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u2028\u2029\ud800-\udfff]")
"""Never part of a text: control characters other than tab and line ends, and halves of characters."""
_LINE_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]")


def identity(value: object, what: str = "id of a pattern") -> str:
    """*value*, if it can be an id; it is then safe as the name of a folder.

    Raises:
        UsageError: it cannot.
    """
    if not isinstance(value, str) or not _ID.fullmatch(value) or ".." in value:
        raise UsageError(
            f"the {what} must be letters, digits and . _ : @ - (no .., not first a sign), got {told(value)}",
            hint="for example sqlite-busy-timeout",
        )
    if len(value) > MAX_ID:
        raise TooLarge(f"the {what} has {len(value)} characters", hint=f"use at most {MAX_ID}")
    return value


def line(value: object, what: str, *, may_be_empty: bool = False) -> str:
    """*value*, if it is one line of text.

    Raises:
        UsageError, TooLarge: it is not; it is too long.
    """
    if not isinstance(value, str):
        raise UsageError(f"the {what} must be text, got {told(value)}", hint="pass a str")
    if not may_be_empty and not value.strip():
        raise UsageError(f"the {what} is empty", hint="say it in a word or a line")
    if found := _LINE_CONTROL.search(value):
        raise UsageError(f"the {what} must be one line of text, but has {_placed(found)}", hint="take it out")
    if len(value) > MAX_LINE:
        raise TooLarge(f"the {what} has {len(value)} characters", hint=f"use at most {MAX_LINE}")
    return value


def source(value: object) -> str:
    """*value*, if it can say where something comes from.

    Raises:
        UsageError, TooLarge: it cannot.
    """
    return line(value, "source of a pattern", may_be_empty=True)


def text(value: object, what: str) -> str:
    """*value*, if it is text, of any number of lines.

    Raises:
        UsageError, TooLarge: it is not; it is too long.
    """
    if not isinstance(value, str):
        raise UsageError(f"the {what} must be text, got {told(value)}", hint="pass a str")
    if found := _CONTROL.search(value):
        raise UsageError(f"the {what} has {_placed(found)}", hint="take it out")
    if len(value) * 4 > MAX_TEXT_BYTES and len(value.encode()) > MAX_TEXT_BYTES:
        raise TooLarge(
            f"the {what} has {len(value)} characters", hint=f"keep it below {MAX_TEXT_BYTES} bytes"
        )
    return value


def question(value: object) -> str:
    """*value*, if it can be asked: any text, as people paste it.

    Raises:
        UsageError, TooLarge: it is no text; it is too long.
    """
    if not isinstance(value, str):
        raise UsageError(f"the query must be text, got {told(value)}", hint="ask in words")
    if len(value) > MAX_TEXT_BYTES:
        raise TooLarge(f"the query has {len(value)} characters", hint=f"use at most {MAX_TEXT_BYTES}")
    return value


def lesson(value: object) -> str:
    """*value*, if it is ``do`` or ``avoid``.

    Raises:
        UsageError: it is not.
    """
    if not isinstance(value, str) or value not in {"do", "avoid"}:
        raise UsageError(
            f"the lesson of a pattern must be do or avoid, got {told(value)}", hint="say one of them"
        )
    return value


def share(value: object, what: str) -> float:
    """*value*, if it is a number from 0 to 1.

    Raises:
        UsageError: it is not.
    """
    if type(value) not in {int, float} or not 0 <= value <= 1:  # type: ignore[operator]
        raise UsageError(
            f"the {what} must be a number from 0 to 1, got {told(value)}", hint="0.5 is in the middle"
        )
    return float(value)  # type: ignore[arg-type]


def tags(value: object, what: str = "tags of a pattern") -> list[str]:
    """*value*, if it is a list of tags.

    Raises:
        UsageError, TooLarge: it is not; there are too many.
    """
    if not isinstance(value, list | tuple | set | frozenset):
        raise UsageError(
            f"the {what} must be a list, got {told(value)}", hint='for example ["sqlite", "locks"]'
        )
    for tag in value:
        line(tag, f"{what}: each")
    if len(value) > MAX_TAGS:
        raise TooLarge(f"there are {len(value)} {what}", hint=f"use at most {MAX_TAGS}")
    return sorted(value) if isinstance(value, set | frozenset) else list(value)


def context(value: object, what: str = "context of a pattern") -> dict[str, Any]:
    """*value*, if it is a dict of JSON.

    Raises:
        UsageError, TooLarge: it is not; it is too large or too deep.
    """
    if not isinstance(value, dict):
        raise UsageError(
            f"the {what} must be a dict, got {told(value)}", hint='for example {"language": "python"}'
        )
    try:
        _json(value, what, MAX_DEPTH)
        data = msgspec.json.encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(
            f"the {what} is not JSON: {harmless(str(error))[:200]}", hint="use text, numbers, lists, dicts"
        ) from None
    if len(data) > MAX_TEXT_BYTES:
        raise TooLarge(
            f"the {what} has {len(data)} bytes as JSON", hint=f"keep it below {MAX_TEXT_BYTES} bytes"
        )
    return value


def moment(value: object, what: str) -> datetime | None:
    """*value*, if it is a moment or None; it can be said in UTC.

    Raises:
        UsageError: it is not.
    """
    if value is None:
        return None
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise UsageError(
            f"{what} must be a datetime with a time zone, got {told(value)}", hint="datetime.now(UTC)"
        )
    try:
        value.astimezone(UTC)
    except OverflowError:
        raise UsageError(f"{what} is in no year from 1 to 9999 of UTC", hint="stay a day away") from None
    return value


def told(value: object) -> str:
    """*value* for an error: short, harmless, and also if it cannot be shown."""
    if isinstance(value, str):
        return harmless(f"{value!r:.100}")
    if value is None or type(value) in {bool, float}:
        return repr(value)
    if type(value) is int and abs(value) < 10**20:
        return repr(value)
    return f"a value of type {type(value).__name__}"


def _placed(found: re.Match[str]) -> str:
    """Which character was found, and where: lines and columns count from 1."""
    before = found.string[: found.start()]
    kind = "half of a character" if "\ud800" <= found[0] <= "\udfff" else "a control character"
    where = f"line {before.count(chr(10)) + 1}, column {len(before) - before.rfind(chr(10))}"
    return f"{kind}, U+{ord(found[0]):04X}, at {where}"


def _json(value: object, what: str, depth: int) -> None:
    """Raise unless JSON can hold *value* and give it back as it was."""
    if depth == 0:
        raise TooLarge(f"the {what} is nested more than {MAX_DEPTH} deep", hint="make it flatter")
    if isinstance(value, dict):
        for key, each in value.items():
            if not isinstance(key, str):
                raise UsageError(f"a key of the {what} is not text: {told(key)}", hint="use text as keys")
            text(key, f"keys of the {what}: each")
            _json(each, what, depth - 1)
    elif isinstance(value, list | tuple):
        for each in value:
            _json(each, what, depth - 1)
    elif isinstance(value, str):
        text(value, f"texts of the {what}: each")
    else:
        _scalar(value, what)


def _scalar(value: object, what: str) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise UsageError(
            f"the {what} has a number that is not finite", hint="JSON knows no NaN and no infinity"
        )
    if type(value) is int and not -(2**63) <= value < 2**64:
        raise UsageError(f"the {what} has a whole number of more than 64 bits", hint="write it as text")
    if value is not None and type(value) not in {bool, int, float}:
        raise UsageError(f"the {what} has {told(value)}", hint="use text, numbers, lists and dicts")
