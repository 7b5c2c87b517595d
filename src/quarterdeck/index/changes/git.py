"""What git says has changed: files of the work tree that differ from a commit.

    one `git diff-index` ──candidates──> compared by content with the commit's blobs ──┐
    one `git ls-files --others` ──> files the commit does not have ────────────────────┴─> GitChange

`diff-index` trusts time stamps, so a file that was only touched is a candidate; what decides is its
content. Staged or not makes no difference: the work tree is what counts. Filters of the repository
are switched off by name, since they are programs.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.errors import UsageError
from quarterdeck.index.disk.blobs import blob_id
from quarterdeck.index.disk.git import GitRefused, answer, find_git, locate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class GitChange(NamedTuple):
    """One file that differs.

    Attributes:
        path: relative to the project's root.
        blob: git's id of its content in the commit; empty where the commit has no such file.
        content: git's id of its content now; empty where it is gone.
    """

    path: str
    blob: str
    content: str


_HERE = ("--relative", "--ignore-submodules=all")
"""Paths from the folder asked about; looking into a submodule would run git inside it."""


class Git:
    """git, asked about one folder, with everything off that could start a program of the repository's.

    Args:
        root: absolute folder; answers are about the part of the repository below it.

    Raises:
        UsageError: there is no git, or *root* is in no repository.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._program = find_git()
        if not self._program:
            raise UsageError("git is not on PATH", hint="install git, or name the files that have changed")
        if locate(root) is None:
            raise UsageError(f"{root} is in no git repository", hint="name the files that have changed")
        self._off: tuple[str, ...] = ()
        keys = (
            self._ask("config", "--list", "--name-only", "-z").decode("utf-8", "surrogateescape").split("\0")
        )
        names = {key[len("filter.") :].rpartition(".")[0] for key in keys if key.startswith("filter.")}
        if any("=" in name for name in names):
            raise UsageError(
                "this repository names a filter with '='; it cannot be switched off and is not run",
                hint="rename the filter in the git configuration",
            )
        for name in sorted(names):
            for setting in ("clean=", "smudge=", "process=", "required=false"):
                self._off += ("-c", f"filter.{name}.{setting}")

    def tree_of(self, revision: str) -> str:
        """Id of the tree that *revision* means; that of the empty tree for ``HEAD`` before the first commit.

        Raises:
            UsageError: git knows no such revision.
        """
        try:
            found = self._ask("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{tree}}")
        except UsageError:
            if revision != "HEAD":
                raise UsageError(
                    f"git knows no revision {revision!r}",
                    hint="name a commit, branch or tag; paths go before --changed",
                ) from None
            found = self._ask("hash-object", "-t", "tree", "--stdin", given=b"")
        return found.decode().strip()

    def changes_since(self, revision: str) -> list[GitChange]:
        """Every file that differs from *revision*, by path: changed, new, untracked or gone.

        Raises:
            UsageError: git knows no such revision, or refuses.
        """
        tree = self.tree_of(revision)
        fields = _fields(self._ask("diff-index", "--raw", "-z", "--no-abbrev", "--no-renames", *_HERE, tree))
        blobs = {path: _blob(line) for line, path in zip(fields, fields, strict=False)}
        for path in _fields(self._ask("ls-files", "-z", "--others", "--exclude-standard")):
            blobs.setdefault(path, "")
        found = [
            GitChange(path, blob, _content_id(os.path.join(self._root, path), len(tree)))
            for path, blob in sorted(blobs.items())
            if not path.endswith("/")
        ]
        return [change for change in found if change.blob != change.content]

    def contents(self, blobs: Sequence[str]) -> dict[str, bytes]:
        """The bytes of *blobs*, by id; what git does not have is left out. One process."""
        if not blobs:
            return {}
        answer = self._ask("cat-file", "--batch", given="".join(f"{blob}\n" for blob in blobs).encode())
        found = {}
        at = 0
        while at < len(answer):
            end = answer.index(b"\n", at)
            words = answer[at:end].split()
            at = end + 1
            if len(words) == 3 and words[1] == b"blob":
                size = int(words[2])
                found[words[0].decode()] = answer[at : at + size]
                at += size + 1
        return found

    def _ask(self, *command: str, given: bytes | None = None) -> bytes:
        try:
            return answer(self._program, (*self._off, *command), self._root, given)
        except GitRefused as refused:
            raise UsageError(
                f"git refused: {refused}", hint="run `git status` here and mend what it says"
            ) from None


def _fields(answer: bytes) -> Iterator[str]:
    return iter(answer.decode("utf-8", "surrogateescape").split("\0")[:-1])


def _blob(line: str) -> str:
    """The content's id before, of a raw line ``:old-mode new-mode old-id new-id status``; empty for none."""
    before = line.split(" ")[2]
    return before if before.strip("0") else ""


def _content_id(path: str, digits: int) -> str:
    """The id git would give the file *path* without any filter; empty when it cannot be read."""
    try:
        if os.path.islink(path):
            return blob_id(os.fsencode(os.readlink(path)), digits)
        if os.path.isfile(path):
            with open(path, "rb") as file:
                return blob_id(file.read(), digits)
    except OSError:
        return ""
    return ""
