"""How ``search`` and ``query`` show what was found, why, and how much was left out."""

from __future__ import annotations

import functools
import os
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from quarterdeck.cli.output import remark, say
from quarterdeck.cli.patterns.output import (
    labels,
    line_chars,
    named,
    one_line,
    pattern_json,
    print_library_json,
    worked,
)
from quarterdeck.errors import NothingToRead
from quarterdeck.words import count, harmless

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from quarterdeck.cli.options import Command
    from quarterdeck.patterns import PatternLibrary, PatternMatch

NONE = "no pattern matches"
BAR_CHARS = 10
MOST_HIDDEN = 100
"""So many of those that are left out are counted."""
SEVERAL = 6
"""So many reasons are named."""
_REPORT = "qd patterns outcome ID worked|failed"


class Wider(NamedTuple):
    """The same question with fewer conditions.

    Attributes:
        how: what is typed for it, as the end of a sentence.
        ask: gives at most so many answers.
    """

    how: str
    ask: Callable[[int], list[PatternMatch]]


class Showing(NamedTuple):
    """How an answer is to be shown.

    Attributes:
        as_json: for programs.
        max_tokens: as a text for a prompt, within so many tokens; None: for people.
    """

    as_json: bool
    max_tokens: int | None


def showing_options(command: Command) -> Command:
    """``--json`` and ``--render``: the command gets them together as *showing*."""

    @functools.wraps(command)
    def shown(*, as_json: bool, max_tokens: int | None, **others: object) -> object:
        return command(showing=Showing(as_json, max_tokens), **others)

    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print JSON, with a versioned schema."),
        click.option(
            "--render",
            "max_tokens",
            metavar="MAX_TOKENS",
            type=click.IntRange(min=1),
            help="Print the text for a prompt instead, within so many tokens.",
        ),
    ):
        option(shown)
    return shown  # type: ignore[return-value] # click calls it by the names of its options


def print_matches(
    kind: str,
    library: PatternLibrary,
    matches: list[PatternMatch],
    showing: Showing,
    wider: Wider | None,
    empty: str = NONE,
) -> None:
    """Print *matches*, and how many more there would be.

    Args:
        kind: of the answer in JSON.
        library: whose they are.
        matches: best first.
        showing: how.
        wider: finds those that are left out now; None: there are none.
        empty: what to say when nothing was found.

    Raises:
        NothingToRead: the library has no patterns at all.
    """
    if not matches and not library.count():
        raise NothingToRead(f"there are no patterns yet in {library.path}", hint="add one: qd patterns add")
    unmeant = _not_by_meaning(library)
    hidden = _hidden(matches, wider)
    left_out = _said(hidden, wider.how) if wider and hidden else ""
    if showing.as_json:
        answer: dict[str, Any] = {"matches": [_json(each) for each in matches], "hidden": hidden}
        if library.meaning:
            answer["not_by_meaning"] = unmeant
        if showing.max_tokens is not None:
            answer["text"] = _prompt(matches, showing.max_tokens)
        print_library_json(kind, library, answer)
        return
    if showing.max_tokens is not None:
        text = _prompt(matches, showing.max_tokens)
        if text and sys.stdout.isatty():
            say(*(line.expandtabs(4) for line in text.splitlines()))
        elif text:
            click.echo(text.removesuffix("\n"))
        short = empty if not matches else "" if text else "no match fits into so few tokens"
        remark(each for each in (short, left_out) if each)
        return
    whole = max([1.0, *(each.score for each in matches)])
    for at, match in enumerate(matches):
        say(*([""] if at else []))
        click.echo(_head(match))
        say(*(f"  {line}" for line in _lines(match, whole)))
    if not matches:
        say(empty)
    if left_out:
        say("", left_out)


def _not_by_meaning(library: PatternLibrary) -> int:
    """How many patterns the last question did not compare by meaning, though it should have; also says so."""
    if library.meaning is None:
        return 0
    many = library.count()
    if library.problem:
        remark([f"found by words only, the search by meaning fails: {library.problem.message}"])
        return many
    if missing := library.meaning.missing:
        known = f"{missing:,} of {count(many, 'pattern')}"
        remark([f"{known} are not yet searched by meaning: qd patterns reindex --semantic"])
    return missing


def _hidden(matches: list[PatternMatch], wider: Wider | None) -> int:
    if wider is None:
        return 0
    found = {match.pattern.id for match in matches}
    return sum(match.pattern.id not in found for match in wider.ask(MOST_HIDDEN))


def _said(hidden: int, how: str) -> str:
    many = f"{hidden} or more others" if hidden >= MOST_HIDDEN else count(hidden, "other")
    return f"{many} would match {how}"


def _head(match: PatternMatch) -> str:
    """The id in bold, and the name."""
    pattern = match.pattern
    bold = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    shown = click.style(harmless(pattern.id), bold=True) if bold else harmless(pattern.id)
    return f"{shown}  {one_line(named(pattern), max(20, line_chars() - len(pattern.id) - 2))}"


def _lines(match: PatternMatch, whole: float) -> Iterator[str]:
    """What is below the name; the bar is what it is ranked by, as a share of the *whole*."""
    pattern, seen, chars = match.pattern, match.evidence, line_chars() - 2
    fit = f"{_bar(match.score / whole)} {match.score:.2f} · fits {match.relevance_score:.2f}"
    if match.similarity is not None:
        fit += f" · meaning {match.similarity:.2f}"
    yield one_line(f"{fit} · {labels(pattern)} · by {pattern.agent_id}", chars)
    if pattern.description.strip():
        yield one_line(pattern.description, chars)
    if match.factors:
        reasons = [
            f"{what} {factor.share:.0%}"
            for what, factor in zip(match.matching_factors, match.factors, strict=True)
        ]
        more = f", {len(reasons) - SEVERAL} more" if len(reasons) > SEVERAL else ""
        yield one_line(f"fits by {', '.join(reasons[:SEVERAL])}{more}", chars)
    uses = seen.successes + seen.failures
    if uses:
        yield f"{worked(seen.successes, uses, seen.low, seen.high)}, expected to work {seen.expected:.0%}"
    else:
        yield f"not tried yet; its author is {pattern.confidence:.0%} sure"
    if match.contradicted_by:
        yield one_line(f"contradicted by {', '.join(match.contradicted_by)}", chars)
    if pattern.superseded_by:
        yield one_line(f"superseded by {pattern.superseded_by}", chars)


def _bar(share: float) -> str:
    """``█████▌····``."""
    full, half = divmod(round(share * 2 * BAR_CHARS), 2)
    return f"{'█' * full}{'▌' * half}".ljust(BAR_CHARS, "·")


def _json(match: PatternMatch) -> dict[str, Any]:
    return {
        "pattern": pattern_json(match.pattern),
        "relevance": match.relevance_score,
        "score": match.score,
        "factors": [each._asdict() for each in match.factors],
        "evidence": match.evidence._asdict(),
        "similarity": match.similarity,
        "contradicted_by": list(match.contradicted_by),
    }


def _prompt(matches: list[PatternMatch], max_tokens: int) -> str:
    """For an agent that has a shell."""
    from quarterdeck.patterns import render

    return render(matches, max_tokens, report=_REPORT)
