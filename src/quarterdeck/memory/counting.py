"""How much of what is in a memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.memory import names
from quarterdeck.memory.entries import KIND

if TYPE_CHECKING:
    from quarterdeck.memory.store import Store


class AgentCount(NamedTuple):
    """The working memory of one agent; *size_bytes* is of its values as they are stored."""

    agent: str
    keys: int
    size_bytes: int


class Counted(NamedTuple):
    """What is in one namespace.

    Attributes:
        agents: with working memory, by name.
        entries: how many others there are, by kind: ``session``, ``staged``, ``pattern``, ``audit`` …
        logs: how many logs there are, by kind: ``queue``, ``signal``, ``stream`` …
        items: how many items are in them, by kind.
    """

    agents: list[AgentCount]
    entries: dict[str, int]
    logs: dict[str, int]
    items: dict[str, int]


def counted(store: Store) -> Counted:
    """Everything in the namespace of *store*; O(entries), and a round trip for each log."""
    backend, prefix = store.backend, names.beginning(store.limits.namespace)
    agents: dict[str, AgentCount] = {}
    entries: dict[str, int] = {}
    for listed in backend.listing(prefix):
        name = _split(listed.name)
        if name is None:
            continue
        if name.kind == KIND:
            before = agents.get(name.agent, AgentCount(name.agent, 0, 0))
            agents[name.agent] = AgentCount(
                name.agent, before.keys + 1, before.size_bytes + listed.size_bytes
            )
        else:
            entries[name.kind] = entries.get(name.kind, 0) + 1
    logs: dict[str, int] = {}
    items: dict[str, int] = {}
    for log in backend.logs(prefix):
        name = _split(log)
        if name is not None:
            logs[name.kind] = logs.get(name.kind, 0) + 1
            items[name.kind] = items.get(name.kind, 0) + backend.count(log)
    return Counted(sorted(agents.values()), entries, logs, items)


def _split(name: str) -> names.Name | None:
    """The parts of a name; None for one that is not ours: a server may hold names that begin like ours."""
    try:
        return names.split(name)
    except ValueError:
        return None
