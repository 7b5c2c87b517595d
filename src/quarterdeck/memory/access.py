"""Who may do what: the store's own records say it, never the caller.

    access:policy    what an agent that nobody has registered may do, and how many stewards there are
    agent:<name>     one registered agent: its tier, and the fingerprint of its token

Both lie in the shared space. An agent that nobody has registered has the tier of the policy, at first
CONTRIBUTOR, and needs no token. A registered one is let in with its token only: its name cannot be
borrowed. Its tier is read at every operation, through the local tier, so a grant counts everywhere from the
next one on; and what a tier was needed for is written in one transaction with the records that gave it
(`chain.perform`).

A seat keeps the fingerprint of what it has shown, and it is compared at every operation, too. One that was
opened under a name before that was registered, or with a token that is no longer valid, only reads: names
cannot be taken in advance.

This keeps agents that use Quarterdeck within their bounds. It cannot bind whoever reads and writes the
store without it, by SQL or ``redis-cli``: against them there are the modes of the files, the server's own
users, and encryption.
"""

from __future__ import annotations

import os
from enum import IntEnum
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

from quarterdeck.errors import AccessDenied, StoreCorrupt, UsageError
from quarterdeck.memory import names
from quarterdeck.memory.store import MISSING

if TYPE_CHECKING:
    from quarterdeck.memory.store import Store

TOKEN_VARIABLE = "QUARTERDECK_AGENT_TOKEN"  # noqa: S105  the name of a variable, no token
"""Where the token of a registered agent is looked for when none is passed."""

_TOKEN_MARK = "qd_"  # noqa: S105  what tokens begin with
_SECRET_DIGITS = 64
_CHECK_DIGITS = 8


class AccessTier(IntEnum):
    """What an agent may do; each tier may all that is below it.

    An observer reads. A contributor writes what is its own, and stages patterns. A validator promotes and
    rejects them. A steward says who is what.
    """

    OBSERVER = 1
    CONTRIBUTOR = 2
    VALIDATOR = 3
    STEWARD = 4


REVOKED = "revoked"
"""In the place of a tier: nobody is let in under that name, and who is in already may only read."""

_TIERS = {tier.name.lower(): tier for tier in AccessTier} | {REVOKED: AccessTier.OBSERVER}
"""How tiers stand in the store."""


class Policy(NamedTuple):
    """What holds for a whole namespace.

    Attributes:
        default_tier: of agents that nobody has registered.
        stewards: how many there are; while it is 0, anybody may register the first.
    """

    default_tier: AccessTier = AccessTier.CONTRIBUTOR
    stewards: int = 0


class Standing(NamedTuple):
    """Who acts, with what the store said at the moment of the act.

    Attributes:
        agent: its name.
        tier: what it may do.
        policy: what holds for all.
        is_known: whether its seat has shown the token that the agent has now, if it has one.
    """

    agent: str
    tier: AccessTier
    policy: Policy
    is_known: bool = True

    def require(self, tier: AccessTier, what: str) -> None:
        """Raise unless the agent may do *what*.

        Raises:
            AccessDenied: its tier is below *tier*.
        """
        if self.tier >= tier:
            return
        if not self.is_known:
            raise AccessDenied(
                f"this seat of agent {self.agent!r} may only read: since it was opened, the agent has been "
                "registered or revoked, or was given another token",
                hint=f"open a new seat with the token that it has now: token=, or {TOKEN_VARIABLE}",
            )
        raise AccessDenied(
            f"agent {self.agent!r} is {_a(self.tier)}, and only {_a(tier)} or higher may {what}",
            hint=f"have a steward run: {grant_command(self.agent, tier.name.lower())}",
        )


def admit(store: Store, namespace: str, agent: str, token: str | None) -> str:
    """Let *agent* in, if it is what it says it is.

    Args:
        store: which is asked for what it knows of the agent.
        namespace: of the store.
        agent: its name.
        token: of a registered agent; None: what stands in the environment, `TOKEN_VARIABLE`.

    Returns:
        What it has shown, for `tier_of` and `standing_in`: the fingerprint of its token; "" when nobody has
        registered it.

    Raises:
        AccessDenied: it is registered and that is not its token; or it is not, and one is passed.
    """
    record = store.get(agent_name(namespace, agent))
    shown = (os.environ.get(TOKEN_VARIABLE, "") if token is None else str(token)).strip()
    if record is MISSING:
        if token is not None and shown:
            raise AccessDenied(
                f"nobody has registered an agent {agent!r} in namespace {namespace!r}, so it has no token",
                hint="check the name and the namespace, or leave the token away",
            )
        return ""
    if record_value(record, "tier") == REVOKED:
        raise AccessDenied(
            f"the access of agent {agent!r} has been revoked",
            hint=f"use another name, or have a steward run: {grant_command(agent, 'contributor')}",
        )
    if not shown:
        raise AccessDenied(
            f"agent {agent!r} is registered, and its token is missing",
            hint=f"pass token=, or set {TOKEN_VARIABLE}; a name without a token is free for all to use",
        )
    if not is_whole(shown):
        raise AccessDenied(
            f"what was given for agent {agent!r} is not a token: it is cut off or mistyped",
            hint=f"copy the whole of it: {_TOKEN_MARK} and {_SECRET_DIGITS + _CHECK_DIGITS} digits after it",
        )
    mark = fingerprint(shown)
    if not _same(mark, record_value(record, "fingerprint")):
        raise AccessDenied(
            f"the token is not, or no longer, that of agent {agent!r} in namespace {namespace!r}",
            hint=f"a new one comes of: {grant_command(agent, 'TIER')} --new-token",
        )
    return mark


