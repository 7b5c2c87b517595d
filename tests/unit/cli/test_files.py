"""``qd files``: filters, their sum, and their order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from quarterdeck.index.model import FileRecord

if TYPE_CHECKING:
    from pathlib import Path


def listed(result) -> list[str]:
    return [record["path"] for record in result.json["files"]]


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (("--category", "test"), ["tests/test_prices.py"]),
        (("--language", "Markdown"), ["README.md"]),
        (("--match", "shop/k*"), ["shop/knot.py"]),
        (("--match", "orders"), ["shop/orders.py"]),
        (("--category", "source", "--match", "*prices*"), ["shop/prices.py"]),
        (("--untested", "--match", "knot"), ["shop/knot.py"]),
        (("--attention", "--match", "knot"), ["shop/knot.py"]),
        (("--match", "nowhere"), []),
    ],
)
def test_filters_add_up(qd, project: Path, arguments: tuple[str, ...], expected: list[str]):
    """A file is listed when it passes all of them."""
    assert listed(qd("files", *arguments, "--json")) == expected


def test_the_json_answer_counts_all_and_shows_some(qd, project: Path):
    """``total`` is the number before the limit; each file is a whole record."""
    answer = qd("files", "-n", "2", "--json").json
    assert answer["schema"] == "quarterdeck.files/1"
    assert answer["total"] == 7
    assert len(answer["files"]) == 2
    assert set(answer["files"][0]) == set(FileRecord._fields)


def test_people_get_a_table_and_the_reasons(qd, project: Path):
    """Long lists say how to see the rest; the attention list says why."""
    assert "2 of 7 files; -n 0 lists all" in qd("files", "-n", "2").out
    assert "no test of its own" in qd("files", "--attention").out


def test_a_filter_that_nothing_passes_is_an_answer(qd, project: Path):
    """Not an error: the project was read, and there is no such file."""
    result = qd("files", "--match", "nowhere")
    assert (result.code, result.out) == (0, "no file passes these filters\n")


def test_an_unknown_category_is_a_usage_error(qd, project: Path):
    """Exit code 2."""
    assert qd("files", "--category", "poem").code == 2


def test_an_empty_folder_has_nothing_to_list(qd, empty: Path):
    """Exit code 3."""
    assert qd("files").code == 3


def test_hostile_names_are_shown_harmless_and_told_whole(qd, project: Path):
    """A terminal sees an escape, a program the name."""
    name = "shop/evil\x1b[2J\n.py"
    (project / name).write_text("x = 1\n")
    assert "\x1b" not in qd("files", "--match", "evil").out
    assert listed(qd("files", "--match", "evil", "--json")) == [name]
