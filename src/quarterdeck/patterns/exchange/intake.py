"""What was read, on its way into a library: in batches, past what is there; what is refused is set aside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from quarterdeck.errors import AccessDenied, QuarterdeckError, ScrubRefused, UsageError
from quarterdeck.patterns import checks
from quarterdeck.patterns.exchange import fields
from quarterdeck.words import harmless

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from quarterdeck.patterns.model import Link, LinkKind, Pattern

OnConflict = Literal["skip", "replace", "error"]
"""What becomes of a pattern whose id is there: it stays, says what was read, or the import ends."""

MAX_REFUSED = 1_000
"""Refusals that are kept with their reason."""
_BATCH = 500
_REFUSALS = UsageError, ScrubRefused, AccessDenied
"""What a library says of a single pattern; any other error is of the library itself."""


class Source(Protocol):
    """What an export needs of a library."""

    def patterns(self) -> Iterator[Pattern]:
        """Every pattern once."""

    def get_links(self, pattern_id: str) -> Sequence[Link]:
        """All links of a pattern, in both directions."""


class Target(Protocol):
    """What an import needs of a library."""

    def get_pattern(self, pattern_id: str) -> Pattern | None:
        """The pattern of that id."""

    def contribute_many(
        self, patterns: Iterable[Pattern], agent_id: str, *, act: str = "contributed", source: str = ""
    ) -> int:
        """Add new ones."""

    def update_pattern(self, pattern_id: str, *, by: str = "", **changes: Any) -> Pattern:  # noqa: ANN401 fields have all types
        """Say fields of one anew."""

    def link_patterns(
        self, pattern_id: str, other_id: str, kind: LinkKind | str = ..., *, agent_id: str = ""
    ) -> bool:
        """Say how two hang together; whether that was new."""


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


class Intake:
    """Takes in one pattern after the other; a batch is one transaction, written when full or at the `end`."""

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
        self._batch: dict[str, tuple[str, Pattern]] = {}
        self._added = self._replaced = self._skipped = self._linked = self._refused_count = 0
        self._refused: list[Refused] = []

    def take(self, where: str, pattern: Pattern) -> None:
        """Add *pattern*, found at *where*, or do with it what is to be done when it is there.

        Raises:
            UsageError: it is there and that is an error; or it is refused and this intake is strict.
            StateError: the library cannot be written; the batches before stay.
        """
        if pattern.id in self._batch:
            self._write()
        known = self._library.get_pattern(pattern.id)
        if known is not None:
            self._meet(where, known, pattern)
            return
        self._batch[pattern.id] = where, pattern
        if len(self._batch) >= _BATCH:
            self._write()

    def link(self, where: str, source: str, target: str, kind: str, agent_id: str) -> None:
        """Link two patterns, which came before or were there.

        Raises:
            UsageError: it is refused and this intake is strict.
            StateError: the library cannot be written.
        """
        self._write()
        try:
            self._linked += self._library.link_patterns(source, target, kind, agent_id=agent_id)
        except _REFUSALS as error:
            self.refuse(where, error)

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
        return Imported(
            self._added,
            self._replaced,
            self._skipped,
            self._linked,
            tuple(self._refused),
            self._refused_count,
        )

    def _write(self) -> None:
        batch, self._batch = list(self._batch.values()), {}
        if not batch:
            return
        try:
            self._contribute([pattern for _, pattern in batch])
        except _REFUSALS:
            for where, pattern in batch:  # one of them is at fault
                self._write_alone(where, pattern)

    def _write_alone(self, where: str, pattern: Pattern) -> None:
        try:
            self._contribute([pattern])
        except _REFUSALS as error:
            known = self._library.get_pattern(pattern.id)
            if known is None:
                self.refuse(where, error)
            else:  # another process was quicker
                self._meet(where, known, pattern)

    def _contribute(self, patterns: list[Pattern]) -> None:
        self._library.contribute_many(patterns, self._agent_id, act="imported", source=self._source)
        self._added += len(patterns)

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
