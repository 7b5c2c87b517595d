"""When two outcomes are the same outcome, and two errors the same error.

What changes by itself is left out: times, ids, addresses, line numbers. What is a sign of progress stays,
such as another number of failed tests.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from quarterdeck.loops.events.values import cut, digest, opened, text_of, without_colours

if TYPE_CHECKING:
    from collections.abc import Iterator

DONE = 1
"""Of an outcome that says nothing but that it is done."""

_LOOKED_AT_LINES = 12
_ERROR_LINES = 4
_PARTS = 50
_BYTES = 10_000
_STATUS_CHARS = 500
_SHORT_CHARS = 300
_LAST_EXIT_CODE = 2**32
_VAGUE_CHARS = 16  # an error that says less than this is the error of its call only

# Every branch begins with a digit: the search then runs from digit to digit, not over every character.
_CHANGING = re.compile(
    r"""[0-9](?<![0-9][0-9])(?:                                              # only where a number begins
        (?<=0)x[0-9a-f]+                                                   # 0x7ffd12
      | [0-9]{3}[-/][0-9]{2}[-/][0-9]{2}                                   # 2026-01-02T03:04:05.678+01:00
        (?:[t _-][0-9]{2}[:_-][0-9]{2}(?:[:_-][0-9]{2}(?:[.,][0-9]+)?)?)?(?:[ ]?(?:z\b|[+-][0-9]{2}:?[0-9]{2}))?
      | (?<=2)0[0-9]{6}[t_-]?[0-9]{6}(?:[0-9]{3})?z?(?![0-9a-z])           # 20260102T030405
      | [0-9a-f]{7,}(?=[.](?:png|jpe?g|webp|gif|pdf|html?|txt|log|tmp)\b)  # what a screenshot is called
      | (?:(?<=[.][a-z]:[0-9])|(?<=[.][a-z]{2}:[0-9])|(?<=[.][a-z]{3}:[0-9])|(?<=[.][a-z]{4}:[0-9]))
        [0-9]*(?::[0-9]+)?                                                 # main.py:12:3
      | [0-9]?:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?(?![0-9:])             # 12:34:56.7
      | (?=[0-9]*[a-f]+[0-9])[0-9a-f]{4,}(?![g-z_])                        # a commit, a digest
      | (?=[0-9]+[a-f])[0-9a-f]{7,}(?![g-z_])
      | (?=[0-9]*[a-z])(?=[a-z]*[0-9])[0-9a-z]{9,}                         # req_01h2xcejqtf2
      | (?<=1)[5-9][0-9]{8}(?:[0-9]{3})?(?:\.[0-9]+)?(?![0-9])             # seconds since 1970
      | [0-9]*m[ ]?[0-9]+(?:\.[0-9]+)?s\b                                  # 1m 3s
      | [0-9]*(?:\.[0-9]+)?[ ]?(?:[nuµm]?s|secs?|seconds?|mins?|minutes?|hours?)\b
      | (?:(?<=(?:line|port)[ =:#][0-9])|(?<=\bpid[ =:#][0-9]))[0-9]*
      | (?<=[a-z0-9]:[0-9])[0-9]{3,4}(?![0-9.])                            # localhost:54321
      )""",
    re.VERBOSE,
)
_UUID = re.compile(r"-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")  # but for its first part
_SUFFIX = re.compile(r"(?<=[a-z0-9])-(?=[a-z]{0,4}[0-9]+[a-z])[0-9a-z]{5}(?![0-9a-z])")  # of a pod: web-x2x9k
_TEMPORARY = re.compile(r"tmp[._-]?\w{5,}|pytest-[0-9]+")
_MEASURED = re.compile(r"duration|elapsed|latency|took|wall_?time|uptime|timestamp|_ms$")
_BEFORE_ID = "abcdefghijklmnopqrstuvwxyz0123456789"

# An outcome that nobody has marked says by its first words, or by its last, that it is an error; a short one
# by any. In a longer one words such as "error" stand for nothing, nor do they in what was read.
_FAILURE_AT_FIRST = re.compile(
    r"\s*(?:<tool_use_error>|\{?\s*\"?is_?error\"?\s*:\s*true"
    r"|\{?\s*\"?error\"?\s*:(?!\s*(?:null|false|\"\"|\[\]|none|0\b))"
    r"|(?:[\w.]+ ){0,3}?[\w.]*(?:error|exception)\b(?: [0-9]{3})?\s*[:(]|error\b|exit code:? [1-9]|command failed"
    r"|(?:fatal|panic|fatal error|uncaught [a-z]+|caused by):|exception in "
    r"|traceback \(most recent call last\)|failed to |permission denied|(?:ba|z)?sh: "
    r"|(?:http(?:/[0-9.]+)?(?: status)?:? ?)?(?:40[0-9]|41[0-9]|42[2-9]|50[0-9])"
    r"(?: [a-z][a-z' -]{2,40}:|:? (?:bad request|unauthorized|forbidden|not found|method not allowed|conflict|gone"
    r"|unprocessable|too many requests|internal server error|bad gateway|service unavailable))"
    r"|\([0-9]{3,5}, ?[\"']"  # as drivers of databases say it
    r"|[a-z_]*(?:denied|not_found|unauthenticated|exhausted|invalid_|failed|unavailable|exceeded|aborted)[a-z_]*: "
    r"|e(?:noent|acces|perm|conn[a-z]+|timedout|exist|isdir|notdir|notempty|addrinuse|pipe|busy|inval)\b)"
)
_FAILURE_LINE = re.compile(
    r"^\W{0,5}(?:FAIL(?:ED|URES?)?|ERROR|FATAL|PANIC|not ok)\b(?!\W{1,3}0\b)", re.MULTILINE
)
_FAILURE_AT_LAST = re.compile(
    r"(?:^|\n)\W{0,3}(?:(?:exit|exited with|process exited with) (?:code|status):? [1-9]|command not found"
    r"|[a-z_.]*(?:error|exception)(?:: [^\n]*)?$|npm err!|make: \*\*\*"
    r"|(?:[^\n]*\D)?[1-9][0-9]* (?:failed|failing|failures?|errors?)\b"
    r"|(?:[^\n]*\W)?(?:failed|failures?|errors?)!?: +[1-9]"
    r"|fail(?:ed|ure)?\W*$|fatal: [^\n]*$|(?:[^\n]* )?error(?: [a-z]*[0-9]+)?: [^\n]*$"
    r"|[^\n]*: (?:command not found|no such file or directory)$)"
)
_FAILURE_ANYWHERE = re.compile(
    r"\b(?:not found|no such|denied|did not|not (?:allowed|permitted|available|supported)|could not|cannot"
    r"|can't|unable to|unknown (?:tool|command|option|argument|column|field|name|function|method|key|host|type)"
    r"|failed|invalid|refused|rejected|timed out|does not (?:exist|have)|doesn't exist|no longer|unauthorized"
    r"|not authorized|forbidden|undefined|unrecognized|insufficient\w*|too many requests|rate.limit(?:ed)?"
    r"|limit exceeded|quota exceeded|unreachable|\w+backoff|oomkilled|crashed)\b"
)
_NO_FAILURE = re.compile(
    r"\b(?:no|0|zero|without|never)\b[^\n]{0,20}(?:fail|error)|(?:fail|error)\w*\W{1,3}0\b"
)
_UNREADABLE = re.compile(
    r"\s*(?:<tool_use_error>.*|[^\n]{0,300}\b(?:no such file|file not found|does not exist|permission denied"
    r"|is a directory|enoent|eacces|eisdir)\b[^\n]{0,100})\s*",
    re.DOTALL,
)
_ERROR_LINE = re.compile(
    r"error|exception|fail|fatal|panic|denied|refused|not found|no such|cannot|can't|unable|invalid|unknown"
    r"|missing|timed out|timeout|undefined|unexpected|unrecognized|insufficient|must |not |got |backoff|crash"
)
_AT_WORK = re.compile(
    r"(?:status|state|phase)[\"']?\s?[:=]\s?[\"']?"
    r"(?:in[_ -]?progress|running|pending|queued|waiting|building|starting|processing|scheduled)\b"
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
    for key, item in value.items():
        if item is False or (not item and not isinstance(item, int | float)):
            continue  # no error, nothing found
        if isinstance(item, dict) and levels > 1:
            yield key, dict(_unmeasured(item, levels - 1))
        elif not (isinstance(item, int | float) and _MEASURED.search(text_of(key).casefold())):
            yield key, item


def steady(text: str) -> str:
    """*text* without what changes by itself: case, colours, times, ids, addresses, line numbers."""
    text = without_colours(cut(text)).casefold()
    text = _CHANGING.sub("\0", _UUID.sub("\0", text))
    if "\0" in text:  # what of an id stands before its first digit, and what a column is filled up with
        *parts, last = text.split("\0")
        text = "\0".join([*filter(None, [part.rstrip(_BEFORE_ID).rstrip(" ") for part in parts]), last])
    text = _SUFFIX.sub("\0", text)
    if "tmp" in text or "pytest-" in text:
        text = _TEMPORARY.sub("\0", text)
    return text.strip()


def says_it_failed(text: str, *, read: bool) -> bool:
    """Whether *text*, as it came, is that of an error; for outcomes that nobody has marked.

    Args:
        text: of any length; its ends are looked at.
        read: whether a file or a search was asked for, so that it is text about anything.
    """
    start = text[:400].casefold()
    if read:
        return len(text) <= 400 and _UNREADABLE.fullmatch(start) is not None
    end = text[-300:].rstrip()
    if (
        _FAILURE_AT_FIRST.match(start)
        or _FAILURE_AT_LAST.search(end.casefold())
        or _FAILURE_LINE.search(text[:400])
        or _FAILURE_LINE.search(end)
    ):
        return _NO_FAILURE.match(start) is None
    return (
        len(text) <= _SHORT_CHARS and bool(_FAILURE_ANYWHERE.search(start)) and not _NO_FAILURE.search(start)
    )


def answer_of(steadied: str) -> int:
    """What an outcome is compared by; `DONE` for all that only say that it is done."""
    return DONE if _DONE.fullmatch(steadied[:60]) else digest(steadied)


def finds_nothing(steadied: str) -> bool:
    """Whether this is what a search says that has found nothing."""
    return not steadied or _NOTHING.fullmatch(steadied[:200]) is not None


def is_at_work(steadied: str) -> bool:
    """Whether this is the state of something that is not done yet."""
    return len(steadied) <= _STATUS_CHARS and _AT_WORK.search(steadied) is not None


def error_of(steadied: str, call: int) -> int:
    """What an error says: its last telling lines, for above them stands how it came about."""
    lines = steadied.splitlines()
    telling: list[str] = []
    for line in reversed(lines[-_LOOKED_AT_LINES:]):
        if _ERROR_LINE.search(line[:400]):
            telling.append(line[:400])
            if len(telling) == _ERROR_LINES:
                break
    says = "\n".join(telling or lines[-_ERROR_LINES:])
    return digest(says if len(says) > _VAGUE_CHARS else f"{says}\0{call}")


def telling_line(text: str, *, failed: bool) -> str:
    """The line of an error that says so, or else the first one; empty: none says anything."""
    lines = [line for line in text.splitlines() if line.strip()]
    telling = (line for line in reversed(lines) if failed and _ERROR_LINE.search(line.casefold()))
    return next(telling, lines[0] if lines else "")
