"""Which tests cover which files, and how we know.

    how          means                                                              known for
    itself       the changed file is the test                                       a query
    proven       a coverage run saw the test run lines of the file                  every pair
    import       the test imports a name that the file defines                      every pair
    package      the test imports a package that passes names of the file on        every pair
    name         test_x.py and x.py: nothing else links the file to a test          every pair
    fixture      a conftest.py above the test is the file, or imports from it       a query
    transitive   the test imports something that imports … the file                 a query

A file may have many tests and a test many files. Confidence is the share of such links that a
coverage run confirms, measured on real projects (docs/decisions/0004-test-map.md); it orders the
answer and lets a caller cut it.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.index.graph.reach import distances
from quarterdeck.index.graph.resolve import is_package

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

ITSELF = "itself"
PROVEN = "proven"
IMPORTED = "import"
PACKAGED = "package"
NAMED = "name"
FIXTURE = "fixture"
TRANSITIVE = "transitive"

HOWS = (ITSELF, PROVEN, IMPORTED, PACKAGED, NAMED, FIXTURE, TRANSITIVE)
"""Every way to know, in the order of the module's table."""

CONFIDENCE: Mapping[str, float] = {
    ITSELF: 1.0,
    PROVEN: 1.0,
    IMPORTED: 0.91,
    PACKAGED: 0.36,
    NAMED: 0.92,
    FIXTURE: 0.43,
}

TRANSITIVE_CONFIDENCE = (0.66, 0.26, 0.05)
"""Of ``transitive`` at a distance of 2, 3, and 4 or more definitions."""

FAINT = 0.03
"""Of ``transitive`` where the test runs the file only by importing it: no name of it is used on the way."""


class Link(NamedTuple):
    """*test* covers *path*.

    Attributes:
        path: the covered file.
        test: the test file.
        how: one of the words in the module's table.
        confidence: 0 to 1.
    """

    path: str
    test: str
    how: str
    confidence: float


class Linkable(NamedTuple):
    """A file that can test or be tested.

    Attributes:
        path: of the file.
        is_test: a test runner can run it, as `is_runnable` says.
        language: as the index names it.
    """

    path: str
    is_test: bool
    language: str


_TEST_MODULE = re.compile(r"^(tests?|test_.*|.*_tests?)\.py$")


def is_runnable(path: str, language: str, tests: int) -> bool:
    """Whether a test runner finds tests in a file of category test: not in its fixtures, data and helpers.

    Args:
        path: of the file.
        language: as the index names it.
        tests: how many test functions it is known to have.
    """
    return tests > 0 or language != "python" or bool(_TEST_MODULE.match(posixpath.basename(path)))


def link_tests(
    files: Iterable[Linkable], definitions: Iterable[tuple[str, str]], proven: Mapping[str, Iterable[str]]
) -> list[Link]:
    """Every direct (path, test) pair, each once with its strongest reason, sorted.

    Args:
        files: all source and test files.
        definitions: (importing file, file that defines what it imports).
        proven: covered file -> test files that ran it.
    """
    by_path = {file.path: file for file in files}
    tests = {path for path, file in by_path.items() if file.is_test}
    found: dict[tuple[str, str], str] = {}

    def add(path: str, test: str, how: str) -> None:
        if path in by_path and path not in tests and test in tests:
            found.setdefault((path, test), how)

    for path, runners in proven.items():
        for test in runners:
            add(path, test, PROVEN)
    passed_on = _passed_on(definitions)
    through_package: list[tuple[str, str]] = []
    for test, path in definitions:
        if path in passed_on:  # `import pkg`, or a name of its __init__ itself: mostly the former
            through_package += [(test, path), *((test, behind) for behind in passed_on[path])]
        else:
            add(path, test, IMPORTED)
    for test, path in through_package:
        add(path, test, PACKAGED)
    for path, test in _by_name(by_path.values(), {path for path, _ in found}):
        add(path, test, NAMED)
    return sorted(Link(path, test, how, CONFIDENCE[how]) for (path, test), how in found.items())


