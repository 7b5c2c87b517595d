"""Every question a program can ask, and that answers agree with each other."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from quarterdeck.errors import NotIndexed, UsageError
from quarterdeck.index import FileCategory, IndexConfig, ProjectIndex, ProjectScanner

PAST_S = 1_700_000_000
DAY_S = 86_400

FILES = {
    "app/__init__.py": "",
    "app/core.py": "def core():\n    return 1\n",
    "app/a.py": "from app.core import core\n\n\ndef a():\n    return core()\n",
    "app/b.py": "from app.core import core\nfrom app.a import a\n\n\ndef b():\n    return a() + core()\n",
    "app/lonely.py": "class C:\n    def m(self):\n        return 1\n",
    "tests/test_core.py": "from app.core import core\n\n\ndef test_core():\n    assert core() == 1\n",
    "web/x.js": "export function f() { return 1 }\n",
    "notes.md": "# Notes\n",
    "setup.cfg": "[x]\n",
}


@pytest.fixture
def root(tmp_path):
    """A package in which core.py is 10 days newer than its test, a script, a text and settings."""
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
        os.utime(tmp_path / path, (PAST_S, PAST_S))
    os.utime(tmp_path / "app/core.py", (PAST_S + 10 * DAY_S,) * 2)
    return tmp_path


@pytest.fixture
def index(root):
    """Of that package; one import counts as high impact."""
    with ProjectIndex(str(root), IndexConfig(workers=1, high_impact_threshold=2.0)) as index:
        yield index


def paths(records):
    return [record.path for record in records]


def test_all_files_are_by_path(index):
    """Every one of them."""
    assert paths(index.get_all_files()) == sorted(FILES)


def test_one_file_is_asked_by_its_path(index):
    """None, or an error with a hint, where there is none."""
    assert index.get_file("app/a.py") == index.require_file("app/a.py")
    assert index.get_file("app/a.py").name == "a.py"
    assert index.get_file("nowhere.py") is None
    with pytest.raises(NotIndexed, match=r"nowhere\.py"):
        index.require_file("nowhere.py")


def test_files_are_asked_by_category(index):
    """By word or by value; a word that is none is refused with those there are."""
    assert paths(index.get_files_by_category("docs")) == ["notes.md"]
    assert paths(index.get_files_by_category(FileCategory.TEST)) == ["tests/test_core.py"]
    with pytest.raises(UsageError) as caught:
        index.get_files_by_category("novel")
    assert "source, test, config" in caught.value.hint


def test_files_are_asked_by_language(index):
    """None of a language nobody uses."""
    assert paths(index.get_files_by_language("javascript")) == ["web/x.js"]
    assert index.get_files_by_language("cobol") == []


@pytest.mark.parametrize(
    "pattern, found",
    [
        ("app/*.py", ["app/__init__.py", "app/a.py", "app/b.py", "app/core.py", "app/lonely.py"]),
        ("*core.py", ["app/core.py", "tests/test_core.py"]),
        ("app/?.py", ["app/a.py", "app/b.py"]),
        ("app/[!a].py", ["app/b.py"]),
        ("core", ["app/core.py", "tests/test_core.py"]),
        ("CORE", []),
    ],
)
def test_files_are_searched_by_glob_or_part(index, pattern, found):
    """``*`` crosses folders; without any mark, a part of the path is enough."""
    assert paths(index.search_files(pattern)) == found


def test_folders_are_expanded_to_their_files(index):
    """With or without the slash; "." is everything; a part of a name is not a folder."""
    assert index.expand(["tests", "notes.md"]) == {"tests/test_core.py", "notes.md"}
    assert index.expand(["tests/"]) == {"tests/test_core.py"}
    assert index.expand(["."]) == set(FILES)
    assert index.expand([]) == set()
    with pytest.raises(NotIndexed):
        index.expand(["test"])


def test_the_graph_is_asked_from_both_sides(index):
    """Direct neighbours; who is not there has none to ask for."""
    assert paths(index.get_dependents("app/core.py")) == ["app/a.py", "app/b.py", "tests/test_core.py"]
    assert paths(index.get_dependencies("app/b.py")) == ["app/a.py", "app/core.py"]
    assert index.get_dependents("app/lonely.py") == []
    for ask in (index.get_dependents, index.get_dependencies):
        with pytest.raises(NotIndexed):
            ask("nowhere.py")


def test_edges_and_definitions_are_the_whole_graph(index):
    """With kind and line."""
    assert ("app/b.py", "app/a.py", "runtime", 2) in index.get_edges()
    assert ("app/b.py", "app/a.py") in index.get_definitions()
    assert index.get_graph().all_dependents("app/core.py") == {
        "app/a.py": 1,
        "app/b.py": 1,
        "tests/test_core.py": 1,
    }


def test_files_needing_tests_are_by_impact(index):
    """Those that ought to have tests and have none; not the one that is tested."""
    assert paths(index.get_files_needing_tests()) == ["app/a.py", "app/b.py", "app/lonely.py", "web/x.js"]


def test_stale_files_are_those_newer_than_their_tests(index):
    """By whole days."""
    assert [(record.path, record.staleness_days) for record in index.get_stale_files()] == [
        ("app/core.py", 10)
    ]


def test_high_impact_begins_at_the_threshold(index):
    """Three direct dependents are enough, one is not."""
    assert paths(index.get_high_impact_files()) == ["app/core.py"]


def test_attention_is_heaviest_first(index):
    """The same fault weighs more where more depends on it."""
    found = index.get_files_needing_attention()
    assert paths(found)[0] == "app/a.py"
    assert all(record.attention_reasons for record in found)
    assert set(paths(found)) == {"app/a.py", "app/b.py", "app/lonely.py", "web/x.js"}


def test_links_are_of_one_file_or_of_all(index):
    """With how they are known."""
    (link,) = index.get_test_links("app/core.py")
    assert (link.test, link.how) == ("tests/test_core.py", "import")
    assert link in index.get_test_links()
    assert index.get_test_links("app/lonely.py") == []


def test_the_tests_to_run_are_asked_by_what_changed(index):
    """None is an answer."""
    assert [link.test for link in index.get_tests_for(["app/core.py"])] == ["tests/test_core.py"]
    assert index.get_tests_for(["app/lonely.py"]) == []


def test_an_outline_is_in_source_order(index):
    """Also when the facts were lost; of a text it is empty."""
    functions, classes = index.get_outline("app/lonely.py")
    assert ([each.name for each in functions], [each.name for each in classes]) == (["C.m"], ["C"])
    index._tree.stores.facts.clear()
    assert index.get_outline("app/lonely.py") == (functions, classes)
    assert index.get_outline("notes.md") == ((), ())


def test_the_summary_is_of_the_same_files(index):
    """As the scanner's."""
    assert index.get_summary().total_files == len(FILES)
    assert index.get_summary().stale_file_count == 1


