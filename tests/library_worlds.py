"""Libraries of patterns for tests, a clock for them, and all that is in one."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys

from quarterdeck.errors import QuarterdeckError
from quarterdeck.patterns import Pattern, PatternLibrary, PatternSettings
from tests.truth_worlds import NOW, a_pattern

DAY_S = 86_400.0
SETTINGS = PatternSettings(explore=False, scrub=False)


class Clock:
    """Seconds of the epoch, from `NOW` on, that pass when they are told to."""

    def __init__(self) -> None:
        self.now_s = NOW.timestamp()

    def __call__(self) -> float:
        return self.now_s

    def advance(self, seconds: float) -> None:
        self.now_s += seconds


def open_library(path: object = ":memory:", clock: Clock | None = None, **settings: object) -> PatternLibrary:
    """A library that does not explore nor scrub, unless *settings* say so; its clock stands still."""
    chosen = SETTINGS._replace(**settings)  # type: ignore[arg-type]
    return PatternLibrary(str(path), settings=chosen, clock=clock or Clock())


def plain(pattern_id: str, description: str = "", **fields: object) -> Pattern:
    """A pattern of which nothing is known but its description and *fields*."""
    bare: dict[str, object] = {"name": pattern_id, "description": description, "context": {}, "tags": []}
    return a_pattern(pattern_id, **(bare | fields))


def ids(found: object) -> list[str]:
    """Those of matches, or of patterns, in their order."""
    return [getattr(each, "pattern", each).id for each in found]  # type: ignore[attr-defined]


def everything(library: PatternLibrary) -> object:
    """All that a library says of what is in it."""
    patterns = sorted(library.patterns(), key=lambda pattern: pattern.id)
    return (
        patterns,
        {each.id: library.get_links(each.id) for each in patterns},
        {each.id: library.get_outcomes(each.id) for each in patterns},
        {each.id: library.get_provenance(each.id) for each in patterns},
        library.get_library_stats() | {"size_bytes": None},
        ids(library.search("", limit=1000, retired=True)),
    )


@contextlib.contextmanager
def refused(library: PatternLibrary):
    """What is done inside is refused with an error of ours, that says how to mend it; nothing has changed."""
    before = everything(library)
    raised = None
    try:
        yield
    except QuarterdeckError as error:
        raised = error
    assert raised is not None, "it was taken"
    assert raised.message
    assert raised.hint
    assert (raised.message + raised.hint).isprintable()
    assert len(str(raised)) < 1000
    assert everything(library) == before


FIND = """
import json, sys
from quarterdeck.patterns import PatternLibrary
with PatternLibrary(sys.argv[1]) as library:
    for line in sys.stdin:
        found = library.search(json.loads(line), limit=10_000)
        print(json.dumps([match.pattern.id for match in found]), flush=True)
"""


class Finder:
    """Another process that searches a library."""

    def __init__(self, path: object) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", FIND, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def search(self, query: str) -> list[str]:
        """The ids it finds."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(query) + "\n")
        self.process.stdin.flush()
        found: list[str] = json.loads(self.process.stdout.readline())
        return found

    def close(self) -> None:
        """It ends well."""
        with self.process:
            assert self.process.stdin
            self.process.stdin.close()
        assert self.process.returncode == 0
