"""Gemini CLI: ``~/.gemini/tmp/<project>/chats/``, whole documents of older versions and lines of newer ones.

    *.json     {"sessionId", "messages": [message, …]}, rewritten with each message
    *.jsonl    {"sessionId", …}, then messages, each again whenever it changes; {"$set": {"messages": […]}}
               where the conversation is rewritten, {"$rewindTo": id} where it is cut

A message of type ``gemini`` is one answer. What is cut or compressed away was paid for all the same, so every
message that was ever written counts: once, in however many places it stands.

Its ``tokens`` are what the API reports: ``input`` contains ``cached``; ``tool``, what the provider's own
tools add to the prompt, comes on top of it, and ``thoughts`` on top of ``output``.
"""

from __future__ import annotations

import functools
import hashlib
import os
from typing import TYPE_CHECKING, Any

import msgspec

from quarterdeck.costs.importers.decoding import Count, decode, text, time_of
from quarterdeck.costs.importers.source import Problem, Source, home, walk
from quarterdeck.costs.importers.transcript import open_plain
from quarterdeck.costs.model import Request, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from quarterdeck.costs.importers.source import Found
    from quarterdeck.costs.importers.transcript import Transcript

SUBAGENT = "subagent"
MAX_DOCUMENT_BYTES = 256 << 20
_MAX_LABEL_BYTES = 1 << 20
_ENDINGS = (".json", ".jsonl", ".json.zst", ".jsonl.zst")
_CHATS = f"{os.sep}chats{os.sep}"


class Tokens(msgspec.Struct, gc=False):
    """``tokens`` of a message."""

    input: Count = None
    output: Count = None
    cached: Count = None
    thoughts: Count = None
    tool: Count = None


class Entry(msgspec.Struct, gc=False):
    """A document, a message, or a line: each has some of these."""

    sessionId: Any = None  # noqa: N815 - the file's own name
    messages: list[Entry | None] | None = None
    changes: Entry | None = msgspec.field(default=None, name="$set")
    id: Any = None
    type: Any = None
    timestamp: Any = None
    model: Any = None
    tokens: Any = None


_decoder = msgspec.json.Decoder(Entry)


def places(environment: Mapping[str, str]) -> list[str]:
    """Below ``GEMINI_CLI_HOME`` instead of the user's home, as Gemini CLI has it."""
    folder = environment.get("GEMINI_CLI_HOME") or home(environment)
    return [os.path.join(os.path.abspath(folder), ".gemini", "tmp")] if folder else []


def files(place: str) -> Iterator[str | Problem]:
    """Every chat below *place*; beside the folders of chats lie files of other kinds."""
    for found in walk(place, lambda name: name.endswith(_ENDINGS)):
        if isinstance(found, Problem) or _CHATS in found:
            yield found


def read(transcript: Transcript) -> Iterator[Found]:
    """A request for every message that shows its tokens."""
    state = transcript.state
    if not state:
        state |= {"project": project_of(transcript.path), "session": ""}
    if ".jsonl" in os.path.basename(transcript.path):
        for line in transcript.lines(b'"tokens"', b'"sessionId"'):
            yield from requests_of(line.content, transcript)
    elif content := transcript.content(MAX_DOCUMENT_BYTES):
        yield from requests_of(content, transcript)


def requests_of(content: bytes, transcript: Transcript) -> Iterator[Found]:
    """What a line or a document holds."""
    try:
        entry = decode(content, _decoder, lambda value: isinstance(value, dict))
    except ValueError as error:
        yield Problem(transcript.path, transcript.reading, str(error))
        return
    if entry is None:
        return
    whole = entry.changes or entry
    transcript.state["session"] = text(whole.sessionId) or transcript.state["session"]
    for message in (entry, *(whole.messages or ())):
        if message is not None and message.type == "gemini" and message.tokens is not None:
            try:
                yield from _answer(message, transcript)
            except ValueError as error:  # msgspec's is one
                yield Problem(transcript.path, transcript.reading, str(error))


def _answer(message: Entry, transcript: Transcript) -> Iterator[Request]:
    """The request that *message* answers; none, when it cost nothing.

    Raises:
        ValueError: it cannot be told what it is.
    """
    usage = usage_of(msgspec.convert(message.tokens, Tokens))
    if not any(usage):
        return
    model, identity = text(message.model), text(message.id)
    if not model or not identity:
        raise ValueError("an answer without the name of its model, or without an id")
    session = transcript.state["session"]
    above = os.path.basename(
        os.path.dirname(transcript.path)
    )  # a subagent's lie in a folder of its parent's name
    yield Request(
        model=model,
        usage=usage,
        at=time_of(message.timestamp),
        provider="google",
        task_type="unknown" if above == "chats" else SUBAGENT,
        session=session if above == "chats" else above,
        project=transcript.state["project"],
        response_id=f"gemini:{session}:{identity}",
    )


def usage_of(tokens: Tokens) -> Usage:
    """The API's counts in our terms."""
    reasoning = tokens.thoughts or 0
    return Usage(
        input_tokens=(tokens.input or 0) + (tokens.tool or 0),
        output_tokens=(tokens.output or 0) + reasoning,
        cache_read_input_tokens=tokens.cached or 0,
        reasoning_output_tokens=reasoning,
    )


def project_of(path: str) -> str:
    """The folder that the chat at *path* is about; Gemini's name for it where that cannot be found out.

    That name is a digest of the folder's path, or a short one that ``projects.json`` explains.
    """
    own = path[: path.rindex(_CHATS)] if _CHATS in path else os.path.dirname(path)
    name = os.path.basename(own)
    root = _small_file(os.path.join(own, ".project_root")).decode(errors="replace").strip()
    if root:
        return root
    known = _small_file(os.path.join(os.path.dirname(os.path.dirname(own)), "projects.json"))
    return _folders(known).get(name, name)


@functools.lru_cache(maxsize=4)  # the same for all chats of a home folder
def _folders(known: bytes) -> dict[str, str]:
    """By each of their names, the folders that ``projects.json`` lists; of equal names the first counts."""
    try:
        listed = msgspec.json.decode(known, type=dict[str, dict[str, str]]).get("projects", {})
    except (ValueError, RecursionError):
        return {}
    folders: dict[str, str] = {}
    for folder, called in listed.items():
        folders.setdefault(called, folder)
        folders.setdefault(hashlib.sha256(folder.encode(errors="replace")).hexdigest(), folder)
    return folders


def _small_file(path: str) -> bytes:
    """What a small file holds; nothing where there is none."""
    try:
        with open_plain(path) as file:
            return file.read(_MAX_LABEL_BYTES)
    except OSError:
        return b""


SOURCE = Source("gemini-cli", places, files, read)
