"""Many processes and threads write one library and ask it, some are killed: nothing is lost, all is found."""

from __future__ import annotations

import contextlib
import random
import signal

import pytest

from quarterdeck.patterns import LinkKind
from quarterdeck.patterns.ranking import document_of
from quarterdeck.patterns.search.far import Far
from quarterdeck.patterns.search.index import SearchIndex
from quarterdeck.patterns.search.terms import Query
from tests.budget_worlds import start
from tests.library_worlds import Finder, ids, open_library, plain

PROCESSES = 8
THREADS = 8
ROUNDS = 4
VICTIMS = 5

OPEN = """
import sys, threading
from quarterdeck.patterns import Pattern, PatternLibrary, PatternSettings
from quarterdeck.patterns.ranking import Ranking, document_of
from quarterdeck.patterns.search.index import SearchIndex
path, who = sys.argv[1:3]
library = PatternLibrary(path, settings=PatternSettings(scrub=False))
def grow_early(near_limit, delta_limit):  # as a large library does
    library.index = SearchIndex(
        library.truth, path.removesuffix(".sqlite") + ".index", document_of,
        near_limit=near_limit, delta_limit=delta_limit,
    )
    library._ranking = Ranking(library.truth, library.index, 1e7, None)
def pattern(name):
    return Pattern(id=name, agent_id=who, pattern_type="temporal", name=f"locked {name}", tags=[f"by-{who}"])
"""

WORK = f"""{OPEN}
grow_early(30, 10)
errors = []
def work(thread):
    try:
        for turn in range({ROUNDS}):
            name = f"w{{who}}x{{thread}}x{{turn}}"
            library.contribute_pattern(who, pattern(name))
            (match,) = library.search(name, limit=1)
            assert match.pattern.id == name, (name, match)
            assert match.factors
            library.record_pattern_outcome("shared", turn % 2 == 0, agent_id=who)
            library.record_pattern_outcome(name, True)
            library.link_patterns(name, "shared")
            library.query_patterns(who, {{"task": "locked", "tags": ["by-1"]}}, "temporal", limit=5)
            library.update_pattern(name, description="said anew")
            library.get_top_patterns(3)
            library.get_related_patterns("shared")
    except BaseException as error:
        errors.append(f"{{type(error).__name__}}: {{error}}")
threads = [threading.Thread(target=work, args=(thread,)) for thread in range({THREADS})]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
library.close()
print(errors)
"""

CONTRIBUTE = f"""{OPEN}
grow_early(20, 5)
for turn in range(100_000):
    name = f"w{{who}}x{{turn}}"
    library.contribute_pattern(who, pattern(name))
    print(name, flush=True)
    assert library.search(name, limit=1)
"""


def named(who, thread, turn):
    return f"w{who}x{thread}x{turn}"


def test_processes_and_threads_do_all_at_once(tmp_path):
    """None of them gets an error, each finds what it has written, and all of it is there afterwards."""
    path = tmp_path / "team.sqlite"
    with open_library(path) as library:
        library.contribute_pattern("ann", plain("shared", "locked"))
        children = [start(WORK, path, who) for who in range(PROCESSES)]
        for child in children:
            out, complaint = child.communicate(timeout=300)
            assert (child.returncode, out, complaint) == (0, "[]\n", "")
        names = {named(*who) for who in _all()}
        shared = library.get_pattern("shared")
        assert shared
        assert (shared.success_count, shared.failure_count) == (len(names) / 2, len(names) / 2)
        assert len(library.get_outcomes("shared", 10_000)) == len(names)
        kept = {pattern.id: pattern for pattern in library.patterns() if pattern.id != "shared"}
        assert kept.keys() == names
        assert {(each.success_count, each.description) for each in kept.values()} == {(1, "said anew")}
        links = library.get_links("shared")
        assert {(each.source, each.kind) for each in links} == {(name, LinkKind.RELATED) for name in names}
        assert len(links) == len(names)
        assert set(ids(library.search("locked", limit=1000))) == names | {"shared"}
    with contextlib.closing(Finder(path)) as finder:
        assert set(finder.search("locked")) == names | {"shared"}
        assert finder.search(named(3, 3, 3))[0] == named(3, 3, 3)


def _all():
    return [
        (who, thread, turn) for who in range(PROCESSES) for thread in range(THREADS) for turn in range(ROUNDS)
    ]


@pytest.mark.parametrize("seed", [1, 2])
def test_what_was_acknowledged_is_found_however_its_writer_ended(tmp_path, seed):
    """Killed at any moment, while it and others take what was written to the files of the index."""
    dice, path = random.Random(seed), tmp_path / "team.sqlite"
    acknowledged: set[str] = set()
    with contextlib.ExitStack() as stack:
        children = [stack.enter_context(start(CONTRIBUTE, path, f"{seed}{who}")) for who in range(VICTIMS)]
        for child in children:
            stack.callback(child.kill)
        for child in children:
            for _ in range(dice.randrange(60, 120)):
                acknowledged.add(child.stdout.readline().strip())
            child.send_signal(signal.SIGKILL)
            rest = child.stdout.read().split("\n")[:-1]
            acknowledged.update(rest)
            assert child.wait(60) == -signal.SIGKILL
            assert child.stderr.read() == ""
    assert "" not in acknowledged
    with contextlib.closing(Finder(path)) as finder:
        assert acknowledged <= (found := set(finder.search("locked")))
        for name in dice.sample(sorted(acknowledged), 10):
            assert finder.search(name)[0] == name
    with open_library(path) as library:
        kept = {pattern.id for pattern in library.patterns()}
        assert acknowledged <= kept
        assert found <= kept
        assert len(kept - acknowledged) <= VICTIMS, "more than were killed before saying so"
        assert set(ids(library.search("locked", limit=10_000))) == kept
        assert (tmp_path / "team.index").is_dir(), "none of them came to it: the test is too easy"
        folder = str(tmp_path / "team.index")
        index = SearchIndex(library.truth, folder, document_of, near_limit=20, delta_limit=5)
        with contextlib.closing(index):
            for _ in ("as they left it", "made anew"):
                hits = index.search(Query({"lock": 1.0}), 10_000)
                assert {each.id for each in library.truth.read([hit.number for hit in hits]).values()} == kept
                index.rebuild()
            assert isinstance(index.statistics(), Far)
