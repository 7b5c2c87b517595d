"""Outcomes, origins and links of patterns."""

from __future__ import annotations

from datetime import timedelta

import pytest

from quarterdeck.errors import UsageError
from quarterdeck.patterns.evidence import NO_OUTCOMES, counted
from quarterdeck.patterns.model import LinkKind
from tests.truth_worlds import HALF_LIFE_S, NOW, a_pattern, an_outcome, contribute, open_truth

RELATED, SUPERSEDES, CONTRADICTS = LinkKind.RELATED, LinkKind.SUPERSEDES, LinkKind.CONTRADICTS


@pytest.fixture
def truth(tmp_path):
    truth = open_truth(tmp_path / "library.sqlite")
    contribute(truth, *(a_pattern(name) for name in "abcdef"))
    yield truth
    truth.close()


def number_of(truth, pattern_id):
    return next(
        each.number for each in truth.changes(0, 99) if each.pattern and each.pattern.id == pattern_id
    )


def test_an_outcome_counts_and_is_kept(truth):
    """In the tally, in the pattern, and one by one, newest first."""
    given = [an_outcome("a", success=number != 1, days=number - 3) for number in range(4)]
    truth.record(given[:1])
    truth.record([*given[1:], an_outcome("b")])
    tally = NO_OUTCOMES
    for each in given:
        tally = tally.after(each.success, each.at.timestamp(), HALF_LIFE_S)
    number = number_of(truth, "a")
    assert truth.tallies([number])[number] == pytest.approx(tally)
    found = truth.get("a")
    assert (found.usage_count, found.success_count, found.failure_count) == (4, 3, 1)
    assert found.last_used == given[-1].at
    assert truth.outcomes("a", 99) == given[::-1]
    assert truth.outcomes("a", 1) == given[-1:]
    assert truth.outcomes("nobody", 9) == []


def test_only_the_first_outcome_changes_the_pattern(truth):
    """The stamp changes with each: rankings do."""
    stamp, revision = truth.stamp(), truth.revision()
    truth.record([an_outcome("a"), an_outcome("a"), an_outcome("b")])
    assert truth.revision() == revision + 2
    assert [each.is_tried for each in truth.changes(revision, 9)] == [True, True]
    second = truth.stamp()
    truth.record([an_outcome("a")])
    assert truth.revision() == revision + 2
    assert len({stamp, second, truth.stamp()}) == 3


def test_outcomes_are_recorded_altogether_or_not_at_all(truth):
    """An id that is not there is named."""
    with pytest.raises(UsageError, match="no pattern 'nobody'"):
        truth.record([an_outcome("a"), an_outcome("nobody")])
    assert truth.outcomes("a", 9) == []
    assert truth.get("a").usage_count == 0


def test_what_others_have_seen_is_where_a_tally_begins(truth):
    """An imported pattern has been tried, and its first outcome here is not its first."""
    contribute(truth, a_pattern("old", usage_count=5, success_count=4, failure_count=1, last_used=NOW))
    (change,) = truth.changes(truth.revision() - 1, 9)
    assert change.is_tried
    assert truth.tallies([change.number])[change.number] == counted(4, 1, NOW.timestamp())
    truth.record([an_outcome("old")])
    assert truth.revision() == change.revision
    assert truth.get("old").success_count == 5


def test_origins_say_who_did_what_from_where(truth):
    """From the first on."""
    assert truth.origins("a") == [(NOW, "contributed", "ada", "a run", {})]
    assert truth.origins("nobody") == []


@pytest.mark.parametrize("kind", [RELATED, CONTRADICTS])
def test_a_link_both_ways_is_one_link(truth, kind):
    """Whoever made it, it is there already, and either way takes it off."""
    assert truth.link("a", "b", kind, agent_id="eve")
    assert not truth.link("a", "b", kind, agent_id="eve")
    assert not truth.link("b", "a", kind, agent_id="eve")
    assert (
        truth.links(["a"]) == truth.links(["b"]) == truth.links(["b", "a"]) == [(kind, "a", "b", NOW, "eve")]
    )
    assert truth.unlink("b", "a", kind)
    assert not truth.unlink("a", "b", kind)
    assert truth.links(["a", "b"]) == []


