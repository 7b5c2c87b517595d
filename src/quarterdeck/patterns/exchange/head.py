"""The YAML head of a SKILL.md, written so that every reader understands the same, and read without trust.

Readers in use differ: one splits at the first ``---`` wherever it is, one knows only plain block style. So
each value is one string on a line of its own, and has no ``---`` in it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from quarterdeck.errors import TooLarge, UsageError
from quarterdeck.words import harmless

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_HEAD = 1_000_000
"""Characters: a pattern with the most and longest tags there can be has some less."""
_MAX_DEPTH = 20
_MEND = "mend the file, or leave it out"
_SPLIT = re.compile(r"\ufeff?---[ \t\r]*\n(.*?)^---[ \t\r]*(?:\n|\Z)(.*)", re.DOTALL | re.MULTILINE)
_BARE = re.compile(r"[a-z][a-z0-9-]*")
_WORDS = frozenset(("true", "false", "null", "yes", "no", "on", "off", "y", "n"))
"""What a reader of YAML may take for something other than text."""


def head_of(fields: Mapping[str, str], metadata: Mapping[str, str]) -> str:
    """The head of a file, with its two borders; keys are lower-case words with hyphens."""
    lines = [f"{key}: {_scalar(value)}" for key, value in fields.items()]
    below = [f"  {key}: {_scalar(value)}" for key, value in metadata.items()]
    return "\n".join(["---", *lines, "metadata:", *below, "---\n"])


def split(text: str) -> tuple[dict[str, Any], str]:
    """The fields of the head of *text*, and all that follows it.

    Every scalar is a string, whatever it looks like, and a tag means nothing: no type of YAML is built.

    Raises:
        TooLarge: the head is.
        UsageError: there is none, or it is no mapping in plain YAML.
    """
    parts = _SPLIT.match(text)
    if parts is None:
        raise UsageError("it does not begin with a head between two lines of ---", hint=_MEND)
    head, rest = parts.groups()
    if len(head) > MAX_HEAD:
        raise TooLarge(f"its head has {len(head)} characters", hint=f"use at most {MAX_HEAD}")
    fields = _read(head)
    if not isinstance(fields, dict):
        raise UsageError("its head is no mapping of names to values", hint=_MEND)
    return fields, rest


def _scalar(text: str) -> str:
    if _BARE.fullmatch(text) and "---" not in text and text not in _WORDS:
        return text
    if text.isprintable() and "---" not in text:
        return "'" + text.replace("'", "''") + "'"
    quoted = text.replace("\\", "\\\\").replace('"', '\\"').replace("---", "--\\x2d")
    return '"' + "".join(char if char.isprintable() else _escaped(char) for char in quoted) + '"'


def _escaped(char: str) -> str:
    return f"\\U{ord(char):08x}"


class _Open(NamedTuple):
    """A collection whose end has not come yet."""

    into: list[Any] | dict[str, Any]
    keys: list[str]


def _read(text: str) -> object:
    """The one document in *text*, built from its events: no alias is followed, no nesting without bounds."""
    import yaml  # costs 15 ms, and only who reads skills needs it

    whole: list[Any] = []
    nest = [_Open(whole, [])]
    try:
        for event in yaml.parse(text, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader)):
            if isinstance(event, yaml.AliasEvent):
                raise UsageError("its head has an alias", hint="say the same twice")
            if isinstance(event, yaml.ScalarEvent):
                _place(nest[-1], event.value)
            elif isinstance(event, yaml.CollectionStartEvent):
                new: list[Any] | dict[str, Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
                _place(nest[-1], new)
                nest.append(_Open(new, []))
                if len(nest) > _MAX_DEPTH:
                    raise UsageError(
                        f"its head is nested more than {_MAX_DEPTH} deep", hint="make it flatter"
                    )
            elif isinstance(event, yaml.CollectionEndEvent):
                nest.pop()
    except yaml.YAMLError as error:
        said = " ".join(harmless(str(error)).split())[:200]
        raise UsageError(f"its head is no YAML: {said}", hint="put values with a colon in quotes") from None
    if len(whole) != 1:
        raise UsageError("its head is empty, or more than one document", hint=_MEND)
    return whole[0]


def _place(where: _Open, value: object) -> None:
    """Put *value* where it belongs in the collection that is open: it may be a key of it."""
    into, keys = where
    if isinstance(into, list):
        into.append(value)
    elif keys:
        into[keys.pop()] = value
    elif not isinstance(value, str):
        raise UsageError("a name in its head is no text", hint=_MEND)
    elif value in into:
        raise UsageError(f"its head says {harmless(value)[:100]} twice", hint="say it once")
    else:
        keys.append(value)
