"""The published library: what agents have learned, found by all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quarterdeck.patterns.asking import Asking
from quarterdeck.patterns.reading import Reading
from quarterdeck.patterns.writing import Writing

if TYPE_CHECKING:
    from collections.abc import Callable


class PatternLibrary(Asking, Writing, Reading):
    """What agents have learned, in one file; may be shared by threads and processes, and across forks.

        library = PatternLibrary()
        library.contribute_pattern("reviewer", Pattern(id="sqlite-busy", agent_id="reviewer", …))
        for match in library.query_patterns("fixer", {"task": "sqlite database is locked"}):
            print(match.pattern.name, match.relevance_score, match.matching_factors)
        library.record_pattern_outcome("sqlite-busy", success=True)

    Whatever is written is found at once, by every process. How to open one: see `Shelf`.
    """

    def reindex(self, progress: Callable[[int, int], None] = lambda done, total: None) -> None:
        """Make what is derived from the file anew; needed only to have it done now, with *progress* of it.

        Args:
            progress: called with how many patterns are done, and of how many.
        """
        self.index.rebuild(progress)  # others go on to search
        if self.meaning:
            self.meaning.sync(progress)
        with self._at_work:
            self._answers.forget()

    def reset(self) -> int:
        """Remove everything for good, also from what is derived from the file; how many patterns that were.

        Raises:
            StateError: somebody reads the file all the time, so that old text could not be wiped out of its
                log; the patterns are gone all the same.
        """
        try:
            return self.truth.reset()
        finally:
            self.reindex()
