"""What coverage tools write, in any of four formats, as one value.

    .coverage (SQLite)   coverage.json   Cobertura XML   lcov   ──read_report──>   Report

Which one it is, its content tells. Nothing in a report is trusted: it is opened read-only, XML
entities are refused, sizes are bounded, and paths stay text until `matching` has matched them.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
from typing import Any, BinaryIO, NamedTuple
from urllib.parse import quote

from quarterdeck.errors import NothingToRead

MAX_BYTES = 1 << 28
"""Larger reports are refused: 256 MiB of JSON would take gigabytes of memory."""

_NAMES = ".coverage, coverage.json, coverage.xml (Cobertura) or lcov.info"


class FileLines(NamedTuple):
    """What one report says about one file.

    Attributes:
        executed: lines that ran, from 1.
        executable: all lines that could run; None when the report holds only those that did.
        contexts: names of what ran them: tests, in the words of the tool; import time has none.
    """

    executed: frozenset[int]
    executable: frozenset[int] | None
    contexts: frozenset[str] = frozenset()


class Report(NamedTuple):
    """One report.

    Attributes:
        files: by path as it was written.
        roots: folders that relative paths may start from, as they were written.
    """

    files: dict[str, FileLines]
    roots: tuple[str, ...] = ()


def read_report(path: str) -> Report:
    """Read the report at *path*, whatever its format.

    Raises:
        NothingToRead: it is missing, empty, too large, damaged, or none of the four formats.
    """
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > MAX_BYTES:
                raise _unusable(path, f"has {size:,} bytes", f"at most {MAX_BYTES:,} are read")
            head = file.read(512).removeprefix(b"\xef\xbb\xbf").lstrip()
            file.seek(0)
            if not head:
                raise _unusable(path, "is empty", "run your tests under coverage first")
            if head.startswith(b"SQLite format 3\0"):
                return _coverage_database(path)
            if head.startswith(b"{"):
                return _coverage_json(file.read(MAX_BYTES))
            if head.startswith(b"<"):
                return _cobertura(file)
            if re.match(rb"(TN|SF):", head):
                return _lcov(file)
    except IsADirectoryError:
        raise _unusable(path, "is a folder", f"name the report in it: {_NAMES}") from None
    except OSError as error:
        why = f"cannot be read: {error.strerror}"
        raise _unusable(path, why, "name a report that exists and that you may read") from None
    except _Damaged as error:
        raise _unusable(path, f"is damaged: {error}", "make it anew with your coverage tool") from None
    raise _unusable(path, "is no coverage report", f"hand over one of {_NAMES}")


class _Damaged(Exception):
    """The format is known, the content is not what the format promises."""


def _unusable(path: str, what: str, hint: str) -> NothingToRead:
    return NothingToRead(f"{path!r} {what}", hint=hint)


# coverage.py's own database ----------------------------------------------------------------------


def _coverage_database(path: str) -> Report:
    """A ``.coverage`` file; its schema is documented and has been stable since coverage 5."""
    uri = f"file:{quote(os.fsencode(os.path.abspath(path)))}?mode=ro"
    try:
        connection = sqlite3.connect(uri, uri=True)
        try:
            connection.execute("PRAGMA trusted_schema=OFF")
            return _from_tables(connection)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise _Damaged(str(error)) from error


def _from_tables(connection: sqlite3.Connection) -> Report:
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables >= {"file", "context", "line_bits", "arc"}:
        raise _Damaged("it is a database, but not one of coverage.py's")
    paths: dict[int, str] = {
        number: path
        for number, path in connection.execute("SELECT id, path FROM file")
        if isinstance(path, str)
    }
    lines: dict[int, set[int]] = {number: set() for number in paths}
    contexts: dict[int, set[str]] = {number: set() for number in paths}
    for number, bits in connection.execute("SELECT file_id, numbits FROM line_bits"):
        if number in lines and isinstance(bits, bytes):
            lines[number] |= _numbers(bits)
    for number, start, end in connection.execute("SELECT DISTINCT file_id, fromno, tono FROM arc"):
        if number in lines:
            lines[number].update(line for line in (start, end) if isinstance(line, int) and line > 0)
    for table in ("line_bits", "arc"):
        for number, context in connection.execute(
            f"SELECT DISTINCT file_id, context FROM {table} JOIN context ON context.id = context_id"  # noqa: S608
        ):
            if number in contexts and context and isinstance(context, str):
                contexts[number].add(context)
    return Report(
        {
            path: FileLines(frozenset(lines[number]), None, frozenset(contexts[number]))
            for number, path in paths.items()
        }
    )


def _numbers(bits: bytes) -> set[int]:
    """The lines of a ``numbits`` value: line n is bit n % 8 of byte n // 8."""
    return {index * 8 + bit for index, byte in enumerate(bits) if byte for bit in range(8) if byte >> bit & 1}


