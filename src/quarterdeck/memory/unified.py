"""The whole memory of an agent: what is kept for a while, and what has been learned for good."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quarterdeck.memory.patterns import Patterns
from quarterdeck.memory.short_term import ShortTermMemory
from quarterdeck.memory.staging import Staging
from quarterdeck.memory.stewardship import Stewardship
from quarterdeck.memory.twins import twin

if TYPE_CHECKING:
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

    astage_pattern = twin(Staging.stage_pattern)
    aget_staged_patterns = twin(Staging.get_staged_patterns)
    aget_staged_pattern = twin(Staging.get_staged_pattern)
    apromote_pattern = twin(Staging.promote_pattern)
    areject_pattern = twin(Staging.reject_pattern)
    apersist_pattern = twin(Patterns.persist_pattern)
    arecall_pattern = twin(Patterns.recall_pattern)
    asearch_patterns = twin(Patterns.search_patterns)
    agrant_access = twin(Stewardship.grant_access)
    arevoke_access = twin(Stewardship.revoke_access)
    aset_default_access = twin(Stewardship.set_default_access)
    alist_agents = twin(Stewardship.list_agents)
    amend_audit = twin(Stewardship.mend_audit)

    def as_agent(self, user_id: str, token: str | None = None) -> UnifiedMemory:
        """Another agent's seat at the same store: no second file or connection is opened.

        It acts with no more than the ``access_tier`` that this one was opened with; closing it leaves the
        store open.
        """
        return UnifiedMemory(user_id, token=token, access_tier=self._at_most, store=self.store)
