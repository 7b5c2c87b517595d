"""Codex: one file per session, with an event each time the counters of tokens have moved.

    $CODEX_HOME/sessions/YYYY/MM/DD/rollout-<time>-<session>.jsonl[.zst]
    $CODEX_HOME/archived_sessions/rollout-….jsonl[.zst]

``token_count`` events carry totals since the session began, and show them again whenever something else on
the screen changes. A request is what the totals have gained: an event that gains nothing is none, and totals
that fall have started anew. Input includes what was cached, output includes reasoning.

Forks and subagents begin with a copy of their parent's events, under times of their own or the old ones, with
or without a note of whose they were. What is the same in every copy is the turn, whose id is a UUID in newer
versions, and the totals: together they name the request. Where turns have no such id, the session does: the
parent's for events that are not younger than the fork.

The totals of the first event do not tell what it gained where a file goes on from another one, and not every
such file says so: what counts there is what the event says about its last request. An event without a known
model is recorded as `UNKNOWN_MODEL`: that has no price, and is shown apart.

Newer versions also write a ``token_usage_record`` for each answer. Most repeat what an event has gained. What
none has gained by the end of its turn is a request too: totals leave out what compactions use.
"""

from __future__ import annotations

import os
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from quarterdeck.costs.importers.decoding import Count, decode, text, time_of
from quarterdeck.costs.importers.source import Problem, Skipped, Source, below_home, walk
from quarterdeck.costs.model import STANDARD_TIERS, Request, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from quarterdeck.costs.importers.source import Found
    from quarterdeck.costs.importers.transcript import Transcript

UNKNOWN_MODEL = "unknown-codex"
SUBAGENT = "subagent"
TURN_ENDS = ("task_started", "task_complete", "turn_aborted")
EVENTS = ("token_count", "token_usage_record", "turn_context", "session_meta", "thread_settings_applied")

_UNIQUE_TURN = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_IMPORTED_TURN = "external-import-turn-"
_COPYING = timedelta(seconds=2)
"""How long a fork may take to write down the events of its parent."""

_TIERS = dict.fromkeys(STANDARD_TIERS, "") | {"fast": "priority"}
"""Codex's names that are not those of the price lists; its fast mode is priority processing."""


class Totals(msgspec.Struct, gc=False, frozen=True):
    """Counters of tokens; each includes those named after it."""

    input_tokens: Count = None
    cached_input_tokens: Count = None
    cache_write_input_tokens: Count = None
    output_tokens: Count = None
    reasoning_output_tokens: Count = None

    def counts(self) -> list[int]:
        """The counters, in order; those that are not there are 0."""
        return [getattr(self, name) or 0 for name in self.__struct_fields__]


class Info(msgspec.Struct, gc=False):
    """What a ``token_count`` event tells."""

    total_token_usage: Totals | None = None
    last_token_usage: Totals | None = None
    model: Any = None


class Settings(msgspec.Struct, gc=False):
    """What holds for the session from now on."""

    model: Any = None
    service_tier: Any = None


class Payload(msgspec.Struct, gc=False):
    """The fields of all events that matter here."""

    type: Any = None
    id: Any = None
    cwd: Any = None
    timestamp: Any = None
    forked_from_id: Any = None
    parent_thread_id: Any = None
    agent_nickname: Any = None
    source: Any = None
    turn_id: Any = None
    response_id: Any = None
    usage: Totals | None = None
    model: Any = None
    info: Info | None = None
    thread_settings: Settings | None = None


class Event(msgspec.Struct, gc=False):
    """One line."""

    type: Any = None
    timestamp: Any = None
    payload: Payload | None = None


_decoder = msgspec.json.Decoder(Event)


def places(environment: Mapping[str, str]) -> list[str]:
    """Both folders of ``CODEX_HOME``, or of its usual place."""
    named = environment.get("CODEX_HOME", "")
    homes = [os.path.abspath(os.path.expanduser(named))] if named else below_home(environment, ".codex")
    return [os.path.join(folder, kept) for folder in homes for kept in ("sessions", "archived_sessions")]


def files(place: str) -> Iterator[str | Problem]:
    """Every rollout below *place*, compressed ones too."""
    return walk(place, lambda name: name.startswith("rollout-") and name.endswith((".jsonl", ".jsonl.zst")))


def read(transcript: Transcript) -> Iterator[Found]:
    """A request for every event that shows that the totals have grown."""
    session = Session(transcript.state, session_of(transcript.path))
    for line in transcript.lines(*(f'"{kind}"'.encode() for kind in EVENTS + TURN_ENDS)):
        try:
            event = decode(line.content, _decoder, _concerns)
            if event is not None and event.payload is not None:
                yield from session.follow(event, event.payload)
        except ValueError as error:
            yield Problem(transcript.path, line.number, str(error))


def _concerns(value: object) -> bool:
    """Whether it is one of our events, and not a text that quotes one."""
    if not isinstance(value, dict):
        return False
    payload = value.get("payload")
    kinds = (value.get("type"), payload.get("type") if isinstance(payload, dict) else None)
    return any(kind in EVENTS + TURN_ENDS for kind in kinds)


