"""What every detector is: a pattern, what must be near for it to match, and what it takes out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.errors import ScrubRefused

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_JUDGED = 500_000
"""So many candidates in one value are judged; a table of 100,000 people has fewer."""

_MARK = re.compile(r"\[REDACTED:[a-z-]+\]", re.ASCII)


class Effort:
    """How many candidates of one value were judged: the last resort against one made to take for ever."""

    __slots__ = ("judged",)

    def __init__(self) -> None:
        """None yet."""
        self.judged = 0

    def more(self) -> None:
        """Count one more.

        Raises:
            ScrubRefused: it is more than `MOST_JUDGED`.
        """
        self.judged += 1
        if self.judged > MOST_JUDGED:
            raise ScrubRefused(
                f"a value has more than {MOST_JUDGED:,} places that could hold a secret",
                hint="store it in smaller parts",
            )


class Detector(NamedTuple):
    """One kind of secret or personal data in a text.

    Every pattern is linear: it starts with what is rare, and never scans the same long run twice.

    Attributes:
        kind: what the mark calls it; lower-case letters and ``-``.
        anchors: the pattern is tried only if one of them is in the text; none: always.
        pattern: finds candidates.
        span: which part of a candidate is taken out; None when it is none.
    """

    kind: str
    anchors: tuple[str, ...]
    pattern: re.Pattern[str]
    span: Callable[[re.Match[str]], tuple[int, int] | None]

    def is_near(self, text: str) -> bool:
        """Whether it can find anything in *text*, or in a part of it."""
        for anchor in self.anchors:  # no any(): it costs more than all the searches
            if anchor in text:
                return True
        return not self.anchors

    def replaced(self, text: str, effort: Effort) -> str:
        """*text* with marks in place of what was found; *text* itself when there is nothing.

        Raises:
            ScrubRefused: *effort* has come to its end.
        """
        parts: list[str] = []
        end = 0
        for match in self.pattern.finditer(text):
            effort.more()
            span = self.span(match) if match.end() > end else None
            if span is not None and span[1] > end:
                parts += text[end : max(span[0], end)], mark(self.kind)
                end = span[1]
        if not parts:
            return text
        parts.append(text[end:])
        return "".join(parts)


def shaped(
    kind: str,
    anchors: str,
    pattern: str,
    holds: Callable[[str], bool] | None = None,
    *,
    after_no: str = "",
) -> Detector:
    """A detector of what *pattern*, or its only group, matches.

    Args:
        kind: as in `Detector`.
        anchors: as in `Detector`, with blanks between them.
        pattern: of ASCII.
        holds: what else must be so.
        after_no: the class of characters that may not stand before it.
    """
    compiled = re.compile(start(after_no) + pattern if after_no else pattern, re.ASCII)
    group = compiled.groups

    def span(match: re.Match[str]) -> tuple[int, int] | None:
        return match.span(group) if holds is None or holds(match[group]) else None

    return Detector(kind, tuple(anchors.split()), compiled, span)


def start(after_no: str, length: int = 0) -> str:
    r"""A pattern that holds where no character of the class *after_no* stands, *length* characters ago.

    But the ``n`` of a ``\n`` may: in JSON inside a text it stands for the end of a line.
    """
    return rf"(?:(?<![{after_no}]{'.' * length})|(?<=\\[nrt]{'.' * length}))"


def mark(kind: str) -> str:
    """What stands in the place of something of that kind."""
    return f"[REDACTED:{kind}]"


def is_mark(text: str) -> bool:
    """Whether *text* is a mark and nothing else."""
    return _MARK.fullmatch(text) is not None


def is_password(text: str) -> bool:
    """Whether *text*, where a password stands, is one and not ``${PASSWORD}``, ``<password>``, ``***``."""
    return not (text[0] in "$<{[%" or set(text) <= set("*x.…"))
