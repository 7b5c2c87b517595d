"""``qd memory grant``, ``agents``, ``audit``, ``stage``, ``promote`` …: who may do what, and who did."""

from __future__ import annotations

import json
import sqlite3

import pytest

PATTERN = json.dumps({"name": "retry", "description": "retry reads, never writes", "confidence": 0.9})


@pytest.fixture
def steward(qd, monkeypatch) -> str:
    """An agent called boss that may do everything asks from now on; its token."""
    token: str = qd("memory", "grant", "boss", "steward").out.strip()
    monkeypatch.setenv("QUARTERDECK_AGENT", "boss")
    monkeypatch.setenv("QUARTERDECK_AGENT_TOKEN", token)
    return token


def staged(qd) -> str:
    """The id of a pattern that waits."""
    result = qd("memory", "stage", PATTERN)
    assert result.code == 0, result.err
    return str(result.out.strip())


def test_a_token_is_all_that_is_printed(qd):
    """So that a shell can keep it in a variable; the words go to stderr, and the token nowhere else."""
    result = qd("memory", "grant", "boss", "steward")
    assert result.code == 0
    (token,) = result.out.splitlines()
    assert token.startswith("qd_")
    assert token not in result.err
    assert "boss is a steward" in result.err


def test_a_token_is_never_shown_again(qd, steward):
    """Neither in a list nor in the audit chain; and a new one takes the place of the old one."""
    for command in (
        ("agents",),
        ("agents", "--json"),
        ("audit", "--json"),
        ("ls", "--all", "--json"),
        ("stats",),
    ):
        result = qd("memory", *command)
        assert result.code == 0
        assert steward[3:40] not in result.out + result.err
    assert qd("memory", "grant", "boss", "steward").out == ""
    assert qd("memory", "put", "k", "1").code == 0
    renewed = qd("memory", "grant", "boss", "steward", "--new-token", "--json").json
    assert renewed["schema"] == "quarterdeck.memory.grant/1"
    assert renewed["token"] not in {None, steward}
    assert qd("memory", "put", "k", "1").code == 1


def test_a_registered_agent_is_let_in_with_its_token_only(qd, steward, monkeypatch):
    """A name is not enough."""
    assert qd("memory", "put", "k", "1").code == 0
    monkeypatch.delenv("QUARTERDECK_AGENT_TOKEN")
    result = qd("memory", "put", "k", "2", "--json")
    assert (result.code, result.json["code"]) == (1, "access-denied")


def test_what_an_agent_may_do_is_said_by_a_steward(qd, steward, monkeypatch):
    """An observer reads; whoever is revoked does nothing."""
    token = qd("memory", "grant", "eve", "observer").out.strip()
    as_eve = ("--agent", "eve")
    monkeypatch.setenv("QUARTERDECK_AGENT_TOKEN", token)
    assert qd("memory", "ls", *as_eve).code == 0
    assert qd("memory", "put", "k", "1", *as_eve).code == 1
    assert qd("memory", "grant", "eve", "steward", *as_eve).code == 1
    monkeypatch.setenv("QUARTERDECK_AGENT_TOKEN", steward)
    assert qd("memory", "revoke", "eve").code == 0
    assert qd("memory", "revoke", "nobody").code == 3
    tiers = {each["agent"]: each["tier"] for each in qd("memory", "agents", "--json").json["agents"]}
    assert tiers == {"boss": "steward", "eve": None}
    assert "revoked" in qd("memory", "agents").out


@pytest.mark.usefixtures("steward")
def test_what_unknown_agents_may_do_is_said_by_a_steward(qd):
    """At first they write."""
    assert qd("memory", "put", "k", "1", "--agent", "eve").code == 0
    assert qd("memory", "default", "observer").out == "unknown agents are observers\n"
    assert qd("memory", "default", "observer").out == "unknown agents are observers, as before\n"
    assert qd("memory", "put", "k", "2", "--agent", "eve").code == 1
    assert qd("memory", "default", "contributor", "--agent", "eve", "--json").json["code"] == "access-denied"
    assert qd("memory", "default", "steward").code == 2


