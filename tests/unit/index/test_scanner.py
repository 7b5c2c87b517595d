"""The specification's scanner: records and summary in one call, and what it remembers of them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from quarterdeck.errors import NothingToRead, StateError
from quarterdeck.index import FileRecord, IndexConfig, ProjectIndex, ProjectScanner, ProjectSummary


@pytest.fixture
def root(tmp_path):
    """Two modules and a test of one of them."""
    files = {
        "app/__init__.py": "",
        "app/a.py": "from app.b import g\n\n\ndef f():\n    return g()\n",
        "app/b.py": "def g():\n    return 1\n",
        "tests/test_a.py": "from app.a import f\n\n\ndef test_f():\n    assert f() == 1\n",
    }
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    return str(tmp_path)


def counters(scanner, name="index.facts"):
    (stats,) = [each for each in scanner.cache_stats() if each.name == name]
    return stats


def by_path(records):
    return {record.path: record for record in records}


def test_a_scan_gives_all_records_and_the_summary(root):
    """By path; the same as the index says."""
    scanner = ProjectScanner(root)
    records, summary = scanner.scan()
    assert all(isinstance(record, FileRecord) for record in records)
    assert isinstance(summary, ProjectSummary)
    assert [record.path for record in records] == [
        "app/__init__.py",
        "app/a.py",
        "app/b.py",
        "tests/test_a.py",
    ]
    with ProjectIndex(root) as index:
        assert (index.get_all_files(), index.get_summary()) == (records, summary)
    assert summary.total_files == 4


def test_the_project_is_the_working_folder_unless_named(root, monkeypatch):
    """As the specification has it."""
    monkeypatch.chdir(root)
    assert ProjectScanner().scan() == ProjectScanner(root).scan()


def test_without_dependencies_the_graph_is_left_out_and_nothing_else(root):
    """Imports, dependents and impact are empty; tests, metrics and the summary are as they were."""
    with_them, summary = ProjectScanner(root).scan()
    without, same = ProjectScanner(root).scan(analyze_dependencies=False)
    assert by_path(with_them)["app/b.py"].imported_by == ("app/a.py",)
    assert without == [
        record._replace(
            imports=(),
            imported_by=(),
            import_count=0,
            imported_by_count=0,
            impact_score=0.0,
            dependents_count=0,
        )
        for record in with_them
    ]
    assert without != with_them
    assert same == summary
    assert ProjectScanner(root).scan()[0] == with_them


def test_a_scan_says_what_it_was_checked_against(root):
    """None before the first; another after a change."""
    scanner = ProjectScanner(root)
    assert scanner.state is None
    scanner.scan()
    first = scanner.state
    Path(root, "new.py").write_text("x = 1\n")
    scanner.scan()
    assert first is not None
    assert scanner.state is not None
    assert (first.files, scanner.state.files) == (4, 5)
    assert first.id != scanner.state.id


def test_the_settings_that_are_given_are_the_ones_in_force(root):
    """Without any, the project's own."""
    Path(root, "pyproject.toml").write_text('[tool.quarterdeck.index]\nexclude_patterns = ["tests/"]\n')
    assert "tests/test_a.py" not in by_path(ProjectScanner(root).scan()[0])
    assert "tests/test_a.py" in by_path(ProjectScanner(root, IndexConfig()).scan()[0])


def test_a_second_scan_extracts_nothing(root):
    """What was learned is found by content, also by another scanner."""
    ProjectScanner(root).scan()
    copy = Path(root, "app", "copy.py")
    copy.write_bytes(Path(root, "app", "b.py").read_bytes())
    scanner = ProjectScanner(root)
    scanner.scan()
    assert counters(scanner).misses == 0
    assert counters(scanner).hits >= 1


def test_without_cache_everything_is_read_and_nothing_is_kept(root):
    """Twice the same answer, twice the same work."""
    for _ in range(2):
        scanner = ProjectScanner(root, use_cache=False)
        records, _ = scanner.scan()
        assert (len(records), counters(scanner).hits, counters(scanner).misses) == (4, 0, 4)
    assert not list(Path(os.environ["QUARTERDECK_HOME"]).rglob("*.sqlite"))


def test_clearing_the_cache_makes_the_next_scan_a_cold_one(root):
    """Derived rows and facts; the answer is the same."""
    scanner = ProjectScanner(root)
    before, summary = scanner.scan()
    scanner.clear_cache()
    after, same = scanner.scan()
    assert (counters(scanner).hits, counters(scanner).misses) == (0, 4)
    assert [record._replace(last_indexed=None) for record in after] == [
        record._replace(last_indexed=None) for record in before
    ]
    assert same == summary
    assert all(
        new.last_indexed > old.last_indexed
        for new, old in zip(after, before, strict=True)
        if new.last_indexed and old.last_indexed
    )


def test_clearing_the_cache_keeps_what_the_user_noted(root):
    """Metadata, coverage and snapshots are nobody's cache."""
    with ProjectIndex(root) as index:
        index.update_file("app/a.py", owner="ann")
        index.update_coverage({"app/a.py": 33.0})
        index.name_snapshot("before")
    scanner = ProjectScanner(root)
    scanner.clear_cache()
    record = by_path(scanner.scan()[0])["app/a.py"]
    assert (record.metadata, record.coverage_percent) == ({"owner": "ann"}, 33.0)
    with ProjectIndex(root) as index:
        assert [snapshot.name for snapshot in index.get_snapshots()] == ["before"]


def test_a_cache_that_was_never_made_can_be_cleared(root):
    """There is nothing to forget."""
    ProjectScanner(root).clear_cache()
    assert len(ProjectScanner(root).scan()[0]) == 4


def test_a_cache_that_cannot_be_cleared_is_an_error(root):
    """With a hint."""
    Path(os.environ["QUARTERDECK_HOME"]).write_text("in the way")
    with pytest.raises(StateError, match="cannot be cleared"):
        ProjectScanner(root).clear_cache()


def test_cache_statistics_are_of_the_indexs_caches(root):
    """Under their names, after the scan is over."""
    scanner = ProjectScanner(root)
    scanner.scan()
    assert {stats.name for stats in scanner.cache_stats()} >= {"index.facts", "index.tree"}
    assert all(stats.name.startswith("index.") for stats in scanner.cache_stats())
    assert (counters(scanner, "index.tree").hits, counters(scanner, "index.tree").misses) == (0, 1)
    assert counters(scanner).misses == 4


def test_progress_is_told(root):
    """Up to the number of files."""
    told: list[tuple[int, int]] = []
    ProjectScanner(root, progress=lambda done, total: told.append((done, total))).scan()
    assert told[-1] == (4, 4)


def test_why_something_is_not_kept_is_said(root):
    """The records are right all the same."""
    Path(os.environ["QUARTERDECK_HOME"]).write_text("in the way")
    scanner = ProjectScanner(root)
    assert len(scanner.scan()[0]) == 4
    assert any(problem.startswith("the index is not kept") for problem in scanner.problems)


def test_what_is_no_folder_is_refused(root):
    """Before anything is read."""
    with pytest.raises(NothingToRead):
        ProjectScanner(f"{root}/app/a.py")
