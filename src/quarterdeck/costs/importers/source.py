"""What a source of transcripts is: four functions and a name, so that a new agent is one file.

    SOURCE = Source("claude-code", places, files, read)

``read`` gets a `Transcript` and yields what it finds, in the order of the file:

    Request     one answer of a model; its ``response_id`` must be the same whenever and in whichever copy
                it is read again (of two with the same name the one with more output counts)
    Traced      … which telemetry may have told of already, under another name
    Problem     a place that should have held a request and could not be understood
    Skipped     something that is no request, and that a user might miss
    Shown       where names are not to be trusted: that an answer was shown
    Replay      … and a request that may only repeat it, under another name
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from quarterdeck.costs.model import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from quarterdeck.costs.importers.transcript import Transcript


class Traced(NamedTuple):
    """A request that telemetry may tell of too, under the name *also*."""

    request: Request
    also: str


class Problem(NamedTuple):
    """What could not be read, and why.

    Attributes:
        path: of the file or folder.
        line: counted from 1; 0: the whole file.
        reason: for people; holds nothing of the file's own text.
    """

    path: str
    line: int
    reason: str

    def __str__(self) -> str:
        """As compilers say it: file, line, reason."""
        place = f"{self.path}:{self.line}" if self.line else self.path
        return f"{place}: {self.reason}"


class Skipped(NamedTuple):
    """Something that is left out on purpose; *why* is a short phrase that counts are kept by."""

    why: str


class Shown(NamedTuple):
    """An answer's name that a later `Replay` may speak of."""

    name: str


class Replay(NamedTuple):
    """A request that counts only where nothing else, in any file, has `Shown` what it may repeat."""

    request: Request
    of: str


Found: TypeAlias = Request | Traced | Problem | Skipped | Shown | Replay


class Source(NamedTuple):
    """One agent, and where and how it writes down what it used.

    Attributes:
        name: as `Request.source` shows it: ``claude-code``.
        places: the folders (or files) where it may keep transcripts, by the environment's variables;
            absolute, they need not exist.
        files: the transcripts in one of these places, and what there could not be listed.
        read: what the unread part of one transcript holds.
        beside: endings of companion files that change with a transcript, such as ``-wal`` of SQLite.
    """

    name: str
    places: Callable[[Mapping[str, str]], list[str]]
    files: Callable[[str], Iterator[str | Problem]]
    read: Callable[[Transcript], Iterator[Found]]
    beside: tuple[str, ...] = ()


def home(environment: Mapping[str, str]) -> str:
    """The user's home folder, absolute; empty where there is none."""
    for folder in (environment.get("HOME", ""), os.path.expanduser("~")):
        if os.path.isabs(folder):
            return folder
    return ""


def below_home(environment: Mapping[str, str], *parts: str) -> list[str]:
    """One folder below the user's home, or none where there is no home."""
    folder = home(environment)
    return [os.path.join(folder, *parts)] if folder else []


def walk(place: str, wanted: Callable[[str], bool]) -> Iterator[str | Problem]:
    """Every file below *place* whose name is *wanted*, folder by folder, by name.

    *place* may be a link, or a file itself; links below it are not followed, so that the walk ends and stays
    inside. Nothing but the names is looked at: what is yielded may be a pipe, or gone by now.
    """
    if not os.path.isdir(place):
        if os.path.lexists(place):
            yield place
        return
    folders = [os.path.realpath(place)]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            yield Problem(folder, 0, f"cannot be listed: {error.strerror}")
            continue
        inner = []
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                inner.append(entry.path)
            elif entry.is_symlink() and (wanted(entry.name) or entry.is_dir()):
                yield Problem(entry.path, 0, "a symbolic link: not followed")
            elif wanted(entry.name):
                yield entry.path
        folders += reversed(inner)


def is_plain(status: os.stat_result) -> bool:
    """Whether it is a regular file: opening anything else may wait for ever, or do something."""
    return stat.S_ISREG(status.st_mode)
