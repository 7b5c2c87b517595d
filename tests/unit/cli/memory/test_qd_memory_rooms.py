"""``qd memory push``, ``pop``, ``send``, ``receive``: tasks and signals from a shell."""

from __future__ import annotations

import errno
import json
from contextlib import suppress
from unittest.mock import Mock

import pytest


def test_a_task_goes_to_one_agent(qd):
    """In order; those with priority first; an empty queue is exit code 3."""
    assert qd("memory", "push", "reviews", '{"pull": 7}').out.endswith(" waits in reviews\n")
    qd("memory", "push", "reviews", "two words")
    assert qd("memory", "push", "reviews", "[]", "--priority", "--json").json["queue"] == "reviews"
    assert qd("memory", "pop", "reviews", "--json").json["task"] == []
    assert qd("memory", "pop", "reviews", "--agent", "bob").out == '{"pull":7}\n'
    assert qd("memory", "pop", "reviews", "--text").out == "two words"
    result = qd("memory", "pop", "reviews", "--wait", "1ms")
    assert (result.code, result.out) == (3, "")


@pytest.mark.parametrize("how", [(), ("--json",)])
def test_a_task_that_cannot_be_printed_is_not_lost(qd, monkeypatch, how):
    """The disk may be full, say: the next one gets it at once."""
    qd("memory", "push", "q", "1")
    with monkeypatch.context() as patch:
        patch.setattr("click.echo", Mock(side_effect=OSError(errno.ENOSPC, "No space left on device")))
        with suppress(OSError):
            qd("memory", "pop", "q", *how)
    assert qd("memory", "pop", "q").out == "1\n"
    assert qd("memory", "pop", "q").code == 3


def test_a_task_whose_lease_ended_while_it_was_printed_is_said_to_be_anothers_too(qd, monkeypatch):
    """Whoever reads it too slowly is not told that it is done."""
    qd("memory", "push", "q", "1")
    monkeypatch.setattr("quarterdeck.memory.queues.Queues.queue_done", lambda *_: False)
    result = qd("memory", "pop", "q")
    assert result.code != 0
    assert "others may have it too" in result.err


def test_a_pattern_of_somebody_else_is_no_traceback(qd, monkeypatch):
    """It is called by its name."""
    monkeypatch.setattr("quarterdeck.memory.store.Store.get_many", lambda *_: [{"confidence": 1}])
    result = qd("memory", "staged")
    assert result.code != 0
    assert "a pattern in the memory is not as Quarterdeck writes it" in result.err


def test_a_task_is_read_from_stdin(qd, piped):
    """As a value is."""
    piped(b"[1]\n")
    qd("memory", "push", "q")
    assert qd("memory", "pop", "q").out == "[1]\n"


def test_a_task_may_come_later(qd):
    """Nobody gets it before."""
    qd("memory", "push", "q", "1", "--delay", "1h")
    assert qd("memory", "pop", "q").code == 3


def test_null_is_no_task(qd):
    """Whoever pops it could not tell it from an empty queue."""
    assert qd("memory", "push", "q", "null").code == 2
    assert qd("memory", "pop", "q").code == 3


def test_a_signal_reaches_whom_it_is_for(qd):
    """One agent, or all others."""
    qd("memory", "send", "done", '{"pull": 7}', "--to", "bob")
    qd("memory", "send", "hello")
    mine, alls = lines(qd("memory", "receive", "--agent", "bob", "--json"))
    assert mine["schema"] == "quarterdeck.memory.signal/1"
    assert (mine["signal_type"], mine["data"], mine["sender"], mine["target"]) == (
        "done",
        {"pull": 7},
        "default",
        "bob",
    )
    assert (alls["signal_type"], alls["data"], alls["target"]) == ("hello", None, None)
    assert [each["id"] for each in lines(qd("memory", "receive", "--agent", "al", "--json"))] == [alls["id"]]
    assert qd("memory", "receive").code == 3


def test_a_shell_says_what_it_has_seen(qd):
    """By the number of the last one; or asks for one type."""
    first = qd("memory", "send", "a", "--to", "bob", "--json").json["id"]
    second = qd("memory", "send", "b", "--to", "bob", "--json").json["id"]
    receive = ("memory", "receive", "--agent", "bob", "--json")
    assert [each["id"] for each in lines(qd(*receive, "--after", str(first)))] == [second]
    assert [each["id"] for each in lines(qd(*receive, "--type", "a"))] == [first]
    assert qd(*receive, "--after", str(second), "--wait", "1ms").code == 3


def test_a_signal_ends(qd):
    """Nobody receives it after that."""
    qd("memory", "send", "a", "--to", "bob", "--ttl", "1ms")
    assert qd("memory", "receive", "--agent", "bob", "--wait", "5ms").code == 3


@pytest.mark.parametrize("command", [("push", "q"), ("send", "t")], ids=str)
def test_what_is_secret_is_said_here_too(qd, command: tuple[str, ...]):
    """Every way in is the same way."""
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    result = qd("memory", *command, secret)
    assert result.code == 0
    assert "taken out of the value" in result.err
    assert secret not in result.err


def lines(result):
    return [json.loads(line) for line in result.out.splitlines()]
