"""What stands in messages: texts, arguments and outcomes, as plain values that anybody can handle."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from quarterdeck.costs.capture.fields import field
from quarterdeck.costs.importers.decoding import text
from quarterdeck.loops.events.values import digest, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_DEPTH = 64
TOO_DEEP = "[nested too deeply]"

REASONING = frozenset({"thinking", "redacted_thinking", "reasoning"})
_TEXTS = ("title", "url", "uri", "text", "refusal", "stdout", "stderr", "error_code")
_HOLDING = ("content", "resource", "source")
_BYTES = ("data", "blob")
"""Fields of a block: texts; texts, or what holds texts or blocks; bytes as text."""

_DIGEST_CHARS = 8
"""Enough to tell the pictures of one session apart."""

_LETTERS = str.maketrans("0123456789abcdef", "ghijklmnopqrstuv")
"""Whoever compares outcomes leaves out what looks like a digest; this must not look like one."""

_HEADER = re.compile(
    r"(?:(?:Exit code: |Process exited with code )-?\d{1,9}|Process running with session ID \d+|Chunk ID: \w+"
    r"|Wall time: [^\n]*)(?:\n+(?:(?:Exit code: |Process exited with code )-?\d{1,9}|Wall time: [^\n]*"
    r"|Process running with session ID \d+|Total output lines: \d+|Original token count: \d+|Output:))*"
    r"(?:\n+|$)"
)
"""What Codex puts before the output of a command; some of it is different each time."""

_CODE = re.compile(r"code:? (-?\d{1,9})\b")
_EXIT = re.compile(
    r"\s*(?:(?:error|command|process|failed|with)[: ]+)*"
    r"(?:exit (?:code|status)|exited with (?:exit )?(?:code|status))[: ]+(-?\d{1,9})\b",
    re.IGNORECASE,
)
_MAX_JSON_CHARS = 1 << 20


def injection(*tags: str, openings: tuple[str, ...] = ()) -> re.Pattern[str]:
    """What an agent's own program says where a person would: from tag to tag, or after an opening.

    What merely begins with a tag may be a person's, too.

    Args:
        tags: of elements, of which a text may hold several.
        openings: with which such a text begins.
    """
    kinds = [re.escape(opening) for opening in openings]
    if tags:
        tag = "|".join(map(re.escape, tags))
        kinds.append(rf"<(?:{tag})[\s>].*</(?:{tag})>\s*\Z")
    return re.compile(rf"\s*(?:{'|'.join(kinds)})" if kinds else r"(?!)", re.IGNORECASE | re.DOTALL)


def clean(said: str) -> str:
    """*said* with its halves of surrogate pairs, which cannot be encoded, replaced."""
    return said if said.isascii() else said.encode(errors="replace").decode()


def plain(value: object, depth: int = 0) -> object:
    """*value* with text that can be encoded, and with an end: what lies too deep is left out."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        if depth >= MAX_DEPTH:
            return TOO_DEEP
        return {clean(str(name)): plain(part, depth + 1) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part, depth + 1) for part in value] if depth < MAX_DEPTH else TOO_DEEP
    return value


def arguments_of(value: object) -> object:
    """The arguments of a call; those that are JSON in a string, as their value."""
    if isinstance(value, str) and value[:1] in {"{", "["}:
        value = _json(value)
    return plain(value)


def outcome_of(value: object) -> object:
    """What came of a call: its text, if it is text or blocks of it, else the value; nothing is empty text."""
    if isinstance(value, dict) and "type" in value:
        value = [value]
    if isinstance(value, list) and any(isinstance(block, dict) and "type" in block for block in value):
        return "\n".join(block_text(block) for block in value if not is_reasoning(block))
    return "" if value is None else plain(value)


