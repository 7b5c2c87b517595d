"""Where a folder's repository is, and what git says when it is asked: the one place that runs it.

    find_git, locate(root)     the program; the repository around a folder; nothing is run
    answer(git, arguments)     what one command prints

Only commands that never run a hook, a filter, a file-system monitor or a pager are asked, with the
settings that could start one switched off, no shell, no standard input from the terminal and a time-out.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.index.disk.programs import find_program

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TIMEOUT_S = 60.0
"""How long one git command may take; a listing of 36,500 files takes 0.05 s."""

_HARMLESS = ("-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}", "--no-pager")


class GitRefused(Exception):
    """git could not answer; the text is its reason, in one line."""


class GitSilent(GitRefused):
    """git did not answer in time, and would not another time: a pipe named .gitignore, a dead mount.

    Attributes:
        output: what it printed until then.
    """

    def __init__(self, reason: str, output: bytes) -> None:
        super().__init__(reason, output)
        self.output = output

    def __str__(self) -> str:
        return str(self.args[0])


class Repository(NamedTuple):
    """Where a work tree keeps its git data; all paths are absolute.

    Attributes:
        top: the work tree's top folder.
        git_dir: holds the index; differs from ``common_dir`` in a linked worktree.
        common_dir: holds ``config`` and ``info/exclude``.
    """

    top: str
    git_dir: str
    common_dir: str


def locate(root: str) -> Repository | None:
    """The repository whose work tree holds *root* (absolute, resolved), nearest first."""
    for folder in upwards(root):
        git_dir = os.path.join(folder, ".git")
        try:
            if os.path.isfile(git_dir):
                git_dir = os.path.join(folder, _first_line(git_dir).removeprefix("gitdir: "))
            if not os.path.lexists(os.path.join(git_dir, "HEAD")):
                continue
            common = os.path.join(git_dir, "commondir")
            common_dir = os.path.join(git_dir, _first_line(common)) if os.path.isfile(common) else git_dir
        except (OSError, ValueError):
            continue
        return Repository(folder, os.path.normpath(git_dir), os.path.normpath(common_dir))
    return None


def find_git() -> str:
    """The absolute path of the git program; empty where there is none."""
    return find_program("git")


def upwards(folder: str) -> Iterator[str]:
    """*folder* and its parents, up to the file system's root."""
    while True:
        yield folder
        parent = os.path.dirname(folder)
        if parent == folder:
            return
        folder = parent


def answer(
    git: str,
    arguments: Sequence[str],
    folder: str,
    given: bytes | None = None,
    *,
    timeout_s: float | None = None,
    may_find_nothing: bool = False,
) -> bytes:
    """What ``git *arguments*`` prints when run in *folder*, by the rules of this module.

    Args:
        git: from `find_git`.
        arguments: a subcommand that runs no hook, filter, editor, pager, external diff or text conversion.
        folder: absolute.
        given: its standard input; None for none.
        timeout_s: after this many seconds it is stopped; None for `TIMEOUT_S`.
        may_find_nothing: an exit code of 1 means "nothing found", not a failure.

    Raises:
        GitSilent: it took longer than *timeout_s*; what it printed is in the exception.
        GitRefused: git failed.
    """
    import subprocess

    limit_s = TIMEOUT_S if timeout_s is None else timeout_s
    try:
        process = subprocess.Popen(  # noqa: S603 - an absolute program, fixed arguments, no shell
            [git, *_HARMLESS, *arguments],
            cwd=folder,
            env=_environment(),
            stdin=subprocess.DEVNULL if given is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    except OSError as error:
        raise GitRefused(error.strerror or str(error)) from error
    with process:
        try:
            output, complaint = process.communicate(given, timeout=limit_s)
        except subprocess.TimeoutExpired as late:
            process.kill()
            raise GitSilent(f"no answer within {limit_s:.0f} s", late.output or b"") from None
    if process.returncode and not (may_find_nothing and process.returncode == 1):
        raise GitRefused(_reason(os.fsdecode(complaint)))
    return output


def _first_line(path: str) -> str:
    with open(path, encoding="utf-8", errors="surrogateescape") as lines:
        return lines.readline(4096).rstrip("\r\n")


def _environment() -> dict[str, str]:
    """The process's own, less what would point git at another repository or make it write traces."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("GIT_") or k.startswith("GIT_CONFIG_")}
    return kept | {
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
    }


def _reason(stderr: str) -> str:
    """Git's complaint in a few printable words."""
    if "dubious ownership" in stderr:
        return "dubious ownership"
    lines = stderr.splitlines() or ["no reason given"]
    fatal = next((line for line in lines if line.startswith("fatal: ")), lines[-1])
    return ascii(fatal.removeprefix("fatal: ")[:200])[1:-1]
