"""Which files belong to a code base: exactly those that git would list.

    locate -> git ls-files -> one scandir walk over the folders git does not ignore -> minus `exclude`

The walk tells files from symlinks, finds the empty folders and drops what is listed but gone. Outside
a repository, and where git refuses the repository, an empty stand-in repository lends git's rules to
the plain folder. Only where there is no git program does ignore-python stand in for it; it differs
from git where a pattern holds braces, POSIX classes, an unclosed bracket, a trailing tab or bytes that
are not UTF-8, and the notes say so.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, NamedTuple, Protocol

from quarterdeck.errors import NothingToRead
from quarterdeck.index.disk.git import GitRefused, GitSilent, Repository, find_git, locate
from quarterdeck.index.disk.git_rules import GitRules, decisive_files, matching
from quarterdeck.index.disk.scratch import Scratch
from quarterdeck.words import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ignore import Walk

_NEVER = frozenset((".git", ".quarterdeck"))
"""Names that are never part of a code base, at any depth: git's own data and ours."""

_NESTED, _NESTEDS = "submodule or nested repository", "submodules or nested repositories"


class Discovery(NamedTuple):
    """What belongs to a code base, and what must be watched to know that it still does.

    Paths are relative to the root, POSIX, sorted; bytes that are not UTF-8 are surrogate escapes.

    Attributes:
        files: regular files.
        symlinks: path -> target as written; listed, never followed.
        folders: every folder that is not ignored, ``"."`` and empty ones included: a new file
            changes the time stamp of its own folder only.
        inputs: absolute paths of files that decide what is ignored; some may not exist yet.
        skipped: submodules and nested repositories that were not scanned.
        notes: what the user should be told, one sentence each.
    """

    files: tuple[str, ...]
    symlinks: Mapping[str, str]
    folders: tuple[str, ...]
    inputs: tuple[str, ...]
    skipped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def discover(root: str, *, exclude: Sequence[str] = (), submodules: bool = False) -> Discovery:
    """The files, folders and symlinks below *root* that git does not ignore.

    Reads folders and ignore files, never the listed files; runs git two to four times.

    Args:
        root: an existing folder; may be a symlink to one, or lie inside a repository.
        exclude: gitignore-style patterns, relative to the root; what they match is left out, tracked or not.
        submodules: scan submodules and nested repositories too, each by its own rules.

    Raises:
        NothingToRead: *root* does not exist, is not a folder or cannot be listed, or git hangs on it.
    """
    top = _readable_folder(root)
    git = find_git()
    with Scratch() as scratch:
        try:
            found = _discover(top, git, submodules=submodules, scratch=scratch)
            return _without(found, exclude, top, git, scratch) if exclude else found
        except GitRefused as refused:
            raise NothingToRead(
                f"git stopped answering about {root!a}: {refused}",
                hint="run it again; if it stays, see what `git status` says there",
            ) from refused


def _readable_folder(root: str) -> str:
    try:
        top = os.path.realpath(root)
        os.scandir(top).close()
    except FileNotFoundError:
        raise NothingToRead(f"{root!a} does not exist", hint="pass the path of a project folder") from None
    except NotADirectoryError:
        raise NothingToRead(f"{root!a} is not a folder", hint="pass the folder that holds the file") from None
    except ValueError as error:
        raise NothingToRead(
            f"{root!a} is not a path: {error}", hint="pass the path of a project folder"
        ) from None
    except OSError as error:
        raise NothingToRead(
            f"{root!a} cannot be listed: {error.strerror}", hint="check the folder's permissions"
        ) from error
    return top


def _discover(root: str, git: str, *, submodules: bool, scratch: Scratch) -> Discovery:
    repository = locate(root)
    rules, listed, notes = _ask(root, git, repository, scratch)
    walk = _walk(root, rules, listed)
    inputs = {*decisive_files(git, root, repository), *(f"{root}/{path}" for path in walk.ignore_files)}
    if walk.unreadable:
        number = count(len(walk.unreadable), "folder")
        notes.append(f"{number} could not be read, the first is {walk.unreadable[0]!a}")
    found = Discovery(
        files=tuple(sorted(walk.files)),
        symlinks=dict(sorted(walk.symlinks.items())),
        folders=tuple(sorted(walk.folders)),
        inputs=tuple(sorted(inputs)),
        skipped=tuple(sorted(walk.nested)),
        notes=tuple(notes),
    )
    if submodules:
        return _with_nested(found, root, git, scratch)
    if found.skipped:
        notes.append(f"{count(len(found.skipped), _NESTED, plural=_NESTEDS)} not scanned")
    return found._replace(notes=tuple(notes))


