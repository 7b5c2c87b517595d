"""Lasting patterns, as the memory keeps them: in the shared space, for good, read by all.

Promoted ones come from `staging`. There are few enough to look through each time; the pattern library is
where search becomes an index and outcomes count.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from quarterdeck.errors import UsageError
from quarterdeck.memory import names
from quarterdeck.memory.access import AccessTier
from quarterdeck.memory.chain import Deed, utc_text
from quarterdeck.memory.pattern import PATTERN, as_stored, described, new_id, pattern_of, stored_pattern
from quarterdeck.memory.seat import Seat, told
from quarterdeck.memory.store import MISSING, Entry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quarterdeck.memory.access import Standing
    from quarterdeck.memory.store import Seen

_WORD = re.compile(r"\w+")
_WEIGHTS = (("name", 3.0), ("tags", 3.0), ("description", 1.0), ("content", 1.0), ("code", 0.5))
"""What a word of the query counts where it is found."""


class Patterns(Seat):
    """The room of what is known for good."""

    def persist_pattern(
        self,
        content: str | Mapping[str, object],
        pattern_type: str = "general",
        *,
        metadata: Mapping[str, object] | None = None,
    ) -> dict[str, object]:
        """Keep a pattern for good without staging it; takes a validator, and is written in the audit chain.

        Args:
            content: its text, or all of it, as for `stage_pattern`.
            pattern_type: as for `stage_pattern`.
            metadata: kept with it, as its context.

        Returns:
            The pattern with its ``id``, ``agent_id`` and ``persisted_at``.

        Raises:
            AccessDenied: this agent is no validator.
            UsageError: it is no pattern.
        """
        given: Mapping[str, object] = {"content": content} if isinstance(content, str) else content
        if metadata is not None and isinstance(given, Mapping):
            given = {**given, "context": metadata}
        pattern = pattern_of(given, pattern_type)
        now_ms = self.store.backend.time_ms()
        pattern |= {"id": new_id(now_ms), "agent_id": self.agent, "persisted_at": utc_text(now_ms)}
        key = str(pattern["id"])

        def decide(standing: Standing, _: Mapping[str, Seen]) -> tuple[Deed, Sequence[Entry]]:
            standing.require(AccessTier.VALIDATOR, "persist patterns")
            entry = Entry(self._in_shared(PATTERN, key), as_stored(pattern))
            return Deed("persist", key, described(pattern)), (entry,)

        self._perform((), decide)
        return pattern

    def recall_pattern(self, pattern_id: str) -> dict[str, object] | None:
        """A lasting pattern, from the local tier where it is known; None when there is none of that id."""
        key = names.checked(pattern_id, "pattern id", self.store.limits.max_key_bytes)
        value = self.store.get(self._in_shared(PATTERN, key))
        return None if value is MISSING else stored_pattern(value)

    def search_patterns(
        self, query: str | None = None, pattern_type: str | None = None, limit: int = 10
    ) -> list[dict[str, object]]:
        """Lasting patterns in which words of *query* occur, best first; O(patterns).

        Args:
            query: words, in any case; None: all patterns, the surest first.
            pattern_type: only those of this type.
            limit: how many at most.

        Raises:
            UsageError: one of them is of another type.
        """
        for what, text in (("query", query), ("pattern_type", pattern_type)):
            if text is not None and not isinstance(text, str):
                raise UsageError(f"the {what} must be text", hint="leave it away to find all")
        if type(limit) is not int or limit < 1:
            raise UsageError(
                f"limit must be a whole number from 1 up, got {told(limit)}", hint="ask for some"
            )
        words = frozenset(_WORD.findall(query.casefold())) if query is not None else frozenset()
        found = [entry.name for entry in self.store.backend.listing(self._in_shared(PATTERN))]
        patterns = [stored_pattern(value) for value in self.store.get_many(found) if value is not MISSING]
        ranked = [
            (_score(pattern, words), pattern["confidence"], pattern)
            for pattern in patterns
            if pattern_type in {None, pattern.get("pattern_type")}
        ]
        ranked.sort(key=lambda each: each[:2], reverse=True)
        return [pattern for score, _, pattern in ranked if score or query is None][:limit]


def _score(pattern: Mapping[str, object], words: frozenset[str]) -> float:
    """The weights of the fields in which each of *words* occurs, added up."""
    return sum(
        weight * len(words.intersection(_WORD.findall(str(pattern.get(field) or "").casefold())))
        for field, weight in _WEIGHTS
    )
