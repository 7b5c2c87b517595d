"""One working tree, kept true: nothing is answered before its signatures were compared with the disk.

    verify() ── differences? ── none ──────────────────────> State          (the warm path: lstat only)
                    │ some
                    ▼
               rescan.look_again -> Update ── commit, unless another process was quicker; then verify anew

When a store cannot be written to (a full disk, a read-only home) the same work happens in memory
and `problems` says so: an answer that is not kept is still right.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck import caches, sqlite
from quarterdeck.errors import StateError, StoreBusy
from quarterdeck.index.annotations import FILE as ANNOTATIONS_FILE
from quarterdeck.index.annotations import Annotations
from quarterdeck.index.fact_store import FILE as FACTS_FILE
from quarterdeck.index.fact_store import FactStore, NewFact
from quarterdeck.index.facts import EXTRACTOR_VERSION
from quarterdeck.index.model import State, moment
from quarterdeck.index.tree_store import FILE as TREE_FILE
from quarterdeck.index.tree_store import Stamp, TreeStore
from quarterdeck.index.validate import Differences, differences

if TYPE_CHECKING:
    from quarterdeck.index.settings import IndexConfig
    from quarterdeck.workspace import Workspace

DERIVATION_VERSION = 1
"""Raise it whenever records, edges, links or the summary are derived differently."""

_ATTEMPTS = 5

Progress = Callable[[int, int], None]
"""Told (files done, files to do) while files are read."""


class Base(NamedTuple):
    """What an update starts from.

    Attributes:
        stamp: the stored state; an update is valid only on top of it.
        usable: the stored rows were made by this version with these settings.
        differences: of the disk against the stored rows.
        noted: the revision of the user's notes has changed.
    """

    stamp: Stamp
    usable: bool
    differences: Differences
    noted: bool


class WorkingTree:
    """The stores of one working tree, and the promise that they match the disk.

    Attributes:
        workspace: where everything lives.
        config: settings.
        store: signatures and derived rows.
        facts: what is known by content.
        annotations: what the user noted.
        problems: why something is not kept, one sentence each.
    """

    def __init__(
        self,
        workspace: Workspace,
        config: IndexConfig,
        *,
        keep: bool = True,
        progress: Progress | None = None,
    ) -> None:
        """Open the stores of *workspace*.

        Args:
            workspace: root and folders.
            config: settings.
            keep: False to read everything anew, in memory, and to leave what is on disk alone.
            progress: told how far a scan has come.
        """
        self.workspace = workspace
        self.config = config
        self.keep = keep
        self.progress = progress
        self.problems: list[str] = []
        self.store = self._open_store()
        self._facts: FactStore | None = None
        self.annotations = Annotations(self._annotations_path())
        self._hits = self._misses = 0
        caches.register("index.tree", self._stats)

    @property
    def facts(self) -> FactStore:
        """The fact store, opened when it is first needed: a warm query needs none."""
        if self._facts is None:
            self._facts = self._open_facts()
        return self._facts

    def close(self) -> None:
        """Give all files back; the object cannot be used afterwards."""
        self.store.close()
        if self._facts is not None:
            self._facts.close()

    def verify(self) -> State:
        """Make the stored rows match the disk, and say which state they describe.

        Costs one lstat per file when nothing has changed; otherwise the changed files are read.

        Raises:
            StoreBusy: other processes keep changing the store.
            StateError: the user's notes cannot be read.
        """
        for _ in range(_ATTEMPTS):
            try:
                state = self._attempt()
            except StateError as error:
                if self.store.in_memory or isinstance(error, StoreBusy):
                    raise
                self._fall_back(error)
                continue
            if state is not None:
                return state
        raise StoreBusy(
            "other processes keep changing the index of this project",
            hint="let them finish, then run the command again",
        )

    def keep_facts(self, new: list[NewFact], used: Iterable[tuple[str, str]] = ()) -> None:
        """Keep *new* facts and note that the (hash, language) pairs *used* were needed.

        When that fails the facts live in memory for the rest of this object's life.
        """
        try:
            self.facts.put_many(new)
            self.facts.touch(used)
        except StateError as error:
            if not self.facts.on_disk:
                raise
            self._problem("extracted facts are not kept", error)
            self.facts.close()
            self._facts = FactStore(sqlite.IN_MEMORY)
            self._facts.put_many(new)

    def _attempt(self) -> State | None:
        base, meta = self._base()
        if base.usable and not base.differences and not base.noted:
            self._hits += 1
            return State(base.stamp.id, moment(time.time_ns()), int(meta["files"]), 0)
        self._misses += 1
        from quarterdeck.index.rescan import look_again

        return look_again(self, base)

    def _base(self) -> tuple[Base, dict[str, str]]:
        revision = str(self.annotations.revision())
        with sqlite.snapshot(self.store.connection):
            stamp = self.store.stamp()
            meta = self.store.meta()
            usable = bool(stamp.seq) and meta.get("made_with") == self.made_with
            found = differences(self.workspace.root, self.store) if usable else Differences((), True)
        return Base(stamp, usable, found, meta.get("notes_revision") != revision), meta

    @property
    def made_with(self) -> str:
        """Everything besides the tree that the derived rows depend on."""
        return f"{EXTRACTOR_VERSION} {DERIVATION_VERSION} {self.config!r} {self.workspace.root!r}"

    def _open_store(self) -> TreeStore:
        if not self.keep:
            return TreeStore(sqlite.IN_MEMORY)
        try:
            return TreeStore(self.workspace.state_file(TREE_FILE))
        except (StateError, OSError) as error:
            self._problem("the index is not kept", error)
            return TreeStore(sqlite.IN_MEMORY)

    def _open_facts(self) -> FactStore:
        if not self.keep:
            return FactStore(sqlite.IN_MEMORY)
        try:
            return FactStore(self.workspace.cache_file(FACTS_FILE))
        except (StateError, OSError) as error:
            self._problem("extracted facts are not kept", error)
            return FactStore(sqlite.IN_MEMORY)

    def _annotations_path(self) -> str:
        try:
            return self.workspace.state_file(ANNOTATIONS_FILE)
        except OSError as error:
            self._problem("notes cannot be kept", error)
            return ""

    def _fall_back(self, error: StateError) -> None:
        """Go on in memory: the store on disk failed in the middle."""
        self._problem("the index is not kept", error)
        self.store.close()
        self.store = TreeStore(sqlite.IN_MEMORY)

    def _problem(self, what: str, error: Exception) -> None:
        reason = error.message if isinstance(error, StateError) else str(error)
        self.problems.append(f"{what}: {reason}")

    def _stats(self) -> caches.CacheStats:
        return caches.CacheStats("index.tree", hits=self._hits, misses=self._misses)
