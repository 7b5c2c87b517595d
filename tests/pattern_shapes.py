"""Patterns of every shape that a pattern can have, the awkward ones above all."""

from __future__ import annotations

from datetime import UTC, timedelta, timezone

from hypothesis import strategies as st

from quarterdeck.errors import UsageError
from quarterdeck.patterns import checks
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


def _holds(check, *given, **options):
    def holds(value):
        try:
            check(value, *given, **options)
        except UsageError:
            return False
        return True

    return holds


_pieces = st.lists(st.one_of(st.sampled_from(AWKWARD), st.text(max_size=5)), max_size=8).map("".join)
texts = _pieces.filter(_holds(checks.text, "text"))
_any_line = _pieces.map(lambda text: "".join(text.splitlines()))
sources = _any_line.filter(_holds(checks.line, "line", may_be_empty=True))
lines = _any_line.filter(_holds(checks.line, "line"))
ids = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,80}", fullmatch=True).filter(_holds(checks.identity))
moments = st.none() | st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45))]))
numbers = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
contexts = st.dictionaries(
    texts | st.just("language"),
    st.recursive(
        st.none() | st.booleans() | numbers | texts | st.sampled_from(["python", "C++"]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
        max_leaves=6,
    ),
    max_size=3,
)


@st.composite
def patterns(draw):
    """Any pattern that the library would take."""
    successes, failures = draw(st.integers(0, 2**40)), draw(st.integers(0, 5))
    return Pattern(
        id=draw(ids),
        agent_id=draw(lines),
        pattern_type=draw(lines),
        name=draw(lines),
        description=draw(texts),
        context=draw(contexts),
        code=draw(st.none() | texts),
        confidence=draw(st.floats(0, 1)),
        tags=draw(st.lists(lines, max_size=3)),
        lesson=draw(st.sampled_from(["do", "avoid"])),
        source=draw(sources),
        expires_at=draw(moments),
        review_at=draw(moments),
        discovered_at=draw(moments),
        usage_count=successes + failures,
        success_count=successes,
        failure_count=failures,
        last_used=draw(moments),
        superseded_by=draw(st.none() | ids),
    )
