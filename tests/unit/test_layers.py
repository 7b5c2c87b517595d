"""The floors hold: each contract in pyproject.toml breaks when it is violated."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "quarterdeck"
LINT_IMPORTS = Path(sys.executable).parent / "lint-imports"

VIOLATIONS = {
    "the lowest floor reaches up": ("errors.py", "import quarterdeck.files", "floors"),
    "files knows where state lives": ("files.py", "import quarterdeck.workspace", "floors"),
    "the workspace reads settings": ("workspace.py", "import quarterdeck.config", "floors"),
    "settings open a database": ("config.py", "import quarterdeck.sqlite", "floors"),
    "two rooms on one floor know each other": ("caches.py", "import quarterdeck.sqlite", "floors"),
    "the database knows the index": ("sqlite.py", "from quarterdeck.index import settings", "floors"),
    "the journal knows the index": ("journal/__init__.py", "import quarterdeck.index", "floors"),
    "the index records costs": ("index/settings.py", "import quarterdeck.costs", "floors"),
    "costs remember": ("costs/__init__.py", "import quarterdeck.memory", "floors"),
    "memory runs workflows": ("memory/__init__.py", "import quarterdeck.workflows", "floors"),
    "workflows write tests": ("workflows/__init__.py", "import quarterdeck.testgen", "floors"),
    "the test generator prints": ("testgen/__init__.py", "import quarterdeck.cli", "floors"),
    "the command line serves pages": ("cli/shown.py", "import quarterdeck.web", "floors"),
    "a shipped room needs the test suites": ("index/settings.py", "import quarterdeck.testing", "floors"),
    "a room has no floor": ("attic.py", "", "floors"),
    "two files of a room need each other": (
        "index/disk/signature.py",
        "import quarterdeck.index.disk.cyclic",
        "cycles",
    ),
    "the graph opens a store": ("index/graph/reach.py", "import quarterdeck.index.store.seal", "index"),
    "money knows how it is written down": ("costs/money.py", "import quarterdeck.costs.line", "costs"),
    "a price depends on the ledger": (
        "costs/pricing/__init__.py",
        "import quarterdeck.costs.ledger",
        "costs",
    ),
    "the ledger obeys budgets": ("costs/ledger/__init__.py", "import quarterdeck.costs.budgets", "costs"),
    "budgets read transcripts": ("costs/budgets/__init__.py", "import quarterdeck.costs.importers", "costs"),
    "transcripts are tracked": ("costs/importers/__init__.py", "import quarterdeck.costs.tracker", "costs"),
    "two ways in know each other": ("costs/capture/__init__.py", "import quarterdeck.costs.tracker", "costs"),
    "a client outside its adapter": ("cli/shown.py", "import redis", "adapters"),
    "published prices outside their adapter": ("costs/line.py", "import genai_prices", "adapters"),
    "a grammar outside its adapter": ("index/settings.py", "import tree_sitter_go", "adapters"),
}
NEW_ROOMS = ("costs", "journal", "memory", "testgen", "testing", "web", "workflows")


def lint(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Check this repository's contracts on the package in *folder*."""
    command = [str(LINT_IMPORTS), "--config", str(ROOT / "pyproject.toml"), "--no-logo", "--no-cache"]
    command += options
    return subprocess.run(
        command, cwd=folder, env={"PYTHONPATH": str(folder)}, capture_output=True, text=True, check=False
    )


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package in which every room of the plan exists."""
    copy = tmp_path / "quarterdeck"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    for room in NEW_ROOMS:
        (copy / room).mkdir(exist_ok=True)
        (copy / room / "__init__.py").touch()
    (copy / "cli" / "shown.py").touch()
    (copy / "index" / "disk" / "cyclic.py").write_text("import quarterdeck.index.disk.signature\n")
    return copy


def test_every_room_of_the_plan_has_its_floor(package: Path):
    """The contracts hold on the package as it is, also with the rooms that are not built yet."""
    checked = lint(package.parent)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("violation", VIOLATIONS)
def test_a_contract_breaks_when_it_is_violated(package: Path, violation: str):
    """Every floor notices an import that its neighbours must not have."""
    file, line, contract = VIOLATIONS[violation]
    with open(package / file, "a", encoding="utf-8") as source:
        source.write(f"\n{line}\n")
    checked = lint(package.parent, "--contract", contract)
    assert checked.returncode == 1
    assert "BROKEN" in checked.stdout or "Could not run" in checked.stdout, checked.stdout + checked.stderr
