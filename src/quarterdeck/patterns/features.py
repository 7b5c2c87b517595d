"""One vocabulary for all that a pattern can be found by: words, tags, type, lesson and context.

    "Locked databases"                ->  lock  databas         stems, without stop words
    "busyTimeout"                     ->  busi  timeout  busytimeout
    tag "SQLite"                      ->  #sqlite               and its stems
    type "conditional"                ->  @conditional
    lesson "avoid"                    ->  !avoid
    context {"db": {"port": 5432}}    ->  db.port=5432          and the stems of keys and values

A feature is folded (NFKC, no case), has no whitespace and is at most `LONGEST` characters long, so that any
index takes it as it is. It tells its kind by its first sign, or by the ``=`` in it: no stem has either.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from quarterdeck.patterns.model import TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from quarterdeck.patterns.model import Pattern

VERSION = "1"
"""Changes whenever the same pattern would give other features, also for another release of the stemmer."""

LONGEST = 200
"""Characters of a feature; in a longer one a digest stands for its end."""
LONGEST_WORD = 64
"""Characters of a word; a longer run of letters counts as several."""
_KEPT = 1 << 13
"""Features of tags, types and pairs that are kept: the same come again and again, and all are short."""
MOST_ASKED = 100
"""Features that a question can have; what comes later in it is not asked for."""

NAME_TIMES = 2
"""How often a word of a name counts, a word of a description counting once."""
MOST_CODE = 200
"""Words of a code that count; what follows would only make the pattern seem long."""
MOST_PAIRED = 4
"""Words of a value in a context that is compared as a whole, too; a longer one is a text."""

PAIR_WEIGHT = 2.0
"""Of a tag, a type or a ``key=value`` that is asked for, a word weighing 1."""
SLIGHT_WEIGHT = 0.5
"""Of a number or a single letter: being rare in a library says less of them than of a word."""

STOP_WORDS = frozenset(
    """
    a an the this that these those
    i me my mine myself we us our ours ourselves you your yours yourself yourselves
    he him his himself she her hers herself it its itself they them their theirs themselves
    am is are was were be been being have has had having do does did doing
    can could will would shall should may might must
    and or but nor not no if because as while until than so
    of at by for with about against between into through during before after above below
    to from up down in out on off over under
    who whom whose which what when where why how
    here there now then again once further too very only just own same such
    all any both each few more most other some please
    """.split()  # noqa: SIM905  (as a list it would fill a page)
)
"""The closed classes of English: articles, pronouns, auxiliaries, conjunctions, prepositions, particles.

