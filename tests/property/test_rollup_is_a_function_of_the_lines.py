"""Whatever way the journal's lines come into the rollup, the sums are those of a model of plain dicts."""

from __future__ import annotations

import contextlib
import json
from collections import Counter, defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quarterdeck import sqlite
from quarterdeck.costs.ledger.calendar import Calendar, Choices
from quarterdeck.costs.ledger.rollup import Rollup
from quarterdeck.journal import JournalReader

NAMES = [f"20261122T10000000000{digit}-0000000{digit}" for digit in range(3)]
CHOICES = Choices("UTC", ("team", "user"))
COUNTS = ("cache_read_input_tokens", "cache_write_1h_input_tokens", "reasoning_output_tokens", "web_searches")


class Line(NamedTuple):
    """One line of a segment; *target* numbers an earlier line that it replaces."""

    segment: int
    fields: dict[str, object] | None
    target: int | None


def fields():
    """Few values of each field, so that they meet."""
    return st.fixed_dictionaries(
        {
            "v": st.just(1),
            "at": st.sampled_from(["2026-11-21T23:59:59.999+00:00", "2026-11-22T00:00:00.000+00:00"]),
            "model": st.sampled_from(["a", "b"]),
            "input_tokens": st.sampled_from([0, 1, 32_000, 32_001, 200_001, 10**9]),
            "output_tokens": st.integers(0, 2),
        },
        optional={
            "cost_picousd": st.sampled_from([0, 1, 10**12 - 1, 10**12, 1 << 62]),
            "response_id": st.sampled_from(["r1", "r2", "r3"]),
            "session": st.sampled_from(["s1", "s2"]),
            "tier": st.just("cheap"),
            "source": st.just("codex"),
            "user": st.sampled_from(["ann", "ben"]),
            "tags": st.sampled_from([{"team": "x"}, {"team": "y", "user": "cyd"}, {"other": "z"}]),
            "requests": st.integers(1, 3),
            **{name: st.integers(0, 3) for name in COUNTS},
        },
    )


LINES = st.lists(
    st.builds(
        Line,
        st.integers(0, 2),
        st.one_of(st.none(), fields(), fields(), fields()),
        st.none() | st.integers(0, 3),
    ),
    max_size=40,
)


def written(lines, names=NAMES):
    """The bytes of each line with its segment; a line that replaces names the place of an earlier one."""
    ends: Counter[str] = Counter()
    places: list[str] = []
    found = []
    for line in lines:
        name = names[line.segment]
        if line.fields is None:
            content = b'{"v":1,"at":"half a li\xff\n'
        else:
            body = dict(line.fields)
            if line.target is not None and places:
                body["replaces"] = places[line.target % len(places)]
            content = json.dumps(body).encode() + b"\n"
        places.append(f"{name}@{ends[name]}")
        ends[name] += len(content)
        found.append((name, content))
    return found


def read(segments):
    """Every line that is JSON, by its place."""
    records = {}
    for name, content in segments.items():
        offset = 0
        for line in content.splitlines(keepends=True):
            with contextlib.suppress(ValueError):
                records[f"{name}@{offset}"] = json.loads(line)
            offset += len(line)
    return records


def uncorrected(records):
    """The records that no other one replaces, and of those that do only such as may."""
    corrected, refused = set(), set()
    for place, record in records.items():
        if "replaces" in record:
            target = records.get(record["replaces"])
            if target is None or target.get("response_id") or "replaces" in target:
                refused.add(place)
            else:
                corrected.add(record["replaces"])
    return {place: record for place, record in records.items() if place not in corrected | refused}


