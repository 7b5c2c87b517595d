"""What a pattern is made of, staged or lasting: JSON that says at least what was learned."""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import unquote

from quarterdeck.errors import StoreCorrupt, UsageError
from quarterdeck.memory import names

PATTERN = "pattern"
"""The kind of entry of a lasting pattern, in the shared space; its key is the pattern's id."""

GIVEN_HERE = ("id", "agent_id", "staged_at", "expires_at", "persisted_at", "promoted_at", "promoted_by")
"""What the memory itself says of a pattern, so its author cannot."""

_AGENTS = ("agent_id", "promoted_by")
_SAID = ("id", "agent_id", "pattern_type", "name")
"""What every pattern in the memory says, as text."""
_NAME_LENGTH = 80
_LETTERS = "bcdfghjklmnpqrstvwxz"  # no vowels and no digits: an id is no word, no number and no secret
_TIME_LETTERS = 10  # enough until the year 2294
_RANDOM_LETTERS = 12


def pattern_of(pattern_data: Mapping[str, object], pattern_type: str = "general") -> dict[str, object]:
    """*pattern_data* with everything a pattern has, defaults filled in; nothing of it is left out.

    Raises:
        UsageError: it is no pattern.
    """
    if not isinstance(pattern_data, Mapping):
        raise UsageError("pattern_data must be a dict", hint="say at least its name or its description")
    taken = [name for name in GIVEN_HERE if name in pattern_data]
    if taken:
        raise UsageError(
            f"pattern_data says {', '.join(taken)}, which the memory itself gives a pattern",
            hint="leave it away, or call it something else",
        )
    said = {name: _text(pattern_data, name) for name in ("name", "description", "content", "code")}
    if not any(said.values()):
        raise UsageError(
            "pattern_data has neither a name nor a description, content or code",
            hint="say at least one of them, as text",
        )
    first_line = next(filter(None, said.values())).strip().partition("\n")[0]
    return {
        **pattern_data,
        "pattern_type": _type(pattern_data, pattern_type),
        "name": said["name"] or first_line[:_NAME_LENGTH],
        "description": said["description"] or said["content"],
        "confidence": _confidence(pattern_data.get("confidence", 0.5)),
        "tags": _tags(pattern_data.get("tags")),
        "context": _context(pattern_data.get("context")),
        "code": said["code"] or None,
    }


def _text(pattern_data: Mapping[str, object], name: str) -> str:
    value = pattern_data.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise UsageError(
            f"the {name} of a pattern must be text, got {type(value).__name__}",
            hint="put what is not text under a name of its own, or in context",
        )
    return value.strip() and value


def _type(pattern_data: Mapping[str, object], pattern_type: str) -> str:
    said = pattern_data.get("pattern_type", pattern_type)
    for value in (said, pattern_type):
        if not isinstance(value, str) or not value.strip():
            raise UsageError("pattern_type must be a word", hint="leave it away for general")
    if pattern_type not in {"general", said}:
        raise UsageError(
            "pattern_data says another pattern_type than the call", hint="say it in one place only"
        )
    return str(said)


def _confidence(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
        raise UsageError(
            "the confidence of a pattern must be a number from 0 to 1", hint="leave it away for 0.5"
        )
    return value


def _tags(value: object) -> list[str]:
    tags = [] if value is None else value
    if not isinstance(tags, list | tuple | set | frozenset) or not all(isinstance(tag, str) for tag in tags):
        raise UsageError(
            "the tags of a pattern must be a list of text", hint='for example ["sqlite", "locks"]'
        )
    return sorted(tags) if isinstance(tags, set | frozenset) else list(tags)


def _context(value: object) -> dict[str, object]:
    context = {} if value is None else value
    if not isinstance(context, dict):
        raise UsageError("the context of a pattern must be a dict", hint='for example {"language": "python"}')
    return context


def as_stored(pattern: Mapping[str, object]) -> dict[str, object]:
    """*pattern* with its agents as `names.spelled`, so that none is taken for something personal."""
    return {**pattern, **{name: names.spelled(str(pattern[name])) for name in _AGENTS if name in pattern}}


def stored_pattern(value: object) -> dict[str, object]:
    """The pattern that an entry says; what `as_stored` made of it.

    Raises:
        StoreCorrupt: it says none.
    """
    if (
        not isinstance(value, dict)
        or type(value.get("confidence")) not in {int, float}
        or not all(isinstance(value.get(name), str) for name in _SAID)
    ):
        raise StoreCorrupt(
            "a pattern in the memory is not as Quarterdeck writes it",
            hint="somebody else wrote it; delete that entry",
        )
    return {**value, **{name: unquote(str(value[name])) for name in _AGENTS if name in value}}


def is_sure(pattern: Mapping[str, object], min_confidence: float) -> bool:
    """Whether its confidence is at least that.

    Raises:
        UsageError: *min_confidence* is no number.
    """
    if type(min_confidence) not in {int, float}:
        raise UsageError("min_confidence must be a number from 0 to 1", hint="0 takes all")
    confidence = pattern["confidence"]
    assert isinstance(confidence, int | float)
    return confidence >= min_confidence


def described(pattern: Mapping[str, object]) -> dict[str, object]:
    """What the audit chain keeps of a pattern."""
    stored = as_stored(pattern)
    return {name: stored.get(name) for name in ("name", "pattern_type", "confidence", "agent_id")}


def new_id(now_ms: int) -> str:
    """An id that sorts by time and that nobody can guess: 10 letters of time, 12 random ones (51 bits)."""
    return _in_letters(now_ms, _TIME_LETTERS) + _in_letters(int.from_bytes(os.urandom(16)), _RANDOM_LETTERS)


def _in_letters(number: int, length: int) -> str:
    """The last *length* digits of *number*, written in `_LETTERS`."""
    base = len(_LETTERS)
    return "".join(_LETTERS[number // base**place % base] for place in reversed(range(length)))
