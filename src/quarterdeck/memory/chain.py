"""What was done to the things of all: acts in a chain that cannot be changed in one place unnoticed.

    perform: who acts, may it, what is done ──> one transaction in the shared space:
        the records that allow it                   as they were seen, or all is asked again
        what the act is about                       written or removed
        audit:000000000001 … audit:00000000000N     the act, as the next one
        chain:head                                  how far the chain goes, and its last hash

An act has the hash of the one before and its own: SHA-256 over its JSON as it is stored, without the hash,
keys sorted, no spaces, as UTF-8. So `audit.verify` finds an act that was changed, taken out, put elsewhere or
cut off the end. Agents and subjects are stored as `names.spelled`, so that a mail address or a phone number
stays what it is. No act is ever written over another: when the head is lost or set back, nothing more is
done until `audit.mend`.

What no chain can show that lies where the acts lie: whoever may write the whole store can write a whole new
chain. Note `head` elsewhere from time to time and pass it to `audit.verify`: no other chain has that hash
in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

import msgspec

from quarterdeck.errors import StoreCorrupt
from quarterdeck.memory import names
from quarterdeck.memory.access import AccessTier, agent_name, policy_name, standing_in
from quarterdeck.memory.codec import decode, encode
from quarterdeck.memory.store import MISSING, Entry, Seen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quarterdeck.memory.access import Standing
    from quarterdeck.memory.store import Store

NUMBER_DIGITS = 12
_AT_A_TIME = 500
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Deed(NamedTuple):
    """What somebody is about to do.

    Attributes:
        act: one word: ``promote``, ``reject``, ``persist``, ``grant``, ``revoke``, ``default``, ``mend``;
            ``clear`` a queue, ``trim`` a timeline, ``end`` somebody else's session.
        subject: what it is done to: a pattern's id, an agent, a queue.
        details: what else is worth knowing later; JSON, with agents as `names.spelled`.
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
        StoreCorrupt: the head of the chain is none of ours, or there are acts after it: see `audit.mend`.
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
        act = written(store, before, at, agent, deed)
        performed = act_in(act)
        return [*entries, *following(namespace, act)]

    store.change(involved, once)
    return performed


def head(store: Store, namespace: str) -> Head:
    """Where the chain ends now: what to note elsewhere.

    Raises:
        StoreCorrupt: the entry that says it is none of ours.
    """
    return _head_in(store.see(head_name(namespace)).value)


def read(store: Store, namespace: str, since: int = 0, limit: int = 100) -> list[Act]:
    """Up to *limit* acts with numbers above *since*, in order; those that cannot be read are left out."""
    last = min(head(store, namespace).number, since + limit)
    return [act for _, value in stored_acts(store, namespace, since + 1, last) if (act := act_in(value))]


def act_name(namespace: str, number: int) -> str:
    """The name of the entry with that act."""
    return f"{acts_prefix(namespace)}{number:0{NUMBER_DIGITS}}"


@lru_cache(maxsize=64)
def head_name(namespace: str) -> str:
    """The name of the entry that says how far the chain goes."""
    return names.named(names.space(namespace), "chain", "head")


@lru_cache(maxsize=64)
def acts_prefix(namespace: str) -> str:
    """What the names of all entries with acts begin with."""
    return names.named(names.space(namespace), "audit")


def utc_text(time_ms: int) -> str:
    """Milliseconds since the epoch as text that sorts by time and that people can read."""
    return (_EPOCH + timedelta(milliseconds=time_ms)).isoformat(timespec="milliseconds")


def written(store: Store, before: Head, at: str, agent: str, deed: Deed) -> dict[str, object]:
    """What is stored of the act after *before*; what is secret in it is taken out before it is hashed."""
    fields = {
        "number": before.number + 1,
        "at": at,
        "agent": names.spelled(agent),
        "act": deed.act,
        "subject": names.spelled(deed.subject),
        "details": deed.details,
        "previous": before.hash,
    }
    clean = decode(store.scrubber.scrub(encode(fields, store.limits.max_value_bytes)))
    assert isinstance(clean, dict)
    return {**clean, "hash": hash_of(clean)}


def following(namespace: str, written: Mapping[str, object]) -> tuple[Entry, Entry]:
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


def act_in(value: object) -> Act | None:
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


def hash_of(fields: Mapping[str, object]) -> str:
    """The hash of an act of which *fields* is everything else that is stored."""
    import hashlib

    return hashlib.sha256(msgspec.json.encode(fields, order="sorted")).hexdigest()


def stored_acts(store: Store, namespace: str, first: int, last: int) -> Iterator[tuple[int, object]]:
    """What is stored of the acts from *first* to *last*; `MISSING` for what is not there or is no JSON."""
    for start in range(max(1, first), last + 1, _AT_A_TIME):
        numbers = range(start, min(start + _AT_A_TIME, last + 1))
        wanted = [act_name(namespace, number) for number in numbers]
        try:
            values = [seen.value for seen in store.see_many(wanted)]
        except StoreCorrupt:
            values = [stored_value(store, name) for name in wanted]
        yield from zip(numbers, values, strict=True)


def stored_value(store: Store, name: str) -> object:
    """What an entry says; `MISSING` for what is not there or is no JSON."""
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