# coverage json -----------------------------------------------------------------------------------


def _coverage_json(content: bytes) -> Report:
    try:
        data = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _Damaged(str(error)) from None
    files = data.get("files") if isinstance(data, dict) else None
    if not isinstance(files, dict):
        raise _Damaged("it has no table of files")
    return Report({path: _json_file(path, found) for path, found in files.items()})


def _json_file(path: str, found: Any) -> FileLines:  # noqa: ANN401 - JSON of anybody's
    try:
        executed, missing = frozenset(found["executed_lines"]), frozenset(found["missing_lines"])
        contexts = frozenset(name for names in found.get("contexts", {}).values() for name in names if name)
    except (KeyError, TypeError, AttributeError):
        raise _Damaged(f"what it says about {path!r} cannot be understood") from None
    kinds = {*map(type, executed), *map(type, missing)}, {*map(type, contexts)}
    if kinds[0] - {int} or kinds[1] - {str}:
        raise _Damaged(f"what it says about {path!r} cannot be understood")
    return FileLines(executed, executed | missing, contexts)


# Cobertura ---------------------------------------------------------------------------------------


def _cobertura(file: BinaryIO) -> Report:
    """Cobertura XML, streamed: only <source>, <class filename> and <line number hits> matter."""
    from xml.parsers import expat

    found = _Cobertura()
    parser = expat.ParserCreate()
    parser.StartElementHandler = found.start
    parser.EndElementHandler = found.end
    parser.CharacterDataHandler = found.characters
    parser.EntityDeclHandler = found.refuse
    try:
        parser.ParseFile(file)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise _Damaged(str(error)) from None
    return Report({path: _from_hits(lines) for path, lines in found.hits.items()}, tuple(found.roots))


class _Cobertura:
    """What has been read of a document so far.

    Attributes:
        hits: path -> line -> whether it ran.
        roots: the texts of <source>.
    """

    def __init__(self) -> None:
        self.hits: dict[str, dict[int, bool]] = {}
        self.roots: list[str] = []
        self._top = self._file = self._text = ""

    def refuse(self, *_: object) -> None:
        """An entity: the way to make a small document large."""
        raise _Damaged("it defines XML entities, which no coverage tool does")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        self._top = self._top or name
        if self._top != "coverage":
            raise _Damaged(f"its top element is <{self._top[:40]}>, not <coverage>")
        self._text = ""
        if name == "class":
            self._file = attributes.get("filename", "")
        elif name == "line" and self._file:
            try:
                line, ran = int(attributes["number"]), int(attributes["hits"]) > 0
            except (KeyError, ValueError):
                raise _Damaged(f"a <line> of {self._file!r} has no number or no hits") from None
            known = self.hits.setdefault(self._file, {})
            known[line] = known.get(line, False) or ran

    def end(self, name: str) -> None:
        """An element ends."""
        if name == "source" and self._text.strip():
            self.roots.append(self._text.strip())
        elif name == "class":
            self._file = ""

    def characters(self, data: str) -> None:
        """Text, of which no more is kept than a path can have."""
        self._text = (self._text + data)[:_LONGEST_PATH]


_LONGEST_PATH = 4096


# lcov --------------------------------------------------------------------------------------------


def _lcov(file: BinaryIO) -> Report:
    hits: dict[str, dict[int, bool]] = {}
    lines: dict[int, bool] | None = None
    for number, raw in enumerate(file, 1):
        word, _, rest = raw.decode("utf-8", "surrogateescape").strip().partition(":")
        if word == "SF":
            lines = hits.setdefault(rest, {})
        elif word == "end_of_record":
            lines = None
        elif word == "DA":
            line, _, count = rest.partition(",")
            try:
                found = int(line), int(count.partition(",")[0]) > 0
            except ValueError:
                raise _Damaged(f"line {number} is no DA record") from None
            if lines is None:
                raise _Damaged(f"line {number} belongs to no file")
            lines[found[0]] = lines.get(found[0], False) or found[1]
    if lines is not None:
        raise _Damaged("its last record has no end")
    if not hits:
        raise _Damaged("it names no file")
    return Report({path: _from_hits(lines) for path, lines in hits.items()})


def _from_hits(lines: dict[int, bool]) -> FileLines:
    return FileLines(frozenset(line for line, ran in lines.items() if ran), frozenset(lines))
