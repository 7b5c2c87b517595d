"""Whether the audit chain is as it was written, and how it goes on when its end is lost; see `chain`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.errors import StoreBusy, StoreCorrupt
from quarterdeck.memory.access import AccessTier, agent_name, policy_name, standing_in
from quarterdeck.memory.chain import (
    NUMBER_DIGITS,
    Act,
    Deed,
    Head,
    act_in,
    act_name,
    acts_prefix,
    following,
    hash_of,
    head,
    head_name,
    stored_acts,
    stored_value,
    utc_text,
    written,
)
from quarterdeck.memory.store import MISSING, Seen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quarterdeck.memory.store import Store


class AuditReport(NamedTuple):
    """What `verify` found.

    Attributes:
        acts: how many are whole, from the first on.
        broken_at: the number of the first that is not; None when all are.
        reason: what is wrong with it, in one sentence; empty when nothing is.
        head: where the chain ends, as the store says.
    """

    acts: int
    broken_at: int | None
    reason: str
    head: Head

    @property
    def is_whole(self) -> bool:
        """Whether nothing was found."""
        return self.broken_at is None


def verify(store: Store, namespace: str, noted: Head | None = None) -> AuditReport:
    """Go along the chain, from the first act to the last; O(n). Others may go on acting.

    Args:
        store: where.
        namespace: of the store.
        noted: a `head` of before that was kept elsewhere: the chain must still go through it.
    """
    try:
        end = head(store, namespace)
    except StoreCorrupt:
        return AuditReport(0, 1, "the entry that says where the chain ends was changed", Head())
    before = Head()
    for number, value in stored_acts(store, namespace, 1, end.number):
        act = act_in(value)
        reason = _flaw(act, value, before)
        if noted is not None and noted.number == number and not reason and act and act.hash != noted.hash:
            reason = "this is not the chain that was noted"
        if reason or act is None:
            return AuditReport(before.number, number, reason, end)
        before = Head(number, act.hash)
    if before.hash != end.hash:
        return AuditReport(before.number, end.number, "the last act is not the one the chain ends with", end)
    if noted is not None and noted.number > end.number:
        return AuditReport(before.number, end.number + 1, "cut off: the chain that was noted is longer", end)
    numbers = _numbers(store, namespace)
    if numbers and numbers[-1] > head(store, namespace).number:
        return AuditReport(
            before.number, end.number + 1, "there are acts after the one the chain ends with", end
        )
    return AuditReport(before.number, None, "", end)


def mend(
    store: Store, namespace: str, agent: str, *, shown: str = "", at_most: AccessTier = AccessTier.STEWARD
) -> Act | None:
    """Let acts be written again when the entry that says where the chain ends is lost, changed or set back.

    The chain goes on after the last act that is there, with an act ``mend`` that says what was found. No act
    is changed or taken away, so `verify` finds what is wrong with them as before. O(n).

    Args:
        store: where.
        namespace: of the store.
        agent: who does it; a steward, if there is one, else anybody whom *at_most* allows it.
        shown: what `access.admit` returned when the agent was let in.
        at_most: act with no more than this, whatever the store allows.

    Returns:
        The act; None when the chain's end is where its acts end.

    Raises:
        AccessDenied: the agent is no steward.
        StoreBusy: somebody else has changed the same meanwhile.
    """
    own, policy, end = agent_name(namespace, agent), policy_name(namespace), head_name(namespace)
    seen = dict(zip((own, policy), store.see_many((own, policy)), strict=True))
    standing = standing_in(agent, seen[own].value, seen[policy].value, shown)
    if standing.policy.stewards or at_most < AccessTier.STEWARD:
        standing._replace(tier=min(standing.tier, at_most)).require(AccessTier.STEWARD, "mend the chain")
    seen[end] = Seen(store.backend.get(end).data, MISSING)
    numbers = _numbers(store, namespace)
    try:
        said: Head | None = head(store, namespace)
    except StoreCorrupt:
        said = None
    last = numbers[-1] if numbers else 0
    if said is not None and said.number >= last:
        return None
    found = verify(store, namespace)
    details = {"broken_at": found.broken_at, "reason": found.reason, "head": said and said._asdict()}
    before = Head(last, _last_hash(store, namespace, numbers))
    at = utc_text(store.backend.time_ms())
    act = written(store, before, at, agent, Deed("mend", "", details))
    if not store.transact(seen, following(namespace, act)):
        raise StoreBusy("others act on the same chain at this moment", hint="look again whether it is whole")
    return act_in(act)


def _flaw(act: Act | None, value: object, before: Head) -> str:
    """What is wrong with the act that should follow *before*; empty: nothing."""
    if act is None or not isinstance(value, dict):
        return "missing, or nothing that can be read"
    if act.hash != hash_of({name: each for name, each in value.items() if name != "hash"}):
        return "changed: what it says does not have its hash"
    if act.number != before.number + 1:
        return f"reordered: it is act {act.number}"
    if act.previous != before.hash:
        return "changed, or the one before it: they do not fit together"
    return ""


def _numbers(store: Store, namespace: str) -> list[int]:
    """The numbers of the acts that are there, ascending."""
    prefix = acts_prefix(namespace)
    keys = [entry.name.removeprefix(prefix) for entry in store.backend.listing(prefix)]
    return sorted(int(key) for key in keys if len(key) == NUMBER_DIGITS and key.isdecimal())


def _last_hash(store: Store, namespace: str, numbers: Sequence[int]) -> str:
    """The hash that the last of those acts says that can be read; empty when none can."""
    for number in reversed(numbers):
        act = act_in(stored_value(store, act_name(namespace, number)))
        if act is not None:
            return act.hash
    return ""
