"""What was done to the things of all: acts in a chain that cannot be changed in one place unnoticed.

    perform: who acts, may it, what is done ──> one transaction in the shared space:
        the records that allow it                   as they were seen, or all is asked again
        what the act is about                       written or removed
        audit:000000000001 … audit:00000000000N     the act, as the next one
        chain:head                                  how far the chain goes, and its last hash

An act has the hash of the one before and its own: SHA-256 over its JSON as it is stored, without the hash,
keys sorted, no spaces, as UTF-8. So `verify` finds an act that was changed, taken out, put elsewhere or cut
off the end. Agents and subjects are stored escaped, as in names, so that a mail address stays what it is.
No act is ever written over another: when the head is lost or set back, nothing more is done until `mend`.

What no chain can show that lies where the acts lie: whoever may write the whole store can write a whole new
chain. Note `head` elsewhere from time to time and pass it to `verify`: no other chain has that hash in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

import msgspec

from quarterdeck.errors import StoreBusy, StoreCorrupt
from quarterdeck.memory import names
from quarterdeck.memory.access import AccessTier, agent_name, policy_name, standing_in
from quarterdeck.memory.codec import decode, encode
from quarterdeck.memory.store import MISSING, Entry, Seen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quarterdeck.memory.access import Standing
    from quarterdeck.memory.store import Store

_NUMBER_DIGITS = 12
_AT_A_TIME = 500
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Deed(NamedTuple):
    """What somebody is about to do.

    Attributes:
        act: one word: ``promote``, ``reject``, ``persist``, ``grant``, ``revoke``, ``default``, ``clear``,
            ``rekey``, ``mend``.
        subject: what it is done to: a pattern's id, an agent.
        details: what else is worth knowing later; JSON. Escape the names of agents (`names.escaped`).
    """

    act: str
    subject: str
    details: Mapping[str, object]


class Act(NamedTuple):
    """What somebody has done.

    Attributes:
        number: from 1, without gaps.
        at: when, on the clock of the store: ``2026-11-22T10:00:00.000+00:00``.
        agent: who.
        act, subject, details: see `Deed`; without what was secret in them.
        previous: the hash of the act before; empty for the first.
        hash: of this one.
    """

    number: int
    at: str
    agent: str
    act: str
    subject: str
    details: dict[str, object]
    previous: str
    hash: str


class Head(NamedTuple):
    """How far a chain goes: its last act's number and hash; 0 and empty when there is none."""

    number: int = 0
    hash: str = ""


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


Decide = Callable[["Standing", Mapping[str, "Seen"]], tuple[Deed, Sequence[Entry]] | None]
"""What `perform` asks: given who acts and the entries it asked for, what is done; None: nothing."""


def perform(
    store: Store,
    namespace: str,
    agent: str,
    about: Sequence[str],
    decide: Decide,
    *,
    shown: str = "",
    at_most: AccessTier = AccessTier.STEWARD,
) -> Act | None:
    """Do something to the things of all: what *decide* says, its act in the chain, all or nothing.

    Args:
        store: where.
        namespace: of the store.
        agent: who does it.
        about: the names of the entries that it depends on, in the shared space.
        decide: given what *agent* may do at that moment and the entries *about*, it says what is done and
            written; None: nothing is to be done. It raises when it must not be done (`Standing.require`), may
            be called several times, and must do nothing else. An entry whose value is `MISSING` is removed.
        shown: what `access.admit` returned when the agent was let in.
        at_most: act with no more than this, whatever the store allows.

    Returns:
        The act, or None when nothing was to be done.

    Raises:
        AccessDenied: *decide* said so.
        StoreBusy: others have been quicker all the time.
        StoreCorrupt: the head of the chain is none of ours, or there are acts after it: see `mend`.
    """
    own, policy, end = agent_name(namespace, agent), policy_name(namespace), head_name(namespace)
    involved = list(dict.fromkeys((own, policy, end, *about)))
    at = utc_text(store.backend.time_ms())
    performed: Act | None = None

    def once(found: list[Seen]) -> list[Entry] | None:
        nonlocal performed
        seen = dict(zip(involved, found, strict=True))
        standing = standing_in(agent, seen[own].value, seen[policy].value, shown)
        decision = decide(standing._replace(tier=min(standing.tier, at_most)), seen)
        if decision is None:
            performed = None
            return None
        deed, entries = decision
        before = _head_in(seen[end].value)
        if performed is not None:  # it was refused: others were quicker, or an act is there already
            _refuse_to_overwrite(store, namespace, before, seen[end])
        written = _written(store, before, at, agent, deed)
        performed = _act_in(written)
        return [*entries, *_next(namespace, written)]

    store.change(involved, once)
    return performed


