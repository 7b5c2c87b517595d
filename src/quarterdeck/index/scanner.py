"""The specification's scanner: one call, all records and the summary."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from quarterdeck import caches, config
from quarterdeck.errors import StateError
from quarterdeck.index.facts.fact_store import FILE as FACTS_FILE
from quarterdeck.index.facts.fact_store import FactStore
from quarterdeck.index.refresh.working_tree import WorkingTree
from quarterdeck.index.settings import IndexConfig, Progress
from quarterdeck.index.store.tree_store import FILE as TREE_FILE
from quarterdeck.index.store.tree_store import TreeStore
from quarterdeck.workspace import open_workspace

if TYPE_CHECKING:
    from quarterdeck.index.model import FileRecord, ProjectSummary, State


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
        self._config = config or _load_config(self._workspace.root)
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
        tree = WorkingTree(self._workspace, self._config, keep=self._use_cache, progress=self._progress)
        try:
            with tree.reading() as self.state:
                records, summary = tree.stores.tree.records(), tree.stores.tree.summary()
            self.problems = tuple(tree.stores.problems)
        finally:
            tree.close()
        return (records if analyze_dependencies else [_alone(record) for record in records]), summary

    def clear_cache(self) -> None:
        """Forget what is derived of this project and every extracted fact; the next scan is a cold one.

        What the user noted (metadata, coverage) stays.

        Raises:
            StateError: a store cannot be opened or written.
        """
        try:
            with contextlib.closing(TreeStore(self._workspace.state_file(TREE_FILE))) as tree:
                tree.forget()
            with contextlib.closing(FactStore(self._workspace.cache_file(FACTS_FILE))) as facts:
                facts.clear()
        except OSError as error:
            raise StateError(
                f"the cache cannot be cleared: {error}", hint="check that its folder belongs to you"
            ) from error

    def cache_stats(self) -> list[caches.CacheStats]:
        """Hits, misses, evictions, size and time saved of the index's caches since this process started."""
        return [stats for stats in caches.snapshot() if stats.name.startswith("index.")]


def _load_config(root: str) -> IndexConfig:
    return config.load(IndexConfig, "index", root).values


def _alone(record: FileRecord) -> FileRecord:
    return record._replace(
        imports=(), imported_by=(), import_count=0, imported_by_count=0, impact_score=0.0, dependents_count=0
    )
