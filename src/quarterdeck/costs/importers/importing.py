"""Reads what is new in the transcripts of agents, and records it once.

    changed files -> Transcript -> Source.read -> Batch -> Ledger.record_many -> imports.sqlite

A batch is written to the journal before the marks that say so. After a crash between the two it is read
again, found in the ledger, and left out.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.costs.importers import known
from quarterdeck.costs.importers.batch import Batch
from quarterdeck.costs.importers.progress import Mark, opened, signature
from quarterdeck.costs.importers.source import Problem, Replay, Shown, Skipped, Traced, is_plain
from quarterdeck.costs.importers.transcript import Transcript, digest, identity, is_compressed, open_plain
from quarterdeck.costs.model import label
from quarterdeck.errors import StateError, UsageError
from quarterdeck.files import Lease, private_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import BinaryIO

    from quarterdeck.costs.importers.progress import Progress
    from quarterdeck.costs.importers.source import Found, Source
    from quarterdeck.costs.ledger import Ledger

LOCK_FILE = "imports.lock"
WAIT_S = 10.0
KEPT_PROBLEMS = 100


class SourceReport(NamedTuple):
    """What one source gave.

    Attributes:
        name: of the source.
        places: where it may keep transcripts.
        found: those of the places that exist.
        files: transcripts there.
        files_read: those of them that had changed.
        bytes_read: of them, as they lie on disk.
        requests: records written to the ledger.
        duplicates: further lines and copies of a response that was counted already.
        skipped: what was left out on purpose: how many, by why.
        unfinished: files read that end within a line; it is read when it has its end.
        problems: the first `KEPT_PROBLEMS` places that could not be understood.
        problem_count: all of them.
    """

    name: str
    places: tuple[str, ...]
    found: tuple[str, ...]
    files: int
    files_read: int
    bytes_read: int
    requests: int
    duplicates: int
    skipped: dict[str, int]
    unfinished: int
    problems: tuple[Problem, ...]
    problem_count: int


class ImportReport(NamedTuple):
    """What an import gave, by source."""

    sources: tuple[SourceReport, ...]

    @property
    def not_found(self) -> tuple[str, ...]:
        """The sources of which there is nothing on this machine."""
        return tuple(source.name for source in self.sources if not source.found)

    @property
    def requests(self) -> int:
        """Records written to the ledger."""
        return sum(source.requests for source in self.sources)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Of all sources, the problems that were kept."""
        return tuple(problem for source in self.sources for problem in source.problems)


def import_all(
    ledger: Ledger,
    sources: Sequence[Source] | None = None,
    roots: Mapping[str, Sequence[str]] | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    progress: Callable[[int, int], None] | None = None,
    full: bool = False,
    wait_s: float = WAIT_S,
) -> ImportReport:
    """Take into *ledger* what is new in the transcripts on this machine.

    An unchanged file costs one ``lstat``. May be interrupted at any time, also killed, and run again.

    Args:
        ledger: where to record.
        sources: which ones; all when left out.
        roots: by a source's name, where to look instead of its usual places.
        environment: in which the usual places are looked up; this process's when left out.
        progress: called with the bytes read so far and those there are to read.
        full: read everything from its start, whatever was read before; nothing is counted twice.
        wait_s: for another import that is running.

    Raises:
        StoreBusy: another import was still running.
        StoreFull, StateError: the ledger's folder cannot be written to.
    """
    chosen = [known.source(name) for name in known.MODULES] if sources is None else sources
    with _alone(ledger.folder, wait_s), opened(ledger) as marks:
        runs = [_Run(source, ledger, marks) for source in chosen]
        for run in runs:
            usual = run.source.places(os.environ if environment is None else environment)
            run.look(usual, (roots or {}).get(run.source.name), full=full)
        meter = _Meter(sum(run.to_read for run in runs), progress)
        for run in runs:
            run.read(meter)
        return ImportReport(tuple(run.report() for run in runs))


class _Meter:
    """Tells how many bytes of how many have been read."""

    def __init__(self, total: int, tell: Callable[[int, int], None] | None) -> None:
        self._done = 0
        self._total = total
        self._tell = tell

    def reach(self, done_before: int, done: int) -> None:
        """One file was read up to *done* and not, as was thought, to *done_before*."""
        self._done = min(self._done + max(done - done_before, 0), self._total)
        if self._tell:
            self._tell(self._done, self._total)


class _Changed(NamedTuple):
    """A transcript to read; *mark* says how far it was read before."""

    path: str
    size: int
    mark: Mark | None


