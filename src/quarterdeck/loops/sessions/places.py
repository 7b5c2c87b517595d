"""Where sessions lie: those that somebody names, and those that agents keep where they usually do."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.costs.importers import known
from quarterdeck.costs.importers.source import Problem, walk
from quarterdeck.files import open_plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

AGENTS = ("claude-code", "codex")
"""The agents whose usual places are looked through."""

ENDINGS = (".jsonl", ".json")
"""What a file in a folder is called if it may be a session; one that is named may be called anything."""

_HEAD_BYTES = 65_536
_CWD = re.compile(rb'"cwd"\s*:\s*("(?:[^"\\]|\\.)*")')


class Places(NamedTuple):
    """Files that may be sessions, and what could not be looked through.

    Attributes:
        files: absolute paths, the one that was written to last first; each once.
        problems: folders that cannot be listed, links that were not followed.
        looked: the places that were looked through.
    """

    files: list[str]
    problems: list[Problem]
    looked: list[str]


def named(paths: Iterable[str], since_s: float = 0.0) -> Places:
    """The files that *paths* are, and those in the folders that they are; folders are walked to the end.

    Args:
        paths: files and folders; one that is not there is a problem.
        since_s: leave out what has not been written to since, in seconds of the epoch.
    """
    found: list[str] = []
    problems: list[Problem] = []
    looked = []
    for path in paths:
        absolute = os.path.abspath(path)
        looked.append(absolute)
        if not os.path.lexists(absolute):
            problems.append(Problem(absolute, 0, "is not there"))
        elif os.path.exists(absolute) and not os.path.isfile(absolute) and not os.path.isdir(absolute):
            problems.append(Problem(absolute, 0, "is no file and no folder: write what it gives into a file"))
            continue
        file = os.path.realpath(absolute)  # whoever names a link means what it leads to
        for each in walk(file if os.path.isfile(file) else absolute, lambda name: name.endswith(ENDINGS)):
            if isinstance(each, Problem):
                problems.append(each)
            else:
                found.append(each)
    return Places(_newest_first(found, since_s), problems, looked)


def usual(environment: Mapping[str, str], root: str | None = None, since_s: float = 0.0) -> Places:
    """The sessions that the agents of this user have written down.

    Args:
        environment: says where the agents keep them.
        root: only those that were begun in this folder or below it; None: all. Looks into the first
            64 kB of each file.
        since_s: as in `named`.
    """
    found, problems, looked = [], [], []
    for name in AGENTS:
        source = known.source(name)
        for place in source.places(environment):
            looked.append(place)
            for each in source.files(place):
                if isinstance(each, Problem):
                    problems.append(each)
                elif each.endswith(ENDINGS):
                    found.append(each)
    files = _newest_first(found, since_s)
    return Places([each for each in files if root is None or _is_of(root, each)], problems, looked)


def _newest_first(paths: Iterable[str], since_s: float) -> list[str]:
    written = dict(_times(paths))
    kept = (path for path, at in written.items() if at >= since_s)
    return sorted(kept, key=lambda path: (-written[path], path))


def _times(paths: Iterable[str]) -> Iterator[tuple[str, float]]:
    """One that is gone, or cannot be looked at, is kept: whoever reads it says why it cannot be read."""
    for path in paths:
        try:
            yield path, os.stat(path).st_mtime
        except OSError:
            yield path, float("inf")


def _is_of(root: str, path: str) -> bool:
    """Whether the session at *path* was begun in *root* or below it, by the first folder that it names."""
    try:
        descriptor = open_plain(path)
        with open(descriptor, "rb") as file:
            found = _CWD.search(file.read(_HEAD_BYTES))
        folder = json.loads(found[1]) if found else None
        top = os.path.join(root, "")
        return isinstance(folder, str) and os.path.join(os.path.realpath(folder), "").startswith(top)
    except (OSError, ValueError):
        return False
