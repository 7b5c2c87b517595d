"""What an agent does, one event at a time, and what is said when it goes in circles."""

from __future__ import annotations

import enum
from datetime import datetime  # noqa: TC003 - msgspec reads the types of an alarm when it restores one
from typing import NamedTuple


class AgentEvent(NamedTuple):
    """One call of a tool with what came of it, or one message.

    Make one by `call`, `said` or `heard`.

    Attributes:
        tool: the tool's name; empty: a message.
        arguments: what it was called with: any JSON value, or text (arguments that are JSON in a string are
            the same as their value).
        outcome: what came back, as text or JSON value; None: nothing yet, or not known.
        failed: whether the call failed; None: not known, and then the outcome's text has the say.
        text: of a message.
        by_user: a message from outside the agent: a person, or whoever gives it work.
        at: when it ended, aware; None: unknown.
        cost_picousd: what the model's answer that led to it cost, or its share; None: unknown.
        progress: whether it brought the task forward, if somebody knows (a test that passes, a file that is
            different now); None: by the event itself. What went before an event that did is forgotten.
        name: of the event where it was written down, such as an id of a call or ``file:line``; for alarms.
    """

    tool: str = ""
    arguments: object = None
    outcome: object = None
    failed: bool | None = None
    text: str = ""
    by_user: bool = False
    at: datetime | None = None
    cost_picousd: int | None = None
    progress: bool | None = None
    name: str = ""

    @classmethod
    def call(
        cls,
        tool: str,
        arguments: object = None,
        outcome: object = None,
        *,
        failed: bool | None = None,
        at: datetime | None = None,
        cost_picousd: int | None = None,
        progress: bool | None = None,
        name: str = "",
    ) -> AgentEvent:
        """A call of *tool*, with what came of it."""
        return cls(
            tool, arguments, outcome, failed, at=at, cost_picousd=cost_picousd, progress=progress, name=name
        )

    @classmethod
    def said(
        cls, text: str, *, at: datetime | None = None, cost_picousd: int | None = None, name: str = ""
    ) -> AgentEvent:
        """A message of the agent."""
        return cls(text=text, at=at, cost_picousd=cost_picousd, name=name)

    @classmethod
    def heard(cls, text: str, *, at: datetime | None = None, name: str = "") -> AgentEvent:
        """A message to the agent, from a person: it ends whatever went before."""
        return cls(text=text, by_user=True, at=at, name=name)


class Level(enum.IntEnum):
    """How loud an alarm is; each says what its reader should do."""

    NUDGE = 1
    """Tell the agent what it is repeating."""
    PAUSE = 2
    """Ask a person before it goes on."""
    STOP = 3
    """Do not let it go on like this."""


class Kind(enum.StrEnum):
    """What goes in circles."""

    REPETITION = "repetition"
    """One call with one outcome, again and again."""
    CYCLE = "cycle"
    """A sequence of 2 to 8 calls, with their outcomes, again and again."""
    SAME_ERROR = "same-error"
    """One error, whatever is tried."""
    ALTERNATION = "alternation"
    """To and fro between two states, such as an edit and its undoing."""
    MONOLOGUE = "monologue"
    """Messages that say little new and no calls between them, or one message that repeats itself."""
    LOW_NOVELTY = "low-novelty"
    """Almost nothing of what it does is new."""
    SPEND = "spend"
    """Money goes and nothing comes of it."""


class Alarm(NamedTuple):
    """What is going in circles, how often, since when and what that has cost.

    Attributes:
        kind, level: what it is, and how loud.
        what: what repeats, for people: ``Grep(pattern=TODO) -> no matches``; one line, at most 200
            characters, with nothing in it that a terminal would obey. What `quarterdeck.scrub` knows for
            secret or personal is taken out.
        times: how often; of a cycle: how many rounds; of an alternation: how often it came back. With kind
            and period it is what the level follows from.
        period: calls per round: 1 to 8; of an alternation 2; 0: not that kind, or other calls are in between.
        events: how many events of the session are part of it.
        since: when it began; None: unknown.
        first, last: `AgentEvent.name` of the first and the last event of it; empty: unnamed.
        position, start: number of the event that raised this, and of the first that is part of it, from 1.
        cost_picousd: what the events that are part of it cost, the first round left out where rounds repeat
            (what a repetition wastes); None: no event of it has a price.
        advice: what to do instead, for the agent; one or two sentences.
    """

    kind: Kind
    level: Level
    what: str
    times: int
    period: int
    events: int
    since: datetime | None
    first: str
    last: str
    position: int
    start: int
    cost_picousd: int | None
    advice: str

    @property
    def cost_usd(self) -> float | None:
        """The cost in dollars, to the nearest float; None: unknown."""
        return None if self.cost_picousd is None else self.cost_picousd / 1_000_000_000_000
