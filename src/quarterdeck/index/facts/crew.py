"""Many files, examined in several processes.

    paths ──> batches ──┬─> this process ──────────────┬──> Examined, in no particular order
                        └─> workers (python -I -S …) ──┘

Workers are fresh interpreters that load nothing but the extractor: no fork of a process that may
hold threads and locks, and 20 ms to start. Each has one batch at a time and is handed the next when
it answers, so that a slow file delays nobody. A worker that dies costs one file: its batch is tried
again file by file, and the file that kills a worker once more is reported with an error. A worker
whose parent dies reads the end of its input and ends.
"""

from __future__ import annotations

import contextlib
import gc
import marshal
import os
import struct
import sys
from collections import deque
from typing import IO, TYPE_CHECKING, Any, NamedTuple, Self

from quarterdeck.errors import QuarterdeckError
from quarterdeck.index.disk.classify import language_of
from quarterdeck.index.disk.signature import Signature
from quarterdeck.index.facts.examine import Examined, examine, unreadable
from quarterdeck.index.facts.fact_store import FactStore
from quarterdeck.index.facts.packed import Packed

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Sequence

BATCH = 24
WORTH_A_WORKER = 120
"""Files for which one more worker pays: it costs as much to start as examining half of them."""

MOST_PROCESSES = 16

_LENGTH = struct.Struct("<I")
_START = (
    "import sys, json\n"
    "sys.path[:] = json.loads(sys.argv[1])\n"
    "from quarterdeck.index.facts.crew import serve\n"
    "serve(sys.argv[2], int(sys.argv[3]), sys.argv[4])"
)


class Job(NamedTuple):
    """What every file of one scan has in common.

    Attributes:
        root: absolute path of the project.
        max_bytes: larger files are not parsed.
        store_path: the fact store; empty to look nothing up.
    """

    root: str
    max_bytes: int
    store_path: str