The lists that packages bring are either much longer, and stop what programmers look for (``null``, ``shell``,
``test``), or stop neither ``I`` nor ``can``; both find less.
"""

_MARKS = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f"
    "\u0900-\u0963\u0966-\u0dff"
)
"""Accents, vowel points and vowel signs, which ``\\w`` leaves out."""
_UNSPACED = (
    "\u0e01-\u0e4e\u0e81-\u0ece\u1000-\u1049\u1780-\u17d3\u3041-\u3096\u30a1-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"
)
"""Scripts that put no spaces between words, or glue endings to them: searched by pairs of letters."""
_ENDING = "(?:['\u2019](?:[stdmSTDM]|ll|re|ve|LL|RE|VE)\\b)?"
_ASCII_TOKEN = re.compile(rf"\w{{1,{LONGEST_WORD}}}{_ENDING}", re.ASCII)
_HUMPS = re.compile(r"[A-Z]+(?![a-z])[0-9]*|[A-Z]?[a-z]+[0-9]*|[0-9]+")
_NUMBERED = re.compile(r"([^\W\d]{3,})\d+")
_UNSAFE = re.compile(r"[\x00-\x20%\x7f]")
_UNSAFE_IN_KEY = re.compile(r"[\x00-\x20%\x7f=#@!]")
_ESCAPED = re.compile(r"%([0-9A-F]{2})")
_KINDS = {"#": "tag", "@": "type", "!": "lesson"}


def words(text: str) -> list[str]:
    """The stems of *text*, in order; an identifier gives its parts and itself. O(n); never raises."""
    return [stem for token in _tokens(text) for stem in _stems(token)]


def spellings(pattern: Pattern) -> dict[str, str]:
    """For each stem of a word of *pattern* the word, as it stands there first."""
    texts = (pattern.name, pattern.description, *pattern.tags, _text_in(pattern.context), pattern.code or "")
    return {
        stem: token for text in reversed(texts) for token in reversed(_tokens(text)) for stem in _stems(token)
    }


def is_pair(feature: str) -> bool:
    """Whether it is that of a value in a context."""
    return "=" in feature and feature[0] not in _KINDS


@lru_cache(maxsize=_KEPT)
def tag(name: str) -> str:
    """The feature of a tag."""
    return _bounded("#" + _escaped(name, _UNSAFE))


@lru_cache(maxsize=_KEPT)
def type_(name: str) -> str:
    """The feature of a type."""
    return _bounded("@" + _escaped(name, _UNSAFE))


def lesson(name: str) -> str:
    """The feature of a lesson."""
    return _bounded("!" + _escaped(name, _UNSAFE))


def pair(key: str, value: object) -> str:
    """The feature of a value in a context; 1, 1.0 and "1" give the same."""
    said = _said(value)
    return _pair(key, said) if len(key) + len(said) <= LONGEST else _pair.__wrapped__(key, said)


@lru_cache(maxsize=_KEPT)
def _pair(key: str, said: str) -> str:
    name = _bounded(_escaped(key, _UNSAFE_IN_KEY), LONGEST // 2)
    return f"{name}={_bounded(_escaped(said, _UNSAFE), LONGEST - 1 - LONGEST // 2)}"


def labels_of(pattern: Pattern) -> set[str]:
    """The features of its tags, its type and its lesson: what filters can require."""
    return {type_(pattern.pattern_type), lesson(pattern.lesson), *map(tag, pattern.tags)}


def features_of(pattern: Pattern) -> dict[str, int]:
    """All features of *pattern*, and how often each counts. O(size of the pattern)."""
    texts = [*(pattern.name,) * NAME_TIMES, pattern.description, *pattern.tags]
    keys: dict[str, None] = {}
    pairs: list[str] = []
    for key, value in _flat(pattern.context):
        text = _text_in(value)
        texts.append(text)
        if _is_short(text):
            pairs.append(pair(key, value))
        keys[key] = None
    tokens = _tokens("\n".join([*texts, *keys]))  # at once: many are short
    if pattern.code:
        tokens += _tokens(pattern.code)[:MOST_CODE]
    counts: dict[str, int] = {}
    count = counts.get
    for token in tokens:
        for stem in _stems(token):
            counts[stem] = count(stem, 0) + 1
    return counts | dict.fromkeys((*pairs, *labels_of(pattern)), 1)


def asked_in_words(text: str) -> dict[str, float]:
    """What a free text asks for: each of its stems, however often it is said, and how much it weighs."""
    weights: dict[str, float] = {}
    for token in _tokens(text):
        for stem in _stems(token):
            weights[stem] = _weight(stem)
        if len(weights) >= MOST_ASKED:
            break
    return weights


def asked_in_context(context: Mapping[str, Any]) -> dict[str, float]:
    """What a context asks for: its pairs, and the words in its values.

    ``tags``, ``pattern_type`` and ``lesson`` ask for the tags, the type and the lesson so named; so does
    ``type``, if it is one of `TYPES`.

    Args:
        context: as `checks.context` lets it pass.
    """
    weights: dict[str, float] = {}
    for key, value in _flat(context):
        weights |= _asked_for(key, value)
        if len(weights) >= MOST_ASKED:
            break
    return weights


def spoken(feature: str) -> tuple[str, str]:
    """Its kind, and what it says to people: ``("tag", "busy timeout")`` for ``#busy%20timeout``."""
    kind = _KINDS.get(feature[:1])
    if kind:
        return kind, _unescaped(feature[1:])
    return ("context" if "=" in feature else "text"), _unescaped(feature)


def _is_short(text: str) -> bool:
    """Whether a value makes a pair."""
    return len(_tokens(text)) <= MOST_PAIRED


