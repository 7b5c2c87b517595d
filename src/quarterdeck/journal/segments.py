"""The files of a journal's folder: their names, what is there, and where a writer's lines end.

A segment's name is its creation (UTC, microseconds) and 8 random digits, so names sort by time and
never meet. The suffix is its state, and it only ever moves forward: open -> sealed -> compacted.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from typing import TYPE_CHECKING, Final

from quarterdeck.files import failure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quarterdeck.journal.model import State

SUFFIXES: Final[dict[State, str]] = {"open": ".open", "sealed": ".jsonl", "compacted": ".jsonl.zst"}
"""In the order of a segment's life."""

_STATES: Final[dict[str, State]] = {suffix[1:]: state for state, suffix in SUFFIXES.items()}
_PRECEDENCE: Final = {"sealed": 0, "compacted": 1, "open": 2}
_NAME_LENGTH = len("20261122T204858583123-1f0c54d6")


def new_name() -> str:
    """A name that nobody else gives to a segment."""
    now_ns = time.time_ns()
    return f"{stamp(now_ns // 10**9)}{now_ns // 1000 % 1_000_000:06}-{os.urandom(4).hex()}"


def stamp(at_s: float) -> str:
    """How the names of segments begin that are created at *at_s*, seconds of the epoch."""
    return time.strftime("%Y%m%dT%H%M%S", time.gmtime(at_s))


def is_name(text: str) -> bool:
    """Whether *text* has the form of a segment's name."""
    return (
        len(text) == _NAME_LENGTH
        and text[8] == "T"
        and text[21] == "-"
        and f"{text[:8]}{text[9:21]}{text[22:]}".isalnum()
        and text.isascii()
    )


def path_of(folder: str, name: str, state: State) -> str:
    """Where segment *name* lies in *state*."""
    return f"{folder}/{name}{SUFFIXES[state]}"


def listed(folder: str) -> dict[str, State]:
    """Every segment in *folder* by name, oldest first; nothing is opened. Empty where there is no folder.

    A file in mid-rename may show up twice, or, for a moment, not at all. Of two, the sealed one counts.

    Raises:
        StateError: the folder cannot be listed.
    """
    try:
        files = os.listdir(folder)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise failure(error, folder) from error
    found: dict[str, State] = {}
    for file in sorted(files):
        name, _, suffix = file.partition(".")
        state = _STATES.get(suffix)
        if state is None or not is_name(name):
            continue
        if name not in found or _PRECEDENCE[state] < _PRECEDENCE[found[name]]:
            found[name] = state
    return found


def is_at(descriptor: int, path: str) -> bool:
    """Whether *path* names the very file that *descriptor* has open."""
    try:
        there = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return os.path.samestat(there, os.fstat(descriptor))


@contextlib.contextmanager
def locked(descriptor: int, kind: int) -> Iterator[bool]:
    """Hold a lock on *descriptor* if it is free: whether it was. Never waits."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
        return
    try:
        yield True
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def end_of_lines(descriptor: int) -> tuple[int, int]:
    """Where the last whole line ends, and where the file ends; what lies between is torn."""
    size = end = os.fstat(descriptor).st_size
    step = 1  # nearly always the very last byte
    while end:
        start = max(0, end - step)
        newline = os.pread(descriptor, end - start, start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1, size
        end, step = start, 65_536
    return 0, size


def sync_folder(folder: str) -> None:
    """Make the names in *folder* survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
