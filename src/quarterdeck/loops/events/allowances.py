"""What may repeat, and how patient to be with it.

    polling    somebody waits: for a build, a job, a server. It may come out the same thirty times.
    stepping   each call moves something on that it does not name: the next page, a key pressed.
    change     something is different afterwards: what follows may repeat what came before.
    search     something is looked for: that it is not there is no news after a while.
    note       the agent's own list: what counts is what is on it.

A tool is known by its name, a command by its words. An unknown one is nothing of this.
"""

from __future__ import annotations

import enum
import re
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Role(enum.IntEnum):
    """What a call is for, as far as it matters to repetition."""

    OTHER = 0
    POLLING = 1
    STEPPING = 2
    CHANGE = 3
    SEARCH = 4
    NOTE = 5


_POLLING_TOOL = re.compile(
    r"(?:^|_)(?:wait|sleep|poll|watch|status|progress|health(?:check|z)?|heartbeat|ping|alive|ready|await)(?:_|$)"
    r"|^(?:bash_output|task_output|get_task|kill_shell|write_stdin|read_output|get_job|check_job|list_jobs|monitor)"
)
_STEPPING_TOOL = re.compile(
    r"(?:^|_)(?:next|scroll|press|key|keypress|click|tap|swipe|step|turn|advance|roll|page|move|tick|continue|type"
    r"|task|agent|subagent|spawn|delegate|dequeue|pop|claim)(?:_|$)"
)
_CHANGING_TOOL = re.compile(
    r"(?:^|_)(?:edit|write|create|update|replace|insert|patch|apply|delete|remove|move|rename|put|append|save|commit"
    r"|multiedit|notebookedit|str)(?:_|$)"
)
_NOTING_TOOL = re.compile(r"todo|(?:^|_)(?:plan|think|scratchpad|task_(?:tracker|list))(?:_|$)")
_SEARCHING_TOOL = re.compile(r"(?:^|_)(?:grep|search|glob|find|query|lookup|list|ls|match)(?:_|$)")
_WAITING_COMMAND = re.compile(
    r"(?:^|[;&|(\s])(?:sleep|wait|watch|timeout [0-9]+ tail|tail -f|until|inotifywait)\b"
    r"|\bgh (?:run|pr|workflow) (?:watch|view|list|checks|status)|\bglab (?:ci|pipeline)|\bkubectl (?:get|wait|rollout"
    r"|describe|logs|top)|\bdocker(?:[- ]compose)? (?:ps|logs|inspect|wait|stats)|\bcurl\b[^|;]*(?:health|status|ready"
    r"|ping|alive|localhost|127\.0\.0\.1)|\b(?:squeue|sacct|qstat|bjobs|nvidia-smi|pg_isready|pgrep|lsof|ss|netstat"
    r"|uptime)\b|\bnc -z|\bps (?:aux|-)|\bsystemctl (?:status|is-active)|\bjobs\b|\baws [a-z0-9-]+ (?:describe|wait"
    r"|get|list)-?|\bgcloud .*(?:describe|list)|\baz .* show|\bterraform (?:show|output)|\btail\b|\bping\b"
    r"|\b(?:status|poll|wait|progress|health)(?:\.sh|\.py)?\b(?<!git status)(?<!stash status)"
)
_CHANGING_COMMAND = re.compile(
    r"\bsed -i|\btee\b|(?<![0-9&=-])>{1,2}\s?[\w./~$\"']|<<|\bgit (?:commit|apply|mv|rm|checkout|restore|reset|stash|merge"
    r"|rebase|cherry-pick|revert|pull)\b|(?:^|[;&|]\s*)(?:mv|cp|rm|mkdir|touch|ln|chmod|patch|apply_patch)\b"
    r"|\b(?:pip|uv|npm|pnpm|yarn|cargo|apt-get|apt|brew|poetry|gem|go) (?:install|add|remove|uninstall|sync|i|get)\b"
)
_SEARCHING_COMMAND = re.compile(
    r"^(?:cd [^;&|]* && )?(?:ba|z)?(?:sh -l?c )?[\"']?(?:git grep|git ls-files|[ezf]?grep|rg|ag|ack|find|fd|locate|ls)\b"
)
_WORD_STARTS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+")


class Allowances:
    """Which calls may repeat: those known to, and those the user names.

    Args:
        polling: names of tools, or patterns of them such as ``*wait*``, that wait for something.
        batch: the same for tools that do one thing after another without naming it.
    """

    def __init__(self, polling: Iterable[str] = (), batch: Iterable[str] = ()) -> None:
        self._polling = tuple(pattern.casefold() for pattern in polling)
        self._batch = tuple(pattern.casefold() for pattern in batch)

    def role(self, tool: str, command: str) -> Role:
        """What a call of *tool* that runs *command* is for; the user's word goes before our guess."""
        if self._polling or self._batch:
            name = tool.casefold()
            if any(fnmatchcase(name, pattern) for pattern in self._polling):
                return Role.POLLING
            if any(fnmatchcase(name, pattern) for pattern in self._batch):
                return Role.STEPPING
        return _role(tool[:200], command)


@lru_cache(maxsize=512)
def _role(tool: str, command: str) -> Role:
    name = _WORD_STARTS.sub("_", tool).casefold()
    if _NOTING_TOOL.search(name):
        return Role.NOTE
    changes = _CHANGING_TOOL.search(name)
    if command and " " not in command and changes:  # an editor, told by a word what to do
        return Role.OTHER if command in {"view", "read"} else Role.CHANGE
    if command and not changes:
        return _role_of_command(command)
    if _POLLING_TOOL.search(name):
        return Role.POLLING
    if changes:
        return Role.CHANGE
    if _SEARCHING_TOOL.search(name):
        return Role.SEARCH
    return Role.STEPPING if _STEPPING_TOOL.search(name) else Role.OTHER


def _role_of_command(command: str) -> Role:
    if _WAITING_COMMAND.search(command):
        return Role.POLLING
    if _CHANGING_COMMAND.search(command):
        return Role.CHANGE
    return Role.SEARCH if _SEARCHING_COMMAND.match(command) else Role.OTHER
