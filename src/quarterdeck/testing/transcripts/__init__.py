"""Transcripts of Claude Code and Codex as they really are, and what they truly cost in tokens.

    truth = write_transcripts(home, seed=7, size_bytes=100_000_000)
    truth.billed      {(source, day, model, service_tier): Billed(requests, usage)}

For tests, measurements and the demo. Everything that makes such files hard to read is in them: answers on
several lines, copies in other sessions, side questions, subagents, forks, lines that are torn, corrupt, or
written by other programs. The truth is kept by the writer as it makes up each answer; nothing here reads a
transcript.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from quarterdeck.testing.transcripts.books import DAYS, FIRST_DAY, Billed, Books, Truth
from quarterdeck.testing.transcripts.claude_code import write_claude_code
from quarterdeck.testing.transcripts.codex import write_codex

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["DAYS", "Billed", "Truth", "write_transcripts"]


def write_transcripts(
    home: str, *, seed: int = 0, size_bytes: int = 1_000_000, first_day: datetime = FIRST_DAY
) -> Truth:
    """Write ``.claude`` and ``.codex`` below *home*, the same for the same arguments; about 50 MB a second.

    Args:
        home: an existing folder.
        seed: another one makes other transcripts.
        size_bytes: roughly how much to write; there is always at least one of everything.
        first_day: UTC; sessions begin on one of the `DAYS` from here on, within an hour of its time of day.
    """
    books = Books(first_day)
    write_claude_code(os.path.join(home, ".claude"), books, seed=seed, size_bytes=size_bytes * 7 // 10)
    write_codex(os.path.join(home, ".codex"), books, seed=seed, size_bytes=size_bytes * 3 // 10)
    return books.truth()