@pytest.mark.usefixtures("steward")
def test_a_chain_whose_end_was_lost_can_go_on(qd, tmp_path, monkeypatch):
    """Somebody has removed the entry that says where it ends; the chain itself says that it was mended."""
    path = str(tmp_path / "m.sqlite")
    monkeypatch.setenv("QUARTERDECK_MEMORY_PATH", path)
    monkeypatch.setenv("QUARTERDECK_AGENT_TOKEN", qd("memory", "grant", "boss", "steward").out.strip())
    assert "nothing to mend" in qd("memory", "audit", "--mend").out
    with sqlite3.connect(path) as connection:
        assert connection.execute("DELETE FROM entries WHERE name LIKE '%:chain:%'").rowcount == 1
    connection.close()
    assert qd("memory", "audit", "--verify").code == 1
    assert qd("memory", "grant", "eve", "observer").code == 1
    assert qd("memory", "audit", "--mend", "--json").json["act"]["act"] == "mend"
    assert qd("memory", "grant", "eve", "observer").code == 0


def test_no_agent_is_said(qd):
    """With what to do about it."""
    assert "qd memory grant" in qd("memory", "agents").out
    assert "nothing" in qd("memory", "audit").out
    assert qd("memory", "staged").out == "no pattern waits\n"


@pytest.mark.usefixtures("steward")
def test_a_pattern_is_promoted_once(qd):
    """The second to promote it is told that there is nothing left to promote."""
    pattern = staged(qd)
    (waiting,) = qd("memory", "staged", "--json").json["patterns"]
    assert (waiting["id"], waiting["agent_id"]) == (pattern, "boss")
    assert "retry" in qd("memory", "staged").out
    assert qd("memory", "staged", "--min-confidence", "0.95").out == "no pattern waits\n"
    assert qd("memory", "promote", pattern).out == "retry lasts from now on\n"
    assert qd("memory", "promote", pattern).code == qd("memory", "reject", pattern).code == 3


@pytest.mark.usefixtures("steward")
def test_a_rejection_keeps_its_reason(qd):
    """In the audit chain."""
    pattern = staged(qd)
    assert qd("memory", "reject", pattern, "--reason", "only for SQLite", "--json").json["id"] == pattern
    act = qd("memory", "audit", "--json").json["acts"][-1]
    assert (act["act"], act["subject"], act["details"]["reason"]) == ("reject", pattern, "only for SQLite")


def test_a_contributor_cannot_promote(qd):
    """Whoever nobody has registered is one."""
    result = qd("memory", "promote", staged(qd), "--json")
    assert (result.code, result.json["code"]) == (1, "access-denied")


@pytest.mark.usefixtures("steward")
def test_the_latest_acts_are_listed(qd):
    """The newest last; -n 0 lists all."""
    for number in range(5):
        qd("memory", "grant", f"agent{number}", "observer")
    answer = qd("memory", "audit", "-n", "2", "--json").json
    assert answer["total"] == 6
    assert [act["subject"] for act in answer["acts"]] == ["agent3", "agent4"]
    assert "2 of 6 acts" in qd("memory", "audit", "-n", "2").out
    assert len(qd("memory", "audit", "-n", "0", "--json").json["acts"]) == 6


@pytest.mark.usefixtures("steward")
def test_the_chain_is_checked_to_its_end(qd):
    """And against an end that was noted before: it stays right while others go on acting."""
    said = qd("memory", "audit", "--verify").out
    noted = said.split()[-1]
    assert noted.startswith("1:")
    qd("memory", "grant", "eve", "observer")
    assert qd("memory", "audit", "--noted", noted).code == 0
    assert qd("memory", "audit", "--verify", "--json").json["is_whole"] is True
    result = qd("memory", "audit", "--noted", f"1:{'0' * 64}")
    assert result.code == 1
    assert "not the chain" in result.out
