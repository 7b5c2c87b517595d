"""Lasting patterns: in the shared space, for good, read by all; found through the pattern library.

Promoted ones come from `staging`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from quarterdeck.errors import UsageError
from quarterdeck.memory import names
from quarterdeck.memory.access import AccessTier
from quarterdeck.memory.chain import Deed, utc_text
from quarterdeck.memory.learning import Learner, kept_patterns
from quarterdeck.memory.pattern import PATTERN, as_stored, described, new_id, pattern_of, stored_pattern
from quarterdeck.memory.seat import told
from quarterdeck.memory.store import MISSING, Entry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quarterdeck.memory.access import Standing
    from quarterdeck.memory.store import Seen
    from quarterdeck.patterns import Pattern

_MOST = 10_000


class Patterns(Learner):
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
            StateError: the pattern is kept, but the library cannot be written now; it is not lost.
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
        self._learn(key)
        return pattern

    def recall_pattern(self, pattern_id: str) -> dict[str, object] | None:
        """A lasting pattern, from the local tier where it is known; None when there is none of that id.

        One that the memory does not have may be in the library: contributed there, it was never staged.
        """
        key = names.checked(pattern_id, "pattern id", self.store.limits.max_key_bytes)
        value = self.store.get(self._in_shared(PATTERN, key))
        if value is not MISSING:
            return stored_pattern(value)
        try:
            pattern = self.store.library.get_pattern(key)
        except UsageError:  # what cannot be an id there
            return None
        return None if pattern is None else _as_dict(pattern)

    def search_patterns(
        self, query: str | None = None, pattern_type: str | None = None, limit: int = 10
    ) -> list[dict[str, object]]:
        """Lasting patterns that fit *query*, best first; see `quarterdeck.patterns.PatternLibrary.search`.

        Args:
            query: natural words; None: as if there were none to look for: what will most probably work first.
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
        if query is not None and not query.strip():
            return []
        library = self._follow()
        matches = library.search(query or "", type=pattern_type, limit=min(limit, _MOST))
        kept = kept_patterns(self.store, [self._in_shared(PATTERN, match.pattern.id) for match in matches])
        return [each or _as_dict(match.pattern) for match, each in zip(matches, kept, strict=True)]


def _as_dict(pattern: Pattern) -> dict[str, object]:
    """A pattern of the library as the memory gives patterns."""
    import msgspec

    return dict(msgspec.to_builtins(pattern))
