"""Many sessions, read by several processes."""

from __future__ import annotations

import os
import pickle
import subprocess
from typing import TYPE_CHECKING

import pytest

from quarterdeck.loops.sessions import side_by_side
from quarterdeck.loops.sessions.prices import prices_of
from quarterdeck.loops.sessions.scan import scan
from quarterdeck.loops.sessions.side_by_side import scan_side_by_side
from quarterdeck.loops.settings import LoopSettings
from tests.session_worlds import Transcript

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = LoopSettings(polling=("wait_*",))


@pytest.fixture
def paths(tmp_path: Path) -> list[str]:
    """Sessions with loops and without, long and short, and some that cannot be read."""
    found = []
    for number, calls in enumerate((30, 2, 8, 40, 0, 5, 12)):
        transcript = Transcript(tmp_path / f"{number}.jsonl").asked()
        transcript.called(calls, tool="wait_for_it" if number == 2 else "Grep")
        found.append(str(transcript.path))
    (tmp_path / "words\udcff.jsonl").write_text("just words\n")
    return [str(tmp_path / "gone"), *found, str(tmp_path / "words\udcff.jsonl")]


@pytest.fixture
def started(monkeypatch) -> list[subprocess.Popen[bytes]]:
    """The workers that are started."""
    workers: list[subprocess.Popen[bytes]] = []
    real = subprocess.Popen

    def noted(*command: object, **settings: object) -> subprocess.Popen[bytes]:
        workers.append(real(*command, **settings))  # type: ignore[call-overload]
        return workers[-1]

    monkeypatch.setattr(subprocess, "Popen", noted)
    return workers


def alone(paths: list[str], root: Path) -> list[object]:
    """What one process says."""
    return list(scan(paths, SETTINGS, prices=prices_of(str(root))))


@pytest.mark.parametrize("processes", [1, 2, 3, 20])
def test_several_processes_say_what_one_says(tmp_path, paths, started, processes: int):
    """In the same order, with the same settings and prices; none is left when all is told."""
    found = list(scan_side_by_side(paths, SETTINGS, str(tmp_path), processes=processes))
    assert found == alone(paths, tmp_path)
    assert sum(bool(each.loops) for each in found) == 4
    assert len(started) == min(processes, len(paths)) - 1
    assert all(worker.returncode is not None for worker in started)


def test_for_little_no_process_is_started(tmp_path, paths, started):
    """It would take longer to start than to read."""
    assert len(list(scan_side_by_side(paths, SETTINGS, str(tmp_path)))) == len(paths)
    assert started == []


def test_for_much_there_are_as_many_as_there_are_processors(tmp_path, paths, started, monkeypatch):
    """And never more."""
    monkeypatch.setattr(side_by_side, "WORTH_A_PROCESS_BYTES", 1000)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert list(scan_side_by_side(paths, SETTINGS, str(tmp_path))) == alone(paths, tmp_path)
    assert len(started) == 2


def test_what_a_dead_worker_has_not_told_is_read_all_the_same(tmp_path, paths, started):
    """Killed before it said a word."""
    found = scan_side_by_side(paths, SETTINGS, str(tmp_path), processes=2)
    told = [next(found)]
    started[0].kill()
    started[0].wait()
    assert [*told, *found] == alone(paths, tmp_path)


def test_half_an_answer_is_none(tmp_path, paths, monkeypatch):
    """A worker may be killed in the middle of a word."""
    half = pickle.dumps(alone(paths, tmp_path)[1])[:-9]
    monkeypatch.setattr(side_by_side, "_START", f"import sys; sys.stdout.buffer.write({half!r})")
    assert list(scan_side_by_side(paths, SETTINGS, str(tmp_path), processes=2)) == alone(paths, tmp_path)


def test_where_no_process_can_be_had_this_one_reads_all(tmp_path, paths, monkeypatch):
    """A limit of the system is no reason to say nothing."""

    def refused(*command: object, **settings: object) -> None:
        raise BlockingIOError("no more processes")

    monkeypatch.setattr(subprocess, "Popen", refused)
    assert list(scan_side_by_side(paths, SETTINGS, str(tmp_path), processes=3)) == alone(paths, tmp_path)


def test_whoever_stops_listening_leaves_no_worker_behind(tmp_path, paths, started):
    """As an interrupt does."""
    found = scan_side_by_side(paths, SETTINGS, str(tmp_path), processes=3)
    next(found)
    found.close()  # type: ignore[attr-defined]
    assert [worker.returncode is not None for worker in started] == [True, True]
