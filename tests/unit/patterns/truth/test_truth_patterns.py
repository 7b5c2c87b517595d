"""Patterns in their file: they come, change, go, and are found."""

from __future__ import annotations

import sqlite3
from datetime import timedelta

import msgspec
import pytest

from quarterdeck.errors import StoreBusy, UsageError
from quarterdeck.patterns.evidence import NO_OUTCOMES, posterior
from quarterdeck.patterns.truth import reading
from quarterdeck.sqlite import IN_MEMORY
from tests.truth_worlds import HALF_LIFE_S, NOW, a_pattern, an_outcome, contribute, open_truth


@pytest.fixture(params=["file", "memory"])
def truth(request, tmp_path):
    truth = open_truth(tmp_path / "library.sqlite" if request.param == "file" else IN_MEMORY)
    yield truth
    truth.close()


def ids(patterns):
    return [each.id for each in patterns]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"context": {}, "tags": [], "description": ""},
        {
            "context": {"a": {"b": [1, 2.5, None, True]}, "braces": '{[\\"]}'},
            "tags": ['"quoted"', "back\\slash"],
        },
        {"context": {"big": 2**64 - 1, "small": -(2**63)}},
        {"code": "def f():\n\treturn 1", "confidence": 1, "lesson": "avoid", "source": "a file"},
        {"name": "ünïcode \u4e2d\u6587 \U0001f980", "description": "a\u00a0b" * 500},
        {"expires_at": NOW, "review_at": NOW + timedelta(microseconds=1)},
        {"usage_count": 3, "success_count": 2, "failure_count": 1, "last_used": NOW - timedelta(days=3)},
        {"description": "x" * 200_000, "tags": [f"tag {number}" for number in range(100)]},
    ],
    ids=lambda fields: "-".join(fields) or "typical",
)
def test_a_pattern_comes_back_as_it_was(truth, fields):
    """Every field of it, whatever the text; only when it was discovered is added."""
    given = a_pattern(**fields)
    contribute(truth, given)
    found = truth.get("p")
    assert found == msgspec.structs.replace(given, discovered_at=NOW)
    with pytest.raises(TypeError, match="cannot be changed"):
        found.tags.append("more")
    with pytest.raises(TypeError, match="cannot be changed"):
        found.context["more"] = 1


def test_when_it_was_discovered_is_kept(truth):
    """An imported pattern is as old as it says."""
    contribute(truth, a_pattern(discovered_at=NOW - timedelta(days=9)))
    assert truth.get("p").discovered_at == NOW - timedelta(days=9)


def test_a_pattern_may_come_superseded(truth):
    """By one that is not there, or with a link to it."""
    contribute(truth, a_pattern(superseded_by="other"), a_pattern("q", superseded_by="p"))
    assert truth.get("p").superseded_by == "other"
    assert [(link.source, link.target) for link in truth.links(["p"])] == [("p", "q")]
    assert truth.get("q").superseded_by == "p"


def test_a_batch_is_added_as_a_whole_or_not_at_all(truth):
    """The error names the id that is taken, and says how to go on."""
    contribute(truth, a_pattern("taken"))
    revision, stamp = truth.revision(), truth.stamp()
    with pytest.raises(
        UsageError, match=r"there is a pattern taken already\n  hint: change it with update_pattern"
    ):
        contribute(truth, a_pattern("one"), a_pattern("taken"), a_pattern("two"))
    with pytest.raises(UsageError, match="pattern twice is there 2 times"):
        contribute(truth, a_pattern("one"), a_pattern("twice"), a_pattern("twice"))
    assert truth.get("one") is None
    assert (truth.count(), truth.revision(), truth.stamp()) == (1, revision, stamp)
    contribute(truth, a_pattern("one"))
    assert truth.count() == 2


def test_many_are_read_at_once(truth):
    """More than one statement can be asked for; those that are not there are left out."""
    names = [f"p{number}" for number in range(600)]
    contribute(truth, *map(a_pattern, names))
    numbers = [change.number for change in truth.changes(0, 1000)]
    assert ids(truth.read([*numbers, 10**9]).values()) == names
    assert set(truth.get_many([*names, "nobody"])) == set(names)
    assert truth.read([]) == truth.get_many([]) == truth.tallies([]) == {}


