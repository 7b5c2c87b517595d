"""Coverage reports of four formats, from this machine and others, sound and damaged."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path

import pytest
from coverage import CoverageData

from quarterdeck.errors import NothingToRead
from quarterdeck.index.coverage.matching import TestFinder, match_paths, take_in
from quarterdeck.index.coverage.reports import FileLines, Report, read_report
from quarterdeck.index.project_index import ProjectIndex

SOURCE = "def a():\n    return 1\n\n\ndef b():\n    return 2\n"
TEST = "from pkg.app import a\n\n\ndef test_a():\n    assert a() == 1\n"


@pytest.fixture
def root(tmp_path):
    """A project of one source and one test."""
    for path, text in {"pkg/__init__.py": "", "pkg/app.py": SOURCE, "tests/test_app.py": TEST}.items():
        target = tmp_path / "project" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return tmp_path / "project"


def database(path, contexts):
    """A .coverage file: context -> file -> lines."""
    data = CoverageData(basename=str(path))
    for context, files in contexts.items():
        data.set_context(context)
        data.add_lines(files)
    data.write()
    data.close()
    return str(path)


def taken(root, report):
    with ProjectIndex(str(root)) as index:
        return take_in(index, str(report))


def test_a_coverage_database_gives_percent_and_proof(root, tmp_path):
    """Three of four executable lines ran, one of them in a test."""
    app = str(root / "pkg/app.py")
    report = database(tmp_path / ".coverage", {"": {app: [1, 5]}, "tests.test_app.test_a": {app: [2]}})
    found = taken(root, report)
    assert found.percent == {"pkg/app.py": 75.0}
    assert found.proven == [("tests/test_app.py", "pkg/app.py")]
    assert (found.unknown, found.unknown_contexts, found.average_percent) == ((), 0, 75.0)


def test_lines_that_ran_at_import_time_prove_nothing(root, tmp_path):
    """Importing a file is not testing it."""
    report = database(tmp_path / ".coverage", {"": {str(root / "pkg/app.py"): [1, 2, 5, 6]}})
    found = taken(root, report)
    assert (found.percent, found.proven) == ({"pkg/app.py": 100.0}, [])


def test_a_branch_measuring_database_is_read_too(root, tmp_path):
    """Its lines are the ends of its arcs."""
    data = CoverageData(basename=str(tmp_path / ".coverage"))
    data.set_context("test_app.test_a")
    data.add_arcs({str(root / "pkg/app.py"): [(-1, 1), (1, 5), (5, -1), (-1, 2), (2, -1)]})
    data.write()
    data.close()
    found = taken(root, tmp_path / ".coverage")
    assert (found.percent, len(found.proven)) == ({"pkg/app.py": 75.0}, 1)


def test_reading_changes_nothing_in_the_report(root, tmp_path):
    """Neither its bytes nor what stands beside it."""
    report = database(tmp_path / ".coverage", {"": {str(root / "pkg/app.py"): [1]}})
    before = (Path(report).read_bytes(), sorted(os.listdir(tmp_path)))
    read_report(report)
    assert (Path(report).read_bytes(), sorted(os.listdir(tmp_path))) == before


def test_coverage_json_with_contexts(root, tmp_path):
    """As `coverage json --show-contexts` writes it."""
    report = tmp_path / "coverage.json"
    contexts = {"1": [""], "2": ["tests/test_app.py::test_a|run"]}
    found = {"executed_lines": [1, 2, 5], "missing_lines": [6], "contexts": contexts}
    report.write_text(json.dumps({"meta": {}, "files": {"pkg/app.py": found}}))
    result = taken(root, report)
    assert result.percent == {"pkg/app.py": 75.0}
    assert result.proven == [("tests/test_app.py", "pkg/app.py")]


def test_cobertura_xml_with_a_source_folder(root, tmp_path):
    """File names start at <source>; its document type is passed over, not fetched."""
    report = tmp_path / "coverage.xml"
    report.write_text(
        '<?xml version="1.0" ?><!DOCTYPE coverage SYSTEM "http://nowhere.invalid/coverage.dtd"><coverage>'
        f"<sources><source>{root}/pkg</source></sources><packages><package><classes>"
        '<class filename="app.py"><lines><line number="1" hits="1"/><line number="2" hits="0"/></lines>'
        "</class></classes></package></packages></coverage>"
    )
    assert taken(root, report).percent == {"pkg/app.py": 50.0}


def test_lcov_of_another_machine(root, tmp_path):
    """Several records of one file count once; what is elsewhere is unknown."""
    report = tmp_path / "lcov.info"
    records = "SF:/ci/job/pkg/app.py\nDA:1,1\nDA:2,0\nend_of_record\n"
    again = "TN:\nSF:/ci/job/pkg/app.py\nDA:2,3\nDA:5,0\nDA:6,0\nend_of_record\n"
    other = "SF:/usr/lib/python3/thing.py\nDA:1,1\nend_of_record\n"
    report.write_text(records + again + other)
    found = taken(root, report)
    assert (found.percent, found.unknown) == ({"pkg/app.py": 50.0}, ("/usr/lib/python3/thing.py",))


BOMB = '<!DOCTYPE c [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><coverage><source>&b;</source></coverage>'


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"   \n",
        b"hello",
        b"SQLite format 3\0 and then nothing of the kind",
        b'{"files": 3}',
        b'{"files": {"a.py": {"executed_lines": ["x"], "missing_lines": []}}}',
        b'{"files": {"a.py": 1}}',
        b"{" * 100_000,
        b"[1]",
        b"<html><body/></html>",
        b"<coverage><packages>",
        b'<coverage><class filename="a.py"><line number="x" hits="1"/></class></coverage>',
        BOMB.encode(),
        b"SF:a.py\nDA:one,1\nend_of_record\n",
        b"SF:a.py\nDA:1,1\n",
        b"TN:\nDA:1,1\n",
        b"TN:\n",
    ],
)
def test_what_is_no_sound_report_is_said_to_be_none(content, tmp_path):
    """Whatever it is, with a hint and without a traceback."""
    report = tmp_path / "report"
    report.write_bytes(content)
    with pytest.raises(NothingToRead) as caught:
        read_report(str(report))
    assert caught.value.hint


def test_a_foreign_database_is_refused(tmp_path):
    """It is SQLite, but nothing that coverage.py wrote."""
    connection = sqlite3.connect(tmp_path / "other.sqlite")
    connection.execute("CREATE TABLE file (id, path)")
    connection.commit()
    connection.close()
    with pytest.raises(NothingToRead, match="not one of coverage"):
        read_report(str(tmp_path / "other.sqlite"))


def test_a_missing_report_and_a_folder_are_said_to_be_so(tmp_path):
    """Each in its own words."""
    with pytest.raises(NothingToRead, match="cannot be read"):
        read_report(str(tmp_path / "nowhere"))
    with pytest.raises(NothingToRead, match="is a folder"):
        read_report(str(tmp_path))


def matched(raw, known, roots=()):
    lines = FileLines(frozenset(), frozenset())
    return match_paths(
        Report(dict.fromkeys(raw, lines), tuple(roots)), known, "/home/me/shop", "/tmp/reports"
    )


def test_paths_of_other_roots_are_matched_by_what_most_agree_on():
    """Another checkout, an installed copy, Windows; never by one familiar name alone."""
    known = ["src/pkg/a.py", "src/pkg/b.py", "tests/test_a.py", "tests/test_b.py", "setup.py"]
    assert matched(["/home/me/shop/src/pkg/a.py", "tests/test_a.py"], known) == {
        "/home/me/shop/src/pkg/a.py": "src/pkg/a.py",
        "tests/test_a.py": "tests/test_a.py",
    }
    installed = [f"/venv/site-packages/{path}" for path in ("pkg/a.py", "pkg/b.py", "other/setup.py")]
    assert matched(installed, known) == {installed[0]: "src/pkg/a.py", installed[1]: "src/pkg/b.py"}
    assert matched(["C:\\ci\\src\\pkg\\a.py", "C:\\ci\\src\\pkg\\b.py"], known) == {
        "C:\\ci\\src\\pkg\\a.py": "src/pkg/a.py",
        "C:\\ci\\src\\pkg\\b.py": "src/pkg/b.py",
    }


@pytest.mark.parametrize(
    "raw", ["/etc/passwd", "../../etc/passwd", "/home/me/shop/../other/a.py", "a\0b", ""]
)
def test_a_path_outside_the_project_is_never_matched(raw):
    """Whatever it pretends to be."""
    assert matched([raw], ["src/pkg/a.py"]) == {}


FINDER = TestFinder(["tests/test_a.py", "tests/unit/test_b.py", "tests/x/test_c.py", "tests/y/test_c.py"])


@pytest.mark.parametrize(
    "context, path",
    [
        ("tests/test_a.py::test_it[a|b::c]|run", "tests/test_a.py"),
        ("tests/test_a.py::TestIt::test_it|setup", "tests/test_a.py"),
        ("test_a.TestIt.test_it", "tests/test_a.py"),
        ("tests.unit.test_b.test_it", "tests/unit/test_b.py"),
        ("py311|test_a.test_it", "tests/test_a.py"),
        ("py311|unit/test_b.py::test_it|run", "tests/unit/test_b.py"),
        ("test_c.test_it", ""),
        ("x.test_c.test_it", "tests/x/test_c.py"),
        ("app.helpers.test_odd", ""),
        ("gone/test_z.py::test_it|run", ""),
        ("run", ""),
        ("", ""),
        ("|||", ""),
    ],
)
def test_a_context_names_one_test_file_or_none(context, path):
    """In the words of pytest-cov and of coverage.py, with a static context or without."""
    assert FINDER.find(context) == path
