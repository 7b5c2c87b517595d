"""What git says about a folder: which files count, which folders are ignored, and what decides it.

    locate(root)   -> Repository | None      looks for .git upwards; reads, runs nothing
    GitRules.ask() -> listing                one `git ls-files`, inside the repository, or inside an empty
                                             stand-in repository where there is none or git refuses it
    GitRules.ignored(folders)                one `git check-ignore`, for folders that hold no listed file
    decisive_files(...)                      the files whose change can change the listing

git itself is asked because every other matcher that was measured differs from it somewhere. Only
commands that never run a hook, a filter, a file-system monitor or a pager are used, with the
settings that could start one switched off, no shell, no standard input from the terminal and a time-out.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterable, Iterator, Sequence

    from quarterdeck.index.disk.scratch import Scratch

TIMEOUT_S = 60.0
"""How long one git command may take; a listing of 36,500 files takes 0.05 s."""

_HARMLESS = ("-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}", "--no-pager")


class GitRefused(Exception):
    """git could not answer; the text is its reason, in one line."""


class GitSilent(GitRefused):
    """git did not answer in time, and would not another time: a pipe named .gitignore, a dead mount."""


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
    for folder in _upwards(root):
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
    """The absolute path of the git program; empty where there is none.

    A match on a relative PATH entry is refused: it could come from the folder that is being read.
    """
    import shutil

    found = shutil.which("git") or ""
    return found if os.path.isabs(found) else ""


class Answer(NamedTuple):
    """What git printed; ``cut``: time ran out, and what it printed until then is all there is."""

    output: bytes
    cut: bool


def answer(git: str, arguments: Sequence[str], folder: str, *, timeout_s: float = TIMEOUT_S) -> Answer:
    """What ``git ARGUMENTS`` prints in *folder*, run as harmlessly as the listing is.

    Args:
        git: from `find_git`.
        arguments: of a command that runs no hook, filter, external diff or text conversion.
        folder: where it runs.
        timeout_s: after this many seconds it is stopped.

    Raises:
        GitRefused: git failed.
    """
    import subprocess

    with _start(git, arguments, folder) as process:
        try:
            output, complaint = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired as late:
            process.kill()
            return Answer(late.output or b"", True)
    if process.returncode:
        raise GitRefused(_reason(os.fsdecode(complaint)))
    return Answer(output, False)


class GitRules:
    """git's answers about one folder.

    Attributes:
        note: why the repository's own answer could not be used, for the user; mostly empty.
    """

    def __init__(self, git: str, root: str, repository: Repository | None) -> None:
        self.note = ""
        self._git = git
        self._root = root
        self._repository = repository
        self._at: tuple[str, ...] = ()

    def ask(self, scratch: Scratch) -> frozenset[str]:
        """Every file that counts, relative to the root; a nested repository as ``path/``.

        Tracked files are in it though ignored or gone from disk; a submodule is in it by its path.

        Args:
            scratch: where the stand-in repository goes, if there is need of one.

        Raises:
            GitRefused: git cannot even list the untracked files of a plain folder.
        """
        if self._repository is not None:
            try:
                listed = self._paths("ls-files", "-z", "--cached", "--others", "--exclude-standard")
                if listed or not self._is_ignored_itself():
                    return listed
                top = self._repository.top
                self.note = f"ignored by the repository in {top!a}: read as a folder of its own"
                self._repository = None
            except GitSilent:
                raise
            except GitRefused as refused:
                self.note = f"tracked-but-ignored files are unknown: git refused ({refused})"
        top, exclude = self._root, b""
        if self._repository is not None:
            top = self._repository.top
            exclude = _read(os.path.join(self._repository.common_dir, "info", "exclude"))
        self._at = (f"--git-dir={_stand_in(scratch, exclude)}", f"--work-tree={top}")
        return self._paths("ls-files", "-z", "--others", "--exclude-standard")

    def _is_ignored_itself(self) -> bool:
        assert self._repository is not None
        return self._root != self._repository.top and bool(self.ignored(["."]))

    def ignored(self, folders: Sequence[str]) -> frozenset[str]:
        """Those of *folders* (relative, none holding a tracked file) that git ignores."""
        # "./" keeps a name that starts with ":" from being read as pathspec magic. --no-index: with the
        # index, git compares every folder with every tracked file.
        answer = self._paths(
            "check-ignore", "-z", "--stdin", "--no-index", given=[f"./{name}" for name in folders]
        )
        return frozenset(name.removeprefix("./") for name in answer)

    def _paths(self, *command: str, given: Sequence[str] | None = None) -> frozenset[str]:
        return _paths(_start(self._git, (*self._at, *command), self._root), given)


def matching(git: str, patterns: Sequence[str], paths: Sequence[str], scratch: Scratch) -> frozenset[str]:
    """Those of *paths* that gitignore-style *patterns* match, by git's own matcher.

    No other ignore file has a say. A path that ends in ``/`` is a folder.

    Args:
        git: from `find_git`.
        patterns: as lines of a .gitignore at the root.
        paths: relative, POSIX; they need not exist.
        scratch: where the stand-in repository goes.

    Raises:
        GitRefused: git failed or took longer than `TIMEOUT_S`.
    """
    stand_in = _stand_in(scratch, os.fsencode("\n".join(patterns) + "\n"))
    work_tree = os.path.join(stand_in, "refs")  # any empty folder: the paths need not exist
    at = (f"--git-dir={stand_in}", f"--work-tree={work_tree}", "-c", f"core.excludesFile={os.devnull}")
    process = _start(git, (*at, "check-ignore", "-z", "--stdin", "--no-index"), work_tree)
    return frozenset(path.removeprefix("./") for path in _paths(process, [f"./{path}" for path in paths]))


def decisive_files(git: str, root: str, repository: Repository | None) -> tuple[str, ...]:
    """Absolute paths, sorted, of files outside the listing whose change can change it.

    They need not exist: their creation matters as well. Ignore files in the folders below *root*
    are not among them.
    """
    found = set(_global_config_files())
    top = root if repository is None else repository.top
    if repository is not None:
        found.update(os.path.join(repository.git_dir, name) for name in ("index", "config.worktree"))
        found.update(os.path.join(repository.common_dir, name) for name in ("config", "info/exclude"))
    for folder in _upwards(root):
        if folder != root and repository is not None:
            found.add(os.path.join(folder, ".gitignore"))
        if folder == top and repository is not None:
            break
        if folder != root:  # a repository that comes to life here would change the rules
            found.add(os.path.join(folder, ".git"))

    excludes_file = os.path.join(_config_home(), "git", "ignore")
    for origin, key, value in _settings(git, root):
        source = os.path.join(top, origin)
        found.add(source)
        if key == "core.excludesfile":
            excludes_file = os.path.join(top, os.path.expanduser(value))
        elif key == "include.path" or (key.startswith("includeif.") and key.endswith(".path")):
            found.add(os.path.join(os.path.dirname(source), os.path.expanduser(value)))
    found.add(excludes_file)
    return tuple(sorted(os.path.normpath(path) for path in found))


def _upwards(folder: str) -> Iterator[str]:
    """*folder* and its parents, up to the file system's root."""
    while True:
        yield folder
        parent = os.path.dirname(folder)
        if parent == folder:
            return
        folder = parent


