"""A library as JSON, one object a line: everything that another one needs to rank its patterns as it does.

    {"format": "quarterdeck-patterns", "version": 1, "end": true}
    {"pattern": {"id": "sqlite-busy-timeout", "agent_id": "reviewer", …}, "weights": {…}}
    {"origin": {"pattern_id": "sqlite-busy-timeout", "act": "contributed", …}}
    {"outcome": {"pattern_id": "sqlite-busy-timeout", "success": true, …}}
    {"link": {"kind": "supersedes", "source": "sqlite-busy-timeout", "target": "sqlite-retry", …}}
    {"end": {"patterns": 1, "origins": 1, "outcomes": 1, "links": 1}}

A pattern has the fields of `Pattern`, without those that are empty; its origins and outcomes follow it at
once; a link comes after both of its patterns. Outcomes are among those that the pattern counts, and weights
are what these are worth by now: without them, all are as old as ``last_used``. Whoever writes such a file by
hand needs the first line without its ``end``, and patterns. The same library gives the same bytes.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections import Counter
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from quarterdeck.errors import NothingToRead, StoreTooNew, UsageError
from quarterdeck.files import atomic_file, failure
from quarterdeck.patterns import checks
from quarterdeck.patterns.exchange.intake import Imported, Intake
from quarterdeck.patterns.exchange.lines import Act, End, Known, json_object, read, told
from quarterdeck.patterns.model import Link, Outcome
from quarterdeck.patterns.truth import Record
from quarterdeck.words import harmless

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from quarterdeck.patterns.exchange.intake import OnConflict, Source, Target
    from quarterdeck.patterns.model import Pattern

FORMAT = "quarterdeck-patterns"
VERSION = 1
MAX_LINE_BYTES = 8_000_000
"""The largest pattern there can be has some less, as an export writes it."""


def export_jsonl(
    library: Source,
    target: str | BinaryIO,
    patterns: Collection[Pattern] | None = None,
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> int:
    """Write patterns with their provenance, their outcomes, and the links among them.

    Args:
        library: whose.
        target: a path, whose file is replaced as a whole, for the owner's eyes only; or an open binary file.
        patterns: which, and what they say; None: all, in bounded memory.
        progress: called with how many are written, and of how many.

    Returns:
        How many patterns there were.

    Raises:
        StateError: it cannot be written; the file that was there is untouched.
    """
    if not isinstance(target, str):
        return _write(library, target, patterns, progress)
    try:
        with atomic_file(target) as file:
            return _write(library, file, patterns, progress)
    except OSError as error:
        raise failure(error, harmless(target)) from error


def import_jsonl(
    library: Target,
    source: str | BinaryIO,
    *,
    agent_id: str = "import",
    on_conflict: OnConflict = "skip",
    strict: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Imported:
    """Read what `export_jsonl` wrote, line by line; a line that is none is set aside, and the rest goes on.

    A pattern gets in with its past, so to read a file again adds nothing. One that says what has taken its
    place is retired, also if that is not in the file: `unlink_patterns` brings it back. That the file is cut
    off is set aside like a line.

    Args:
        library: where to.
        source: a path, or an open binary file.
        agent_id: who imports, for the provenance; patterns keep the agents that learned them.
        on_conflict: what becomes of a pattern whose id is there already: ``skip`` keeps the one there,
            ``replace`` has it say what was read (its past, links and dates stay), ``error`` raises.
        strict: raise at the first line that is refused; the batches before it stay.
        progress: called with how many bytes are read, and of how many; not for what has no size.

    Raises:
        NothingToRead: the file is not there, or empty.
        StateError: the file cannot be read, or the library not be written; the batches before stay.
        StoreTooNew: a newer Quarterdeck wrote it.
        UsageError: it is no such file; or as *on_conflict* and *strict* say.
    """
    name = harmless(os.path.basename(source)) if isinstance(source, str) else "a stream"
    intake = Intake(library, agent_id=agent_id, source=name, on_conflict=on_conflict, strict=strict)
    try:
        with contextlib.ExitStack() as stack:
            file = stack.enter_context(open(source, "rb")) if isinstance(source, str) else source
            size_bytes = _size_bytes(file)
            if size_bytes:
                stack.callback(progress, size_bytes, size_bytes)
            _read(intake, _lines(file), name, size_bytes, progress)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise NothingToRead(f"there is no file {name}", hint="say which file to import") from error
    except OSError as error:
        raise failure(error, name) from error
    return intake.end()


def _write(
    library: Source,
    file: BinaryIO,
    patterns: Collection[Pattern] | None,
    progress: Callable[[int, int], None],
) -> int:
    encode = msgspec.json.encode
    total = library.count() if patterns is None else len(patterns)
    lines = Counter(dict.fromkeys(("pattern", "origin", "outcome", "link"), 0))
    with contextlib.ExitStack() as stack:
        stack.callback(progress, total, total)
        file.write(encode({"format": FORMAT, "version": VERSION, "end": True}) + b"\n")
        for entry in library.history() if patterns is None else _chosen(library, patterns):
            for said in told(entry):
                lines[next(iter(said))] += 1
                file.write(encode(said) + b"\n")
            if lines["pattern"] < total:
                progress(lines["pattern"], total)
        file.write(encode({"end": {f"{kind}s": count for kind, count in lines.items()}}) + b"\n")
    return lines["pattern"]


def _chosen(library: Source, patterns: Collection[Pattern]) -> Iterator[Record | Link]:
    """*patterns* as they are, with the past that the library knows of them."""
    left = {pattern.id: pattern for pattern in patterns}
    for entry in library.history(list(left)):
        if isinstance(entry, Record) and entry.pattern is not None:
            yield entry._replace(pattern=left.pop(entry.pattern_id))
        else:
            yield entry
    yield from (Record(pattern.id, pattern) for pattern in left.values())


def _size_bytes(file: BinaryIO) -> int:
    """Of a plain file; 0 of anything else."""
    try:
        found = os.fstat(file.fileno())
    except OSError:  # nothing but memory
        return 0
    return found.st_size if stat.S_ISREG(found.st_mode) else 0


def _read(
    intake: Intake,
    lines: Iterator[tuple[int, bytes | None]],
    name: str,
    size_bytes: int,
    progress: Callable[[int, int], None],
) -> None:
    has_end = _check_head(next(lines, None), name)
    found: Counter[str] = Counter()
    done = number = 1
    for number, line in lines:
        where = f"line {number}"
        if done < size_bytes:
            progress(done, size_bytes)
        done += len(line or b"")
        try:
            said = read(_whole(line))
            if isinstance(said, End):
                has_end = False
                _check_end(said, found)
                continue
        except UsageError as error:
            found["unread"] += 1
            intake.refuse(where, error)
            continue
        found[_take(intake, where, said, len(line or b""))] += 1
    if has_end:
        intake.refuse(
            f"after line {number}",
            UsageError("the file is cut off: its end is not there", hint="export it again"),
        )


def _take(intake: Intake, where: str, said: Known | Act | Outcome | Link, size_bytes: int) -> str:
    """Have it taken in; of which kind it was."""
    match said:
        case Known():
            intake.take(where, said.pattern, said.weights, size_bytes=size_bytes)
            return "patterns"
        case Act():
            intake.origin(where, said.pattern_id, said.origin, size_bytes=size_bytes)
            return "origins"
        case Outcome():
            intake.outcome(where, said, size_bytes=size_bytes)
            return "outcomes"
    intake.link(where, said)
    return "links"


def _check_end(end: End, found: Counter[str]) -> None:
    """Raise when lines are missing, without anybody having been told."""
    for kind in end.__struct_fields__:
        count = getattr(end, kind)
        if count is not None and count != found[kind] and not found["unread"]:
            raise UsageError(
                f"there should be {checks.told(count)} {kind} before it, but there are {found[kind]}",
                hint="export it again, or take this line out if you have taken out some",
            )


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """The number of each line that is not blank, and the line; None for one that is too long."""
    number = 0
    while line := file.readline(MAX_LINE_BYTES + 1):
        if not isinstance(line, bytes):
            raise UsageError("the file to import was opened as text", hint='open it as "rb"')
        number += 1
        if len(line) > MAX_LINE_BYTES and not line.endswith(b"\n"):
            while (rest := file.readline(MAX_LINE_BYTES)) and not rest.endswith(b"\n"):
                pass
            yield number, None
        elif not line.isspace():
            yield number, line


def _whole(line: bytes | None) -> bytes:
    if line is None:
        raise UsageError(f"it is longer than {MAX_LINE_BYTES} bytes", hint="leave it out")
    return line


def _check_head(first: tuple[int, bytes | None] | None, name: str) -> bool:
    """Raise unless it is the first line of an export; whether that has a last line."""
    if first is None:
        raise NothingToRead(
            f"{name} is empty", hint="an export has at least a first line that says what it is"
        )
    try:
        head = json_object(_whole(first[1]))
    except UsageError:
        head = {}
    version = head.get("version")
    if head.get("format") != FORMAT or type(version) is not int:
        raise UsageError(
            f"{name} is no file of patterns: its first line does not say so",
            hint=f'that line must be {{"format": "{FORMAT}", "version": {VERSION}}}',
        )
    if version > VERSION:
        raise StoreTooNew(
            f"{name} has version {checks.told(version)}; this Quarterdeck reads {VERSION}",
            hint="update Quarterdeck",
        )
    return head.get("end") is True