def result_of(value: object) -> tuple[object, bool | None]:
    """What came of a call, and whether it failed, where it says so."""
    outcome = outcome_of(value)
    for block in value if isinstance(value, list) else [value]:
        if isinstance(block, dict):
            code = block.get("return_code", field(block.get("outcome"), "exit_code"))
            if type(code) is int:
                return _named(outcome, code)
            if text(block.get("type")).endswith("_error"):
                return outcome, True
    return of_command(outcome)


def is_reasoning(block: object) -> bool:
    """Whether *block* is what a model thinks, whatever else stands in it; that is not said."""
    return isinstance(block, Mapping) and (
        text(block.get("type")) in REASONING or block.get("thought") is True
    )


def said_in(block: object, depth: int = 0) -> str | None:
    """The text of a content block, and of those in it; None: it has none."""
    if isinstance(block, str):
        return clean(block)
    if is_reasoning(block) or (isinstance(block, Mapping) and block.get("type") == "blob"):
        return None
    parts = list(_texts(block, depth))
    return "\n".join(filter(None, parts)) if parts else None


def block_text(block: object, depth: int = 0) -> str:
    """The text of a content block; of what has none, its kind, and a digest to tell it from others of it."""
    said = said_in(block, depth)
    if said is not None or is_reasoning(block) or not isinstance(block, Mapping):
        return said or ""
    kind = text(block.get("type")) or next((name for name in block if isinstance(name, str)), "")
    return _named_by_digest(kind.removeprefix("input_").removesuffix("_url"), dict(block)) if kind else ""


def _texts(block: object, depth: int) -> Iterator[str]:
    """Every text of a block, and of what it holds."""
    if not isinstance(block, Mapping) or depth > MAX_DEPTH:
        return
    kind = text(block.get("type"))
    for name in _TEXTS:
        if isinstance(said := block.get(name), str):
            yield clean(said)
    for name in _HOLDING:
        held = block.get(name)
        if isinstance(held, str):
            yield clean(held)
        elif isinstance(held, list | tuple):
            yield from (block_text(part, depth + 1) for part in held)
        elif name == "content" and isinstance(held, Mapping):
            yield block_text(held, depth + 1)
        else:
            yield from _texts(held, depth + 1)
    for name in _BYTES:
        if isinstance(held := block.get(name), str):
            of = text(field(block, "media_type", "mimeType", "mime_type"))
            yield clean(held) if kind == "text" else _named_by_digest(of or kind or name, held)


def _named_by_digest(kind: str, value: object) -> str:
    letters = format(digest(text_of(value)), "016x").translate(_LETTERS)
    return f"[{clean(kind)} {letters[-_DIGEST_CHARS:]}]"


def of_command(outcome: object) -> tuple[object, bool | None]:
    """The output of a command without what was put before it, and whether it failed, where it says so."""
    if not isinstance(outcome, str):
        return outcome, None
    if outcome.startswith("{"):
        told = _json(outcome)
        metadata = told.get("metadata") if isinstance(told, dict) else None
        code = metadata.get("exit_code") if isinstance(metadata, dict) else None
        if isinstance(told, dict) and isinstance(code, int):
            return _named(plain(told.get("output", "")), code)
        return outcome, None
    header = _HEADER.match(outcome)
    if header:
        code = _CODE.search(header[0])
        rest = outcome[header.end() :]
        return _named(rest, int(code[1])) if code else (rest, None)
    found = _EXIT.match(outcome)
    return outcome, int(found[1]) != 0 if found else None


def _named(output: object, code: int) -> tuple[object, bool]:
    """*output*, or the code where a failure has none: it must not look like silence."""
    return (f"exit code {code}" if code and output == "" else output), code != 0


def _json(said: str) -> object:
    """The value of JSON in a string; the string where it is none."""
    if len(said) > _MAX_JSON_CHARS:
        return said
    try:
        return msgspec.json.decode(said)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        pass  # half of a surrogate pair, perhaps
    try:
        value: object = json.loads(said)
    except (ValueError, RecursionError):
        return said
    return value