def test_an_update_changes_what_was_said_and_not_what_was_seen(truth):
    """Counts and dates are the library's own; its tags are found at once, and the old ones are not."""
    contribute(truth, a_pattern("q"), a_pattern())
    truth.record([an_outcome()])
    before = truth.get("p")
    revision = truth.revision()
    after = truth.update(
        "p",
        lambda old: a_pattern(name="Wait", tags=["locks", "new"], discovered_at=NOW + timedelta(days=1)),
        agent_id="eve",
    )
    assert after == truth.get("p") == msgspec.structs.replace(before, name="Wait", tags=["locks", "new"])
    assert ids(truth.find(tag="sqlite")) == ["q"]
    assert ids(truth.find(tag="new")) == ["p"]
    assert ids(truth.find(tag="locks")) == ["p", "q"]
    assert truth.revision() == revision + 1
    assert truth.origins("p")[-1]._replace(details={}) == (NOW, "updated", "eve", "", {})
    assert truth.origins("p")[-1].details == {"fields": ["name", "tags"]}


def test_an_update_that_changes_nothing_leaves_no_trace(truth):
    """No revision, no origin."""
    contribute(truth, a_pattern())
    revision = truth.revision()
    assert truth.update("p", lambda old: old, agent_id="eve") == truth.get("p")
    assert truth.revision() == revision
    assert len(truth.origins("p")) == 1


@pytest.mark.parametrize(
    "change",
    [lambda old: a_pattern("other"), lambda old: None, lambda old: a_pattern(name="")],
    ids=["other-id", "nothing", "no-name"],
)
def test_an_update_must_give_the_same_pattern(truth, change):
    """Otherwise nothing has happened, and the next one can write."""
    contribute(truth, a_pattern())
    before = truth.get("p")
    with pytest.raises(UsageError):
        truth.update("p", change, agent_id="eve")
    assert truth.get("p") == before
    contribute(truth, a_pattern("q"))


def test_an_update_may_read_but_not_write_the_library(truth):
    """It would wait for itself."""
    contribute(truth, a_pattern())

    def change(old):
        assert truth.count() == 1
        contribute(truth, a_pattern("q"))

    with pytest.raises(StoreBusy, match="in the middle of a write"):
        truth.update("p", change, agent_id="eve")
    assert truth.count() == 1


def test_what_is_unknown_is_named(truth):
    """And harmless to show."""
    with pytest.raises(UsageError, match=r"no pattern 'nobody\\x1b'"):
        truth.update("nobody\x1b", lambda old: old, agent_id="eve")
    assert truth.get("nobody") is None
    assert not truth.delete("nobody", agent_id="eve")


def test_a_deleted_pattern_is_gone_from_the_file(tmp_path):
    """With its tags, outcomes and first origin; that it was there is all that stays."""
    path = tmp_path / "library.sqlite"
    truth = open_truth(path)
    contribute(truth, a_pattern("keep"), a_pattern(name="Sesame", tags=["sesame"], context={"x": "sesame"}))
    truth.record([an_outcome()._replace(note="sesame")])
    number = truth.changes(0, 9)[-1].number
    assert truth.delete("p", agent_id="eve")
    assert (truth.get("p"), truth.find(tag="sesame"), truth.outcomes("p", 9)) == (None, [], [])
    assert not truth.tallies([number])
    assert not truth.read([number])
    assert [(each.act, each.agent_id) for each in truth.origins("p")] == [("deleted", "eve")]
    assert (truth.count(), truth.stats().outcomes) == (1, 0)
    truth.close()  # takes the log into the file
    assert b"esame" not in path.read_bytes()


def test_the_id_of_a_deleted_pattern_is_free_again(truth):
    """With a number of its own, and without what was known of the other."""
    contribute(truth, a_pattern())
    truth.record([an_outcome()])
    (first,) = truth.changes(0, 9)
    truth.delete("p", agent_id="eve")
    contribute(truth, a_pattern())
    gone, again = truth.changes(0, 9)
    assert (gone.number, gone.pattern) == (first.number, None)
    assert again.number > first.number
    assert again.pattern.usage_count == 0
    assert [each.act for each in truth.origins("p")] == ["deleted", "contributed"]


