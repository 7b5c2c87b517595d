"""``qd report``: kinds, formats, files and the gate."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from quarterdeck.index.advice.reports import FORMATS, KINDS

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_comes_as_markdown_by_default(qd, project: Path, kind: str):
    """A title, the state that was checked, and something below it."""
    result = qd("report", kind)
    assert result.code == 0
    assert result.out.startswith("# ")
    assert "State `" in result.out
    assert "\n## " in result.out


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_comes_as_versioned_json(qd, project: Path, kind: str):
    """``--json`` and ``--format json`` are the same."""
    answer = qd("report", kind, "--json").json
    assert answer["schema"] == "quarterdeck.report/1"
    assert set(answer) == {"schema", "kind", "title", "project", "state", "figures", "tables", "notes"}
    assert answer["kind"] == kind
    again = qd("report", kind, "--format", "json").json
    assert answer["figures"] == again["figures"]


@pytest.mark.parametrize("form", FORMATS)
def test_a_report_written_to_a_file_takes_its_format_from_the_name(
    qd, project: Path, form: str, tmp_path: Path
):
    """Nothing goes to standard output then, and no temporary file stays behind."""
    target = tmp_path / "out" / f"health.{form}"
    target.parent.mkdir()
    result = qd("report", "health", "--out", str(target))
    assert (result.code, result.out) == (0, "")
    start = {"md": "# Health", "html": "<!doctype html>", "json": "{"}[form]
    assert target.read_text().startswith(start)
    assert os.listdir(target.parent) == [target.name]


def test_the_gate_fails_below_its_number_only(qd, project: Path):
    """Exit code 1 and a word on stderr; the report is printed all the same."""
    score = qd("report", "health", "--json").json["figures"]["score"]
    assert qd("report", "health", "--fail-under", str(score)).code == 0
    result = qd("report", "health", "--fail-under", str(score + 0.1))
    assert result.code == 1
    assert "below" in result.err
    assert result.out.startswith("# Health")


def test_a_project_without_a_score_does_not_pass_the_gate(qd, empty: Path):
    """Nothing to judge is not good enough."""
    (empty / "README.md").write_text("# words\n")
    result = qd("report", "health", "--fail-under", "1")
    assert result.code == 1
    assert "no source code" in result.out


@pytest.mark.parametrize(
    "arguments",
    [
        ("unknown",),
        ("tests", "--fail-under", "50"),
        ("health", "--fail-under", "101"),
        ("health", "--json", "--format", "html"),
        ("health", "--out", "."),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(qd, project: Path, arguments: tuple[str, ...]):
    """Exit code 2, before anything is written."""
    assert qd("report", *arguments).code == 2


def test_a_file_that_cannot_be_written_is_an_error_with_a_hint(qd, project: Path):
    """No traceback."""
    result = qd("report", "health", "--out", "missing/folder/x.md")
    assert result.code == 1
    assert "hint:" in result.err


def test_an_empty_folder_has_nothing_to_report(qd, empty: Path):
    """Exit code 3."""
    assert qd("report", "health").code == 3


@pytest.mark.usefixtures("project")
def test_a_format_nobody_can_write_is_refused(qd):
    """The ending of --out decides the format; an unknown one is a usage error, and no file is made."""
    answer = qd("report", "health", "--out", "health.pdf")
    assert answer.code == 2
    assert ".pdf" in answer.err
