"""How tests of commands call ``qd``: in this process, as the console script does."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from quarterdeck.cli import main

if TYPE_CHECKING:
    from pathlib import Path


class Result(NamedTuple):
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """Standard output as JSON."""
        answer: dict[str, Any] = json.loads(self.out)
        return answer


Qd = Callable[..., Result]


@pytest.fixture
def qd(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Qd:
    """Calls ``qd ARGUMENTS``."""

    def call(*arguments: str) -> Result:
        monkeypatch.setattr("sys.argv", ["qd", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main()
        printed = capsys.readouterr()
        code = stop.value.code
        return Result(code if isinstance(code, int) else 0, printed.out, printed.err)

    return call


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small project, and the working folder: a tested file, an untested one, a knotty one, some words."""
    root = tmp_path / "shop"
    use = "from shop.prices import price\n\n\n"
    branches = "".join(f"    if x == {number}:\n        return price({number})\n" for number in range(20))
    files = {
        "pyproject.toml": "[project]\nname = 'shop'\n",
        "README.md": "# Shop\n",
        "shop/__init__.py": "",
        "shop/prices.py": '"""Prices."""\n\ndef price(x: int) -> int:\n    """One price."""\n    return x\n',
        "shop/orders.py": f"{use}def order(x):\n    return price(x) if x else 0\n",
        "shop/knot.py": f"{use}def knot(x):\n{branches}",
        "tests/test_prices.py": f"{use}def test_price():\n    assert price(1) == 1\n",
    }
    for path, text in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with nothing in it, which is also the working folder."""
    root = tmp_path / "nothing"
    root.mkdir()
    monkeypatch.chdir(root)
    return root
