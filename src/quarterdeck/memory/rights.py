"""Who is registered, held against the chain of acts that registered them.

The records decide who may do what (see `access`), and the chain says who has written them (see `chain`).
Whoever writes the store without Quarterdeck changes the ones and not the other: `compare` finds that. What
it cannot find is another fingerprint in a record: no act says which token was given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from quarterdeck.errors import StoreCorrupt
from quarterdeck.memory import chain
from quarterdeck.memory.access import (
    REVOKED,
    AccessTier,
    Policy,
    agent_name,
    policy_in,
    policy_name,
    record_value,
    tier_in,
)
from quarterdeck.memory.store import MISSING

if TYPE_CHECKING:
    from quarterdeck.memory.store import Store

_ACTS_AT_ONCE = 1000
_TRIES = 5
_RESTORE = "restore the store from a copy"
_MEND = f"{_RESTORE}, or have a steward grant anew"


class AgentRecord(NamedTuple):
    """One registered agent.

    Attributes:
        agent: its name.
        tier: what it may do; None: its access has been revoked.
        granted_at: when that was said; UTC, as text.
        granted_by: by whom.
    """

    agent: str
    tier: AccessTier | None
    granted_at: str
    granted_by: str


class _Said(NamedTuple):
    """What the acts say: the tier of each agent, None for a revoked one; and what holds for all."""

    tiers: dict[str, AccessTier | None]
    policy: Policy


def registered(store: Store, namespace: str) -> tuple[list[AgentRecord], list[str]]:
    """Every registered agent by name, and the names of those whose record cannot be read; O(n)."""
    prefix = agent_name(namespace, "")
    found, bad = [], []
    for name in [entry.name for entry in store.backend.listing(prefix)]:
        agent = name.removeprefix(prefix)
        try:
            value = store.see(name).value
            if value is not MISSING:
                found.append(_registered(agent, value))
        except StoreCorrupt:
            bad.append(agent)
    return found, bad


def compare(store: Store, namespace: str) -> list[str]:
    """What the records say of the rights of agents, and the chain does not, or the other way round; O(n).

    Returns:
        Sentences, each with how to mend it; empty when they agree.

    Raises:
        StoreCorrupt: the entry that says where the chain ends is none of ours.
    """
    problems: list[str] = []
    for _ in range(_TRIES):
        end = chain.head(store, namespace)
        problems = _differences(store, namespace, end.number)
        if not problems or chain.head(store, namespace) == end:
            break  # else somebody has acted in between
    return problems


def _differences(store: Store, namespace: str, acts: int) -> list[str]:
    said = _replayed(store, namespace, acts)
    found, bad = registered(store, namespace)
    problems = [
        f"the entry {agent_name(namespace, agent)!r} is not as Quarterdeck writes it, so agent {agent!r} is "
        f"not let in: {_MEND}"
        for agent in bad
    ]
    tiers = {each.agent: each.tier for each in found}
    if tiers and not acts:
        problems.append(
            f"{len(tiers)} of the agents are registered, but the audit chain is empty: its acts have been "
            f"removed: {_RESTORE}"
        )
    else:
        problems += [
            f"agent {agent!r} is {_shown(tier)}, but {_by_the_chain(said, agent)}: somebody has changed its "
            f"record: {_MEND}"
            for agent, tier in tiers.items()
            if agent not in said.tiers or said.tiers[agent] is not tier
        ]
    problems += [
        f"the record of agent {agent!r} has been removed, and the audit chain says that it is "
        f"{_shown(tier)}: {_MEND}"
        for agent, tier in said.tiers.items()
        if agent not in tiers and agent not in bad
    ]
    return problems + _differences_of_policy(store, namespace, said.policy, is_known=acts > 0)


def _differences_of_policy(store: Store, namespace: str, said: Policy, *, is_known: bool) -> list[str]:
    name = policy_name(namespace)
    try:
        value = store.see(name).value
        policy = policy_in(value)
    except StoreCorrupt:
        return [f"the entry {name!r} is not as Quarterdeck writes it, so nobody is let in: {_RESTORE}"]
    if policy == said:
        return []
    if value is MISSING:
        return [f"the entry {name!r} has been removed, so anybody can become a steward: {_RESTORE}"]
    if not is_known:
        return [f"the entry {name!r} is there, but the audit chain is empty: {_RESTORE}"]
    return [
        f"the entry {name!r} says that unknown agents are {_shown(policy.default_tier)} and that the number "
        f"of stewards is {policy.stewards}, but by the audit chain it is {_shown(said.default_tier)} and "
        f"{said.stewards}: somebody has changed it: {_RESTORE}"
    ]


def _replayed(store: Store, namespace: str, acts: int) -> _Said:
    """The rights as they are after the first *acts* acts, done again as `Stewardship` has done them."""
    tiers: dict[str, AccessTier | None] = {}
    policy = Policy()
    for since in range(0, acts, _ACTS_AT_ONCE):
        for act in chain.read(store, namespace, since, min(_ACTS_AT_ONCE, acts - since)):
            if act.act not in {"grant", "revoke", "default"}:
                continue
            try:
                tier = None if act.act == "revoke" else tier_in(act.details)
            except StoreCorrupt:
                continue  # nothing that we write: whether the chain is whole is asked elsewhere
            if act.act == "default":
                policy = policy._replace(default_tier=tier or policy.default_tier)
                continue
            if act.details.get("first_steward"):
                policy = Policy()  # so it was: the first ever, or again after somebody had removed it
            was = tiers.get(act.subject) is AccessTier.STEWARD
            stewards = max(0, policy.stewards - was) + (tier is AccessTier.STEWARD)
            policy = policy._replace(stewards=stewards)
            tiers[act.subject] = tier
    return _Said(tiers, policy)


def _registered(agent: str, record: object) -> AgentRecord:
    """What a record says.

    Raises:
        StoreCorrupt: it is none of ours.
    """
    tier = None if record_value(record, "tier") == REVOKED else tier_in(record)
    at, by = record_value(record, "granted_at"), record_value(record, "granted_by")
    record_value(record, "fingerprint")
    return AgentRecord(agent, tier, str(at), unquote(str(by)))


def _by_the_chain(said: _Said, agent: str) -> str:
    if agent not in said.tiers:
        return "no act of the audit chain says so"
    return f"the audit chain says {_shown(said.tiers[agent])}"


def _shown(tier: AccessTier | None) -> str:
    return tier.name.lower() if tier else REVOKED
