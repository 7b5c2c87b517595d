"""When two calls are the same call.

    event ──> what was called     tool and arguments; neither the order of keys nor the project's place counts
          ──> what it is about    the file or address; what of it was changed, and to what
          ──> what came of it     outcomes

Only digests of 63 bits are handed on, so that a session of any length and values of any size cost the same.
Another file or another page is another call.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple
from zlib import crc32

from quarterdeck.loops.events.allowances import Role
from quarterdeck.loops.events.failures import error_of, says_it_failed
from quarterdeck.loops.events.outcomes import (
    DONE,
    answer_of,
    finds_nothing,
    is_at_work,
    is_not_yet,
    outcome_text,
    steady,
)
from quarterdeck.loops.events.values import digest, opened, text_of

if TYPE_CHECKING:
    from datetime import datetime

    from quarterdeck.loops.events.allowances import Allowances
    from quarterdeck.loops.events.model import AgentEvent

_COMMAND_CHARS = 400
_VERB_CHARS = 40
_ECHO_CHARS = 6
_PATCH_CHARS = 100_000

# Keys of arguments, as they are spelled without capitals and underscores.
_REMARKS = frozenset({"explanation", "justification", "rationale", "reasoning", "thought", "thoughts"})
_REMARKS_ON_COMMANDS = frozenset({"description", "timeout", "timeoutms", "timeoutseconds"})
_ASIDE = re.compile(r"\s#[^'\"\n]*$")
_PART_SHOWN = re.compile(r"(\|\s*(?:tail|head)\b)[ -]*(?:n ?)?[0-9]+")  # how much of what it prints
_STAMPS = frozenset({
    *("timestamp", "nonce", "requestid", "traceid", "spanid", "correlationid", "idempotencykey"),
    *("callid", "toolcallid", "tooluseid"),
})  # fmt: skip
_MOMENT = re.compile(r"(?:|ts|t|now|time|date|epoch|clock|when|.*stamp|sentat|requestedat)(?:ms|s)?")
_SINCE_1970 = re.compile(r"[12][0-9]{9,18}(?:\.[0-9]{1,9})?")
_EARLIEST_S, _LATEST_S = 15e8, 3e9  # 2017 to 2065
_CLOCKS_DIFFER_S = 3600
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
_VERBS = ("action", "operation", "method")
_PATCHES = ("input", "patch", "diff", "patchtext", "command")
_WORD = re.compile(r"\w+")
_PATCHED_FILE = re.compile(r"^(?:\*\*\* (?:Update|Add|Delete) File:|\+\+\+ (?:b/)?)\s*(\S.*)$", re.MULTILINE)


class Footprint(NamedTuple):
    """What of a call is compared; digests are of 63 bits and the same in every process.

    Attributes:
        call: of tool and arguments.
        outcome: of what came back; 0: not known, `outcomes.DONE`: nothing but that it is done.
        failed: whether it failed.
        error: of what the error says; 0: none, or it says nothing.
        target: of the file or address it is about; 0: none that can be told.
        before, after: of what was to be replaced and what by; 0: neither is given.
        role: what the call is for; what says that something is still at work is polled.
        vain: whether something was looked for and is not there.
        sought: digests of the words that a search is told.
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
    sought: tuple[int, ...] = ()


def footprint(event: AgentEvent, allowances: Allowances, folder: str = "") -> Footprint:
    """What of a call is compared; a path in *folder*, where the agent works, is the same as a relative one.

    O(n) for arguments; of an outcome, the first and the last 1,200 characters are looked at.
    """
    value = opened(event.arguments)
    keys: dict[str, str] = {}
    command = ""
    if isinstance(value, dict):
        keys = spelled(value)
        command = (_first(value, keys, _COMMANDS) or "")[:_COMMAND_CHARS]
        value = _evenly_spaced(without_remarks(value, keys, event, runs=bool(command)), keys)
    elif isinstance(value, str):
        command = value[:_COMMAND_CHARS]
    verb = _first(value, keys, _VERBS) or ""  # what a tool of many uses is used for
    role = allowances.role(f"{event.tool} {verb[:_VERB_CHARS]}", command)
    target, before, after = _changed(value, keys, folder) if role is Role.CHANGE else (0, 0, 0)
    text = _relative(text_of(_unordered(value) if role is Role.NOTE else value), folder)
    call = digest(f"{event.tool.casefold()}\0{text}")
    if (
        role is Role.CHANGE and not (target or command) and len(keys) > 1
    ):  # one thing, set to one of its values
        target, after = digest("\0".join([event.tool.casefold(), *sorted(keys)])), call
    if event.outcome is None:
        return Footprint(call, 0, event.failed is True, 0, target, before, after, role, vain=False)
    came = outcome_text(event.outcome)
    steadied = steady(came)
    reads = role is Role.SEARCH or role is Role.READING
    failed = says_it_failed(came, read=reads) if event.failed is None else event.failed
    if role is not Role.CHANGE and is_at_work(steadied):
        role = Role.POLLING
    if (
        failed
        and role is Role.POLLING
        and not (is_not_yet(steadied) or allowances.waits_outright(event.tool, command))
    ):
        role = Role.OTHER  # it will not be there the next time either
    vain = role is Role.SEARCH and finds_nothing(steadied)
    answer = DONE if role is Role.NOTE and not failed else answer_of(steadied)  # a list only nods
    error = 0
    if failed and not vain:
        if role is Role.CHANGE:
            texts = (_first(value, keys, _BEFORE), _first(value, keys, _AFTER))
            steadied = _without_echo(steadied, texts)
        error = error_of(steadied, call)
        target = target or _target(value, keys, folder)
    sought = _words(text) if role is Role.SEARCH else ()
    return Footprint(call, answer, failed, error, target, before, after, role, vain, sought)


