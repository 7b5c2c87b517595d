"""From settings to the file of a library."""

from __future__ import annotations

import os
from hashlib import blake2b
from typing import TYPE_CHECKING

from quarterdeck import sqlite
from quarterdeck.errors import ConfigError, UsageError
from quarterdeck.files import failure, private_folder
from quarterdeck.patterns import checks
from quarterdeck.patterns.settings import PatternSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = "patterns"
SUFFIX = ".sqlite"


def configured(root: str = ".", flags: Mapping[str, object] | None = None) -> PatternSettings:
    """What the settings of the project that *root* lies in say; a relative path in them is below the project.

    Raises:
        ConfigError: a setting is wrong.
    """
    from quarterdeck.config import load
    from quarterdeck.workspace import find_root

    top = find_root(root)
    settings = load(PatternSettings, "patterns", top, flags).values
    if settings.path and settings.path != sqlite.IN_MEMORY:
        settings = settings._replace(path=os.path.join(top, os.path.expanduser(settings.path)))
    return checked(settings)


def checked(settings: PatternSettings) -> PatternSettings:
    """*settings*, if they can be meant.

    Raises:
        ConfigError: they cannot.
    """
    days = settings.half_life_days
    if type(days) not in {int, float} or not 0.01 <= days <= 36_500:
        raise ConfigError(
            f"patterns.half_life_days must be from 0.01 to 36500, got {checks.told(days)}",
            hint="the default is 90",
        )
    return settings


def library_file(settings: PatternSettings, root: str = ".") -> str:
    """Where the library of *settings* is, its folder made; `sqlite.IN_MEMORY` stays what it is.

    That of a project which cannot be written to is the one that is there, to be read; if there is none, it is
    in the user's own state folder.

    Raises:
        StateError: there is no place for it.
        UsageError: its path cannot be one, or its namespace not the name of a file.
    """
    if settings.path == sqlite.IN_MEMORY:
        return settings.path
    if settings.path != "":  # whatever else it is, it was given
        path = _path(settings.path)
        try:
            private_folder(os.path.dirname(path))
        except OSError as error:
            raise failure(error, path) from error
        return path
    from quarterdeck.workspace import find_root, open_workspace

    name = checks.identity(settings.namespace, "namespace of a library")
    workspace = open_workspace(find_root(root))
    there = os.path.join(workspace.state, FOLDER, name + SUFFIX)
    if not os.path.islink(workspace.state) and sqlite.is_read_only(there):
        return there
    try:
        return os.path.join(private_folder(workspace.state_file(FOLDER)), name + SUFFIX)
    except OSError as error:
        raise failure(error, workspace.state) from error


def _path(given: object) -> str:
    """*given* in full, if it can be the path of a file."""
    try:
        path = os.path.abspath(os.path.expanduser(os.fsdecode(given)))  # type: ignore[arg-type]
        if "\0" not in os.fsdecode(os.fsencode(path)):
            return path
    except (TypeError, UnicodeError):
        pass
    raise UsageError(f"no file has the path {checks.told(given)}", hint="for example team.sqlite")


def index_folder(path: str) -> str | None:
    """Where the index of the library at *path* is; None: it has none, as it is in no file.

    That of a library which can only be read is in the user's cache.
    """
    if path == sqlite.IN_MEMORY:
        return None
    if sqlite.is_read_only(path):
        from quarterdeck.workspace import open_workspace

        digest = blake2b(os.fsencode(path), digest_size=16).hexdigest()
        return os.path.join(open_workspace(os.path.dirname(path)).cache, FOLDER, f"{digest}.index")
    return f"{path.removesuffix(SUFFIX)}.index" if path.endswith(SUFFIX) else f"{path}-index"