def mend(
    store: Store, namespace: str, agent: str, *, shown: str = "", at_most: AccessTier = AccessTier.STEWARD
) -> Act | None:
    """Let acts be written again when the entry that says where the chain ends is lost, changed or set back.

    The chain goes on after the last act that is there, with an act ``mend`` that says what was found. No act
    is changed or taken away, so `verify` finds what is wrong with them as before. O(n).

    Args:
        store: where.
        namespace: of the store.
        agent: who does it; a steward, if there is one.
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
    if standing.policy.stewards:
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
    written = _written(store, before, at, agent, Deed("mend", "", details))
    if not store.transact(seen, _next(namespace, written)):
        raise StoreBusy("others act on the same chain at this moment", hint="look again whether it is whole")
    return _act_in(written)


def head(store: Store, namespace: str) -> Head:
    """Where the chain ends now: what to note elsewhere.

    Raises:
        StoreCorrupt: the entry that says it is none of ours.
    """
    return _head_in(store.see(head_name(namespace)).value)


def read(store: Store, namespace: str, since: int = 0, limit: int = 100) -> list[Act]:
    """Up to *limit* acts with numbers above *since*, in order; those that cannot be read are left out."""
    last = min(head(store, namespace).number, since + limit)
    return [act for _, value in _acts(store, namespace, since + 1, last) if (act := _act_in(value))]


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
    for number, value in _acts(store, namespace, 1, end.number):
        act = _act_in(value)
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


def act_name(namespace: str, number: int) -> str:
    """The name of the entry with that act."""
    return f"{_acts_prefix(namespace)}{number:0{_NUMBER_DIGITS}}"


@lru_cache(maxsize=64)
def head_name(namespace: str) -> str:
    """The name of the entry that says how far the chain goes."""
    return names.named(names.space(namespace), "chain", "head")


@lru_cache(maxsize=64)
def _acts_prefix(namespace: str) -> str:
    return names.named(names.space(namespace), "audit")


def utc_text(time_ms: int) -> str:
    """Milliseconds since the epoch as text that sorts by time and that people can read."""
    return (_EPOCH + timedelta(milliseconds=time_ms)).isoformat(timespec="milliseconds")


def _written(store: Store, before: Head, at: str, agent: str, deed: Deed) -> dict[str, object]:
    """What is stored of the act after *before*; what is secret in it is taken out before it is hashed."""
    fields = {
        "number": before.number + 1,
        "at": at,
        "agent": names.escaped(agent),
        "act": deed.act,
        "subject": names.escaped(deed.subject),
        "details": deed.details,
        "previous": before.hash,
    }
    clean = decode(store.scrubber.scrub(encode(fields, store.limits.max_value_bytes)))
    assert isinstance(clean, dict)
    return {**clean, "hash": _hash(clean)}


def _next(namespace: str, written: Mapping[str, object]) -> tuple[Entry, Entry]:
    """The entries that make *written* the last act; never in the place of another."""
    number = written["number"]
    assert isinstance(number, int)
    end = {"number": number, "hash": written["hash"]}
    return (
        Entry(act_name(namespace, number), written, is_clean=True, is_new=True),
        Entry(head_name(namespace), end, is_clean=True),
    )


def _refuse_to_overwrite(store: Store, namespace: str, before: Head, end: Seen) -> None:
    """Raise when there is an act after *before* though the chain ends there.

    The act is read first: one that others write meanwhile comes with a new *end*.
    """
    act, now = store.backend.get_many((act_name(namespace, before.number + 1), head_name(namespace)))
    if act.data is not None and now.data == end.raw:
        raise StoreCorrupt(
            f"the audit chain of the memory ends with act {before.number}, but there are acts after it, so "
            "nothing that would be written down is done",
            hint="its end was lost or set back: restore the store from a copy, or have a steward mend it: "
            "mend_audit()",
        )


def _act_in(value: object) -> Act | None:
    """The act that an entry says; None when it says none."""
    if not isinstance(value, dict) or set(value) != set(Act._fields):
        return None
    act = Act(**value)
    texts = (act.at, act.agent, act.act, act.subject, act.previous, act.hash)
    if type(act.number) is not int or not isinstance(act.details, dict):
        return None
    if not all(isinstance(text, str) for text in texts):
        return None
    return act._replace(agent=unquote(act.agent), subject=unquote(act.subject))


def _flaw(act: Act | None, value: object, before: Head) -> str:
    """What is wrong with the act that should follow *before*; empty: nothing."""
    if act is None or not isinstance(value, dict):
        return "missing, or nothing that can be read"
    if act.hash != _hash({name: each for name, each in value.items() if name != "hash"}):
        return "changed: what it says does not have its hash"
    if act.number != before.number + 1:
        return f"reordered: it is act {act.number}"
    if act.previous != before.hash:
        return "changed, or the one before it: they do not fit together"
    return ""


def _hash(fields: Mapping[str, object]) -> str:
    import hashlib

    return hashlib.sha256(msgspec.json.encode(fields, order="sorted")).hexdigest()


def _acts(store: Store, namespace: str, first: int, last: int) -> Iterator[tuple[int, object]]:
    """What is stored of the acts from *first* to *last*; `MISSING` for what is not there or is no JSON."""
    for start in range(max(1, first), last + 1, _AT_A_TIME):
        numbers = range(start, min(start + _AT_A_TIME, last + 1))
        wanted = [act_name(namespace, number) for number in numbers]
        try:
            values = [seen.value for seen in store.see_many(wanted)]
        except StoreCorrupt:
            values = [_value(store, name) for name in wanted]
        yield from zip(numbers, values, strict=True)


def _value(store: Store, name: str) -> object:
    try:
        return store.see(name).value
    except StoreCorrupt:
        return MISSING


def _head_in(value: object) -> Head:
    if value is MISSING:
        return Head()
    number = value.get("number") if isinstance(value, dict) else None
    text = value.get("hash") if isinstance(value, dict) else None
    if type(number) is not int or number < 0 or not isinstance(text, str):
        raise StoreCorrupt(
            "the entry that says where the audit chain of the memory ends is not as Quarterdeck writes it",
            hint="somebody else wrote it: restore the store from a copy",
        )
    return Head(number, text)


def _numbers(store: Store, namespace: str) -> list[int]:
    """The numbers of the acts that are there, ascending."""
    prefix = _acts_prefix(namespace)
    keys = [entry.name.removeprefix(prefix) for entry in store.backend.listing(prefix)]
    return sorted(int(key) for key in keys if len(key) == _NUMBER_DIGITS and key.isdecimal())


def _last_hash(store: Store, namespace: str, numbers: Sequence[int]) -> str:
    """The hash that the last of those acts says that can be read; empty when none can."""
    for number in reversed(numbers):
        act = _act_in(_value(store, act_name(namespace, number)))
        if act is not None:
            return act.hash
    return ""
