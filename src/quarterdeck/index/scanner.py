"""The specification's scanner: one call, all records and the summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quarterdeck import caches
from quarterdeck.errors import StateError
from quarterdeck.index.project_index import ProjectIndex
from quarterdeck.index.settings import load_config
from quarterdeck.index.store.stores import forget
from quarterdeck.workspace import open_workspace

if TYPE_CHECKING:
    from quarterdeck.index.model import FileRecord, ProjectSummary, State
    from quarterdeck.index.settings import IndexConfig, Progress


class ProjectScanner:
    """Scans one project; a scan reads only what has changed since the last one, in whatever process.

    Attributes:
        state: what the last scan was checked against; None before the first.
        problems: why something could not be kept, one sentence each.
    """

    def __init__(
        self,
        project_root: str = ".",
        config: IndexConfig | None = None,
        *,
        use_cache: bool = True,
        progress: Progress | None = None,
    ) -> None:
        """Prepare a scan of *project_root*; nothing is read yet.

        Args:
            project_root: the project's top folder.
            config: settings; None to load them as `quarterdeck.config` does.
            use_cache: False to read every file anew and keep nothing.
            progress: told (files done, files to do) while files are read.

        Raises:
            NothingToRead: *project_root* is not a folder.
            ConfigError: the project's settings are wrong.
        """
        self._workspace = open_workspace(project_root)
        self._config = config or load_config(self._workspace.root)
        self._use_cache = use_cache
        self._progress = progress
        self.state: State | None = None
        self.problems: tuple[str, ...] = ()

    def scan(self, analyze_dependencies: bool = True) -> tuple[list[FileRecord], ProjectSummary]:
        """All records, by path, and the summary, as of now.

        Args:
            analyze_dependencies: False leaves imports, dependents and impact empty in the answer. The
                index knows them all the same: they cost nothing when nothing has changed.

        Raises:
            StateError: the user's notes cannot be read, or other processes hold the index.
        """
        root, use_cache = self._workspace.root, self._use_cache
        with ProjectIndex(root, self._config, use_cache=use_cache, progress=self._progress) as index:
            with index.frozen() as self.state:
                records, summary = index.get_all_files(), index.get_summary()
            self.problems = index.problems
        return (records if analyze_dependencies else [_alone(record) for record in records]), summary

    def clear_cache(self) -> None:
        """Forget what is derived of this project and every extracted fact; the next scan is a cold one.

        What the user noted (metadata, coverage) stays.

        Raises:
            StateError: a store cannot be opened or written.
        """
        try:
            forget(self._workspace)
        except OSError as error:
            raise StateError(
                f"the cache cannot be cleared: {error}", hint="check that its folder belongs to you"
            ) from error

    def cache_stats(self) -> list[caches.CacheStats]:
        """Hits, misses, evictions, size and time saved of the index's caches since this process started."""
        return caches.snapshot("index.")


def _alone(record: FileRecord) -> FileRecord:
    return record._replace(
        imports=(), imported_by=(), import_count=0, imported_by_count=0, impact_score=0.0, dependents_count=0
    )
