"""How near in meaning the patterns of a library are to a question, up to date with the library."""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
from hashlib import blake2b
from typing import TYPE_CHECKING, TypeVar

from quarterdeck import files, forks
from quarterdeck.errors import StoreBusy
from quarterdeck.files import Lease
from quarterdeck.patterns.meaning import text
from quarterdeck.patterns.meaning.encoder import the_encoder
from quarterdeck.patterns.meaning.file import Damaged, Row, Source, VectorsFile
from quarterdeck.patterns.meaning.traits import Traits, traits_of
from quarterdeck.patterns.meaning.vectors import Vectors, packed
from quarterdeck.patterns.search.terms import Query
from quarterdeck.sqlite import IN_MEMORY

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from contextlib import AbstractContextManager
    from typing import Protocol

    from quarterdeck.patterns.meaning.vectors import Floats
    from quarterdeck.patterns.model import Pattern
    from quarterdeck.patterns.truth import Change, Truth

    class Encodes(Protocol):
        """What is needed of an `Encoder`."""

        name: str
        dimensions: int
        unrelated: float

        def encode(self, texts: Sequence[str]) -> Floats:
            """The direction of each, of length 1."""


Answer = TypeVar("Answer")

_FILE = "vectors.sqlite"
_LOCK = "vectors.lock"
_STEP = 32
"""So many changes are encoded before an answer, and before they are kept: up to half a second."""
_CHUNK = 4096
_PATIENCE_S = 10.0
"""Of `sync`: others encode for so long only when they `sync` themselves."""
_NOTHING = Source("", 0, 0, "")
_ANY = Query({})
_GONE = Traits(0.0, 0, b"")


