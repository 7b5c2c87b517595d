"""What a pattern is, and what is said of one that was found. All of these are frozen."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec

from quarterdeck.errors import UsageError
from quarterdeck.patterns import checks
from quarterdeck.patterns.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

TYPES = ("sequential", "temporal", "conditional", "behavioral")
"""The types the specification names; any other word is a type as well."""

Lesson = Literal["do", "avoid"]
"""What follows from a pattern: what to do, or what not to do: the lesson of a failure."""


class Pattern(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something that an agent has learned.

    The library itself writes the fields from *usage_count* on when it returns a pattern; of one that is
    contributed they say what others have already seen of it.

    Attributes:
        id: 1 to 200 letters, digits and ``. _ : @ -``; it begins with a letter or a digit.
        agent_id: who learned it.
        pattern_type: one of `TYPES`, or any other word.
        name: one line.
        description: in natural words: what is the situation, what to do, why.
        context: where it holds, as ``key: value``; JSON.
        code: an example.
        confidence: how sure its author is, 0 to 1; outcomes say more as soon as there are some.
        tags: words by which it can be found and filtered; each once.
        lesson: ``avoid`` for what has failed.
        source: where it comes from: a run, a file, an address; free text.
        expires_at: from then on it is not found any more, unless asked for.
        review_at: from then on somebody should look whether it still holds.
        discovered_at: when it was contributed.
        usage_count, success_count, failure_count: the outcomes so far.
        last_used: when the last of them was recorded.
        superseded_by: the id of the pattern that has taken its place.
    """

    id: str
    agent_id: str
    pattern_type: str
    name: str
    description: str = ""
    context: dict[str, Any] = {}
    code: str | None = None
    confidence: float = 0.5
    tags: list[str] = []
    lesson: Lesson = "do"
    source: str = ""
    expires_at: datetime | None = None
    review_at: datetime | None = None
    discovered_at: datetime | None = None
    usage_count: int = 0
    success_count: int = 0
    failure_count: int = 0
    last_used: datetime | None = None
    superseded_by: str | None = None

    def __post_init__(self) -> None:
        """Refuse what is no pattern.

        Raises:
            UsageError: a field is of another type, empty or out of its bounds.
            TooLarge: one is longer than the library keeps.
        """
        _check(self)
        msgspec.structs.force_setattr(self, "context", frozen(self.context))
        msgspec.structs.force_setattr(self, "tags", frozen(list(dict.fromkeys(checks.tags(self.tags)))))

    @property
    def success_rate(self) -> float | None:
        """Successes of all outcomes, 0 to 1; None when there are none yet."""
        return self.success_count / self.usage_count if self.usage_count else None


def _check(pattern: Pattern) -> None:
    """Raise for the first field that is not what it should be."""
    checks.identity(pattern.id)
    checks.line(pattern.agent_id, "agent_id of a pattern")
    checks.line(pattern.pattern_type, "pattern_type")
    checks.line(pattern.name, "name of a pattern")
    checks.text(pattern.description, "description of a pattern")
    if pattern.code is not None:
        checks.text(pattern.code, "code of a pattern")
    checks.source(pattern.source)
    checks.lesson(pattern.lesson)
    checks.share(pattern.confidence, "confidence of a pattern")
    checks.context(pattern.context)
    for name in ("expires_at", "review_at", "discovered_at", "last_used"):
        checks.moment(getattr(pattern, name), f"{name} of a pattern")
    counts = (pattern.usage_count, pattern.success_count, pattern.failure_count)
    if any(type(each) is not int or not 0 <= each < 2**53 for each in counts):
        raise UsageError("the counts of a pattern must be whole numbers from 0 up", hint="leave them away: 0")
    if pattern.usage_count != pattern.success_count + pattern.failure_count:
        raise UsageError(
            f"usage_count of pattern {pattern.id} is not the sum of its success_count and failure_count",
            hint="give all three, or none",
        )
    if pattern.superseded_by is not None:
        checks.identity(pattern.superseded_by, "superseded_by of a pattern")


class Evidence(NamedTuple):
    """What outcomes say of a pattern, as of one moment.

    Attributes:
        successes, failures: all that were ever recorded.
        expected: the probability that it works when it is used next, 0 to 1: the posterior's mean.
        drawn: what this query was ranked by; *expected* itself, or a draw from the posterior.
        low, high: Wilson's 95 % interval of the raw rate, for display; 0 and 1 without any outcome.
    """

    successes: int
    failures: int
    expected: float
    drawn: float
    low: float
    high: float


class Factor(NamedTuple):
    """One reason why a pattern was found.

    Attributes:
        kind: ``text``, ``tag``, ``type``, ``lesson``, ``context`` or ``meaning``.
        what: the word, tag, type, lesson or ``key=value`` that is in both, as the pattern says it.
        share: of the relevance, 0 to 1.
    """

    kind: str
    what: str
    share: float


class LinkKind(StrEnum):
    """What one pattern is to another."""

    RELATED = "related"
    """Both ways."""
    SUPERSEDES = "supersedes"
    """The other is not found any more unless asked for."""
    CONTRADICTS = "contradicts"
    """Both ways; both stay, and whoever finds one is told of the other."""


def link_kind(value: object) -> LinkKind:
    """*value* as a kind of link.

    Raises:
        UsageError: it is none.
    """
    try:
        return LinkKind(value)  # type: ignore[arg-type]
    except ValueError:
        raise UsageError(
            f"there is no link {checks.told(value)}", hint=f"use one of: {', '.join(LinkKind)}"
        ) from None


class Link(NamedTuple):
    """A link, as seen from one pattern.

    Attributes:
        kind: what it says.
        source, target: ids; of kinds that go both ways as they were given.
        created_at: when.
        agent_id: by whom; empty: not said.
    """

    kind: LinkKind
    source: str
    target: str
    created_at: datetime
    agent_id: str


class Origin(NamedTuple):
    """One act in the life of a pattern: its provenance is a list of them, oldest first.

    Attributes:
        at: when.
        act: ``contributed``, ``updated``, ``imported``, ``promoted``, ``superseded``, ``deleted``.
        agent_id: who.
        source: from where; empty: not said.
        details: more about it.
    """

    at: datetime
    act: str
    agent_id: str
    source: str
    details: Mapping[str, Any]


class Outcome(NamedTuple):
    """What came of using a pattern.

    Attributes:
        pattern_id: which.
        success: whether it worked.
        at: when.
        agent_id: who used it; empty: not said.
        note: what happened, in words.
    """

    pattern_id: str
    success: bool
    at: datetime
    agent_id: str
    note: str
