"""Patterns and their links as JSON, one object a line: everything a library needs to have them back.

    {"format": "quarterdeck-patterns", "version": 1}
    {"pattern": {"id": "sqlite-busy-timeout", "agent_id": "reviewer", …}}
    {"link": {"kind": "supersedes", "source": "sqlite-busy-timeout", "target": "sqlite-retry", …}}

A pattern has the fields of `Pattern`, without those that are empty; a link those of `Link`, after both of its
patterns. The same patterns give the same bytes.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from quarterdeck.errors import NothingToRead, StoreTooNew, UsageError
from quarterdeck.files import atomic_file, failure
from quarterdeck.patterns import checks
from quarterdeck.patterns.exchange.fields import fields_of, pattern_of, strict_json
from quarterdeck.patterns.exchange.intake import Imported, Intake
from quarterdeck.patterns.model import LinkKind, Pattern
from quarterdeck.words import harmless

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from quarterdeck.patterns.exchange.intake import OnConflict, Source, Target
    from quarterdeck.patterns.model import Link

FORMAT = "quarterdeck-patterns"
VERSION = 1
MAX_LINE_BYTES = 8_000_000
"""The largest pattern there can be has some less, as an export writes it."""
_BYTE_ORDER_MARK = "\ufeff"


class _Linked(msgspec.Struct, frozen=True):
    """What an import needs of a `Link`."""

    kind: LinkKind
    source: str
    target: str
    agent_id: str = ""


def export_jsonl(library: Source, target: str | BinaryIO, patterns: Collection[Pattern] | None = None) -> int:
    """Write patterns, with the links among them.

    Args:
        library: whose.
        target: a path, whose file is replaced as a whole, for the owner's eyes only; or an open binary file.
        patterns: which; None: all, in bounded memory.

    Returns:
        How many patterns there were.

    Raises:
        StateError: it cannot be written; the file that was there is untouched.
    """
    if not isinstance(target, str):
        return _write(library, target, patterns)
    try:
        with atomic_file(target) as file:
            return _write(library, file, patterns)
    except OSError as error:
        raise failure(error, harmless(target)) from error


def import_jsonl(
    library: Target,
    source: str | BinaryIO,
    *,
    agent_id: str = "import",
    on_conflict: OnConflict = "skip",
    strict: bool = False,
) -> Imported:
    """Read what `export_jsonl` wrote, line by line; a line that is none is set aside, and the rest goes on.

    Args:
        library: where to.
        source: a path, or an open binary file.
        agent_id: who imports, for the provenance; patterns keep the agents that learned them.
        on_conflict: what becomes of a pattern whose id is there already: ``skip`` keeps the one there,
            ``replace`` has it say what was read (its outcomes, links and dates stay), ``error`` raises.
        strict: raise at the first line that is refused; the batches before it stay.

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
            lines = _lines(file)
            _check_head(next(lines, None), name)
            for number, line in lines:
                _take(intake, f"line {number}", line)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise NothingToRead(f"there is no file {name}", hint="say which file to import") from error
    except OSError as error:
        raise failure(error, name) from error
    return intake.end()


def _write(library: Source, file: BinaryIO, patterns: Collection[Pattern] | None) -> int:
    encode = msgspec.json.encode
    file.write(encode({"format": FORMAT, "version": VERSION}) + b"\n")
    count = 0
    for pattern in library.patterns() if patterns is None else patterns:
        file.write(encode({"pattern": fields_of(pattern)}) + b"\n")
        count += 1
    ids = None if patterns is None else {pattern.id for pattern in patterns}
    for link in _links(library, library.patterns() if patterns is None else patterns):
        if ids is None or link.target in ids:
            file.write(encode({"link": link._asdict()}) + b"\n")
    return count


def _links(library: Source, patterns: Iterable[Pattern]) -> Iterator[Link]:
    """Each link of *patterns* once: at the pattern it starts from."""
    for pattern in patterns:
        links = {link for link in library.get_links(pattern.id) if link.source == pattern.id}
        yield from sorted(links, key=lambda link: (link.kind, link.target))


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


def _check_head(first: tuple[int, bytes | None] | None, name: str) -> None:
    if first is None:
        raise NothingToRead(
            f"{name} is empty", hint="an export has at least a first line that says what it is"
        )
    try:
        head = _said(first[1])
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


def _take(intake: Intake, where: str, line: bytes | None) -> None:
    try:
        found = _found(line)
    except UsageError as error:
        intake.refuse(where, error)
        return
    if isinstance(found, Pattern):
        intake.take(where, found)
    else:
        intake.link(where, found.source, found.target, found.kind, found.agent_id)


def _found(line: bytes | None) -> Pattern | _Linked:
    said = _said(line)
    if "pattern" in said:
        return pattern_of(said["pattern"])
    if "link" not in said:
        raise UsageError("it is neither a pattern nor a link", hint="leave it out")
    try:
        return msgspec.convert(said["link"], _Linked)
    except msgspec.ValidationError as error:
        raise UsageError(
            f"it is no link: {harmless(str(error))[:300]}", hint="mend it, or leave it out"
        ) from None


def _said(line: bytes | None) -> dict[str, object]:
    """The JSON object in *line*."""
    if line is None:
        raise UsageError(f"it is longer than {MAX_LINE_BYTES} bytes", hint="leave it out")
    try:
        text = line.decode().removeprefix(_BYTE_ORDER_MARK)
    except UnicodeDecodeError:
        raise UsageError("it is not UTF-8", hint="mend it, or leave it out") from None
    said = strict_json(text)
    if not isinstance(said, dict):
        raise UsageError("it is no JSON object", hint="mend it, or leave it out")
    return said
