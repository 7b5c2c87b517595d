"""From settings to a store that can be used; nothing is opened or connected before its first use."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from quarterdeck.errors import UsageError
from quarterdeck.files import failure, private_folder
from quarterdeck.memory.settings import Limits, MemoryConfig, MemorySettings, RedisConfig
from quarterdeck.memory.store import Store

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quarterdeck.patterns import PatternLibrary

FILE = "memory.sqlite"
PATHS = ("path", "key_file", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
"""The settings that are paths."""


def configured(root: str = ".", flags: Mapping[str, object] | None = None) -> MemoryConfig | RedisConfig:
    """What the settings of the project at *root* say: a server when they have a ``url``, else a file.

    Relative paths in them are below the project.

    Raises:
        ConfigError: a setting is wrong.
    """
    from quarterdeck.config import load
    from quarterdeck.workspace import find_root

    top = find_root(root)
    settings = load(MemorySettings, "memory", top, flags).values
    paths = {name: getattr(settings, name) for name in PATHS}
    given: dict[str, Any] = {
        name: os.path.join(top, os.path.expanduser(path)) for name, path in paths.items() if path
    }
    return settings._replace(**given).config()


def open_store(config: MemoryConfig | RedisConfig | None = None, root: str = ".") -> Store:
    """The store of *config*; None: of the settings of the project at *root*.

    Raises:
        ConfigError: a setting or the key file is wrong.
        MissingExtra: it needs ``redis`` or ``cryptography``, which is not installed.
        StateError: there is no place for the file.
        UsageError: that is no config.
    """
    config = configured(root) if config is None else config
    if not isinstance(config, MemoryConfig | RedisConfig):
        raise UsageError(
            f"the config must be a MemoryConfig or a RedisConfig, got {type(config).__name__}",
            hint='pass MemoryConfig(path="memory.sqlite"), RedisConfig(url="redis://localhost"), or None',
        )
    top = os.path.abspath(root)  # the library is opened later, and perhaps from elsewhere
    if isinstance(config, RedisConfig):
        from quarterdeck.memory.server import RedisBackend

        return Store(RedisBackend(config), config, open_library=partial(_library, top, config.namespace))
    from quarterdeck.memory.embedded import EmbeddedBackend

    path = _given_file(config.path) if config.path else _own_file(top)
    library = partial(_library, top, config.namespace, path if config.path else "")
    return Store(EmbeddedBackend(path), config, open_library=library)


def _library(root: str, namespace: str, beside: str = "") -> PatternLibrary:
    """The library that goes with a memory, with the settings of the project at *root*.

    It has the memory's namespace; but with the one that every memory has unless told otherwise goes the
    library that the project's settings say.

    Args:
        root: where the project is looked for.
        namespace: of the memory.
        beside: the file of a memory that is at a place of its own: then it is in a folder beside it.
    """
    from quarterdeck.patterns import PatternLibrary
    from quarterdeck.patterns.opening import FOLDER, SUFFIX
    from quarterdeck.patterns.opening import configured as patterns_configured

    settings = patterns_configured(root)
    if not beside and (settings.path or namespace == Limits.namespace):
        return PatternLibrary(settings=settings, root=root)
    folder = os.path.join(os.path.dirname(beside or _own_file(root)), FOLDER)
    return PatternLibrary(os.path.join(folder, quote(namespace, safe="") + SUFFIX), settings=settings)


def _given_file(path: str) -> str:
    """*path* in full, its folder made."""
    path = os.path.abspath(os.path.expanduser(path))
    try:
        private_folder(os.path.dirname(path))
    except OSError as error:
        raise failure(error, path) from error
    return path


def _own_file(root: str) -> str:
    """``memory.sqlite`` in the state of the project that *root* lies in."""
    from quarterdeck.workspace import find_root, open_workspace

    workspace = open_workspace(find_root(root))
    try:
        return workspace.state_file(FILE)
    except OSError as error:
        raise failure(error, workspace.state) from error
