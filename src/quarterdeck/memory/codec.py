"""Values to bytes and back: JSON, exactly, or an error; nothing is changed or cut on the way.

What msgspec writes as JSON is taken (a datetime becomes its text, a tuple a list, a key that is a number its
digits) and comes back as JSON. Whole numbers may have any size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from quarterdeck.errors import StoreCorrupt, TooLarge, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_DEPTH = 200
"""Levels of lists and dicts in a value: whoever reads it may be deep in calls already."""

_encode = msgspec.json.Encoder().encode
_encode_sorted = msgspec.json.Encoder(order="sorted").encode
_decode: Callable[[bytes], object] = msgspec.json.Decoder().decode


def encode(value: object, max_bytes: int) -> bytes:
    """*value* as JSON.

    Raises:
        UsageError: it is not JSON: another type, half a character, a number that is not finite; or it has
            more than `MAX_DEPTH` levels.
        TooLarge: it has more than *max_bytes*.
    """
    data = _written(value, _encode)
    if len(data) > max_bytes:
        raise TooLarge(
            f"the value has {len(data):,} bytes as JSON, more than {max_bytes:,}",
            hint="store a reference to it, or raise max_value_bytes of section memory",
        )
    return data


def decode(data: bytes) -> object:
    """The value of bytes that `encode` made; every call gives a copy of its own.

    Raises:
        StoreCorrupt: they are no JSON: somebody else wrote them.
    """
    try:
        return _decode(data)
    except (ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors
        raise StoreCorrupt(
            f"an entry of the memory is not JSON: {error}",
            hint="somebody else wrote it, or it is encrypted; delete it, or set its key_file",
        ) from error


def canonical(value: object) -> bytes:
    """The same bytes for all that is the same as JSON, whatever the order of its keys.

    Raises:
        UsageError: as `encode`.
    """
    return _written(value, _encode_sorted)


def _written(value: object, encode: Callable[[object], bytes]) -> bytes:
    try:
        data = encode(value)
    except (TypeError, ValueError, RecursionError, OverflowError) as error:
        raise UsageError(
            f"the value cannot be written as JSON: {error}",
            hint="store text, numbers, true, false, None, lists, and dicts whose keys are text",
        ) from error
    if (
        len(data) > 2 * MAX_DEPTH
        and data.count(b"[") + data.count(b"{") > MAX_DEPTH
        and _is_deep(decode(data))
    ):
        raise UsageError(
            f"the value has more than {MAX_DEPTH} levels of lists and dicts",
            hint="store its parts under keys of their own, or as text",
        )
    if b"null" in data and decode(data) != value and _is_not_finite(value):  # the quick questions first
        raise UsageError(
            "the value holds a number that is not finite, which JSON cannot say",
            hint="store None or a text in its place",
        )
    return data


def _is_deep(value: object) -> bool:
    """Whether a decoded value has more than `MAX_DEPTH` levels; only asked when it has as many brackets."""
    level = [value]
    for _ in range(MAX_DEPTH):
        inner: list[object] = []
        for each in level:
            if isinstance(each, dict):
                inner.extend(each.values())
            elif isinstance(each, list):
                inner.extend(each)
        level = [each for each in inner if isinstance(each, dict | list)]
        if not level:
            return False
    return True


def _is_not_finite(value: object) -> bool:
    """Whether some number in *value* is infinite or none at all: msgspec writes it as ``null``."""
    if isinstance(value, float):
        return value != value or value in (float("inf"), float("-inf"))
    if isinstance(value, dict):
        return any(map(_is_not_finite, value.values()))
    if isinstance(value, list | tuple | set | frozenset):
        return any(map(_is_not_finite, value))
    if hasattr(value, "__dataclass_fields__") or hasattr(value, "__struct_fields__"):
        return _is_not_finite(msgspec.to_builtins(value))
    return False
