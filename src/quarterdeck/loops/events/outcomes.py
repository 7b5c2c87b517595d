"""When two outcomes are the same outcome.

What changes by itself is left out: times, ids, addresses, line numbers. What is a sign of progress stays,
such as another number of failed tests.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from quarterdeck.loops.events.values import cut, digest, opened, text_of, without_colours

if TYPE_CHECKING:
    from collections.abc import Iterator

DONE = 1
"""Of an outcome that says nothing but that it is done."""
VAGUE_CHARS = 16
"""Who says less than this says next to nothing."""

_PARTS = 50
_BYTES = 10_000
_STATUS_CHARS = 500
_LAST_EXIT_CODE = 2**32

# Every branch begins with a digit: the search then runs from digit to digit, not over every character.
_STAMPS = r"""
        (?<=0)x[0-9a-f]+                                                   # 0x7ffd12
      | [0-9]{3}[-/][0-9]{2}[-/][0-9]{2}                                   # 2026-01-02T03:04:05.678+01:00
        (?:[t _-][0-9]{2}[:_-][0-9]{2}(?:[:_-][0-9]{2}(?:[.,][0-9]+)?)?)?
        (?:[ ]?(?:z\b|[+-][0-9]{2}:?[0-9]{2}))?
      | (?<=2)0[0-9]{6}[t_-]?[0-9]{6}(?:[0-9]{3})?z?(?![0-9a-z])           # 20260102T030405
      | [0-9a-f]{7,}(?=[.](?:png|jpe?g|webp|gif|pdf|html?|txt|log|tmp)\b)  # what a screenshot is called
      | (?:(?<=[.][a-z]:[0-9])|(?<=[.][a-z]{2}:[0-9])|(?<=[.][a-z]{3}:[0-9])|(?<=[.][a-z]{4}:[0-9]))
        [0-9]*(?::[0-9]+)?                                                 # main.py:12:3
      | [0-9]?:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?(?![0-9:])             # 12:34:56.7
      | (?=[0-9]*[a-f]+[0-9])[0-9a-f]{4,}(?![g-z_])                        # a commit, a digest
      | (?=[0-9]+[a-f])[0-9a-f]{7,}(?![g-z_])
      | (?=[0-9]*[a-z])(?=[a-z]*[0-9])[0-9a-z]{9,}                         # req_01h2xcejqtf2
      | (?<=1)[5-9][0-9]{8}(?:[0-9]{3})?(?:\.[0-9]+)?(?![0-9])             # seconds since 1970
      | (?:(?<=(?:line|port)[ =:#][0-9])|(?<=\bpid[ =:#][0-9]))[0-9]*
      | (?<=[a-z0-9]:[0-9])[0-9]{3,4}(?![0-9.])                            # localhost:54321
"""
_DURATIONS = r"""
      | [0-9]*m[ ]?[0-9]+(?:\.[0-9]+)?s\b                                  # 1m 3s
      | [0-9]*(?:\.[0-9]+)?[ ]?(?:[nuµm]?s|secs?|seconds?|mins?|minutes?|hours?)\b
"""
_NUMBER_BEGINS = "[0-9](?<![0-9][0-9])"
_CHANGING = re.compile(f"{_NUMBER_BEGINS}(?:{_STAMPS}{_DURATIONS})", re.VERBOSE)
_CHANGING_BUT_DURATIONS = re.compile(f"{_NUMBER_BEGINS}(?:{_STAMPS})", re.VERBOSE)
_DURATION_TELLS = re.compile(  # it is what was asked for, or how far it is
    r"\b(?:left|remaining|eta|median|mean|avg|average|p[59][0-9]|latency|throughput|fastest|slowest|speedup)\b"
)
_UUID = re.compile(r"-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")  # but for its first part
_SUFFIX = re.compile(r"-(?<=[a-z0-9\0]-)(?=[a-z]{0,4}[0-9]+[a-z])[0-9a-z]{5}(?![0-9a-z])")  # web-x2x9k
_TEMPORARY = re.compile(r"tmp[._-]?\w{5,}|pytest-[0-9]+")
_MEASURED = re.compile(r"duration|elapsed|latency|took|wall_?time|uptime|timestamp|_ms$")
_BEFORE_ID = "abcdefghijklmnopqrstuvwxyz0123456789"

_AT_WORK = re.compile(
    r"(?:status|state|phase)[\"']?\s?[:=]\s?[\"']?"
    r"(?:in[_ -]?progress|running|pending|queued|waiting|building|starting|processing|scheduled)\b"
)
_NOT_YET = re.compile(
    r"connect|refused|time(?:d[ -]?)?[ -]?out|unreachable|unavailable|\b50[234]\b|not (?:yet )?(?:ready|up)\b"
    r"|pending|starting|no response|temporar|still |resolve|reset by peer|\(notfound\)|in progress|locked"
)
_DONE = re.compile(r"\W*(?:ok|done|success|no output|\W*exit code:? 0\b.{0,30})?\W*")
_PRINTED = ("output", "stdout", "stderr")
_EXIT_CODES = ("exit_code", "exitCode", "exit_status", "returncode", "code")
_NOTHING = re.compile(
    r"(?:error: )?(?:no|0|zero) (?:\w+ ){0,2}?(?:match|result|file|item|hit|entr|record|row|occurrence)\w*"
    r"\b.{0,120}|nothing(?: \w+)? found.{0,120}|not found.?|none|null|\[\]|\{\}|\(no output\)"
    r"|[\[(<]?(?:exit|exited with) (?:code|status):? 1\b.{0,40}"  # as grep says it
    r"|.{0,60}\b(?:matches|results|items|total|count)\"?: ?(?:0|\[\])\W*"
)


def outcome_text(outcome: object) -> str:
    """What came back, line by line; of what is JSON, what its strings say."""
    if isinstance(outcome, bytes):
        outcome = outcome[:_BYTES].decode("utf-8", "replace")
    value = opened(outcome)
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(part, dict) for part in value[:_PARTS]):
        texts = [part["text"] for part in value[:_PARTS] if isinstance(part.get("text"), str)]
        if texts:
            return "\n".join(texts)
    if isinstance(value, dict):
        return _printed(value) or "\n".join(
            f"{text_of(key)}: {cut(text_of(item))}" for key, item in _unmeasured(value)
        )
    return text_of(value)


def _printed(value: dict[object, object]) -> str:
    """What a command printed, and its exit code unless it is 0; empty: that is not what the answer is."""
    texts = [value[key] for key in _PRINTED if isinstance(value.get(key), str)]
    if not texts:
        return ""
    about = value.get("metadata")
    told = (value, about) if isinstance(about, dict) else (value,)
    codes = [each.get(key) for each in told for key in _EXIT_CODES]
    failing = [
        f"exit code {code}" for code in codes if isinstance(code, int) and 0 < abs(code) <= _LAST_EXIT_CODE
    ]
    return "\n".join([*map(str, texts), *failing[:1]]).strip() or "(no output)"


def _unmeasured(value: dict[object, object], levels: int = 2) -> Iterator[tuple[object, object]]:
    """What an answer holds, but for how long it took and when it was given."""
    for key, item in islice(value.items(), _PARTS):
        if item is False or (not item and not isinstance(item, int | float)):
            continue  # no error, nothing found
        if isinstance(item, dict) and levels > 1:
            yield key, dict(_unmeasured(item, levels - 1))
        elif not (isinstance(item, int | float) and _MEASURED.search(text_of(key).casefold())):
            yield key, item


def steady(text: str) -> str:
    """*text* without what changes by itself: case, colours, times, ids, addresses, line numbers."""
    text = without_colours(cut(text)).casefold()
    if "tool_use_error>" in text:
        text = text.replace("<tool_use_error>", "").replace("</tool_use_error>", "")
    plain = _UUID.sub("\0", text)
    text = _CHANGING.sub("\0", plain)
    if text is not plain and _DURATION_TELLS.search(plain):
        text = _CHANGING_BUT_DURATIONS.sub("\0", plain)
    if "\0" in text:  # what of an id stands before its first digit, and what a column is filled up with
        *parts, last = text.split("\0")
        text = "\0".join([*filter(None, [part.rstrip(_BEFORE_ID).rstrip(" ") for part in parts]), last])
    text = _SUFFIX.sub("\0", text)
    if "tmp" in text or "pytest-" in text:
        text = _TEMPORARY.sub("\0", text)
    return text.strip()


def answer_of(steadied: str) -> int:
    """What an outcome is compared by; `DONE` for all that only say that it is done."""
    return DONE if _DONE.fullmatch(steadied[:60]) else digest(steadied)


def finds_nothing(steadied: str) -> bool:
    """Whether this is what a search says that has found nothing."""
    return not steadied or _NOTHING.fullmatch(steadied[:200]) is not None


def is_at_work(steadied: str) -> bool:
    """Whether this is the state of something that is not done yet."""
    return len(steadied) <= _STATUS_CHARS and _AT_WORK.search(steadied) is not None


def is_not_yet(steadied: str) -> bool:
    """Whether a failure may be over the next time: nobody answers, or it says next to nothing."""
    return len(steadied) <= VAGUE_CHARS or _NOT_YET.search(steadied) is not None