def expected(segments):
    """Cells and sessions of whole segments by the rules that the rollup's docstring states."""
    alive = uncorrected(read(segments))
    rivals = defaultdict(list)
    for place, record in alive.items():
        if record.get("response_id"):
            rivals["id " + record["response_id"]].append(place)
        elif "replaces" in record:
            rivals["correction of " + record["replaces"]].append(place)
        else:
            rivals[place].append(place)

    def worth(place):
        name, _, offset = place.partition("@")
        record = alive[place]
        is_vague = not record.get("cache_write_1h_input_tokens")
        return -record["output_tokens"], "cost_picousd" not in record, is_vague, name, int(offset)

    cells: defaultdict[tuple[object, ...], Counter[str]] = defaultdict(Counter)
    sessions: defaultdict[tuple[object, ...], Counter[str]] = defaultdict(Counter)
    for places in rivals.values():
        record = alive[min(places, key=worth)]
        tags = {"team": record.get("tags", {}).get("team"), "user": record.get("tags", {}).get("user")}
        tags["user"] = tags["user"] or record.get("user")
        kept = {name: value for name, value in tags.items() if value}
        limits = (0, 32_000, 100_000, 128_000, 199_999, 200_000, 256_000, 272_000, 512_000, 524_288)
        one = record.get("requests", 1) == 1
        bracket = max(limit for limit in limits if not limit or record["input_tokens"] > limit) if one else 0
        label = (
            record["model"], record.get("tier", ""), record.get("source", ""),
            json.dumps(kept, separators=(",", ":")) if kept else "",
        )  # fmt: skip
        sums = Counter(
            {name: record.get(name, 0) for name in ("input_tokens", "output_tokens", *COUNTS)}
            | {"requests": record.get("requests", 1), "cost": record.get("cost_picousd", 0)}
        )
        priced = int("cost_picousd" in record)
        cells[record["at"][:10], bracket, priced, label].update(sums)
        if record.get("session"):
            sessions[record["session"], priced, label].update(sums)
    return dict(cells), dict(sessions)


def found_in(rollup):
    """What the rollup's tables hold, in the model's words."""
    counts = ("input_tokens", "output_tokens", *COUNTS)
    sums = f"requests, {', '.join(counts)}, cost_usd, cost_pico"
    found = []
    for table, keys in (("cells", "day, bracket, priced"), ("sessions", "session, priced")):
        rows = rollup.connection.execute(
            f"SELECT {sums}, {keys}, model, tier, source, tags FROM {table} JOIN labels ON id = label"
        )
        held = {}
        for row in rows:
            requests, *values = row
            usd, pico, *key = values[len(counts) :]
            counted = dict(zip(counts, values, strict=False))
            sums_of = Counter(counted | {"requests": requests, "cost": usd * 10**12 + pico})
            held[(*key[:-4], tuple(key[-4:]))] = sums_of
        found.append(held)
    return tuple(found)


def rolled(folder, path=sqlite.IN_MEMORY):
    return Rollup(str(path), JournalReader(str(folder)), Calendar("UTC"), CHOICES)


def state(rollup):
    """Everything that must be the same, whatever way it came about."""
    connection = rollup.connection
    return (
        rollup.contents().cells,
        rollup.contents().sessions,
        sorted(connection.execute("SELECT * FROM session_times")),
        sorted(connection.execute("SELECT * FROM dropped")),
        sorted(connection.execute("SELECT * FROM rejected")),
        sorted(connection.execute("SELECT * FROM counted")),
        sorted(connection.execute("SELECT * FROM replaced")),
    )


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=LINES, stops=st.sets(st.integers(0, 40), max_size=12), small=st.booleans())
def test_every_way_into_the_rollup_leads_to_the_sums_of_the_model(monkeypatch, lines, stops, small):
    """At once, in many refreshes, by two objects on one file, a line at a time, from sealed segments."""
    if small:
        monkeypatch.setattr("quarterdeck.costs.ledger.rollup.BATCH_BYTES", 1)
        monkeypatch.setattr("quarterdeck.costs.ledger.rollup.CHUNK_BYTES", 300)
    with TemporaryDirectory() as scratch:
        folder, sealed = Path(scratch, "open"), Path(scratch, "sealed")
        folder.mkdir()
        sealed.mkdir()
        gradual, one, other = (
            rolled(folder),
            rolled(folder, Path(scratch, "rollup.sqlite")),
            rolled(folder, Path(scratch, "rollup.sqlite")),
        )
        content: defaultdict[str, bytes] = defaultdict(bytes)
        for number, (name, line) in enumerate(written(lines)):
            content[name] += line
            with (folder / f"{name}.open").open("ab") as file:
                file.write(line)
            if number in stops:
                gradual.refresh()
                (one if number % 2 else other).refresh()
        for name in content:
            (sealed / f"{name}.jsonl").write_bytes(content[name])
        at_once, from_sealed = rolled(folder), rolled(sealed)
        ways = [at_once, gradual, one, other, from_sealed]
        try:
            for way in ways:
                way.refresh()
            assert found_in(at_once) == expected(content)
            for way in ways[1:]:
                assert state(way) == state(at_once)
        finally:
            for way in ways:
                way.close()
