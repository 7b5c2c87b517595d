"""``qd deps`` and ``qd dependents``: the neighbours of a file, near and far."""

from __future__ import annotations

import pytest


@pytest.mark.usefixtures("project")
def test_direct_neighbours_are_listed_both_ways(qd):
    """What it imports, and who imports it."""
    assert qd("deps", "shop/orders.py").out == "shop/orders.py depends on 1 file\n  shop/prices.py\n"
    assert (
        "  shop/knot.py\n  shop/orders.py\n  tests/test_prices.py\n" in qd("dependents", "shop/prices.py").out
    )


def test_transitive_neighbours_come_with_their_distance(qd, project):
    """Nearest first."""
    (project / "shop/till.py").write_text("import shop.orders\n")
    found = qd("deps", "shop/till.py", "--transitive", "--json").json["files"]
    assert found == [{"path": "shop/orders.py", "distance": 1}, {"path": "shop/prices.py", "distance": 2}]
    found = qd("dependents", "shop/prices.py", "--transitive", "--json").json["files"]
    assert {"path": "shop/till.py", "distance": 2} in found
    assert "shop/till.py" not in qd("dependents", "shop/prices.py").out


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("command", ["deps", "dependents"])
def test_no_neighbours_is_said_in_words(qd, command):
    """An empty output could mean anything."""
    result = qd(command, "README.md")
    assert (result.code, result.err) == (0, "")
    assert "no file of the project" in result.out


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("command", ["deps", "dependents", "file"])
def test_a_file_that_is_not_there_ends_with_3(qd, command):
    """Nothing to read is never a silent 0."""
    result = qd(command, "nowhere.py")
    assert (result.code, result.out) == (3, "")
    assert "not part of the index" in result.err
