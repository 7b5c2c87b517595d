"""What the tests of the refresh share: a small project and its working tree."""

from __future__ import annotations

import contextlib

import pytest

from quarterdeck.index import IndexConfig
from quarterdeck.index.refresh.working_tree import WorkingTree
from quarterdeck.workspace import open_workspace

FILES = {
    "app/__init__.py": "",
    "app/a.py": "from app.b import g\n\n\ndef f():\n    return g()\n",
    "app/b.py": "def g():\n    return 1\n",
    "tests/test_a.py": "from app.a import f\n\n\ndef test_f():\n    assert f() == 1\n",
    "notes.md": "# Notes\n",
}


@pytest.fixture
def root(tmp_path):
    """Two modules, a test and a text."""
    root = tmp_path / "project"
    for path, text in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


@pytest.fixture
def opened(root):
    """Opens the working tree of *root* with some settings; closes it when the test is over."""
    with contextlib.ExitStack() as stack:

        def open_tree(**settings):
            keep = settings.pop("keep", True)
            tree = WorkingTree(
                open_workspace(str(root)), IndexConfig(workers=1)._replace(**settings), keep=keep
            )
            return stack.enter_context(contextlib.closing(tree))

        yield open_tree


@pytest.fixture
def tree(opened):
    """The working tree of *root*, already read once."""
    tree = opened()
    tree.verify()
    return tree
