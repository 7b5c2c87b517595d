"""One vocabulary for all that a pattern can be found by: words, tags, type, lesson and context.

    "Locked databases"           ->  lock  databas           stems
    tag "SQLite"                 ->  #sqlite
    type "conditional"           ->  @conditional
    lesson "avoid"               ->  !avoid
    context {"db": {"kind": 3}}  ->  db.kind=3               and the stems of its words

A feature is folded (NFKC, no case), has no whitespace and is at most `LONGEST` characters long, so that any
index takes it as it is. Its first sign tells its kind: no stem has ``# @ ! =``.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from quarterdeck.patterns.model import Pattern

VERSION = "1"
"""Changes whenever the same pattern would give other features."""

LONGEST = 200
"""Characters of a feature; of a longer one a digest stands for the end."""
LONGEST_WORD = 64
"""Characters of a word; a longer run of letters is several."""
MOST_ASKED = 100
"""Different words that a query can have; what comes later is not asked for."""
DEEPEST = 100
"""Levels of a context that are looked at."""

NAME_TIMES = 3
"""How often a word of a name counts, one of a description counting once."""
MOST_CODE = 200
"""Words of a code that are looked at."""
PAIR_WEIGHT = 2.0
"""Of a tag, a type or a ``key=value`` that is asked for, a word weighing 1."""

_MARKS = "\u0300-\u036f\u0483-\u0487\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0900-\u0963\u0966-\u0dff\u135d-\u135f"
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_TOKEN = re.compile(rf"[\w{_MARKS}{_UNSPACED}]{{1,{LONGEST_WORD}}}(?:['\u2019][a-zA-Z]{{1,3}}\b)?")
_ASCII_TOKEN = re.compile(rf"\w{{1,{LONGEST_WORD}}}(?:'[a-zA-Z]{{1,3}}\b)?", re.ASCII)
"""A run of letters and digits, its end after an apostrophe with it; `_MARKS` belong to letters."""
_RUNS = re.compile(rf"[{_UNSPACED}]+|[^{_UNSPACED}]+")
"""Scripts that put no spaces between words, and all others."""
_HUMPS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^A-Za-z0-9_]+")
_UNSAFE = re.compile(r"[\s%\x00-\x1f\x7f\ud800-\udfff]")
_UNSAFE_IN_KEY = re.compile(r"[\s%\x00-\x1f\x7f\ud800-\udfff=#@!]")
_ESCAPED = re.compile(r"(?:%[0-9A-F]{2})+")
_KINDS = {"#": "tag", "@": "type", "!": "lesson"}


def words(text: str) -> list[str]:
    """The stems of *text*, in order; an identifier gives its parts and itself. O(n); no text makes it raise."""
    stems: list[str] = []
    for token in _tokens(text):
        stems += _stems(token)
    return stems


def tag(tag: str) -> str:
    """The feature of a tag."""
    return _cut("#" + _escaped(tag, _UNSAFE))


def type_(pattern_type: str) -> str:
    """The feature of a type."""
    return _cut("@" + _escaped(pattern_type, _UNSAFE))


def lesson(lesson: str) -> str:
    """The feature of a lesson."""
    return _cut("!" + _escaped(lesson, _UNSAFE))


def pair(key: str, value: object) -> str:
    """The feature of a value in a context; 1, 1.0 and "1" give the same one."""
    return _cut(f"{_escaped(key, _UNSAFE_IN_KEY)}={_escaped(_said(value), _UNSAFE)}")


def features_of(pattern: Pattern) -> dict[str, int]:
    """All features of *pattern*, and how often each counts. O(size of the pattern)."""
    counts: dict[str, int] = {}
    for token in _tokens(pattern.name):
        for stem in _stems(token):
            counts[stem] = counts.get(stem, 0) + NAME_TIMES
    for token in _tokens(pattern.description):
        for stem in _stems(token):
            counts[stem] = counts.get(stem, 0) + 1
    if pattern.code:
        for token in _tokens(pattern.code)[:MOST_CODE]:
            for stem in _stems(token):
                counts[stem] = counts.get(stem, 0) + 1
    for each in pattern.tags:
        counts[tag(each)] = 1
        for stem in words(each):
            counts[stem] = counts.get(stem, 0) + 1
    for key, value in _flat(pattern.context):
        counts[pair(key, value)] = 1
        for stem in words(f"{key} {_said(value)}"):
            counts[stem] = counts.get(stem, 0) + 1
    counts[type_(pattern.pattern_type)] = 1
    counts[lesson(pattern.lesson)] = 1
    return counts


def asked_in_words(text: str) -> dict[str, float]:
    """What a free text asks for: each of its stems, and how much it counts."""
    weights: dict[str, float] = {}
    for token in _tokens(text):
        for stem in _stems(token):
            weights[stem] = weights.get(stem, 0.0) + 1.0
        if len(weights) >= MOST_ASKED:
            break
    return weights


def asked_in_context(context: Mapping[str, Any]) -> dict[str, float]:
    """What a context asks for: its pairs, and the words in its values.

    ``tags``, ``type``, ``pattern_type`` and ``lesson`` also ask for the tags, the type and the lesson so named.
    """
    weights: dict[str, float] = {}
    named = {"tags": tag, "tag": tag, "type": type_, "pattern_type": type_, "lesson": lesson}
    for key, value in _flat(context):
        if key in named:
            weights[named[key](_said(value))] = PAIR_WEIGHT
        weights[pair(key, value)] = PAIR_WEIGHT
        for stem in words(_said(value)):
            weights[stem] = weights.get(stem, 0.0) + 1.0
        if len(weights) >= MOST_ASKED:
            break
    return weights


def spoken(feature: str) -> tuple[str, str]:
    """The kind of a feature, and what it says to people: ``("tag", "busy timeout")`` for ``#busy%20timeout``."""
    kind = _KINDS.get(feature[:1])
    if kind:
        return kind, _unescaped(feature[1:])
    return ("context" if "=" in feature else "text"), _unescaped(feature)