def test_links_of_different_kinds_are_different_links(truth):
    """Among the same two patterns."""
    assert truth.link("a", "b", RELATED, agent_id="eve")
    assert truth.link("a", "b", CONTRADICTS, agent_id="eve")
    assert len(truth.links(["a"])) == 2
    assert truth.stats().links == 2


def test_links_need_two_patterns(truth):
    """That are there."""
    with pytest.raises(UsageError, match="cannot be linked to itself"):
        truth.link("a", "a", RELATED, agent_id="eve")
    for pair in (("a", "nobody"), ("nobody", "a")):
        with pytest.raises(UsageError, match="no pattern 'nobody'"):
            truth.link(*pair, RELATED, agent_id="eve")
        assert not truth.unlink(*pair, RELATED)


def test_a_superseded_pattern_says_by_what(truth):
    """The newest link counts; without it the one before, and without any the pattern is back."""
    revision = truth.revision()
    assert truth.link("b", "a", SUPERSEDES, agent_id="eve")
    (change,) = truth.changes(revision, 9)
    assert (change.pattern.id, change.pattern.superseded_by) == ("a", "b")
    assert truth.origins("a")[-1] == (NOW, "superseded", "eve", "", {"by": "b"})
    assert "a" not in [each.id for each in truth.top(9, "recent")]
    assert truth.stats().superseded == 1
    assert truth.link("c", "a", SUPERSEDES, agent_id="eve")
    assert truth.get("a").superseded_by == "c"
    assert truth.unlink("c", "a", SUPERSEDES)
    assert truth.get("a").superseded_by == "b"
    revision = truth.revision()
    assert truth.delete("b", agent_id="eve")
    assert truth.get("a").superseded_by is None
    assert {each.pattern.id if each.pattern else None for each in truth.changes(revision, 9)} == {"a", None}


def test_nothing_supersedes_itself_over_others(truth):
    """However long the way round is."""
    for source, target in ("ab", "bc", "cd"):
        assert truth.link(source, target, SUPERSEDES, agent_id="eve")
    with pytest.raises(UsageError, match="pattern a supersedes d already"):
        truth.link("d", "a", SUPERSEDES, agent_id="eve")
    assert truth.get("a").superseded_by is None
    assert truth.link("d", "a", RELATED, agent_id="eve")


def test_related_patterns_are_found_by_distance(truth):
    """Either way along the links, each once, also round in circles."""
    for source, target in ("ab", "bc", "ca", "dc", "de"):
        truth.link(source, target, RELATED, agent_id="eve")
    truth.link("f", "e", CONTRADICTS, agent_id="eve")
    assert truth.related("a", 1) == [("b", 1), ("c", 1)]
    assert truth.related("a", 2) == [("b", 1), ("c", 1), ("d", 2)]
    assert truth.related("a", 10**6) == [("b", 1), ("c", 1), ("d", 2), ("e", 3), ("f", 4)]
    assert truth.related("a", 9, [RELATED]) == [("b", 1), ("c", 1), ("d", 2), ("e", 3)]
    assert truth.related("a", 0) == truth.related("a", 9, []) == []
    with pytest.raises(UsageError, match="no pattern 'nobody'"):
        truth.related("nobody", 1)


def test_links_of_many_patterns_are_found(truth):
    """More than one statement can be asked for, oldest first."""
    many = [a_pattern(f"m{number}") for number in range(600)]
    contribute(truth, *many)
    for number in range(0, 600, 50):
        truth.link("a", f"m{number}", RELATED, agent_id="eve")
    assert len(truth.links([each.id for each in many])) == 12


def test_late_outcomes_do_not_turn_back_the_clock(truth):
    """What is recorded after something newer is not when it was last used."""
    truth.record([an_outcome("a", days=-1)])
    truth.record([an_outcome("a", days=-5)])
    assert truth.get("a").last_used == NOW - timedelta(days=1)
