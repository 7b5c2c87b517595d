"""One working tree, kept true: nothing is answered before its signatures were compared with the disk.

verify() ── differences? ── none ──────────────────────> State          (the warm path: lstat only)
                │ some
                ▼
           rescan.look_again ── committed, or another process was quicker: then compare again
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from quarterdeck import caches, sqlite
from quarterdeck.errors import StateError, StoreBusy
from quarterdeck.index.facts.facts import EXTRACTOR_VERSION
from quarterdeck.index.facts.grammars import grammars
from quarterdeck.index.model import State, moment
from quarterdeck.index.refresh.validate import Base, Differences, differences
from quarterdeck.index.store.stores import Scan, Stores

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quarterdeck.index.settings import IndexConfig, Progress
    from quarterdeck.workspace import Workspace

DERIVATION_VERSION = 4
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
            revision = self.stores.annotations.revision()  # no other store could stand in for this one
            try:
                state = self._attempt(str(revision))
            except StateError as error:
                if self.stores.tree.in_memory or isinstance(error, StoreBusy):
                    raise
                self.stores.give_up_tree(error)
                continue
            if state is not None:
                return state
        raise _busy()

    @contextlib.contextmanager
    def reading(self) -> Iterator[State]:
        """A block whose reads all see one state, which is verified on entry.

        Raises:
            StoreBusy, StateError: as `verify`.
        """
        for _ in range(_ATTEMPTS):
            state = self.verify()
            tree = self.stores.tree
            with sqlite.snapshot(tree.connection):
                # Since the check another process may have moved it on; it may also have cleared it.
                if tree.meta().get("made_with") == self._made_with():
                    yield state._replace(id=tree.stamp().id)
                    return
        raise _busy()

    def _attempt(self, notes_revision: str) -> State | None:
        base, files = self._base(notes_revision)
        if not _holds(base):
            with self.stores.tree.turn() as had_to_wait:
                if had_to_wait:  # what the other process did may be all there was to do
                    base, files = self._base(notes_revision)
                if not _holds(base):
                    self._misses += 1
                    from quarterdeck.index.refresh.rescan import look_again

                    return look_again(self.scan, base)
        self._hits += 1
        return State(base.stamp.id, moment(time.time_ns()), files, 0)

    def _base(self, notes_revision: str) -> tuple[Base, int]:
        """What the stored rows are, how the disk differs, and how many files they describe."""
        tree = self.stores.tree
        made_with = self._made_with()
        with sqlite.snapshot(tree.connection):
            stamp = tree.stamp()
            meta = tree.meta()
            known_grammars = meta.get("grammars", "")
            usable = bool(stamp.seq) and meta.get("made_with") == made_with
            if usable and known_grammars:  # installing or removing one changes what can be said
                usable = grammars(part[:-1] for part in known_grammars.split()) == known_grammars
            found = differences(self.scan.root, tree) if usable else Differences((), True)
        noted = meta.get("notes_revision") != notes_revision
        return Base(stamp, made_with, usable, found, noted), int(meta.get("files", 0))

    def _made_with(self) -> str:
        """Everything besides the tree that derived rows depend on."""
        config = self.scan.config._replace(workers=0)  # how many read it does not matter
        return f"{EXTRACTOR_VERSION} {DERIVATION_VERSION} {config!r} {self.scan.root!r}"

    def _stats(self) -> caches.CacheStats:
        return caches.CacheStats("index.tree", hits=self._hits, misses=self._misses)


def _busy() -> StoreBusy:
    return StoreBusy(
        "other processes keep changing the index of this project",
        hint="let them finish, then run the command again",
    )


def _holds(base: Base) -> bool:
    """Whether the stored rows are true as they are."""
    return base.usable and not base.differences and not base.noted
