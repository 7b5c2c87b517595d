"""Everything one working tree keeps, opened so that a place that cannot be written to stops nothing.

When a store cannot be opened or written (a full disk, a read-only home), the same work happens in
memory and `Stores.problems` says so: an answer that is not kept is still right.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck import sqlite
from quarterdeck.errors import StateError, StoreCorrupt
from quarterdeck.index.facts.fact_store import FILE as FACTS_FILE
from quarterdeck.index.facts.fact_store import FactStore, NewFact
from quarterdeck.index.store.annotations import FILE as ANNOTATIONS_FILE
from quarterdeck.index.store.annotations import Annotations
from quarterdeck.index.store.tree_store import FILE as TREE_FILE
from quarterdeck.index.store.tree_store import TreeStore

if TYPE_CHECKING:
    from collections.abc import Iterable

    from quarterdeck.index.settings import IndexConfig, Progress
    from quarterdeck.workspace import Workspace


class Stores:
    """The three stores of one working tree.

    Attributes:
        tree: signatures and derived rows.
        annotations: what the user noted.
        problems: why something is not kept, one sentence each.
    """

    def __init__(self, workspace: Workspace, *, keep: bool = True) -> None:
        """Open the stores of *workspace*.

        Args:
            workspace: root and folders.
            keep: False to hold everything in memory and leave what is on disk alone, but for the notes.
        """
        self._workspace = workspace
        self._keep = keep
        self.problems: list[str] = []
        self._has_remade_tree = False
        self.tree = self._open_tree()
        self._facts: FactStore | None = None
        self.annotations = Annotations(self._annotations_path())

    @property
    def facts(self) -> FactStore:
        """What is known by content; opened when it is first needed: a warm query needs none."""
        if self._facts is None:
            self._facts = self._open_facts()
        return self._facts

    def close(self) -> None:
        """Give all files back; the object cannot be used afterwards."""
        self.tree.close()
        if self._facts is not None:
            self._facts.close()

    def keep_facts(self, new: list[NewFact], used: Iterable[tuple[str, str]] = ()) -> None:
        """Keep *new* facts and note that the (hash, language) pairs *used* were needed.

        A damaged store is made anew first. When a store cannot be written the facts live in memory
        for the rest of this object's life.
        """
        if self.facts.damaged:
            self._remake_facts()
        try:
            self._put_facts(new, used)
        except StateError as error:
            if not self.facts.path:
                raise
            self._problem("extracted facts are not kept", error)
            self.facts.close()
            self._facts = FactStore(sqlite.IN_MEMORY)
            self._facts.put_many(new)

    def _put_facts(self, new: list[NewFact], used: Iterable[tuple[str, str]]) -> None:
        try:
            self.facts.put_many(new)
            self.facts.touch(used)
        except StoreCorrupt:
            self._remake_facts()
            self.facts.put_many(new)

    def _remake_facts(self) -> None:
        path = self.facts.path
        self.facts.close()
        sqlite.discard(path)
        self._facts = self._open_facts()

    def give_up_tree(self, error: StateError) -> None:
        """Go on without the store on disk, which failed: with a new one if it is damaged, else in memory."""
        self.tree.close()
        if isinstance(error, StoreCorrupt) and not self._has_remade_tree:
            self._has_remade_tree = True
            sqlite.discard(self._workspace.state_file(TREE_FILE))
            self.tree = self._open_tree()
            return
        self._problem("the index is not kept", error)
        self.tree = TreeStore(sqlite.IN_MEMORY)

    def _open_tree(self) -> TreeStore:
        if not self._keep:
            return TreeStore(sqlite.IN_MEMORY)
        try:
            return TreeStore(self._workspace.state_file(TREE_FILE))
        except (StateError, OSError) as error:
            self._problem("the index is not kept", error)
            return TreeStore(sqlite.IN_MEMORY)

    def _open_facts(self) -> FactStore:
        if not self._keep:
            return FactStore(sqlite.IN_MEMORY)
        try:
            return FactStore(self._workspace.cache_file(FACTS_FILE))
        except (StateError, OSError) as error:
            self._problem("extracted facts are not kept", error)
            return FactStore(sqlite.IN_MEMORY)

    def _annotations_path(self) -> str:
        try:
            return self._workspace.state_file(ANNOTATIONS_FILE)
        except OSError as error:
            self._problem("notes cannot be kept", error)
            return ""

    def _problem(self, what: str, error: Exception) -> None:
        reason = error.message if isinstance(error, StateError) else str(error)
        self.problems.append(f"{what}: {reason}")


def forget(workspace: Workspace) -> None:
    """Clear what is derived of *workspace* and every extracted fact, but for what the user noted.

    Raises:
        StateError: a store cannot be opened or written.
        OSError: its folder cannot be made.
    """
    with contextlib.closing(TreeStore(workspace.state_file(TREE_FILE))) as tree:
        tree.forget()
    with contextlib.closing(FactStore(workspace.cache_file(FACTS_FILE))) as facts:
        facts.clear()


class Scan(NamedTuple):
    """A project as every stage of a scan sees it.

    Attributes:
        root: absolute path of the project.
        config: settings.
        stores: where facts are kept and looked up.
        progress: told (files done, files to do); None where nobody listens.
    """

    root: str
    config: IndexConfig
    stores: Stores
    progress: Progress | None
