"""Patterns as people and pipes write them: by options, or as a JSON object."""

from __future__ import annotations

import functools
import re
import sys
import unicodedata
from collections import Counter
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import click
import msgspec

from quarterdeck.errors import TooLarge, UsageError
from quarterdeck.patterns import checks
from quarterdeck.patterns.checks import told
from quarterdeck.patterns.model import Pattern
from quarterdeck.words import count, harmless

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from quarterdeck.cli.options import Command

STDIN = "-"
NEVER = "never"
GENERAL = "general"
"""The type of a pattern of which none was said, as for those that the memory stages."""
MOST_PIPED_BYTES = 4 * checks.MAX_TEXT_BYTES
"""Of a pattern as JSON."""
MOMENTS = ("expires_at", "review_at", "discovered_at", "last_used")
DAYS = re.compile(r"(\d{1,5})d", re.ASCII)
MARK = re.compile(r"\[REDACTED:([\w-]+)\]", re.ASCII)
"""What stands in the place of what was taken out."""
PASTED = {
    "terminal code": re.compile(
        r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-Z\\^-~]"
    ),
    "form feed": re.compile(r"\f"),
    "line separator": re.compile(r"[\u2028\u2029]"),
}
"""What comes with a text that is pasted from a terminal or a file, and is no part of it."""
AN_OBJECT = """write '{"name": "…", "description": "…"}'"""
OF_LINES = frozenset(("description", "code", "context"))
"""Fields that may have more than one line."""
SAYS_NOT = re.compile(r"(?:do not|don['’]?t|dont|never|not|avoid)\b", re.IGNORECASE)
SLUG = 60
"""Characters of an id that is made from a name."""


def field_options(command: Command) -> Command:
    """``--name``, ``--tag`` …: the command gets those that were typed together as *fields* of a `Pattern`."""

    @functools.wraps(command)
    def collected(
        *,
        name: str | None,
        pattern_type: str | None,
        description: str | None,
        tags: tuple[str, ...],
        context: dict[str, Any],
        code: str | None,
        lesson: str | None,
        confidence: float | None,
        source: str | None,
        expires: str | None,
        review: str | None,
        **others: object,
    ) -> object:
        fields: dict[str, Any] = {
            "name": name,
            "pattern_type": pattern_type,
            "description": description,
            "tags": list(tags) or None,
            "context": context or None,
            "code": None if code is None else _text_of(code),
            "lesson": lesson,
            "confidence": confidence,
            "source": source,
        }
        fields = {name: value for name, value in fields.items() if value is not None}
        ends = {"expires_at": ("--expires", expires), "review_at": ("--review", review)}
        fields |= {name: moment(*typed) for name, typed in ends.items() if typed[1] is not None}
        return command(fields=fields, **others)

    for option in (
        click.option(
            "--review", metavar="DAY", help="Somebody should look at it again then: 2027-01-31, 90d, never."
        ),
        click.option(
            "--expires", metavar="DAY", help="Not found any more from then on: 2027-01-31, 90d, never."
        ),
        click.option("--source", metavar="TEXT", help="Where it comes from: a run, a file, an address."),
        click.option("--confidence", metavar="SHARE", type=float, help="How sure its author is, 0 to 1."),
        click.option(
            "--lesson",
            type=click.Choice(("do", "avoid")),
            help="avoid: what the name says has failed; name that, not the advice.",
        ),
        click.option("--code", metavar="FILE", help="A file with an example; - is stdin."),
        click.option(
            "--context", metavar="KEY=VALUE", multiple=True, callback=pairs, help="Where it holds; repeat it."
        ),
        click.option("--tag", "tags", metavar="TAG", multiple=True, help="To find and filter by; repeat it."),
        click.option("--description", metavar="TEXT", help="The situation, what to do, and why."),
        click.option(
            "--type",
            "pattern_type",
            metavar="TYPE",
            help="sequential, temporal, conditional, behavioral, or any other word.",
        ),
        click.option("--name", metavar="TEXT", help="One line."),
    ):
        option(collected)
    return collected  # type: ignore[return-value] # click calls it by the names of its options


def pairs(context: click.Context, option: click.Parameter, typed: tuple[str, ...]) -> dict[str, Any]:
    """KEY=VALUE as a dict; a value is JSON, and what is not is text."""
    del context
    found = {}
    for text in typed:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            before = "" if isinstance(option, click.Argument) else f"{option.opts[-1]} "
            raise UsageError(f"{told(text)} is not KEY=VALUE", hint=f"write {before}language=python")
        found[key.strip()] = _parsed(value)
    return found


def moment(what: str, typed: object) -> datetime | None:
    """A day, a moment as ISO 8601 has it, or ``90d`` from now; ``never`` is None.

    Without a zone it is the time of this machine.

    Raises:
        UsageError: it is none of them.
    """
    if typed is None or typed == NEVER:
        return None
    text = typed.strip() if isinstance(typed, str) else ""
    try:
        if days := DAYS.fullmatch(text):
            return datetime.now().astimezone() + timedelta(days=int(days[1]))
        found = datetime.fromisoformat(text)
        return found if found.tzinfo else found.astimezone()
    except (ValueError, OverflowError):
        raise UsageError(
            f"{what} must be a day, got {told(typed)}",
            hint="write 2027-01-31, 2027-01-31T12:00Z, 90d or never",
        ) from None


