"""Which tests cover which files, and how we know.

    how          means                                                              kept for
    itself       the changed file is the test                                       a query
    proven       a coverage run saw the test run lines of the file                  every pair
    import       the test imports the file, or a name that the file defines         every pair
    name         test_x.py and x.py: nothing else links the file to a test          every pair
    fixture      the changed file is a conftest.py above the test                   a query
    transitive   the test imports something that imports … the file                 a query

A file may have many tests and a test many files. Confidence is the share of such links that a
coverage run confirms, measured on real projects (docs/decisions); it orders the answer and lets a
caller cut it.
"""

from __future__ import annotations

import posixpath
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PROVEN = "proven"
IMPORTED = "import"
NAMED = "name"
TRANSITIVE = "transitive"
ITSELF = "itself"
FIXTURE = "fixture"

CONFIDENCE: Mapping[str, float] = {
    ITSELF: 1.0,
    PROVEN: 1.0,
    IMPORTED: 0.95,
    NAMED: 0.9,
    FIXTURE: 0.8,
    TRANSITIVE: 0.5,
}


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
    """A file that can test or be tested."""

    path: str
    is_test: bool
    language: str


def link_tests(
    files: Iterable[Linkable],
    edges: Iterable[tuple[str, str]],
    definitions: Iterable[tuple[str, str]],
    proven: Mapping[str, Iterable[str]],
) -> list[Link]:
    """Every direct (path, test) pair, each once with its strongest reason, sorted.

    Args:
        files: all source and test files.
        edges: (importing file, imported file).
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
    for test, path in definitions:
        add(path, test, IMPORTED)
    for test, path in edges:
        if (
            posixpath.basename(path) != "__init__.py"
        ):  # what a package only passes on, `definitions` has followed
            add(path, test, IMPORTED)
    for path, test in _by_name(by_path.values(), {path for path, _ in found}):
        add(path, test, NAMED)
    return sorted(Link(path, test, how, CONFIDENCE[how]) for (path, test), how in found.items())


def tests_for(
    changed: Iterable[str],
    links: Iterable[Link],
    tests: Iterable[str],
    dependents: Mapping[str, Iterable[str]],
) -> list[Link]:
    """The tests to run for *changed*, each once: most confident first, then by path.

    Args:
        changed: files that changed.
        links: all direct links.
        tests: all test files.
        dependents: file -> files that import it directly.
    """
    every_test = set(tests)
    by_path: dict[str, list[Link]] = {}
    for link in links:
        by_path.setdefault(link.path, []).append(link)
    best: dict[str, Link] = {}
    for path in changed:
        for link in _tests_for_one(path, by_path.get(path, []), every_test, dependents):
            known = best.get(link.test)
            if known is None or link.confidence > known.confidence:
                best[link.test] = link
    return sorted(best.values(), key=lambda link: (-link.confidence, link.test))


def _tests_for_one(
    path: str, direct: list[Link], tests: set[str], dependents: Mapping[str, Iterable[str]]
) -> Iterable[Link]:
    if path in tests:
        yield Link(path, path, ITSELF, CONFIDENCE[ITSELF])
    yield from direct
    if posixpath.basename(path) == "conftest.py":
        folder = posixpath.dirname(path)
        for test in tests:
            if not folder or test.startswith(f"{folder}/"):
                yield Link(path, test, FIXTURE, CONFIDENCE[FIXTURE])
    for reached, distance in _reach(path, dependents):
        if reached in tests:
            yield Link(path, reached, TRANSITIVE, round(CONFIDENCE[TRANSITIVE] / distance, 3))


def _reach(start: str, dependents: Mapping[str, Iterable[str]]) -> Iterable[tuple[str, int]]:
    """Every file that depends on *start*, with its distance, nearest first."""
    seen = {start}
    queue = deque([(start, 0)])
    while queue:
        path, distance = queue.popleft()
        for dependent in dependents.get(path, ()):
            if dependent not in seen:
                seen.add(dependent)
                yield dependent, distance + 1
                queue.append((dependent, distance + 1))


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
