"""JSON as agents really write it, one value a line: what can be understood of it, and why the rest cannot."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, TypeAlias, TypeVar

import msgspec

from quarterdeck.costs.model import MAX_TOKENS

if TYPE_CHECKING:
    from collections.abc import Callable

Entry = TypeVar("Entry")

Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=MAX_TOKENS)] | None
"""A number of tokens, for the fields of a struct; absent and null both mean none."""


def decode(
    content: bytes, decoder: msgspec.json.Decoder[Entry], concerns: Callable[[object], bool]
) -> Entry | None:
    """The value of one line; None when it is well-formed but does not concern the reader.

    Invalid UTF-8 and halves of surrogate pairs are replaced: a cut emoji is no reason to lose tokens.

    Args:
        content: the line.
        decoder: for the reader's own type.
        concerns: asked, with the plain value, about a line that does not fit that type.

    Raises:
        ValueError: it is no JSON, or a field that matters has a wrong type; says where, quotes nothing.
    """
    try:
        return decoder.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass  # looked at more closely below
    try:
        value = json.loads(content.decode(errors="replace"))
    except json.JSONDecodeError as error:
        what = error.msg.removesuffix(" at")
        raise ValueError(f"not JSON: {what} at byte {error.pos}") from error
    except (ValueError, RecursionError) as error:
        raise ValueError("not JSON that can be read: nested too deeply, or a number too long") from error
    if not concerns(value):
        return None
    try:
        return msgspec.convert(value, decoder.type)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error


def text(value: object) -> str:
    """*value* if it is a string, else empty."""
    return value if isinstance(value, str) else ""


def time_of(value: object) -> datetime:
    """The time that ISO 8601 text says, in UTC where it names no zone.

    Raises:
        ValueError: it is no such text.
    """
    try:
        at = datetime.fromisoformat(text(value))
    except ValueError as error:
        raise ValueError("it has no timestamp, or none that can be read") from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)
