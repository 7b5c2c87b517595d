"""From settings to a store that can be used; nothing is opened or connected before its first use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quarterdeck.memory.settings import MemoryConfig, MemorySettings, RedisConfig
from quarterdeck.memory.store import Store

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quarterdeck.memory.backend import Backend

FILE = "memory.sqlite"


def configured(root: str = ".", flags: Mapping[str, object] | None = None) -> MemoryConfig | RedisConfig:
    """What the settings of the project at *root* say: a server when they have a ``url``, else a file.

    Raises:
        ConfigError: a setting is wrong.
    """
    from quarterdeck.config import load
    from quarterdeck.workspace import find_root

    return load(MemorySettings, "memory", find_root(root), flags).values.config()


def open_store(config: MemoryConfig | RedisConfig | None = None, root: str = ".") -> Store:
    """The store of *config*; None: of the settings of the project at *root*.

    Raises:
        ConfigError: a setting or the key file is wrong.
        MissingExtra: it needs ``redis`` or ``cryptography``, which is not installed.
        StateError: there is no place for the file.
    """
    config = configured(root) if config is None else config
    return Store(_backend(config, root), config)


def _backend(config: MemoryConfig | RedisConfig, root: str) -> Backend:
    if isinstance(config, RedisConfig):
        from quarterdeck.memory.server import RedisBackend

        return RedisBackend(config)
    from quarterdeck.memory.embedded import EmbeddedBackend

    return EmbeddedBackend(config.path or _own_file(root))


def _own_file(root: str) -> str:
    """``memory.sqlite`` in the state of the project that *root* lies in."""
    from quarterdeck.files import failure
    from quarterdeck.workspace import find_root, open_workspace

    workspace = open_workspace(find_root(root))
    try:
        return workspace.state_file(FILE)
    except OSError as error:
        raise failure(error, workspace.state) from error
