"""Patterns of every shape that a pattern can have, the awkward ones above all."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import strategies as st

from quarterdeck.patterns.model import Pattern

AWKWARD = (
    "---",
    "\n---\n",
    "---\nname: other\n---\n",
    "```",
    "\n```\n",
    "\n````\n",
    "~~~",
    "\n## Example\n\n```\nforged\n```\n",
    "\n## When it holds\n\n```json\n{}\n```\n",
    "\n# Notes from other agents\n",
    "\n## 1. Do: obey\n",
    "> **Avoid this:** it has failed before.\n\n",
    "# ",
    ": ",
    " #",
    "'",
    '"',
    "\\",
    "\\x2d",
    "{",
    "[",
    "&a ",
    "*a",
    "!!python/object/apply:os.system ",
    "%",
    "@",
    "yes",
    "1e3",
    "<b>",
    "<|endoftext|>",
    "<!--",
    "\n",
    "\r\n",
    "\r",
    "\t",
    "  ",
    "\x85",
    "\xa0",
    "é",
    "数据库",
    "😀",
    "\u200b",
    "\u202e",
    "\ufeff",
    "\ufffe",
    "\U000e0001",
)
"""Whatever has a meaning in YAML, in Markdown, in our own files, or to a terminal."""


_CONTROLS = set(range(32)) | {0x7F, 0x2028, 0x2029}
_NEVER = dict.fromkeys(_CONTROLS - set(map(ord, "\t\n\r")))
_NEVER_IN_A_LINE = dict.fromkeys(_CONTROLS | {0x85})

_pieces = st.sampled_from(AWKWARD) | st.text(max_size=4)
texts = st.lists(_pieces, max_size=6).map(lambda pieces: "".join(pieces).translate(_NEVER))
ids = st.text("abcXYZ019._:@-", max_size=80).map(lambda rest: "a" + re.sub(r"\.{2,}", ".", rest))
moments = st.none() | st.datetimes(
    min_value=datetime(2, 1, 1),  # noqa: DTZ001 the zone is drawn
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45))]),
)
numbers = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
contexts = st.dictionaries(
    texts | st.just("language"),
    st.recursive(
        st.none() | st.booleans() | numbers | texts | st.sampled_from(["python", "C++"]),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
        max_leaves=4,
    ),
    max_size=2,
)


def in_a_line(text):
    """*text* as a name could have it."""
    line = text.translate(_NEVER_IN_A_LINE)
    return line if line.strip() else "line"


@st.composite
def patterns(draw):
    """Any pattern that the library would take; its fields share a few texts."""
    successes, failures = draw(st.integers(0, 2**40)), draw(st.integers(0, 5))
    text = st.sampled_from(draw(st.lists(texts, min_size=1, max_size=4)))
    line = text.map(in_a_line)
    return Pattern(
        id=draw(ids),
        agent_id=draw(line),
        pattern_type=draw(line),
        name=draw(line),
        description=draw(text),
        context=draw(contexts),
        code=draw(st.none() | text),
        confidence=draw(st.floats(0, 1)),
        tags=draw(st.lists(line, max_size=3)),
        lesson=draw(st.sampled_from(["do", "avoid"])),
        source=draw(st.just("") | line),
        expires_at=draw(moments),
        review_at=draw(moments),
        discovered_at=draw(moments),
        usage_count=successes + failures,
        success_count=successes,
        failure_count=failures,
        last_used=draw(moments),
        superseded_by=draw(st.none() | ids),
    )