def fields_of(typed: str | None) -> dict[str, Any]:
    """Fields of a `Pattern`, from a JSON object that was typed, or from stdin when it is ``-`` or missing.

    Raises:
        UsageError: it is no JSON object, or has a field that no pattern has.
        TooLarge: stdin holds more than a pattern may have.
    """
    text = _text_of(STDIN) if typed is None or typed == STDIN else typed
    try:
        fields = msgspec.json.decode(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the pattern is no JSON: {_broken(error, text)}", hint=AN_OBJECT) from None
    if not isinstance(fields, dict):
        raise UsageError("a pattern is a JSON object", hint=AN_OBJECT)
    unknown = [name for name in fields if name not in Pattern.__struct_fields__]
    if unknown:
        raise UsageError(
            f"a pattern has no field {told(unknown[0])}",
            hint=f"its fields: {', '.join(Pattern.__struct_fields__)}",
        )
    return fields | {name: moment(name, fields[name]) for name in MOMENTS if name in fields}


def new_pattern(fields: Mapping[str, Any], agent: str) -> Pattern:
    """The pattern that *fields* say; what is missing is *agent*, `GENERAL`, and an id made from the name.

    Raises:
        UsageError, TooLarge: it is none.
    """
    known = {"agent_id": agent, "pattern_type": GENERAL, **fields}
    name = known.setdefault("name", "")
    if known.get("id") is None:
        known["id"] = _slug(checks.line(name, "name of a pattern"))
    return Pattern(**known)


def changed(pattern: Pattern, changes: Mapping[str, Any]) -> Pattern:
    """*pattern* with *changes*, which the library has taken."""
    return msgspec.structs.replace(pattern, **changes)


def removed(given: Pattern, kept: Pattern) -> Iterator[str]:
    """What kind of thing was taken out of *given*, and of which field; never what it was."""
    for name in ("name", "description", "context", "code", "tags", "source", "agent_id", "pattern_type"):
        before, after = (msgspec.json.encode(getattr(each, name)).decode() for each in (given, kept))
        if before != after:
            kinds = dict.fromkeys(mark for mark in MARK.findall(after) if f"[REDACTED:{mark}]" not in before)
            yield f"{', '.join(kinds) or 'something'} was taken out of the {name}"


def without_what_was_pasted(fields: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """*fields* without colours of a terminal and the like, and what was taken out of which."""
    kept, said = {}, []
    for name, value in fields.items():
        met: Counter[str] = Counter()
        kept[name] = _unpasted(value, "\n" if name in OF_LINES else " ", met, checks.MAX_DEPTH)
        if met:
            parts = " and ".join(count(times, what) for what, times in met.items())
            said.append(f"{parts} {'was' if met.total() == 1 else 'were'} taken out of the {name}")
    return kept, said


def doubts(pattern: Pattern, given: Collection[str]) -> Iterator[str]:
    """What somebody may not have meant by the fields that were *given* of *pattern*."""
    if (
        pattern.lesson == "avoid"
        and SAYS_NOT.match(pattern.name)
        and not {"name", "lesson"}.isdisjoint(given)
    ):
        yield f'it reads "avoid: {pattern.name}"; the name of a pattern to avoid says what has failed'
    if "expires_at" in given and pattern.expires_at and pattern.expires_at <= datetime.now(UTC):
        yield "it has expired already: only qd patterns search --retired finds it"


def _unpasted(value: object, line_end: str, met: Counter[str], depth: int) -> object:
    if isinstance(value, str):
        for what, sign in PASTED.items():
            value, times = sign.subn(line_end if what == "line separator" else "", value)
            met.update({what: times} if times else {})
        return value
    if depth and isinstance(value, list):
        return [_unpasted(each, line_end, met, depth - 1) for each in value]
    if depth and isinstance(value, dict):
        return {key: _unpasted(each, line_end, met, depth - 1) for key, each in value.items()}
    return value


def _broken(error: Exception, text: str) -> str:
    """Where JSON ends to be JSON."""
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    if "truncated" in str(error):
        return f"it ends too early, at character {len(text)}"
    return harmless(str(error)).removeprefix("JSON is malformed: ")


def _slug(name: str) -> str:
    """``Set a busy timeout`` -> ``set-a-busy-timeout``."""
    plain = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:SLUG].rstrip("-")
    return slug or f"pattern-{blake2b(name.encode(errors='replace'), digest_size=4).hexdigest()}"


def _parsed(text: str) -> object:
    """*text* as JSON; *text* itself where it is none."""
    try:
        return msgspec.json.decode(text)
    except (ValueError, RecursionError):  # msgspec's errors are ValueErrors; half a character is one too
        return text


def _text_of(place: str) -> str:
    """What is in a file, or comes from stdin.

    Raises:
        UsageError: it cannot be read, or is not UTF-8.
        TooLarge: it is more than a pattern may have.
    """
    name = "stdin" if place == STDIN else place
    try:
        if place == STDIN:
            if sys.stdin is None or sys.stdin.isatty():
                raise UsageError("there is no pattern", hint='say --name "…", or pipe in a JSON object')
            data = sys.stdin.buffer.read(MOST_PIPED_BYTES + 1)
        else:
            with open(place, "rb") as file:
                data = file.read(MOST_PIPED_BYTES + 1)
        if len(data) > MOST_PIPED_BYTES:
            raise TooLarge(
                f"{name} holds more than {MOST_PIPED_BYTES:,} bytes", hint="a pattern is a short text"
            )
        return data.decode()
    except (OSError, ValueError) as error:
        what = "is not UTF-8" if isinstance(error, UnicodeDecodeError) else f"cannot be read: {error}"
        hint = "pipe in text" if place == STDIN else "name a text file"
        raise UsageError(f"{told(name)} {what}", hint=hint) from None
