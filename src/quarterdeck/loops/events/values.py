"""Values of any kind as text, and texts as digests. Strangers make these values: none of them may raise."""

from __future__ import annotations

import hashlib
import re

import msgspec

from quarterdeck.words import harmless

_JSON_CHARS = 100_000  # longer JSON in a string is compared as text
_END_CHARS = 1200

_ANSI = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?)")


def digest(text: str) -> int:
    """63 bits of *text*, the same in every process."""
    data = text.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little") >> 1


def cut(text: str) -> str:
    """The first and the last 1,200 characters of *text*: what is done with it then costs O(1)."""
    if len(text) <= 2 * _END_CHARS:
        return text
    return f"{text[:_END_CHARS]}\n{text[-_END_CHARS:]}"


def opened(value: object) -> object:
    """What a JSON object or array in a string holds; everything else as it is."""
    if isinstance(value, str) and value[:1] in {"{", "["} and len(value) <= _JSON_CHARS:
        try:
            return msgspec.json.decode(value)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return value
    return value


def text_of(value: object) -> str:
    """Text as it is, other values as JSON with the keys in order, None as nothing."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    try:
        return _encoder.encode(value).decode()
    except (TypeError, ValueError, OverflowError, RecursionError):  # what no JSON can hold
        return _plain(value)


def _kind_of(value: object) -> str:
    return f"<{type(value).__name__}>"


_encoder = msgspec.json.Encoder(order="sorted", enc_hook=_kind_of)


def _plain(value: object) -> str:
    try:
        return repr(value)[:_JSON_CHARS]
    except (RecursionError, ValueError):  # nested too deeply; an int of too many digits
        return _kind_of(value)


def shortened(text: str, limit: int) -> str:
    """*text* on one line of at most *limit* characters that no terminal would obey."""
    line = harmless(" ".join(without_colours(text[: 4 * limit]).split()))
    return line if len(line) <= limit else line[: limit - 1] + "…"


def without_colours(text: str) -> str:
    """*text* without what tells a terminal to change colours or titles."""
    return _ANSI.sub("", text) if "\x1b" in text else text
