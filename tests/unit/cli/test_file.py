"""``qd file``: everything known about one file."""

from __future__ import annotations

import pytest


@pytest.mark.usefixtures("project")
def test_a_file_is_shown_with_functions_neighbours_and_tests(qd):
    """In words, for a person."""
    out = qd("file", "shop/prices.py").out
    assert out.startswith("shop/prices.py: source, python\n")
    for part in ("imported by 3", "  shop/orders.py", "tests/test_prices.py", "import", "price"):
        assert part in out


@pytest.mark.usefixtures("project")
def test_reasons_for_attention_come_first(qd):
    """Right under the name."""
    assert "needs attention: " in qd("file", "shop/knot.py").out.splitlines()[1]


@pytest.mark.usefixtures("project")
def test_json_holds_record_outline_and_tests(qd):
    """The whole record, and each function with its numbers."""
    answer = qd("file", "shop/prices.py", "--json").json
    assert answer["schema"] == "quarterdeck.file/1"
    assert answer["file"]["path"] == "shop/prices.py"
    assert [(each["name"], each["line"], each["hinted"]) for each in answer["functions"]] == [
        ("price", 3, True)
    ]
    assert [(each["test"], each["how"]) for each in answer["tests"]] == [("tests/test_prices.py", "import")]


def test_a_path_is_understood_from_where_one_stands(qd, project, monkeypatch):
    """Relative to the working folder first."""
    monkeypatch.chdir(project / "shop")
    assert qd("file", "prices.py").out.startswith("shop/prices.py")