def _passed_on(definitions: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    """Package file -> the files whose names it passes on, also by way of other packages."""
    direct: dict[str, set[str]] = {}
    for source, target in definitions:
        if is_package(source):
            direct.setdefault(source, set()).add(target)
    found = {}
    for package in direct:
        seen = {package}
        todo = [package]
        while todo:
            for target in direct.get(todo.pop(), ()):
                if target not in seen:
                    seen.add(target)
                    todo.append(target)
        found[package] = {path for path in seen if not is_package(path)}
    return found


class Importers(NamedTuple):
    """Who imports a file, asked from the file's side.

    Attributes:
        names: file -> files that import a name it defines.
        anything: file -> files that import it in any way.
    """

    names: Mapping[str, Iterable[str]]
    anything: Mapping[str, Iterable[str]]


def tests_for(
    changed: Iterable[str], links: Iterable[Link], tests: Iterable[str], importers: Importers
) -> list[Link]:
    """The tests to run for *changed*, each once: most confident first, then by path.

    Args:
        changed: files that changed.
        links: all direct links.
        tests: all test files that can be run.
        importers: of every file.
    """
    every_test = set(tests)
    by_path: dict[str, list[Link]] = {}
    for link in links:
        by_path.setdefault(link.path, []).append(link)
    best: dict[str, Link] = {}
    for path in changed:
        for link in _tests_for_one(path, by_path.get(path, []), every_test, importers):
            known = best.get(link.test)
            if known is None or link.confidence > known.confidence:
                best[link.test] = link
    return sorted(best.values(), key=lambda link: (-link.confidence, link.test))


def _tests_for_one(path: str, direct: list[Link], tests: set[str], importers: Importers) -> Iterator[Link]:
    if path in tests:
        yield Link(path, path, ITSELF, CONFIDENCE[ITSELF])
    yield from direct
    for test in _below(path, tests):
        yield Link(path, test, FIXTURE, CONFIDENCE[FIXTURE])
    linked = {link.test for link in direct}  # a package's links are weaker than others at its distance
    for reached, distance in distances(importers.names, path).items():
        if reached in tests and reached not in linked:
            yield Link(path, reached, TRANSITIVE, transitive_confidence(distance))
        elif distance == 1:
            for test in _below(reached, tests):
                yield Link(path, test, FIXTURE, CONFIDENCE[FIXTURE])
    for reached in distances(importers.anything, path):
        if reached in tests:
            yield Link(path, reached, TRANSITIVE, FAINT)


def transitive_confidence(distance: int) -> float:
    """Of a test that is *distance* >= 1 definitions away; 1 is a name of a package file."""
    return TRANSITIVE_CONFIDENCE[min(max(distance - 2, 0), len(TRANSITIVE_CONFIDENCE) - 1)]


def _below(path: str, tests: set[str]) -> Iterator[str]:
    """The tests that pytest runs with the fixtures of *path*, if it is a conftest.py."""
    folder, _, name = path.rpartition("/")
    if name == "conftest.py":
        for test in sorted(tests):
            if not folder or test.startswith(f"{folder}/"):
                yield test


def _by_name(files: Iterable[Linkable], linked: set[str]) -> Iterable[tuple[str, str]]:
    """(path, test) for sources without any better link: same stem, nearest folders."""
    tests: dict[tuple[str, str], list[str]] = {}
    sources: list[Linkable] = []
    for file in files:
        if file.is_test:
            tests.setdefault((file.language, _subject(file.path)), []).append(file.path)
        elif file.path not in linked:
            sources.append(file)
    for source in sources:
        candidates = tests.get((source.language, _stem(source.path)))
        if candidates and _stem(source.path) not in _NAMELESS:
            yield (
                source.path,
                min(candidates, key=lambda test: (-_shared(source.path, test), len(test), test)),
            )


_NAMELESS = frozenset({"", "__init__", "__main__", "conftest", "index", "main", "utils", "mod", "lib"})
"""Stems that say nothing about which of their many bearers a test means."""


def _stem(path: str) -> str:
    return posixpath.basename(path).split(".", 1)[0]


def _subject(path: str) -> str:
    """What a test file's name says it tests: ``test_x.py``, ``x_test.go``, ``x.spec.ts`` -> x."""
    stem = _stem(path)
    for prefix in ("test_", "tests_"):
        stem = stem.removeprefix(prefix)
    for suffix in ("_test", "_tests", "_spec", "Tests", "Test"):
        stem = stem.removesuffix(suffix)
    return stem


def _shared(a: str, b: str) -> int:
    """How many folder names the two paths have in common."""
    return len(set(a.split("/")[:-1]) & set(b.split("/")[:-1]))
