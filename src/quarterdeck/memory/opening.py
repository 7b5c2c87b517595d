"""From settings to a store that can be used; nothing is opened or connected before its first use."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from quarterdeck.errors import UsageError
from quarterdeck.files import failure, private_folder
from quarterdeck.memory.settings import MemoryConfig, MemorySettings, RedisConfig, without_secrets
from quarterdeck.memory.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from quarterdeck.memory.backend import Backend
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
    if isinstance(config, RedisConfig):
        from quarterdeck.memory.server import RedisBackend

        place = without_secrets(config.url) if config.url else f"{config.host}:{config.port}/{config.db}"
        return _store(
            RedisBackend(config), config, place, partial(_library_of_project, root, config.namespace)
        )
    from quarterdeck.memory.embedded import EmbeddedBackend

    if config.path:
        path = _given_file(config.path)
        library = partial(_library_beside, path, config.namespace)
    else:
        path = _own_file(root)
        library = partial(_library_of_project, root, config.namespace)
    return _store(EmbeddedBackend(path), config, os.path.basename(path), library)


def _store(
    backend: Backend,
    limits: MemoryConfig | RedisConfig,
    place: str,
    open_library: Callable[[], PatternLibrary],
) -> Store:
    return Store(backend, limits, name=f"{place} {limits.namespace}", open_library=open_library)


def _library_of_project(root: str, namespace: str) -> PatternLibrary:
    """That of the same namespace in the project at *root*, wherever its settings have it."""
    from quarterdeck.patterns import PatternLibrary
    from quarterdeck.patterns.opening import configured as patterns_configured

    settings = patterns_configured(root)
    if settings.path:
        return PatternLibrary(settings=settings)
    return _library_beside(_own_file(root), namespace)


def _library_beside(path: str, namespace: str) -> PatternLibrary:
    """That of the same namespace in a folder beside the file of the memory."""
    from quarterdeck.patterns import PatternLibrary
    from quarterdeck.patterns.opening import FOLDER, SUFFIX

    return PatternLibrary(os.path.join(os.path.dirname(path), FOLDER, quote(namespace, safe="") + SUFFIX))


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
