"""Transcripts of Codex."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from quarterdeck.costs.model import Usage
from quarterdeck.testing.transcripts.books import Dice, Layout, Line, stamp, write_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from quarterdeck.testing.transcripts.books import Books

SOURCE = "codex"
MODELS = ("gpt-5-codex", "gpt-5", "gpt-5-mini")
UNKNOWN_MODEL = "unknown-codex"
COUNTERS = ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_output_tokens")
TURNS_PER_SESSION = 6


def write_codex(folder: str, books: Books, *, seed: int, size_bytes: int) -> None:
    """Write sessions below *folder* until there are *size_bytes*, at least one of each kind."""
    written, number = 0, 0
    while written < size_bytes or number < len(KINDS):
        written += KINDS[number % len(KINDS)](_Session(folder, books, Dice(f"codex {seed} {number}")))
        number += 1


class _Session:
    """One session as it is made up; every line that it says is *lines*."""

    def __init__(self, folder: str, books: Books, dice: Dice, parent: _Session | None = None) -> None:
        self.home = folder
        self.books = books
        self.dice = dice
        self.clock: Iterator[datetime] = parent.clock if parent else dice.moments(books.first_day)
        self.began = next(self.clock)
        self.id = dice.uuid()
        self.name = f"rollout-{self.began:%Y-%m-%dT%H-%M-%S}-{self.id}.jsonl"
        self.model: str = parent.model if parent else dice.choice(MODELS)
        self.tier = ""
        self.new = True
        self.totals: list[int] = list(parent.totals) if parent else [0, 0, 0, 0]
        self.lines: list[Line | bytes] = []

    def event(self, kind: str, payload: Line, at: datetime | None = None) -> None:
        """One line more."""
        self.lines.append({"timestamp": stamp(at or next(self.clock)), "type": kind, "payload": payload})

    def begin(self, **more: object) -> None:
        """The first line."""
        about = {
            "id": self.id,
            "timestamp": stamp(self.began),
            "cwd": "/home/ada/engine",
            "cli_version": "0.145.0",
        }
        self.event("session_meta", about | more, self.began)

    def fork(self) -> _Session:
        """A session that begins with the lines of this one, under its own time."""
        child = _Session(self.home, self.books, self.dice, self)
        child.begin(forked_from_id=self.id)
        copied = [line for line in self.lines if isinstance(line, dict)]
        child.lines += [{**line, "timestamp": stamp(child.began)} for line in copied]
        return child

    def turn(self, model: str = "", *, named: bool = True) -> None:
        """The user asks, the model works: some requests, each shown more than once."""
        self.model = model or self.model
        turn = {"turn_id": self.dice.uuid()} if named else {}
        self.event("event_msg", {"type": "task_started", **turn})
        self.event("turn_context", {**turn, "cwd": "/home/ada/engine", "model": self.model})
        self.talk(self.dice.randrange(100, 900))
        for _ in range(self.dice.randrange(1, 5)):
            self.use()
        if self.new and self.dice.random() < 0.2:
            self.compact()
        self.event("event_msg", {"type": "task_complete", **turn})

    def talk(self, words: int) -> None:
        """What was said; it may be about token counts."""
        text = self.dice.prose(words) + ' {"type":"token_count","info":null}'
        self.event("response_item", {"type": "message", "content": [{"type": "output_text", "text": text}]})

    def use(self) -> None:
        """One request, which is billed; then the same totals again, and a note about rate limits."""
        dice = self.dice
        went_in, came_out = dice.randrange(500, 60000), dice.randrange(10, 3000)
        last = [went_in, dice.randrange(went_in), came_out, dice.randrange(came_out)]
        self.totals = [total + gained for total, gained in zip(self.totals, last, strict=True)]
        at = next(self.clock)
        usage = Usage(went_in, came_out, last[1], reasoning_output_tokens=last[3])
        self.books.bill(SOURCE, at, self.model, self.tier, usage)
        self.talk(dice.randrange(20, 200))
        if dice.random() < 0.5:
            self.record(last, at)
            self.count(last, at)
        else:
            self.count(last, at)
            self.record(last, at)
        for _ in range(dice.randrange(3)):
            self.count(last)
        self.event("event_msg", {"type": "token_count", "info": None, "rate_limits": {"used_percent": 12.5}})

    def compact(self) -> None:
        """A request that only its record tells, and the item it was made for; the totals stay as they are."""
        last = [self.dice.randrange(50_000, 200_000), 0, 900, 0]
        at = next(self.clock)
        self.books.bill(SOURCE, at, self.model, self.tier, Usage(last[0], last[2]))
        response_id = self.record(last, at)
        self.event("compacted", {"message": "", "compaction_response_id": response_id})
        self.count([0, 0, 0, 0])

    def record(self, used: list[int], at: datetime) -> str:
        """What one answer used; older versions do not write it. Returns the answer's name."""
        response_id = f"resp_{self.dice.hex(40)}"
        if self.new:
            self.event("token_usage_record", {"response_id": response_id, "usage": _counters(used)}, at)
        return response_id

    def count(self, last: list[int], at: datetime | None = None) -> None:
        """An event with the totals as they are, and what was used last."""
        info = {"total_token_usage": _counters(self.totals), "last_token_usage": _counters(last)}
        self.event(
            "event_msg", {"type": "token_count", "info": info, "rate_limits": {"used_percent": 12.5}}, at
        )

    def save(self, layout: Layout = Layout()) -> int:  # noqa: B008 - frozen
        """Write the lines; returns their size in bytes."""
        folder = os.path.join(self.home, f"sessions/{self.began:%Y/%m/%d}")
        return write_lines(os.path.join(folder, self.name), self.lines, layout)

    def archive(self) -> int:
        """Write the lines, packed, where old sessions are kept; returns their size in bytes."""
        return write_lines(os.path.join(self.home, "archived_sessions", f"{self.name}.zst"), self.lines)


