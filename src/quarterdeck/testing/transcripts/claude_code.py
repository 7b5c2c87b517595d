"""Transcripts of Claude Code."""

from __future__ import annotations

import json
import os
from datetime import datetime
from typing import TYPE_CHECKING

from quarterdeck.costs.model import Usage
from quarterdeck.testing.transcripts.books import Dice, Layout, Line, stamp, write_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quarterdeck.testing.transcripts.books import Books

SOURCE = "claude-code"
MODELS = ("claude-opus-4-5-20251101", "claude-sonnet-4-5-20250929", "claude-haiku-4-5-20251001")
GATEWAY_MODEL = "kimi-k2-0905-preview"
ADVISOR_MODEL = "claude-opus-4-1-20250805"
PROJECTS = ("/home/ada/engine", "/home/ada/compiler tests", "/srv/überwachung")
ROUNDS_PER_SESSION = 12


def write_claude_code(folder: str, books: Books, *, seed: int, size_bytes: int) -> None:
    """Write sessions below *folder* until there are *size_bytes*, at least one of each kind."""
    written, number = 0, 0
    while written < size_bytes or number < len(KINDS):
        dice = Dice(f"claude {seed} {number}")
        written += KINDS[number % len(KINDS)](_Session(folder, books, dice))
        number += 1


