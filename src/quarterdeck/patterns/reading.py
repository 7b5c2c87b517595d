"""What is read from a library by name: patterns, their links, their past, and figures of all."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from quarterdeck.errors import UsageError
from quarterdeck.patterns import checks, evidence
from quarterdeck.patterns.model import LinkKind, link_kind
from quarterdeck.patterns.shelf import Shelf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from quarterdeck.patterns.match import PatternMatch
    from quarterdeck.patterns.model import Evidence, Link, Origin, Outcome, Pattern
    from quarterdeck.patterns.truth import Record

MAX_DEPTH = 100
"""Of links that `get_related_patterns` follows."""
_ORDERS = {
    "success_rate": "expected",
    "usage_count": "usage",
    "confidence": "confidence",
    "recent": "recent",
    "name": "name",
}
"""The published names of orders, and the truth's."""


class Reading(Shelf):
    """The room in which patterns are looked up."""

    def get_pattern(self, pattern_id: str) -> Pattern | None:
        """The pattern of that id; None when there is none."""
        return self.truth.get(checks.identity(pattern_id))

    def get_patterns_by_tag(self, tag: str) -> list[Pattern]:
        """All that have this tag, the newest first."""
        return self.truth.find(tag=checks.line(tag, "tag"))

    def get_patterns_by_type(self, pattern_type: str) -> list[Pattern]:
        """All of this type, the newest first."""
        return self.truth.find(pattern_type=checks.line(pattern_type, "pattern_type"))

    def get_agent_patterns(self, agent_id: str) -> list[Pattern]:
        """All that this agent has learned, the newest first."""
        return self.truth.find(agent_id=checks.line(agent_id, "agent_id"))

    def count(self) -> int:
        """How many patterns there are."""
        return self.truth.count()

    def get_evidence(self, pattern_id: str) -> Evidence | None:
        """What its outcomes say of a pattern now; None when there is none of that id."""
        number = self.truth.number(checks.identity(pattern_id))
        pattern = None if number is None else self.truth.read([number]).get(number)
        if number is None or pattern is None:
            return None
        tally = self.truth.tallies([number]).get(number, evidence.NO_OUTCOMES)
        return evidence.weigh(tally, pattern.confidence, self._clock(), self._half_life_s)

    def patterns(self) -> Iterator[Pattern]:
        """Every pattern once, in the order they came; bounded memory.

        What comes meanwhile is not among them; what changes or goes is as it is when its turn comes.
        """
        return self.truth.every()

    def history(self, ids: Collection[str] | None = None) -> Iterator[Record | Link]:
        """All there is to know: patterns with their past in the order they came, then the links among them.

        What others contribute meanwhile is not among them; bounded memory.

        Args:
            ids: of which patterns; those that are not there are left out. None: of all.
        """
        return self.truth.history(
            None if ids is None else [checks.identity(each) for each in _collection(ids)]
        )

    def get_related_patterns(
        self, pattern_id: str, depth: int = 1, *, kinds: Collection[LinkKind] = tuple(LinkKind)
    ) -> list[Pattern]:
        """The patterns that are linked with it, the nearest first; each once, and never itself.

        Args:
            pattern_id: which.
            depth: over how many links, at least 1.
            kinds: over which.

        Raises:
            UsageError: there is no such pattern or kind of link, or *depth* is not from 1 to 100.
        """
        if type(depth) is not int or not 1 <= depth <= MAX_DEPTH:
            raise UsageError(
                f"depth must be from 1 to {MAX_DEPTH}, got {checks.told(depth)}", hint="1 is direct"
            )
        over = [link_kind(kind) for kind in _collection(kinds)]
        near = [each for each, _ in self.truth.related(checks.identity(pattern_id), depth, over)]
        found = self.truth.get_many(near)
        return [found[each] for each in near if each in found]

    def get_links(self, pattern_id: str) -> list[Link]:
        """All links of a pattern, in both directions."""
        return self.truth.links([checks.identity(pattern_id)])

    def get_outcomes(self, pattern_id: str, limit: int = 100) -> list[Outcome]:
        """What came of using it, the newest first."""
        return self.truth.outcomes(checks.identity(pattern_id), _limit(limit))

    def get_provenance(self, pattern_id: str) -> list[Origin]:
        """What has been done to it by whom, the oldest first."""
        return self.truth.origins(checks.identity(pattern_id))

    def get_top_patterns(self, n: int = 10, sort_by: str = "success_rate") -> list[Pattern]:
        """The best patterns.

        Args:
            n: how many at most.
            sort_by: ``success_rate``: how probable it is that it works the next time, so that 999 of 1,000 is
                above 1 of 1; ``usage_count``, ``confidence``, ``recent``, ``name``.

        Raises:
            UsageError: there is no such order.
        """
        if sort_by not in tuple(_ORDERS):  # it may be anything, also what cannot be hashed
            raise UsageError(
                f"there is no order {checks.told(sort_by)} of patterns",
                hint=f"use one of: {', '.join(_ORDERS)}",
            )
        return self.truth.top(_limit(n), _ORDERS[sort_by])

    def get_due_patterns(self, limit: int = 100) -> list[Pattern]:
        """Those whose review is due, the longest due first."""
        return self.truth.due(self._now(), _limit(limit))

    def get_library_stats(self) -> dict[str, Any]:
        """Figures of the whole library, ready for JSON; the first six under their published names."""
        counts = self.truth.stats()._asdict()
        return {
            "total_patterns": counts["patterns"],
            "total_agents": counts["agents"],
            "total_usage": counts["outcomes"],
            "average_confidence": counts.pop("mean_confidence"),
            "average_success_rate": counts["successes"] / (counts["outcomes"] or 1),
            "patterns_by_type": counts["by_type"],
            **counts,
            "index_problem": None if self.index.problem is None else self.index.problem.message,
        }

    def render(
        self,
        matches: Sequence[PatternMatch],
        max_tokens: int,
        *,
        count_tokens: Callable[[str], int] | None = None,
    ) -> str:
        """*matches* as a text for a prompt, within a budget of tokens; see `quarterdeck.patterns.render`.

        Args:
            matches: the best first.
            max_tokens: the text never costs more.
            count_tokens: what a text costs; None: as estimated from above.
        """
        from quarterdeck.patterns import rendering

        return rendering.render(matches, max_tokens, count_tokens=count_tokens or rendering.tokens_of)


def _collection(value: object) -> Collection[object]:
    if not isinstance(value, Collection):
        raise UsageError(f"kinds of links are needed, got {checks.told(value)}", hint="give a list of them")
    return value


def _limit(value: object) -> int:
    if type(value) is not int or not 1 <= value <= 2**31:
        raise UsageError(
            f"the limit must be a whole number from 1 up, got {checks.told(value)}", hint="ask for some"
        )
    return value