def test_changes_tell_the_newest_state_of_each(truth):
    """In the order of the revisions, in portions, each number once, also what was deleted."""
    contribute(truth, *(a_pattern(name) for name in "abcd"))
    seen = truth.revision()
    a, b, c, d = (change.number for change in truth.changes(0, 9))
    truth.record([an_outcome("c")])
    truth.update("a", lambda old: msgspec.structs.replace(old, name="A"), agent_id="eve")
    truth.delete("b", agent_id="eve")
    truth.record([an_outcome("c")])
    later = truth.changes(seen, 9)
    assert [(each.number, each.pattern and each.pattern.name, each.is_tried) for each in later] == [
        (c, a_pattern().name, True),
        (a, "A", False),
        (b, None, False),
    ]
    assert [each.number for each in truth.changes(0, 9)] == [d, c, a, b]
    first, second = truth.changes(0, 2)
    assert [each.number for each in truth.changes(second.revision, 9)] == [a, b]
    assert first.revision < second.revision < truth.revision() == later[-1].revision
    assert truth.changes(truth.revision(), 9) == []


def test_find_goes_by_all_conditions_newest_first(truth):
    """Tag, type, agent, each alone or together."""
    contribute(
        truth,
        a_pattern("1"),
        a_pattern("2", agent_id="bob"),
        a_pattern("3", pattern_type="temporal"),
        a_pattern("4", tags=["other"]),
    )
    assert ids(truth.find()) == ["4", "3", "2", "1"]
    assert ids(truth.find(limit=2)) == ["4", "3"]
    assert ids(truth.find(tag="sqlite")) == ["3", "2", "1"]
    assert ids(truth.find(tag="sqlite", limit=1)) == ["3"]
    assert ids(truth.find(pattern_type="conditional")) == ["4", "2", "1"]
    assert ids(truth.find(agent_id="bob")) == ["2"]
    assert ids(truth.find(tag="sqlite", pattern_type="conditional", agent_id="ada")) == ["1"]
    assert truth.find(tag="sqlit") == []


def test_top_sorts_by_what_is_asked_for(truth):
    """Without what has expired or was superseded; newest first where it is equal."""
    contribute(
        truth,
        a_pattern("old", name="b", confidence=0.9),
        a_pattern("good", name="a", success_count=9, failure_count=0, usage_count=9, confidence=0.9),
        a_pattern("much", name="d", success_count=9, failure_count=9, usage_count=18),
        a_pattern("gone", name="c", confidence=1.0, expires_at=NOW),
        a_pattern("new", name="B", confidence=0.6, expires_at=NOW + timedelta(seconds=1)),
    )
    truth.record([an_outcome("much", success=False)])
    assert ids(truth.top(9, "expected")) == ["good", "old", "new", "much"]
    assert ids(truth.top(2, "usage")) == ["much", "good"]
    assert ids(truth.top(9, "confidence")) == ["good", "old", "new", "much"]
    assert ids(truth.top(9, "recent")) == ["new", "much", "good", "old"]
    assert ids(truth.top(9, "name")) == ["good", "new", "old", "much"]
    for wrong in ("best", ["name"]):
        with pytest.raises(UsageError, match="sort by one of expected, usage, confidence"):
            truth.top(1, wrong)


def test_top_expects_what_the_evidence_says(truth):
    """The order of the file is that of the posterior's mean, with and without outcomes."""
    contribute(truth, *(a_pattern(f"p{number}", confidence=number / 40) for number in range(41)))
    truth.record(
        [an_outcome(f"p{n}", success=n % 3 > 0, days=-n * day) for n in range(0, 41, 2) for day in (1, 9)]
    )
    tallies = truth.tallies([change.number for change in truth.changes(0, 99)])
    means = {
        each.pattern.id: (
            posterior(
                tallies.get(each.number, NO_OUTCOMES), each.pattern.confidence, NOW.timestamp(), HALF_LIFE_S
            ).mean,
            each.number,
        )
        for each in truth.changes(0, 99)
    }
    assert ids(truth.top(99, "expected")) == sorted(means, key=means.__getitem__, reverse=True)


def test_due_for_review_is_what_is_overdue(truth):
    """The longest overdue first."""
    contribute(
        truth,
        a_pattern("never"),
        a_pattern("later", review_at=NOW + timedelta(seconds=1)),
        a_pattern("now", review_at=NOW),
        a_pattern("long", review_at=NOW - timedelta(days=1)),
    )
    assert ids(truth.due(NOW, 9)) == ["long", "now"]
    assert ids(truth.due(NOW, 1)) == ["long"]