def _tokens(text: str) -> list[str]:
    """As they are written, but compatible characters are one (NFKC)."""
    if text.isascii():
        return _ASCII_TOKEN.findall(text)
    return _TOKEN.findall(unicodedata.normalize("NFKC", text))


@lru_cache(maxsize=1 << 15)
def _stems(token: str) -> tuple[str, ...]:
    """What a token is found by; most texts share most of their words."""
    if token.isascii():
        return tuple(_stemmed(_parts(token)))
    stems: list[str] = []
    for run in _RUNS.findall(token):
        if re.match(f"[{_UNSPACED}]", run):
            folded = _folded(run)
            stems += [folded[at : at + 2] for at in range(max(1, len(folded) - 1))]
        else:
            stems += _stemmed(_parts(run))
    return tuple(stems)


def _parts(token: str) -> list[str]:
    """The words of an identifier such as ``busy_timeout`` or ``busyTimeout``, and itself."""
    folded = _folded(token).replace("\u2019", "'").strip("_")
    if token.islower() and "_" not in token:
        return [folded]
    parts = [_folded(part) for part in _HUMPS.findall(token)] if "'" not in token else []
    return [*parts, folded] if len(parts) > 1 else [folded]


def _stemmed(parts: list[str]) -> Iterator[str]:
    from Stemmer import Stemmer  # noqa: PLC0415  (heavy; only who searches pays for it)

    stemmer = Stemmer("english", 0)  # holds state and no lock; a new one costs a microsecond
    for part in parts:
        if part and part not in _stop_words():
            yield stemmer.stemWord(part)


@cache
def _stop_words() -> frozenset[str]:
    """Too frequent to say anything, and what an apostrophe leaves behind."""
    return frozenset(
        "a an and are as at be but by for if in into is it no not of on or such that the their then there these "
        "they this to was will with".split()
    )


def _flat(context: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """Every value in *context* that is no dict and no list, with the path of its keys."""
    todo: list[tuple[str, object, int]] = [("", context, 0)]
    while todo:
        path, value, depth = todo.pop()
        if isinstance(value, dict):
            if depth < DEEPEST:
                start = f"{path}."[-LONGEST:] if path else ""
                todo += [(f"{start}{key}", each, depth + 1) for key, each in reversed(value.items())]
        elif isinstance(value, list | tuple):
            if depth < DEEPEST:
                todo += [(path, each, depth + 1) for each in reversed(value)]
        else:
            yield path, value


def _said(value: object) -> str:
    """A value of JSON as text."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value)


def _escaped(text: str, unsafe: re.Pattern[str]) -> str:
    """Folded, its ends and repeated whitespace gone, each unsafe character as %XX of its bytes."""
    folded = " ".join(_folded(text).split())
    if unsafe.search(folded) is None:
        return folded
    return unsafe.sub(lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode("utf-8", "surrogatepass")), folded)


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(
        lambda found: bytes.fromhex(found[0].replace("%", "")).decode("utf-8", "surrogatepass"), text
    )


def _folded(text: str) -> str:
    """NFKC without case."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def _cut(feature: str) -> str:
    if len(feature) <= LONGEST:
        return feature
    from hashlib import blake2b  # noqa: PLC0415  (rarely needed)

    digest = blake2b(feature.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    return f"{feature[: LONGEST - len(digest) - 1]}…{digest}"
