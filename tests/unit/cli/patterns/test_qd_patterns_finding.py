"""``qd patterns search``, ``query``, ``top``, ``due``, ``stats``, ``reindex``: what is found, and why."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from quarterdeck.cli.patterns.top import SORTS

WAIT = "wait-for-a-locked-database"
RETRY = "retry-on-a-lock"


@pytest.fixture(autouse=True)
def library(qd, project) -> None:
    """Three lessons, two of them about locks."""
    for fields in (
        {
            "name": "Wait for a locked database",
            "tags": ["sqlite", "locks"],
            "description": "Another process writes: set a timeout.",
            "pattern_type": "conditional",
            "agent_id": "ann",
        },
        {"name": "Retry on a lock", "tags": ["sqlite"], "confidence": 0.4, "lesson": "avoid"},
        {"name": "Hand in a clock", "tags": ["tests"], "context": {"language": "python"}, "confidence": 0.8},
    ):
        qd("patterns", "add", json.dumps(fields))


def found(result) -> list[str]:
    """The ids of an answer in JSON."""
    return [each["pattern"]["id"] for each in result.json["matches"]]


def test_every_match_says_why_it_was_found(qd):
    """What it is ranked by, its labels, its text, the reasons with their shares, and what came of it."""
    for how in ["worked"] * 9 + ["failed"]:
        qd("patterns", "outcome", WAIT, how)
    qd("patterns", "link", WAIT, RETRY, "--kind", "contradicts")
    result = qd("patterns", "search", "locked", "database")
    first, second = result.out.rstrip("\n").split("\n\n")
    lines = first.splitlines()
    assert lines[0] == f"{WAIT}  Wait for a locked database"
    score = qd("patterns", "search", "locked", "database", "--json").json["matches"][0]["score"]
    assert lines[1] == f"  ██████████ {score:.2f} · fits 1.00 · conditional #sqlite #locks · by ann"
    assert lines[2] == "  Another process writes: set a timeout."
    assert lines[3].startswith("  fits by databas")
    assert lines[4].startswith("  worked 9 of 10 (.60-.98), expected to work ")
    assert lines[5] == f"  contradicted by {RETRY}"
    assert second.splitlines()[0] == f"{RETRY}  avoid: Retry on a lock"
    assert "not tried yet; its author is 40% sure" in second


def test_in_json_there_is_all_of_it(qd):
    """Factors whose shares add up to 1, evidence, scores, and how many filters hide."""
    answer = qd("patterns", "search", "locked", "database", "--json").json
    assert answer["schema"] == "quarterdeck.patterns.search/1"
    match = answer["matches"][0]
    assert match["pattern"]["id"] == WAIT
    assert sum(factor["share"] for factor in match["factors"]) == pytest.approx(1)
    assert match["evidence"]["expected"] == 0.5
    assert 0 < match["relevance"] <= 1
    assert (match["similarity"], match["contradicted_by"], answer["hidden"]) == (None, [], 0)


@pytest.mark.parametrize(
    "filters, passing, hidden",
    [
        (("--tag", "locks"), [WAIT], 1),
        (("--tag", "sqlite", "--tag", "locks"), [WAIT], 1),
        (("--type", "conditional"), [WAIT], 1),
        (("--lesson", "avoid"), [RETRY], 1),
        (("--min-confidence", "0.5"), [WAIT], 1),
        (("--tag", "nothing"), [], 2),
        (("--limit", "1", "--tag", "sqlite"), [WAIT], 0),
    ],
    ids=str,
)
def test_it_is_said_how_many_the_filters_hide(qd, filters: tuple[str, ...], passing: list[str], hidden: int):
    """As long as the answer has room for more."""
    result = qd("patterns", "search", "locked", *filters, "--json")
    assert found(result) == passing
    assert result.json["hidden"] == hidden
    said = qd("patterns", "search", "locked", *filters).out
    assert ("would match without the filters" in said) == bool(hidden)
    if hidden == 1:
        assert said.endswith("\n1 other would match without the filters\n")


def test_what_is_retired_is_hidden_and_said_so(qd):
    """What is superseded, and what has expired."""
    qd("patterns", "link", WAIT, RETRY, "--kind", "supersedes")
    result = qd("patterns", "search", "locked")
    assert RETRY not in result.out
    assert result.out.endswith("\n1 other would match with --retired\n")
    assert f"superseded by {WAIT}" in qd("patterns", "search", "locked", "--retired").out
    qd("patterns", "update", WAIT, "--expires", "2020-01-01")
    assert found(qd("patterns", "search", "locked", "--json")) == []
    assert sorted(found(qd("patterns", "search", "locked", "--retired", "--json"))) == sorted([WAIT, RETRY])


def test_no_match_is_an_answer(qd):
    """Not silent, and no error."""
    result = qd("patterns", "search", "unheard-of")
    assert (result.code, result.out) == (0, "no pattern matches\n")
    assert qd("patterns", "search", "unheard-of", "--json").json["matches"] == []
    assert qd("patterns", "search", "the", "of").out == "nothing but common words: say what it is about\n"
    told = qd("patterns", "search", "the", "--render", "100")
    assert (told.out, told.err) == ("", "note: nothing but common words: say what it is about\n")


def test_the_bar_is_what_the_order_is_by(qd):
    """How well it fits, and what came of it."""
    for each in ("good", "new", "bad"):
        qd("patterns", "add", "--id", each, "--name", "same words")
    for _ in range(6):
        qd("patterns", "outcome", "good", "worked")
        qd("patterns", "outcome", "bad", "failed")
    blocks = qd("patterns", "search", "same words").out.split("\n\n")
    assert [block.split()[0] for block in blocks] == ["good", "new", "bad"]
    bars = [block.splitlines()[1].split()[0] for block in blocks]
    assert bars[0] == "█" * 10
    assert bars == sorted(bars, key=lambda bar: (bar.count("█"), bar.count("▌")), reverse=True)
    assert len(set(bars)) == 3
    assert all(" · fits 1.00 · " in block for block in blocks)


def test_an_id_that_is_typed_is_found_first(qd):
    """Before what has its words; unless it is retired, or filters say what is wanted."""
    qd("patterns", "add", "--id", "p77", "--name", "Something else", "--confidence", "0.1")
    assert found(qd("patterns", "search", "p77", "--json")) == ["p77"]
    qd("patterns", "add", "--name", "p77 p77 p77", "--id", "other")
    result = qd("patterns", "search", "p77", "--json")
    assert found(result) == ["p77", "other"]
    scores = [match["score"] for match in result.json["matches"]]
    assert scores == sorted(scores, reverse=True)
    assert found(qd("patterns", "search", "p77", "-n", "1", "--json")) == ["p77"]
    assert found(qd("patterns", "search", "p77", "--min-confidence", "0.1", "--json")) == ["other"]
    qd("patterns", "update", "p77", "--expires", "2020-01-01")
    assert found(qd("patterns", "search", "p77", "--json")) == ["other"]
    assert found(qd("patterns", "search", "p77", "--retired", "--json")) == ["p77", "other"]


def test_filters_alone_list_all_that_pass(qd):
    """By their outcomes."""
    qd("patterns", "outcome", RETRY, "failed")
    assert found(qd("patterns", "search", "--tag", "sqlite", "--json")) == [WAIT, RETRY]


def test_what_has_worked_comes_first_from_then_on(qd):
    """The same words, another order."""
    qd("patterns", "add", "--id", "one", "--name", "same words")
    qd("patterns", "add", "--id", "two", "--name", "same words")
    assert found(qd("patterns", "search", "same words", "--json")) == ["one", "two"]
    qd("patterns", "outcome", "two", "worked")
    assert found(qd("patterns", "search", "same words", "--json")) == ["two", "one"]


def test_a_text_for_a_prompt_keeps_to_its_budget(qd):
    """On stdout nothing but the text; what else there is to say goes to stderr."""
    result = qd("patterns", "search", "locked", "--render", "400", "--tag", "locks")
    assert "Wait for a locked database" in result.out
    assert result.err == "note: 1 other would match without the filters\n"
    short = qd("patterns", "search", "locked", "--render", "5")
    assert (short.code, short.out, short.err) == (0, "", "note: no match fits into so few tokens\n")
    none = qd("patterns", "search", "unheard-of", "--render", "500")
    assert (none.code, none.out, none.err) == (0, "", "note: no pattern matches\n")
    answer = qd("patterns", "search", "locked", "--render", "400", "--tag", "locks", "--json").json
    assert answer["text"].splitlines() == result.out.splitlines()


def test_a_query_asks_by_the_situation(qd):
    """Pairs, tags and words; a value is JSON, and what is not is text."""
    asked = ("query", "task=the database is locked", 'tags=["locks"]', "--no-explore", "--agent", "bob")
    assert found(qd("patterns", *asked, "--json")) == [WAIT]
    result = qd("patterns", *asked)
    assert "tag locks" in result.out
    assert result.out.endswith("\n1 other would match with --min-confidence 0\n")
    assert qd("patterns", *asked, "--type", "skill").out.endswith(
        "\n2 others would match without a type and with --min-confidence 0\n"
    )
    assert found(qd("patterns", *asked, "--min-confidence", "0", "--json")) == [WAIT, RETRY]
    assert found(qd("patterns", "query", "language=python", "--no-explore", "--json")) == ["hand-in-a-clock"]
    assert found(qd("patterns", "query", "language=python", "--type", "conditional", "--json")) == []


def test_a_query_of_nothing_gives_the_best(qd):
    """By their outcomes, or their authors."""
    assert found(qd("patterns", "query", "--no-explore", "--json")) == ["hand-in-a-clock", WAIT]


@pytest.mark.parametrize("explore", ["--explore", "--no-explore"])
def test_an_agent_may_explore_or_not(qd, explore: str):
    """What a match is ranked by is a draw, or what is expected."""
    match = qd("patterns", "query", "task=locked", explore, "--json").json["matches"][0]
    assert (match["evidence"]["drawn"] == match["evidence"]["expected"]) == (explore == "--no-explore")


@pytest.mark.parametrize("sort", SORTS)
def test_the_best_can_be_listed_in_every_order(qd, sort: str):
    """All that the library knows."""
    qd("patterns", "outcome", WAIT, "worked")
    answer = qd("patterns", "top", "--sort", sort, "-n", "2", "--json").json
    assert (answer["sort"], len(answer["patterns"])) == (sort, 2)
    if sort in {"success_rate", "usage_count"}:
        assert answer["patterns"][0]["id"] == (WAIT if sort == "usage_count" else "hand-in-a-clock")


def test_the_best_are_a_table(qd):
    """With what came of each."""
    qd("patterns", "outcome", WAIT, "worked")
    lines = qd("patterns", "top").out.splitlines()
    assert lines[0].split() == ["id", "name", "type", "outcomes", "confidence", "by"]
    assert any("worked 1 of 1 (.21-1.00)" in line for line in lines)
    assert any("avoid: Retry on a lock" in line for line in lines)


def test_what_is_due_is_listed_until_somebody_has_looked(qd):
    """The longest due first."""
    assert qd("patterns", "due").out == "no pattern is due\n"
    qd("patterns", "update", WAIT, "--review", "2025-06-01")
    qd("patterns", "update", RETRY, "--review", "2025-01-01")
    assert [each["id"] for each in qd("patterns", "due", "--json").json["patterns"]] == [RETRY, WAIT]
    assert "2025-06-01 00:00" in qd("patterns", "due", "-n", "2").out
    qd("patterns", "update", RETRY, "--review", "90d")
    assert [each["id"] for each in qd("patterns", "due", "--json").json["patterns"]] == [WAIT]


def test_the_library_can_be_counted(qd):
    """By type and by tag; what is zero is not mentioned."""
    qd("patterns", "outcome", WAIT, "worked")
    qd("patterns", "link", WAIT, RETRY, "--kind", "supersedes")
    said = qd("patterns", "stats").out
    assert said.startswith("3 patterns of 2 agents, ")
    assert "  outcomes    1, 1 of them worked\n" in said
    assert "  superseded  1\n" in said
    assert "expired" not in said
    assert "due" not in said
    answer = qd("patterns", "stats", "--json").json
    assert (answer["patterns"], answer["by_type"]) == (3, {"general": 2, "conditional": 1})
    assert answer["tags"] == {"sqlite": 2, "locks": 1, "tests": 1}


def test_the_index_can_be_made_anew(qd):
    """It answers as before."""
    assert qd("patterns", "reindex").out == "3 patterns indexed\n"
    assert qd("patterns", "reindex", "--json").json["patterns"] == 3
    assert found(qd("patterns", "search", "locked", "--json")) == [WAIT, RETRY]


def test_what_says_the_same_in_other_words_is_found_by_its_meaning(qd):
    """Where that is asked for; how near it is stands beside how well it fits."""
    asked = ("patterns", "search", "the db hangs")
    assert qd(*asked).out == "no pattern matches\n"
    assert qd("patterns", "reindex", "--semantic").code == 0
    result = qd(*asked, "--semantic")
    assert result.out.startswith(f"{WAIT}  ")
    assert " · meaning 0." in result.out
    assert "  fits by meaning 100%\n" in result.out
    matches = qd(*asked, "--semantic", "--json").json["matches"]
    assert matches[0]["similarity"] > matches[-1]["similarity"] > 0
    assert (
        found(qd("patterns", "query", "task=the db hangs", "--semantic", "--no-explore", "--json"))[0] == WAIT
    )


def test_without_the_search_by_meaning_words_still_answer(qd, project):
    """It is said why; in JSON, how many patterns were not compared."""
    library = qd("patterns", "search", "locked", "--json").json["library"]
    Path(library.removesuffix(".sqlite") + ".index").write_text("a file where the folder should be")
    result = qd("patterns", "search", "locked", "--semantic")
    assert result.code == 0
    assert result.out.startswith(f"{WAIT}  ")
    assert result.err.startswith("note: found by words only, the search by meaning fails: ")
    answer = qd("patterns", "query", "task=locked", "--semantic", "--json")
    assert WAIT in found(answer)
    assert answer.json["not_by_meaning"] == 3
    assert qd("patterns", "search", "the", "--semantic").out == "no pattern matches\n"
    assert qd("patterns", "reindex", "--semantic").code == 1


def test_it_is_said_what_the_search_by_meaning_does_not_know_yet(qd, piped):
    """As long as not all is made ready for it."""
    lines = [{"format": "quarterdeck-patterns", "version": 1}]
    fields = {"agent_id": "a", "pattern_type": "t"}
    lines += [{"pattern": {**fields, "id": f"p{n}", "name": f"lesson {n}"}} for n in range(200)]
    piped("".join(f"{json.dumps(line)}\n" for line in lines).encode())
    assert qd("patterns", "import", "-").code == 0
    first = qd("patterns", "search", "locked", "--semantic", "--json")
    missing = first.json["not_by_meaning"]
    assert 0 < missing < 203
    known = f"{missing} of 203 patterns are not yet searched by meaning"
    assert first.err == f"note: {known}: qd patterns reindex --semantic\n"
    qd("patterns", "reindex", "--semantic")
    last = qd("patterns", "search", "locked", "--semantic", "--json")
    assert (last.err, last.json["not_by_meaning"]) == ("", 0)
    assert "not_by_meaning" not in qd("patterns", "search", "locked", "--json").json


@pytest.mark.parametrize("columns", [40, 60, 200])
def test_on_a_terminal_lines_are_as_long_as_it_is_wide(qd, monkeypatch, columns: int):
    """The id is never cut."""
    qd("patterns", "update", WAIT, "--description", "long " * 100, "--tag", "t" * 100, "--name", "n" * 300)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = qd("patterns", "search", "long").out.splitlines()
    assert max(map(len, lines[1:])) <= columns
    assert lines[0].startswith(f"{WAIT}  nnn")
    assert len(lines[0]) <= max(columns, len(WAIT) + 22)
