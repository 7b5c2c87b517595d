"""What was read, on its way into a library: in batches, past what is there; what is refused is set aside."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from quarterdeck.errors import AccessDenied, QuarterdeckError, ScrubRefused, UsageError
from quarterdeck.patterns import checks
from quarterdeck.patterns.exchange import fields
from quarterdeck.patterns.model import Link, LinkKind
from quarterdeck.patterns.truth import Record
from quarterdeck.words import harmless

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from quarterdeck.patterns.model import Origin, Outcome, Pattern

OnConflict = Literal["skip", "replace", "error"]
"""What becomes of a pattern whose id is there: it stays, says what was read, or the import ends."""

MAX_REFUSED = 1_000
"""Refusals that are kept with their reason."""
_BATCH = 500
_BATCH_BYTES = 16_000_000
_BATCH_LINKS = 1_000
_REFUSALS = UsageError, ScrubRefused, AccessDenied
"""What a library says of a single pattern; any other error is of the library itself."""


class Source(Protocol):
    """What an export needs of a library."""

    def count(self) -> int:
        """How many patterns there are."""

    def patterns(self) -> Iterator[Pattern]:
        """Every pattern once."""

    def history(self, ids: Collection[str] | None = None) -> Iterator[Record | Link]:
        """Patterns with their past, then the links among them."""


class Target(Protocol):
    """What an import needs of a library."""

    def get_pattern(self, pattern_id: str) -> Pattern | None:
        """The pattern of that id."""

    def restore_many(self, records: Iterable[Record], agent_id: str, *, source: str = "") -> None:
        """Add new ones with their past."""

    def update_pattern(self, pattern_id: str, *, by: str = "", **changes: Any) -> Pattern:  # noqa: ANN401 fields have all types
        """Say fields of one anew."""

    def link_many(self, links: Iterable[Link], *, agent_id: str = "") -> int:
        """Say how patterns hang together; how many of it was new."""

    def unlink_patterns(self, pattern_id: str, other_id: str, kind: LinkKind | str = ...) -> bool:
        """Take that back."""


class Refused(NamedTuple):
    """Something that did not get in.

    Attributes:
        where: ``line 7`` of a file, or the folder of a skill; safe to show.
        why: in one sentence; safe to show.
    """

    where: str
    why: str


class Imported(NamedTuple):
    """What an import has done.

    Attributes:
        added: new patterns.
        replaced: those that were there, and now say what was read.
        skipped: those that were there, and stay as they were.
        linked: links that are new.
        refused: what did not get in, in order; the first `MAX_REFUSED` of it.
        refused_count: of all that did not get in.
    """

    added: int
    replaced: int
    skipped: int
    linked: int
    refused: tuple[Refused, ...]
    refused_count: int


@dataclass(slots=True)
class _Entry:
    """A pattern with as much of its past as has been read; without the pattern, once that is written.

    Attributes:
        left: how many successes, and failures, it counts that have not come yet.
    """

    where: str
    pattern_id: str
    pattern: Pattern | None
    weights: tuple[float, float] | None
    left: dict[bool, int]
    origins: list[Origin] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)

    def count(self, outcome: Outcome) -> None:
        """Count one of them as come.

        Raises:
            UsageError: it counts fewer.
        """
        if not self.left[outcome.success]:
            what = "successes" if outcome.success else "failures"
            raise UsageError(f"its pattern counts fewer {what}", hint="count it there, or leave it out")
        self.left[outcome.success] -= 1

    def record(self) -> Record:
        return Record(self.pattern_id, self.pattern, self.weights, tuple(self.origins), tuple(self.outcomes))

    def is_written(self) -> None:
        """What comes from now on is more of it."""
        self.pattern = self.weights = None
        self.origins.clear()
        self.outcomes.clear()


class Intake:
    """Takes in one pattern after the other; a batch is one transaction, written when full or at the `end`.

    A pattern gets in with its past, or not at all; only one too long to be held in memory comes in parts.
    """

    def __init__(
        self, library: Target, *, agent_id: str, source: str, on_conflict: OnConflict, strict: bool
    ) -> None:
        """Writes nothing yet.

        Args:
            library: where to.
            agent_id: who imports.
            source: where from, for the provenance.
            on_conflict: see `OnConflict`.
            strict: raise what would be refused.

        Raises:
            UsageError: *agent_id* or *on_conflict* cannot be meant.
        """
        if on_conflict not in {"skip", "replace", "error"}:
            raise UsageError(
                f"there is no on_conflict={checks.told(on_conflict)}", hint='use "skip", "replace" or "error"'
            )
        self._library = library
        self._agent_id = checks.line(agent_id, "agent_id")
        self._source = harmless(source)[: checks.MAX_LINE]
        self._on_conflict = on_conflict
        self._strict = strict
        self._batch: dict[str, _Entry] = {}
        self._size_bytes = 0
        self._links: list[tuple[str, Link]] = []
        self._retired: list[tuple[str, str, str]] = []
        self._latest_id = ""
        self._latest: _Entry | None = None
        self._added = self._replaced = self._skipped = self._linked = self._refused_count = 0
        self._refused: list[Refused] = []

    def take(
        self,
        where: str,
        pattern: Pattern,
        weights: tuple[float, float] | None = None,
        *,
        size_bytes: int,
    ) -> None:
        """Add *pattern*, found at *where*, or do with it what is to be done when it is there.

        Args:
            where: it was found.
            pattern: as it is; one that says what has taken its place is retired, also if that does not come.
            weights: of its successes and failures, by their age.
            size_bytes: of all that was read for it.

        Raises:
            UsageError: it is there and that is an error; or it is refused and this intake is strict.
            StateError: the library cannot be written; the batches before stay.
        """
        if pattern.id in self._batch:
            self._write()
        self._latest_id, self._latest = pattern.id, None
        known = self._library.get_pattern(pattern.id)
        if known is not None:
            self._meet(where, known, pattern)
            return
        left = {True: pattern.success_count, False: pattern.failure_count}
        self._latest = _Entry(where, pattern.id, pattern, weights, left)
        self._keep(self._latest, size_bytes)

    def origin(self, where: str, pattern_id: str, origin: Origin, *, size_bytes: int) -> None:
        """An act in the life of the pattern that was taken last; of one that was there, it is left out.

        Raises:
            UsageError: that was another one, and this intake is strict.
            StateError: the library cannot be written; the batches before stay.
        """
        try:
            entry = self._entry_of(pattern_id)
        except UsageError as error:
            self.refuse(where, error)
            return
        if entry is not None:
            entry.origins.append(origin)
            self._keep(entry, size_bytes)

    def outcome(self, where: str, outcome: Outcome, *, size_bytes: int) -> None:
        """One of the outcomes that the pattern which was taken last counts; otherwise like `origin`."""
        try:
            entry = self._entry_of(outcome.pattern_id)
            if entry is not None:
                entry.count(outcome)
        except UsageError as error:
            self.refuse(where, error)
            return
        if entry is not None:
            entry.outcomes.append(outcome)
            self._keep(entry, size_bytes)

    def link(self, where: str, link: Link) -> None:
        """Link two patterns, which came before or were there.

        Raises:
            UsageError: it is refused and this intake is strict.
            StateError: the library cannot be written.
        """
        self._links.append((where, link))
        if len(self._links) >= _BATCH_LINKS:
            self._write()

    def refuse(self, where: str, error: QuarterdeckError) -> None:
        """Set aside what was found at *where*.

        Raises:
            UsageError: this intake is strict.
        """
        refused = Refused(harmless(where)[:200], harmless(error.message)[:500])
        if self._strict:
            raise UsageError(f"{refused.where}: {refused.why}", hint=error.hint) from error
        self._refused_count += 1
        if self._refused_count <= MAX_REFUSED:
            self._refused.append(refused)

    def end(self) -> Imported:
        """Write what is left, and say what was done."""
        self._write()
        for where, pattern_id, successor_id in self._retired:
            self._link_to_successor(where, pattern_id, successor_id)
        return Imported(
            self._added,
            self._replaced,
            self._skipped,
            self._linked,
            tuple(self._refused),
            self._refused_count,
        )

    def _entry_of(self, pattern_id: str) -> _Entry | None:
        """What the past of the pattern that was taken last is added to; None: it did not get in."""
        if pattern_id != self._latest_id:
            raise UsageError("it does not follow its pattern", hint="put it behind, or leave it out")
        return self._latest

    def _keep(self, entry: _Entry, size_bytes: int) -> None:
        self._batch[entry.pattern_id] = entry
        self._size_bytes += size_bytes
        if len(self._batch) >= _BATCH or self._size_bytes >= _BATCH_BYTES:
            self._write()

    def _write(self) -> None:
        batch, self._batch, self._size_bytes = list(self._batch.values()), {}, 0
        if batch:
            try:
                self._restore(batch)
            except _REFUSALS:
                for entry in batch:  # one of them is at fault
                    self._restore_alone(entry)
        links, self._links = self._links, []
        if links:
            try:
                self._linked += self._library.link_many([link for _, link in links], agent_id=self._agent_id)
            except _REFUSALS:
                for where, link in links:
                    self._link_alone(where, link)

    def _restore(self, batch: list[_Entry]) -> None:
        records = [entry.record() for entry in batch]
        self._library.restore_many(records, self._agent_id, source=self._source)
        for entry in batch:
            if entry.pattern is not None:
                self._added += 1
                if entry.pattern.superseded_by is not None:
                    self._retired.append((entry.where, entry.pattern_id, entry.pattern.superseded_by))
            entry.is_written()

    def _restore_alone(self, entry: _Entry) -> None:
        try:
            self._restore([entry])
        except _REFUSALS as error:
            if self._latest is entry:
                self._latest = None
            pattern = entry.pattern
            known = None if pattern is None else self._library.get_pattern(entry.pattern_id)
            if pattern is None or known is None:
                self.refuse(entry.where, error)
            else:  # another process has been quicker
                self._meet(entry.where, known, pattern)

    def _link_alone(self, where: str, link: Link) -> bool:
        try:
            self._linked += self._library.link_many([link], agent_id=self._agent_id)
        except _REFUSALS as error:
            self.refuse(where, error)
            return False
        return True

    def _link_to_successor(self, where: str, pattern_id: str, successor_id: str) -> None:
        """What was read last may have taken the place of what was read first; it may also never come."""
        if self._library.get_pattern(successor_id) is None:
            return
        link = Link(LinkKind.SUPERSEDES, successor_id, pattern_id, datetime.now(UTC), self._agent_id)
        if not self._link_alone(where, link):  # each says that the other has taken its place
            self._library.unlink_patterns(successor_id, pattern_id, LinkKind.SUPERSEDES)

    def _meet(self, where: str, known: Pattern, pattern: Pattern) -> None:
        """Do with *pattern* what is to be done when one of its id is there."""
        if self._on_conflict == "error":
            raise UsageError(
                f"{harmless(where)}: there is a pattern {pattern.id} already",
                hint='on_conflict="skip" keeps what is there, "replace" takes what was read',
            )
        changes = fields.changes(known, pattern)
        if self._on_conflict == "skip" or not changes:
            self._skipped += 1
            return
        try:
            self._library.update_pattern(pattern.id, by=self._agent_id, **changes)
        except _REFUSALS as error:
            self.refuse(where, error)
        else:
            self._replaced += 1
