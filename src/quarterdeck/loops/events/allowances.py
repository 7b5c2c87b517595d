"""What may repeat, and how patient to be with it.

    polling    somebody waits: for a build, a job, a server. It may come out the same thirty times.
    stepping   each call moves something on that it does not name: the next page, a key pressed.
    change     something is different afterwards: what follows may repeat what came before.
    search     something is looked for: that it is not there is no news after a while.
    note       the agent's own list: what counts is what is on it.
    reading    what comes back is somebody's text: that it tells of errors is no failure; of a search as well.

A tool is known by the words of its name, a command by its programs and what they are told to do. An unknown
one is nothing of this.
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
    READING = 6


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_NAME_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
_TOOLS_THAT_WAIT = _words("wait sleep poll watch heartbeat ping alive ready await stdin")
# The first of these that shares a word with the tool's name says what it is for.
_TOOLS = (
    (Role.NOTE, _words("todo todos todowrite todoread plan think scratchpad tracker")),
    (Role.POLLING, _TOOLS_THAT_WAIT),
    (
        Role.CHANGE,
        _words(
            "edit multiedit write create update replace insert patch apply delete remove rename put append"
            " save commit str set add"
        ),
    ),
    (Role.SEARCH, _words("grep search glob find query lookup list ls match websearch")),
    (Role.POLLING, _words("status progress health healthcheck monitor output")),
    (Role.READING, _words("read view cat fetch webfetch notebookread")),
    (
        Role.STEPPING,
        _words(
            "next scroll press key keypress click tap swipe step turn advance roll page move tick continue"
            " type task agent subagent spawn delegate dequeue pop claim"
        ),
    ),
)
_LOOKS = _words(
    "get show check describe inspect count info stat stats summary summarize explain verify validate"
)
_EDITOR_LOOKS = _words("view read open")

_QUOTED = re.compile(
    r"<<-?\s*(['\"]?)(\w+)\1([^\n]*).*?(?:^\s*\2$|\Z)|'[^']*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL | re.MULTILINE
)
_PART_ENDS = re.compile(r"[;&\n()]+")
_IN_FRONT = _words(
    "sudo env time nohup nice timeout command exec while until if ! do then else"
    " bash sh zsh -c -lc -l -e -x -n"
)
_WAITING = _words("sleep wait watch inotifywait wait-for-it wait-on")
_ASKING_ALWAYS = _words(
    "squeue sacct qstat bjobs nvidia-smi pg_isready pgrep lsof ss netstat uptime ping jobs top ps"
)
_SAYS_NOTHING = _words("cd echo printf date true : set export source done fi clear")
_WAITS_OUTRIGHT = re.compile(r"(?:^|[\s;&(])(?:sleep|wait|watch|until|inotifywait|--wait)\b|\btail -[fF]\b")
_ASKING = {
    "gh": _words("watch checks status run workflow"),
    "glab": _words("ci pipeline job"),
    "kubectl": _words("get wait rollout describe logs top"),
    "docker": _words("ps logs inspect wait stats"),
    "docker-compose": _words("ps logs"),
    "podman": _words("ps logs inspect wait stats"),
    "systemctl": _words("status is-active"),
    "supervisorctl": _words("status"),
    "terraform": _words("show output"),
    "nc": _words("-z -zv -vz"),
    "tail": _words("-f -F"),
    "argocd": _words("get wait"),
    "helm": _words("status"),
    "fly": _words("status logs"),
    "vercel": _words("inspect logs"),
    "heroku": _words("ps logs"),
}
_CLOUDS = _words("aws gcloud az")
_CLOUD_ASKS = re.compile(r" (?:describe|wait|get|list|show)\b")
_ASKS_A_SERVER = re.compile(
    r"health|status|ready|ping\b|alive|(?:localhost|127\.0\.0\.1)(?::[0-9]+)?/?(?:\s|$)|/(?:jobs?|builds?|runs?)/"
)
_SCRIPT_ASKS = re.compile(r"(?:^|[/_-])(?:status|poll|wait|progress|health)(?:[_-]\w+)?(?:\.(?:sh|py|js))?$")
_SHELL_IS_TOLD = _words("-c -lc -ic eval watch timeout ssh")
_INTERPRETERS = _words("python python3 node ruby perl")
_CHANGES = _words("mv cp rm mkdir touch ln chmod patch apply_patch tee truncate")
_CHANGES_BY = {
    "git": _words(
        "commit apply am mv rm checkout restore reset stash merge rebase cherry-pick revert pull add switch"
        " clone bisect"
    ),
    "kubectl": _words("apply create delete edit patch replace restart scale set undo"),
    **dict.fromkeys(
        ("docker", "docker-compose", "podman"), _words("build run rm rmi up down start stop restart")
    ),
    **dict.fromkeys(("systemctl", "supervisorctl", "service"), _words("start stop restart reload")),
    "terraform": _words("apply destroy"),
    "helm": _words("install upgrade uninstall rollback"),
    "alembic": _words("upgrade downgrade"),
    "sed": _words("-i"),
    "perl": _words("-i -pi"),
    **dict.fromkeys(
        (
            "pip",
            "pip3",
            "uv",
            "npm",
            "pnpm",
            "yarn",
            "cargo",
            "apt",
            "apt-get",
            "brew",
            "poetry",
            "gem",
            "go",
        ),
        _words("install add remove uninstall sync i get ci"),
    ),
}
_WRITES_TO_A_FILE = re.compile(r"(?<![0-9&=<-])>{1,2}\s?(?!/dev/null|[&>=\s])")
_SEARCHES = _words("grep egrep zgrep rg ag ack find fd locate ls")
_READS = _words("cat head tail less more sed awk bat nl jq strings journalctl")


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
        """What a call of *tool* that runs *command* is for; the user's word goes before our guess.

        *tool* is its name, and behind a space what it is told to do, if that is one of its arguments.
        """
        if self._polling or self._batch:
            if _is_one_of(self._polling, tool):
                return Role.POLLING
            if _is_one_of(self._batch, tool):
                return Role.STEPPING
        role = _role_of_tool(tool[:200])
        if not command or role is Role.NOTE:
            return role
        if role is Role.CHANGE and " " not in command:  # an editor that is told by one word what to do
            return Role.READING if command in _EDITOR_LOOKS else role
        return role if role is Role.CHANGE else _role_of_command(command)

    def waits_outright(self, tool: str, command: str) -> bool:
        """Whether a call that polls says that it waits: then it may also fail again and again."""
        return (
            _is_one_of(self._polling, tool)
            or not _TOOLS_THAT_WAIT.isdisjoint(_words_of_name(tool[:200]))
            or _WAITS_OUTRIGHT.search(command) is not None
        )


def _is_one_of(patterns: tuple[str, ...], tool: str) -> bool:
    name = tool.partition(" ")[0].casefold()
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def only_looks(tool: str) -> bool:
    """Whether the name of *tool* says that it leaves everything as it is."""
    return not _LOOKS.isdisjoint(_words_of_name(tool[:200]))


@lru_cache(maxsize=256)
def _words_of_name(tool: str) -> frozenset[str]:
    return frozenset(word.casefold() for word in _NAME_WORD.findall(tool))


@lru_cache(maxsize=256)
def _role_of_tool(tool: str) -> Role:
    words = _words_of_name(tool)
    return next((role for role, known in _TOOLS if not known.isdisjoint(words)), Role.OTHER)


@lru_cache(maxsize=256)
def _role_of_command(command: str) -> Role:
    """Waiting before changing before asking before searching; what stands behind a pipe only reads."""
    if "'" in command or '"' in command or "<<" in command:
        command = _QUOTED.sub(_unquoted, command)
    roles = {Role.CHANGE} if ">" in command and _WRITES_TO_A_FILE.search(command) else set[Role]()
    for part in _PART_ENDS.split(command):
        words = part.partition("|")[0].split()
        while words and (words[0].strip("\"'") in _IN_FRONT or "=" in words[0] or words[0][0].isdigit()):
            del words[0]
        if words and words[0] not in _SAYS_NOTHING:
            roles.add(_role_of_part(words[0].strip("\"'").rpartition("/")[2], words, part))
    if Role.POLLING in roles and (_WAITS_OUTRIGHT.search(command) or roles == {Role.POLLING}):
        return Role.POLLING
    return next((role for role in (Role.CHANGE, Role.SEARCH, Role.READING) if role in roles), Role.OTHER)


def _role_of_part(program: str, words: list[str], part: str) -> Role:
    if program in _WAITING or program in _ASKING_ALWAYS or _asks(program, words, part):
        return Role.POLLING
    if program in _CHANGES or not _CHANGES_BY.get(program, frozenset()).isdisjoint(words):
        return Role.CHANGE
    if program in _SEARCHES or words[:2] == ["git", "grep"]:
        return Role.SEARCH
    return Role.READING if program in _READS else Role.OTHER


def _unquoted(quoted: re.Match[str]) -> str:
    """What a shell runs of a quoted text: nothing, unless it is a command for another shell."""
    if quoted[0][0] == "<":
        return f" _ {quoted[3]}\n"
    before = quoted.string[: quoted.start()].split()[-1:]
    return quoted[0][1:-1] if before and before[0] in _SHELL_IS_TOLD else " _ "


def _asks(program: str, words: list[str], part: str) -> bool:
    if not _ASKING.get(program, frozenset()).isdisjoint(words):
        return True
    if program == "curl":
        return _ASKS_A_SERVER.search(part) is not None
    if program in _CLOUDS:
        return _CLOUD_ASKS.search(part) is not None
    return any(_SCRIPT_ASKS.search(word) for word in words[: 1 + (program in _INTERPRETERS)])
