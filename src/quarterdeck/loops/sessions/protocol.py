"""What Claude Code says to a hook, and how it is answered.

Source: the hooks reference of Claude Code, events PreToolUse, Stop and SubagentStop.
"""

from __future__ import annotations

import json
import os
import zlib
from typing import NamedTuple

from quarterdeck.errors import QuarterdeckError, UsageError
from quarterdeck.words import harmless

MAX_BYTES = 64_000_000
"""Of a question: more than any call has as its arguments."""

_BLOCK = 2  # the exit code that keeps Claude Code from making a call
_NEVER_ASKS = frozenset({"bypassPermissions", "dontAsk"})
_PROGRAMS = "sdk-"  # -p and the SDKs: what would be asked there is denied, and nobody hears of it
_SAID_CHARS = 300
_NAME_CHARS = 40


class Question(NamedTuple):
    """What Claude Code says of the moment it asks in.

    Attributes:
        event: its name: ``PreToolUse`` …
        session: its id.
        agent: the subagent's id; empty: the agent itself.
        transcript: the path of the session's.
        folder: of the project.
        tool, arguments: of the call about to be made.
        attended: whether there may be a person who can be asked.
    """

    event: str
    session: str
    agent: str
    transcript: str
    folder: str
    tool: str
    arguments: object
    attended: bool = True

    @property
    def key(self) -> str:
        """A file name for the session, or for its subagent."""
        raw = f"{self.session}\0{self.agent}\0{self.transcript}".encode(errors="surrogatepass")
        name = "".join(
            char if char.isascii() and char.isalnum() else "-" for char in self.session[:_NAME_CHARS]
        )
        return f"{name}-{zlib.crc32(raw):08x}{zlib.adler32(raw):08x}"


class Answer(NamedTuple):
    """What the process prints and ends with; as it is, the call is made as if nobody had been asked."""

    code: int = 0
    out: str = ""
    err: str = ""


def question_of(content: bytes) -> Question:
    """The question that *content* is; what it does not say, or says in another type, is empty.

    Raises:
        UsageError: it is none.
    """
    if len(content) > MAX_BYTES:
        raise UsageError(f"the question has more than {MAX_BYTES:,} bytes", hint="pass one JSON object")
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise UsageError("what is on stdin is no JSON object", hint="call it from the hooks of Claude Code")

    def text(name: str) -> str:
        value = found.get(name)
        return value if isinstance(value, str) else ""

    return Question(
        text("hook_event_name"),
        text("session_id"),
        text("agent_id"),
        text("transcript_path"),
        os.environ.get("CLAUDE_PROJECT_DIR") or text("cwd"),
        text("tool_name"),
        found.get("tool_input"),
        text("permission_mode") not in _NEVER_ASKS
        and not os.environ.get("CLAUDE_CODE_ENTRYPOINT", "").startswith(_PROGRAMS),
    )


def blocking(reason: str) -> Answer:
    """The call is not made; the agent reads why."""
    return Answer(_BLOCK, err=reason)


def asking(reason: str, note: str = "") -> Answer:
    """A person decides whether the call is made; both read why."""
    return _structured(
        note, permissionDecision="ask", permissionDecisionReason=reason, additionalContext=reason
    )


def telling(reason: str, note: str = "") -> Answer:
    """The call goes its way, and the agent reads something with it."""
    return _structured(note, additionalContext=reason)


def said(error: BaseException) -> str:
    """*error* in one harmless line."""
    told = error.message if isinstance(error, QuarterdeckError) else f"{type(error).__name__}: {error}"
    return harmless(told[: 2 * _SAID_CHARS])[:_SAID_CHARS]


def _structured(note: str, **output: str) -> Answer:
    body = {"hookSpecificOutput": {"hookEventName": "PreToolUse", **output}}
    return Answer(out=json.dumps(body), err=note)