class _Session:
    """One session as it is made up; every line that it says is *lines*."""

    def __init__(self, folder: str, books: Books, dice: Dice) -> None:
        self.books = books
        self.dice = dice
        self.id = dice.uuid()
        self.project = dice.choice(PROJECTS)
        name = self.project.replace("/", "-").replace(" ", "-")
        self.folder = os.path.join(folder, "projects", name)
        self.model = dice.choice(MODELS)
        self.lines: list[Line | bytes] = []
        self.clock = dice.moments(books.first_day)
        self.context = dice.randrange(4000, 20000)

    def line(self, kind: str, at: datetime, **fields: object) -> Line:
        """What every line has."""
        return {
            "parentUuid": self.dice.uuid(),
            "isSidechain": False,
            "userType": "external",
            "cwd": self.project,
            "sessionId": self.id,
            "version": "2.1.63",
            "gitBranch": "main",
            "type": kind,
            "uuid": self.dice.uuid(),
            "timestamp": stamp(at),
            **fields,
        }

    def ask(self) -> Line:
        """What the user, or a tool, says; text and tools like to speak of usage too."""
        content = [{"type": "tool_result", "content": self.dice.prose(self.dice.randrange(20, 900))}]
        result = {"usage": {"input_tokens": 1, "output_tokens": 1}, "totalTokens": 2}
        message = {"role": "user", "content": content}
        return self.line("user", next(self.clock), message=message, toolUseResult=result)

    def answer(
        self,
        *,
        message_id: str = "",
        request_id: bool = True,
        blocks: int = 0,
        tier: str = "",
        searches: int = 0,
        iterations: Sequence[Line] = (),
        **fields: object,
    ) -> list[Line]:
        """The lines of one answer, which is billed.

        Args:
            message_id: one as of the API when left out.
            request_id: some gateways give none.
            blocks: lines; the last one or two of them tell the final output.
            tier: ``batch``, or ``fast``, which is told in another place.
            searches: that the API ran for it.
            iterations: what the answer was made of, where there was an advisor.
            fields: of each line.
        """
        dice = self.dice
        usage = self._use()
        raw: Line = {
            **_raw(usage, split=dice.random() < 0.8),
            "server_tool_use": {"web_search_requests": searches} if searches else None,
            "service_tier": "batch" if tier == "batch" else "standard",
            **({"speed": "fast"} if tier == "fast" else {}),
            **({"iterations": iterations} if iterations else {}),
        }
        blocks = blocks or dice.choice((1, 2, 3, 4))
        final = dice.choice((blocks, max(blocks - 1, 1)))  # from this line on the output is the final one
        message: Line = {
            "id": message_id or "msg_01" + dice.hex(22),
            "type": "message",
            "role": "assistant",
            "model": self.model,
        }
        common: Line = {"requestId": "req_011" + dice.hex(20)} if request_id else {}
        lines = []
        for number in range(1, blocks + 1):
            at = next(self.clock)
            output = usage.output_tokens if number >= final else min(number, usage.output_tokens - 1)
            block = {"type": "text", "text": dice.prose(dice.randrange(10, 120))}
            said = {**message, "content": [block], "usage": {**raw, "output_tokens": output}}
            lines.append(self.line("assistant", at, message=said, **common, **fields))
            if number == final:
                self.books.bill(SOURCE, at, self.model, tier, usage._replace(web_searches=searches))
        return lines

    def rounds(self, number: int = ROUNDS_PER_SESSION, *, tier: str = "", searches: int = 0) -> None:
        """*number* questions and answers."""
        for _ in range(number):
            self.lines += [self.ask(), *self.answer(tier=tier, searches=searches)]

    def save(self, layout: Layout = Layout()) -> int:  # noqa: B008 - frozen
        """Write the lines; returns their size in bytes."""
        return write_lines(os.path.join(self.folder, f"{self.id}.jsonl"), self.lines, layout)

    def _use(self) -> Usage:
        """What an answer uses: most of the context comes from the cache, and it grows."""
        dice = self.dice
        fresh, written, output = dice.randrange(1, 40), dice.randrange(1, 6000), dice.randrange(2, 4000)
        hour = dice.choice((0, 0, written, written // 3))
        cached, self.context = self.context, self.context + written
        return Usage(fresh + cached + written, output, cached, written, hour)


def _raw(usage: Usage, *, split: bool) -> Line:
    """*usage* as the API reports it; without the *split*, older versions mean 5 minutes."""
    cached, written, hour = usage[2:5]
    raw: Line = {
        "input_tokens": usage.input_tokens - cached - written,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": cached,
    }
    if split or hour:
        raw["cache_creation"] = {
            "ephemeral_5m_input_tokens": written - hour,
            "ephemeral_1h_input_tokens": hour,
        }
    return raw


def _plain(session: _Session) -> int:
    """Questions and answers."""
    session.rounds()
    return session.save()


def _tiers(session: _Session) -> int:
    """Batch, fast mode, and searches that are billed by the piece."""
    session.rounds(3, tier="batch")
    session.rounds(3, tier="fast")
    session.rounds(2, searches=2)
    return session.save(Layout(spaced=True))


def _resumed(session: _Session) -> int:
    """A session, and another one that begins with a copy of it and goes on."""
    session.rounds()
    first = session.save()
    session.id = session.dice.uuid()
    session.lines = [{**line, "sessionId": session.id} for line in session.lines if isinstance(line, dict)]
    session.rounds(4)
    return first + session.save(Layout(end=b"\r\n"))


def _with_subagents(session: _Session) -> int:
    """Subagents have files of their own, and the session shows what they do."""
    size = 0
    session.rounds(3)
    main, session.model = session.model, MODELS[-1]
    for _ in range(2):
        agent = session.dice.hex(7)
        lines: list[Line | bytes] = []
        for _ in range(4):
            said = session.answer(isSidechain=True, agentId=agent)
            lines += said
            at = next(session.clock)
            shown = {"type": "agent_progress", "message": said[0], "agentId": agent}
            session.lines.append(session.line("progress", at, data=shown))
        path = os.path.join(session.folder, session.id, "subagents", f"agent-{agent}.jsonl")
        size += write_lines(path, lines)
    session.model = main
    session.rounds(3)
    return size + session.save()


def _with_side_question(session: _Session) -> int:
    """A side question repeats the conversation under request ids of its own, then has one answer more."""
    session.rounds(6)
    return session.save() + _side_question(session)


def _side_question(session: _Session, message_id: str = "") -> int:
    repeated: list[Line | bytes] = [
        {**line, "isSidechain": True, "requestId": "req_011" + session.dice.hex(20)}
        for line in session.lines
        if isinstance(line, dict) and line["type"] == "assistant"
    ]
    repeated += session.answer(message_id=message_id, isSidechain=True)
    return write_lines(os.path.join(session.folder, f"agent-{session.dice.hex(8)}.jsonl"), repeated)


def _gateway(session: _Session) -> int:
    """A gateway's own ids and no request ids, so that only a part of them are worth something."""
    session.model = GATEWAY_MODEL
    for name in [f"chatcmpl-{session.dice.hex(24)}" for _ in range(5)] + ["relay"] * 5:
        session.lines += [session.ask(), *session.answer(message_id=name, request_id=False)]
    del session.lines[0]  # an answer stands right after the mark
    return session.save(Layout(mark=b"\xef\xbb\xbf"))


def _numbered(session: _Session) -> int:
    """A gateway that numbers the messages of each session, and a side question that repeats them."""
    session.model = GATEWAY_MODEL
    for number in range(5):
        session.lines += [session.ask(), *session.answer(message_id=f"msg_{number}")]
    return session.save() + _side_question(session, f"msg_{number + 1}")


def _advised(session: _Session) -> int:
    """An advisor's tokens stand beside those of the message, under a model of their own."""
    session.rounds(2)
    advice = Usage(
        input_tokens=session.dice.randrange(1000, 90000), output_tokens=session.dice.randrange(9, 900)
    )
    raw = {**_raw(advice, split=False), "output_tokens": advice.output_tokens}
    said = {"type": "advisor_message", "model": ADVISOR_MODEL, **raw}
    own = {"type": "message", **_raw(Usage(), split=False), "output_tokens": 0}
    lines = session.answer(blocks=1, iterations=[own, said])
    at = datetime.fromisoformat(lines[0]["timestamp"])
    session.books.bill(SOURCE, at, ADVISOR_MODEL, "", advice)
    session.lines += lines
    return session.save()


def _broken(session: _Session) -> int:
    """Answers that are none, lines that cannot be read, and a last one that is being written."""
    session.rounds(3)
    synthetic = session.line("assistant", next(session.clock), isApiErrorMessage=True)
    synthetic["message"] = {"id": session.dice.uuid(), "model": "<synthetic>", "usage": {"input_tokens": 0}}
    session.lines.append(synthetic)
    session.books.skipped += 1
    unread = json.dumps(
        session.line("assistant", next(session.clock), message={"usage": {"input_tokens": "12"}})
    )
    session.lines += [unread[:-12].encode(), unread.encode(), b"\0" * 300, b""]
    session.books.corrupt += 2
    for line in session.answer(blocks=2):
        text = json.dumps(line)
        cut_emoji = text.replace('"text": "', '"text": "\\ud83d', 1)
        session.lines += [cut_emoji.encode(), text.encode().replace(b"the", b"\xff\xfe", 1)]
    session.books.unfinished += 1
    return session.save(Layout(tail=unread[:150].encode()))


def _without_last_end(session: _Session) -> int:
    """The last line is complete, but for its end."""
    session.rounds(2)
    last = session.answer(blocks=1)[0]
    return session.save(Layout(tail=json.dumps(last).encode()))


KINDS = (
    _plain, _tiers, _resumed, _with_subagents, _with_side_question, _gateway, _numbered, _advised, _broken,
    _without_last_end,
)  # fmt: skip