def tier_of(store: Store, namespace: str, agent: str, shown: str) -> AccessTier:
    """The tier of *agent* now. Under 1 µs, without a round trip, while the local tier has its record.

    Args:
        store: which is asked.
        namespace: of the store.
        agent: its name.
        shown: what `admit` returned; a registered agent that has shown something else is an observer.

    Raises:
        StoreCorrupt: its record is none of ours.
    """
    record = store.get(agent_name(namespace, agent))
    if record is MISSING:
        record = store.get(policy_name(namespace))
        return AccessTier.CONTRIBUTOR if record is MISSING else tier_in(record)
    return tier_for(record, shown)


def standing_of(store: Store, namespace: str, agent: str, shown: str) -> Standing:
    """All that the store says of *agent* now; as `tier_of`.

    Raises:
        StoreCorrupt: a record is none of ours.
    """
    record, policy = store.get_many((agent_name(namespace, agent), policy_name(namespace)))
    return standing_in(agent, record, policy, shown)


def grant_command(agent: str, tier: str) -> str:
    """What to type to give *agent* that tier; safe to be pasted into a shell, whatever its name is."""
    import shlex

    return f"qd memory grant {shlex.quote(agent) if agent.isprintable() else 'AGENT'} {tier}"


def standing_in(agent: str, record: object, policy: object, shown: str) -> Standing:
    """What the two entries, `agent_name` and `policy_name`, say of *agent*; either may be `MISSING`.

    Args:
        agent: its name.
        record: the entry about it.
        policy: the entry with what holds for all.
        shown: what `admit` returned.

    Raises:
        StoreCorrupt: one of them is none of ours.
    """
    rules = policy_in(policy)
    if record is MISSING:
        return Standing(agent, rules.default_tier, rules)
    return Standing(agent, tier_for(record, shown), rules, record_value(record, "fingerprint") == shown != "")


def tier_for(record: object, shown: str) -> AccessTier:
    """The tier that the record of an agent gives a seat that has *shown* that, see `admit`.

    Raises:
        StoreCorrupt: the record is none of ours.
    """
    try:
        tier, fingerprint = _TIERS[record["tier"]], record["fingerprint"]  # type: ignore[index]  # as below
    except (TypeError, KeyError):
        raise _not_ours("a record of access") from None
    return tier if fingerprint == shown != "" else AccessTier.OBSERVER


def policy_in(value: object) -> Policy:
    """The policy that an entry says, or the one at first when there is none.

    Raises:
        StoreCorrupt: it is none of ours.
    """
    if value is MISSING:
        return Policy()
    stewards = record_value(value, "stewards")
    if type(stewards) is not int or stewards < 0:
        raise _not_ours("the access policy")
    return Policy(tier_in(value), stewards)


@lru_cache(maxsize=1024)
def agent_name(namespace: str, agent: str) -> str:
    """The name of the entry about a registered agent."""
    return names.named(names.space(namespace), "agent", agent)


@lru_cache(maxsize=64)
def policy_name(namespace: str) -> str:
    """The name of the entry with what holds for the whole namespace."""
    return names.named(names.space(namespace), "access", "policy")


def make_token() -> str:
    """A secret of 256 random bits; with a checksum, so that a typo is told apart from a wrong token."""
    secret = os.urandom(_SECRET_DIGITS // 2).hex()
    return f"{_TOKEN_MARK}{secret}{_check(secret)}"


def is_whole(token: str) -> bool:
    """Whether *token* could be one: its form and its checksum are right."""
    secret, check = token[len(_TOKEN_MARK) : -_CHECK_DIGITS], token[-_CHECK_DIGITS:]
    return token.startswith(_TOKEN_MARK) and len(secret) == _SECRET_DIGITS and check == _check(secret)


def fingerprint(token: str) -> str:
    """What the store keeps of a token. A plain SHA-256 is enough: nobody can try out 256 random bits."""
    import hashlib

    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def record_value(record: object, field: str) -> object:
    """One field of a record of access.

    Raises:
        StoreCorrupt: it is not there.
    """
    if not isinstance(record, dict) or field not in record:
        raise _not_ours("a record of access")
    value: object = record[field]
    return value


def tier_in(record: object) -> AccessTier:
    """The tier that an entry of access says; that of a revoked agent is to read, and nothing else.

    Raises:
        StoreCorrupt: it is none of ours.
    """
    try:
        return _TIERS[record["tier"]]  # type: ignore[index]  # the errors of another type are caught
    except (TypeError, KeyError):
        raise _not_ours("a record of access") from None


def checked_tier(tier: object) -> AccessTier:
    """*tier*, if it is one.

    Raises:
        UsageError: it is something else, such as the name of one.
    """
    if not isinstance(tier, AccessTier):
        raise UsageError(
            f"a tier must be an AccessTier, got {type(tier).__name__}",
            hint=f"take one of {', '.join(f'AccessTier.{each.name}' for each in AccessTier)}",
        )
    return tier


def _same(mine: str, stored: object) -> bool:
    import hmac

    return isinstance(stored, str) and stored.isascii() and hmac.compare_digest(mine, stored)


def _check(secret: str) -> str:
    return f"{crc32(secret.encode('utf-8', 'replace')):0{_CHECK_DIGITS}x}"


def _a(tier: AccessTier) -> str:
    return f"an {tier.name.lower()}" if tier is AccessTier.OBSERVER else f"a {tier.name.lower()}"


def _not_ours(what: str) -> StoreCorrupt:
    return StoreCorrupt(
        f"{what} in the memory is not as Quarterdeck writes it, so nobody is let in by it",
        hint="somebody else wrote it: restore the store from a copy, or delete that entry and grant anew",
    )
