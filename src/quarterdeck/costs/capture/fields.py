"""Reading what somebody else made: an SDK's object, a dict of the same shape, a mock, or worse.

A field that is missing, None or raises is absent. An object is asked for nothing but its attributes, not
even for its class: what it is, its type says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from quarterdeck.costs.model import label
from quarterdeck.errors import UsageError


def field(thing: object, *names: str) -> object:
    """The first of *names* that *thing* has and that is not None; else None."""
    for name in names:
        value = _read(thing, name)
        if value is not None:
            return value
    return None


def _read(thing: object, name: str) -> object:
    try:
        if issubclass(type(thing), Mapping):
            return thing.get(name)  # type: ignore[attr-defined]
        return getattr(thing, name, None)
    except Exception:  # noqa: BLE001 - a stranger's property may raise anything; it is absent then
        return None


def items(value: object) -> Sequence[object]:
    """*value* if it is a list or a tuple; else nothing."""
    return cast("Sequence[object]", value) if issubclass(type(value), list | tuple) else ()


def text(thing: object, *names: str) -> str:
    """As `field`, but only what is a string, fit for a label: UTF-8, and cut where a label must end."""
    for name in names:
        value = _read(thing, name)
        if issubclass(type(value), str) and (found := label(cast("str", value))):
            return found
    return ""


def count(thing: object, *names: str) -> int:
    """As `field`, but a whole number; 0 where it is absent.

    Raises:
        UsageError: something else stands there.
    """
    for name in names:
        value = _read(thing, name)
        if value is None:
            continue
        if type(value) is float and value.is_integer():
            return int(value)
        if type(value) is not int:
            raise UsageError(
                f"{name} is not a whole number of tokens: {type(value).__name__}",
                hint="pass the response as the provider's SDK returned it, or its JSON",
            )
        return value
    return 0