class _Rules(Protocol):
    def ignored(self, folders: Sequence[str]) -> frozenset[str]:
        """Those of *folders*, none of which holds a listed file, that are ignored."""


def _ask(
    root: str, git: str, repository: Repository | None, scratch: Scratch
) -> tuple[_Rules, frozenset[str], list[str]]:
    """Who answers for *root*, what they list, and what must be said about that."""
    reason = "git was not found"
    if git:
        rules = GitRules(git, root, repository)
        try:
            listed = rules.ask(scratch)
        except GitSilent:
            raise
        except GitRefused as refused:
            reason = f"git failed ({refused})"
        else:
            return rules, listed, [rules.note] if rules.note else []
    notes = [f"{reason}: ignore files are read by ignore-python, rare patterns may differ"]
    if repository is not None:
        notes.append(f"tracked-but-ignored files are unknown: {reason}")
    walked = _WalkedRules(root, parents=repository is not None and repository.top != root)
    return walked, walked.listed, notes


class _WalkedRules:
    """ignore-python's answers, in the same shape as git's."""

    def __init__(self, root: str, *, parents: bool, exclude: Sequence[str] = ()) -> None:
        """Walks the whole tree.

        Args:
            root: absolute.
            parents: obey the ignore files above the root as well, as inside a repository.
            exclude: further patterns; none may negate (a negated override would exclude the rest).
        """
        from pathlib import Path

        from ignore import Error, WalkBuilder
        from ignore.overrides import OverrideBuilder

        overrides = OverrideBuilder(Path(root))
        for pattern in (*sorted(_NEVER), *exclude):
            with contextlib.suppress(Error):  # as in git, a broken pattern matches nothing
                overrides.add(f"!{pattern}")
        builder = WalkBuilder(Path(root)).hidden(False).ignore(False).require_git(False).parents(parents)
        walk = builder.overrides(overrides.build()).build()
        paths = [os.path.relpath(path, root) for path in _walked(walk)]
        folders = frozenset(path for path in paths if _is_folder(os.path.join(root, path)))
        nested = tuple(f"{path}/" for path in folders if path != "." and _is_repository(root, path))
        self.paths = frozenset(path for path in paths if not path.startswith(nested))
        self.listed = (self.paths - folders).union(path for path in nested if path[:-1] in self.paths)

    def ignored(self, folders: Sequence[str]) -> frozenset[str]:
        return frozenset(folders) - self.paths


def _walked(walk: Walk) -> Iterator[str]:
    from ignore import Error
    from ignore import IOError as WalkError

    while True:
        try:
            yield os.fspath(next(walk).path())
        except StopIteration:
            return
        except (Error, WalkError):  # unreadable or just gone: the scandir walk meets it too and says so
            continue


def _is_folder(path: str) -> bool:
    return os.path.isdir(path) and not os.path.islink(path)


def _is_repository(root: str, path: str) -> bool:
    return os.path.lexists(os.path.join(root, path, ".git"))


class _Walk(NamedTuple):
    files: list[str]
    symlinks: dict[str, str]
    folders: list[str]
    nested: list[str]
    ignore_files: list[str]
    unreadable: list[str]


