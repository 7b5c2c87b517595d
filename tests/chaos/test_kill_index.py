"""kill -9 at any moment of a scan: the next answer is right, and nothing is left behind."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sqlite3
import sys
import time
from pathlib import Path

import pytest

from quarterdeck.index import IndexConfig, ProjectIndex, ProjectScanner
from quarterdeck.index.facts.fact_store import FactStore
from tests.index_worlds import assert_right, grow, run, start

SCAN = """
import sys
from quarterdeck.index import IndexConfig, ProjectScanner
print("ready", flush=True)
ProjectScanner(sys.argv[1], IndexConfig(workers=3)).scan()
"""
COLD_KILLS = 12
INCREMENTAL_KILLS = 13
FILES = 420


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """The system's folder for temporary files, of this test alone."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.fixture
def project(tmp_path, scratch):
    """Some hundred modules in a plain folder: its listing needs a scratch folder."""
    root = tmp_path / "project"
    grow(root, FILES)
    return root


def state_files():
    home = Path(os.environ["QUARTERDECK_HOME"])
    return sorted(str(path.relative_to(home)) for path in home.rglob("*") if path.is_file())


def killed(root, after_s):
    """Start a scan of *root* in a process of its own and kill that *after_s* seconds after it is ready."""
    child = start(SCAN, root)
    assert child.stdout.readline() == "ready\n"
    with contextlib.suppress(Exception):
        child.wait(after_s)
    child.send_signal(signal.SIGKILL)
    _, complaint = child.communicate(timeout=60)  # ends when the last process that holds its stderr has ended
    assert complaint == ""
    return child.pid


def duration(root):
    """Seconds that one whole scan takes from "ready" on."""
    child = start(SCAN, root)
    child.stdout.readline()
    began = time.monotonic()
    assert child.wait(60) == 0
    child.communicate()
    return time.monotonic() - began


def serving(root):
    """Command lines of the workers that are alive for *root*."""
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = process.read_bytes().split(b"\0")
            if os.fsencode(root) in words and any(b"serve" in word for word in words):
                found.append(words)
    return found


def assert_sound():
    """Every store there is passes SQLite's own examination."""
    for path in Path(os.environ["QUARTERDECK_HOME"]).rglob("*.sqlite"):
        with contextlib.closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.skipif(sys.platform != "linux", reason="looks for orphans in /proc")
def test_a_killed_scan_leaves_a_usable_index_and_no_orphans(project, scratch):
    """After each of many kills the answer is right and the stores are sound; nothing is left behind."""
    whole_s = duration(project)
    ProjectScanner(str(project)).clear_cache()
    dice = random.Random(20)
    for number in range(COLD_KILLS + INCREMENTAL_KILLS):
        if number < COLD_KILLS:
            ProjectScanner(str(project)).clear_cache()
            after_s = dice.uniform(0, whole_s)
        else:
            for changed in dice.sample(range(FILES), 150):
                path = project / "pkg" / f"m{changed}.py"
                path.write_text(path.read_text() + f"x{number} = 1\n")
            after_s = dice.uniform(0, whole_s * 0.6)
        killed(project, after_s)
        assert serving(project) == []
        assert_sound()
        assert assert_right(project) == ()
    assert {Path(name).name for name in state_files()} == {
        ".gitignore",
        "index.sqlite",
        "index.sqlite.lock",
        "index.sqlite.seal",
        "facts.sqlite",
    }
    assert [path for path in scratch.rglob("*") if path.is_file()] == []
    assert len(list(scratch.rglob("*"))) <= 1  # our own folder, empty


def test_what_a_killed_scan_has_extracted_is_not_extracted_again(project, scratch):
    """A scan that was killed half way leaves its facts; the next one reads them instead of parsing."""
    code = (
        "import os, signal, sys\nfrom quarterdeck.index import IndexConfig, ProjectIndex\n"
        f"def progress(done, total):\n    if done > {FILES * 0.7}:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "ProjectIndex(sys.argv[1], IndexConfig(workers=1), progress=progress).refresh()\n"
    )
    assert run(code, project) == (-signal.SIGKILL, "", "")
    facts = FactStore(os.path.join(os.environ["QUARTERDECK_HOME"], "cache", "facts.sqlite"))
    kept = facts.stats().size
    facts.close()
    assert kept is not None
    assert kept >= 200
    scanner = ProjectScanner(str(project), IndexConfig(workers=1))
    scanner.scan()
    stats = {each.name: each for each in scanner.cache_stats()}["index.facts"]
    assert (stats.hits, stats.misses) == (kept, FILES - kept)


def test_a_killed_process_does_lose_its_scratch_folder(project, scratch):
    """What a kill left in the system's temporary folder is gone after the next listing."""
    code = (
        "import os, signal\nfrom quarterdeck.index.disk.scratch import Scratch\n"
        "with Scratch() as scratch:\n    scratch.folder()\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    child = start(code)
    child.communicate()
    assert child.returncode == -signal.SIGKILL
    (own,) = scratch.iterdir()
    assert len(list(own.iterdir())) == 1
    with ProjectIndex(str(project), IndexConfig(workers=1)) as index:
        index.refresh()
    assert list(own.iterdir()) == []
    assert own.stat().st_mode & 0o777 == 0o700


def test_a_scratch_folder_in_use_is_left_alone(scratch):
    """Two processes at once: neither sweeps the other's folder away."""
    from quarterdeck.index.disk.scratch import Scratch

    with Scratch() as ours:
        folder = ours.folder()
        code = (
            "from quarterdeck.index.disk.scratch import Scratch\n"
            "with Scratch() as scratch:\n    print(scratch.folder())\n"
        )
        child = start(code)
        out, err = child.communicate(timeout=60)
        assert (child.returncode, err) == (0, "")
        assert os.path.dirname(os.path.dirname(out.strip())) == os.path.dirname(os.path.dirname(folder))
        assert os.path.isdir(folder)
    assert not os.path.exists(folder)


def test_a_scratch_folder_of_somebody_else_is_not_used(scratch, tmp_path):
    """A symlink planted under our name in a shared temporary folder leads nowhere."""
    from quarterdeck.index.disk.scratch import Scratch

    (tmp_path / "theirs").mkdir()
    (scratch / f"quarterdeck-{os.geteuid()}").symlink_to(tmp_path / "theirs")
    with Scratch() as ours, pytest.raises(PermissionError, match="somebody else"):
        ours.folder()
    assert list((tmp_path / "theirs").iterdir()) == []


def test_workers_end_without_a_word_when_their_parent_is_killed(project):
    """A worker in the middle of a batch has nobody to answer to: it ends, and prints no traceback."""
    for _ in range(3):
        ProjectScanner(str(project)).clear_cache()
        killed(project, 0.25)
        assert serving(project) == []
