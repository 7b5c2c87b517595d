"""How a memory in a file is: used once, and looked at from outside."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import stat
import time
from typing import TYPE_CHECKING

from quarterdeck.errors import StateError
from quarterdeck.memory import names
from quarterdeck.memory.backend import Health
from quarterdeck.memory.embedded.slots import NONE

if TYPE_CHECKING:
    from quarterdeck.memory.backend import Backend
    from quarterdeck.memory.embedded.slots import SlotsFile

_TTL_MS = 60_000
_MOUNTS = "/proc/self/mountinfo"
_OF_THE_NETWORK = frozenset(
    {"9p", "afs", "ceph", "cifs", "fuse.glusterfs", "fuse.sshfs", "gfs2", "lustre", "ncpfs", "nfs", "nfs4"}
    | {"ocfs2", "smb3", "smbfs"}
)


def check(backend: Backend, path: str, slots: SlotsFile) -> Health:
    """Write, read and remove one entry of our own; look at the files and where they lie."""
    name = names.named(names.space(""), "health", os.urandom(8).hex())
    began = time.perf_counter()
    try:
        backend.put(name, b"true", _TTL_MS)
        answered = backend.get(name).data == b"true"
        backend.delete([name])
    except StateError as error:
        return Health(backend.kind, "down", None, (f"{error.message}: {error.hint}",), _details(path, slots))
    latency_ms = (time.perf_counter() - began) * 1000
    problems = _problems(path, slots)
    if not answered:
        problems.append("what was just written is not there: look for a program that empties the store")
    return Health(
        backend.kind, "degraded" if problems else "ok", latency_ms, tuple(problems), _details(path, slots)
    )


def file_system(folder: str) -> str | None:
    """The kind of the file system *folder* lies on, such as ``ext4``; None where nobody tells."""
    try:
        with open(_MOUNTS, encoding="utf-8", errors="surrogateescape") as file:
            mounts = [line.split(" - ", 1) for line in file]
    except OSError:
        return None
    path = os.path.join(os.path.realpath(folder), "")
    best, kind = "", None
    for left, right in mounts:
        point = os.path.join(_unescaped(left.split(" ")[4]), "")
        if path.startswith(point) and len(point) >= len(best):  # of two at one place the later is on top
            best, kind = point, right.split(" ", 1)[0]
    return kind


def _problems(path: str, slots: SlotsFile) -> list[str]:
    problems = []
    for file, found in _files(path, slots).items():
        mode = stat.S_IMODE(found.st_mode)
        if mode & 0o077:
            problems.append(f"others can read {file} (mode {mode:o}): run chmod 600 on it")
    kind = file_system(os.path.dirname(path) or ".")
    if kind in _OF_THE_NETWORK:
        problems.append(f"it lies on a network file system ({kind}), which damages it: use a local disk")
    return problems


def _details(path: str, slots: SlotsFile) -> dict[str, object]:
    return {
        "path": path,
        "size_bytes": {os.path.basename(file): found.st_size for file, found in _files(path, slots).items()},
        "file_system": file_system(os.path.dirname(path) or "."),
        "sqlite": sqlite3.sqlite_version,
        "local_copies": slots.slots is not NONE,
    }


def _files(path: str, slots: SlotsFile) -> dict[str, os.stat_result]:
    """Those of our files that are there."""
    found = {}
    for file in (path, f"{path}-wal", f"{path}-shm", slots.path):
        with contextlib.suppress(OSError):
            found[file] = os.lstat(file)
    return found


def _unescaped(text: str) -> str:
    """A path of the list of mounts, in which blanks and the like are written as octal numbers."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)
