"""A library that tells how far an export or an import has come."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from quarterdeck.patterns import Pattern, PatternLibrary


class Watched:
    """The part of a library that exports and imports use."""

    def __init__(self, library: PatternLibrary, step: Callable[[int, int], None], total: int) -> None:
        """Calls *step* with how many patterns are done, and *total*, which may be more than there are."""
        self._library = library
        self._step = step
        self._total = total
        self._met = 0
        self.get_links = library.get_links
        self.contribute_many = library.contribute_many
        self.update_pattern = library.update_pattern
        self.link_patterns = library.link_patterns

    def patterns(self) -> Iterator[Pattern]:
        """Every pattern; each counts when the next one is asked for."""
        for done, pattern in enumerate(self._library.patterns(), 1):
            yield pattern
            self._step(done, self._total)

    def get_pattern(self, pattern_id: str) -> Pattern | None:
        """A pattern; an import asks for each that it reads."""
        self._met += 1
        self._step(min(self._met, self._total - 1), self._total)
        return self._library.get_pattern(pattern_id)

    def end(self) -> None:
        """There will be no more."""
        self._step(self._total, self._total)
