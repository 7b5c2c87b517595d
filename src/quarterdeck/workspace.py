"""Where things live: the project's own state, the user's own state, cache and settings.

    <project>/.quarterdeck/                  state of one project (or under QUARTERDECK_HOME, or, when the
                                             project cannot be written to, under the user's state folder)
    $XDG_STATE_HOME/quarterdeck/             state of the user, whatever the project: costs/ …
                        projects/            state of projects that cannot be written to
    $XDG_CACHE_HOME/quarterdeck/             shared by all projects and worktrees; can be deleted at any time
    $XDG_CONFIG_HOME/quarterdeck/config.toml the user's settings

With ``QUARTERDECK_HOME`` set, everything lives below it and nothing is written anywhere else:
``projects/<name>-<digest>/``, ``costs/`` …, ``cache/``, ``config.toml``.
"""

from __future__ import annotations

import os
import stat
from typing import NamedTuple

from quarterdeck.errors import NothingToRead, StateError
from quarterdeck.files import private_folder, write_atomically

STATE_FOLDER = ".quarterdeck"
ROOT_MARKS = (STATE_FOLDER, "quarterdeck.toml", ".git", "pyproject.toml")


class Workspace(NamedTuple):
    """The folders of one project. They may not exist yet: `state_file` and `cache_file` create them.

    Attributes:
        root: absolute path of the project, symlinks resolved.
        state: this project's folder.
        cache: this user's folder, shared by all projects.
        fallback: where *state* moves to when the project's own folder cannot be used.
    """

    root: str
    state: str
    cache: str
    fallback: str

    def state_file(self, name: str) -> str:
        """Absolute path for *name* in the project's state, its folder created and hidden from git.

        When the project cannot be written to (a read-only checkout, somebody else's folder, a
        symlink in its place), the user's own state folder is used instead.

        Raises:
            OSError: neither place can be written to.
        """
        try:
            return os.path.join(_own_folder(self.state), name)
        except OSError:
            return os.path.join(_own_folder(self.fallback), name)

    def cache_file(self, name: str) -> str:
        """Absolute path for *name* in the user's cache, its folder created.

        Raises:
            OSError: the cache cannot be written to.
        """
        return os.path.join(private_folder(self.cache), name)


def open_workspace(root: str = ".") -> Workspace:
    """The workspace of exactly *root*; nothing is created yet.

    Raises:
        NothingToRead: *root* is not a folder.
    """
    resolved = os.path.realpath(root)
    if not os.path.isdir(resolved):
        raise NothingToRead(
            f"{root!r} is not a folder", hint="name the top folder of a project, or run from inside one"
        )
    home = _home()
    if home:
        place = os.path.join(home, "projects", _slug(resolved))
        return Workspace(resolved, place, os.path.join(home, "cache"), place)
    state = os.path.join(resolved, STATE_FOLDER)
    own = _xdg("XDG_STATE_HOME", ".local/state")
    fallback = os.path.join(own, "projects", _slug(resolved)) if own else state
    return Workspace(
        resolved, state, _xdg("XDG_CACHE_HOME", ".cache") or os.path.join(state, "cache"), fallback
    )


def find_root(start: str = ".") -> str:
    """The project that *start* lies in: its nearest ancestor that bears one of `ROOT_MARKS`.

    Without any, *start* itself.
    """
    top = folder = os.path.realpath(start)
    while True:
        if any(os.path.lexists(os.path.join(folder, mark)) for mark in ROOT_MARKS):
            return folder
        parent = os.path.dirname(folder)
        if parent == folder:
            return top
        folder = parent


def user_state_folder(name: str) -> str:
    """Where the part *name* keeps what belongs to the user and to no single project; nothing is created.

    Args:
        name: none of those that the module's docstring gives to something else.

    Raises:
        StateError: there is no home folder.
    """
    own = _home() or _xdg("XDG_STATE_HOME", ".local/state")
    if not own:
        raise StateError(
            f"there is no home folder for the state of {name}",
            hint="set QUARTERDECK_HOME to a folder that you can write to",
        )
    return os.path.join(own, name)


def user_config_file() -> str:
    """Path of the user's own settings; it need not exist."""
    return os.path.join(_home() or _xdg("XDG_CONFIG_HOME", ".config") or os.devnull, "config.toml")


def _home() -> str:
    """``QUARTERDECK_HOME`` as an absolute path; empty when it is not set."""
    home = os.environ.get("QUARTERDECK_HOME")
    return os.path.abspath(os.path.expanduser(home)) if home else ""


def _xdg(variable: str, default: str) -> str:
    """Our folder below *variable*; a relative value counts as none, as the XDG specification has it.

    Empty where there is no home folder either: no ``HOME``, and no account for this user's number.
    """
    for base in (os.environ.get(variable, ""), os.path.expanduser(f"~/{default}")):
        if os.path.isabs(base):
            return os.path.join(base, "quarterdeck")
    return ""


def _slug(root: str) -> str:
    """A folder name for *root*: readable, and unique by a digest of the whole path."""
    import zlib

    raw = os.fsencode(root)
    digest = f"{zlib.crc32(raw):08x}{zlib.adler32(raw):08x}"
    name = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in os.path.basename(root))
    return f"{name[:40]}-{digest}"


def _own_folder(path: str) -> str:
    """*path* as a folder that is really there, really ours and writable, with git told to ignore it."""
    private_folder(path)
    status = os.lstat(path)
    ours = stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()
    if not ours or not os.access(path, os.W_OK | os.X_OK):
        raise PermissionError(f"{path!r} is a link, belongs to somebody else or cannot be written to")
    mark = os.path.join(path, ".gitignore")
    if not os.path.isfile(mark) or os.path.islink(mark):  # also a pipe, which git would wait for
        write_atomically(mark, b"*\n")
    return path
