"""What is true of the answers of a pattern library, whatever they cost: found by all, and kept.

found at once    one process keeps a pattern, another one asks for it as soon as that has returned
kill -9          four writers are killed again and again: acknowledged patterns that are gone afterwards
"""

from __future__ import annotations

import contextlib
import random
from functools import partial
from typing import TYPE_CHECKING

from bench.memory_facts import WRITES_OF_A_LIFE, Failed, Site, has_written, some_of
from bench.pattern_stores import EMPATHY, FTS5, SUBJECT, TANTIVY, WORK
from bench.programs.kills import SHARED
from bench.results import Fact, ScenarioResult, duration, facts_result

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.memory_facts import Finding
    from bench.memory_stores import Stores

PATTERNS = 1_000
KILLS = 40
WRITERS = 4
FOLDER = WORK / "facts"

SHARED_BY_PROCESSES = {SUBJECT: "quarterdeck", FTS5: "fts5", TANTIVY: "tantivy"}
KEPT = {SUBJECT: "quarterdeck-patterns", EMPATHY: "empathy-patterns"}


def run(stores: Stores, *, share: int, say: Callable[[str], None]) -> list[ScenarioResult]:
    """Both questions; *share*: only one in so many of what is to be done."""
    patterns, kills = PATTERNS // share, max(KILLS // share, 2)
    found = [
        _fact(Site(stores, engine, within=FOLDER), contender, partial(_found, patterns=patterns), say)
        for contender, engine in SHARED_BY_PROCESSES.items()
    ]
    never = "never: it is in one process"
    found.insert(1, Fact(EMPATHY, never, {"missed": patterns, "patterns": patterns}))
    lost = [
        _fact(Site(stores, store, within=FOLDER), contender, partial(_lost, kills=kills), say)
        for contender, store in KEPT.items()
    ]
    return [
        facts_result("not found at once by another process", "on disk", patterns, found, unit="patterns"),
        facts_result(f"patterns lost to kill -9, {WRITERS} writers", "on disk", kills, lost, unit="kills"),
    ]


def _fact(
    site: Site, contender: str, find_out: Callable[[Site], Finding], say: Callable[[str], None]
) -> Fact:
    say(f"found by others, and kept: {contender}")
    try:
        text, figures = find_out(site)
    except Failed as failed:
        return Fact(contender, "", {}, str(failed))
    return Fact(contender, text, figures)


def _found(site: Site, *, patterns: int) -> Finding:
    missed, median_s, most_s = site.answer("pattern_writing", "seen", patterns)
    text = f"{some_of(missed, patterns)}; answered after {duration(median_s)}"
    return text, {"missed": missed, "patterns": patterns, "median_s": median_s, "most_s": most_s}


def _lost(site: Site, *, kills: int) -> Finding:
    dice = random.Random(kills)
    names = [f"writer-{number}" for number in range(WRITERS)]
    with contextlib.ExitStack() as stack:
        shared = {name: stack.enter_context(site.shared(SHARED.size, name)) for name in names}
        for life in range(1, kills + 1):
            enough = dice.choice(WRITES_OF_A_LIFE) // WRITERS
            with contextlib.ExitStack() as lives:
                for name, (path, mapped) in shared.items():
                    writer = lives.enter_context(site.running("kills", path, "write", name))
                    if name == names[-1]:
                        writer.wait_until(partial(has_written, mapped, life, enough))
        acknowledged = lost = 0
        for name, (path, mapped) in shared.items():
            life = SHARED.unpack(mapped)[0]
            with site.running("kills", path, "look", name) as last:
                last.wait_until(partial(has_written, mapped, life + 1, 0))
            its_acknowledged, its_lost = SHARED.unpack(mapped)[2:]
            acknowledged, lost = acknowledged + its_acknowledged, lost + its_lost
    return some_of(lost, acknowledged), {"acknowledged": acknowledged, "lost": lost, "kills": kills}