def _walk(root: str, rules: _Rules, listed: frozenset[str]) -> _Walk:
    """One scandir per folder that is not ignored; O(entries in them).

    Folders without a listed file are collected and put to *rules* together, level by level.
    """
    walk = _Walk([], {}, [], [], [], [])
    populated = _folders_of(listed)
    pending = ["."]
    while pending:
        undecided: list[str] = []
        while pending:
            folder = pending.pop()
            walk.folders.append(folder)
            for path, entry in _entries(root, folder, walk):
                if not entry.is_dir(follow_symlinks=False):
                    _take(path, entry, listed, walk)
                elif path in listed or f"{path}/" in listed:
                    walk.nested.append(path)
                    walk.folders.append(path)
                elif path in populated:
                    pending.append(path)
                else:
                    undecided.append(path)
        ignored = rules.ignored(undecided) if undecided else frozenset()
        pending = [path for path in undecided if path not in ignored]
    return walk


def _entries(root: str, folder: str, walk: _Walk) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """(relative path, entry) of what *folder* holds; nothing where it is unreadable or just gone."""
    prefix = "" if folder == "." else f"{folder}/"
    try:
        with os.scandir(f"{root}/{prefix}") as entries:
            for entry in entries:
                if entry.name not in _NEVER:
                    yield prefix + entry.name, entry
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError:
        walk.unreadable.append(folder)


def _take(path: str, entry: os.DirEntry[str], listed: frozenset[str], walk: _Walk) -> None:
    """Sorts one entry that is no folder; what is not listed is dropped, as are pipes, sockets and devices."""
    if entry.name == ".gitignore":
        walk.ignore_files.append(path)
    if path not in listed:
        return
    if entry.is_file(follow_symlinks=False):
        walk.files.append(path)
    elif entry.is_symlink():
        try:
            walk.symlinks[path] = os.readlink(entry.path)
        except OSError:  # replaced since it was listed
            return


def _folders_of(paths: Iterable[str]) -> set[str]:
    """Every folder above one of *paths*, at any depth, without the root."""
    folders: set[str] = set()
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder and folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    return folders


def _with_nested(found: Discovery, root: str, git: str, scratch: Scratch) -> Discovery:
    """*found* and what is below its nested repositories; those not checked out stay skipped."""
    files, folders, inputs = list(found.files), list(found.folders), set(found.inputs)
    symlinks, notes, skipped = dict(found.symlinks), list(found.notes), []
    for path in found.skipped:
        below = os.path.join(root, path)
        repository = locate(below)
        if repository is None or repository.top != below:
            skipped.append(path)
            continue
        nested = _discover(below, git, submodules=True, scratch=scratch)
        files += (f"{path}/{name}" for name in nested.files)
        folders += (f"{path}/{name}" for name in nested.folders if name != ".")
        skipped += (f"{path}/{name}" for name in nested.skipped)
        symlinks |= {f"{path}/{name}": target for name, target in nested.symlinks.items()}
        notes += (f"{path!a}: {note}" for note in nested.notes)
        inputs.update(nested.inputs)
    if skipped:
        notes.append(f"{count(len(skipped), 'submodule')} not checked out")
    return Discovery(
        files=tuple(sorted(files)),
        symlinks=dict(sorted(symlinks.items())),
        folders=tuple(sorted(folders)),
        inputs=tuple(sorted(inputs)),
        skipped=tuple(sorted(skipped)),
        notes=tuple(notes),
    )


def _without(found: Discovery, exclude: Sequence[str], root: str, git: str, scratch: Scratch) -> Discovery:
    """*found* less what *exclude* matches."""
    names = [
        *found.files,
        *found.symlinks,
        *(f"{path}/" for path in (*found.folders, *found.skipped) if path != "."),
    ]
    notes = found.notes
    if git:
        gone = matching(git, exclude, names, scratch)
    else:
        understood = [
            pattern for pattern in exclude if not pattern.startswith(("!", "#")) and pattern.strip()
        ]
        if any(pattern.startswith("!") for pattern in exclude):
            notes = (*notes, "negated exclude patterns need git: they have no effect")
        kept = _WalkedRules(root, parents=False, exclude=understood).paths
        gone = frozenset(name for name in names if name.rstrip("/") not in kept)
    return found._replace(
        files=tuple(path for path in found.files if path not in gone),
        symlinks={path: target for path, target in found.symlinks.items() if path not in gone},
        folders=tuple(path for path in found.folders if f"{path}/" not in gone),
        skipped=tuple(path for path in found.skipped if f"{path}/" not in gone),
        notes=notes,
    )
