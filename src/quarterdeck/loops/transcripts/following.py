"""A transcript from its start to its end, or from where it was left.

    file ──same one as before?──> lines from the offset on ──reader of its format──> steps
                                                                  ▼
                                              where it was left, as a line of JSON

A file that is no lines, or is compressed, is read from its start whenever it has changed. What was handed
out before is not handed out again, unless something else stands in the place of the last of it: then the
session was taken back some way, or is another.
"""

from __future__ import annotations

import copy
import importlib
import itertools
import json
import os
import re
from typing import TYPE_CHECKING, BinaryIO, Protocol

import msgspec

from quarterdeck.costs.importers.source import Problem
from quarterdeck.costs.importers.transcript import (
    BYTE_ORDER_MARK,
    PADDING,
    Line,
    Transcript,
    digest,
    identity,
    is_compressed,
)
from quarterdeck.loops.events.values import digest as digest_of
from quarterdeck.loops.events.values import text_of
from quarterdeck.loops.transcripts.joining import Joining
from quarterdeck.loops.transcripts.model import Step
from quarterdeck.loops.transcripts.recognise import (
    MAX_DOCUMENT_BYTES,
    Format,
    Layout,
    layout_of,
    opened,
    unreadable,
)
from quarterdeck.loops.transcripts.session import Memory, Session

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quarterdeck.costs.pricing import PriceBook

STATE_VERSION = 1

_READERS = {
    Format.CLAUDE_CODE: "claude_code",
    Format.CODEX: "codex",
    Format.GEMINI: "gemini",
    Format.MESSAGES: "messages",
    Format.SPANS: "spans",
}
"""The module that reads a format, loaded when it is met: telemetry takes longer to load than a hook may."""

_SEEK_BYTES = 1 << 16
_TEXT = re.compile(r"\S")


class Left(msgspec.Struct, frozen=True):
    """Where a transcript was left.

    Attributes:
        v: `STATE_VERSION`.
        layout: of the file.
        in_lines: whether it can be read on; else it is read as a whole.
        identity, digest: by which it is known to be the same file.
        signature: as long as it is equal, nothing has changed.
        offset, line: of the first byte that has not been read, and the lines before it.
        handed_out: steps of a file that is read as a whole.
        last: a digest of the last of them.
        memory: of its `Session`.
    """

    v: int
    layout: Layout
    in_lines: bool
    identity: str
    digest: str = ""
    signature: str = ""
    offset: int = 0
    line: int = 0
    handed_out: int = 0
    last: int = 0
    memory: Memory = msgspec.field(default_factory=Memory)


class Reader(Protocol):
    """The function of a format's module."""

    def __call__(self, line: Line, session: Session) -> Iterator[Step]:
        """The events that *line* completes."""


def read_events(path: str | os.PathLike[str], *, prices: PriceBook | None = None) -> Iterator[Step | Problem]:
    """Everything that the transcript at *path* tells, in its order; calls that never got an outcome last.

    Memory is bounded by the longest line, or by the largest document that is read.

    Args:
        path: a regular file of any format that `recognise` knows.
        prices: what answers are priced by; None: costs stay unknown.

    Raises:
        NothingToRead: there is no such file, or it holds nothing that can be read.
        UsageError: it is of no format that is known.
    """
    path = os.fspath(path)
    with opened(path) as file:
        layout = layout_of(path, file)
        session = Session(Transcript(path, file), prices=prices)
        is_silent = layout.format is Format.SPANS
        for found in itertools.chain(_steps(session, layout, to_the_end=True), session.joining.rest()):
            is_silent = False
            yield found
        if is_silent:
            yield Problem(path, 0, "its spans tell of no calls and no messages")


