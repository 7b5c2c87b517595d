"""Which format a transcript is in, by the first values in it."""

from __future__ import annotations

import enum
import itertools
import json
import os
from typing import Any, BinaryIO, NamedTuple

import msgspec

from quarterdeck.costs.importers.decoding import decode, text
from quarterdeck.costs.importers.transcript import BYTE_ORDER_MARK, Transcript, open_plain
from quarterdeck.errors import NothingToRead, UsageError
from quarterdeck.loops.transcripts.messages import AGENT, LISTS, PERSON, TOOL

MAX_DOCUMENT_BYTES = 64 << 20
"""Of a file that is no lines of JSON; it takes many times that of memory."""

_LOOKED_AT = 200
_SPAN = frozenset({"resourceSpans", "trace_id", "traceId"})
_GEMINI = frozenset({"projectHash", "$set", "$rewindTo"})
_CLAUDE_CODE = frozenset({"sessionId", "parentUuid", "leafUuid", "parent_tool_use_id"})
_CODEX_EXEC = frozenset({"thread.started", "turn.started", "item.started", "item.completed"})

_decoder = msgspec.json.Decoder(Any)


class Format(enum.StrEnum):
    """Who writes it, and how."""

    CLAUDE_CODE = "claude-code"
    CODEX = "codex"
    GEMINI = "gemini-cli"
    MESSAGES = "messages"
    SPANS = "spans"


class Layout(NamedTuple):
    """How a file is to be read.

    Attributes:
        format: of its values.
        in_lines: whether each line is a value; else all of it is one, or values one after another.
    """

    format: Format
    in_lines: bool


def recognise(path: str | os.PathLike[str]) -> Format:
    """The format of the file at *path*, by the first values in it.

    Raises:
        NothingToRead: there is no such file, it is no regular one, or there is nothing in it.
        UsageError: it is of no format that is known.
    """
    with opened(path) as file:
        return layout_of(os.fspath(path), file).format


def opened(path: str | os.PathLike[str]) -> BinaryIO:
    """The regular file at *path*, open for reading.

    Raises:
        NothingToRead: it cannot be opened.
    """
    try:
        return open_plain(os.fspath(path))
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error


def unreadable(path: str | os.PathLike[str], error: Exception) -> NothingToRead:
    """What to say when *error* keeps us from reading the file at *path*."""
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return NothingToRead(
        f"{os.fspath(path)} cannot be read: {reason}",
        hint="name a regular file that you may read: a session of an agent, as JSON or JSON Lines",
    )


def layout_of(path: str, file: BinaryIO) -> Layout:
    """How *file*, which is *path*, is to be read.

    Raises:
        NothingToRead: there is nothing in it, or it cannot be read.
        UsageError: it is of no format that is known.
    """
    try:
        found, is_empty = _of_lines(path, file)
        if found is None and not is_empty:
            file.seek(0)
            found = _of_document(path, file)
        file.seek(0)
    except OSError as error:
        raise unreadable(path, error) from error
    if is_empty:
        raise NothingToRead(f"{path} is empty", hint="name a session that something has been written to")
    if found is None:
        raise UsageError(
            f"{path} is no transcript of a format that is known",
            hint="known are sessions of Claude Code, Codex and Gemini CLI, lists of messages of OpenAI's and "
            "Anthropic's APIs, and OpenTelemetry's spans of GenAI; as JSON or JSON Lines",
        )
    return found


def _of_lines(path: str, file: BinaryIO) -> tuple[Layout | None, bool]:
    """The layout, where lines are values, and whether there is nothing at all."""
    is_empty, any_value = True, False
    transcript = Transcript(path, file)
    for line in itertools.islice(transcript.lines(), _LOOKED_AT):
        if not line.content:
            continue
        is_empty = False
        try:
            value = decode(line.content, _decoder, lambda _: True)
        except ValueError:
            if not any_value:
                break  # a document, most likely
            continue
        any_value = True
        found = _format_of(value)
        if found:
            return Layout(found, in_lines=True), False
    return None, is_empty and not transcript.unfinished and not transcript.problems


def _of_document(path: str, file: BinaryIO) -> Layout | None:
    content = Transcript(path, file).content(MAX_DOCUMENT_BYTES).removeprefix(BYTE_ORDER_MARK)
    try:
        value, _ = json.JSONDecoder().raw_decode(content.decode(errors="replace").lstrip())
    except (ValueError, RecursionError):
        return None
    found = _format_of(value)
    return Layout(found, in_lines=False) if found else None


def _format_of(value: object, depth: int = 0) -> Format | None:
    """The format that *value* is of, or the first value in it that is of one."""
    if isinstance(value, list) and depth < 2:
        return next((found for part in value[:_LOOKED_AT] if (found := _format_of(part, depth + 1))), None)
    if not isinstance(value, dict):
        return None
    if not _SPAN.isdisjoint(value) or (
        isinstance(value.get("context"), dict) and "trace_id" in value["context"]
    ):
        return Format.SPANS
    kind, role = text(value.get("type")), text(value.get("role"))
    listed = next((value[name] for name in LISTS if isinstance(value.get(name), list)), None)
    if kind == "gemini" or not _GEMINI.isdisjoint(value):
        return Format.GEMINI
    if kind and not role and not _CLAUDE_CODE.isdisjoint(value):
        return Format.CLAUDE_CODE
    if (
        (kind and isinstance(value.get("payload"), dict))
        or kind in _CODEX_EXEC
        or ("instructions" in value and "timestamp" in value)
    ):
        return Format.CODEX
    if role in AGENT | PERSON | TOOL or kind.endswith(("_call", "_call_output")):
        return Format.MESSAGES
    return _format_of(listed, depth) if listed is not None else None
