"""Everything agents keep for a while, on one object: the published API, room by room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quarterdeck.memory.opening import open_store
from quarterdeck.memory.twins import AsyncTwins, twin

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from quarterdeck.memory.access import AccessTier
    from quarterdeck.memory.settings import MemoryConfig, RedisConfig
    from quarterdeck.memory.store import Store


class ShortTermMemory(AsyncTwins):
    """The memory that agents share, seen by one of them; may be shared by threads, and across forks.

        memory = ShortTermMemory(agent_id="reviewer")
        memory.stash("plan", {"files": ["a.py"]}, ttl_seconds=3600)
        memory.retrieve("plan")                          # {"files": ["a.py"]}, in any process of this agent
        memory.retrieve("plan", agent_id="planner")      # what another agent has put down

    Attributes:
        agent: who this is.
        access_tier: what it may do, as the store has it.
        store: where everything is.
    """

    def __init__(
        self,
        config: MemoryConfig | RedisConfig | None = None,
        *,
        agent_id: str = "default",
        token: str | None = None,
        access_tier: AccessTier | None = None,
        store: Store | None = None,
    ) -> None:
        """Let the agent in; opens the file, or connects.

        Args:
            config: where the memory is; None: as the settings of this project say, else a file in its state.
            agent_id: who this is; any text.
            token: what it was given when it was registered; needed only by agents that were.
            access_tier: act with no more than this; never with more than the store allows.
            store: use this one, which is open already, instead of *config*.

        Raises:
            AccessDenied: the agent is registered, and this is not its token.
            ConfigError, MissingExtra, MemoryUnavailable, StateError: the memory cannot be opened.
        """
        store = open_store(config) if store is None else store
        super().__init__(store, agent_id, token=token, access_tier=access_tier)

    def clear_local_cache(self) -> int:
        """Drop the copies in this process; returns how many there were. Nothing is lost."""
        return self.store.forget_copies()

    def ping(self) -> bool:
        """Whether the memory answers now."""
        return self.store.backend.health().state != "down"

    def health_check(self) -> dict[str, object]:
        """How the memory is, found out by using it; see `backend.Health`. Never raises for a server."""
        return dict(self.store.backend.health()._asdict())

    def get_stats(self) -> dict[str, object]:
        """What this agent has here, and what the local tier has saved; O(keys of the agent)."""
        keys = self.keys()
        return {
            "agent": self.agent,
            "access_tier": self.access_tier.name.lower(),
            "backend": self.store.backend.kind,
            "keys": len(keys),
            "size_bytes": sum(key.size_bytes for key in keys),
            "local_cache": self.store.near_stats().to_dict(),
        }

    aping = twin(ping)
    ahealth_check = twin(health_check)
    aget_stats = twin(get_stats)

    def close(self) -> None:
        """Give back files, connections and threads; the next use opens them anew."""
        super().close()
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
