"""One working tree, kept true: nothing is answered before its signatures were compared with the disk.

verify() ── differences? ── none ──────────────────────> State          (the warm path: lstat only)
                │ some
                ▼
           rescan.look_again ── committed, or another process was quicker: then compare again
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from quarterdeck import caches, sqlite
from quarterdeck.errors import StateError, StoreBusy
from quarterdeck.index.facts import EXTRACTOR_VERSION
from quarterdeck.index.model import State, moment
from quarterdeck.index.stores import Scan, Stores
from quarterdeck.index.validate import Base, Differences, differences

if TYPE_CHECKING:
    from quarterdeck.index.settings import IndexConfig, Progress
    from quarterdeck.workspace import Workspace

DERIVATION_VERSION = 1
"""Raise it whenever records, edges, links or the summary are derived differently."""

_ATTEMPTS = 5


class WorkingTree:
    """The stores of one working tree, and the promise that they match the disk.

    Attributes:
        scan: root, settings and stores, as every stage needs them.
        stores: what is kept.
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
        self.stores = Stores(workspace, keep=keep)
        self.scan = Scan(workspace.root, config, self.stores, progress)
        self._hits = self._misses = 0
        caches.register("index.tree", self._stats)

    def close(self) -> None:
        """Give all files back; the object cannot be used afterwards."""
        self.stores.close()

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
                if self.stores.tree.in_memory or isinstance(error, StoreBusy):
                    raise
                self.stores.forget_disk(error)
                continue
            if state is not None:
                return state
        raise StoreBusy(
            "other processes keep changing the index of this project",
            hint="let them finish, then run the command again",
        )

    def _attempt(self) -> State | None:
        base, files = self._base()
        if base.usable and not base.differences and not base.noted:
            self._hits += 1
            return State(base.stamp.id, moment(time.time_ns()), files, 0)
        self._misses += 1
        from quarterdeck.index.rescan import look_again

        return look_again(self.scan, base)

    def _base(self) -> tuple[Base, int]:
        """What the stored rows are, how the disk differs, and how many files they describe."""
        tree = self.stores.tree
        config = self.scan.config._replace(workers=0)  # how many read it does not matter
        made_with = f"{EXTRACTOR_VERSION} {DERIVATION_VERSION} {config!r} {self.scan.root!r}"
        revision = str(self.stores.annotations.revision())
        with sqlite.snapshot(tree.connection):
            stamp = tree.stamp()
            meta = tree.meta()
            usable = bool(stamp.seq) and meta.get("made_with") == made_with
            found = differences(self.scan.root, tree) if usable else Differences((), True)
        noted = meta.get("notes_revision") != revision
        return Base(stamp, made_with, usable, found, noted), int(meta.get("files", 0))

    def _stats(self) -> caches.CacheStats:
        return caches.CacheStats("index.tree", hits=self._hits, misses=self._misses)
