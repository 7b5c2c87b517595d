"""The archive, and one transcript on its way into it: copied whole, checked, and never made shorter.

    <archive>/<source>/<place>/<path in it>.zst      databases as they are, without .zst
    <archive>/.partial/                              copies that are being made; emptied by the next rescue
    <archive>/lock                                   held by the rescue that is running

A transcript that has grown takes the place of its earlier copy. One that has become shorter leaves the copy
as it is. One that holds something else than before becomes a further version beside it: ``name~2.jsonl.zst``.
A copy has the time of its original; that, and the size of its content, tell that it is up to date.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import sqlite3
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from quarterdeck.costs.importers import known
from quarterdeck.costs.importers.opencode import TABLES, opened
from quarterdeck.costs.importers.transcript import MAX_UNPACKED_BYTES, is_compressed, open_plain
from quarterdeck.errors import StateError, StoreFull
from quarterdeck.files import PRIVATE_FILE, failure, private_folder
from quarterdeck.journal.zstd import HEADER_BYTES, ZstdError, ZstdFile, new_compressor, uncompressed_size
from quarterdeck.sqlite import translated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO, Self

LOCK = "lock"
PARTIAL = ".partial"
DATABASE = ".db"
COMPRESSED = ".zst"
_BLOCK_BYTES = 1 << 20

Outcome: TypeAlias = Literal["unchanged", "new", "grown", "kept", "version"]
"""``kept``: the archive holds more than the original does by now."""


class Stored(NamedTuple):
    """What became of one transcript.

    Attributes:
        outcome: what was done.
        path: its copy.
        read: bytes of the original; 0 when nothing had changed.
        written: bytes of the new copy; 0 when there is none.
    """

    outcome: Outcome
    path: str
    read: int = 0
    written: int = 0


def archived_places(archive: str) -> dict[str, list[str]]:
    """Where the copies lie, by source: what `import_all` takes as *roots*, for the sources named here."""
    found: dict[str, list[str]] = {}
    for source in known.MODULES:
        folder = os.path.join(os.path.abspath(archive), source)
        if os.path.isdir(folder):
            found[source] = [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
    return found


def folder_of(archive: str, source: str, place: str) -> str:
    """Where the copies of what *source* has in *place* lie: readable, and unique by a digest of its path."""
    name = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in os.path.basename(place))
    digest = hashlib.sha256(os.fsencode(place)).hexdigest()
    return os.path.join(archive, source, f"{name[:40]}-{digest[:12]}")


def target_of(folder: str, name: str) -> str:
    """Where the transcript *name* is kept below *folder*."""
    as_it_is = is_compressed(name) or name.endswith(DATABASE)
    return os.path.join(folder, name if as_it_is else name + COMPRESSED)


def store(path: str, target: str, partial: str) -> Stored:
    """Bring the copy of *path* up to date.

    Args:
        path: the original.
        target: its copy, see `target_of`; its folder is made.
        partial: an existing folder on the same disk, for the copy while it is being made.

    Raises:
        OSError: the original cannot be read, or was changed meanwhile.
        StoreFull, StateError: the archive cannot be written.
        Whichever it is, the archive is as it was.
    """
    latest, following = _versions(target)
    temporary = os.path.join(partial, f"{os.getpid()}-{os.urandom(4).hex()}")
    copy = _copy_database if path.endswith(DATABASE) else _copy_text
    try:
        outcome, read = copy(path, latest, temporary)
        if outcome in {"unchanged", "kept"}:
            return Stored(outcome, latest, read)
        place = following if outcome == "version" else latest or target
        with _writing(target):
            private_folder(os.path.dirname(target))
            written = os.stat(temporary).st_size
            os.replace(temporary, place)
        return Stored(outcome, place, read, written)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)


def _versions(target: str) -> tuple[str, str]:
    """The latest copy, empty where there is none, and the name for the next version."""
    folder, name = os.path.split(target)
    stem, dot, ending = name.partition(".") if not name.startswith(".") else (name, "", "")
    latest, number = target if os.path.lexists(target) else "", 2
    while os.path.lexists(following := os.path.join(folder, f"{stem}~{number}{dot}{ending}")):
        latest, number = following, number + 1
    return latest, following


def _copy_text(path: str, latest: str, temporary: str) -> tuple[Outcome, int]:
    """Write the content of *path*, compressed, to *temporary*, and see how it compares with *latest*."""
    with open_plain(path) as original:
        status = os.fstat(original.fileno())
        size = None if is_compressed(path) else status.st_size
        if latest and _is_up_to_date(latest, status.st_mtime_ns, size):
            return "unchanged", 0
        if size is None:
            size = sum(map(len, _blocks(original, MAX_UNPACKED_BYTES, packed=True)))
            original.seek(0)
        if not size and not latest:
            return "unchanged", 0
        seen, length, goes_on = hashlib.blake2b(), 0, True
        compressor = new_compressor(size)
        with _new_file(temporary) as file, _Held(latest) as held:
            for block in _blocks(original, size, packed=is_compressed(path)):
                length += len(block)
                seen.update(block)
                goes_on = goes_on and held.begins_with(block)
                with _writing(temporary):
                    file.write(compressor.compress(block))
            changed = os.fstat(original.fileno()).st_mtime_ns != status.st_mtime_ns
            if length != size or (changed and _is_document(path)):
                raise OSError(errno.EAGAIN, "it was changed while it was copied: it is copied the next time")
            with _writing(temporary):
                file.write(compressor.flush())
                _settle(file, status.st_mtime_ns)
            has_more = held.has_more()
    if not latest:
        outcome: Outcome = "new"
    elif _is_document(path):
        outcome = "version" if held.size > length else "grown"
    elif not goes_on:
        outcome = "version"
    else:
        outcome = "kept" if has_more else "grown"
    if outcome != "kept":
        _verify(temporary, seen.digest())
    return outcome, length


class _Held:
    """The copy that is there already, read along with its original; one that is damaged holds nothing.

    Attributes:
        size: of its content.
    """

    def __init__(self, path: str) -> None:
        """*path* is empty where there is none."""
        self._raw = open_plain(path) if path else None
        self.size = uncompressed_size(_head(self._raw)) or 0 if self._raw else 0
        self._file = ZstdFile(self._raw) if self._raw else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._raw:
            self._raw.close()

    def begins_with(self, block: bytes) -> bool:
        """Whether its next bytes are those of *block*, as far as it has any."""
        try:
            mine = self._file.read(len(block)) if self._file else b""
        except (ZstdError, EOFError):
            return False
        return mine == block[: len(mine)]

    def has_more(self) -> bool:
        """Whether it goes on after what was compared."""
        try:
            return bool(self._file and self._file.read(1))
        except (ZstdError, EOFError):
            return False


def _copy_database(path: str, latest: str, temporary: str) -> tuple[Outcome, int]:
    """Write the state of the database at *path* to *temporary*, and see how it compares with *latest*."""
    changes = [os.lstat(path).st_mtime_ns]
    with contextlib.suppress(FileNotFoundError):
        changes.append(os.lstat(f"{path}-wal").st_mtime_ns)
    if latest and _is_up_to_date(latest, max(changes), None):
        return "unchanged", 0
    with open_plain(path), _new_file(temporary):
        pass  # it is a plain file; and the copy is nobody else's from the start
    try:
        with translated(), opened(path) as original:
            _back_up(original, temporary)
            rows = _rows(temporary)
    except StoreFull:
        raise
    except StateError as error:  # what is wrong with a source must not end a rescue
        raise OSError(errno.EIO, error.message) from error
    try:
        lost = bool(latest) and any(rows.get(table, 0) < count for table, count in _rows(latest).items())
    except sqlite3.Error:  # damaged: nobody knows what it holds
        lost = True
    with open(temporary, "rb+") as file, _writing(temporary):
        _settle(file, max(changes))
    return "version" if lost else "grown" if latest else "new", os.stat(temporary).st_size


def _back_up(original: sqlite3.Connection, path: str) -> None:
    """Copy *original* to *path*, to a database in one file.

    Raises:
        StateError: the copy is damaged, for the original is.
    """
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as copy:
        original.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")
        if copy.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise StateError("the database is damaged", hint="let its owner repair it")


def _rows(path: str) -> dict[str, int]:
    """How many messages the copy at *path* has, by table."""
    with opened(path) as connection:
        names = [table.name for table in TABLES]
        there = connection.execute(
            "SELECT CAST(name AS BLOB) FROM sqlite_master WHERE type = 'table' AND name IN (?, ?)", names
        ).fetchall()
        return {
            name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]  # noqa: S608 - our names
            for name in names
            if (name.encode(),) in there
        }


def _is_up_to_date(latest: str, changed_ns: int, size: int | None) -> bool:
    """Whether *latest* was made of the original as it is now."""
    with open_plain(latest) as copy:
        if os.fstat(copy.fileno()).st_mtime_ns != changed_ns:
            return False
        return size is None or uncompressed_size(_head(copy)) == size


def _head(file: BinaryIO) -> bytes:
    return os.pread(file.fileno(), HEADER_BYTES, 0)


def _is_document(path: str) -> bool:
    """Whether it is rewritten as a whole, not appended to."""
    return path.removesuffix(COMPRESSED).endswith(".json")


def _blocks(file: BinaryIO, most: int, *, packed: bool) -> Iterator[bytes]:
    """The content of *file*, up to *most* bytes of it.

    Raises:
        OSError: it cannot be read, or not be unpacked.
    """
    content = ZstdFile(file) if packed else file
    try:
        while most and (block := content.read(min(_BLOCK_BYTES, most))):
            yield block
            most -= len(block)
    except (ZstdError, EOFError) as error:
        raise OSError(errno.EIO, "its compressed data is damaged") from error


def _new_file(path: str) -> BinaryIO:
    with _writing(path):
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        return open(os.open(path, flags, PRIVATE_FILE), "wb")


def _settle(file: BinaryIO, changed_ns: int) -> None:
    """Bring *file* safely onto the disk, with the time of its original."""
    file.flush()
    os.utime(file.fileno(), ns=(changed_ns, changed_ns))
    os.fsync(file.fileno())


def _verify(path: str, digest: bytes) -> None:
    """Read the new copy once more.

    Raises:
        StateError: it does not hold what was written.
    """
    seen = hashlib.blake2b()
    try:
        with open_plain(path) as file:
            for block in _blocks(file, MAX_UNPACKED_BYTES, packed=True):
                seen.update(block)
    except OSError:
        seen = hashlib.blake2b(b"damaged")
    if seen.digest() != digest:
        raise StateError(f"{path} does not hold what was written to it", hint="check the disk")


@contextlib.contextmanager
def _writing(path: str) -> Iterator[None]:
    """Tell what goes wrong with the archive from what goes wrong with an original."""
    try:
        yield
    except OSError as error:
        raise failure(error, path) from error
