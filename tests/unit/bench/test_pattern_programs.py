"""What part ``patterns`` measures is so: all engines get the same, find it, and keep to the filters."""

from __future__ import annotations

import json
import mmap
import os
import subprocess
import sys

import pytest

from bench import patterns, peers
from bench.measure import Run
from bench.programs import (
    kills,
    pattern_asking,
    pattern_corpus,
    pattern_engines,
    pattern_once,
    pattern_writing,
    stores,
)

COUNT = 300
SEARCHING = ["quarterdeck", "fts5", "tantivy"]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Nobody's own settings."""
    monkeypatch.setenv("QUARTERDECK_HOME", str(tmp_path / "state"))


@pytest.fixture(scope="module")
def made():
    """What all engines get."""
    return list(pattern_corpus.patterns(COUNT))


@pytest.fixture
def file(made, tmp_path):
    """The same as a file."""
    path = tmp_path / "made.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in made))
    return str(path)


def opened(name, tmp_path):
    """The engine in a folder of its own."""
    place = tmp_path / name
    place.mkdir(exist_ok=True)
    return pattern_engines.ENGINES[name](str(place))


def ids(name, found):
    """Which patterns an engine has found, whatever it calls them."""
    if name == "quarterdeck":
        return [match.pattern.id for match in found]
    return [f"p{row[0] - 1}" for row in found] if name == "fts5" else found


def test_the_same_patterns_are_made_each_time(made, file):
    """Also of another number of them, and from a file."""
    assert list(pattern_corpus.patterns(10)) == made[:10]
    assert list(pattern_corpus.read(file)) == made
    assert len({each.description for each in made}) == COUNT
    assert {each.type for each in made} == set(pattern_corpus.TYPES)


def test_no_question_is_asked_twice():
    """Or it would be answered out of a cache."""
    asked = pattern_corpus.questions(2_000)
    assert len(set(asked)) == 2_000
    assert all(len(question.split()) == 4 for question in asked)


@pytest.mark.parametrize("name", SEARCHING)
def test_an_engine_finds_what_it_was_given(name, made, file, tmp_path):
    """By its words, also when another one has opened what was built."""
    engine = opened(name, tmp_path)
    pattern_asking.build(engine, file)
    engine.close()
    engine = opened(name, tmp_path)
    for each in made[:20]:
        found = engine.ask(pattern_corpus.Question(f"{each.name} {each.description}"))
        assert ids(name, found)[0] == each.id
    engine.write(made[0]._replace(id=f"p{COUNT}", name="zyzzogeton"))
    assert ids(name, engine.ask(pattern_corpus.Question("zyzzogeton"))) == [f"p{COUNT}"]
    engine.close()


@pytest.mark.parametrize("name", SEARCHING)
@pytest.mark.parametrize(
    "question,allowed",
    [
        (pattern_corpus.Question("object", type="temporal"), lambda made: made.type == "temporal"),
        (pattern_corpus.Question("object", tag="tag-1"), lambda made: "tag-1" in made.tags),
        (pattern_corpus.Question("object", confidence=0.5), lambda made: made.confidence >= 0.5),
    ],
    ids=["type", "tag", "confidence"],
)
def test_an_engine_keeps_to_the_filters(name, question, allowed, made, tmp_path):
    """And finds as many as there are, or ten."""
    engine = opened(name, tmp_path)
    engine.build(made)
    fitting = [each for each in made if question.words in each.text.split() and allowed(each)]
    found = ids(name, engine.ask(question))
    engine.close()
    assert all(allowed(made[int(each[1:])]) for each in found)
    assert len(found) >= min(len(fitting), 10) > 0


def test_a_process_says_what_each_operation_took(file, tmp_path):
    """In its last line, with its memory."""
    (tmp_path / "rows").mkdir()
    told = patterns.told_by(output("pattern_asking", "rows", str(tmp_path / "rows"), "build", file))
    assert told.runs["build"].wall_s > 0
    assert told.runs["build"].rss_bytes >= told.own_bytes > 1_000_000


@pytest.mark.parametrize("writers", ["1", "3"])
def test_writers_keep_all_they_are_given(writers, tmp_path):
    """Each its own patterns, all at the same time."""
    told = patterns.told_by(output("pattern_writing", "rows", str(tmp_path), writers, "50"))
    assert {"contribute", "contribute, p99"} == set(told.runs)
    database = pattern_engines.Rows(str(tmp_path)).database
    assert database.execute("SELECT count(DISTINCT data) FROM patterns").fetchone() == (int(writers) * 50,)
    database.close()


