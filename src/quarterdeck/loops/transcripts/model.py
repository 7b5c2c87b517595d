"""What is read out of a transcript, before and after calls meet their outcomes."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from quarterdeck.loops.events.model import AgentEvent  # noqa: TC001 - of a value type's field


class Step(NamedTuple):
    """An event, and whose it is.

    Attributes:
        event: a call with what came of it, or a message.
        actor: who did it; empty: the agent itself, else the name of a subagent or of a conversation. What
            different actors do at the same time stands mixed in a file, and is no sequence: each is judged
            for itself.
    """

    event: AgentEvent
    actor: str = ""


class Called(NamedTuple):
    """The agent calls a tool."""

    id: str
    tool: str
    arguments: object


class Came(NamedTuple):
    """What came of the call *id*; *failed* None: it does not say."""

    id: str
    outcome: object
    failed: bool | None


class Done(NamedTuple):
    """A call and what came of it, told at once."""

    id: str
    tool: str
    arguments: object
    outcome: object
    failed: bool | None


class Said(NamedTuple):
    """The agent says something."""

    text: str


class Heard(NamedTuple):
    """Somebody says something to the agent."""

    text: str


Turn: TypeAlias = Called | Came | Done | Said | Heard
