"""An opened library: its file, what is derived from it, its settings. The rooms of the API stand on it."""

from __future__ import annotations

import random
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from quarterdeck import forks
from quarterdeck.errors import StateError, UsageError
from quarterdeck.patterns.answers import Answers
from quarterdeck.patterns.opening import checked, configured, index_folder, library_file
from quarterdeck.patterns.ranking import Ranking, document_of, until_s
from quarterdeck.patterns.search.index import SearchIndex
from quarterdeck.patterns.settings import PatternSettings
from quarterdeck.patterns.truth import Truth
from quarterdeck.sqlite import IN_MEMORY

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from quarterdeck.patterns.meaning import Meaning

_DAY_S = 86_400.0


class Shelf:
    """What all rooms of a library share; nothing is opened or made before its first use.

    Attributes:
        path: the file; ``:memory:`` for a library that lives as long as this object.
        settings: those it was opened with.
        lock: for `forks.guard`; nothing is done while it is held.
        truth: the file's content.
        index: the search by words.
        meaning: the search by meaning; None: not wanted.
        problem: why the last answer is by words alone, though by meaning was wanted; None: it is not.
    """

    def __init__(
        self,
        path: str | None = None,
        *,
        namespace: str | None = None,
        root: str = ".",
        settings: PatternSettings | None = None,
        clock: Callable[[], float] = time.time,
        draws: random.Random | None = None,
    ) -> None:
        """Take the library at *path*; None: the one of the project we are in.

        Args:
            path: a file, which is made when it is not there, or ``:memory:``.
            namespace: which library of the project; not together with *path*.
            root: where the project is looked for.
            settings: instead of those of the project; one in ``:memory:`` is no project's and asks for none.
            clock: seconds of the epoch.
            draws: where exploration takes its chances from.

        Raises:
            ConfigError: a setting is wrong.
            MissingExtra: the settings want the search by meaning, which is not installed.
            StateError: there is no place for the file.
            UsageError: *namespace* cannot be one, or is given together with *path*.
        """
        if path == "":
            raise UsageError("the path of the library is empty", hint="leave it away for that of the project")
        if path is not None and namespace is not None:
            raise UsageError(
                "both a path and a namespace are given",
                hint="a namespace is a library of the project: give one",
            )
        if settings is None:
            settings = PatternSettings() if path == IN_MEMORY else configured(root)
        if path is not None:
            settings = settings._replace(path=path)
        if namespace is not None:
            settings = settings._replace(path="", namespace=namespace)
        self.settings = checked(settings)
        self.path = library_file(self.settings, root)
        self.lock = threading.RLock()
        self._at_work = threading.RLock()
        self._clock = clock
        self._draws = draws or random.Random()  # noqa: S311  nothing secret is drawn
        self._folder = index_folder(self.path)
        self._half_life_s = self.settings.half_life_days * _DAY_S
        self.truth = Truth(self.path, clock=clock, half_life_s=self._half_life_s)
        self.index = SearchIndex(self.truth, self._folder, document_of)
        self.meaning: Meaning | None = None
        self.problem: StateError | None = None
        if self.settings.semantic:
            from quarterdeck.patterns.meaning import Meaning

            self.meaning = Meaning(self.truth, self._folder, until_s)
        self._answers = Answers(self.truth.stamp, clock)
        self._ranking = Ranking(self.truth, self.index, self._half_life_s, self.meaning)
        forks.guard(self, Shelf._in_child)

    def close(self) -> None:
        """Give back files and threads; the next use opens them anew. A library in memory is gone."""
        with self._at_work:
            if self.meaning:
                self.meaning.close()
            self.index.close()
            self.truth.close()
            self._answers.forget()  # one in memory is another one now, but its stamp is the same

    def __enter__(self) -> Self:
        """The library itself; it is closed at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def _in_child(self) -> None:
        """Another thread may have been in the middle of anything."""
        self._at_work = threading.RLock()
        self._answers.forget()

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)