def _counters(counts: list[int]) -> Line:
    return {**dict(zip(COUNTERS, counts, strict=True)), "total_tokens": counts[0] + counts[2]}


def _plain(session: _Session) -> int:
    """Some turns, with a change of model; also kept, packed, in the archive."""
    session.begin()
    for number in range(TURNS_PER_SESSION):
        session.turn(MODELS[number % 2] if number > 2 else "")
    return session.save() + session.archive()


def _restarted(session: _Session) -> int:
    """Totals that start anew in the middle of a turn, and priority processing."""
    session.begin()
    session.turn()
    settings = {"type": "thread_settings_applied", "thread_settings": {"service_tier": "priority"}}
    session.event("event_msg", settings)
    session.tier = "priority"
    session.turn()
    session.totals = [0, 0, 0, 0]
    session.use()
    session.turn()
    return session.save(Layout(spaced=True))


def _old(session: _Session) -> int:
    """Turns without ids, a first one without a model, and a fork that took a while to be used."""
    session.new = False
    session.begin()
    session.model = UNKNOWN_MODEL
    session.use()
    session.turn(MODELS[1], named=False)
    child = session.fork()
    for _ in range(20):
        next(child.clock)
    child.turn(named=False)
    return session.archive() + child.save()


def _forked(session: _Session) -> int:
    """A fork of a fork: each begins with its parent's lines under its own time, and goes on."""
    session.begin()
    session.turn()
    session.turn()
    size = session.save()
    parent = session
    for _ in range(2):
        child = parent.fork()
        child.turn()
        size += child.save()
        parent = child
    return size


def _with_subagents(session: _Session) -> int:
    """Subagents: with their parent's events but not all lines, with its last turn, with nothing of it."""
    session.begin()
    session.turn()
    session.turn()
    size = session.save()
    source = {"subagent": {"thread_spawn": {"parent_thread_id": session.id, "agent_nickname": "Ada"}}}
    events = [line for line in session.lines if isinstance(line, dict) and line["type"] != "response_item"]
    turns = [number for number, line in enumerate(events) if line["payload"].get("type") == "task_started"]
    for inherited in ([line for line in events if line["type"] != "turn_context"], events[turns[-1] :], []):
        child = _Session(session.home, session.books, session.dice, session)
        child.begin(source=source)
        child.lines += inherited
        child.turn()
        size += child.save()
    return size


def _broken(session: _Session) -> int:
    """Lines that cannot be read, and a last one that is being written."""
    session.begin()
    session.turn()
    session.lines.append(
        b'{"timestamp":"2026-09-01T08:00:00Z","type":"event_msg","payload":{"type":"token_count","info"'
    )
    session.lines.append(
        b'{"timestamp":"2026-09-01T08:00:00Z","type":"event_msg","payload":'
        b'{"type":"token_count","info":{"total_token_usage":{"input_tokens":-5}}}}'
    )
    session.books.corrupt += 2
    session.turn()
    session.books.unfinished += 1
    return session.save(Layout(tail=b'{"timestamp":"2026-09-01T08:00:01Z","type":"event_m'))


KINDS = (_plain, _restarted, _old, _forked, _with_subagents, _broken)
