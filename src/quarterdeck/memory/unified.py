"""The whole memory of an agent: what is kept for a while, and what has been learned for good."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quarterdeck.memory.patterns import Patterns
from quarterdeck.memory.short_term import ShortTermMemory
from quarterdeck.memory.staging import Staging
from quarterdeck.memory.stewardship import Stewardship

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quarterdeck.memory.access import AccessTier
    from quarterdeck.memory.settings import MemoryConfig, RedisConfig
    from quarterdeck.memory.store import Store


class UnifiedMemory(ShortTermMemory, Staging, Patterns, Stewardship):
    """Everything that one agent remembers and shares; may be shared by threads, and across forks.

        memory = UnifiedMemory("reviewer")
        memory.stash("plan", {"files": ["a.py"]}, ttl_seconds=3600)
        memory.retrieve("plan")
        await memory.astash("plan", …)                   # the same from a coroutine

    Attributes:
        agent: who this is.
        access_tier: what it may do, as the store has it.
        store: where everything is.
    """

    def __init__(
        self,
        user_id: str,
        config: MemoryConfig | RedisConfig | None = None,
        *,
        token: str | None = None,
        access_tier: AccessTier | None = None,
        store: Store | None = None,
    ) -> None:
        """Let the agent *user_id* in; see `ShortTermMemory`."""
        super().__init__(config, agent_id=user_id, token=token, access_tier=access_tier, store=store)

    async def astage_pattern(
        self, pattern_data: Mapping[str, object], pattern_type: str = "general", ttl_hours: float | None = 24
    ) -> str:
        """See `stage_pattern`."""
        return await self._aside(self.stage_pattern, pattern_data, pattern_type, ttl_hours)

    async def aget_staged_patterns(self) -> list[dict[str, object]]:
        """See `get_staged_patterns`."""
        return await self._aside(self.get_staged_patterns)

    async def apromote_pattern(self, pattern_id: str) -> dict[str, object] | None:
        """See `promote_pattern`."""
        return await self._aside(self.promote_pattern, pattern_id)

    async def areject_pattern(self, pattern_id: str, reason: str = "") -> bool:
        """See `reject_pattern`."""
        return await self._aside(self.reject_pattern, pattern_id, reason)

    async def arecall_pattern(self, pattern_id: str) -> dict[str, object] | None:
        """See `recall_pattern`."""
        return await self._aside(self.recall_pattern, pattern_id)

    async def asearch_patterns(
        self, query: str | None = None, pattern_type: str | None = None, limit: int = 10
    ) -> list[dict[str, object]]:
        """See `search_patterns`."""
        return await self._aside(self.search_patterns, query, pattern_type, limit)

    def as_agent(self, user_id: str, token: str | None = None) -> UnifiedMemory:
        """Another agent's seat at the same store: no second file or connection is opened."""
        return UnifiedMemory(user_id, token=token, store=self.store)
