"""``qd coverage``: taking in what was measured."""

from __future__ import annotations

import json
import sys

import pytest


@pytest.fixture
def report(project):
    """A coverage.json with one proven pair and a file of somebody else's."""
    contexts = {"5": ["tests/test_prices.py::test_price|run"], "3": [""]}
    files = {
        "shop/prices.py": {"executed_lines": [3, 5], "missing_lines": [], "contexts": contexts},
        "shop/knot.py": {
            "executed_lines": [4],
            "missing_lines": [5, 6, 7],
            "contexts": {"4": ["gone.test_x"]},
        },
        "/elsewhere/x.py": {"executed_lines": [1], "missing_lines": []},
    }
    (project / "coverage.json").write_text(json.dumps({"files": files}))
    return "coverage.json"


def test_percent_and_proof_reach_the_index(qd, report):
    """What was taken in is what later commands answer with."""
    answer = qd("coverage", report, "--json").json
    assert answer["files"] == {"shop/prices.py": 100.0, "shop/knot.py": 25.0}
    assert answer["unknown"] == ["/elsewhere/x.py"]
    assert (answer["average_percent"], answer["proven_pairs"], answer["unknown_contexts"]) == (62.5, 1, 1)
    assert qd("file", "shop/knot.py", "--json").json["file"]["coverage_percent"] == 25.0
    assert [each["how"] for each in qd("tests", "for", "shop/prices.py", "--json").json["tests"]] == [
        "proven"
    ]


def test_the_words_say_the_same(qd, report):
    """Files, average, pairs, and what was not understood."""
    out = qd("coverage", report).out
    for words in ("2 files taken in, 62.5 %", "/elsewhere/x.py", "1 pairs", "1 contexts belong to no test"):
        assert words in out


@pytest.mark.usefixtures("project")
def test_what_is_no_report_ends_with_3(qd):
    """Any other file of the project, or none."""
    assert qd("coverage", "README.md").code == 3
    assert qd("coverage", "nowhere").code == 3


def test_without_coverage_py_its_database_cannot_be_read(qd, project, monkeypatch):
    """The error names the way without it, too."""
    from coverage import CoverageData

    data = CoverageData(basename=str(project / ".coverage"))
    data.add_lines({str(project / "shop/prices.py"): [3]})
    data.write()
    data.close()
    monkeypatch.setitem(sys.modules, "coverage", None)
    result = qd("coverage", ".coverage")
    assert result.code == 2
    assert "coverage json" in result.err
