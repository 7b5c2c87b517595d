"""Which tests cover which files, by each way of knowing."""

from __future__ import annotations

import pytest

from quarterdeck.index.graph.covers import (
    CONFIDENCE,
    FAINT,
    FIXTURE,
    IMPORTED,
    ITSELF,
    NAMED,
    PACKAGED,
    PROVEN,
    TRANSITIVE,
    Importers,
    Link,
    Linkable,
    is_runnable,
    link_tests,
    transitive_confidence,
)
from quarterdeck.index.graph.covers import tests_for as which_tests


def files(sources, tests):
    """Linkable Python files from words."""
    return [Linkable(path, False, "python") for path in sources.split()] + [
        Linkable(path, True, "python") for path in tests.split()
    ]


def reversed_pairs(pairs):
    found: dict[str, list[str]] = {}
    for source, target in pairs:
        found.setdefault(target, []).append(source)
    return found


def hows(links):
    return {(link.path, link.test): link.how for link in links}


def asked(changed, definitions, tests, links=(), edges=None):
    """The tests for one file, over a graph given as (importing, imported) pairs."""
    importers = Importers(
        reversed_pairs(definitions), reversed_pairs(definitions if edges is None else edges)
    )
    return which_tests([changed], links, tests.split(), importers)


def test_a_test_that_imports_a_name_covers_the_file_that_defines_it():
    """And no other file."""
    links = link_tests(files("a.py b.py", "test_it.py"), [("test_it.py", "a.py")], {})
    assert links == [Link("a.py", "test_it.py", IMPORTED, CONFIDENCE[IMPORTED])]


def test_what_a_coverage_run_proved_is_stronger_than_an_import():
    """Each pair is there once, with its strongest reason."""
    links = link_tests(files("a.py", "test_it.py"), [("test_it.py", "a.py")], {"a.py": ["test_it.py"]})
    assert hows(links) == {("a.py", "test_it.py"): PROVEN}


def test_a_test_of_a_package_covers_what_the_package_passes_on():
    """Also by way of a package inside it; less surely than what is imported by name."""
    definitions = [
        ("test_it.py", "pkg/__init__.py"),
        ("test_it.py", "pkg/a.py"),
        ("pkg/__init__.py", "pkg/a.py"),
        ("pkg/__init__.py", "pkg/sub/__init__.py"),
        ("pkg/sub/__init__.py", "pkg/sub/b.py"),
        ("pkg/a.py", "pkg/hidden.py"),
    ]
    sources = "pkg/__init__.py pkg/a.py pkg/sub/__init__.py pkg/sub/b.py pkg/hidden.py"
    assert hows(link_tests(files(sources, "test_it.py"), definitions, {})) == {
        ("pkg/__init__.py", "test_it.py"): PACKAGED,
        ("pkg/a.py", "test_it.py"): IMPORTED,
        ("pkg/sub/b.py", "test_it.py"): PACKAGED,
    }


def test_a_name_links_only_what_nothing_else_does():
    """Of several tests of that name, the one in the nearest folders."""
    sources = files("app/a.py app/b.py", "tests/app/test_a.py tests/other/test_a.py tests/test_b.py")
    links = link_tests(sources, [("tests/test_b.py", "app/b.py"), ("tests/other/test_a.py", "app/b.py")], {})
    assert ("app/a.py", "tests/app/test_a.py") in hows(links)
    assert hows(links)["app/a.py", "tests/app/test_a.py"] == NAMED
    assert hows(links)["app/b.py", "tests/test_b.py"] == IMPORTED


def test_links_of_files_that_are_gone_are_left_out():
    """What a coverage run once saw may not exist any more."""
    assert link_tests(
        files("a.py", "test_a.py"), [], {"gone.py": ["test_a.py"], "a.py": ["gone_test.py"]}
    ) == [Link("a.py", "test_a.py", NAMED, CONFIDENCE[NAMED])]


def test_a_changed_test_is_to_be_run_itself():
    """Whatever else says so."""
    assert asked("test_a.py", [], "test_a.py test_b.py") == [Link("test_a.py", "test_a.py", ITSELF, 1.0)]


def test_confidence_falls_with_the_distance():
    """Two definitions away, three, and four or more."""
    chain = [("test_2.py", "b"), ("b", "a"), ("test_3.py", "c"), ("c", "b"), ("test_4.py", "d"), ("d", "c")]
    chain += [("test_5.py", "e"), ("e", "d")]
    found = asked("a", chain, "test_2.py test_3.py test_4.py test_5.py")
    near, far, farthest = map(transitive_confidence, (2, 3, 4))
    assert near > far > farthest
    assert [(link.test, link.confidence) for link in found] == [
        ("test_2.py", near),
        ("test_3.py", far),
        ("test_4.py", farthest),
        ("test_5.py", farthest),
    ]
    assert {link.how for link in found} == {TRANSITIVE}


def test_a_test_that_only_runs_the_import_comes_last():
    """It cannot be left out: a file that does not import breaks it."""
    edges = [("test_a.py", "pkg/__init__.py"), ("pkg/__init__.py", "pkg/a.py")]
    assert asked("pkg/a.py", [], "test_a.py", edges=edges) == [
        Link("pkg/a.py", "test_a.py", TRANSITIVE, FAINT)
    ]


def test_a_conftest_reaches_the_tests_below_it():
    """When it changes, and when something it imports does."""
    tests = "tests/a/test_x.py tests/b/test_y.py"
    assert [link.test for link in asked("tests/a/conftest.py", [], tests)] == ["tests/a/test_x.py"]
    found = asked("app.py", [("tests/a/conftest.py", "app.py")], tests)
    assert found == [Link("app.py", "tests/a/test_x.py", FIXTURE, CONFIDENCE[FIXTURE])]


def test_a_direct_link_says_more_than_the_distance():
    """A package's link is not overruled by the two definitions that it consists of."""
    link = Link("pkg/a.py", "test_a.py", PACKAGED, CONFIDENCE[PACKAGED])
    definitions = [("test_a.py", "pkg/__init__.py"), ("pkg/__init__.py", "pkg/a.py")]
    assert asked("pkg/a.py", definitions, "test_a.py", [link]) == [link]


def test_an_import_cycle_ends():
    """And names each test once."""
    cycle = [("a", "b"), ("b", "a"), ("test_a.py", "a"), ("test_a.py", "b")]
    assert len(asked("a", cycle, "test_a.py")) == 1


def test_a_file_nobody_imports_has_no_tests():
    """None is an answer, not an error."""
    assert asked("alone.py", [("test_a.py", "a")], "test_a.py") == []


@pytest.mark.parametrize(
    "path, language, tests, runnable",
    [
        ("tests/test_a.py", "python", 0, True),
        ("app/tests.py", "python", 0, True),
        ("tests/a_test.py", "python", 0, True),
        ("tests/checks.py", "python", 3, True),
        ("tests/conftest.py", "python", 0, False),
        ("tests/helpers.py", "python", 0, False),
        ("tests/__init__.py", "python", 0, False),
        ("a_test.go", "go", 0, True),
    ],
)
def test_only_what_a_runner_finds_tests_in_can_be_run(path, language, tests, runnable):
    """Fixtures, data and helpers are parts of tests, not tests."""
    assert is_runnable(path, language, tests) is runnable