class Crew:
    """The processes that examine files: this one, and workers while there is enough to do.

    Attributes:
        job: root and limits.

    Args:
        job: root and limits.
        limit: processes at most, this one included; 0 for one per processor.
    """

    def __init__(self, job: Job, limit: int = 0) -> None:
        self.job = job
        self._limit = min(limit or _processors(), MOST_PROCESSES) if sys.executable else 1
        self._idle: list[_Worker] = []
        self._busy: list[_Worker] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in (*self._idle, *self._busy):
            worker.close()

    def call(self, files: int) -> None:
        """Start the workers that *files* files are worth; they come up while the caller goes on."""
        wanted = min(self._limit - 1, files // WORTH_A_WORKER)
        while len(self._idle) < min(wanted, self._limit - 1):
            try:
                self._idle.append(_Worker(self.job))
            except OSError:  # no process to be had: this one can do it all
                self._limit = 1

    def examine(self, paths: Sequence[str], store: FactStore | None) -> Iterator[Examined]:
        """Examine *paths*, relative to the root, in no particular order.

        Args:
            paths: what to read.
            store: this process's own handle on the fact store; None to look nothing up here.
        """
        ordered = sorted(paths, key=lambda path: (language_of(path) != "python", path))  # the slow ones first
        batches = deque(ordered[start : start + BATCH] for start in range(0, len(ordered), BATCH))
        self.call(len(ordered))
        while self._idle and batches:
            self._hand(self._idle.pop(), batches)
        here: deque[str] = deque()
        while batches or here or self._busy:
            if not here and batches:
                here.extend(batches.popleft())
            for worker in self._answering(wait=not here):
                was_up = worker.is_up
                answers = worker.take()
                if answers is not None:
                    yield from answers
                    if was_up:
                        self._hand(worker, batches)
                elif was_up:
                    yield from _one_by_one(self.job, self._bury(worker))
                else:  # it never came up: no file is to blame
                    here.extend(self._bury(worker))
            if here:
                yield examine(self.job.root, here.popleft(), self.job.max_bytes, store)

    def _answering(self, *, wait: bool) -> list[_Worker]:
        import select

        return select.select(self._busy, (), (), None if wait else 0)[0] if self._busy else []

    def _hand(self, worker: _Worker, batches: deque[list[str]]) -> None:
        """Give *worker* the next batch, or send it home."""
        if worker not in self._busy:
            self._busy.append(worker)
        if batches:
            worker.give(batches.popleft())
        else:
            self._bury(worker)

    def _bury(self, worker: _Worker) -> list[str]:
        """End *worker*; the batch it still held."""
        self._busy.remove(worker)
        worker.close()
        return worker.batch


def examine_all(job: Job, paths: Sequence[str], limit: int = 0) -> list[Examined]:
    """Examine *paths* by a crew of their own, looking nothing up."""
    with Crew(job, limit) as crew:
        return list(crew.examine(paths, None))


def serve(root: str, max_bytes: int, store_path: str) -> None:
    """The life of a worker: a greeting, then an answer on stdout to each batch on stdin, until that ends."""
    gc.disable()
    store = None
    if store_path:
        with contextlib.suppress(QuarterdeckError):
            store = FactStore(store_path)
    try:
        _send(sys.stdout.buffer, [])
        while (batch := _receive(sys.stdin.fileno())) is not None:
            _send(sys.stdout.buffer, [_plain(examine(root, path, max_bytes, store)) for path in batch])
    except BrokenPipeError:  # the parent was killed: nobody waits for an answer, nor for a traceback
        os._exit(1)


def _plain(examined: Examined) -> tuple[Any, ...]:
    """*examined* in plain tuples: marshal takes no named ones."""
    path, signature, *middle, packed, cost_us, origin = examined
    return (path, signature and tuple(signature), *middle, tuple(packed), cost_us, origin)


def _named(answer: tuple[Any, ...]) -> Examined:
    """The inverse of `_plain`."""
    path, signature, racy, digest, category, language, packed, cost_us, origin = answer
    return Examined(
        path,
        None if signature is None else Signature._make(signature),
        racy,
        digest,
        category,
        language,
        Packed._make(packed),
        cost_us,
        origin,
    )


class _Worker:
    """One worker process and the batch it holds."""

    def __init__(self, job: Job) -> None:
        import json
        import signal
        import subprocess

        # Ctrl-C is ours to handle: we end our workers. Blocked before they start, for they inherit that:
        # one that is still importing would answer with a traceback.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        try:
            self._process: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603 - our own interpreter and code
                [
                    sys.executable,
                    *("-I", "-S", *(["-B"] if sys.dont_write_bytecode else []), "-c", _START),
                    *(json.dumps([_own_folder(), *sys.path]), job.root, str(job.max_bytes), job.store_path),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self.batch: list[str] = []
        self.is_up = False

    def fileno(self) -> int:
        return self._output.fileno()

    def give(self, batch: list[str]) -> None:
        self.batch = batch
        with contextlib.suppress(BrokenPipeError):  # it has died: `take` will find out
            _send(self._input, batch)

    def take(self) -> list[Examined] | None:
        """First a greeting, which is empty; then the answers to the batch; None when it has died."""
        answers = _receive(self._output.fileno())
        if answers is None:
            return None
        if self.is_up:
            self.batch = []
        self.is_up = True
        return [_named(answer) for answer in answers]

    def close(self) -> None:
        self._process.kill()
        with contextlib.suppress(BrokenPipeError):  # a batch that it did not live to take
            self._input.close()
        self._output.close()
        self._process.wait()

    @property
    def _input(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def _output(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout


def _one_by_one(job: Job, batch: list[str]) -> Iterator[Examined]:
    """Examine each file of a batch that killed its worker in a worker of its own."""
    for path in batch:
        answers = None
        with contextlib.suppress(OSError), contextlib.closing(_Worker(job)) as worker:
            worker.give([path])
            worker.take()
            answers = worker.take()
        yield from answers or [unreadable(job.root, path, "not parsed: the parser crashed on it")]


def _processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _own_folder() -> str:
    """The folder from which this package was imported."""
    return os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))


def _send(stream: IO[bytes], value: list[Any]) -> None:
    body = marshal.dumps(value)
    stream.write(_LENGTH.pack(len(body)) + body)
    stream.flush()


def _receive(descriptor: int) -> list[Any] | None:
    """The next message of the other side; None when it has closed the pipe or died in the middle.

    Reads the pipe itself: a buffer in between could hold a message that ``select`` knows nothing of.
    """
    head = _read(descriptor, _LENGTH.size)
    if head is None:
        return None
    body = _read(descriptor, *_LENGTH.unpack(head))
    if body is None:
        return None
    message: list[Any] = marshal.loads(body)  # noqa: S302 - our own worker's pipe
    return message


def _read(descriptor: int, size: int) -> bytes | None:
    """Exactly *size* bytes; None when the pipe ends before."""
    parts = bytearray()
    while len(parts) < size:
        part = os.read(descriptor, size - len(parts))
        if not part:
            return None
        parts += part
    return bytes(parts)