def _first_line(path: str) -> str:
    with open(path, encoding="utf-8", errors="surrogateescape") as lines:
        return lines.readline(4096).rstrip("\r\n")


def _read(path: str) -> bytes:
    try:
        if os.path.isfile(path):
            with open(path, "rb") as file:
                return file.read()
    except OSError:
        return b""
    return b""


def _config_home() -> str:
    return os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")


def _global_config_files() -> Iterator[str]:
    if "GIT_CONFIG_NOSYSTEM" not in os.environ:
        yield os.environ.get("GIT_CONFIG_SYSTEM") or "/etc/gitconfig"
    if "GIT_CONFIG_GLOBAL" in os.environ:
        yield os.environ["GIT_CONFIG_GLOBAL"]
    else:
        yield os.path.expanduser("~/.gitconfig")
        yield os.path.join(_config_home(), "git", "config")


def _settings(git: str, root: str) -> Iterator[tuple[str, str, str]]:
    """(file, key, value) of each setting in force, weakest first; nothing where git is missing or refuses."""
    if not git:
        return
    with contextlib.suppress(GitRefused):
        answer = _finish(_start(git, ("config", "--list", "--show-origin", "-z"), root), None)
        fields = os.fsdecode(answer).split("\0")
        for origin, setting in zip(fields[::2], fields[1::2], strict=False):
            key, _, value = setting.partition("\n")
            if origin.startswith("file:"):
                yield origin.removeprefix("file:"), key.lower(), value


