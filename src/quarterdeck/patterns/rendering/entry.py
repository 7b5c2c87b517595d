"""One pattern that was found, as Markdown, in several lengths; nothing it says can be taken for ours."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

from quarterdeck.patterns.rendering.markdown import as_text, fenced, language_of
from quarterdeck.words import count, harmless

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quarterdeck.patterns.model import Evidence, Pattern

_CUT = "… (cut)"
_SUMMARIES = 600, 200
"""Characters of a description that is too long for the budget as a whole."""
_LINE = 160
"""Characters of anything that has to stand on one line."""
_SPECIAL = re.compile(r"<(\|\w*\|)>")
"""What marks the turns of a conversation for some models; a tokenizer may refuse it, or obey."""
_BLANK = re.compile(r"\s")
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0d\uffa0\U000e0100-\U000e01ef]"
)
"""What counts as printable, but is not seen: a text could be hidden in it."""
_HARDLY = 0.5
"""What has failed so often that not even the optimistic end of its outcomes reaches this is doubtful."""


class Match(Protocol):
    """What is needed of a `PatternMatch`."""

    @property
    def pattern(self) -> Pattern:
        """What was found."""

    @property
    def evidence(self) -> Evidence:
        """What its outcomes say."""

    @property
    def contradicted_by(self) -> tuple[str, ...]:
        """Ids of patterns that say otherwise."""


def in_a_line(number: int, match: Match) -> str:
    """Its id, whether it has worked, and its name."""
    pattern = match.pattern
    return f"## {number}. {_verb(match)} (id: {pattern.id}; {_trust(match)}): {_quoted(pattern.name)}"


def beginnings(number: int, match: Match) -> Iterator[str]:
    """All but its code, the longer first; of a long description the beginning, with a mark.

    All of it if there is no description: then the code is what it has to say.
    """
    description = match.pattern.description.strip()
    if not description:
        yield whole(number, match)
    for most in _SUMMARIES:
        yield _entry(number, match, _beginning(description, most))


def described(number: int, match: Match) -> str:
    """All but its code."""
    return _entry(number, match, match.pattern.description.strip())


def whole(number: int, match: Match) -> str:
    """All of it."""
    has_code = bool((match.pattern.code or "").strip())
    return described(number, match) + (f"\n\n{_fenced(match.pattern)}" if has_code else "")


def _entry(number: int, match: Match, description: str) -> str:
    pattern = match.pattern
    facts = [f"Id: {pattern.id}", f"Trust: {_trust(match)}"]
    if match.contradicted_by:
        facts.append(f"Contradicted by: {_flat(', '.join(match.contradicted_by))}")
    if pattern.superseded_by:
        facts.append(f"Superseded by: {pattern.superseded_by}")
    if pattern.context:
        facts.append(f"When: {_when(pattern)}")
    lines = [f"## {number}. {_verb(match)}: {_quoted(pattern.name)}\n", *(f"- {fact}" for fact in facts)]
    if description:
        lines += ["", *(f"> {_plain(_BLANK.sub(' ', line))}".rstrip() for line in description.splitlines())]
    return "\n".join(lines)


def _verb(match: Match) -> str:
    verb = "AVOID" if match.pattern.lesson == "avoid" else "Do"
    return f"DOUBTFUL ({_trust(match)}). {verb}" if match.evidence.high < _HARDLY else verb


def _trust(match: Match) -> str:
    """Why it should be trusted, or not."""
    successes, failures = match.evidence.successes, match.evidence.failures
    if not successes + failures:
        return f"never tried; its author is {match.pattern.confidence:.0%} sure"
    verb = "was right" if match.pattern.lesson == "avoid" else "worked"
    return f"{verb} {successes} of {count(successes + failures, 'time')}"


def _when(pattern: Pattern) -> str:
    """The first pairs of its context, each quoted."""
    said: list[str] = []
    left = 2 * _LINE
    for key, value in pattern.context.items():
        pair = _quoted(f"{key[:_LINE]}={as_text(value)[: 4 * _LINE]}")
        left -= len(pair)
        if left < 0:
            return ", ".join([*said, "…"])
        said.append(pair)
    return ", ".join(said)


def _beginning(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    start = text[:most]
    words, _, _ = start.rpartition(" ")
    return f"{words or start}{_CUT}"


def _flat(text: str) -> str:
    """*text* on one line of at most `_LINE` characters; what was cut ends with a mark."""
    plain = _plain(" ".join(text[: 4 * _LINE].split()))
    return plain if len(plain) <= _LINE and len(text) <= 4 * _LINE else f"{plain[: _LINE - 1]}…"


def _quoted(text: str) -> str:
    """*text* between backticks, of which it has none itself: it is no Markdown, and ends nothing."""
    return f"`{_flat(text).replace('`', chr(39))}`"


def _plain(text: str) -> str:
    return _UNSEEN.sub(_escaped, _SPECIAL.sub(r"< \1 >", harmless(text)))


def _escaped(unseen: re.Match[str]) -> str:
    return unseen[0].encode("unicode_escape").decode()


def _fenced(pattern: Pattern) -> str:
    lines = ["\t".join(map(_plain, line.split("\t"))) for line in (pattern.code or "").splitlines()]
    return fenced("\n".join(lines), language_of(pattern))
