"""Files that no parser, terminal or reader expects: each is listed and none does harm."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import pytest

from quarterdeck.index import IndexConfig, ProjectIndex, ProjectScanner
from quarterdeck.index.facts import crew
from quarterdeck.index.facts.examine import examine
from tests.index_worlds import NOBODY, assert_right, everything, grow, qd, rebuilt, run, start

RSS = """
import sys
from quarterdeck.index import IndexConfig, ProjectScanner
records, _ = ProjectScanner(sys.argv[1], IndexConfig(workers=1)).scan()
(peak,) = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(int(peak) // 1024, records[0].error)
"""


def scanned(root):
    """Every record by path, after the kept and a clean index agreed on them."""
    assert assert_right(root) == ()
    records, _ = ProjectScanner(str(root)).scan()
    return {record.path: record for record in records}


def test_the_standard_library_with_its_bad_files(corpora, tmp_path, capfd):
    """Every file of CPython's own source, broken on purpose or not, is read; errors name a line."""
    root = tmp_path / "Lib"
    shutil.copytree(
        corpora["stdlib"], root, symlinks=True, ignore=shutil.ignore_patterns("__pycache__", "*-packages")
    )
    records, _ = ProjectScanner(str(root)).scan()
    broken = [record for record in records if record.error and record.size_bytes <= 2_000_000]
    assert len(records) > 1000
    assert broken
    assert [record.error for record in broken if not re.match(r"line [1-9]\d*: \S", record.error)] == []
    for record in records:
        if record.language == "python":
            try:
                with warnings.catch_warnings(action="ignore"):
                    ast.parse((root / record.path).read_bytes())
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                assert record.error
    assert capfd.readouterr() == ("", "")


NESTED = {
    "brackets": ("(" * 600, ")" * 600),
    "lists": ("x = " + "[" * 100_000, "]" * 100_000),
    "binary": ("x = 1" + " + 1" * 100_000, ""),
    "unary": ("x = " + "-" * 100_000 + "1", ""),
    "nots": ("x = " + "not " * 100_000 + "1", ""),
    "attributes": ("x = a" + ".b" * 100_000, ""),
    "calls": ("x = f" + "()" * 100_000, ""),
    "lambdas": ("x = " + "lambda: " * 5_000 + "1", ""),
    "conditions": ("x = " + "1 if a else " * 5_000 + "1", ""),
    "elifs": ("if a:\n    pass\n" + "elif b:\n    pass\n" * 5_000, ""),
    "ifs": ("".join(" " * depth + "if a:\n" for depth in range(99)) + " " * 99 + "pass", ""),
    "functions": ("".join(" " * depth + "def f():\n" for depth in range(99)) + " " * 99 + "pass", ""),
    "indents": ("".join(" " * depth + "if a:\n" for depth in range(600)) + " " * 600 + "pass", ""),
    "strings": ("x = " + "'a' " * 100_000, ""),
    "formats": ("x = f'" + "{f'" * 1, "'}'"),
}
ODD = {
    "empty.py": b"",
    "bom.py": b"\xef\xbb\xbfx = 1\n",
    "two_boms.py": b"\xef\xbb\xbf\xef\xbb\xbfx = 1\n",
    "utf16.py": "x = 1\n".encode("utf-16"),
    "latin.py": b"# -*- coding: latin-1 -*-\nx = '\xe9'\n",
    "wrong_coding.py": b"# -*- coding: no-such-thing -*-\nx = 1\n",
    "hex_coding.py": b"# -*- coding: hex -*-\n6f\n",
    "idna_coding.py": b"# -*- coding: idna -*-\nx = 1\n",
    "not_utf8.py": b"x = '\xff\xfe'\n",
    "nul.py": b"x = 1\n\0\ny = 2\n",
    "only_nul.py": b"\0" * 4096,
    "surrogate.py": b"x = '\\ud800'\ndef \\u0066(): pass\n",
    "returns.py": b"x = 1\ry = 2\rdef f(\r",
    "form_feed.py": b"\x0cx = 1\n\x0c  y = 2\n",
    "no_newline.py": b"def f(): pass",
    "backslash.py": b"x = 1 \\",
    "quote.py": b"'''never closed",
    "tabs.py": b"if 1:\n\tx = 1\n        y = 2\n",
    "binary.py": bytes(range(256)) * 64,
    "binary.bin": bytes(range(256)) * 64,
    "binary.js": bytes(range(256)) * 64,
    "binary.go": b"\xff" * 9999,
    "braces.js": b"{" * 50_000,
    "braces.rs": b"fn f() {" * 20_000,
    "parens.c": b"(" * 50_000,
    "templates.cpp": b"a<" * 20_000,
    "line.js": b"x" * 1_500_000,
    "number.py": b"x = " + b"9" * 100_000 + b"\n",
    "image.png": b"\x89PNG\r\n\x1a\n" + b"\0" * 64,
    "package.json": b"[" * 100_000,
    "go.mod": b"module \xff\xfe\n" * 3,
    "pyproject.toml.bak": b"= = =",
}


def test_no_bytes_end_a_scan(tmp_path, capfd):
    """Deep trees, wrong encodings, NULs, endless lines and binary data: each is a record."""
    root = tmp_path / "project"
    grow(root, 130, functions=1)
    for name, (before, after) in NESTED.items():
        (root / f"{name}.py").write_text(f"{before}{after}\n")
    for name, content in ODD.items():
        (root / name).write_bytes(content)
    found = scanned(root)
    assert {f"{name}.py" for name in NESTED} | set(ODD) <= set(found)
    for path in (
        "lists.py",
        "nul.py",
        "only_nul.py",
        "wrong_coding.py",
        "not_utf8.py",
        "quote.py",
        "indents.py",
    ):
        assert re.match(r"line [1-9]\d*: ", found[path].error), (path, found[path].error)
    for path in ("bom.py", "latin.py", "no_newline.py", "strings.py", "image.png"):
        assert found[path].error == "", path
    assert capfd.readouterr().err == ""
    code, out, err = qd("scan", "-C", root, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["summary"]["total_files"] == len(found)


def test_a_huge_file_costs_little_memory(tmp_path):
    """A hundred megabytes are hashed and counted in pieces, never held."""
    root = tmp_path / "project"
    root.mkdir()
    with (root / "huge.py").open("wb") as file:
        file.truncate(100 << 20)
    code, out, err = run(RSS, root)
    assert (code, err) == (0, "")
    megabytes, _, error = out.partition(" ")
    assert int(megabytes) < 60
    assert error.startswith("not parsed: larger than")


def test_what_is_no_file_is_left_alone(tmp_path, monkeypatch):
    """Pipes, sockets, devices and links into nowhere: nothing waits for them and nothing follows them."""
    root = tmp_path / "project"
    grow(root, 3)
    os.mkfifo(root / "pipe.py")
    os.mkfifo(root / ".gitattributes")
    monkeypatch.chdir(root)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.py")
        (root / "loop.py").symlink_to("loop.py")
        (root / "outside.py").symlink_to("/etc/passwd")
        (root / "endless.py").symlink_to("/dev/zero")
        (root / "up").symlink_to("..")
        found = scanned(root)
    assert set(found) == {"pkg/m0.py", "pkg/m1.py", "pkg/m2.py", "loop.py", "outside.py", "endless.py", "up"}
    assert found["endless.py"].language == ""
    assert found["outside.py"].lines == 0


def test_files_and_folders_that_may_not_be_read(tmp_path):
    """They are records with a reason, or a note; the moment they may be read they are."""
    world = Path(tempfile.mkdtemp(prefix="qd-open-"))
    try:
        world.chmod(0o755)
        root, home = world / "project", world / "home"
        grow(root, 130, functions=1)
        home.mkdir()
        (root / "closed").mkdir()
        (root / "closed" / "x.py").write_text("")
        if os.geteuid() == 0:
            shutil.chown(home, NOBODY, NOBODY)
        (root / "pkg" / "m7.py").chmod(0)
        (root / "closed").chmod(0)
        places = {"QUARTERDECK_HOME": home, "nobody": True}
        code, out, err = qd("scan", "-C", root, "--json", **places)
        assert (code, "Traceback" in err) == (0, False)
        summary = json.loads(out)["summary"]
        assert summary["total_files"] == 130
        assert "could not be read" in json.dumps(summary)
        (root / "pkg" / "m7.py").chmod(0o644)
        (root / "closed").chmod(0o755)
        code, out, err = qd("scan", "-C", root, "--json", **places)
        assert json.loads(out)["summary"]["total_files"] == 131
        assert "could not be read" not in out
        assert "permission denied" not in out
    finally:
        shutil.rmtree(world)


CHURN = """
import os, random, shutil, sys
root, rounds = sys.argv[1], int(sys.argv[2])
dice = random.Random(9)
os.chdir(root)
for number in range(rounds):
    path = f"pkg/m{dice.randrange(150)}.py"
    try:
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        what = dice.randrange(6)
        if what == 0:
            with open(path, "a") as file:
                file.write("import pkg.m1\\n" * dice.randrange(200))
        elif what == 1:
            os.truncate(path, dice.randrange(50))
        elif what == 2:
            os.unlink(path)
        elif what == 3:
            os.unlink(path)
            os.mkdir(path)
            open(path + "/__init__.py", "w").close()
        elif what == 4:
            os.unlink(path)
            os.symlink("m2.py", path)
        else:
            shutil.copy("pkg/m3.py", path + ".new")
            os.replace(path + ".new", path)
    except OSError:
        pass
"""


def test_files_that_change_while_they_are_read(tmp_path):
    """They grow, shrink, vanish, turn into folders and links under a scan; once they rest, all is right."""
    root = tmp_path / "project"
    grow(root, 150, functions=6)
    churn = start(CHURN, root, 12_000)
    scans = 0
    while churn.poll() is None or scans < 5:
        with ProjectIndex(str(root), IndexConfig(workers=2)) as index, index.frozen() as state:
            records = index.get_all_files()
            assert state.files == len(records)
            index.get_outlines(records)
        scans += 1
    assert (*churn.communicate(), churn.returncode) == ("", "", 0)
    assert assert_right(root) == ()


@pytest.fixture
def killer(tmp_path, monkeypatch):
    """Workers die of SIGKILL whenever they meet a file with ``deadly`` in its name; once for ``once``."""
    start = crew._START.replace(
        "serve(",
        "import os, signal\n"
        "from quarterdeck.index.facts import crew\n"
        "whole = crew.examine\n"
        "def examine(root, path, *rest):\n"
        "    once = os.path.join(root, 'once')\n"
        "    if 'deadly' in path or ('once' in path and not os.path.exists(once)):\n"
        "        'once' in path and os.mkdir(once)\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return whole(root, path, *rest)\n"
        "crew.examine = examine\n"
        "serve(",
        1,
    )
    monkeypatch.setattr(crew, "_START", start)

    def no_danger_here(root, path, *rest):
        if "deadly" in path:
            pytest.fail("the process that everything hangs on read what kills")
        return examine(root, path, *rest)

    monkeypatch.setattr(crew, "examine", no_danger_here)


def test_a_file_that_kills_its_worker_is_one_error(tmp_path, killer):
    """The batch of a worker that died is tried again file by file; only the deadly file is lost."""
    root = tmp_path / "project"
    grow(root, 200, functions=1)
    (root / "pkg" / "aa_deadly.py").write_text("x = 1\n")
    job = crew.Job(str(root), 1 << 20, "")
    names = [f"pkg/m{number}.py" for number in range(200)]
    with crew.Crew(job, 3) as hands:
        hands.call(1000)
        worker = hands._idle[-1]
        worker.take()  # it is up, so a batch that it dies of is to blame
        found = {each.path: each for each in hands.examine(["pkg/aa_deadly.py", *names], None)}
    assert set(found) == {"pkg/aa_deadly.py", *names}
    assert [path for path, each in found.items() if each.packed.error] == ["pkg/aa_deadly.py"]
    assert found["pkg/aa_deadly.py"].packed.error == "not parsed: the parser crashed on it"


def test_a_worker_killed_from_outside_costs_nothing(tmp_path, killer):
    """A worker that somebody kills once loses no file: its batch is read again."""
    root = tmp_path / "project"
    grow(root, 200, functions=1)
    (root / "pkg" / "aa_once.py").write_text("def f(): pass\n")
    with ProjectIndex(str(root), IndexConfig(workers=3)) as index:
        records = index.get_all_files()
        assert len(records) == 201
        assert not [record.error for record in records if record.error]
        (root / "once").rmdir() if (root / "once").exists() else None
        assert everything(index) == rebuilt(root)


def test_workers_that_cannot_start_are_done_without(tmp_path, monkeypatch):
    """No process to be had, or none that comes up: everything is read here."""
    root = tmp_path / "project"
    grow(root, 300, functions=1)
    for executable in ("/nowhere/python", shutil.which("false") or "/bin/false"):
        monkeypatch.setattr(sys, "executable", executable)
        with ProjectIndex(str(root), IndexConfig(workers=3), use_cache=False) as index:
            records = index.get_all_files()
            assert len(records) == 300
            assert not [record.error for record in records if record.error]


NAMES = [
    b"new\nline.py",
    b"esc\x1b[31m\x1b]0;owned\x07.py",
    b"bell\x07 and\rreturn.py",
    b"not\xff\xfeutf8.py",
    b"c1\xc2\x9b31m.py",
    "right\u202eto left.py".encode(),
    b"-rf.py",
    b" lead and trail .py",
    b"quote'\"`$(touch owned).py",
    b"back\\slash.py",
    b":(glob)magic.py",
    b"[bold]markup[red].py",
    "\N{SNOWMAN}.py".encode(),
    b"n" * 250 + b".py",
    b"#comment.py",
    b"!bang.py",
    b"<script>alert(1)<svg onload=x>.py",
]
COMMANDS = [
    ["scan"],
    ["scan", "--stats"],
    ["summary"],
    ["files"],
    ["files", "--untested"],
    ["hotspots"],
    ["map", "-t", "2000"],
    ["report", "health"],
    ["report", "tests"],
    ["report", "staleness"],
    ["report", "coverage"],
    ["report", "sprint"],
]


@pytest.fixture
def nasty(tmp_path):
    root = tmp_path / "project"
    (root / "fold\x1b[2Jer\n").mkdir(parents=True)
    for name in NAMES:
        for folder in (os.fsencode(root), os.fsencode(root / "fold\x1b[2Jer\n")):
            path = os.path.join(folder, name)
            with open(path, "w") as file:
                file.write("import os\n\ndef long(a):\n" + "    if a:\n        a += 1\n" * 30)
    return root


def test_hostile_names_are_files_like_any_other(nasty):
    """They are found, read and kept, and nothing in them is run."""
    found = scanned(nasty)
    assert {os.fsencode(path) for path in found} >= set(NAMES)
    assert not list(nasty.rglob("owned"))
    with ProjectIndex(str(nasty)) as index:
        for path in found:
            assert index.update_file(path, seen=True).metadata == {"seen": True}


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_command_prints_a_hostile_name_as_it_is(nasty, command):
    """No control character reaches a terminal, and JSON is JSON."""
    code, out, err = qd(*command, "-C", nasty)
    assert code in {0, 1}, err
    assert "Traceback" not in err
    hostile = [char for char in out + err if not char.isprintable() and char != "\n"]
    assert not hostile
    code, out, err = qd(*command, "-C", nasty, "--json")
    assert "Traceback" not in err
    json.loads(out)


@pytest.fixture
def wide_and_deep():
    """A folder that pytest's own cleaning cannot remove: it recurses."""
    folder = Path(tempfile.mkdtemp(prefix="qd-deep-"))
    yield folder
    subprocess.run(["rm", "-rf", str(folder)], check=True)


def test_a_folder_with_very_many_files_and_one_very_deep(wide_and_deep):
    """Fifty thousand names side by side and a thousand folders inside each other are nothing special."""
    root = wide_and_deep / "project"
    flat = root / "flat"
    flat.mkdir(parents=True)
    descriptor = os.open(flat, os.O_RDONLY)
    for number in range(50_000):
        os.close(os.open(f"f{number}.dat", os.O_CREAT | os.O_WRONLY, dir_fd=descriptor))
    os.close(descriptor)
    deep = str(root)
    for _ in range(1000):
        deep += "/d"
        os.mkdir(deep)
    Path(deep, "bottom.py").write_text("x = 1\n")
    scanner = ProjectScanner(str(root), use_cache=False)
    records, summary = scanner.scan()
    assert summary.total_files == len(records) == 50_001
    assert sum(record.path.endswith("bottom.py") for record in records) == 1