def test_a_query_sees_what_changed_before_it(root, index):
    """No answer is older than the call."""
    assert index.get_file("new.py") is None
    (root / "new.py").write_text("import app.lonely\n")
    assert index.get_file("new.py") is not None
    assert paths(index.get_dependents("app/lonely.py")) == ["new.py"]
    (root / "new.py").unlink()
    assert index.get_dependents("app/lonely.py") == []


def test_queries_inside_a_frozen_block_agree_while_files_change(root, index):
    """All of them answer from the state it began with, and from the present one after it."""
    with index.frozen() as state:
        before = (index.get_all_files(), index.get_summary(), index.get_edges(), index.revision)
        (root / "new.py").write_text("import app.lonely\n")
        (root / "app/core.py").unlink()
        with ProjectIndex(str(root), index.config) as other:
            assert other.get_file("new.py") is not None
        assert (index.get_all_files(), index.get_summary(), index.get_edges(), index.revision) == before
        assert index.get_dependents("app/lonely.py") == []
        with index.frozen() as inner:
            assert inner == state
        assert index.state == state
    assert index.get_file("new.py") is not None
    assert index.get_file("app/core.py") is None
    assert index.state.id != state.id


def test_a_frozen_block_that_fails_is_over(root, index):
    """The next query looks at the disk again."""
    with pytest.raises(NotIndexed), index.frozen():
        index.require_file("nowhere.py")
    (root / "nowhere.py").write_text("")
    assert index.get_file("nowhere.py") is not None


def test_the_revision_differs_when_any_record_may(root, index):
    """Content, times, notes and settings; not the mere passing of queries."""
    seen = []

    def revision():
        with index.frozen():
            return index.revision

    seen.append(revision())
    assert revision() == seen[0]
    os.utime(root / "notes.md", (PAST_S + 5, PAST_S + 5))
    seen.append(revision())
    index.update_file("notes.md", owner="ann")
    seen.append(revision())
    (root / "notes.md").write_text("# Other\n")
    seen.append(revision())
    with ProjectIndex(str(root), index.config._replace(churn_days=3)) as other, other.frozen():
        seen.append(other.revision)
    assert len(set(seen)) == len(seen)


def test_metadata_survives_rescans_edits_and_clearing(root, index):
    """A value of None removes its key; other keys stay."""
    assert index.update_file("app/a.py", owner="ann", risk=0).metadata == {"owner": "ann", "risk": 0}
    (root / "app/a.py").write_text("x = 1\n")
    assert index.require_file("app/a.py").metadata == {"owner": "ann", "risk": 0}
    ProjectScanner(str(root), index.config).clear_cache()
    assert index.require_file("app/a.py").metadata == {"owner": "ann", "risk": 0}
    assert index.set_metadata("app/a.py", {"owner": None, "not a name": [1]}).metadata == {
        "risk": 0,
        "not a name": [1],
    }


