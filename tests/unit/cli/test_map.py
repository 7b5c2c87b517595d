"""``qd map``: an outline within a budget."""

from __future__ import annotations

import pytest


@pytest.mark.usefixtures("project")
def test_the_outline_fits_its_budget(qd):
    """The number is part of the answer."""
    answer = qd("map", "--tokens", "60", "--json").json
    assert answer["schema"] == "quarterdeck.map/1"
    assert 0 < answer["tokens"] <= answer["budget"] == 60
    assert answer["text"].startswith("shop/prices.py\n")


@pytest.mark.usefixtures("project")
def test_paths_and_focus_are_obeyed(qd):
    """A folder narrows it; a focus comes first."""
    assert "tests/" not in qd("map", "--tokens", "500", "shop").out
    assert qd("map", "--tokens", "500", "--focus", "shop/knot.py").out.startswith(
        "shop/knot.py\n  def knot(x)\n"
    )


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    "arguments, code",
    [(["--tokens", "3"], 2), (["--tokens", "0"], 2), ([], 2), (["--tokens", "500", "nowhere"], 3)],
)
def test_what_cannot_be_outlined_is_an_error(qd, arguments, code):
    """Too small a budget, none, or nothing there."""
    result = qd("map", *arguments)
    assert (result.code, result.out) == (code, "")


@pytest.mark.usefixtures("empty")
def test_an_empty_project_has_no_outline(qd):
    """It says so."""
    assert qd("map", "--tokens", "500").code == 3
