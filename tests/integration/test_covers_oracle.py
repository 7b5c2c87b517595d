"""The test map against what a coverage run saw, on a library that nobody here wrote.

A test covers a file when lines of the file ran in a context of the test. The same comparison on nine
libraries set the confidence of each reason: docs/decisions/0004-test-map.md.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from bench.coverage_links import compare, table

SETTINGS = "[run]\nsource = src\nrelative_files = true\ndynamic_context = test_function\n"


@pytest.fixture(scope="module")
def measured(corpora, tmp_path_factory):
    """(what the map names, what ran) for pluggy, after its own tests ran under coverage."""
    root = tmp_path_factory.mktemp("covers") / "pluggy"
    shutil.copytree(corpora["pluggy"], root)
    (root / ".coveragerc").write_text(SETTINGS)
    (root / "pytest.ini").write_text("[pytest]\ntestpaths = testing\n")
    done = subprocess.run(
        [sys.executable, "-m", "coverage", "run", "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root / "src")},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-2000:]
    named, proven = compare(str(root))
    print(*table("pluggy", named, proven), sep="\n")  # noqa: T201 - the measurement, for whoever reads the log
    return named, proven


def test_an_import_means_that_the_test_runs_the_file(measured):
    """In nearly all pairs (measured here: 18 of 19; nine libraries pooled: 0.91)."""
    named, proven = measured
    imported = [pair for pair, how in named.items() if how == "import"]
    right = sum(pair in proven for pair in imported)
    assert len(imported) >= 10
    assert right >= 0.9 * len(imported), sorted(set(imported) - proven)


def test_most_of_what_ran_is_named_by_some_reason(measured):
    """Every reason together finds nearly all pairs that ran: a test left out is a failure missed."""
    named, proven = measured
    assert len(set(named) & proven) >= 0.9 * len(proven), sorted(proven - set(named))
