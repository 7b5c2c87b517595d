"""What a command costs when a fresh process runs it: wall time, CPU time, peak memory.

    contenders -> warm-up -> rounds A B C A B C … (timed) -> memory rounds (sampled) -> Measured, each

Contenders take turns inside each round, so that a noisy minute of the machine meets all of them.
Memory is watched in rounds of its own: reading /proc every few milliseconds would disturb the times.
Linux only.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

SAMPLE_EVERY_S = 0.002
OUTPUT_TAIL_BYTES = 400
ENOUGH_ROUNDS = 3
ENOUGH_S = 60.0


def nothing() -> None:
    """The preparation of a command that needs none."""


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to do what a scenario asks for.

    Attributes:
        name: as the tables show it.
        argv: the command, without a shell.
        cwd: where it runs.
        env: laid over the environment of the bench itself.
        prepare: called before each run and not measured (reset a cache, edit a file).
        times_itself: what counts is a part of the run: the program prints, as its last line, ``timed`` and
            the wall and CPU seconds of that part.
    """

    name: str
    argv: Sequence[str]
    cwd: str
    env: Mapping[str, str] = field(default_factory=dict)
    prepare: Callable[[], object] = nothing
    times_itself: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """One finished process, with all processes it started and waited for.

    Attributes:
        wall_s: from the start to the end of the process.
        cpu_s: user and system time.
        rss_bytes: largest sum of resident sets over the process tree seen at one moment (a page shared by
            two processes counts twice); 0 when memory was not watched.
        pss_bytes: the same with shared pages divided among those who share them; 0 when not watched.
        largest_rss_bytes: peak resident set of the largest single process; 0 when not watched.
        exit_code: negative for a signal.
        output_tail: the end of what it printed to stdout and stderr, to tell why it failed.
    """

    wall_s: float
    cpu_s: float
    rss_bytes: int
    pss_bytes: int
    largest_rss_bytes: int
    exit_code: int
    output_tail: str


@dataclass(frozen=True, slots=True)
class Measured:
    """The runs of one contender; a failed contender has the run that failed as its last.

    Attributes:
        timed: one run per round, in order, memory not watched.
        watched: the runs in which memory was watched.
        failure: why it did not do what was asked, in one line; empty when it did.
    """

    name: str
    timed: tuple[Run, ...]
    watched: tuple[Run, ...]
    failure: str = ""


def run(contender: Contender, *, watch_memory: bool = False) -> Run:
    """Prepare, then run once in a fresh process."""
    contender.prepare()
    with tempfile.TemporaryFile() as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            contender.argv,
            cwd=contender.cwd,
            env={**os.environ, **contender.env},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        watch = _MemoryWatch(process.pid)
        status, usage = _wait(process.pid, watch) if watch_memory else os.wait4(process.pid, 0)[1:]
        wall_s = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        size = output.seek(0, os.SEEK_END)
        output.seek(max(0, size - OUTPUT_TAIL_BYTES))
        tail = output.read().decode(errors="replace")
    cpu_s = usage.ru_utime + usage.ru_stime
    if contender.times_itself and not process.returncode:
        wall_s, cpu_s = _told_times(tail)
    return Run(
        wall_s=wall_s,
        cpu_s=cpu_s,
        rss_bytes=watch.rss_bytes,
        pss_bytes=watch.pss_bytes,
        largest_rss_bytes=_largest(usage.ru_maxrss * 1024, watch) if watch_memory else 0,
        exit_code=process.returncode,
        output_tail=tail,
    )


