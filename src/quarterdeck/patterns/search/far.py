"""Documents in an index on disk: made by tantivy from the truth, read by many processes, written by one.

    FarWriter.put, remove ── tantivy's writer ── commit ── manifest: complete up to a revision
                                                              │ one stat
    Far.search ── tantivy's reader, of the state that the manifest says ┘

The manifest is written after tantivy's commit. After a crash in between, changes that are in the index
already are put there again, to no effect. An index that is missing, of another truth or another analysis, or
damaged, counts as absent: the next writer builds another one beside it.

Two things cannot be mended here. Whoever cuts a file off in place while others read it ends them (SIGBUS),
for it is mapped. And tantivy tells on stderr of panics, also of those that are caught.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from quarterdeck import files, forks
from quarterdeck.files import Lease
from quarterdeck.patterns.search import far_manifest
from quarterdeck.patterns.search.far_manifest import Manifest, Stamp

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

    from quarterdeck.patterns.search.far_reader import IndexReader
    from quarterdeck.patterns.search.far_writer import FarWriter
    from quarterdeck.patterns.search.terms import Hit, Query

Answer = TypeVar("Answer")


class _Seen(NamedTuple):
    """What was found in the folder: a state of the index, or none."""

    stamp: Stamp
    manifest: Manifest | None = None
    reader: IndexReader | None = None


class Far:
    """The index on disk, as one process sees it, and its `Statistics`; may be shared by threads.

    Attributes:
        lock: held while the index is opened.
    """

    def __init__(self, folder: str, identity: str, analysis: str) -> None:
        """Looks at *folder*, which need not be there.

        Args:
            folder: for this index alone.
            identity: of the truth; an index of another one counts as absent.
            analysis: the version of the analysis of features; likewise.
        """
        self.lock = threading.RLock()
        self._folder = folder
        self._identity = identity
        self._analysis = analysis
        self._damaged = ""
        self._trouble: OSError | None = None
        self._seen = _Seen(far_manifest.NONE)
        forks.guard(self, Far._keep)
        self.refresh()

    @property
    def revision(self) -> int:
        """All changes up to it are in the index; -1: there is none that can be used."""
        manifest = self._seen.manifest
        return manifest.revision if manifest else -1

    @property
    def mark(self) -> str:
        """The truth's, of that revision: who asks for an answer compares it; empty: there is none."""
        manifest = self._seen.manifest
        return manifest.mark if manifest else ""

    @property
    def is_there(self) -> bool:
        """Whether there is an index at all, also one that cannot be used."""
        return self._seen.stamp != far_manifest.NONE

    @property
    def documents(self) -> int:
        """As `Statistics` has it, and as tantivy counts: deleted ones that are not merged away are in."""
        reader = self._seen.reader
        return reader.documents if reader else 0

    @property
    def mean_length(self) -> float:
        """As `Statistics` has it; 0 when there are no documents."""
        reader = self._seen.reader
        return reader.mean_length if reader else 0.0

    def frequency(self, feature: str) -> int:
        """As `Statistics` has it; some microseconds."""
        return self._asked(lambda reader: reader.frequency(feature), 0)

    def refresh(self) -> bool:
        """Look at what is there now; costs one ``stat`` if nothing has changed.

        Returns:
            Whether somebody has committed, or removed the index, since the last time.
        """
        if far_manifest.stamp(self._folder) == self._seen.stamp:
            return False
        with self.lock:
            self._seen = self._look()
        return True

    def search(self, query: Query, k: int, *, without: AbstractSet[int] = frozenset()) -> list[Hit]:
        """The *k* >= 1 best that answer *query*, best first.

        Of equal ones that with the smaller number comes first; but where more than 1,024 are equal at the
        end, the index chooses which of them are among the *k*. Of a query without weights the newest come
        first: those with the greatest numbers. Nothing when the index turns out to be damaged; `revision` is
        -1 then.

        Args:
            query: what is looked for.
            k: how many at most.
            without: numbers that are left out.
        """
        return self._asked(lambda reader: reader.search(query, k, without), [])

    def write(self, *, anew: bool = False) -> FarWriter | None:
        """Changes to the index, or None while somebody else makes some; waits for nobody.

        Args:
            anew: begin from nothing; what there is goes on to be found until the first commit.

        Raises:
            StateError, StoreFull: the folder cannot be used.
        """
        try:
            lease = Lease.take(os.path.join(files.private_folder(self._folder), "writer.lock"))
        except OSError as error:
            raise files.failure(error, self._folder) from error
        if lease is None:
            return None
        try:
            return self._writer(lease, anew=anew)
        except BaseException:  # whatever it is, also an interrupt: others can write again
            lease.release()
            raise

    def close(self) -> None:
        """Give everything back; the next `refresh` opens it anew."""
        with self.lock:
            self._seen = _Seen(far_manifest.NONE)

    def _writer(self, lease: Lease, *, anew: bool) -> FarWriter:
        from quarterdeck.patterns.search.far_writer import FarWriter, is_deadly

        self.refresh()
        base = self._seen.manifest
        if base is None and self._trouble:
            raise files.failure(self._trouble, self._folder)
        if base and is_deadly(self._folder, base.generation):
            self._condemn(base.generation)
            anew = True
        if base is None or anew:
            base = Manifest(far_manifest.FORMAT, self._identity, self._analysis, -1, generation="", mark="")
        return FarWriter(self._folder, base, lease, self._condemn)

    def _look(self) -> _Seen:
        self._trouble = None
        while True:
            stamp = far_manifest.stamp(self._folder)
            if stamp == far_manifest.NONE:
                return _Seen(stamp)
            manifest = None
            try:
                manifest = far_manifest.read(self._folder)
                if manifest is None or not self._is_ours(manifest):
                    return _Seen(stamp)
                return _Seen(stamp, manifest, self._open(manifest.generation))
            except OSError as error:
                if error.errno in far_manifest.HINDRANCES:
                    self._trouble = error
                    return _Seen(far_manifest.NONE)
                if far_manifest.stamp(self._folder) == stamp:  # not just replaced by another generation
                    self._damaged = manifest.generation if manifest else ""
                    return _Seen(stamp)

    def _is_ours(self, manifest: Manifest) -> bool:
        return (
            manifest.format == far_manifest.FORMAT
            and manifest.identity == self._identity
            and manifest.analysis == self._analysis
            and manifest.generation != self._damaged
        )

    def _open(self, generation: str) -> IndexReader:
        from quarterdeck.patterns.search.far_reader import IndexReader

        seen = self._seen
        if seen.reader and seen.manifest and seen.manifest.generation == generation:
            return seen.reader.reloaded()
        return IndexReader.open(os.path.join(self._folder, generation))

    def _asked(self, ask: Callable[[IndexReader], Answer], nothing: Answer) -> Answer:
        """What the reader says, or *nothing* when there is none, or when the index is damaged."""
        _, manifest, reader = self._seen
        if manifest is None or reader is None:
            return nothing
        from quarterdeck.patterns.search.far_fields import Unusable

        try:
            return ask(reader)
        except Unusable:
            self._condemn(manifest.generation)
            return nothing

    def _condemn(self, generation: str) -> None:
        """Take that index for absent from now on: it is damaged."""
        with self.lock:
            self._damaged = generation
            manifest = self._seen.manifest
            if manifest and manifest.generation == generation:
                self._seen = _Seen(self._seen.stamp)

    def _keep(self) -> None:
        """In a child: a reader only reads, and it was not about to be replaced."""