class Meaning:
    """The directions of all patterns; may be shared by threads and processes, and across forks.

    Before an answer it encodes a few of the patterns that have changed, unless somebody else is at it; those
    that are not encoded yet are left out. After an import or the loss of the file, `sync` encodes all.

    Attributes:
        lock: held while it answers, and while some patterns are encoded.
    """

    def __init__(
        self,
        truth: Truth,
        folder: str | None,
        until_s: Callable[[Pattern], int],
        encoder: Encodes | None = None,
    ) -> None:
        """Reads nothing yet.

        Args:
            truth: of the library.
            folder: for the file, made when it is needed; None: there is none, as the library is in none.
            until_s: from which second of the epoch on a pattern is not to be found.
            encoder: instead of the one that all share.
        """
        self.lock = threading.RLock()
        self._truth = truth
        self._folder = folder
        self._until_s = until_s
        self._encoder = encoder or the_encoder()
        path = os.path.join(folder, _FILE) if folder else IN_MEMORY
        self._file = VectorsFile(path, self._encoder.dimensions)
        self._asked: tuple[str, Floats] | None = None
        self._complete_at: tuple[int, int] | None = None
        """The stamp of the library when last nothing was left to encode."""
        self._source = _NOTHING
        self._seen = 0
        """Of the rows in the file, which come in order, the revision up to which they are in memory."""
        self._vectors = Vectors(self._encoder.dimensions)
        forks.guard(self, Meaning._in_child, outer=True)

    @property
    def missing(self) -> int:
        """How many patterns were not encoded yet when it last answered, and so not searched."""
        with self.lock:
            return max(0, self._truth.count() - len(self._vectors))

    def sync(self, progress: Callable[[int, int], None] = lambda done, total: None) -> int:
        """Encode all that has changed, unless somebody else is at it.

        Every 32 patterns are kept as soon as they are done: whoever comes after a kill goes on from there.

        Args:
            progress: called with how many patterns are done, and of how many.

        Returns:
            How many were looked at; 0 also when somebody else is at it.

        Raises:
            StateError: with its subclasses: the library cannot be read, or the file not be written.
        """
        try:
            lease = self._lease(_PATIENCE_S)
        except StoreBusy:
            return 0
        with lease:
            with self.lock:
                to_do = self._mended(self._backlog)
            done = 0
            while some := self._step():
                done += some
                progress(done, max(done, to_do))
        return done

    def nearest(self, question: str, k: int, query: Query = _ANY) -> list[tuple[int, float]]:
        """Numbers and cosines of the *k* >= 1 patterns that mean most nearly the same, best first.

        Those that have nothing to do with the question are left out, however few there are.

        Args:
            question: any text.
            k: how many at most.
            query: only those that pass its gate and have the labels that it requires, by what was known when
                they were last encoded; some may lack a label.

        Raises:
            StateError: as `sync`.
        """
        self._look()
        with self.lock:
            if not len(self._vectors):
                return []
            nearest = self._vectors.nearest(self._direction(question), k, query)
        return [each for each in nearest if each[1] >= self._encoder.unrelated]

    def similarities(self, question: str, numbers: Collection[int]) -> dict[int, float]:
        """The cosines of those that have been encoded.

        Raises:
            StateError: as `sync`.
        """
        self._look()
        with self.lock:
            if not len(self._vectors):
                return {}
            return self._vectors.similarities(self._direction(question), numbers)

    def close(self) -> None:
        """Give everything back; the next use begins anew."""
        with self.lock:
            self._file.close()
            self._forget()

    def _direction(self, question: str) -> Floats:
        if self._asked is None or self._asked[0] != question:
            self._asked = question, self._encoder.encode([question])[0]
        return self._asked[1]

    def _look(self) -> None:
        """Take in what is new, and encode some of what is to be encoded; some microseconds if nothing is.

        Without the lock: whoever forks might have that of all leases, and wait for this one.
        """
        stamp = self._truth.stamp()
        if stamp == self._complete_at:
            return
        try:
            lease = self._lease(0.0)
        except StoreBusy:  # then it is being done
            some = _STEP
        else:
            with lease:
                some = self._step()
        with self.lock:
            self._mended(self._read)
            if some < _STEP:
                self._complete_at = stamp

    def _step(self) -> int:
        """Encode some of what has changed, holding the lease; fewer than `_STEP`: that was all."""
        with self.lock:
            return self._mended(self._encode)

    def _encode(self) -> int:
        self._read()
        changes = self._truth.changes(self._source.revision, _STEP)
        if self._truth.mark(self._source.revision) != self._source.mark:
            return _STEP  # as if there were more: there is, in another library
        if changes:
            _, revision, mark, *_ = changes[-1]
            if not self._file.write(self._rows(changes), self._source, revision, mark):
                return _STEP  # in another file
        return len(changes)

    def _rows(self, changes: Sequence[Change]) -> list[Row]:
        """What is to be kept of them now; nothing of those of which it is as it was."""
        texts = {each.number: text.text_of(each.pattern) for each in changes if each.pattern}
        digests = {number: blake2b(said.encode(), digest_size=8).digest() for number, said in texts.items()}
        is_new = not self._source.revision  # what is in the file is of something else
        known = {} if is_new else self._file.rows([each.number for each in changes])
        vectors = {number: row.vector for number, row in known.items() if row.text == digests.get(number)}
        other = [number for number in texts if number not in vectors]
        encoded = packed(self._encoder.encode([texts[number] for number in other]))
        vectors |= dict(zip(other, encoded, strict=True))
        rows = []
        for number, revision, _, pattern, is_tried in changes:
            traits = traits_of(pattern, self._until_s(pattern), is_tried=is_tried) if pattern else _GONE
            row = Row(number, revision, digests.get(number, b""), vectors.get(number), *traits)
            old = known.get(number)
            if pattern if old is None else row != old._replace(revision=revision):
                rows.append(row)
        return rows

    def _read(self) -> None:
        """Take in what somebody has written to the file, we ourselves or another process."""
        identity = self._truth.identity()
        made_of = f"{identity} {self._encoder.name} {text.VERSION}"
        with self._file.snapshot():
            source = self._file.source()
            # Asked after the file, which is never ahead, unless somebody restored a backup of the library.
            if source.made_of != made_of or self._truth.mark(source.revision) != source.mark:
                self._begin(Source(made_of, secrets.randbits(63), 0, identity))
                return
            if source.epoch != self._source.epoch:
                self._begin(source)
            while rows := self._file.newer(self._seen, _CHUNK):
                here = [(row.number, row.vector, row.traits) for row in rows if row.vector is not None]
                if here:
                    self._vectors.put(*zip(*here, strict=True))
                for row in rows:
                    if row.vector is None:
                        self._vectors.drop(row.number)
                self._seen = rows[-1].revision
        self._source = source

    def _begin(self, source: Source) -> None:
        """Have nothing; from now on it is about *source*."""
        self._source = source
        self._seen = 0
        self._vectors = Vectors(self._encoder.dimensions)

    def _backlog(self) -> int:
        """How many patterns may have to be encoded."""
        self._read()
        return min(self._truth.revision() - self._source.revision, self._truth.count())

    def _mended(self, action: Callable[[], Answer]) -> Answer:
        """What *action* gives; if the file is damaged, with a new one."""
        try:
            return action()
        except Damaged:
            self._file.discard()
            self._forget()
            return action()

    def _lease(self, patience_s: float) -> AbstractContextManager[object]:
        """The right to encode.

        Raises:
            StoreBusy: somebody else has had it for so long.
        """
        if not self._folder:
            return contextlib.nullcontext()
        path = os.path.join(self._folder, _LOCK)
        try:
            files.private_folder(self._folder)
            return Lease.wait(path, patience_s)
        except OSError as error:
            raise files.failure(error, path) from error

    def _forget(self) -> None:
        self._complete_at = None
        self._begin(_NOTHING)

    def _in_child(self) -> None:
        if self._folder:  # what is in memory is the child's own copy
            self._file.close()
        self._complete_at = None