class Follower:
    """A transcript that grows, read on from where it was left, also by another process.

        follower = Follower(path, state=saved, prices=prices)
        for step in follower.read():        # what has come since
            ...
        saved = follower.state              # a line of JSON

    Attributes:
        path: of the file.
        restarts: how often the file turned out to be another one, or cut short, so that it was begun anew:
            whoever remembers something of it must forget that.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        state: str = "",
        prices: PriceBook | None = None,
        known_as: Format | None = None,
        last_bytes: int | None = None,
    ) -> None:
        """Touches no disk.

        Args:
            path: of a file, which need not exist yet.
            state: as `state` gave it; of another version, or damaged: the file is read from its start.
            prices: what answers are priced by; None: costs stay unknown.
            known_as: the format of its lines; None: found out.
            last_bytes: without *state*, begin at most so many bytes before the end of a file of lines; lines
                are counted from there.
        """
        self.path = os.fspath(path)
        self.restarts = 0
        self._prices = prices
        self._known_as = known_as
        self._last_bytes = last_bytes
        self._left = _left(state)

    @property
    def pending(self) -> tuple[Step, ...]:
        """Calls whose outcome is not written yet, the oldest first; the last is the one at work."""
        return Joining(self._left.memory.joining).pending if self._left else ()

    @property
    def state(self) -> str:
        """All that reading on needs: a line of JSON, some tens of kilobytes; more with long calls at work."""
        return json.dumps(msgspec.to_builtins(self._left), separators=(",", ":"))

    def read(self) -> Iterator[Step | Problem]:
        """What has been written since last time; nothing where there is no file, or nothing in it.

        A last line without its end is waited for. Who does not take all of it has read nothing of it.

        Raises:
            NothingToRead: it cannot be read.
            UsageError: it is of no format that is known.
        """
        if not os.path.lexists(self.path):
            return
        with opened(self.path) as file:
            try:
                yield from self._read(file)
            except OSError as error:
                raise unreadable(self.path, error) from error

    def _read(self, file: BinaryIO) -> Iterator[Step | Problem]:
        status = os.fstat(file.fileno())
        left, restarts = self._left, self.restarts
        if left and not _is_same(file, status, left):
            left, restarts = None, restarts + 1
        signature = f"{identity(status)}:{status.st_size}:{status.st_mtime_ns}"
        if status.st_size and (left is None or left.signature != signature):
            left = left or self._beginning(file, status)
            offset, line, memory = 0, 0, Memory()
            if left.in_lines:
                offset, line, memory = left.offset, left.line, copy.deepcopy(left.memory)
            transcript = Transcript(self.path, file, offset=offset, line=line, state=memory.notes)
            session = Session(transcript, prices=self._prices, memory=memory)
            steps = _steps(session, left.layout, to_the_end=not left.in_lines)
            handed_out, last = 0, 0
            if left.in_lines:
                yield from steps
            else:
                told = list(steps)
                ends = [place for place, one in enumerate(told, 1) if isinstance(one, Step)]
                begin = ends[left.handed_out - 1] if 0 < left.handed_out <= len(ends) else 0
                if left.handed_out and (not begin or _mark(told[begin - 1]) != left.last):
                    begin, restarts = 0, restarts + 1
                yield from told[begin:]
                handed_out, last = len(ends), _mark(told[ends[-1] - 1]) if ends else 0
            left = msgspec.structs.replace(
                left,
                signature=signature,
                digest=digest(file.fileno(), transcript.offset) if left.in_lines else "",
                offset=transcript.offset,
                line=transcript.line,
                handed_out=handed_out,
                last=last,
                memory=session.memory(),
            )
        self._left, self.restarts = left, restarts

    def _beginning(self, file: BinaryIO, status: os.stat_result) -> Left:
        """Where to begin with a file that nothing is known of."""
        layout = Layout(self._known_as, in_lines=True) if self._known_as else layout_of(self.path, file)
        in_lines = layout.in_lines and not is_compressed(self.path)
        offset = 0
        if in_lines and self._last_bytes is not None and status.st_size > self._last_bytes:
            offset = _next_line(file.fileno(), status.st_size - self._last_bytes)
        return Left(STATE_VERSION, layout, in_lines, identity(status), offset=offset)


def _is_same(file: BinaryIO, status: os.stat_result, left: Left) -> bool:
    """Whether *file* is still the one that was left; one that is read as a whole may be written anew."""
    return not left.in_lines or (
        left.identity == identity(status)
        and left.offset <= status.st_size
        and left.digest == digest(file.fileno(), left.offset)
    )


def _mark(step: Step | Problem) -> int:
    """By which it is known again, also when somebody knows better what it has cost."""
    if isinstance(step, Problem):
        return 0
    event = step.event
    return digest_of(text_of([step.actor, event.tool, event.arguments, event.outcome, event.text]))


def _next_line(descriptor: int, offset: int) -> int:
    """Where the next line after the byte at *offset* - 1 begins."""
    offset = max(offset - 1, 0)
    while block := os.pread(descriptor, _SEEK_BYTES, offset):
        end = block.find(b"\n") + 1
        if end:
            return offset + end
        offset += len(block)
    return offset


def _left(state: str) -> Left | None:
    """What *state* says; None where it is of another version, or none."""
    try:
        left = msgspec.convert(json.loads(state), Left)
    except (ValueError, RecursionError):
        return None
    return left if left.v == STATE_VERSION and left.offset >= 0 and left.line >= 0 else None


def _steps(session: Session, layout: Layout, *, to_the_end: bool) -> Iterator[Step | Problem]:
    """What the rest of a transcript tells.

    Args:
        session: at the beginning of it.
        layout: how it is to be read.
        to_the_end: whether its last line counts when it has no end.
    """
    read: Reader = importlib.import_module(f"{__package__}.{_READERS[layout.format]}").read_line
    lines = _whole_lines(session.transcript, to_the_end=to_the_end) if layout.in_lines else _values(session)
    try:
        for line in lines:
            if line.content:
                yield from read(line, session)
            yield from session.taken_problems()
    except OSError as error:  # it is damaged, or gone; what stood before that has been read
        yield Problem(session.transcript.path, 0, f"cannot be read: {error.strerror}")
    yield from session.taken_problems()
    for unread in session.transcript.problems:
        yield Problem(session.transcript.path, *unread)


def _whole_lines(transcript: Transcript, *, to_the_end: bool) -> Iterator[Line]:
    held: Line | None = None
    for line in transcript.lines():
        if held is not None:
            yield held
        held = line
    if held is not None and (to_the_end or held.number <= transcript.line):
        yield held


def _values(session: Session) -> Iterator[Line]:
    """The values in a file that is no lines, one after another; each with the line it begins on."""
    content = session.transcript.content(MAX_DOCUMENT_BYTES).removeprefix(BYTE_ORDER_MARK).strip(PADDING)
    rest = content.decode(errors="replace")
    at, line, decoder = 0, 1, json.JSONDecoder()
    while match := _TEXT.search(rest, at):
        line += rest.count("\n", at, match.start())
        try:
            _, end = decoder.raw_decode(rest, match.start())
        except (ValueError, RecursionError):
            session.problem(line, "not JSON from here on")
            return
        yield Line(line, rest[match.start() : end].encode())
        line += rest.count("\n", match.start(), end)
        at = end