def measure(
    contenders: Sequence[Contender],
    *,
    rounds: int,
    memory_rounds: int = 2,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Measured]:
    """One warm-up each, then *rounds* timed and *memory_rounds* watched rounds, all in turn.

    A contender that exits with anything but 0 is not run again: it is reported as failed. A slow one
    rests after `ENOUGH_ROUNDS` rounds once they have taken `ENOUGH_S`.
    """
    timed: dict[str, list[Run]] = {contender.name: [] for contender in contenders}
    watched: dict[str, list[Run]] = {contender.name: [] for contender in contenders}
    failures: dict[str, str] = {}
    plan = [("warm-up", None), *[("timed", timed)] * rounds, *[("memory", watched)] * memory_rounds]
    for number, (kind, kept) in enumerate(plan, start=1):
        progress(f"round {number} of {len(plan)} ({kind})")
        for contender in contenders:
            so_far = timed[contender.name]
            rests = len(so_far) >= ENOUGH_ROUNDS and sum(one.wall_s for one in so_far) > ENOUGH_S
            if contender.name in failures or (rests and kept is timed):
                continue
            result = run(contender, watch_memory=kept is watched)
            if result.exit_code:
                failures[contender.name] = _why(result)
            elif kept is not None:
                kept[contender.name].append(result)
    return [
        Measured(name, tuple(timed[name]), tuple(watched[name]), failures.get(name, "")) for name in timed
    ]


class _MemoryWatch:
    """The peaks of one process tree, as far as samples have seen them."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.rss_bytes = 0
        self.pss_bytes = 0
        self.largest_rss_bytes = 0

    def sample(self) -> None:
        """Look once at every process of the tree."""
        rss = pss = 0
        for pid in process_tree(self.pid):
            fields = _memory_fields(f"/proc/{pid}/smaps_rollup")
            rss += fields.get("Rss", 0)
            pss += fields.get("Pss", 0)
            peak = _memory_fields(f"/proc/{pid}/status").get("VmHWM", 0)
            self.largest_rss_bytes = max(self.largest_rss_bytes, peak)
        self.rss_bytes = max(self.rss_bytes, rss)
        self.pss_bytes = max(self.pss_bytes, pss)


def process_tree(root: int) -> list[int]:
    """*root* and its descendants that live at this moment; empty when it is gone."""
    tree: list[int] = []
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        try:
            threads = os.listdir(f"/proc/{pid}/task")
            for thread in threads:
                with open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as children:
                    waiting.extend(map(int, children.read().split()))
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended while we looked
        tree.append(pid)
    return tree


def _memory_fields(path: str) -> dict[str, int]:
    """The ``Name: 12 kB`` lines of a /proc file, in bytes; empty when the process is gone."""
    try:
        with open(path, encoding="utf-8", errors="replace") as lines:
            rows = [line.split() for line in lines]
    except (FileNotFoundError, ProcessLookupError):
        return {}
    return {row[0].rstrip(":"): int(row[1]) * 1024 for row in rows if len(row) == 3 and row[2] == "kB"}


def _wait(pid: int, watch: _MemoryWatch) -> tuple[int, resource.struct_rusage]:
    """Watch the tree of *pid* until that process ends; how it ended and what it used."""
    while True:
        ended, status, usage = os.wait4(pid, os.WNOHANG)
        if ended:
            return status, usage
        watch.sample()
        time.sleep(SAMPLE_EVERY_S)


def _largest(told_bytes: int, watch: _MemoryWatch) -> int:
    """Peak of the largest process, from the kernel's own account where it can be believed.

    A process that is started by fork and exec begins that account with the peak of the process that
    forked it, so below our own peak only the samples say something.
    """
    own_peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return told_bytes if told_bytes > own_peak else watch.largest_rss_bytes


def _told_times(output_tail: str) -> tuple[float, float]:
    """What a program that times itself said last.

    Raises:
        ValueError: it said something else.
    """
    word, wall_s, cpu_s = output_tail.split()[-3:]
    if word != "timed":
        raise ValueError(f"a program that times itself ended with {output_tail[-80:]!r}")
    return float(wall_s), float(cpu_s)


def _why(failed: Run) -> str:
    """The last line that a failed run printed, with its exit code."""
    lines = failed.output_tail.strip().splitlines()
    return (
        f"exit code {failed.exit_code}: {lines[-1].strip()[:120]}"
        if lines
        else f"exit code {failed.exit_code}"
    )


def show(text: str) -> None:
    """A word about progress to the person at the terminal."""
    print(text, file=sys.stderr, flush=True)
