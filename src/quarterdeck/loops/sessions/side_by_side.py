"""Many sessions, read by several processes, and told of in the order they were asked for.

    paths ──> shares of about as many bytes ──┬─> this process ──────────────┬──> Session, Session …
                                              └─> workers (python -I -S …) ──┘

A worker that dies costs nothing but time: what it has not told, this process reads itself. One whose parent
dies finds nobody to tell, and ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import sys
from typing import TYPE_CHECKING

from quarterdeck.loops.sessions.prices import prices_of
from quarterdeck.loops.sessions.scan import Session, scan

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Sequence

    from quarterdeck.loops.settings import LoopSettings

WORTH_A_PROCESS_BYTES = 20_000_000
"""Of transcripts, for which one more process pays: it takes a second to read them, and a fifth to start."""

MOST_PROCESSES = 8

_START = (
    "import sys, json\n"
    "sys.path[:] = json.loads(sys.argv[1])\n"
    "from quarterdeck.loops.sessions.side_by_side import serve\n"
    "serve()"
)


def scan_side_by_side(
    paths: Sequence[str], settings: LoopSettings, root: str, *, processes: int = 0
) -> Iterator[Session]:
    """As `scan`, priced by what counts for the project at *root*.

    Args:
        paths: of transcripts.
        settings: what may repeat.
        root: of the project.
        processes: how many read, this one included; 0: as many as there is enough to do for.

    Raises:
        ConfigError: a price of the user's own cannot be meant.
    """
    prices = prices_of(root)
    sizes = [_size(path) for path in paths]
    most = min(os.cpu_count() or 1, MOST_PROCESSES)
    owners = _owners(sizes, processes or max(1, min(most, sum(sizes) // WORTH_A_PROCESS_BYTES)))
    workers: dict[int, subprocess.Popen[bytes]] = {}
    try:
        for owner in {*owners} - {0}:
            share = [path for path, whose in zip(paths, owners, strict=True) if whose == owner]
            with contextlib.suppress(OSError):  # no process to be had: this one can do it all
                workers[owner] = _worker(share, settings, root)
        for path, owner in zip(paths, owners, strict=True):
            told = _told(workers[owner]) if owner in workers else None
            yield told or next(scan([path], settings, prices=prices))
    finally:
        for worker in workers.values():
            worker.kill()
            with worker:  # closes its pipes, and waits for its end
                pass


def serve() -> None:
    """The life of a worker: it is handed its share on stdin, and tells of one session after the other."""
    paths, settings, root = pickle.load(sys.stdin.buffer)  # noqa: S301 - our own parent's pipe
    for session in scan(paths, settings, prices=prices_of(root)):
        pickle.dump(session, sys.stdout.buffer)
        sys.stdout.buffer.flush()


def _owners(sizes: Sequence[int], processes: int) -> list[int]:
    """Who reads each file, so that all have about as much to do at any time; 0 is this process."""
    loads = [0] * processes
    owners = []
    for size in sizes:
        owners.append(loads.index(min(loads)))
        loads[owners[-1]] += size + 1
    return owners


def _worker(share: Sequence[str], settings: LoopSettings, root: str) -> subprocess.Popen[bytes]:
    import subprocess

    worker = subprocess.Popen(  # noqa: S603 - our own interpreter and code
        [sys.executable, "-I", "-S", "-c", _START, json.dumps([_own_folder(), *sys.path])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # whatever it dies of, an interrupt included, is ours to tell
    )
    assert worker.stdin is not None
    with contextlib.suppress(BrokenPipeError), worker.stdin:
        pickle.dump((list(share), settings, root), worker.stdin)
    return worker


def _own_folder() -> str:
    """The folder from which this package was imported."""
    return os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))


def _told(worker: subprocess.Popen[bytes]) -> Session | None:
    """What *worker* has to tell next; None: it has died."""
    assert worker.stdout is not None
    try:
        session: Session = pickle.load(worker.stdout)  # noqa: S301 - our own worker's pipe
    except (EOFError, pickle.UnpicklingError):
        return None
    return session


def _size(path: str) -> int:
    try:
        return os.path.getsize(path)
    except OSError:
        return 0
