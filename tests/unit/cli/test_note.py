"""``qd note``: the user's own words about a file."""

from __future__ import annotations

import pytest


def test_notes_survive_a_change_of_the_file(qd, project):
    """They belong to the path, not to its content."""
    assert qd("note", "shop/prices.py", "owner=ada", "reviewed=true").code == 0
    (project / "shop/prices.py").write_text("x = 1\n")
    assert qd("note", "shop/prices.py", "--json").json["metadata"] == {"owner": "ada", "reviewed": True}


@pytest.mark.usefixtures("project")
def test_an_empty_value_removes_the_key(qd):
    """And the last one gone is said."""
    qd("note", "shop/prices.py", "owner=ada")
    assert qd("note", "shop/prices.py", "owner=").out == "shop/prices.py has no metadata\n"


@pytest.mark.usefixtures("project")
def test_any_key_and_any_text_can_be_noted(qd):
    """Keys that are parameters somewhere, values that are almost JSON."""
    pairs = {"path": "a", "self": "b", "x": "{not json", "nan": "NaN", "deep": "[" * 100_000}
    result = qd("note", "shop/prices.py", *(f"{key}={value}" for key, value in pairs.items()), "--json")
    assert result.json["metadata"] == pairs


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("pair", ["owner", "=ada", " =ada"])
def test_what_is_no_pair_is_a_usage_error(qd, pair):
    """With the way to write it."""
    result = qd("note", "shop/prices.py", pair)
    assert result.code == 2
    assert "KEY=VALUE" in result.err