class Session:
    """What is known at one place of a file; all of it lives in *state*, so that reading can go on there."""

    def __init__(self, state: dict[str, Any], name: str) -> None:
        """Go on at *state*; *name* is the session's where no line says it."""
        self._state = state
        self._name = name

    def follow(self, event: Event, payload: Payload) -> Iterator[Request | Skipped]:
        """Take in the next event; yields the requests that it shows.

        Raises:
            ValueError: it shows one that cannot be understood.
        """
        state = self._state
        if event.type == "session_meta":
            if "session" not in state:  # those after the first are the parents', copied
                self._begin(event, payload)
        elif event.type == "turn_context" or payload.type in TURN_ENDS:
            yield from self._turn(payload)
        elif payload.type == "thread_settings_applied" and payload.thread_settings is not None:
            state["model"] = text(payload.thread_settings.model) or state.get("model", "")
            state["tier"] = text(payload.thread_settings.service_tier)
        elif payload.type == "token_count" and payload.info is not None:
            gained = self._gained(payload.info)
            if any(gained):
                self._settle("told", "shown", gained)
                model = text(payload.info.model) or text(payload.model)
                yield self._request(text(event.timestamp), gained, self._identity(event, gained), model)
        elif event.type == "token_usage_record" and payload.usage is not None:
            time_of(event.timestamp)  # it will be needed
            told = [*payload.usage.counts(), text(event.timestamp), text(payload.response_id)]
            self._settle("shown", "told", told)

    def _begin(self, event: Event, payload: Payload) -> None:
        spawned = payload.source.get("subagent") if isinstance(payload.source, dict) else None
        spawn = spawned.get("thread_spawn") if isinstance(spawned, dict) else None
        spawn = spawn if isinstance(spawn, dict) else {}
        subagent_of = text(payload.parent_thread_id) or text(spawn.get("parent_thread_id"))
        self._state.update(
            session=text(payload.id),
            cwd=text(payload.cwd),
            model=text(payload.model),
            parent=text(payload.forked_from_id) or subagent_of,
            subagent=bool(subagent_of or spawned),
            agent=text(payload.agent_nickname) or text(spawn.get("agent_nickname")),
            began=text(payload.timestamp) or text(event.timestamp),
        )

    def _turn(self, payload: Payload) -> Iterator[Request | Skipped]:
        """A turn begins or ends: what its records told and no event has shown are requests of their own."""
        state = self._state
        shown, told = state.pop("shown", []), state.pop("told", [])
        if told and not _cover(shown, told):
            for *counts, at, response_id in told:
                yield self._request(at, counts, f"codex:{response_id or at}", "")
        turn = text(payload.turn_id)
        if turn and turn != state.get("turn"):
            state.update(turn=turn, restarts=0)
        state["model"] = text(payload.model) or state.get("model", "")
        state["cwd"] = text(payload.cwd) or state.get("cwd", "")

    def _settle(self, others: str, own: str, counts: list[Any]) -> None:
        """Set *counts* off against the same ones among *others*, or keep them among its *own*."""
        width = len(Totals.__struct_fields__)
        for place, other in enumerate(self._state.get(others, ())):
            if other[:width] == counts[:width]:
                del self._state[others][place]
                return
        self._state.setdefault(own, []).append(counts)

    def _gained(self, info: Info) -> list[int]:
        """The tokens since the event before, by the totals; what was last used where they do not tell."""
        state = self._state
        last = info.last_token_usage.counts() if info.last_token_usage else []
        if info.total_token_usage is None:
            repeated = last == state.get("last")
            state["last"] = last
            return [] if repeated else last
        total = info.total_token_usage.counts()
        before = state.get("total")
        state["total"] = total
        if before is None:
            return last or total
        gained = [now - then for now, then in zip(total, before, strict=True)]
        if min(gained) >= 0:
            return gained
        state["restarts"] = state.get("restarts", 0) + 1
        return last or total

    def _identity(self, event: Event, gained: list[int]) -> str:
        """The name of the request that an event shows; see the module."""
        state = self._state
        turn = state.get("turn", "")
        session = state.get("session") or self._name
        owner = "" if _UNIQUE_TURN.fullmatch(turn) else self._owner(time_of(event.timestamp)) or session
        totals = "-".join(map(str, state.get("total") or [*gained, event.timestamp]))
        return ":".join(("codex", owner, turn, str(state.get("restarts", 0)), totals))

    def _request(self, at: str, counts: list[int], response_id: str, model: str) -> Request | Skipped:
        state = self._state
        if state.get("turn", "").startswith(_IMPORTED_TURN):
            return Skipped("imported from another agent")
        went_in, cached, written, came_out, reasoning = counts
        cached = min(cached, went_in)  # parts that exceed their total: the total is what was billed
        tier = state.get("tier", "")
        return Request(
            model=model or state.get("model") or UNKNOWN_MODEL,
            usage=Usage(
                input_tokens=went_in,
                output_tokens=came_out,
                cache_read_input_tokens=cached,
                cache_write_input_tokens=min(written, went_in - cached),
                reasoning_output_tokens=min(reasoning, came_out),
            ),
            at=time_of(at),
            task_type=SUBAGENT if state.get("subagent") else "unknown",
            service_tier=_TIERS.get(tier, tier),
            session=state.get("session") or self._name,
            project=state.get("cwd", ""),
            response_id=response_id,
            tags={"agent": state["agent"]} if state.get("agent") else {},
        )

    def _owner(self, at: datetime) -> str:
        """The parent, if this event was copied from it; empty: the session's own."""
        parent: str = self._state.get("parent", "")
        if parent and at <= time_of(self._state["began"]) + _COPYING:
            return parent
        return ""


def _cover(shown: list[list[int]], told: list[list[Any]]) -> bool:
    """Whether events gained together what records told one by one: that is so where a line was lost."""
    gained = [sum(counts) for counts in zip(*shown, strict=True)]
    used = [sum(counts) for counts in zip(*(counts[:-2] for counts in told), strict=True)]
    return bool(gained) and all(part <= whole for part, whole in zip(used, gained, strict=True))


def session_of(path: str) -> str:
    """The session that a file is named after, where it does not say."""
    return os.path.basename(path).removesuffix(".zst").removesuffix(".jsonl").removeprefix("rollout-")


SOURCE = Source("codex", places, files, read)
