"""Which outcomes are failures, and when two errors are the same error."""

from __future__ import annotations

import re

from quarterdeck.loops.events.outcomes import VAGUE_CHARS
from quarterdeck.loops.events.values import digest

_SHORT_CHARS = 300
_LOOKED_AT_LINES = 12
_ERROR_LINES = 4

# An outcome that nobody has marked says by its first words, or by its last, that it is an error; a short one
# by any. In a longer one words such as "error" stand for nothing, nor do they in what was read.
_FAILURE_AT_FIRST = re.compile(
    r"(?:<tool_use_error>|\{?\s*\"?is_?error\"?\s*:\s*true"
    r"|\{?\s*\"?error\"?\s*:(?!\s*(?:null|false|\"\"|\[\]|none|0\b))"
    r"|(?:[\w.]+ ){0,3}?[\w.]*(?:error|exception)\b(?: [0-9]{3})?\s*[:(]"
    r"|error\b|exit code:? [1-9]|command failed"
    r"|(?:fatal|panic|fatal error|uncaught [a-z]+|caused by):|exception in "
    r"|traceback \(most recent call last\)|failed to |permission denied|(?:ba|z)?sh: "
    r"|(?:http(?:/[0-9.]+)?(?: status)?:? ?)?(?:40[0-9]|41[0-9]|42[2-9]|50[0-9])"
    r"(?: [a-z][a-z' -]{2,40}:|:? (?:bad request|unauthorized|forbidden|not found|method not allowed|conflict"
    r"|gone|unprocessable|too many requests|internal server error|bad gateway|service unavailable))"
    r"|\([0-9]{3,5}, ?[\"']"  # as drivers of databases say it
    r"|[a-z_]*(?:denied|not_found|unauthenticated|exhausted|invalid_|failed|unavailable|exceeded|aborted)"
    r"[a-z_]*: "
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
    r"|can't|unable to"
    r"|unknown (?:tool|command|option|argument|column|field|name|function|method|key|host|type)"
    r"|failed|invalid|refused|rejected|timed out|does not (?:exist|have)|doesn't exist|no longer|unauthorized"
    r"|not authorized|forbidden|undefined|unrecognized|insufficient\w*|too many requests|rate.limit(?:ed)?"
    r"|limit exceeded|quota exceeded|unreachable|\w+backoff|oomkilled|crashed)\b"
)
_NO_FAILURE = re.compile(
    r"\b(?:no|0|zero|without|never)\b[^\n]{0,20}(?:fail|error)|(?:fail|error)\w*\W{1,3}0\b"
)
_UNREADABLE = re.compile(
    r"(?:<tool_use_error>.*|[^\n]{0,300}\b(?:no such file|file not found|does not exist|permission denied"
    r"|is a directory|enoent|eacces|eisdir)\b[^\n]{0,100})\s*",
    re.DOTALL,
)
_ERROR_LINE = re.compile(
    r"error|exception|fail|fatal|panic|denied|refused|not found|no such|cannot|can't|unable|invalid|unknown"
    r"|missing|timed out|timeout|undefined|unexpected|unrecognized|insufficient|must |not |got |backoff|crash"
)
_SUMMARY = re.compile(
    r"\W*(?:[0-9]+ (?:failed|failing|passed|errors?|tests?)\b|make\S*: \*\*\*|exit(?:ed with)? code"
    r"|npm err! (?:code|errno)|failed?\W*$|tests?:|test result|error: process)"
)


def says_it_failed(text: str, *, read: bool) -> bool:
    """Whether *text*, as it came, is that of an error; for outcomes that nobody has marked.

    Args:
        text: of any length; its ends are looked at.
        read: whether a file or a search was asked for, so that it is text about anything.
    """
    start = text[:400].casefold().lstrip()
    if read:
        return len(text) <= 400 and _UNREADABLE.fullmatch(start) is not None
    end = text[-300:].rstrip()
    if (
        _FAILURE_AT_FIRST.match(start)
        or _FAILURE_AT_LAST.search(end.casefold())
        or _FAILURE_LINE.search(text, 0, 400)
        or _FAILURE_LINE.search(end)
    ):
        return _NO_FAILURE.match(start) is None
    return (
        len(text) <= _SHORT_CHARS and bool(_FAILURE_ANYWHERE.search(start)) and not _NO_FAILURE.search(start)
    )


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
    return digest(says if len(says) > VAGUE_CHARS else f"{says}\0{call}")


def telling_line(text: str, *, failed: bool) -> str:
    """The line of an error that says what it is, or else the first one; empty: none says anything."""
    text = text.replace("<tool_use_error>", "").replace("</tool_use_error>", "")
    lines = [line for line in text.splitlines() if line.strip()]
    telling = [line for line in reversed(lines) if failed and _ERROR_LINE.search(line.casefold())]
    precise = (line for line in telling if not _SUMMARY.match(line.casefold()))
    return next(precise, (telling or lines or [""])[0])
