"""Where the scripts of loops and of honest repetition play: tools in six tongues, real files, small talk.

    Material    files of the running Python's standard library; what reading and searching them yields is real
    Toolset     how one coding agent calls its tools and writes down what came of it
    Stage       both, with dice; the toolsets, errors and words are dealt out to two halves

The names of tools and the keys of arguments are those that the agents' public documentation gives.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from bench.corpora import standard_library
from quarterdeck.loops.events.model import AgentEvent

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

FILES = 60
LEAST_LINES = 400


Look = Callable[[], AgentEvent]
"""A call that can be made again; only how long it took differs."""


class SourceFile(NamedTuple):
    """A real file, by the path that the scripts give it, with names that occur in it."""

    path: str
    lines: tuple[str, ...]
    words: tuple[str, ...]


class Toolset(NamedTuple):
    """The tools of one coding agent.

    Attributes:
        read, search, folder, edit, shell, todo, helper, web: their names; one may stand for several.
        path, old, new: keys of arguments.
        missing: what a failed edit says, with ``{path}`` and ``{old}``.
        edited: what an edit says that worked, with ``{path}``.
        nothing: what a search says that found nothing.
        listed: what a new list of things to do is answered with.
        by_shell: whether reading, searching and listing are commands of the shell.
        is_measured: whether what the shell says comes with how long it took.
    """

    name: str
    read: str
    search: str
    folder: str
    edit: str
    shell: str
    todo: str
    helper: str
    web: str
    path: str
    old: str
    new: str
    missing: str
    edited: str
    nothing: str
    listed: str
    by_shell: bool = False
    is_measured: bool = False


_DEVELOPMENT = (
    Toolset(
        name="claude-code", read="Read", search="Grep", folder="LS", edit="Edit", shell="Bash",
        todo="TodoWrite", helper="Task", web="WebSearch",
        path="file_path", old="old_string", new="new_string",
        missing="String to replace not found in file.\nString: {old}",
        edited="The file {path} has been updated.",
        nothing="No files found",
        listed="Todos have been modified successfully.",
    ),
    Toolset(
        name="codex", read="shell", search="shell", folder="shell", edit="apply_patch", shell="shell",
        todo="update_plan", helper="delegate", web="web_search",
        path="path", old="from", new="to",
        missing="apply_patch verification failed: Failed to find expected lines in {path}:\n{old}",
        edited="Success. Updated the following files:\nM {path}",
        nothing="",
        listed="Plan updated",
        by_shell=True, is_measured=True,
    ),
    Toolset(
        name="mcp", read="fs_read_file", search="fs_search", folder="fs_list_directory", edit="fs_edit_file",
        shell="terminal_run", todo="plan_set", helper="spawn_agent", web="browser_search",
        path="path", old="oldText", new="newText",
        missing='{{"error": {{"code": -32602, "message": "Could not find exact match for edit"}}}}',
        edited='{{"ok": true, "path": "{path}"}}',
        nothing="[]",
        listed='{"ok": true}',
        is_measured=True,
    ),
)  # fmt: skip
_HELD_OUT = (
    Toolset(
        name="gemini-cli", read="read_file", search="search_file_content", folder="list_directory",
        edit="replace", shell="run_shell_command", todo="write_todos", helper="codebase_investigator",
        web="google_web_search",
        path="absolute_path", old="old_string", new="new_string",
        missing="Failed to edit, could not find the string to replace. 0 occurrences found in {path}",
        edited="Successfully modified file: {path} (1 replacements).",
        nothing="No matches found for pattern",
        listed="Successfully updated the todo list.",
        is_measured=True,
    ),
    Toolset(
        name="openhands", read="str_replace_editor", search="execute_bash", folder="execute_bash",
        edit="str_replace_editor", shell="execute_bash", todo="task_tracker", helper="delegate_task",
        web="browser_search",
        path="path", old="old_str", new="new_str",
        missing="No replacement was performed, old_str `{old}` did not appear verbatim in {path}.",
        edited="The file {path} has been edited.",
        nothing="",
        listed="Task list has been updated.",
        by_shell=True,
    ),
    Toolset(
        name="opencode", read="read", search="grep", folder="list", edit="edit", shell="bash",
        todo="todowrite", helper="task", web="websearch",
        path="filePath", old="oldString", new="newString",
        missing="oldString not found in content",
        edited="Edit applied successfully to {path}.",
        nothing="No files found",
        listed="The list was written.",
        is_measured=True,
    ),
)  # fmt: skip

_TALK = (
    (
        "Let me look at that once more.", "I'll check {thing} again.", "Let me verify {thing}.",
        "Hmm, one moment.", "I need to see what {thing} does.", "Now let me try this.",
        "Let me see whether that worked.",
    ),
    (
        "Checking {thing} to be sure.", "I should take another look at {thing}.", "Trying again.",
        "On it.", "Perhaps {thing} is the reason; looking.", "Next I will inspect {thing}.",
        "That is odd. Looking closer.",
    ),
)  # fmt: skip


class Stage:
    """One draw: a toolset, and dice that decide everything else."""

    def __init__(self, dice: random.Random, files: Sequence[SourceFile], *, is_held_out: bool) -> None:
        self.dice = dice
        self.files = files
        self.is_held_out = is_held_out
        self.tools = dice.choice(_HELD_OUT if is_held_out else _DEVELOPMENT)

    def one_of(self, development: Sequence[Any], held_out: Sequence[Any]) -> Any:  # noqa: ANN401 - of any kind
        """Something of this half."""
        return self.dice.choice(held_out if self.is_held_out else development)

    def file(self) -> SourceFile:
        """Any real file."""
        return self.dice.choice(self.files)

    def word(self, file: SourceFile) -> str:
        """A name that the file really has."""
        return self.dice.choice(file.words)

    def said(self) -> AgentEvent:
        """A short message of the agent."""
        thing = self.word(self.file())
        return AgentEvent.said(self.dice.choice(_TALK[self.is_held_out]).format(thing=thing))

    def shell(self, command: str, output: str, *, failed: bool = False) -> AgentEvent:
        """A command with what it printed."""
        tools, code = self.tools, int(failed)
        given: Any = {"command": ["bash", "-lc", command]} if tools.name == "codex" else {"command": command}
        outcome: Any = output
        if tools.is_measured:
            took = round(self.dice.uniform(0.05, 9.0), 2)
            outcome = {
                "codex": json.dumps(
                    {
                        "output": output,
                        "metadata": {"exit_code": code, "duration_seconds": took},
                    }
                ),
                "mcp": {"stdout": output, "exitCode": code, "durationMs": int(took * 1000)},
            }.get(tools.name, f"{output}\n[exit code {code} after {took}s]")
        return AgentEvent.call(tools.shell, given, outcome, failed=failed)

    def read(self, file: SourceFile, first: int, count: int) -> AgentEvent:
        """Lines of a real file, from line *first* (1 is the first)."""
        lines = file.lines[first - 1 : first - 1 + count]
        text = "\n".join(f"{number:6}\t{line}" for number, line in enumerate(lines, first))
        tools = self.tools
        if tools.name == "codex":
            return self.shell(f"sed -n '{first},{first + count - 1}p' {file.path}", "\n".join(lines))
        if tools.name == "openhands":
            given: dict[str, Any] = {"command": "view", "path": file.path}
            given["view_range"] = [first, first + count - 1]
        else:
            given = {tools.path: file.path, "offset": first, "limit": count}
        return AgentEvent.call(tools.read, given, text, failed=False)

    def search(self, pattern: str, file: SourceFile | None) -> AgentEvent:
        """Lines of a real file with *pattern* in them, at most 20; None: it is searched for in vain."""
        lines = () if file is None else file.lines
        found = [f"{n}:{line}" for n, line in enumerate(lines, 1) if pattern in line][:20]
        where = "src" if file is None else file.path
        if self.tools.by_shell:
            return self.shell(f"rg -n {json.dumps(pattern)} {where}", "\n".join(found), failed=not found)
        outcome = "\n".join(found) or self.tools.nothing
        return AgentEvent.call(self.tools.search, {"pattern": pattern, "path": where}, outcome, failed=False)

    def folder(self, path: str, names: Sequence[str]) -> AgentEvent:
        """What lies in a folder."""
        if self.tools.by_shell:
            return self.shell(f"ls {path}", "\n".join(names))
        return AgentEvent.call(self.tools.folder, {"path": path}, "\n".join(names), failed=False)

    def edit(self, path: str, old: str, new: str, *, missing: bool = False) -> AgentEvent:
        """A replacement in a file, which works unless *missing*."""
        tools = self.tools
        given: Any = {tools.path: path, tools.old: old, tools.new: new}
        if tools.name == "codex":
            given = {"input": f"*** Begin Patch\n*** Update File: {path}\n-{old}\n+{new}\n*** End Patch"}
        elif tools.name == "openhands":
            given = {"command": "str_replace", **given}
        outcome = (tools.missing if missing else tools.edited).format(path=path, old=old)
        return AgentEvent.call(tools.edit, given, outcome, failed=missing)

    def todo(self, items: Sequence[tuple[str, str]]) -> AgentEvent:
        """A list of things to do, each with its status."""
        keys = {
            "codex": ("plan", "step"),
            "gemini-cli": ("todos", "description"),
            "openhands": ("task_list", "title"),
        }.get(self.tools.name, ("todos", "content"))
        given = {keys[0]: [{keys[1]: text, "status": status} for text, status in items]}
        return AgentEvent.call(self.tools.todo, given, self.tools.listed, failed=False)

    def look(self) -> Look:
        """Something that only looks: reading, searching or listing, with what there really is."""
        file = self.file()
        first, count = self.dice.randrange(1, len(file.lines) - 60), self.dice.randint(20, 60)
        word, names = self.word(file), sorted(each.path for each in self.dice.sample(self.files, 8))
        ways: list[Look] = [
            lambda: self.read(file, first, count),
            lambda: self.search(word, file),
            lambda: self.folder(names[0].rpartition("/")[0], names),
            lambda: self.shell(f"wc -l {file.path}", f"{len(file.lines)} {file.path}"),
        ]
        return self.dice.choice(ways)

    def looks(self, count: int) -> list[Look]:
        """So many, no two of them the same call."""
        found: dict[str, Look] = {}
        while len(found) < count:
            look = self.look()
            event = look()
            found[f"{event.tool}{event.arguments}"] = look
        return list(found.values())

    def clock(self) -> str:
        """A moment, as logs write it."""
        dice = self.dice
        day, hour, minute, second = dice.randint(1, 28), *(dice.randrange(each) for each in (24, 60, 60))
        return f"2026-11-{day:02}T{hour:02}:{minute:02}:{second:02}Z"

    def hexadecimal(self, digits: int) -> str:
        """An id as machines make them."""
        return f"{self.dice.getrandbits(4 * digits):0{digits}x}"


def material() -> list[SourceFile]:
    """Long files of the standard library."""
    found = []
    for path in sorted(standard_library().glob("*.py")):
        lines = tuple(path.read_text(encoding="utf-8", errors="replace").splitlines())
        if len(lines) >= LEAST_LINES:
            words = sorted(set(re.findall(r"\b[a-z]\w{5,}\b", "\n".join(lines))))
            found.append(SourceFile(f"src/{path.name}", lines, tuple(words)))
    return found[:FILES]
