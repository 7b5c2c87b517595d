"""One pattern that was found, as Markdown, in four lengths; nothing it says can be taken for ours."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Protocol

import msgspec

from quarterdeck.words import count, harmless

if TYPE_CHECKING:
    from quarterdeck.patterns.model import Evidence, Pattern

_CUT = "… (cut)"
_SUMMARY = 600
"""Characters of a description that is too long for the budget as a whole."""
_LINE = 160
"""Characters of anything that has to stand on one line."""
_LANGUAGE = re.compile(r"[A-Za-z0-9+#-]{1,20}")
_SPECIAL = re.compile(r"<(\|\w*\|)>")
"""What marks the turns of a conversation for some models; a tokenizer may refuse it, or obey."""
_BLANK = re.compile(r"\s")


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
    """Its id, whether it has worked, and its name, which comes last: it may say anything."""
    pattern = match.pattern
    return f"## {number}. {_verb(pattern)} (id: {pattern.id}; {_trust(match)}): {_flat(pattern.name)}"


def shortened(number: int, match: Match) -> str:
    """All but its code; of a long description the beginning, with a mark."""
    return _entry(number, match, _beginning(match.pattern.description.strip()))


def described(number: int, match: Match) -> str:
    """All but its code."""
    return _entry(number, match, match.pattern.description.strip())


def whole(number: int, match: Match) -> str:
    """All of it."""
    code = match.pattern.code or ""
    return described(number, match) + (f"\n\n{_fenced(code, match.pattern)}" if code.strip() else "")


def _entry(number: int, match: Match, description: str) -> str:
    pattern = match.pattern
    facts = [f"Id: {pattern.id}", f"Trust: {_trust(match)}"]
    if match.contradicted_by:
        facts.append(f"Contradicted by: {_flat(', '.join(match.contradicted_by))}")
    if pattern.superseded_by:
        facts.append(f"Superseded by: {pattern.superseded_by}")
    if pattern.context:
        facts.append(f"When: {_when(pattern)}")
    lines = [f"## {number}. {_verb(pattern)}: {_flat(pattern.name)}\n", *(f"- {fact}" for fact in facts)]
    if description:
        lines += ["", *(f"> {_plain(_BLANK.sub(' ', line))}".rstrip() for line in description.splitlines())]
    return "\n".join(lines)


def _verb(pattern: Pattern) -> str:
    return "AVOID" if pattern.lesson == "avoid" else "Do"


def _trust(match: Match) -> str:
    """Why it should be trusted, or not."""
    successes, failures = match.evidence.successes, match.evidence.failures
    if not successes + failures:
        return f"never tried; its author is {match.pattern.confidence:.0%} sure"
    verb = "was right" if match.pattern.lesson == "avoid" else "worked"
    return f"{verb} {successes} of {count(successes + failures, 'time')}"


def _when(pattern: Pattern) -> str:
    said = (
        f"{_flat(key)}={_flat(value if isinstance(value, str) else msgspec.json.encode(value).decode())}"
        for key, value in pattern.context.items()
    )
    return _flat(", ".join(islice(said, _LINE)), 2 * _LINE)


def _beginning(text: str) -> str:
    if len(text) <= _SUMMARY:
        return text
    start = text[:_SUMMARY]
    words, _, _ = start.rpartition(" ")
    return f"{words or start}{_CUT}"


def _flat(text: str, most: int = _LINE) -> str:
    """*text* on one line of at most *most* characters; what was cut ends with a mark."""
    plain = _plain(" ".join(text[: 4 * most].split()))
    return plain if len(plain) <= most and len(text) <= 4 * most else f"{plain[: most - 1]}…"


def _plain(text: str) -> str:
    return _SPECIAL.sub(r"< \1 >", harmless(text))


def _fenced(code: str, pattern: Pattern) -> str:
    """*code* in a fence that nothing in it can end."""
    lines = ["\t".join(map(_plain, line.split("\t"))) for line in code.splitlines()]
    fence = "`" * max(3, 1 + max((len(run) for line in lines for run in re.findall("`+", line)), default=0))
    language = pattern.context.get("language")
    known = isinstance(language, str) and _LANGUAGE.fullmatch(language)
    return "\n".join([f"{fence}{language if known else ''}", *lines, fence])
