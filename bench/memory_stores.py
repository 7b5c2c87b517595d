"""The contenders of part ``memory``: what the tables call them, and what each of them runs in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench import peers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SUBJECT = "Quarterdeck"
FAST = "Quarterdeck, extra fast"
EMPATHY = peers.EMPATHY_MEMORY.label
REDIS_PY = f"redis-py {peers.REDIS_PY.version}"
CACHING = f"{REDIS_PY}, client-side cache"
IN_PROCESS = "in this process only"
"""Said of a store whose values no other process sees."""

HEADLINE = (SUBJECT, EMPATHY, REDIS_PY, "floor")

WORK = peers.ROOT / ".run" / "bench" / "memory"
_PROGRAMS = peers.ROOT / "bench" / "programs"


class Stores:
    """How the programs of `bench.programs` are started for each of the stores that they know."""

    def __init__(self, pythons: Mapping[str, str], homes: Path) -> None:
        """*pythons*: the interpreter of each store by its name; *homes*: where they get home folders."""
        self._pythons = pythons
        self._homes = homes

    def command(self, store: str, program: str, *arguments: object) -> list[str]:
        """A command line without a shell."""
        program_file = _PROGRAMS / f"{program}.py"
        return [self._pythons[store], "-P", str(program_file), store, *map(str, arguments)]

    def variables(self, store: str) -> dict[str, str]:
        """An environment in which nothing of the person's own is read or written."""
        home = self._homes / store
        home.mkdir(parents=True, exist_ok=True)
        return {"HOME": str(home), "QUARTERDECK_HOME": str(home / "state"), "PYTHONPATH": str(peers.ROOT)}


def install() -> Stores:
    """Every contender in an environment of its own; floors run in Quarterdeck's."""
    subject = peers.install_quarterdeck("redis")
    fast = peers.install_quarterdeck("redis", "fast")
    empathy, redis_py, diskcache, cashews, langgraph = (
        peers.install(peer)
        for peer in (peers.EMPATHY_MEMORY, peers.REDIS_PY, peers.DISKCACHE, peers.CASHEWS, peers.LANGGRAPH)
    )
    folders = {
        **dict.fromkeys(("quarterdeck", "dict", "sqlite", "ping", "nothing"), subject),
        "quarterdeck-fast": fast,
        **dict.fromkeys(("empathy", "empathy-session"), empathy),
        **dict.fromkeys(("redis-py", "redis-py-caching"), redis_py),
        "diskcache": diskcache,
        **dict.fromkeys(("cashews-memory", "cashews-disk"), cashews),
        "langgraph": langgraph,
    }
    return Stores({store: str(folder / "python") for store, folder in folders.items()}, WORK / "homes")
