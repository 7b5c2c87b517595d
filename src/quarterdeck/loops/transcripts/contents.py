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
"""Fields of a block: those that are text, and those that are, or hold, others' texts or blocks."""

_DIGEST_DIGITS = 8

_HEADER = re.compile(
    r"(?:(?:Exit code: |Process exited with code )-?\d{1,9}|Process running with session ID \d+|Chunk ID: \w+"
    r"|Wall time: [^\n]*)(?:\n+(?:(?:Exit code: |Process exited with code )-?\d{1,9}|Wall time: [^\n]*"
    r"|Process running with session ID \d+|Total output lines: \d+|Original token count: \d+|Output:))*"
    r"(?:\n+|$)"
)
"""What Codex puts before the output of a command; some of it is different each time."""

_CODE = re.compile(r"code:? (-?\d{1,9})\b")
_EXIT = re.compile(
    r"\s*(?:(?:error|command|process|failed|with)[: ]+)*(?:exit (?:code|status)|exited with (?:exit )?(?:code|status))"
    r"[: ]+(-?\d{1,9})\b",
    re.IGNORECASE,
)
_MAX_JSON_CHARS = 1 << 20


def injection(*tags: str, openings: tuple[str, ...] = ()) -> re.Pattern[str]:
    """What an agent's own program says where a person would: all of a text from tag to tag, or after an opening.

    Whatever merely begins with a tag may be a person's, too.

    Args:
        tags: of elements, of which a text may hold several.
        openings: with which such a text begins.
    """
    tag, opening = "|".join(map(re.escape, tags)), "|".join(map(re.escape, openings))
    said = [rf"<(?:{tag})[\s>].*</(?:{tag})>\s*\Z"] if tags else []
    return re.compile(rf"\s*(?:{'|'.join([*said, *([opening] if opening else [])])})", re.IGNORECASE | re.DOTALL)


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
    return isinstance(block, Mapping) and (text(block.get("type")) in REASONING or block.get("thought") is True)


def said_in(block: object) -> str | None:
    """The text of a content block, and of those in it; None: it has none."""
    if isinstance(block, str):
        return clean(block)
    if is_reasoning(block):
        return None
    parts = list(_texts(block, 0))
    return "\n".join(filter(None, parts)) if parts else None


def block_text(block: object) -> str:
    """The text of a content block; of what has none, its kind, and a digest to tell it from others of it."""
    said = said_in(block)
    if said is not None or is_reasoning(block) or not isinstance(block, Mapping):
        return said or ""
    kind = text(block.get("type")) or next((name for name in block if isinstance(name, str)), "")
    if not kind:
        return ""
    kind = clean(kind).removeprefix("input_").removesuffix("_url")
    return f"[{kind} {digest(text_of(dict(block))):016x}"[: len(kind) + 2 + _DIGEST_DIGITS] + "]"


def _texts(block: object, depth: int) -> Iterator[str]:
    """Every text of a block; blocks in it that have none are named."""
    if not isinstance(block, Mapping) or depth > MAX_DEPTH:
        return
    for name in (*_TEXTS, *(("data",) if block.get("type") == "text" else ())):
        if isinstance(said := block.get(name), str):
            yield clean(said)
    for name in _HOLDING:
        held = block.get(name)
        if isinstance(held, str):
            yield clean(held)
        elif isinstance(held, list | tuple):
            for part in held:
                yield block_text(part)
        else:
            yield from _texts(held, depth + 1)


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
