"""Lasting patterns go on into the pattern library of this machine: each once, in the order of the chain.

    promote, persist ── one transaction: pattern:<id>, and its act in the chain      (`staging`, `patterns`)
    follow           ── acts after the library's cursor ── their patterns
                     ── one transaction of the library: the patterns and the new cursor

So a pattern is promoted at one instant, for all who share the memory, whatever happens to the process then;
and every machine's library takes it over when it is next asked, exactly once. The memory keeps what it was
given in full; the library has what can be searched.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from quarterdeck.errors import StateError, StoreCorrupt, UsageError
from quarterdeck.memory import chain, names
from quarterdeck.memory.chain import Head
from quarterdeck.memory.pattern import GIVEN_HERE, PATTERN, stored_pattern
from quarterdeck.memory.seat import Seat
from quarterdeck.memory.store import MISSING
from quarterdeck.patterns import Pattern

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quarterdeck.memory.store import Store
    from quarterdeck.patterns import PatternLibrary

_ACTS = {"promote": "promoted", "persist": "persisted"}
"""The acts that make a pattern a lasting one, and what the library calls them."""
_SHAPED = frozenset(
    (
        *GIVEN_HERE,
        "pattern_type",
        "name",
        "description",
        "content",
        "code",
        "confidence",
        "tags",
        "context",
        "lesson",
    )
)
_AT_A_TIME = 200
_LINE = 500
_TEXT = 250_000
"""Characters; at four bytes each it is what the library takes."""
_TAGS = 100


class Learner(Seat):
    """A seat from which patterns become lasting ones."""

    def _follow(self) -> PatternLibrary:
        """The pattern library, with all that has become lasting."""
        follow(self.store, self._namespace)
        return self.store.library

    def _learn(self, pattern_id: str) -> None:
        """Have the library take over what has just been kept for good.

        Raises:
            StateError: it cannot be written now.
        """
        try:
            self._follow()
        except StateError as error:
            raise type(error)(
                f"pattern {pattern_id} is kept for good, but not in the library yet: {error.message}",
                hint=f"{error.hint}; it comes in when the library is next asked",
            ) from error


def follow(store: Store, namespace: str) -> None:
    """Have the library take over what was promoted or persisted since it last looked.

    Costs a look at both ends of the chain, through the local tier, when there is nothing new. A pattern that
    is not as we write it stays out: nobody else has to wait until it is mended; `damaged` finds it.

    Raises:
        StateError: the memory cannot be read, or the library not be written.
    """
    now = store.get(chain.head_name(namespace))
    if now is MISSING:
        return
    library, source = store.library, _source(store, namespace)
    since = _cursor(library.followed(source))
    if now == since._asdict():
        return
    end = chain.head(store, namespace)
    if since.number and not _goes_through(store, namespace, since, end):
        since = Head()  # it goes another way since then: the memory was restored from a copy
    while since.number < end.number:
        last = min(since.number + _AT_A_TIME, end.number)
        acts = chain.read(store, namespace, since.number, last - since.number)
        made = {act.subject: (_ACTS[act.act], _line(act.agent)) for act in acts if act.act in _ACTS}
        shared = names.space(namespace)
        found = kept_patterns(store, [names.named(shared, PATTERN, each) for each in made])
        patterns = [pattern for each in found if each and (pattern := _fitting(each))]
        since = Head(last, next((act.hash for act in acts if act.number == last), ""))
        library.follow(source, f"{since.number}:{since.hash}", patterns, made)


def kept_patterns(store: Store, entries: Sequence[str]) -> list[dict[str, object] | None]:
    """What the entries of lasting patterns say; None where there is none that can be read.

    At most one round trip, if all of them are JSON.
    """
    try:
        values = store.get_many(entries)
    except StoreCorrupt:
        values = [chain.stored_value(store, name) for name in entries]
    return [_kept(name, value) for name, value in zip(entries, values, strict=True)]


def damaged(store: Store, namespace: str) -> list[str]:
    """The entries that should say lasting patterns, and do not; reads all of them."""
    prefix = names.named(names.space(namespace), PATTERN)
    entries = [entry.name for entry in store.backend.listing(prefix)]
    bad = []
    for start in range(0, len(entries), _AT_A_TIME):
        some = entries[start : start + _AT_A_TIME]
        found = kept_patterns(store, some)
        bad += [name for name, each in zip(some, found, strict=True) if not each or not _fitting(each)]
    return bad


def library_pattern(value: Mapping[str, object]) -> Pattern:
    """What the library knows of a lasting pattern; everything it has no field for is in its context.

    What is longer than the library keeps is cut; the memory has it in full.
    """
    known = {name: value.get(name) for name in _SHAPED}
    more = {name: each for name, each in value.items() if name not in _SHAPED}
    context = known["context"] if isinstance(known["context"], dict) else {}
    tags = known["tags"] if isinstance(known["tags"], list) else []
    said = dict.fromkeys(str(known[name]) for name in ("description", "content") if known[name])
    lines = {name: _line(known[name]) for name in ("agent_id", "pattern_type", "name")}
    confidence = known["confidence"]
    assert isinstance(confidence, int | float)
    pattern = Pattern(
        str(known["id"]),
        lines["agent_id"] or "unknown",
        lines["pattern_type"] or "general",
        lines["name"] or str(known["id"]),
        _text("\n\n".join(said)),
        code=_text(str(known["code"])) if known["code"] else None,
        confidence=float(min(1, max(0, confidence))),
        tags=[tag for each in tags if (tag := _line(each))][:_TAGS],
        lesson="avoid" if known["lesson"] == "avoid" else "do",
    )
    for fitting in ({**more, **context}, context):
        try:
            return Pattern(
                **{name: getattr(pattern, name) for name in Pattern.__struct_fields__} | {"context": fitting}
            )
        except UsageError:  # too large, too deep: with less of it
            continue
    return pattern


def _source(store: Store, namespace: str) -> str:
    """What the library knows this memory by: its first act, which no other has, wherever the memory lies."""
    try:
        first = store.get(chain.act_name(namespace, 1))
    except StoreCorrupt:
        first = None
    return _called(namespace, str(first.get("hash", ""))[:32] if isinstance(first, dict) else "")


@lru_cache(maxsize=64)
def _called(namespace: str, digest: str) -> str:
    return _line(f"memory {names.escaped(namespace)[:100]} {digest}")


def _kept(name: str, value: object) -> dict[str, object] | None:
    """The pattern that the entry of that *name* says, if it is one."""
    try:
        pattern = stored_pattern(value)
    except StoreCorrupt:
        return None
    return pattern if name.split(":", 2)[2] == pattern["id"] else None


def _fitting(value: Mapping[str, object]) -> Pattern | None:
    """What the library knows of a lasting pattern; None: it can be none."""
    try:
        return library_pattern(value)
    except UsageError:
        return None


def _goes_through(store: Store, namespace: str, since: Head, end: Head) -> bool:
    """Whether the chain that ends with *end* has *since* in it."""
    if since.number > end.number:
        return False
    acts = chain.read(store, namespace, since.number - 1, 1)
    return not acts or acts[0].hash == since.hash


def _cursor(text: str | None) -> Head:
    number, _, digest = (text or "0:").partition(":")
    return Head(int(number), digest)


def _line(value: object) -> str:
    """*value* as one line that the library takes."""
    return " ".join("".join(each if each.isprintable() else " " for each in str(value or "")[:_LINE]).split())


def _text(value: str) -> str:
    return "".join(each if each.isprintable() or each in "\n\t" else " " for each in value[:_TEXT])
