"""What may be wrong with a memory, looked at from outside: nobody has to be let in for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

from quarterdeck.errors import QuarterdeckError
from quarterdeck.memory import audit
from quarterdeck.words import count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quarterdeck.memory.backend import Health
    from quarterdeck.memory.embedded import EmbeddedBackend
    from quarterdeck.memory.store import Store


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


def look(store: Store) -> tuple[Health, list[Checked]]:
    """Use the memory; then read its audit chain and, if it is a file, all of that; what is wrong is no error.

    Of a memory that is down there is little to be found.
    """
    health = store.backend.health()
    return health, list(_looked_at(store, health))


def _looked_at(store: Store, health: Health) -> Iterator[Checked]:
    used = (
        "does not answer" if health.latency_ms is None else f"written and read in {health.latency_ms:.1f} ms"
    )
    yield Checked("use", used, health.problems)
    if store.limits.key_file:
        yield Checked("key", f"values are encrypted with {store.limits.key_file}")
    if health.state == "down":
        return
    of_its_kind = ("file", _file) if store.backend.kind == "embedded" else ("eviction", _eviction)
    for what, check in (of_its_kind, ("audit", _audit)):
        try:
            found = check(store)
        except QuarterdeckError as error:
            found = Checked(what, "cannot be looked at", (f"{error.message}: {error.hint}",))
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


def _audit(store: Store) -> Checked:
    report = audit.verify(store, store.limits.namespace)
    if report.is_whole:
        return Checked("audit", f"the chain is whole: {count(report.acts, 'act')}")
    problem = f"act {report.broken_at} of the audit chain: {report.reason}: restore the store from a copy"
    return Checked("audit", f"whole up to act {report.acts}", (problem,))
