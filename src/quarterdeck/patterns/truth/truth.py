"""The file of a library, as one object."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from quarterdeck.patterns.model import LinkKind
from quarterdeck.patterns.truth import counting, links, outcomes, past, reading, revisions, rows, writing
from quarterdeck.patterns.truth.database import Database

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from datetime import datetime

    from quarterdeck.patterns.evidence import Tally
    from quarterdeck.patterns.model import Link, Origin, Outcome, Pattern
    from quarterdeck.patterns.truth.counting import LibraryCounts
    from quarterdeck.patterns.truth.past import Record
    from quarterdeck.patterns.truth.reading import Change


class Truth:
    """Patterns with their outcomes, links and origins in one file, shared by threads and processes.

    What a method has written when it returns survives kill -9 of any process. Each method that writes is one
    transaction: it happens altogether or, when it raises, not at all.

    Every method raises a `StateError` when the file cannot be used: `StoreCorrupt`, `StoreTooNew`,
    `StoreFull` or `StoreBusy`.

    Attributes:
        path: the file.
    """

    def __init__(self, path: str, *, half_life_s: float, clock: Callable[[], float] = time.time) -> None:
        """Opens nothing yet.

        Args:
            path: created on first use, its folder must be there; ``:memory:`` for none.
            half_life_s: after so many seconds an outcome counts half.
            clock: seconds since the epoch.
        """
        self.path = path
        self._database = Database(path, half_life_s)
        self._half_life_s = half_life_s
        self._clock = clock

    def stamp(self) -> tuple[int, int]:
        """Equal stamps mean that nobody has committed anything in between, to the same file."""
        return self._database.stamp()

    def identity(self) -> str:
        """Drawn when the file was made, and by `reset`: another file has another.

        Raises:
            StoreCorrupt: it has none.
        """
        return revisions.mark_at(self._database, 0)

    def mark(self, revision: int) -> str:
        """Of the history up to *revision*; empty: there is no such revision now.

        The file may go back: with a power cut, which may take the last commits, or a restored backup. Then
        the same revisions are given out once more, but with another mark. So whoever derives something from
        the file keeps the mark of the newest `Change` in it, and compares it with what this says whenever the
        `stamp` is another one: if they differ, all that was derived is worthless. O(log n).

        Raises:
            StoreCorrupt: the file has lost it.
        """
        return revisions.mark_at(self._database, revision)

    def revision(self) -> int:
        """Of the newest change of a pattern; 0 before the first."""
        return counting.newest(self._database)[0]

    def count(self) -> int:
        """How many patterns there are; O(1)."""
        return counting.newest(self._database)[1]

    def stats(self) -> LibraryCounts:
        """What is there, in numbers; reads whole indexes: about 0.5 s with a million patterns."""
        return counting.stats(self._database, self._now_us())

    # Patterns come, change and go.

    def contribute(
        self,
        patterns: Sequence[Pattern],
        *,
        act: str,
        agent_id: str,
        source: str = "",
    ) -> None:
        """Add *patterns*; their counts become their first tally, ``superseded_by`` a link if that is there.

        Args:
            patterns: any number.
            act: the first of their origins, such as ``contributed``.
            agent_id: of that origin: who.
            source: from where; empty: not said.

        Raises:
            UsageError: an id is taken, or is there twice.
        """
        writing.contribute(
            self._database,
            patterns,
            self._now_us(),
            act=act,
            agent_id=agent_id,
            source=source,
        )

    def absorb(
        self,
        source: str,
        cursor: str,
        patterns: Sequence[Pattern],
        *,
        act: str = "promoted",
        agent_id: str = "",
        acts: Mapping[str, tuple[str, str]] | None = None,
    ) -> int:
        """Take in what another log has said since the cursor that `absorbed` gives, each pattern once.

        Left out are those whose id is there, and those that came from *source* before and were deleted here.
        By id, *acts* has the act and the agent of those to which *act* and *agent_id* do not apply.

        Returns:
            How many were added.
        """
        return writing.absorb(
            self._database,
            patterns,
            self._now_us(),
            log=source,
            cursor=cursor,
            act=act,
            agent_id=agent_id,
            acts=acts or {},
        )

    def absorbed(self, source: str) -> str | None:
        """The cursor that was last given to `absorb` for *source*; None: nothing was taken in yet."""
        found = self._database.rows("SELECT cursor FROM absorbed WHERE source = ?", (source,))
        return found[0][0] if found else None

    def update(self, pattern_id: str, change: Callable[[Pattern], Pattern], *, agent_id: str) -> Pattern:
        """Have *change* make another pattern of it; nobody else writes meanwhile, so it should be quick.

        Counts, ``last_used``, ``discovered_at`` and ``superseded_by`` are not taken from what it returns. One
        that equals what is there changes nothing.

        Returns:
            The pattern as it is now.

        Raises:
            UsageError: there is no such pattern, or *change* gives it another id.
        """
        return writing.update(self._database, pattern_id, change, self._now_us(), agent_id)

    def delete(self, pattern_id: str, *, agent_id: str) -> bool:
        """Remove a pattern with its outcomes, links and origins; its id is free again.

        What is left is its id, its number, when it was deleted and by whom. Its text is overwritten in the
        file, and the log is emptied, unless somebody else is reading just then: the text is in the log until
        that is next emptied, at the latest when the last process closes the file. The search index on disk
        has its words and tags, which nobody finds, until the index is made anew.

        Returns:
            Whether it was there.
        """
        return writing.delete(self._database, pattern_id, self._now_us(), agent_id)

    def reset(self) -> int:
        """Remove all patterns; what was absorbed from other logs does not come back.

        Their ids are left, with when they were deleted; their text is overwritten in the file and its log.
        The `identity` is another one: all that is derived from the file is worthless, and to be made anew.

        Returns:
            How many there were.

        Raises:
            StoreBusy: all are removed, but others were reading all the time: the log still has their text.
        """
        return writing.reset(self._database, self._now_us())

    # Patterns are read.

    def get(self, pattern_id: str) -> Pattern | None:
        """The pattern with that id.

        Raises:
            StoreCorrupt: it is there, but another program has changed it to what is no pattern. All methods
                that give several leave such a one out.
        """
        return reading.get(self._database, pattern_id)

    def number(self, pattern_id: str) -> int | None:
        """Of the pattern with that id; None: there is none."""
        return rows.number_of(self._database, pattern_id)

    def get_many(self, ids: Sequence[str]) -> dict[str, Pattern]:
        """Those that are there, by id."""
        return reading.get_many(self._database, ids)

    def read(self, numbers: Sequence[int]) -> dict[int, Pattern]:
        """Those that are there, by number."""
        return reading.read(self._database, numbers)

    def find(
        self,
        *,
        tag: str | None = None,
        pattern_type: str | None = None,
        agent_id: str | None = None,
        limit: int | None = None,
    ) -> list[Pattern]:
        """All that have what is given, also superseded and expired ones, newest first.

        One condition costs O(*limit*); several as much as there are patterns with that tag, or of that agent.
        """
        return reading.find(self._database, tag, pattern_type, agent_id, limit)

    def every(self) -> Iterator[Pattern]:
        """Each once, in the order they came; those that come meanwhile are not among them. Bounded memory."""
        return reading.every(self._database)

    def top(self, n: int, sort_by: str) -> list[Pattern]:
        """The best *n* that are neither expired nor superseded; what is equal, newest first.

        Args:
            n: at most so many.
            sort_by: ``expected`` (the probability that it works, by its outcomes and its author),
                ``usage`` (outcomes), ``confidence``, ``recent`` (contributed last), ``name``.

        Raises:
            UsageError: there is no such order.
        """
        return reading.top(self._database, n, sort_by, self._now_us())

    def due(self, at: datetime, limit: int) -> list[Pattern]:
        """Those whose date of review is past, the longest overdue first."""
        return reading.due(self._database, rows.us_of(at), limit)

    def changes(self, after: int, at_most: int) -> list[Change]:
        """The newest state of what has changed since revision *after*, in the order of the revisions.

        Each pattern is there at most once. Go on from the last revision until nothing comes. Compare `mark`
        after this, not before: then what was derived before belongs to the same history.
        """
        return reading.changes(self._database, after, at_most)

    # Outcomes, origins and links.

    def record(self, outcomes_: Sequence[Outcome]) -> None:
        """Add outcomes to those of their patterns; one from the future is one of now.

        Raises:
            UsageError: there is no such pattern; nothing was recorded.
        """
        outcomes.record(self._database, outcomes_, self._now_us(), self._half_life_s)

    def tallies(self, numbers: Sequence[int]) -> dict[int, Tally]:
        """Of those that have outcomes, by number."""
        return reading.tallies(self._database, numbers)

    def outcomes(self, pattern_id: str, limit: int) -> list[Outcome]:
        """The newest *limit* of them, newest first; none for an id that is not there."""
        return outcomes.outcomes_of(self._database, pattern_id, limit)

    def origins(self, pattern_id: str) -> list[Origin]:
        """What was done to the patterns that ever had this id, oldest first."""
        return outcomes.origins_of(self._database, pattern_id)

    def link(self, source_id: str, target_id: str, kind: LinkKind, *, agent_id: str) -> bool:
        """Link two patterns; False when they are linked so already, if it goes both ways also the other way.

        Raises:
            UsageError: one of them is not there, they are the same, or one would supersede itself.
        """
        return links.link(self._database, source_id, target_id, kind, self._now_us(), agent_id)

    def unlink(self, source_id: str, target_id: str, kind: LinkKind) -> bool:
        """Take a link away; False when there is none."""
        return links.unlink(self._database, source_id, target_id, kind)

    def link_all(self, links_: Sequence[Link], *, agent_id: str) -> int:
        """Link all of these, or none, as of when they were made; those that are there stay as they are.

        Returns:
            How many were new.

        Raises:
            UsageError: as `link` does.
        """
        return links.link_all(self._database, links_, self._now_us(), agent_id)

    def links(self, ids: Sequence[str]) -> list[Link]:
        """All links from or to one of *ids*, each once, oldest first."""
        return links.links_of(self._database, ids)

    def related(
        self, pattern_id: str, depth: int, kinds: Collection[LinkKind] = tuple(LinkKind)
    ) -> list[tuple[str, int]]:
        """Ids that are at most *depth* links away, either way, with how many; nearest first.

        Raises:
            UsageError: there is no such pattern.
        """
        return links.related(self._database, pattern_id, depth, kinds)

    # Whole libraries go and come.

    def history(self, ids: Collection[str] | None) -> Iterator[Record | Link]:
        """Patterns with their past in the order they came, then the links among them; None: all of them."""
        return past.history(self._database, ids)

    def restore(self, records: Sequence[Record], *, agent_id: str, source: str) -> None:
        """Add patterns with their past; a record without a pattern goes on with one that is there.

        Raises:
            UsageError: an id is taken, or is there twice, or has taken its own place; nothing was added.
        """
        past.restore(self._database, records, self._now_us(), agent_id=agent_id, source=source)

    def close(self) -> None:
        """Give the file back; the next use opens it anew. What is in memory is gone."""
        self._database.close()

    def _now_us(self) -> int:
        return round(self._clock() * 1e6)
