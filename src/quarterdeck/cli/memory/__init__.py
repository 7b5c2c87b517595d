"""``qd memory``: what agents put down for each other, from a shell."""

from __future__ import annotations

import click

from quarterdeck.cli.lazy import Entry, LazyGroup

COMMANDS = {
    "agents": Entry("agents", "List the registered agents and what each may do."),
    "audit": Entry("audit", "List the latest promotions, rejections, grants and other acts."),
    "default": Entry("default", "Say what agents may do that nobody has registered; takes a steward."),
    "doctor": Entry("doctor", "Say what is wrong with the memory, and how to mend it."),
    "get": Entry("get", "Print the value under a key."),
    "grant": Entry("grant", "Say what an agent may do, and print its token; takes a steward."),
    "key": Entry("key", "Make keys to encrypt values with, and new ones from time to time."),
    "ls": Entry("ls", "List keys, their sizes and how long they have left."),
    "pop": Entry("pop", "Take the next task out of a queue and print it."),
    "promote": Entry("promote", "Make a staged pattern a lasting one; takes a validator."),
    "push": Entry("push", "Leave a task in a queue, for one agent to pop."),
    "put": Entry("put", "Keep a value under a key, for every agent to read."),
    "receive": Entry("receive", "Print the signals that other agents have sent to this one or to all."),
    "reject": Entry("reject", "Drop a staged pattern; takes a validator."),
    "revoke": Entry("revoke", "Let an agent in no more; takes a steward."),
    "rm": Entry("rm", "Remove entries of one's own."),
    "send": Entry("send", "Send a signal to another agent, or to all."),
    "stage": Entry("stage", "Propose a pattern, for a validator to promote or to reject; prints its id."),
    "staged": Entry("staged", "List the patterns that wait for a validator, the oldest first."),
    "stats": Entry("stats", "Show how much each agent has put down, and what else there is."),
    "watch": Entry("watch", "Print what is put, removed or expires, as it happens."),
}


@click.group(cls=LazyGroup, entries=COMMANDS, package=__name__)
def command() -> None:
    """Share values, tasks and signals between agents.

    In a file of the project, or on a Redis or Valkey server for many machines.

    \b
    qd memory put plan '{"files": ["a.py"]}' --ttl 2h
    qd memory get plan
    qd memory watch --all
    """