class _Run:
    """One source in one import."""

    def __init__(self, source: Source, ledger: Ledger, marks: Progress) -> None:
        self.source = source
        self.ledger = ledger
        self.marks = marks
        self.batch = Batch(source.name)
        self.places: list[str] = []
        self.found: list[str] = []
        self.changed: list[_Changed] = []
        self.files = 0
        self.files_read = 0
        self.bytes_read = 0
        self.unfinished = 0
        self.skipped: Counter[str] = Counter()
        self.problems: list[Problem] = []
        self.problem_count = 0

    @property
    def to_read(self) -> int:
        """Bytes, as far as the files' sizes tell."""
        return sum(max(file.size - (file.mark.offset if file.mark else 0), 0) for file in self.changed)

    def look(self, usual: list[str], instead: Sequence[str] | None, *, full: bool) -> None:
        """List the transcripts, look at each file's state, and note which have changed; opens none."""
        self.places = usual if instead is None else [os.path.abspath(place) for place in instead]
        self.found = [place for place in self.places if os.path.lexists(place)]
        marks = self.marks.marks(self.source.name)
        paths = listed(self.source, self.found, self._problem)
        for path in paths:
            try:
                statuses = self._statuses(path)
            except OSError:
                continue  # gone since it was listed
            self.files += 1
            mark = marks.get(path)
            if full or mark is None or mark.signature != signature(statuses):
                self.changed.append(_Changed(path, statuses[0].st_size, None if full else mark))
        gone = marks.keys() - set(paths)
        if gone and instead is None:
            self.marks.forget(self.source.name, gone)

    def read(self, meter: _Meter) -> None:
        """Read the changed files and record what they hold."""
        for file in self.changed:
            try:
                self._read(file, meter)
            except OSError as error:  # it vanished, is not ours, or is damaged
                self._problem(Problem(file.path, 0, f"cannot be read: {error.strerror}"))
        self.batch.write(self.ledger, self.marks)

    def report(self) -> SourceReport:
        """What has been done so far."""
        return SourceReport(
            self.source.name,
            tuple(self.places),
            tuple(self.found),
            self.files,
            self.files_read,
            self.bytes_read,
            self.batch.written,
            self.batch.seen - self.batch.written,
            dict(self.skipped),
            self.unfinished,
            tuple(self.problems),
            self.problem_count,
        )

    def _statuses(self, path: str) -> list[os.stat_result]:
        statuses = [os.lstat(path)]
        for ending in self.source.beside:
            with contextlib.suppress(FileNotFoundError):
                statuses.append(os.lstat(path + ending))
        return statuses

    def _read(self, file: _Changed, meter: _Meter) -> None:
        statuses = self._statuses(file.path)  # first: what is appended meanwhile is seen next time
        if not is_plain(statuses[0]):
            self._problem(Problem(file.path, 0, "not a regular file"))
            return
        with open_plain(file.path) as opened:
            before = file.mark
            if before is None or not _goes_on(opened, file.path, statuses[0], before):
                before = Mark("", identity(statuses[0]))
            reached = before.offset

            def between_blocks() -> None:
                nonlocal reached
                if not is_compressed(file.path):
                    self.batch.marks[file.path] = _marked(before, transcript, opened)
                meter.reach(reached, transcript.offset)
                reached = transcript.offset

            transcript = Transcript(
                file.path,
                opened,
                offset=before.offset,
                line=before.line,
                state=before.state_dict(),
                mark=between_blocks,
            )
            try:
                for found in self.source.read(transcript):
                    self._take(found, transcript)
                    if self.batch.is_full:  # also within a block: what is read again then is known
                        self.batch.write(self.ledger, self.marks)
                whole = before._replace(signature=signature(statuses))
                self.batch.marks[file.path] = _marked(whole, transcript, opened)
            finally:
                self.files_read += 1
                self.bytes_read += max(statuses[0].st_size - before.offset, 0)
                self.unfinished += transcript.unfinished
                for unread in transcript.problems:
                    self._problem(Problem(file.path, *unread))
                meter.reach(reached, statuses[0].st_size)

    def _take(self, found: Found, transcript: Transcript) -> None:
        if isinstance(found, Problem):
            self._problem(found)
        elif isinstance(found, Skipped):
            self.skipped[found.why] += 1
        elif isinstance(found, Shown):
            self.batch.shown.add(label(found.name))
        else:
            try:
                if isinstance(found, Replay):
                    self.batch.add_replay(found._replace(of=label(found.of)))
                elif isinstance(found, Traced):
                    self.batch.add(found.request, found.also)
                else:
                    self.batch.add(found)
            except UsageError as error:
                self._problem(Problem(transcript.path, transcript.reading, error.message))

    def _problem(self, problem: Problem) -> None:
        self.problem_count += 1
        if len(self.problems) < KEPT_PROBLEMS:
            self.problems.append(problem)


def listed(source: Source, places: Sequence[str], problem: Callable[[Problem], None]) -> list[str]:
    """The transcripts of *source*, each once, originals before what repeats them.

    That is by name: many begin with a time, and only names of agents' files begin with ``agent-``.

    Args:
        source: whose they are.
        places: to look in; one that is not there holds none.
        problem: told what cannot be listed.
    """
    paths = set()
    for place in dict.fromkeys(map(os.path.realpath, places)):
        for found in source.files(place):
            if isinstance(found, Problem):
                problem(found)
            else:
                paths.add(found)
    names = {path: os.path.basename(path) for path in paths}
    return sorted(paths, key=lambda path: (names[path].startswith("agent-"), names[path], path))


def _goes_on(opened: BinaryIO, path: str, status: os.stat_result, mark: Mark) -> bool:
    """Whether *path* is still the file of *mark*, with more at its end and the same before it."""
    return (
        mark.identity == identity(status)
        and not is_compressed(path)
        and mark.offset <= status.st_size
        and mark.digest == digest(opened.fileno(), mark.offset)
    )


def _marked(mark: Mark, transcript: Transcript, opened: BinaryIO) -> Mark:
    """*mark*, moved to where *transcript* has been read."""
    offset = 0 if is_compressed(transcript.path) else transcript.offset
    return mark._replace(
        offset=offset,
        line=transcript.line,
        digest=digest(opened.fileno(), offset),
        state=json.dumps(transcript.state),
    )


def _alone(folder: str, wait_s: float) -> Lease:
    """The right to import into the ledger of *folder*; given back even when this process is killed."""
    path = os.path.join(folder, LOCK_FILE)
    try:
        private_folder(folder)
        return Lease.wait(path, wait_s)
    except OSError as error:
        raise StateError(
            f"{path} cannot be locked: {error.strerror}",
            hint="check that its folder exists, belongs to you and can be written to",
        ) from error
