"""What is true of the answers of a memory, whatever they cost: stale reads, lost writes, bytes per entry.

    stale reads    four processes read a key that a fifth writes: answers older than an acknowledged write
    kill -9        a writer is killed again and again: acknowledged writes that are not there afterwards
    size           what one entry takes in the process that holds a copy, and where it is kept

The programs that do it are those of `programs`, in the contenders' own environments.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import random
import shutil
import subprocess
import tempfile
import time
from functools import partial
from typing import IO, TYPE_CHECKING, NamedTuple

from bench import peers
from bench.memory_stores import CACHING, EMPATHY, IN_PROCESS, REDIS_PY, SUBJECT, WORK
from bench.programs.kills import SHARED
from bench.programs.stores import as_bytes, value
from bench.results import Fact, ScenarioResult, facts_result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from bench.memory_stores import Stores
    from bench.servers import Server

READERS = 4
READ_FOR_S = 10
KILLS = 40
WRITES_OF_A_LIFE = range(20, 1_000)
"""At least so many are acknowledged before a kill, drawn anew for each life."""

ENTRIES = 20_000
PATIENCE_S = 60.0
FOLDER = WORK / "facts"

SESSION = f"{EMPATHY} (file session)"
SHARED_FILES = {SUBJECT: "quarterdeck", peers.DISKCACHE.label: "diskcache"}
DURABLE_FILES = {SUBJECT: "quarterdeck", SESSION: "empathy-session", peers.DISKCACHE.label: "diskcache"}
SIZED = {
    SUBJECT: "quarterdeck",
    f"{EMPATHY} ({IN_PROCESS})": "empathy",
    SESSION: "empathy-session",
    peers.DISKCACHE.label: "diskcache",
    f"{peers.CASHEWS.label} (disk)": "cashews-disk",
    f"{peers.LANGGRAPH.label} (SqliteStore)": "langgraph",
}
HAVE_LOCAL_TIERS = {"quarterdeck", "empathy", "redis-py-caching"}
KEEP_NOTHING_ELSE = {"empathy"}
"""Of the embedded ones: what it writes is in its process and nowhere else."""

ON_REDIS = {SUBJECT: "quarterdeck", EMPATHY: "empathy", REDIS_PY: "redis-py"}


Finding = tuple[str, dict[str, float]]
"""What a table says, and the figures behind it."""


class Failed(Exception):
    """A program did not do what it was started for; the message says what it printed last."""


class Question(NamedTuple):
    """What is to be found out, of whom.

    Attributes:
        name: as the tables show it.
        embedded, on_redis: who is asked, by what the tables call them.
        size: how much is done, in *unit*.
        find_out: does it.
    """

    name: str
    embedded: Mapping[str, str]
    on_redis: Mapping[str, str]
    size: int
    unit: str
    find_out: Callable[[Site], Finding]


def run(
    stores: Stores, server: Server | None, *, share: int, say: Callable[[str], None]
) -> list[ScenarioResult]:
    """Every question, embedded and then on Redis; *share*: only one in so many of what is to be done."""
    results = []
    for at in (None, server) if server else (None,):
        where = f"Redis {at.version}" if at else "embedded"
        for question in _questions(share, can_cache=at is not None and at.can_cache):
            facts = []
            for contender, store in (question.on_redis if at else question.embedded).items():
                say(f"{question.name}, {where}: {contender}")
                facts.append(_fact(Site(stores, store, at), contender, question.find_out))
            results.append(facts_result(question.name, where, question.size, facts, unit=question.unit))
    return results


def _questions(share: int, *, can_cache: bool) -> list[Question]:
    seconds, kills, entries = READ_FOR_S // share, KILLS // share, ENTRIES // share
    stale, lost = partial(_stale, seconds=seconds), partial(_lost, kills=kills)
    size = partial(_size, entries=entries)
    copying = ON_REDIS | ({CACHING: "redis-py-caching"} if can_cache else {})
    json_bytes = len(as_bytes(value(0)))
    return [
        Question(
            f"stale reads, {READERS} readers, 1 writer", SHARED_FILES, copying, seconds, "seconds", stale
        ),
        Question("writes lost to kill -9", DURABLE_FILES, ON_REDIS, kills, "kills", lost),
        Question("bytes per entry", SIZED, copying, json_bytes, "bytes of JSON", size),
    ]


class Site:
    """One store in its place, empty at first: a folder, or the server."""

    def __init__(
        self, stores: Stores, store: str, server: Server | None = None, within: Path = FOLDER
    ) -> None:
        self.store = store
        self.folder = within / store
        self.server = server
        self._within = within
        self.place = str(self.folder) if server is None else server.url
        self._stores = stores
        shutil.rmtree(within, ignore_errors=True)
        self.folder.mkdir(parents=True)
        if server is not None:
            server.empty()

    @contextlib.contextmanager
    def running(self, program: str, *arguments: object) -> Iterator[Running]:
        """A program of `programs` at work here; killed with SIGKILL when the block is left."""
        argv = self._stores.command(self.store, program, self.place, *arguments)
        env = {**os.environ, **self._stores.variables(self.store)}
        with tempfile.TemporaryFile() as output:
            process = subprocess.Popen(
                argv,
                cwd=self._within,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            try:
                yield Running(process, output)
            finally:
                process.kill()
                process.wait()

    def answer(self, program: str, *arguments: object) -> list[float]:
        """The numbers that a program prints last."""
        with self.running(program, *arguments) as it:
            return it.answer()

    @contextlib.contextmanager
    def shared(self, size_bytes: int, name: str = "shared") -> Iterator[tuple[Path, mmap.mmap]]:
        """A file of zeros that this process and those programs map into their memories."""
        path = self._within / name
        path.write_bytes(bytes(size_bytes))
        with open(path, "r+b") as file, mmap.mmap(file.fileno(), size_bytes) as mapped:
            yield path, mapped


class Running:
    """A program that was started, and what it has printed."""

    def __init__(self, process: subprocess.Popen[bytes], output: IO[bytes]) -> None:
        self._process = process
        self._output = output

    def wait_until(self, true: Callable[[], bool]) -> None:
        """Return as soon as *true* is.

        Raises:
            Failed: the program has ended, or `PATIENCE_S` seconds are over.
        """
        deadline = time.monotonic() + PATIENCE_S
        while not true():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise Failed(self._last_line())
            time.sleep(0.0005)

    def answer(self) -> list[float]:
        """The numbers in its last line, when it has ended.

        Raises:
            Failed: it has ended in another way, or not in time.
        """
        self.wait_until(lambda: self._process.poll() is not None)
        if self._process.returncode:
            raise Failed(self._last_line())
        return [float(word) for word in self._last_line().split()]

    def _last_line(self) -> str:
        self._output.seek(0)
        lines = self._output.read().decode(errors="replace").strip().splitlines()
        return lines[-1].strip()[:120] if lines else "it printed nothing"


def _fact(site: Site, contender: str, find_out: Callable[[Site], Finding]) -> Fact:
    try:
        text, figures = find_out(site)
    except Failed as failed:
        return Fact(contender, "", {}, str(failed))
    return Fact(contender, text, figures)


def _stale(site: Site, *, seconds: int) -> Finding:
    with contextlib.ExitStack() as stack:
        path, acknowledged = stack.enter_context(site.shared(8))
        writer = stack.enter_context(site.running("stale", path, "write"))
        writer.wait_until(lambda: acknowledged[:8] != bytes(8))
        readers = [stack.enter_context(site.running("stale", path, "read", seconds)) for _ in range(READERS)]
        answers = [reader.answer() for reader in readers]
        writes = int.from_bytes(acknowledged[:8], "little")
    reads, stale = (sum(column) for column in zip(*answers, strict=True))
    return some_of(stale, reads), {"reads": reads, "stale": stale, "writes": writes}


def _lost(site: Site, *, kills: int) -> Finding:
    dice = random.Random(kills)
    with site.shared(SHARED.size) as (path, mapped):
        for life in range(1, kills + 1):
            enough = dice.choice(WRITES_OF_A_LIFE)
            with site.running("kills", path, "write") as writer:
                writer.wait_until(partial(has_written, mapped, life, enough))
        with site.running("kills", path, "look") as last:
            last.wait_until(partial(has_written, mapped, kills + 1, 0))
        _, _, acknowledged, lost = SHARED.unpack(mapped)
    return some_of(lost, acknowledged), {"acknowledged": acknowledged, "lost": lost, "kills": kills}


def has_written(mapped: mmap.mmap, life: int, enough: int) -> bool:
    """Whether a program ``kills`` is in that life, and has been told of so many writes in it."""
    now, acknowledged, _, _ = SHARED.unpack(mapped)
    return bool(now == life and acknowledged >= enough)


def _size(site: Site, *, entries: int) -> Finding:
    figures = {}
    is_in_process = site.server is None and site.store in KEEP_NOTHING_ELSE
    if not is_in_process:
        where = "on disk" if site.server is None else "on the server"
        before = _kept_bytes(site)
        site.answer("sizes", "fill", entries)
        figures[where] = (_kept_bytes(site) - before) / entries
    if site.store in HAVE_LOCAL_TIERS:
        (figures["in the process"],) = site.answer("sizes", "put" if is_in_process else "get", entries)
    return ", ".join(f"{figure:.0f} {where}" for where, figure in figures.items()), figures


def _kept_bytes(site: Site) -> int:
    """What the store takes outside of any process."""
    if site.server is not None:
        return site.server.used_bytes()
    return sum(path.stat().st_size for path in site.folder.rglob("*") if path.is_file())


def some_of(some: float, of_all: float) -> str:
    """``0 of 1,234``, or ``617 of 1,234 (50.0 %)``."""
    text = f"{some:,.0f} of {of_all:,.0f}"
    return f"{text} ({100 * some / of_all:.1f} %)" if some else text
