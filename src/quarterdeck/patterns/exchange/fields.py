"""The fields of a pattern as JSON has them, and back; a stranger's JSON is read strictly."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any, NoReturn, TypeVar

import msgspec

from quarterdeck.errors import UsageError
from quarterdeck.patterns.model import Pattern
from quarterdeck.patterns.writing import OWN_FIELDS
from quarterdeck.words import harmless

Kind = TypeVar("Kind")

MEND = "mend it, or leave it out"
_BLANK = Pattern(id="blank", agent_id="blank", pattern_type="blank", name="blank")
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
"""What may stand for half of a character: nothing can be encoded that has one without the other."""
_REQUIRED = frozenset(("id", "agent_id", "pattern_type", "name"))


def fields_of(pattern: Pattern) -> dict[str, Any]:
    """Its fields, in their order, as JSON; those that say nothing are left out. Moments are in UTC."""
    found = {name: getattr(pattern, name) for name in Pattern.__struct_fields__}
    return {
        name: value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
        for name, value in found.items()
        if name in _REQUIRED or value != getattr(_BLANK, name)
    }


def pattern_of(fields: object) -> Pattern:
    """The pattern that has these *fields*; names that none has are passed over.

    Raises:
        UsageError: they make no pattern.
    """
    return converted(fields, Pattern, "pattern")


def converted(fields: object, kind: type[Kind], what: str) -> Kind:
    """The *kind* of thing that has these *fields*.

    Raises:
        UsageError: they make none.
    """
    try:
        return msgspec.convert(fields, kind)
    except (msgspec.ValidationError, UnicodeEncodeError, RecursionError) as error:
        raise UsageError(f"it is no {what}: {harmless(str(error))[:300]}", hint=MEND) from None


def changes(known: Pattern, other: Pattern) -> dict[str, Any]:
    """What *other* says differently, as far as it is not the library's own knowledge of *known*."""
    return {
        name: getattr(other, name)
        for name in Pattern.__struct_fields__
        if name not in OWN_FIELDS and getattr(other, name) != getattr(known, name)
    }


def strict_json(text: str) -> object:
    """What the JSON *text* says.

    Raises:
        UsageError: it is no JSON, gives a key twice, has half of a character or a number that JSON does not
            know, or is too deep.
    """
    try:
        said = _decode(text)
        if _HALF.search(text):
            json.dumps(said, ensure_ascii=False).encode()
        return said
    except UnicodeEncodeError:
        raise UsageError("it has half of a character", hint=MEND) from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"it is no JSON, or cut off: {harmless(str(error))[:200]}", hint=MEND) from None


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """What *pairs* say, unless two programs could read them differently."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


_decode = json.JSONDecoder(object_pairs_hook=_no_twins, parse_constant=_no_constant).decode
