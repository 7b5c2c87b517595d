"""The index of one project, as a program asks it.

    with ProjectIndex(".") as index:
        index.get_dependents("src/app/models.py")
        index.state.id                       # what that answer was checked against

Every query first compares all signatures with the disk (a few milliseconds per thousand files) and
reads again what has changed, so no answer is older than the call. Several queries that must agree
with each other go inside one ``with index.frozen():`` block, which checks once.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Self

from quarterdeck.errors import NothingToRead, NotIndexed, UsageError
from quarterdeck.index.graph.reach import ImportGraph
from quarterdeck.index.graph.resolve import Edge
from quarterdeck.index.model import FileCategory, FileRecord, ProjectSummary, State
from quarterdeck.index.refresh.working_tree import WorkingTree
from quarterdeck.index.settings import IndexConfig, Progress, load_config
from quarterdeck.index.store.annotations import Coverage
from quarterdeck.index.store.tree_store import to_db
from quarterdeck.workspace import open_workspace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from quarterdeck.index.changes.since import Changes, Snapshot
    from quarterdeck.index.facts.packed import Outline
    from quarterdeck.index.graph.covers import Link


class ProjectIndex:
    """What is in a code base, what depends on what, which tests cover it, what needs attention.

    One object per thread. Any number of processes may index the same project at once.

    Attributes:
        config: the settings in force.
        root: absolute path of the project.
    """

    def __init__(
        self,
        project_root: str = ".",
        config: IndexConfig | None = None,
        *,
        use_cache: bool = True,
        progress: Progress | None = None,
    ) -> None:
        """Open the index of *project_root*; nothing is read before the first query.

        Args:
            project_root: the project's top folder.
            config: settings; None to load them as `quarterdeck.config` does.
            use_cache: False to read every file anew and keep nothing.
            progress: told (files done, files to do) while files are read.

        Raises:
            NothingToRead: *project_root* is not a folder.
            ConfigError: the project's settings are wrong.
        """
        workspace = open_workspace(project_root)
        self.root = workspace.root
        self.config = config or load_config(workspace.root)
        self._tree = WorkingTree(workspace, self.config, keep=use_cache, progress=progress)
        self._state: State | None = None
        self._frozen = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give all files back; the object cannot be used afterwards."""
        self._tree.close()

    @property
    def state(self) -> State:
        """What the last answer was checked against; checks now if nothing was asked yet."""
        return self._state or self.refresh()

    @property
    def revision(self) -> str:
        """Another one whenever a record can have changed: content, times, notes, settings or our own version.

        Two equal ones mean equal answers; ask inside `frozen`. One pass over the signatures.
        """
        tree = self._tree.stores.tree
        meta = tree.meta()
        # Milliseconds: a sum of nanoseconds would not fit into 64 bits.
        files, times_ms = tree.connection.execute(
            "SELECT count(*), sum(mtime_ns / 1000000) FROM entry"
        ).fetchone()
        parts = (tree.stamp().id, files, times_ms, meta.get("notes_revision"), meta.get("made_with"))
        return " ".join(map(str, parts))

    @property
    def problems(self) -> tuple[str, ...]:
        """Why something could not be kept, one sentence each; answers are right all the same."""
        return tuple(self._tree.stores.problems)

    def refresh(self) -> State:
        """Make the index match the disk; every query does it by itself."""
        self._state = self._tree.verify()
        return self._state

    @contextlib.contextmanager
    def frozen(self) -> Iterator[State]:
        """All queries inside answer from one state, checked once on entry."""
        if self._frozen:
            yield self.state
            return
        with self._reading():
            self._frozen = True
            try:
                yield self.state
            finally:
                self._frozen = False

    # one file ------------------------------------------------------------------------------------

    def get_file(self, path: str) -> FileRecord | None:
        """The record of *path* (relative to the root); None when it is not part of the index."""
        with self._reading():
            found = self._tree.stores.tree.records("WHERE path = ?", (to_db(path),))
        return found[0] if found else None

    def require_file(self, path: str) -> FileRecord:
        """The record of *path*.

        Raises:
            NotIndexed: it is not part of the index.
        """
        record = self.get_file(path)
        if record is None:
            raise self._not_indexed(path)
        return record

    def _not_indexed(self, path: str) -> NotIndexed:
        return NotIndexed(
            f"{path!r} is not part of the index of {self.root}",
            hint="give the path relative to the project; ignored and missing files are not indexed",
        )

    def get_outline(self, path: str) -> Outline:
        """Functions and classes of *path*, in source order.

        Raises:
            NotIndexed: it is not part of the index.
        """
        with self.frozen():
            return self.get_outlines([self.require_file(path)])[path]

    def get_outlines(self, records: Iterable[FileRecord]) -> dict[str, Outline]:
        """Functions and classes of every one of *records*, by path."""
        from quarterdeck.index.refresh.outlines import outlines_of

        with self.frozen():
            return outlines_of(self._tree.scan, records)

    # many files ----------------------------------------------------------------------------------

    def get_all_files(self) -> list[FileRecord]:
        """Every record, by path."""
        return self._records("")

    def get_files_by_category(self, category: FileCategory | str) -> list[FileRecord]:
        """Records of one category, by path.

        Raises:
            UsageError: there is no such category.
        """
        try:
            wanted = FileCategory(category)
        except ValueError:
            raise UsageError(
                f"there is no category {category!r}", hint=f"one of {', '.join(FileCategory)}"
            ) from None
        return self._records("WHERE category = ?", wanted.value)

    def get_files_by_language(self, language: str) -> list[FileRecord]:
        """Records of one language, by path."""
        return self._records("WHERE language = ?", language)

    def expand(self, paths: Iterable[str]) -> set[str]:
        """Every indexed file that *paths* name: files, and folders with all that is below them.

        Raises:
            NotIndexed: one of them names nothing in the index.
        """
        with self._reading():
            known = self._tree.stores.tree.paths()
        found: set[str] = set()
        for path in paths:
            folder = "" if path in ("", ".") else f"{path.rstrip('/')}/"
            named = {each for each in known if each == path or each.startswith(folder)}
            if not named:
                raise self._not_indexed(path)
            found |= named
        return found

    def search_files(self, pattern: str) -> list[FileRecord]:
        """Records whose path matches the glob *pattern* (``*`` crosses ``/``), or contains it as it is."""
        import fnmatch

        if any(mark in pattern for mark in "*?["):
            return [record for record in self._records("") if fnmatch.fnmatchcase(record.path, pattern)]
        return [record for record in self._records("") if pattern in record.path]

    def get_files_needing_tests(self) -> list[FileRecord]:
        """Files that ought to have tests and have none, highest impact first."""
        return self._records(
            "WHERE test_requirement = 'required' AND NOT tests_exist ORDER BY impact_score DESC, path"
        )

    def get_stale_files(self) -> list[FileRecord]:
        """Files much newer than their tests, stalest first."""
        return self._records("WHERE is_stale ORDER BY staleness_days DESC, path")

    def get_files_needing_attention(self) -> list[FileRecord]:
        """Files with at least one reason to look at them, heaviest first."""
        return self._records("WHERE needs_attention ORDER BY attention_weight DESC, path")

    def get_high_impact_files(self) -> list[FileRecord]:
        """Files whose impact score reaches the configured threshold, highest first."""
        return self._records(
            "WHERE impact_score >= ? ORDER BY impact_score DESC, path", self.config.high_impact_threshold
        )

    def get_summary(self) -> ProjectSummary:
        """The project in numbers."""
        with self._reading():
            return self._tree.stores.tree.summary()

    # the graph -----------------------------------------------------------------------------------

    def get_dependents(self, path: str) -> list[FileRecord]:
        """Files that import *path* directly, by path.

        Raises:
            NotIndexed: *path* is not part of the index.
        """
        with self.frozen():
            self.require_file(path)
            return self._records("WHERE path IN (SELECT source FROM edge WHERE target = ?)", to_db(path))

    def get_dependencies(self, path: str) -> list[FileRecord]:
        """Project files that *path* imports directly, by path.

        Raises:
            NotIndexed: *path* is not part of the index.
        """
        with self.frozen():
            self.require_file(path)
            return self._records("WHERE path IN (SELECT target FROM edge WHERE source = ?)", to_db(path))

    def get_edges(self) -> list[Edge]:
        """Every import edge, with kind and line."""
        with self._reading():
            return [Edge(*row) for row in self._tree.stores.tree.edges()]

    def get_definitions(self) -> list[tuple[str, str]]:
        """(importing file, file that defines something it imports), behind any chain of re-exports."""
        with self._reading():
            return self._tree.stores.tree.definitions()

    def get_graph(self) -> ImportGraph:
        """All files and edges, for questions about distance, reach and cycles."""
        return ImportGraph((), self.get_edges())

    # tests ---------------------------------------------------------------------------------------

    def get_test_links(self, path: str | None = None) -> list[Link]:
        """Which test files cover which files directly, and how we know; of one file or of all."""
        with self._reading():
            return [link for link in self._tree.stores.tree.links() if path is None or link.path == path]

    def what_changed(self, paths: Iterable[str], revision: str | None = None) -> list[str]:
        """Every file that *paths* name (a folder means all below it), and what differs from *revision*.

        Raises:
            NotIndexed: a path names nothing in the index, and nothing that an indexed file still imports.
            UsageError: git knows no such revision, or there is no git.
        """
        from quarterdeck.index.changes.affected import changed_files

        with self.frozen():
            return changed_files(self._tree.scan, self.expand, paths, revision)

    def get_tests_for(self, paths: Iterable[str]) -> list[Link]:
        """The test files to run when *paths* have changed, each once, most confident first.

        A path that is not there counts as deleted: the tests of what still imports it are named. An
        empty list means "none".
        """
        from quarterdeck.index.changes.affected import affected_tests

        with self.frozen():
            return affected_tests(self._tree.scan, paths)

    # states --------------------------------------------------------------------------------------

    def get_changes(self, since: str) -> Changes:
        """What has changed since a snapshot, a state (its id or the start of it) or ``git:REVISION``.

        Raises:
            UnknownSnapshot: nothing recorded has that name.
            UsageError: the start of an id fits several states, or git knows no such revision.
        """
        from quarterdeck.index.changes.since import changes_since

        with self.frozen():
            return changes_since(self._tree.scan, since)

    def name_snapshot(self, name: str) -> State:
        """Let *name* stand for the present state; a name that is in use changes its meaning.

        Raises:
            UsageError: a snapshot cannot have that name.
        """
        from quarterdeck.index.changes.since import check_name

        with self.frozen() as state:
            self._tree.stores.annotations.name_snapshot(check_name(name), state.id)
        return state

    def get_snapshots(self) -> list[Snapshot]:
        """Every named state, by name."""
        from quarterdeck.index.changes.since import Snapshot

        with self.frozen():
            kept = self._tree.stores.tree
            named = self._tree.stores.annotations.snapshots()
            return [Snapshot(name, state, bool(kept.states(state))) for name, state in sorted(named.items())]

    # what the user notes -------------------------------------------------------------------------

    def update_file(self, path: str, **metadata: object) -> FileRecord:
        """Attach *metadata* to *path*; a value of None removes its key. No rescan erases it.

        Raises:
            NotIndexed: *path* is not part of the index.
            UsageError: a value is not JSON.
        """
        return self.set_metadata(path, metadata)

    def set_metadata(self, path: str, metadata: Mapping[str, object]) -> FileRecord:
        """As `update_file`, for keys that are no Python names."""
        self.require_file(path)
        self._tree.stores.annotations.set_metadata(path, metadata)
        return self.require_file(path)

    def update_coverage(
        self, coverage_data: Mapping[str, float], proven: Iterable[tuple[str, str]] = ()
    ) -> int:
        """Note line coverage in percent by path; returns how many of the paths are indexed.

        Args:
            coverage_data: path -> 0 to 100; what is not indexed is left out.
            proven: (test file, file whose lines it ran) pairs, as coverage contexts tell them.

        Raises:
            UsageError: a percentage is outside 0 to 100 or not a number.
        """
        with self.frozen():
            hashes = {record.path: record.content_hash for record in self._records("")}
        measured = {}
        for path, percent in coverage_data.items():
            if not 0 <= percent <= 100:
                raise UsageError(
                    f"coverage of {path!r} must be a percentage from 0 to 100, got {percent!r}",
                    hint="hand over percent, not a ratio; `qd coverage` reads coverage.py's own files",
                )
            if path in hashes:
                measured[path] = Coverage(float(percent), hashes[path])
        pairs = [(test, path) for test, path in proven if test in hashes and path in hashes]
        self._tree.stores.annotations.put_coverage(measured, pairs)
        return len(measured)

    # ---------------------------------------------------------------------------------------------

    def _records(self, where: str, *parameters: object) -> list[FileRecord]:
        with self._reading():
            return self._tree.stores.tree.records(where, parameters)

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        """A block whose reads all see one verified state."""
        if self._frozen:
            yield
            return
        with self._tree.reading() as self._state:
            yield


def nothing_in(root: str) -> NothingToRead:
    """The error for a project without a single file."""
    return NothingToRead(
        f"{root} holds no file that counts",
        hint="choose another folder with -C; files that git ignores do not count",
    )