def _asked_for(key: str, value: object) -> dict[str, float]:
    text = _text_in(value)
    weights = asked_in_words(text)
    if key == "tags":
        weights[tag(text)] = PAIR_WEIGHT
    elif key == "pattern_type" or (key == "type" and value in TYPES):
        weights[type_(text)] = PAIR_WEIGHT
    elif key == "lesson":
        weights[lesson(text)] = PAIR_WEIGHT
    elif _is_short(text):
        weights[pair(key, value)] = PAIR_WEIGHT
    return weights


def _weight(stem: str) -> float:
    return SLIGHT_WEIGHT if len(stem) == 1 or stem.isdecimal() else 1.0


def _flat(context: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """Every value in *context* that is no dict and no list, in order, with the keys that lead to it."""
    todo: list[tuple[str, object]] = [("", context)]
    while todo:
        path, value = todo.pop()
        if isinstance(value, dict):
            start = f"{path[-LONGEST:]}." if path else ""  # cut: or depth costs its square
            todo += [(f"{start}{key}", each) for key, each in reversed(value.items())]
        elif isinstance(value, list | tuple):
            todo += [(path, each) for each in reversed(value)]
        else:
            yield path, value


def _said(value: object) -> str:
    """A value of JSON as text."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _text_in(value: object) -> str:
    """What *value* has to say without its key."""
    return "" if value is None or isinstance(value, bool) else _said(value)


def _tokens(text: str) -> list[str]:
    """The words of *text* as they are written, in form NFKC, with short endings after an apostrophe."""
    if text.isascii():
        return _ASCII_TOKEN.findall(text)
    token, _ = _beyond_ascii()
    return token.findall(unicodedata.normalize("NFKC", text))


@cache
def _beyond_ascii() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """A token, and its runs by script; compiled late, as it takes longer than all the rest of the module."""
    token = re.compile(rf"[\w{_MARKS}{_UNSPACED}]{{1,{LONGEST_WORD}}}{_ENDING}")
    return token, re.compile(rf"([{_UNSPACED}]+)|([^{_UNSPACED}]+)")


@lru_cache(maxsize=1 << 15)
def _stems(token: str) -> tuple[str, ...]:
    """What a token is found by. Kept: most texts are made of the same words."""
    if token.isascii():
        return tuple(_stemmed(token))
    stems: list[str] = []
    _, runs = _beyond_ascii()
    for unspaced, spaced in runs.findall(token):
        stems += (
            _stemmed(spaced) if spaced else [unspaced[at : at + 2] for at in range(max(1, len(unspaced) - 1))]
        )
    return tuple(stems)


def _stemmed(token: str) -> Iterator[str]:
    from Stemmer import Stemmer  # type: ignore[import-not-found]  # late: only who searches pays for it

    stemmer = Stemmer("english", 0)  # a new one costs a microsecond; one for all threads would need a lock
    for part in _parts(token):
        if part not in STOP_WORDS:
            yield stemmer.stemWord(part)


def _parts(token: str) -> list[str]:
    """The words in an identifier and itself, folded, each once; of ``python3`` also ``python``."""
    token, _, ending = token.replace("\u2019", "'").partition("'")
    if ending in {"t", "T"}:  # an auxiliary with its "not"
        return []
    found = _HUMPS.findall(token) if token.isascii() else token.split("_")
    parts = [_folded(part) for part in (*found, token.strip("_"))]
    parts += [numbered[1] for numbered in map(_NUMBERED.fullmatch, parts) if numbered]
    return list(dict.fromkeys(filter(None, parts)))


def _escaped(text: str, unsafe: re.Pattern[str]) -> str:
    """Folded, whitespace at its ends gone and other single blanks, each unsafe character as %XX."""
    folded = " ".join(_folded(text).split())
    return unsafe.sub(lambda found: f"%{ord(found[0]):02X}", folded)


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)


def _folded(text: str) -> str:
    """NFKC without case; halves of characters become question marks."""
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return folded.encode("utf-8", "replace").decode()


def _bounded(feature: str, longest: int = LONGEST) -> str:
    if len(feature) <= longest:
        return feature
    from hashlib import blake2b  # late: rarely needed

    digest = blake2b(feature.encode(), digest_size=8).hexdigest()
    return f"{feature[: longest - len(digest) - 1]}…{digest}"
