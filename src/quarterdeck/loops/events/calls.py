"""When two calls are the same call, and two outcomes the same outcome.

    event ──> what was called        tool and arguments; order of keys and place of the project do not count
          ──> what came of it        text without what changes by itself: times, ids, addresses, line numbers
          ──> which error            the lines of it that say so

Only digests of 63 bits are handed on, so that a session of any length and outcomes of any size cost the same.
What is a sign of progress stays: another file, another page, another number of failed tests.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from quarterdeck.loops.events.allowances import Role
from quarterdeck.words import harmless

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quarterdeck.loops.events.allowances import Allowances
    from quarterdeck.loops.events.model import AgentEvent

_HEAD_CHARS = 1200
_TAIL_CHARS = 1200
_LABEL_CHARS = 90
_COMMAND_CHARS = 400
_JSON_CHARS = 100_000  # longer arguments in a string are compared as text
_LOOKED_AT_LINES = 12
_ERROR_LINES = 4
_PARTS = 50
_VAGUE_CHARS = 16  # an error that says less than this is the error of its call only

_ANSI = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?)")
# Every branch begins with a digit: the search then runs from digit to digit, not over every character.
_CHANGING = re.compile(
    r"""[0-9](?<![0-9][0-9])(?:                                              # only where a number begins
        (?<=0)x[0-9a-f]+                                                   # 0x7ffd12
      | [0-9a-f]*(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}                          # a UUID
      | [0-9]{3}[-/][0-9]{2}[-/][0-9]{2}                                   # 2026-01-02T03:04:05.678+01:00
        (?:[t ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?)?(?:[ ]?(?:z\b|[+-][0-9]{2}:?[0-9]{2}))?
      | (?:(?<=[.][a-z]:[0-9])|(?<=[.][a-z]{2}:[0-9])|(?<=[.][a-z]{3}:[0-9])|(?<=[.][a-z]{4}:[0-9]))
        [0-9]*(?::[0-9]+)?                                                 # main.py:12:3
      | [0-9]?:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?(?![0-9:])             # 12:34:56.7
      | (?=[0-9]*[a-f])[0-9a-f]{6,}(?![g-z_])                              # a commit, a digest
      | (?=[0-9]*[a-z])(?=[a-z]*[0-9])[0-9a-z]{9,}                         # req_01h2xcejqtf2
      | (?<=1)[5-9][0-9]{8}(?:[0-9]{3})?(?:\.[0-9]+)?(?![0-9])             # seconds since 1970
      | [0-9]*m[ ]?[0-9]+(?:\.[0-9]+)?s\b                                  # 1m 3s
      | [0-9]*(?:\.[0-9]+)?[ ]?(?:[nuµm]?s|secs?|seconds?|mins?|minutes?|hours?)\b
      | (?<=(?:line|port|\Wpid)[ =:#][0-9])[0-9]*
      | (?<=[a-z0-9]:[0-9])[0-9]{3,4}(?![0-9.])                            # localhost:54321
      )""",
    re.VERBOSE,
)
_TEMPORARY = re.compile(r"tmp[._-]?\w{5,}|pytest-[0-9]+")
_MEASURED = re.compile(r"duration|elapsed|latency|took|wall_?time|uptime|timestamp|_ms$")
_BEFORE_ID = "abcdefghijklmnopqrstuvwxyz0123456789"

# An outcome that nobody has marked says by its first words, or by its last, that it is an error. A word such
# as "error" somewhere in it does not: agents read source code and logs.
_FAILURE_AT_FIRST = re.compile(
    r"\s*(?:<tool_use_error>|\{?\s*\"?is_?error\"?\s*:\s*true"
    r"|\{?\s*\"?error\"?\s*:(?!\s*(?:null|false|\"\"|\[\]|none|0\b))"
    r"|(?:\w+ ){0,3}?\w*(?:error|exception)\b\s*[:(]|error\b|fatal:|exit code:? [1-9]|command failed"
    r"|traceback \(most recent call last\)|failed to |permission denied|(?:ba|z)?sh: )"
)
_FAILURE_AT_LAST = re.compile(
    r"(?:^|\n)(?:exit(?:ed with)? (?:code|status):? [1-9]|process exited with code [1-9]|command not found"
    r"|[a-z_.]*(?:error|exception)(?:: [^\n]*)?$|npm err!|make: \*\*\*|=+ .*[0-9]+ (?:failed|errors?)\b"
    r"|fatal: [^\n]*$|error: [^\n]*$|[^\n]*: (?:command not found|no such file or directory)$)"
)
_ERROR_LINE = re.compile(
    r"error|exception|fail|fatal|denied|refused|not found|no such|cannot|can't|unable|invalid|unknown|missing"
    r"|timed out|timeout|undefined|unexpected|must |not "
)
_NOTHING = re.compile(
    r"(?:error: )?(?:no|0|zero) (?:\w+ ){0,2}?(?:match|result|file|item|hit|entr|record|row|occurrence)"
    r"\w*\b.{0,120}|nothing(?: \w+)? found.{0,120}|not found.?|none|null|\[\]|\{\}|\(no (?:output|content)\)"
    r"|.{0,60}\b(?:matches|results|items|total|count)\"?: ?(?:0|\[\])\W*"
)
# Keys of arguments, as they are spelled without capitals and underscores.
_REMARKS = frozenset({"explanation", "justification", "rationale", "reasoning", "thought", "thoughts"})
_COMMANDS = ("command", "cmd", "script", "code")
_TARGETS = (
    *("filepath", "absolutepath", "path", "notebookpath", "targetfile", "filename", "file"),
    *("relativeworkspacepath", "url", "uri"),
)
_BEFORE = ("oldstring", "oldstr", "oldtext", "oldsource", "search", "from")
_AFTER = (
    *("newstring", "newstr", "newtext", "newsource", "replace", "replacement", "to"),
    *("content", "contents", "filetext", "text", "codeedit"),
)
_PATCHES = ("input", "patch", "diff", "patchtext", "command")
_PATCHED_FILE = re.compile(r"^(?:\*\*\* (?:Update|Add|Delete) File:|\+\+\+ (?:b/)?)\s*(\S.*)$", re.MULTILINE)


class Footprint(NamedTuple):
    """What of a call is compared; digests are of 63 bits and the same in every process.

    Attributes:
        call: of tool and arguments.
        outcome: of what came back; 0: not known.
        failed: whether it failed.
        error: of what the error says; 0: none, or it says nothing.
        target: of the file or address it is about; 0: none that can be told.
        before, after: of what was to be replaced and what by; 0: neither is given.
        role: what the call is for.
        vain: whether something was looked for and is not there.
    """

    call: int
    outcome: int
    failed: bool
    error: int
    target: int
    before: int
    after: int
    role: Role
    vain: bool


def footprint(event: AgentEvent, allowances: Allowances, folder: str = "") -> Footprint:
    """What of a call is compared; a path in *folder*, where the agent works, is the same as a relative one.

    O(n) for arguments; of an outcome, the first and the last 1,200 characters are looked at.
    """
    value = _opened(event.arguments)
    keys: dict[str, str] = {}
    command = ""
    if isinstance(value, dict):
        keys = {key.replace("_", "").casefold(): key for key in value if isinstance(key, str)}
        command = _command(value, keys)
        value = _without_remarks(value, runs=bool(command))
    elif isinstance(value, str):
        command = value[:_COMMAND_CHARS]
    role = allowances.role(event.tool, command)
    target, before, after = _changed(value, keys, folder) if role is Role.CHANGE else (0, 0, 0)
    text = _relative(_text(_unordered(value) if role is Role.NOTE else value), folder)
    if command:
        text = " ".join(text.split())
    call = digest(f"{event.tool.casefold()}\0{text}")
    if event.outcome is None:
        return Footprint(call, 0, event.failed is True, 0, target, before, after, role, vain=False)
    came = _outcome_text(event.outcome)
    steadied = steady(came)
    failed = _says_it_failed(came) if event.failed is None else event.failed
    vain = role is Role.SEARCH and (not steadied or _NOTHING.fullmatch(steadied[:200]) is not None)
    error = 0
    if failed and not vain:
        error = _error(steadied, call)
        target = target or _target(value, keys, folder)
    outcome = 1 if role is Role.NOTE and not failed else digest(steadied)  # what a list answers is no news
    return Footprint(call, outcome, failed, error, target, before, after, role, vain)


def label(event: AgentEvent) -> str:
    """The call for people, on one line: ``Grep(pattern=TODO, path=src)``."""
    value = _opened(event.arguments)
    if isinstance(value, dict):
        value = _without_remarks(value, runs=True)
        inside = ", ".join(f"{key}={_text(item)[:60]}" for key, item in list(value.items())[:6])
    else:
        inside = _text(value)[:_LABEL_CHARS]
    return shortened(f"{event.tool[:40]}({inside})", _LABEL_CHARS)


def outcome_label(event: AgentEvent) -> str:
    """What came of the call for people, on one line; of an error the line that says so."""
    if event.outcome is None:
        return ""
    lines = [line for line in _cut(_outcome_text(event.outcome)).splitlines() if line.strip()]
    if not lines:
        return "nothing"
    telling = (line for line in reversed(lines) if _ERROR_LINE.search(line.casefold()))
    return shortened(next(telling, lines[0]) if event.failed else lines[0], _LABEL_CHARS)


def shortened(text: str, limit: int) -> str:
    """*text* on one line of at most *limit* characters that no terminal would obey."""
    line = harmless(" ".join(_ANSI.sub("", text[: 4 * limit]).split()))
    return line if len(line) <= limit else line[: limit - 1] + "…"


def steady(text: str) -> str:
    """*text* without what changes by itself: case, colours, times, ids, addresses, line numbers."""
    text = _cut(text)
    if "\x1b" in text:
        text = _ANSI.sub("", text)
    text = _CHANGING.sub("\0", text.casefold())
    if "\0" in text:  # what of an id stands before its first digit, and what a column is filled up with
        *parts, last = text.split("\0")
        text = "\0".join([*(part.rstrip(_BEFORE_ID).rstrip(" ") for part in parts), last])
    if "tmp" in text or "pytest-" in text:
        text = _TEMPORARY.sub("\0", text)
    return text.strip()


def digest(text: str) -> int:
    """63 bits of *text*, the same in every process."""
    data = text.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little") >> 1


def _says_it_failed(text: str) -> bool:
    return bool(
        _FAILURE_AT_FIRST.match(text[:200].casefold())
        or _FAILURE_AT_LAST.search(text[-300:].rstrip().casefold())
    )


def _error(steadied: str, call: int) -> int:
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


def _cut(text: str) -> str:
    if len(text) <= _HEAD_CHARS + _TAIL_CHARS:
        return text
    return f"{text[:_HEAD_CHARS]}\n{text[-_TAIL_CHARS:]}"


def _opened(arguments: object) -> object:
    """Arguments that are JSON in a string as their value."""
    if isinstance(arguments, str) and arguments[:1] in {"{", "["} and len(arguments) <= _JSON_CHARS:
        try:
            return msgspec.json.decode(arguments)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return arguments
    return arguments


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    try:
        return _encoder.encode(value).decode()
    except (TypeError, ValueError, OverflowError, RecursionError):  # what no JSON can hold
        return _plain(value)


def _named(value: object) -> str:
    return f"<{type(value).__name__}>"


_encoder = msgspec.json.Encoder(order="sorted", enc_hook=_named)


def _plain(value: object) -> str:
    try:
        return repr(value)[:_JSON_CHARS]
    except (RecursionError, ValueError):  # nested too deeply; an int of too many digits
        return _named(value)


def _outcome_text(outcome: object) -> str:
    """What came back, line by line; of what is JSON, what its strings say."""
    if isinstance(outcome, bytes):
        outcome = outcome[: 8 * _HEAD_CHARS].decode("utf-8", "replace")
    value = _opened(outcome)
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(part, dict) for part in value[:_PARTS]):
        texts = [part["text"] for part in value[:_PARTS] if isinstance(part.get("text"), str)]
        if texts:
            return "\n".join(texts)
    if isinstance(value, dict):
        return "\n".join(f"{key}: {_cut(_text(item))}" for key, item in _unmeasured(value))
    return _text(value)


def _unmeasured(value: dict[object, object], levels: int = 2) -> Iterator[tuple[object, object]]:
    """What is in an answer but how long it took and when it was given."""
    for key, item in value.items():
        if isinstance(item, dict) and levels > 1:
            yield key, dict(_unmeasured(item, levels - 1))
        elif not (isinstance(item, int | float) and _MEASURED.search(str(key).casefold())):
            yield key, item


def _command(value: dict[str, object], keys: dict[str, str]) -> str:
    for name in _COMMANDS:
        found = value.get(keys.get(name, ""))
        if isinstance(found, list):  # as exec takes it
            found = " ".join(part[:_COMMAND_CHARS] for part in found[:20] if isinstance(part, str))
        if isinstance(found, str):
            return found[:_COMMAND_CHARS]
    return ""


def _without_remarks(value: dict[str, object], *, runs: bool) -> dict[str, object]:
    """What an agent only remarks on its call is not part of it."""
    remarks = [key for key in value if key in _REMARKS or (runs and key == "description")]
    if not remarks or len(remarks) == len(value):
        return value
    return {key: item for key, item in value.items() if key not in remarks}


def _unordered(value: object) -> object:
    """A list of things to do is the same in any order."""
    if not isinstance(value, dict):
        return value
    return {key: sorted(map(_text, item)) if isinstance(item, list) else item for key, item in value.items()}


def _changed(value: object, keys: dict[str, str], folder: str) -> tuple[int, int, int]:
    """Which file or thing a call changes, from what, to what; 0: that cannot be told."""
    after = _first(value, keys, _AFTER)
    if after is None:
        patch = value if isinstance(value, str) else _first(value, keys, _PATCHES)
        return _patched(patch) if patch else (_target(value, keys, folder), 0, 0)
    before = _first(value, keys, _BEFORE)
    return _target(value, keys, folder), digest(before) if before is not None else 0, digest(after)


def _patched(patch: str) -> tuple[int, int, int]:
    file = _PATCHED_FILE.search(patch)
    if file is None:
        return 0, 0, 0
    lines = patch.splitlines()
    removed = [line[1:] for line in lines if line.startswith("-") and not line.startswith("---")]
    added = [line[1:] for line in lines if line.startswith("+") and not line.startswith("+++")]
    return digest(file[1]), digest("\n".join(removed)), digest("\n".join(added))


def _target(value: object, keys: dict[str, str], folder: str) -> int:
    found = _first(value, keys, _TARGETS)
    return 0 if found is None else digest(_relative(found, folder))


def _first(value: object, keys: dict[str, str], names: tuple[str, ...]) -> str | None:
    if isinstance(value, dict):
        for name in names:
            if name in keys and isinstance(found := value.get(keys[name]), str):
                return found
    return None


def _relative(text: str, folder: str) -> str:
    if folder and folder in text:
        text = text.replace(f"cd {folder} && ", "").replace(f"{folder}/", "")
    return text.removeprefix("./")
