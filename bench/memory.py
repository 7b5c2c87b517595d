"""Agent memory next to what else keeps small values: in this process, on this machine, on a server.

    embedded    a file for all processes of a machine: hot and first reads, writes, batches, a fresh process
    Redis       the same on a server on loopback, one for all
    facts       stale reads, writes lost to kill -9, and bytes per entry (`memory_facts`)

Each run is a fresh process in the contender's own environment (`memory_stores`), with a home folder of its
own and an empty store; what it does there is in `programs`. A floor is what nobody who keeps the same
promise can go below: a lookup and JSON decoded, a bare upsert of the same bytes, a bare round trip.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from bench import memory_facts, memory_stores, peers
from bench.measure import Contender, measure
from bench.memory_stores import CACHING, EMPATHY, FAST, IN_PROCESS, REDIS_PY, SUBJECT, WORK
from bench.results import ScenarioResult, scenario_result
from bench.servers import redis_server

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bench.memory_stores import Stores
    from bench.servers import Server

HEADLINE = memory_stores.HEADLINE

HOT_READS = 200_000
FIRST_READS = 5_000
WRITES = 20_000
QUICK_SHARE = 10
MEMORY_ROUNDS = 1
EMBEDDED = {
    SUBJECT: "quarterdeck",
    f"{EMPATHY} ({IN_PROCESS})": "empathy",
    peers.DISKCACHE.label: "diskcache",
    f"{peers.CASHEWS.label} ({IN_PROCESS})": "cashews-memory",
    f"{peers.CASHEWS.label} (disk)": "cashews-disk",
    f"{peers.LANGGRAPH.label} (SqliteStore)": "langgraph",
}
ON_REDIS = {SUBJECT: "quarterdeck", EMPATHY: "empathy", REDIS_PY: "redis-py"}
WITH_RE2 = {FAST: "quarterdeck-fast"}
IN_DICT = {"floor (dict, JSON decoded)": "dict"}
IN_SQLITE = {"floor (bare sqlite3)": "sqlite"}
PING = {"floor (bare PING)": "ping"}
START = {"floor (bare interpreter)": "nothing"}


@dataclass(frozen=True, slots=True)
class Scenario:
    """One question.

    Attributes:
        name: as the tables show it.
        operation: what `programs.times` does.
        count: how often.
        stores: who is asked, by what the tables call them; the subject first.
        unit: what *count* counts.
    """

    name: str
    operation: str
    count: int
    stores: Mapping[str, str]
    unit: str = "entries"


def run(*, rounds: int, quick: bool, say: Callable[[str], None]) -> list[ScenarioResult]:
    """Every scenario; *quick* does a tenth of each. Without a Redis server, the embedded ones only."""
    say("preparing the contenders")
    stores = memory_stores.install()
    share = QUICK_SHARE if quick else 1
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    try:
        with redis_server(WORK / "server") as server:
            results = [
                _result(scenario, "embedded", _in_files(stores, scenario), rounds, say)
                for scenario in _embedded(share)
            ]
            if server is None:
                say("without the scenarios on Redis: no redis-server found (see bench/servers.py)")
            else:
                results += [
                    _result(scenario, f"Redis {server.version}", _at(server, stores, scenario), rounds, say)
                    for scenario in _on_redis(share, server)
                ]
            results += memory_facts.run(stores, server, share=share, say=say)
    finally:
        shutil.rmtree(WORK, ignore_errors=True)
    return results


def _embedded(share: int) -> list[Scenario]:
    first, writes = FIRST_READS // share, WRITES // share
    return [
        Scenario("hot retrieve", "hot", HOT_READS // share, EMBEDDED | IN_DICT, "reads"),
        Scenario("first retrieve of a key", "first", first, EMBEDDED | IN_SQLITE),
        Scenario("stash", "stash", writes, EMBEDDED | WITH_RE2 | IN_SQLITE),
        Scenario("stash with a time to live", "ttl", writes, EMBEDDED),
        Scenario("stash_batch of 100, per entry", "stash-batch", writes, EMBEDDED | WITH_RE2 | IN_SQLITE),
        Scenario("retrieve_batch of 100, per entry", "retrieve-batch", first, EMBEDDED | IN_SQLITE),
        Scenario("import, open, retrieve", "fresh", 1, EMBEDDED | START, "process"),
    ]


def _on_redis(share: int, server: Server) -> list[Scenario]:
    stores = ON_REDIS | ({CACHING: "redis-py-caching"} if server.can_cache else {})
    first, writes = FIRST_READS // share, WRITES // share
    return [
        Scenario("hot retrieve", "hot", HOT_READS // share, stores | PING, "reads"),
        Scenario("first retrieve of a key", "first", first, stores | PING),
        Scenario("stash", "stash", writes, stores | WITH_RE2 | PING),
        Scenario("stash_batch of 100, per entry", "stash-batch", writes, ON_REDIS | WITH_RE2),
        Scenario("retrieve_batch of 100, per entry", "retrieve-batch", first, ON_REDIS),
        Scenario("import, connect, retrieve", "fresh", 1, ON_REDIS | START, "process"),
    ]


def _in_files(stores: Stores, scenario: Scenario) -> list[Contender]:
    """The contenders of a scenario, each in a folder that is empty at first."""
    folder = WORK / "embedded"

    def empty() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()

    return [
        _contender(stores, scenario, name, str(folder / store), empty)
        for name, store in scenario.stores.items()
    ]


def _at(server: Server, stores: Stores, scenario: Scenario) -> list[Contender]:
    """The contenders of a scenario, each on a server that is empty at first."""
    return [_contender(stores, scenario, name, server.url, server.empty) for name in scenario.stores]


def _contender(
    stores: Stores, scenario: Scenario, name: str, place: str, empty: Callable[[], object]
) -> Contender:
    """One store at *place*; a fresh process finds there what another has written."""
    store = scenario.stores[name]
    argv = stores.command(store, "times", scenario.operation, place, scenario.count)
    variables = stores.variables(store)
    is_fresh = scenario.operation == "fresh"

    def prepare() -> None:
        empty()
        if is_fresh:
            fill = stores.command(store, "times", "fill", place, 0)
            subprocess.run(fill, check=False, env={**os.environ, **variables}, stdout=subprocess.DEVNULL)

    return Contender(name, argv, str(WORK), variables, prepare, times_itself=not is_fresh)


def _result(
    scenario: Scenario, where: str, contenders: Sequence[Contender], rounds: int, say: Callable[[str], None]
) -> ScenarioResult:
    progress = partial(_progress, say, f"{scenario.name}, {where}")
    measured = measure(contenders, rounds=rounds, memory_rounds=MEMORY_ROUNDS, progress=progress)
    return scenario_result(scenario.name, where, scenario.count, measured, unit=scenario.unit)


def _progress(say: Callable[[str], None], title: str, text: str) -> None:
    say(f"{title}: {text}")
