"""Writing to the index on disk: one at a time, of all processes."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import shutil
import threading
from typing import TYPE_CHECKING

import tantivy
from msgspec import structs

from quarterdeck import files, forks
from quarterdeck.errors import StateError
from quarterdeck.patterns.search import far_manifest
from quarterdeck.patterns.search.far_fields import (
    ANY,
    CONFIDENCE,
    FEATURES,
    NUMBER,
    PASSES_TO,
    SCHEMA,
    UNTIL_S,
    Unusable,
    translated,
)
from quarterdeck.words import harmless

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType
    from typing import Self

    from quarterdeck.files import Lease
    from quarterdeck.patterns.search.far_manifest import Manifest
    from quarterdeck.patterns.search.terms import Document

_HEAP_BYTES = 50_000_000
"""So much is gathered in memory before a segment is written; tantivy's least is 15 MB."""
_LOCK = ".tantivy-writer.lock"
_META_LOCK = ".tantivy-meta.lock"
_UNFINISHED = "unfinished"
_DEADLY = 2
"""So many writers in a row did not live to finish: tantivy ends the process when it merges damaged files."""


class FarWriter:
    """Changes to the index, seen by nobody before `commit`; leaving without one throws them away.

        with writer:
            writer.put(document)            # all that has changed since writer.revision
            writer.commit(revision)         # then perhaps more of both

    After an error, and in a child that is forked meanwhile, it can only be left. One thread at a time.

    Attributes:
        revision: all changes up to it are in; -1: it is a new index, which needs everything.
        mark: of the truth at that revision; empty: it is a new index.
        lock: held while tantivy is at work.
    """

    def __init__(self, folder: str, base: Manifest, lease: Lease, condemn: Callable[[str], None]) -> None:
        """From `Far.write`.

        Args:
            folder: of far.
            base: of the index as it is; one without a generation has yet to be made.
            lease: released on leaving.
            condemn: told the generation of an index that turns out to be damaged.
        """
        self.lock = threading.RLock()
        self.revision = base.revision
        self.mark = base.mark
        self._folder = folder
        self._base = base
        self._generation = base.generation
        self._is_new = False
        self._lease = lease
        self._condemn = condemn
        self._changes: _Changes | None = None
        self._is_inherited = False
        forks.guard(self, FarWriter._leave_to_the_parent, outer=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with self.lock:
                self._give_up()
        finally:
            self._lease.release()

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

    def commit(self, revision: int, mark: str = "") -> None:
        """Let everybody see it: all changes up to *revision*, which has that *mark*, are in now, and durable.

        Segments that are due are merged: now and then that takes seconds.

        Raises:
            StateError, StoreFull: it cannot be written; what was committed before still counts.
        """
        with self._changing() as changes:
            self._changes = None
            changes.commit()
            _make_private(self._path())
            manifest = structs.replace(self._base, revision=revision, generation=self._generation, mark=mark)
            far_manifest.write(self._folder, manifest)
            self.revision, self.mark = revision, mark
            self._is_new = False
            self._give_up()
            _keep_only(self._folder, self._generation)

    @contextlib.contextmanager
    def _changing(self) -> Iterator[_Changes]:
        """What is changed, opened on first use and after each commit."""
        if self._is_inherited:
            raise StateError(
                "the search index was about to be written when this process was forked",
                hint="write it in the parent, or ask for it anew here",
            )
        try:
            with self.lock:
                yield self._changes or self._open()
        except OSError as error:
            if isinstance(error, Unusable) and error.errno not in far_manifest.HINDRANCES:
                self._condemn(self._generation)
                raise StateError(
                    f"the search index in {self._folder} cannot be written: {harmless(error.strerror or '')}",
                    hint="nothing is lost: whoever writes it next makes it anew",
                ) from error
            raise files.failure(error, self._folder) from error

    def _open(self) -> _Changes:
        if not self._generation:
            self._generation = os.urandom(8).hex()
            self._is_new = True
            os.mkdir(self._path(), files.PRIVATE_FOLDER)
        _note_begin(self._path(_UNFINISHED))
        self._changes = _Changes(self._path(), is_new=self._is_new)
        return self._changes

    def _give_up(self) -> None:
        """What has not been committed, if anything."""
        if self._is_inherited or not self._generation:
            return
        self._changes = None  # waits for tantivy's threads
        if self._is_new:
            shutil.rmtree(self._path(), ignore_errors=True)
        with contextlib.suppress(OSError):
            os.unlink(self._path(_UNFINISHED))

    def _path(self, name: str = "") -> str:
        return os.path.join(self._folder, self._generation, name)

    def _leave_to_the_parent(self) -> None:
        """In a child, where the threads of tantivy's writer do not run."""
        self._is_inherited = True
        if self._changes is not None:
            self._changes.leak()
            self._changes = None
            _close_all(_META_LOCK)


def is_deadly(folder: str, generation: str) -> bool:
    """Whether that index has ended those who wrote to it; to be asked under the lease."""
    try:
        return os.stat(os.path.join(folder, generation, _UNFINISHED)).st_size >= _DEADLY
    except OSError:
        return False


class _Changes:
    """tantivy's writer until it commits, once; given up by being dropped."""

    def __init__(self, path: str, *, is_new: bool) -> None:
        """To the index in folder *path*; *is_new*: which is made now.

        Raises:
            Unusable: it cannot be written to.
        """
        self._highest = -1 if is_new else None
        lock = os.path.join(path, _LOCK)
        with translated():
            index = tantivy.Index(SCHEMA, path=path, reuse=False) if is_new else tantivy.Index.open(path)
            index.config_reader("manual")
            with contextlib.suppress(FileNotFoundError):
                os.unlink(lock)  # the lease is ours; a forked child may still hold this one
            self._writer = index.writer(heap_size=_HEAP_BYTES, num_threads=1)

    def put(self, document: Document) -> None:
        number = document.number
        if self._highest is None or number <= self._highest:
            self.remove(number)
        else:
            self._highest = number  # so far there is none of it to be removed
        occurrences = [" ".join([feature] * count) for feature, count in document.features.items()]
        confidence = float(document.confidence)
        self._do(
            self._writer.add_document,
            tantivy.Document(
                **{
                    FEATURES: " ".join(occurrences),
                    NUMBER: number,
                    CONFIDENCE: confidence,
                    PASSES_TO: ANY if document.is_tried else confidence,
                    UNTIL_S: document.until_s,
                }
            ),
        )

    def remove(self, number: int) -> None:
        self._do(self._writer.delete_documents_by_term, NUMBER, number)

    def commit(self) -> None:
        """Durable, and with its segments merged."""
        with translated():
            self._writer.commit()
            self._writer.wait_merging_threads()

    def leak(self) -> None:
        """Never drop tantivy's writer: that waits for its threads, and panics where they do not run."""
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._writer))

    def _do(self, change: Callable[..., int], *what: object) -> None:
        with translated():
            try:
                change(*what)
            except ValueError:  # the thread has died; it says what of, such as a full disk, only to a commit
                self._writer.commit()
                raise


def _make_private(path: str) -> None:
    """Let nobody else read what tantivy has made in *path*, whatever the umask; nor does the folder."""
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.is_file(follow_symlinks=False):
                os.chmod(entry.path, files.PRIVATE_FILE)


def _note_begin(path: str) -> None:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, files.PRIVATE_FILE)
    try:
        os.write(descriptor, b".")
    finally:
        os.close(descriptor)


def _close_all(name: str) -> None:
    """Close the files of that name: a lock that is held at the moment of a fork, the child holds, too."""
    with contextlib.suppress(OSError):  # not everywhere is there such a folder
        for descriptor in os.listdir("/proc/self/fd"):
            with contextlib.suppress(OSError):
                if os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}")) == name:
                    os.close(int(descriptor))


def _keep_only(folder: str, generation: str) -> None:
    """Remove all other generations from *folder*: older ones, and what a crash has left.

    Who still reads one keeps it: its files are mapped. What cannot be removed stays for the next writer.
    """
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            if name != generation and re.match(far_manifest.GENERATION, name):
                shutil.rmtree(os.path.join(folder, name), ignore_errors=True)  # follows no link
