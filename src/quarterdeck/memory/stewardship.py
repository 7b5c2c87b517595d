"""Who is registered, with which tier: said by stewards, and written down in the audit chain.

While a namespace has no steward, whoever holds the store may register the first; from then on only stewards
say who is what. The last steward cannot be revoked or made less: that would open the door again for anybody.
A lost token of the only steward can be mended only by who may write the store itself: remove the entry
``access:policy`` there, and register a first steward again. The chain shows that there was a second first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from quarterdeck.errors import AccessDenied, StoreCorrupt, UsageError
from quarterdeck.memory import names
from quarterdeck.memory.access import (
    REVOKED,
    AccessTier,
    Policy,
    agent_name,
    checked_tier,
    fingerprint,
    grant_command,
    make_token,
    policy_name,
    record_value,
    tier_in,
)
from quarterdeck.memory.audit import mend
from quarterdeck.memory.chain import Deed, utc_text
from quarterdeck.memory.rights import registered
from quarterdeck.memory.seat import Seat
from quarterdeck.memory.store import MISSING, Entry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quarterdeck.memory.access import Standing
    from quarterdeck.memory.chain import Act
    from quarterdeck.memory.rights import AgentRecord
    from quarterdeck.memory.store import Seen


class Stewardship(Seat):
    """The room in which agents are registered."""

    def grant_access(self, agent: str, tier: AccessTier, *, new_token: bool = False) -> str:
        """Register *agent*, or change what it may do; counts in every process from its next operation on.

        Seats that were open under that name before it was registered only read from then on, and so do those
        that were opened with a token that it has no longer. Only this seat goes on with a token that it has
        just given its own agent.

        Args:
            agent: its name.
            tier: what it may do from now on.
            new_token: give it another token, also when it has one.

        Returns:
            Its token, when it is a new one: it is shown only here; the store keeps a fingerprint of it. Pass
            it as ``token=``, or in ``QUARTERDECK_AGENT_TOKEN``. Empty when the agent keeps the one it has.
            The first steward and an agent whose access was revoked always get a new one.

        Raises:
            AccessDenied: this agent is no steward; or *agent* is the last one, and would be less.
        """
        agent = names.checked(agent, "agent", self.store.limits.max_key_bytes)
        name = agent_name(self._namespace, agent)
        tier = checked_tier(tier)
        token = make_token()
        mark = fingerprint(token)
        given: object = mark
        at = utc_text(self.store.backend.time_ms())

        def decide(standing: Standing, seen: Mapping[str, Seen]) -> tuple[Deed, Sequence[Entry]]:
            nonlocal given
            first = not standing.policy.stewards and tier is self._at_most is AccessTier.STEWARD
            if not first:
                _as_steward(standing, "grant access")
            before = seen[name].value
            given = mark
            if before is not MISSING and not first and not new_token:
                given = record_value(before, "fingerprint") or mark
            record = {
                "tier": tier.name.lower(),
                "fingerprint": given,
                "granted_at": at,
                "granted_by": names.spelled(self.agent),
            }
            details: dict[str, object] = {"tier": tier.name.lower()}
            if first:
                details["first_steward"] = True
            if before is not MISSING and given == mark:
                details["renewed"] = True
            return Deed("grant", agent, details), _registered(self._namespace, agent, record, standing, seen)

        self._perform((name,), decide)
        if given != mark:
            return ""
        if agent == self.agent:
            self._show(mark)
        return token

    def revoke_access(self, agent: str) -> bool:
        """Close the store to a registered agent: nobody is let in under its name until it is granted anew.

        Seats that are open under that name only read from their next operation on, also after a new grant.

        Returns:
            Whether it had access.

        Raises:
            AccessDenied: this agent is no steward; or *agent* is the last one.
        """
        agent = names.checked(agent, "agent", self.store.limits.max_key_bytes)
        name = agent_name(self._namespace, agent)
        at = utc_text(self.store.backend.time_ms())

        def decide(standing: Standing, seen: Mapping[str, Seen]) -> tuple[Deed, Sequence[Entry]] | None:
            _as_steward(standing, "revoke access")
            before = seen[name].value
            if before is MISSING or record_value(before, "tier") == REVOKED:
                return None
            record: dict[str, object] = {
                "tier": REVOKED,
                "fingerprint": "",
                "granted_at": at,
                "granted_by": names.spelled(self.agent),
            }
            return Deed("revoke", agent, {}), _registered(self._namespace, agent, record, standing, seen)

        act = self._perform((name,), decide)
        return act is not None

    def set_default_access(self, tier: AccessTier) -> bool:
        """Say what agents may do that nobody has registered; at first they are contributors.

        Returns:
            Whether that is a change.

        Raises:
            AccessDenied: this agent is no steward.
            UsageError: everybody would be one.
        """
        tier = checked_tier(tier)
        if tier is AccessTier.STEWARD:
            raise UsageError(
                "agents that nobody has registered cannot all be stewards", hint="register the stewards"
            )

        def decide(standing: Standing, _: Mapping[str, Seen]) -> tuple[Deed, Sequence[Entry]] | None:
            _as_steward(standing, "change what unknown agents may do")
            if standing.policy.default_tier is tier:
                return None
            deed = Deed("default", "", {"tier": tier.name.lower()})
            return deed, (_policy_entry(self._namespace, standing.policy._replace(default_tier=tier)),)

        act = self._perform((), decide)
        return act is not None

    def mend_audit(self) -> Act | None:
        """Let the audit chain go on when its end is lost or set back; says so in the chain. See `audit.mend`.

        Returns:
            The act that says it; None when there was nothing to mend.

        Raises:
            AccessDenied: there is a steward, and this agent is none.
            StoreBusy: somebody else has changed the same meanwhile.
        """
        return mend(self.store, self._namespace, self.agent, shown=self._shown, at_most=self._at_most)

    def list_agents(self) -> list[AgentRecord]:
        """Every registered agent, by name; also those whose access has been revoked.

        Raises:
            StoreCorrupt: what is stored of one cannot be read; `rights.registered` gives the others.
        """
        found, bad = registered(self.store, self._namespace)
        if bad:
            raise StoreCorrupt(
                f"what the store says of agent {bad[0]!r} is not as Quarterdeck writes it",
                hint="have a steward grant its access anew, or look at: qd memory agents",
            )
        return found


def _registered(
    namespace: str, agent: str, record: Mapping[str, object], standing: Standing, seen: Mapping[str, Seen]
) -> tuple[Entry, ...]:
    """What is written when *agent* gets that record, with the number of stewards kept right.

    Raises:
        AccessDenied: no steward would be left.
    """
    name = agent_name(namespace, agent)
    before = seen[name].value
    was = before is not MISSING and tier_in(before) is AccessTier.STEWARD
    others = max(0, standing.policy.stewards - was)
    stewards = others + (tier_in(record) is AccessTier.STEWARD)
    if was and not stewards:
        raise AccessDenied(
            f"agent {agent!r} is the last steward: without one, anybody could make itself one",
            hint="register another steward first",
        )
    return Entry(name, record), _policy_entry(namespace, standing.policy._replace(stewards=stewards))


def _policy_entry(namespace: str, policy: Policy) -> Entry:
    value = {"tier": policy.default_tier.name.lower(), "stewards": policy.stewards}
    return Entry(policy_name(namespace), value)


def _as_steward(standing: Standing, what: str) -> None:
    """Raise unless a steward acts.

    Raises:
        AccessDenied: somebody else does.
    """
    if not standing.policy.stewards and standing.tier is not AccessTier.STEWARD:
        raise AccessDenied(
            f"only a steward may {what}, and there is none yet",
            hint=f"register the first: {grant_command(standing.agent, 'steward')}",
        )
    standing.require(AccessTier.STEWARD, what)
