"""What may be wrong with a memory, looked at from outside: nobody has to be let in for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

from quarterdeck.cli.memory.readable import SEALED, SHOWN, read_all
from quarterdeck.cli.memory.wording import as_typed
from quarterdeck.errors import QuarterdeckError
from quarterdeck.memory import audit, chain, learning, rights
from quarterdeck.words import count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quarterdeck.memory.backend import Health
    from quarterdeck.memory.embedded import EmbeddedBackend
    from quarterdeck.memory.store import Store


_ASK_US = ": qd memory doctor"
_SET_KEY = "set QUARTERDECK_MEMORY_KEY_FILE to the file that has it"


class Checked(NamedTuple):
    """One thing that was looked at.

    Attributes:
        what: in one word.
        said: what was found.
        problems: sentences, each with how to mend it; empty when all is well.
    """

    what: str
    said: str
    problems: tuple[str, ...] = ()


def look(store: Store, unusable_key: str = "") -> tuple[Health, list[Checked]]:
    """Use the memory; then read its entries, its audit chain and, if it is a file, all of that.

    What is wrong is no error. Of a memory that is down there is little to be found.

    Args:
        store: to be looked at; without a key when there is one that cannot be used.
        unusable_key: why it cannot be used.
    """
    health = store.backend.health()
    problems = dict.fromkeys(as_typed(each).removesuffix(_ASK_US) for each in health.problems)
    health = health._replace(problems=tuple(problems))
    return health, list(_looked_at(store, health, unusable_key))


def _looked_at(store: Store, health: Health, unusable_key: str) -> Iterator[Checked]:
    used = (
        "does not answer" if health.latency_ms is None else f"written and read in {health.latency_ms:.1f} ms"
    )
    yield Checked("use", used, health.problems)
    if unusable_key:
        yield Checked("key", "cannot be used", (unusable_key,))
    elif store.limits.key_file:
        yield Checked("key", f"values are encrypted with {store.limits.key_file}")
    if health.state == "down":
        return
    of_its_kind = ("file", _file) if store.backend.kind == "embedded" else ("eviction", _eviction)
    checks = [
        of_its_kind,
        ("entries", _entries),
        ("audit", _audit),
        ("rights", _rights),
        ("patterns", _patterns),
    ]
    for what, check in checks:
        try:
            found = check(store)
        except QuarterdeckError as error:
            found = Checked(what, "cannot be looked at", (f"{error.message}: {as_typed(error.hint)}",))
        if not set(found.problems) & set(health.problems):
            yield found


def _file(store: Store) -> Checked:
    backend = cast("EmbeddedBackend", store.backend)
    damage = backend.verify()
    if not damage:
        return Checked("file", f"{backend.path} is whole")
    problems = (f"{backend.path} is damaged ({each}): restore it from a copy" for each in damage)
    return Checked("file", "damaged", tuple(problems))


def _eviction(store: Store) -> Checked:
    problem = store.backend.durability_problem()
    return Checked(
        "eviction",
        "entries may be dropped" if problem else "nothing is dropped to make room",
        (problem,) * bool(problem),
    )


def _entries(store: Store) -> Checked:
    found = read_all(store)
    said = count(found.sealed + found.plain, "entry", plural="entries")
    if not found.is_all:
        said = f"the first {said}"
    if found.sealed or store.limits.key_file:
        said += f", {found.sealed:,} encrypted and {found.plain:,} plain"
    if not found.unreadable:
        return Checked("entries", f"{said}: all can be read")
    problems = found.problems
    if found.sealed and not store.limits.key_file:
        what = count(found.sealed, "entry is", plural="entries are")
        problems = (f"{what} encrypted, and there is no key to read them: {_SET_KEY}",)
    elif found.unreadable > len(problems):
        problems += (f"{found.unreadable - len(problems):,} more entries cannot be read",)
    return Checked("entries", f"{said}: {found.unreadable:,} cannot be read", problems)


def _audit(store: Store) -> Checked:
    if _is_hidden(store):
        return Checked("audit", "not looked at: the chain is encrypted")
    report = audit.verify(store, store.limits.namespace)
    if report.is_whole:
        return Checked("audit", f"the chain is whole: {count(report.acts, 'act')}")
    problem = f"act {report.broken_at} of the audit chain: {report.reason}: restore the store from a copy"
    return Checked("audit", f"whole up to act {report.acts}", (problem,))


def _rights(store: Store) -> Checked:
    if _is_hidden(store):
        return Checked("rights", "not looked at: the chain is encrypted")
    problems = rights.compare(store, store.limits.namespace)
    if problems:
        return Checked("rights", "not as the audit chain says", tuple(problems))
    agents, _ = rights.registered(store, store.limits.namespace)
    return Checked("rights", f"as the audit chain says: {count(len(agents), 'agent')}")


def _patterns(store: Store) -> Checked:
    if _is_hidden(store):
        return Checked("patterns", "not looked at: the chain is encrypted")
    damaged = learning.damaged(store, store.limits.namespace)
    if not damaged:
        return Checked("patterns", "all lasting ones are as they were kept")
    problems = [
        f"the entry {name!r} is no pattern as Quarterdeck writes it, so the library goes without it: restore "
        "the store from a copy, or remove that entry"
        for name in damaged[:SHOWN]
    ]
    if len(damaged) > SHOWN:
        problems.append(f"{len(damaged) - SHOWN:,} more patterns cannot be used")
    return Checked("patterns", f"{len(damaged):,} cannot be used", tuple(problems))


def _is_hidden(store: Store) -> bool:
    """Whether nothing can be said of the acts, for want of a key."""
    end = store.backend.get(chain.head_name(store.limits.namespace)).data
    return not store.limits.key_file and end is not None and end.startswith(SEALED)
