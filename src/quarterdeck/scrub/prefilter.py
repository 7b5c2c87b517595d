"""The glance at the bytes that spares nearly every value the search: could there be anything at all?

It may say yes for nothing, and never says no to what a detector takes out. Everything it looks for is ASCII
that JSON does not escape, so it stands in the bytes as it stands in the text.

With google-re2 installed that is one pass of one automaton. Without it, bytes are first translated into
images in which one substring search answers for many patterns (every letter of a token is an ``a``, every
digit a ``0``): an alternation of ``re`` would cost three times as much.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from quarterdeck.scrub.tokens import MIN_RUN, RUN, TOKENS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def _any_of(words: Iterable[str]) -> str:
    """A pattern for any of *words* that looks at each character once."""
    tails: dict[str, list[str]] = {}
    for word in words:
        if not word:
            return ""  # a shorter word ends here: what follows does not matter
        tails.setdefault(word[0], []).append(word[1:])
    return "|".join(f"{re.escape(head)}(?:{_any_of(rest)})" for head, rest in sorted(tails.items()))


_ANCHORS = sorted({anchor for token in TOKENS for anchor in token.anchors if anchor != "."})
_SURE = "@|PRIVATE KEY|hooks"
_NUMBERS = (
    r"[0-9]{3}[).-] ?[0-9]{3}[.-][0-9]{4}|[0-9]{3}-[0-9]{2}-[0-9]{4}|[0-9]{3} [0-9]{4}"
    r"|[0-9]{4}[.-][0-9]{4}[.-][0-9]|[0-9]{4}[.-][0-9]{6}[.-][0-9]{4}"
)
_PLUS = r"\+[1-9]"
_TOKENS = _any_of(_ANCHORS) + r"|\.[A-Za-z0-9_-]{6}\."
_IBAN = "[A-Z]{2}[0-9]{2}[A-Z0-9]{14}"
_CARD = "[2-68][0-9]{12}"
_SSN = r"(?i:ssn)[:=]?\""
_SHORT_IBAN = "[A-Z]{2}[0-9]{13}"
_SIGN = r"""s?(?:[_-](?:hash|base))?(?:"(?:[^:]|:["[{])|['`\\\]]| {0,8}[:=])"""
_KEYED = rf"[isetgnrh][ _.-]?key{_SIGN}|--[a-z0-9_-]{{0,32}}keys?(?:[_-](?:hash|base))? "
_NAMED = (
    rf"passw[a-z]{{0,3}}{_SIGN}|passphrase{_SIGN}|_pass{_SIGN}|pwd{_SIGN}|secret{_SIGN}|token{_SIGN}"
    rf"|credential{_SIGN}"
    r"|--[a-z0-9_-]{0,32}(?:pass|token|secret|credential|pwd)[a-z_-]{0,12} |authorization|bearer "
    rf"|passport[a-z_ -]{{0,8}}[:=]?\"|curl |cookie{_SIGN}|basic {{1,4}}[a-z0-9+/]{{8}}"
)
_FOLDED = bytes(range(256)).lower().translate(bytes.maketrans(b"wd", b"pt"))
"""To lower case, and fewer letters: ``passp`` is password and passphrase, ``cret`` secret and credential."""


def by_images() -> Callable[[bytes], bool]:
    """The glance in plain Python; the further down, the fewer values get there."""
    run = b"a" * MIN_RUN
    as_runs = bytes(97 if code in RUN else 32 for code in range(256))
    as_digits = bytes(48 if 48 <= code < 58 else 45 if code in b" .-" else code for code in range(256))
    token = re.compile(_TOKENS.encode()).search
    iban = re.compile(_IBAN.encode()).search
    card = re.compile(_CARD.encode()).search
    plus = re.compile(_PLUS.encode()).search
    numbers = re.compile(_NUMBERS.encode()).search
    ssn = re.compile(_SSN.encode()).search
    short_iban = re.compile(_SHORT_IBAN.encode()).search
    keyed = re.compile(_KEYED.encode()).search
    named = re.compile(_NAMED.encode()).search

    def in_any_run(data: bytes) -> bool:
        image = data.translate(as_runs)
        start = image.find(run)
        if start >= 0 and b"hooks" in data:  # their secrets are such runs, at the end of a URL
            return True
        while start >= 0:
            end = image.find(b" ", start)
            stop = end if end >= 0 else len(data)
            if token(data, max(0, start - 1), stop) or iban(data, start, stop):
                return True
            start = image.find(run, stop)
        return False

    def glance(data: bytes) -> bool:
        if b"@" in data or b"PRIVATE KEY" in data or in_any_run(data):
            return True
        digits = data.translate(as_digits)
        if b"+" in digits and plus(data):
            return True
        if (b"000-0000" in digits or b"000-00-0000" in digits) and numbers(data):
            return True
        if b"000000000" in digits and (ssn(data) or card(data) or short_iban(data)):
            return True
        image = data.translate(_FOLDED)
        if (
            b"token" in image
            or b"cret" in image
            or b"passp" in image
            or b"_pass" in image
            or b"ppt" in image  # pwd
            or b"bearer " in image
            or b"authorization" in image
            or b"cookie" in image
            or b"basic " in image
            or b"curl " in image
        ) and named(data.lower()):
            return True
        return b"key" in image and keyed(data.lower()) is not None

    return glance


def by_automaton() -> Callable[[bytes], object]:
    """The glance of google-re2: one pass, whatever is in *data*.

    Raises:
        ImportError: it is not installed.
    """
    import re2  # type: ignore[import-not-found, import-untyped, unused-ignore]  # an option: nothing else needs it

    anything = re2.Set.SearchSet()
    for pattern in (
        _SURE,
        _TOKENS,
        _IBAN,
        _CARD,
        _SHORT_IBAN,
        _SSN,
        _NUMBERS,
        _PLUS,
        f"(?i:{_NAMED}|{_KEYED})",
    ):
        anything.Add(pattern)
    anything.Compile()
    matches: Callable[[bytes], list[int]] = anything.Match
    return matches


def best() -> Callable[[bytes], object]:
    """The faster one of those that are there."""
    try:
        return by_automaton()
    except ImportError:
        return by_images()
