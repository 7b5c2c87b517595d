"""The rights of agents, held against the chain of acts that gave them."""

from __future__ import annotations

import json

import pytest

from quarterdeck.memory import chain, rights
from quarterdeck.memory.access import AccessTier
from tests.access_worlds import NAMESPACE, Place

POLICY = "{default..0}:access:policy"
AGENT = "{default..0}:agent:"


@pytest.fixture
def place(tmp_path):
    place = Place(tmp_path)
    yield place
    place.close()


@pytest.fixture
def full(place):
    """A place where every kind of right was given and taken."""
    root = place.room_with(AccessTier.STEWARD, "boss")
    root.grant_access("alice", AccessTier.VALIDATOR)
    root.grant_access("+49 30 1234567", AccessTier.OBSERVER)
    root.grant_access("a@example.com", AccessTier.STEWARD)
    root.grant_access("a@example.com", AccessTier.CONTRIBUTOR)
    root.revoke_access("alice")
    root.set_default_access(AccessTier.OBSERVER)
    return place


def problems(place):
    return rights.compare(place.store(), NAMESPACE)


def rewrite(place, name, value):
    place.sql("UPDATE entries SET data = ? WHERE name = ?", json.dumps(value).encode(), name)


def test_rights_that_were_given_are_as_the_chain_says(full):
    """Whatever was done; and of nothing there is nothing to be said."""
    assert problems(full) == []


def test_nothing_agrees_with_nothing(place):
    """Nobody is registered, nothing has been done."""
    assert problems(place) == []
    assert rights.registered(place.store(), NAMESPACE) == ([], [])


def test_all_who_are_registered_are_listed(full):
    """By name, also those that are let in no more; and whose record cannot be read, by name alone."""
    rewrite(full, f"{AGENT}boss", {"tier": ["steward"]})
    found, bad = rights.registered(full.store(), NAMESPACE)
    assert [(each.agent, each.tier, each.granted_by) for each in found] == [
        ("+49 30 1234567", AccessTier.OBSERVER, "boss"),
        ("a@example.com", AccessTier.CONTRIBUTOR, "boss"),
        ("alice", None, "boss"),
        ("root", AccessTier.STEWARD, "root"),
    ]
    assert bad == ["boss"]


def test_an_agent_that_was_slipped_in_is_found(full):
    """No act has registered it."""
    full.store().put(f"{AGENT}mallory", full.store().get(f"{AGENT}boss"))
    (problem,) = problems(full)
    assert problem.startswith("agent 'mallory' is steward, but no act of the audit chain says so")


def test_a_revoked_agent_that_was_let_in_again_is_found(full):
    """Its record says one thing, the chain another."""
    full.store().put(f"{AGENT}alice", full.store().get(f"{AGENT}boss"))
    (problem,) = problems(full)
    assert "agent 'alice' is steward, but the audit chain says revoked" in problem


@pytest.mark.parametrize("policy", [{"tier": "steward", "stewards": 2}, {"tier": "observer", "stewards": 0}])
def test_a_policy_that_was_changed_is_found(full, policy):
    """What unknown agents may do, and how many stewards there are."""
    rewrite(full, POLICY, policy)
    (problem,) = problems(full)
    assert POLICY in problem


def test_a_policy_that_is_none_is_found(full):
    """No traceback comes of it."""
    rewrite(full, POLICY, [1])
    (problem,) = problems(full)
    assert "not as Quarterdeck writes it" in problem


def test_a_steward_who_starts_anew_as_the_manual_says_is_no_problem(full):
    """The policy was removed for it; the act of the second first steward says so."""
    full.sql("DELETE FROM entries WHERE name = ?", POLICY)
    assert problems(full)
    full.room("newcomer").grant_access("newcomer", AccessTier.STEWARD)
    assert problems(full) == []


def test_a_grant_while_it_is_looked_at_is_no_problem(full, monkeypatch):
    """The chain was read before it, the records after it: it is looked at again."""
    root = full.room("root", token=full.root_token)
    read = chain.read

    def late(*arguments):
        found = read(*arguments)
        monkeypatch.setattr(chain, "read", read)
        root.grant_access("late", AccessTier.OBSERVER)
        return found

    monkeypatch.setattr(chain, "read", late)
    assert problems(full) == []
