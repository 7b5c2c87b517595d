"""Writing to the index on disk: one at a time, of all processes."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import threading
from typing import TYPE_CHECKING

from msgspec import structs

from quarterdeck import files, forks
from quarterdeck.errors import StateError, StoreFull
from quarterdeck.patterns.search import far_manifest
from quarterdeck.patterns.search.far_tantivy import IndexWriter, Unusable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType
    from typing import Self

    from quarterdeck.files import Lease
    from quarterdeck.patterns.search.far_manifest import Manifest
    from quarterdeck.patterns.search.terms import Document


class FarWriter:
    """Changes to the index, seen by nobody before `commit`; leaving without one throws them away.

        with writer:
            writer.put(document)            # all that has changed since writer.revision
            writer.commit(revision)         # then perhaps more of both

    Whoever forks in another thread meanwhile waits until it is left; a child that this thread forks cannot
    use it. After an error it can only be left.

    Attributes:
        revision: all changes up to it are in; -1: it is a new index, which needs everything.
        lock: held inside.
    """

    def __init__(self, folder: str, base: Manifest, lease: Lease, condemn: Callable[[str], None]) -> None:
        """From `Far.write`.

        Args:
            folder: of far.
            base: of the index as it is; one without a generation is yet to be made.
            lease: released on leaving.
            condemn: told of the generation when it turns out to be damaged.
        """
        self.lock = threading.RLock()
        self._folder = folder
        self.revision = base.revision
        self._base = base
        self._generation = base.generation
        self._lease = lease
        self._condemn = condemn
        self._is_new = False
        self._changes: IndexWriter | None = None
        self._is_inherited = False
        forks.guard(self, FarWriter._leave_to_the_parent)

    def __enter__(self) -> Self:
        self.lock.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._changes = None
            if self._is_new and not self._is_inherited:
                _remove(self._folder, self._generation)
        finally:
            self._lease.release()
            self.lock.release()

    def put(self, document: Document) -> None:
        """Hold *document* instead of what was held of that number.

        Raises:
            StateError, StoreFull: the index cannot be written.
        """
        with self._changing() as changes:
            changes.put(document)

    def remove(self, number: int) -> None:
        """Hold nothing of that number any more; fine if nothing is.

        Raises:
            StateError, StoreFull: the index cannot be written.
        """
        with self._changing() as changes:
            changes.remove(number)

    def commit(self, revision: int) -> None:
        """Let everybody see it: all changes up to *revision* are in now, and durable.

        Segments that are due are merged: now and then that takes seconds.

        Raises:
            StateError, StoreFull: it cannot be written; what was committed before still counts.
        """
        with self._changing() as changes:
            changes.commit()
            self._changes = None
            far_manifest.write(
                self._folder, structs.replace(self._base, revision=revision, generation=self._generation)
            )
        self.revision = revision
        self._is_new = False
        _keep_only(self._folder, self._generation)

    @contextlib.contextmanager
    def _changing(self) -> Iterator[IndexWriter]:
        """What is to be changed, opened on first use and after each commit."""
        if self._is_inherited:
            raise StateError(
                "the search index was being written when this process was forked",
                hint="write it in the parent",
            )
        try:
            yield self._changes or self._open()
        except OSError as error:
            raise files.failure(error, self._folder) from error
        except Unusable as unusable:
            if isinstance(full := files.failure(OSError(unusable.errno, ""), self._folder), StoreFull):
                raise full from unusable
            self._condemn(self._generation)
            raise StateError(
                f"the search index in {self._folder} cannot be written: {unusable}",
                hint="nothing is lost; whoever writes it next makes it anew",
            ) from unusable

    def _open(self) -> IndexWriter:
        if not self._generation:
            self._generation = os.urandom(8).hex()
            os.mkdir(os.path.join(self._folder, self._generation), files.PRIVATE_FOLDER)
            self._is_new = True
        path = os.path.join(self._folder, self._generation)
        self._changes = IndexWriter(path, is_new=self._is_new)
        return self._changes

    def _leave_to_the_parent(self) -> None:
        """In a child: tantivy's writer has threads here that do not run; to drop it would wait for them."""
        self._is_inherited = True
        if self._changes is not None:
            self._changes.abandon()
            self._changes = None


def _keep_only(folder: str, generation: str) -> None:
    """Remove all other generations from *folder*: older ones, and what a crash has left.

    Who still reads one keeps it: its files are mapped. What cannot be removed stays for the next writer.
    """
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            if name != generation and re.match(far_manifest.GENERATION, name):
                _remove(folder, name)


def _remove(folder: str, generation: str) -> None:
    shutil.rmtree(os.path.join(folder, generation), ignore_errors=True)  # follows no link
