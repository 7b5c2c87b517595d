"""The test map against what a coverage run saw, on this project's own fast tests.

A test covers a file when lines of the file ran in a context of the test. The same comparison on nine
libraries set the confidence of each reason: docs/decisions/0004-test-map.md.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from bench.coverage_links import compare, table

OURSELVES = Path(__file__).parents[2]
FAST = (
    "test_graph.py test_resolve.py test_classify.py test_definitions.py test_test_map.py test_signature.py "
    "test_text_facts.py test_python_facts.py test_changes.py test_coverage_data.py"
)
LOWEST_PRECISION = 0.7
"""Below the pooled 0.91: several of these files hold value types alone, in which only imports run."""
SETTINGS = "[run]\nsource = src\nrelative_files = true\ndynamic_context = test_function\n"


def test_an_import_means_that_the_test_runs_the_file(tmp_path):
    """In most pairs; the table shows all reasons."""
    root = tmp_path / "project"
    shutil.copytree(OURSELVES / "src", root / "src", ignore=shutil.ignore_patterns("__pycache__"))
    for name in FAST.split():
        target = root / "tests/unit/index" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(OURSELVES / "tests/unit/index" / name, target)
    (root / ".coveragerc").write_text(SETTINGS)
    (root / "pytest.ini").write_text("[pytest]\n")
    subprocess.run(
        [sys.executable, "-m", "coverage", "run", "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root / "src")},
        check=True,
        capture_output=True,
    )
    named, proven = compare(str(root))
    print(*table("ourselves", named, proven), sep="\n")  # noqa: T201 - the measurement, for whoever reads the log
    imported = [pair for pair, how in named.items() if how == "import"]
    right = sum(pair in proven for pair in imported)
    assert len(imported) >= 10
    assert right >= LOWEST_PRECISION * len(imported), sorted(set(imported) - proven)
