"""What git says about a folder: which files count, which folders are ignored, and what decides it.

    GitRules.ask() -> listing                one `git ls-files`, inside the repository, or inside an empty
                                             stand-in repository where there is none or git refuses it
    GitRules.ignored(folders)                one `git check-ignore`, for folders that hold no listed file
    decisive_files(...)                      the files whose change can change the listing

git itself is asked because every other matcher that was measured differs from it somewhere.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from quarterdeck.index.disk.git import GitRefused, GitSilent, answer, upwards

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from quarterdeck.index.disk.git import Repository
    from quarterdeck.index.disk.scratch import Scratch


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
        return _ignored(self._git, self._at, self._root, folders)

    def _paths(self, *command: str) -> frozenset[str]:
        return _paths_in(answer(self._git, (*self._at, *command), self._root))


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
    return _ignored(git, at, work_tree, paths)


def _ignored(git: str, at: Sequence[str], folder: str, paths: Sequence[str]) -> frozenset[str]:
    """Those of *paths* that git ignores in *folder*, by the repository that the options *at* name."""
    # "./" keeps a name that starts with ":" from being read as pathspec magic. --no-index: with the
    # index, git compares every folder with every tracked file.
    command = (*at, "check-ignore", "-z", "--stdin", "--no-index")
    asked = os.fsencode("\0".join(f"./{path}" for path in paths))
    found = answer(git, command, folder, asked, may_find_nothing=True)
    return frozenset(path.removeprefix("./") for path in _paths_in(found))


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
    for folder in upwards(root):
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
        fields = os.fsdecode(answer(git, ("config", "--list", "--show-origin", "-z"), root)).split("\0")
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


def _paths_in(output: bytes) -> frozenset[str]:
    """The paths that git printed, each ended by NUL."""
    return frozenset(os.fsdecode(output).split("\0")[:-1])