def test_a_log_is_absorbed_exactly_once(truth):
    """What is there stays as it is, and what was deleted here does not come back from the same log."""
    contribute(truth, a_pattern("there", name="ours"))
    assert truth.absorbed("log") is None
    assert (
        truth.absorb(
            "log", "1", [a_pattern("there"), a_pattern("a"), a_pattern("b"), a_pattern("a", name="x")]
        )
        == 2
    )
    truth.delete("a", agent_id="eve")
    assert truth.absorbed("log") == "1"
    assert truth.absorb("log", "2", [a_pattern("a"), a_pattern("b"), a_pattern("c")]) == 1
    assert (truth.absorbed("log"), truth.absorbed("other")) == ("2", None)
    assert truth.absorb("other", "1", [a_pattern("a")]) == 1
    assert truth.get("there").name == "ours"
    assert truth.get("a").name == a_pattern().name
    assert [(each.act, each.source) for each in truth.origins("c")] == [("promoted", "log")]


def test_reset_removes_all_and_never_starts_again(truth):
    """Numbers and revisions go on; logs that were absorbed do not bring anything back."""
    contribute(truth, a_pattern("a"), a_pattern("b"))
    truth.absorb("log", "1", [a_pattern("c")])
    truth.record([an_outcome("a")])
    numbers = {each.number for each in truth.changes(0, 9)}
    revision = truth.revision()
    assert truth.reset() == 3
    assert (truth.count(), truth.find(), truth.find(tag="sqlite"), truth.origins("x")) == (0, [], [], [])
    gone = truth.changes(revision, 9)
    assert {each.number for each in gone} == numbers
    assert {each.pattern for each in gone} == {None}
    assert truth.absorb("log", "2", [a_pattern("c")]) == 0
    contribute(truth, a_pattern("a"))
    assert truth.changes(0, 9)[-1].number > max(numbers)
    assert truth.count() == 1
    assert truth.reset() == 1
    assert truth.reset() == 0


def test_stats_count_what_is_there(truth):
    """Of one state, also what has expired."""
    contribute(
        truth,
        a_pattern("a", expires_at=NOW),
        a_pattern("b", lesson="avoid", agent_id="bob", review_at=NOW),
        a_pattern("c", pattern_type="temporal", tags=["locks"]),
    )
    truth.record([an_outcome("a"), an_outcome("a", success=False)])
    stats = truth.stats()
    types, lessons = {"conditional": 2, "temporal": 1}, {"do": 2, "avoid": 1}
    counts = (2, 1, 0, 0, 1, 1, 0, truth.revision(), 0, 0.5)
    counted = (3, 2, types, lessons, {"locks": 3, "sqlite": 2}, *counts)
    assert stats._replace(size_bytes=0) == counted
    assert (stats.size_bytes > 0) == (truth.path != IN_MEMORY)


def test_the_file_can_be_read_with_any_tool(tmp_path):
    """Times are whole numbers, tags and contexts JSON."""
    path = tmp_path / "library.sqlite"
    truth = open_truth(path)
    contribute(truth, a_pattern())
    truth.close()
    with sqlite3.connect(path) as connection:
        row = connection.execute("SELECT id, tags, context, discovered_us FROM patterns").fetchone()
    connection.close()
    assert row == (
        "p",
        '["sqlite","locks"]',
        '{"language":"python","retries":3}',
        round(NOW.timestamp()) * 1_000_000,
    )


def test_every_pattern_is_told_once_whatever_happens_meanwhile(truth, monkeypatch):
    """Also to who changes each of them in turn; what comes meanwhile is not among them, so it ends."""
    monkeypatch.setattr(reading, "_SIZES", (2,))
    contribute(truth, *(a_pattern(name) for name in "abcde"))
    found = []
    for each in truth.every():
        found.append((each.id, each.name))
        for other in "abcde":
            if truth.get(other):
                truth.update(
                    other, lambda old: msgspec.structs.replace(old, name=f"{old.name}!"), agent_id="eve"
                )
        contribute(truth, a_pattern(f"{each.id}.new"))
        truth.delete("d", agent_id="eve")
    name = a_pattern().name
    assert found == [("a", name), ("b", name), ("c", f"{name}!!"), ("e", f"{name}!!")]
