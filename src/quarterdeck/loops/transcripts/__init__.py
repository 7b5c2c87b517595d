"""What agents write down of themselves becomes events.

    file or list ──which format──> turns ──calls joined with their outcomes──> AgentEvent, in order

    recognise.py      which format a file is in, by its first lines
    claude_code.py    sessions of Claude Code (JSON Lines)
    codex.py          rollouts of Codex (JSON Lines)
    messages.py       lists of messages of OpenAI's (chat and responses) and Anthropic's API
    spans.py          OpenTelemetry spans of GenAI, as JSON or JSON Lines
    price.py          what the answers cost, by the ledger's price book

Transcripts are strangers' text: nothing in one raises, runs, or is believed. A file is only read, and can be
read on from where it was left, so that a session at work can be followed.
"""
