"""What a line of an export says, after the first: something that a library knows, or that this is the end.

{"pattern": {"id": "sqlite-busy-timeout", …}, "weights": {"good": 2.9, "bad": 0.5}}
{"origin": {"pattern_id": "sqlite-busy-timeout", "at": "2026-01-31T12:00:00Z", "act": "contributed", …}}
{"outcome": {"pattern_id": "sqlite-busy-timeout", "success": true, "at": "2026-02-01T12:00:00Z", …}}
{"link": {"kind": "supersedes", "source": "sqlite-busy-timeout", "target": "sqlite-retry", …}}
{"end": {"patterns": 2, "origins": 3, "outcomes": 1, "links": 1}}
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import msgspec

from quarterdeck.errors import UsageError
from quarterdeck.patterns import checks
from quarterdeck.patterns.exchange.fields import MEND, converted, fields_of, pattern_of, strict_json
from quarterdeck.patterns.model import Link, LinkKind, Origin, Outcome, Pattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from quarterdeck.patterns.truth import Record

_BYTE_ORDER_MARK = "\ufeff"

_NOW = datetime.max.replace(tzinfo=UTC)
"""To a library, the future is now."""

At = Annotated[datetime, msgspec.Meta(tz=True)]


class Known(NamedTuple):
    """A pattern, and what its successes and failures weigh by now; None: as if all were of ``last_used``."""

    pattern: Pattern
    weights: tuple[float, float] | None


class Act(NamedTuple):
    """An origin, and whose it is."""

    pattern_id: str
    origin: Origin


class End(msgspec.Struct, frozen=True):
    """How many lines of each kind there were; None: not said."""

    patterns: int | None = None
    origins: int | None = None
    outcomes: int | None = None
    links: int | None = None


class _Weights(msgspec.Struct, frozen=True):
    good: float
    bad: float


class _Origin(msgspec.Struct, frozen=True):
    pattern_id: str
    at: At
    act: str
    agent_id: str = ""
    source: str = ""
    details: dict[str, Any] = {}


class _Outcome(msgspec.Struct, frozen=True):
    pattern_id: str
    success: bool
    at: At
    agent_id: str = ""
    note: str = ""


class _Link(msgspec.Struct, frozen=True):
    kind: LinkKind
    source: str
    target: str
    created_at: At = _NOW
    agent_id: str = ""


def told(entry: Record | Link) -> Iterator[dict[str, Any]]:
    """What the lines of an *entry* of a history say, each by its kind."""
    if isinstance(entry, Link):
        yield {"link": _said(entry)}
        return
    if entry.pattern is not None:
        line: dict[str, Any] = {"pattern": fields_of(entry.pattern)}
        if entry.weights is not None:
            line["weights"] = dict(zip(("good", "bad"), entry.weights, strict=True))
        yield line
    for origin in entry.origins:
        yield {"origin": {"pattern_id": entry.pattern_id, **_said(origin)}}
    for outcome in entry.outcomes:
        yield {"outcome": _said(outcome)}


def read(line: bytes) -> Known | Act | Outcome | Link | End:
    """What a *line* says.

    Raises:
        UsageError: it says nothing that a library can know.
    """
    said = json_object(line)
    if "pattern" in said:
        pattern = pattern_of(said["pattern"])
        weights = converted(said["weights"], _Weights, "weights") if "weights" in said else None
        return Known(pattern, None if weights is None else (weights.good, weights.bad))
    if "origin" in said:
        return _act(converted(said["origin"], _Origin, "origin"))
    if "outcome" in said:
        return _outcome(converted(said["outcome"], _Outcome, "outcome"))
    if "link" in said:
        link = converted(said["link"], _Link, "link")
        return Link(link.kind, link.source, link.target, link.created_at, link.agent_id)
    if "end" in said:
        return converted(said["end"], End, "end")
    raise UsageError("it says nothing of a pattern", hint="leave it out")


def json_object(line: bytes) -> dict[str, Any]:
    """The JSON object in *line*.

    Raises:
        UsageError: there is none.
    """
    try:
        text = line.decode().removeprefix(_BYTE_ORDER_MARK)
    except UnicodeDecodeError:
        raise UsageError("it is not UTF-8", hint=MEND) from None
    said = strict_json(text)
    if not isinstance(said, dict):
        raise UsageError("it is no JSON object", hint=MEND)
    return said


def _said(thing: Link | Origin | Outcome) -> Mapping[str, Any]:
    """Its fields that say something."""
    return {name: value for name, value in thing._asdict().items() if value not in ("", {})}


def _act(said: _Origin) -> Act:
    checks.moment(said.at, "at of an origin")
    checks.line(said.act, "act of an origin")
    checks.line(said.agent_id, "agent_id of an origin", may_be_empty=True)
    checks.source(said.source)
    checks.context(said.details, "details of an origin")
    return Act(said.pattern_id, Origin(said.at, said.act, said.agent_id, said.source, said.details))


def _outcome(said: _Outcome) -> Outcome:
    checks.moment(said.at, "at of an outcome")
    checks.line(said.agent_id, "agent_id of an outcome", may_be_empty=True)
    checks.text(said.note, "note of an outcome")
    return Outcome(said.pattern_id, said.success, said.at, said.agent_id, said.note)
