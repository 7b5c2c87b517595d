"""What the tests of the index in hostile worlds share: trees, whole answers, and processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from quarterdeck import config
from quarterdeck.index import IndexConfig, ProjectIndex

NOBODY = 65534


def grow(root, files, *, functions=12):
    """A package of *files* modules below *root*; each imports the next and no two hold the same bytes."""
    package = Path(root) / "pkg"
    package.mkdir(parents=True, exist_ok=True)
    body = "".join(
        f"def f{n}(a, b={n}):\n    '''Doc.'''\n    if a:\n        return b\n"
        "    return [x for x in range(a)]\n\n"
        for n in range(functions)
    )
    for number in range(files):
        following = (number + 1) % files
        (package / f"m{number}.py").write_text(f"import pkg.m{following}\n{body}VALUE = {number}\n")


def everything(index):
    """All that the index says, but for when it looked."""
    with index.frozen() as state:
        records = [record._replace(last_indexed=None) for record in index.get_all_files()]
        outlines = index.get_outlines(records)
        return (
            state.id,
            records,
            outlines,
            index.get_edges(),
            index.get_test_links(),
            index.get_summary(),
        )


def rebuilt(root):
    """What an index made from nothing, that trusts no store, says of *root*."""
    settings = config.load(IndexConfig, "index", str(root)).values._replace(workers=1)
    with ProjectIndex(str(root), settings, use_cache=False) as clean:
        return everything(clean)


def assert_right(root):
    """Ask the kept index and hold its answer against a clean one's; returns what it could not keep."""
    with ProjectIndex(str(root)) as index:
        assert everything(index) == rebuilt(root)
        return index.problems


def start(code, *arguments, **settings):
    """A child that runs *code*; its environment is this test's, and *settings* on top."""
    environment = {**os.environ, **{name: str(value) for name, value in settings.items()}}
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(code, *arguments, **settings):
    """(exit code, stdout, stderr) of a child that runs *code*."""
    child = start(code, *arguments, **settings)
    out, err = child.communicate(timeout=120)
    return child.returncode, out, err


AS_NOBODY = f"""
import os, sys, tempfile
kept = dict(os.environ)
with tempfile.TemporaryDirectory() as place:
    os.environ["QUARTERDECK_HOME"] = place
    for name in ("a.py", "b.js", "c.md"):
        open(os.path.join(place, name), "w").close()
    import difflib, json, tomllib, encodings.idna
    import quarterdeck.cli.scan, rich.table, rich.text
    from quarterdeck.index import IndexConfig, ProjectIndex
    for cached in (False, True):
        with ProjectIndex(place, IndexConfig(exclude_patterns=("*.md",)), use_cache=cached) as index:
            index.get_all_files()
os.environ.clear()
os.environ.update(kept)
if os.geteuid() == 0:
    os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})
"""
"""The start of a child's code that gives root's powers up, once a first scan has imported all it needs."""

QD = "import sys; from quarterdeck.cli import main; main(sys.argv[1:])"


def qd(*arguments, nobody=False, **settings):
    """(exit code, stdout, stderr) of the command ``qd``, run as nobody in particular if asked."""
    return run((AS_NOBODY if nobody else "") + QD, *arguments, **settings)