@pytest.mark.parametrize("name", ["quarterdeck", "fts5"])
def test_what_one_process_has_kept_another_one_finds(name, tmp_path):
    """At the first question."""
    missed, median_s, most_s = map(
        float, output("pattern_writing", name, str(tmp_path), "seen", "20").split()
    )
    assert missed == 0
    assert 0 < median_s <= most_s


def test_when_one_process_fails_the_other_one_ends(tmp_path):
    """A floor that keeps lines cannot be asked; who keeps them does not wait for ever."""
    with pytest.raises(subprocess.CalledProcessError):
        output("pattern_writing", "line", str(tmp_path), "seen", "20")


def test_what_is_never_found_is_missed(tmp_path, monkeypatch):
    """A writer whose patterns nobody else sees."""
    monkeypatch.setitem(pattern_engines.ENGINES, "blind", Blind)
    monkeypatch.setattr(pattern_writing, "PATIENCE_S", 0.0)
    monkeypatch.setattr(os, "fork", lambda: 1)
    monkeypatch.setattr(os, "waitpid", lambda *_: None)
    monkeypatch.setattr(pattern_writing, "SHARED", AlreadyThere)
    missed, _, _ = pattern_writing.seen("blind", str(tmp_path), 7)
    assert missed == 7


def test_who_cannot_do_it_is_left_out_and_who_failed_is_shown():
    """The subject comes first, and its ratio is one."""
    run = Run(2.0, 1.0, 10, 0, 10, 0, "")
    told = {
        "ours": [patterns.Told({"a": run, "b": run})],
        "theirs": [patterns.Told({"a": run})],
        "broken": [patterns.Told({}, failure="no")],
    }
    a, b = patterns.scenarios(told, "on disk", 5)
    assert [(row["name"], row["failure"]) for row in a["rows"]] == [
        ("ours", ""),
        ("theirs", ""),
        ("broken", "no"),
    ]
    assert [row["name"] for row in b["rows"]] == ["ours", "broken"]
    assert a["rows"][0]["wall_ratio"] == 1


def test_that_all_have_failed_is_shown_too():
    """Or a scenario would silently be missing."""
    (only,) = patterns.scenarios({"ours": [patterns.Told({}, failure="no")]}, "on disk", 5)
    assert [(row["name"], row["failure"]) for row in only["rows"]] == [("ours", "no")]


def test_each_writer_looks_for_its_own(monkeypatch):
    """What another one has kept under its own name does not count."""
    kept = {"ann-7-0": stores.value(0), "bob-7-1": stores.value(1)}
    monkeypatch.setitem(stores.STORES, "kept", lambda place, copies: stores.Ways(kept.get, kept.__setitem__))
    lives = mmap.mmap(-1, kills.SHARED.size)
    lives[:] = kills.SHARED.pack(7, 2, 0, 0)
    kills.main("kept", "", lives, "ann", then_write=False)
    assert kills.SHARED.unpack(lives) == (8, 0, 2, 1)


def test_a_pattern_is_kept_whole(tmp_path):
    """A value that the kill test keeps comes back as it was, for another opener too."""
    ways = stores.open_store("quarterdeck-patterns", str(tmp_path))
    assert ways.put is not None
    ways.put("writer-1-0", stores.value(0))
    ways.close()
    ways = stores.open_store("quarterdeck-patterns", str(tmp_path))
    assert ways.get("writer-1-0") == stores.value(0)
    assert ways.get("writer-1-1") is None
    ways.close()


@pytest.mark.parametrize("name", SEARCHING)
def test_a_process_that_asks_once_finds_what_was_built(name, made, tmp_path):
    """In the same place."""
    engine = opened(name, tmp_path)
    engine.build(made)
    engine.close()
    assert pattern_once.ENGINES[name](str(tmp_path / name), "") > 0


def test_questions_are_written_beside_the_patterns(tmp_path):
    """So that who asks need not make them."""
    output("pattern_corpus", str(tmp_path / "few"), "5")
    asked = pattern_corpus.asked_of(str(tmp_path / "few"))
    assert asked == pattern_corpus.questions(len(asked))
    assert len(list(pattern_corpus.read(str(tmp_path / "few")))) == 5


class Blind(pattern_engines.Engine):
    """Finds nothing."""

    def ask(self, question):
        return []


class AlreadyThere:
    """Says that whatever is waited for was written long ago."""

    size = 16

    @staticmethod
    def unpack(_):
        return 1_000, 0.0


def output(program, *arguments):
    """What a program says."""
    done = subprocess.run(
        [sys.executable, "-P", str(peers.ROOT / "bench" / "programs" / f"{program}.py"), *arguments],
        env={**os.environ, "PYTHONPATH": str(peers.ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout
