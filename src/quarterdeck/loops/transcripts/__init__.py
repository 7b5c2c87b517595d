"""What agents write down of themselves becomes events.

    file ──which format──> lines ──> turns ──calls joined with their outcomes──> Step: an event, and whose
                                                                          ▲
                              messages somebody holds in memory ──> turns ┘

    recognise.py      which format a file is in, by its first lines
    following.py      `read_events`, a whole file; `Follower`, a file that grows, from where it was left
    claude_code.py    sessions of Claude Code (JSON Lines)
    codex.py          rollouts of Codex (JSON Lines)
    gemini.py         chats of Gemini CLI (JSON Lines, or one document)
    messages.py       messages of OpenAI's (chat and responses) and Anthropic's API, and lists of them
    spans.py          OpenTelemetry spans of GenAI, as JSON or JSON Lines
    contents.py       texts, arguments and outcomes, as plain values
    joining.py        calls meet their outcomes, and costs the events they led to
    recent.py         names of what has been seen, as many as a bound allows
    price.py          what the answers cost, by the ledger's rules and price book
    session.py        all of that for one transcript, from one process to the next

Transcripts are strangers' text: nothing in one raises, runs, or is believed. A file is only read, and can be
read on from where it was left, so that a session at work can be followed.
"""

from __future__ import annotations

from quarterdeck.costs.importers.source import Problem
from quarterdeck.loops.transcripts.following import Follower, read_events
from quarterdeck.loops.transcripts.messages import events_of
from quarterdeck.loops.transcripts.model import Step
from quarterdeck.loops.transcripts.recognise import Format, recognise

__all__ = ["Follower", "Format", "Problem", "Step", "events_of", "read_events", "recognise"]
