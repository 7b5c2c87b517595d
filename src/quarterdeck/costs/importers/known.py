"""The sources there are, by name; a module is loaded when its source is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from quarterdeck.errors import UsageError

if TYPE_CHECKING:
    from quarterdeck.costs.importers.source import Source

MODULES = {
    "claude-code": "claude_code",
    "codex": "codex",
    "gemini-cli": "gemini",
    "opencode": "opencode",
}
"""By name, the module beside this one whose ``SOURCE`` it is."""


def source(name: str) -> Source:
    """The source called *name*.

    Raises:
        UsageError: there is none.
    """
    if name not in MODULES:
        raise UsageError(
            f"there is no source called {name!r}", hint=f"the sources are {', '.join(sorted(MODULES))}"
        )
    found: Source = import_module(f"quarterdeck.costs.importers.{MODULES[name]}").SOURCE
    return found