def _words(text: str) -> tuple[int, ...]:
    return tuple(
        crc32(word.encode("utf-8", "replace")) for word in _WORD.findall(text[:_COMMAND_CHARS].casefold())
    )


def _evenly_spaced(value: dict[str, object], keys: dict[str, str]) -> dict[str, object]:
    """A command of one line as a shell reads it; in more lines, spaces and remarks may be part of a text."""
    found = _first(value, keys, _COMMANDS)
    if found is None or "\n" in found.strip():
        return value
    plain = _ASIDE.sub("", found) if "#" in found else found
    plain = _PART_SHOWN.sub(r"\1", " ".join(plain.split()))
    return {key: plain if item is found else item for key, item in value.items()}


def _without_echo(steadied: str, texts: tuple[str | None, ...]) -> str:
    """The error of an edit without the *texts* of that edit."""
    for text in texts:
        echo = steady(text) if text else ""
        if len(echo) >= _ECHO_CHARS and echo in steadied:
            first, *others = steadied.split(echo)
            steadied = "\0".join([first, *(other.lstrip() for other in others)])
    return steadied


def spelled(value: dict[Any, object]) -> dict[str, str]:
    """The keys of *value*, by how they are spelled without capitals and underscores."""
    return {key.replace("_", "").casefold(): key for key in value if isinstance(key, str)}


def without_remarks(
    value: dict[str, object], keys: dict[str, str], event: AgentEvent, *, runs: bool
) -> dict[str, object]:
    """What an agent only remarks on its call, and what only tells this call from others, is not part of it.

    Of a tool that is about requests, the id of a request is what it is about.

    Args:
        value: the arguments of *event*.
        keys: the same keys, as they are `spelled`.
        event: the call.
        runs: whether it runs a command, of which a description is a remark.
    """
    dropped = {
        key
        for name, key in keys.items()
        if name in _REMARKS
        or (runs and name in _REMARKS_ON_COMMANDS)
        or (name in _STAMPS and name.removesuffix("id") not in event.tool.casefold())
        or _is_now(value[key], name, event.at)
    }
    if not dropped or len(dropped) == len(value):
        return value
    return {key: item for key, item in value.items() if key not in dropped}


def _is_now(item: object, name: str, at: datetime | None) -> bool:
    """Whether an argument says when the call is made: that is another time each time.

    It is a number since 1970, and near *at*, or where that is not known, has the name of a moment.
    """
    if isinstance(item, str) and _SINCE_1970.fullmatch(item):
        item = float(item)
    if not isinstance(item, int | float) or not 1e9 < item < 3e18:
        return False
    seconds = next(item / unit for unit in (1, 1e3, 1e6, 1e9) if item / unit < _LATEST_S)
    if at is None or at.tzinfo is None:
        return seconds > _EARLIEST_S and _MOMENT.fullmatch(name) is not None
    return abs(at.timestamp() - seconds) < _CLOCKS_DIFFER_S


def _unordered(value: object) -> object:
    """A list of things to do is the same in any order."""
    if not isinstance(value, dict):
        return value
    return {
        key: sorted(map(text_of, item)) if isinstance(item, list) else item for key, item in value.items()
    }


def _changed(value: object, keys: dict[str, str], folder: str) -> tuple[int, int, int]:
    """Which file or thing a call changes, from what, to what; 0: that cannot be told."""
    after = _first(value, keys, _AFTER)
    if after is None:
        patch = value if isinstance(value, str) else _first(value, keys, _PATCHES)
        return _patched(patch) if patch else (_target(value, keys, folder), 0, 0)
    before = _first(value, keys, _BEFORE)
    return _target(value, keys, folder), digest(before) if before is not None else 0, digest(after)


def _patched(patch: str) -> tuple[int, int, int]:
    file = _PATCHED_FILE.search(patch, 0, _PATCH_CHARS)
    if file is None:
        return 0, 0, 0
    lines = patch[:_PATCH_CHARS].splitlines()
    removed = [line[1:] for line in lines if line.startswith("-") and not line.startswith("---")]
    added = [line[1:] for line in lines if line.startswith("+") and not line.startswith("+++")]
    return digest(file[1]), digest("\n".join(removed)), digest("\n".join(added))


def _target(value: object, keys: dict[str, str], folder: str) -> int:
    found = _first(value, keys, _TARGETS)
    return 0 if found is None else digest(_relative(found, folder))


def _first(value: object, keys: dict[str, str], names: tuple[str, ...]) -> str | None:
    """The first of these arguments that is text; a list of texts, as a command may be, counts as one."""
    if isinstance(value, dict):
        for name in names:
            found = value.get(keys[name]) if name in keys else None
            if isinstance(found, str):
                return found
            if isinstance(found, list) and found and all(isinstance(part, str) for part in found):
                return " ".join(found)
    return None


def _relative(text: str, folder: str) -> str:
    if folder and folder in text:
        text = text.replace(f"cd {folder} && ", "").replace(f"{folder}/", "")
    return text.removeprefix("./")