def test_metadata_of_a_file_that_comes_back_is_still_there(root, index):
    """A branch was switched, and switched back."""
    index.update_file("notes.md", owner="ann")
    (root / "notes.md").unlink()
    assert index.get_file("notes.md") is None
    (root / "notes.md").write_text("# Notes\n")
    assert index.require_file("notes.md").metadata == {"owner": "ann"}


def test_metadata_of_what_is_not_indexed_is_refused(index):
    """And of what is no JSON."""
    with pytest.raises(NotIndexed):
        index.update_file("nowhere.py", owner="ann")
    with pytest.raises(UsageError):
        index.update_file("app/a.py", owner={1})
    assert index.require_file("app/a.py").metadata == {}


def test_coverage_survives_rescans_edits_and_clearing(root, index):
    """What is not indexed is left out, and counted so."""
    assert index.update_coverage({"app/a.py": 0, "app/b.py": 87.5, "nowhere.py": 10}) == 2
    for _ in range(2):
        assert index.require_file("app/a.py").coverage_percent == 0.0
        assert index.require_file("app/b.py").coverage_percent == 87.5
        assert index.require_file("app/core.py").coverage_percent is None
        assert index.get_summary().test_coverage_avg == 43.75
        (root / "app/a.py").write_text("x = 1\n")
        ProjectScanner(str(root), index.config).clear_cache()


@pytest.mark.parametrize("percent", [-0.1, 100.1, float("nan"), float("inf")])
def test_coverage_is_a_percentage(index, percent):
    """Anything else is refused, and nothing of the call is kept."""
    with pytest.raises(UsageError, match="from 0 to 100"):
        index.update_coverage({"app/b.py": 50.0, "app/a.py": percent})
    assert index.require_file("app/b.py").coverage_percent is None


def test_what_a_coverage_run_proved_is_a_link(index):
    """Of indexed files only."""
    index.update_coverage({}, [("tests/test_core.py", "app/lonely.py"), ("tests/gone.py", "app/a.py")])
    (link,) = index.get_test_links("app/lonely.py")
    assert (link.test, link.how) == ("tests/test_core.py", "proven")
    assert index.require_file("app/lonely.py").tests_exist
    assert index.get_test_links("app/a.py") == []


def test_lint_is_counted_where_it_was_asked_for(root, tmp_path_factory, monkeypatch):
    """None without being asked; the findings of a program called ruff otherwise."""
    folder = tmp_path_factory.mktemp("bin")
    finding = f'{{"filename": "{root}/app/a.py"}}'
    (folder / "ruff").write_text(f"#!/bin/sh\necho '[{finding}, {finding}]'\n")
    (folder / "ruff").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    for lint, counts, total in ((False, (None, None), None), (True, (2, 0), 2)):
        with ProjectIndex(str(root), IndexConfig(lint=lint)) as index:
            found = (index.require_file("app/a.py").lint_issues, index.require_file("app/b.py").lint_issues)
            assert (found, index.get_summary().total_lint_issues) == (counts, total)


def test_a_snapshot_names_the_present_state(root, index):
    """Until it is given anew."""
    state = index.name_snapshot("before")
    (snapshot,) = index.get_snapshots()
    assert snapshot[:2] == ("before", state.id)
    (root / "notes.md").write_text("# Other\n")
    assert [change.path for change in index.get_changes("before").files] == ["notes.md"]


def test_a_time_that_no_database_holds_ends_nothing(root, index):
    """A file of the year 2300 is a file; it is read at every question."""
    far = 10_414_008_000
    os.utime(root / "notes.md", (far, far))
    if int(os.stat(root / "notes.md").st_mtime) != far:
        far = int(os.stat(root / "notes.md").st_mtime)  # this file system has no such time either
    record = index.require_file("notes.md")
    assert record.last_modified.year == min(2255, 1970 + int(far / (365.2425 * DAY_S)))
    (root / "notes.md").write_text("# Other\n")
    os.utime(root / "notes.md", (far, far))
    assert index.require_file("notes.md").content_hash != record.content_hash


def test_opening_reads_nothing(root):
    """The first question does; a folder that is not there is refused at once."""
    (root / "pyproject.toml").write_text("[tool.quarterdeck.index]\nchurn_days = 3\n")
    with ProjectIndex(str(root)) as index:
        assert index.config.churn_days == 3
        (root / "late.py").write_text("")
        assert index.state.files == len(FILES) + 2
    assert Path(index.root) == root.resolve()
