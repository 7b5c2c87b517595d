"""However a tree was edited, the index kept up to date equals one built from nothing."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from quarterdeck.index import IndexConfig, ProjectIndex

PATHS = [
    "app/__init__.py",
    "app/a.py",
    "app/b.py",
    "app/sub/__init__.py",
    "app/sub/c.py",
    "app/sub.py",
    "src/lib/__init__.py",
    "src/lib/d.py",
    "lib/d.py",
    "tests/test_a.py",
    "tests/test_d.py",
    "tests/conftest.py",
    "web/x.js",
    "web/y.js",
    "notes.txt",
    ".gitignore",
    "go.mod",
]
CONTENTS = [
    "",
    "x = 1\n",
    "def f():\n    return 1\n",
    "def f(:\n",
    "from app.a import f\nimport app.b\n",
    "from app.sub import c\nfrom app import *\n",
    "from .a import f as g\nfrom .sub.c import h\n__all__ = ['g']\n",
    "from lib.d import K\nclass K: pass\n",
    "def test_it():\n    from app import f\n    assert f()\n",
    "import { a } from './y'\nexport function f() { return a }\n",
    "*.txt\nweb/\n",
    "lib/\n!lib/d.py\n",
    "module example.org/x\n",
]


class EditedTree(RuleBasedStateMachine):
    """Random edits to a small project; the index is asked after every one."""

    @initialize()
    def an_empty_project(self):
        self.top = Path(tempfile.mkdtemp(prefix="qd-edited-"))
        self.root = self.top / "project"
        self.root.mkdir()
        self.kept = ProjectIndex(str(self.root), IndexConfig(workers=1))
        self.branch: Path | None = None

    def teardown(self):
        if hasattr(self, "top"):
            self.kept.close()
            shutil.rmtree(self.top)

    @rule(path=st.sampled_from(PATHS), content=st.sampled_from(CONTENTS))
    def write(self, path, content):
        target = self.root / path
        if target.parent.is_file() or target.is_dir():
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_symlink():
            target.unlink()
        target.write_text(content)

    @rule(path=st.sampled_from(PATHS), content=st.sampled_from(CONTENTS))
    def rewrite_with_the_same_times(self, path, content):
        target = self.root / path
        if not target.is_file() or target.is_symlink():
            return
        status = target.stat()
        target.write_text(content)
        os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))

    @rule(path=st.sampled_from(PATHS), days=st.integers(-40, 40))
    def date(self, path, days):
        target = self.root / path
        if target.exists():
            moment = 1_700_000_000 + days * 86_400
            os.utime(target, (moment, moment))

    @rule(before=st.sampled_from(PATHS), after=st.sampled_from(PATHS))
    def rename(self, before, after):
        old, new = self.root / before, self.root / after
        if old.is_file() and new.parent.is_dir() and not new.is_dir():
            old.rename(new)

    @rule(path=st.sampled_from(PATHS))
    def delete(self, path):
        (self.root / path).unlink(missing_ok=True)

    @rule(folder=st.sampled_from(["app", "app/sub", "src", "lib", "tests", "web"]))
    def delete_folder(self, folder):
        shutil.rmtree(self.root / folder, ignore_errors=True)

    @rule(path=st.sampled_from(PATHS), to=st.sampled_from(PATHS))
    def link(self, path, to):
        place = self.root / path
        if place.parent.is_dir() and not place.exists() and not place.is_symlink():
            place.symlink_to(self.root / to)

    @rule()
    def switch_branch(self):
        """All files of the other branch, with whatever times the copy gives them."""
        other = self.top / "other"
        if not other.exists():
            shutil.copytree(self.root, other, symlinks=True, ignore=shutil.ignore_patterns(".quarterdeck"))
            return
        swap = self.top / "swap"
        self.root.rename(swap)
        other.rename(self.root)
        swap.rename(other)

    @rule(path=st.sampled_from(PATHS), value=st.integers(0, 3))
    def note(self, path, value):
        if self.kept.get_file(path) is not None:
            self.kept.update_file(path, owner=value or None)

    @rule(path=st.sampled_from(PATHS), percent=st.integers(0, 100), proven=st.booleans())
    def measure(self, path, percent, proven):
        self.kept.update_coverage({path: percent}, [("tests/test_a.py", path)] if proven else [])

    @rule()
    def open_anew(self):
        self.kept.close()
        self.kept = ProjectIndex(str(self.root), IndexConfig(workers=1))

    @invariant()
    def incremental_equals_rebuilt(self):
        if not hasattr(self, "root"):
            return
        with ProjectIndex(str(self.root), IndexConfig(workers=1), use_cache=False) as clean:
            assert everything(self.kept) == everything(clean)


def everything(index):
    """All that the index says, but for when it looked."""
    with index.frozen() as state:
        records = [record._replace(last_indexed=None) for record in index.get_all_files()]
        return state.id, records, index.get_edges(), index.get_test_links(), index.get_summary()


TestEditedTree = EditedTree.TestCase
TestEditedTree.settings = settings(
    max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