def _stand_in(scratch: Scratch, exclude: bytes) -> str:
    """An empty repository in *scratch*, with *exclude* as its own ignore rules; returns its folder."""
    try:
        git_dir = scratch.folder()
        for part in ("objects", "refs", "info"):
            os.mkdir(os.path.join(git_dir, part))
        for name, content in (("HEAD", b"ref: refs/heads/none\n"), ("info/exclude", exclude)):
            with open(os.path.join(git_dir, name), "wb") as file:
                file.write(content)
    except OSError as error:
        raise GitRefused(f"there is no room for temporary files: {error.strerror or error}") from error
    return git_dir


def _environment() -> dict[str, str]:
    """The process's own, less what would point git at another repository or make it write traces."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("GIT_") or k.startswith("GIT_CONFIG_")}
    return kept | {
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
    }


def _start(git: str, arguments: Sequence[str], folder: str) -> subprocess.Popen[bytes]:
    import subprocess

    try:
        return subprocess.Popen(  # noqa: S603 - an absolute program, fixed arguments, no shell
            [git, *_HARMLESS, *arguments],
            cwd=folder,
            env=_environment(),
            stdin=subprocess.PIPE if {"--stdin", "--batch"} & set(arguments) else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    except OSError as error:
        raise GitRefused(error.strerror or str(error)) from error


def _finish(process: subprocess.Popen[bytes], given: bytes | None) -> bytes:
    import subprocess

    with process:
        try:
            out, err = process.communicate(given, timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise GitSilent(f"no answer within {TIMEOUT_S:.0f} s") from None
    # check-ignore exits with 1 where nothing matches.
    if process.returncode > 1 or process.returncode < 0 or (process.returncode == 1 and given is None):
        raise GitRefused(_reason(os.fsdecode(err)))
    return out


def answer_of(git: str, arguments: Sequence[str], folder: str, given: bytes | None = None) -> bytes:
    """What ``git *arguments*`` prints when run in *folder*, by the rules of this module.

    Args:
        git: from `find_git`.
        arguments: a subcommand that runs no hook, filter, editor or pager.
        folder: absolute.
        given: its standard input, for a subcommand with ``--stdin`` or ``--batch``.

    Raises:
        GitRefused: git failed, or took longer than `TIMEOUT_S`.
    """
    process = _start(git, arguments, folder)
    answer = _finish(process, given)
    if process.returncode:
        raise GitRefused(f"git ended with {process.returncode}")
    return answer


def _paths(process: subprocess.Popen[bytes], given: Iterable[str] | None) -> frozenset[str]:
    question = None if given is None else os.fsencode("\0".join(given))
    answer = os.fsdecode(_finish(process, question)).split("\0")
    answer.pop()
    return frozenset(answer)


def _reason(stderr: str) -> str:
    """Git's complaint in a few printable words."""
    if "dubious ownership" in stderr:
        return "dubious ownership"
    lines = stderr.splitlines() or ["no reason given"]
    fatal = next((line for line in lines if line.startswith("fatal: ")), lines[-1])
    return ascii(fatal.removeprefix("fatal: ")[:200])[1:-1]
