"""Everything agents keep for a while, on one object: the published API, room by room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quarterdeck.errors import StateError
from quarterdeck.memory.entries import KIND
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
            store: use this one, which is open already, instead of *config*; whoever opened it closes it.

        Raises:
            AccessDenied: the agent is registered, and this is not its token.
            ConfigError, MissingExtra, MemoryUnavailable, StateError: the memory cannot be opened.
        """
        self._is_own_store = store is None
        opened = open_store(config) if store is None else store
        try:
            super().__init__(opened, agent_id, token=token, access_tier=access_tier)
        except BaseException:  # also an interrupt: nobody else can close it
            if store is None:
                opened.close()
            raise

    def clear_local_cache(self) -> int:
        """Drop the copies in this process; returns how many there were. Nothing is lost."""
        return self.store.forget_copies()

    def ping(self) -> bool:
        """Whether the memory answers now; one read, or one round trip."""
        try:
            self.store.backend.get(self._own(KIND))
        except StateError:
            return False
        return True

    def health_check(self) -> dict[str, object]:
        """How the memory is, found out by using it; see `backend.Health`. Never raises for a server."""
        return dict(self.store.backend.health()._asdict())

    def get_stats(self) -> dict[str, object]:
        """What this agent has here, and what the local tier has saved; costs what `keys` costs."""
        keys = self.keys()
        return {
            "agent": self.agent,
            "access_tier": self.access_tier.name.lower(),
            "backend": self.store.backend.kind,
            "keys": len(keys),
            "size_bytes": sum(key.size_bytes for key in keys),
            "local_cache": self.store.near_stats().to_dict(),
        }

    aclear_local_cache = twin(clear_local_cache)
    aping = twin(ping)
    ahealth_check = twin(health_check)
    aget_stats = twin(get_stats)

    def close(self) -> None:
        """Give back threads, files and connections; the next use opens them anew.

        A store that was passed, or is another agent's, stays open.
        """
        super().close()
        if self._is_own_store:
            self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
