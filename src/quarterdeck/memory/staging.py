"""Patterns on their way: staged by any contributor, promoted or rejected by a validator, once.

    stage_pattern -> staged:<id>, until its time is up
                         ├── promote ──> pattern:<id>, for good ──> the pattern library (`learning`)
                         └── reject ───> gone; the audit chain says by whom and why

Promotion is one transaction of the shared space: the staged pattern is taken away, the lasting one put
down, the act written, and all that only while the promoter is a validator. So of any number of promoters
one wins, and whoever is killed on the way has done either all of it or nothing.

A validator may promote what it has staged itself: who works alone needs that. The pattern and the audit
chain say who staged it and who promoted it, so it can be told.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from quarterdeck.errors import StateError, UsageError
from quarterdeck.memory import names
from quarterdeck.memory.access import AccessTier, agent_name, policy_name, standing_in
from quarterdeck.memory.chain import Deed, utc_text
from quarterdeck.memory.learning import Learner
from quarterdeck.memory.pattern import (
    PATTERN,
    as_stored,
    described,
    is_sure,
    new_id,
    pattern_of,
    stored_pattern,
)
from quarterdeck.memory.seat import ttl_ms
from quarterdeck.memory.store import MISSING, Entry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quarterdeck.memory.access import Standing
    from quarterdeck.memory.store import Seen

STAGED = "staged"
"""The kind of entry of a pattern that waits, in the shared space."""


class Staging(Learner):
    """The room in which patterns wait for a second look."""

    def stage_pattern(
        self, pattern_data: Mapping[str, object], pattern_type: str = "general", ttl_hours: float | None = 24
    ) -> str:
        """Propose a pattern; takes a contributor.

        Args:
            pattern_data: what was learned; everything in it is kept. It needs a ``name``, a ``description``,
                a ``content`` or a ``code`` (text); it may have ``confidence`` (0 to 1, else 0.5), ``tags``
                (a list of text), ``context`` (a dict) and whatever else is JSON.
            pattern_type: ``sequential``, ``temporal``, ``conditional``, ``behavioral`` or any other word; may
                stand in *pattern_data* instead.
            ttl_hours: how long it waits before it is dropped; None: until somebody decides.

        Returns:
            Its id. Ids sort by the time of staging.

        Raises:
            AccessDenied: this agent may only read.
            UsageError: the pattern or the time is none.
            StateError: the server may drop what is staged when its memory is full.
        """
        self._need(AccessTier.CONTRIBUTOR, "stage patterns")
        pattern = pattern_of(pattern_data, pattern_type)
        left_ms = _left_ms(ttl_hours)
        problem = self.store.backend.durability_problem()
        if problem:
            raise StateError(
                f"staged patterns would not be safe there: {problem}",
                hint="set maxmemory-policy of the server to noeviction, or allow_eviction of section memory",
            )
        now_ms = self.store.backend.time_ms()
        pattern_id = new_id(now_ms)
        pattern |= {
            "id": pattern_id,
            "agent_id": self.agent,
            "staged_at": utc_text(now_ms),
            "expires_at": None if left_ms is None else utc_text(now_ms + left_ms),
        }
        entry = Entry(self._in_shared(STAGED, pattern_id), as_stored(pattern), left_ms)
        own, policy = agent_name(self._namespace, self.agent), policy_name(self._namespace)

        def allowed(seen: list[Seen]) -> list[Entry]:
            standing = standing_in(self.agent, seen[0].value, seen[1].value, self._shown)
            standing.require(AccessTier.CONTRIBUTOR, "stage patterns")
            return [entry]

        self.store.change((own, policy), allowed)
        return pattern_id

    def get_staged_patterns(self, *, min_confidence: float = 0.0) -> list[dict[str, object]]:
        """All patterns that wait, the oldest first.

        Each is what was staged, with its ``id``, ``agent_id`` (who did it), ``staged_at`` and ``expires_at``.

        Args:
            min_confidence: leave out those that are less sure.
        """
        found = [entry.name for entry in self.store.backend.listing(self._in_shared(STAGED))]
        patterns = [stored_pattern(value) for value in self.store.get_many(found) if value is not MISSING]
        return [pattern for pattern in patterns if is_sure(pattern, min_confidence)]

    def get_staged_pattern(self, pattern_id: str) -> dict[str, object] | None:
        """One pattern that waits; None when it does not, or no longer."""
        key = names.checked(pattern_id, "pattern id", self.store.limits.max_key_bytes)
        value = self.store.get(self._in_shared(STAGED, key))
        return None if value is MISSING else stored_pattern(value)

    def promote_pattern(self, pattern_id: str, *, min_confidence: float = 0.0) -> dict[str, object] | None:
        """Make a staged pattern a lasting one; takes a validator.

        Args:
            pattern_id: what `stage_pattern` returned.
            min_confidence: leave it staged if it is less sure.

        Returns:
            The lasting pattern, with ``promoted_at`` and ``promoted_by``. None: it is not staged, or no
            longer (of several who promote it, one gets it), or it is less sure than *min_confidence*.

        Raises:
            AccessDenied: this agent is no validator.
            StateError: the pattern is promoted, but the library cannot be written now; it is not lost.
        """
        key = names.checked(pattern_id, "pattern id", self.store.limits.max_key_bytes)
        staged = self._in_shared(STAGED, key)
        at = utc_text(self.store.backend.time_ms())
        promoted: dict[str, object] = {}

        def decide(standing: Standing, seen: Mapping[str, Seen]) -> tuple[Deed, Sequence[Entry]] | None:
            standing.require(AccessTier.VALIDATOR, "promote patterns")
            if seen[staged].value is MISSING:
                return None
            pattern = stored_pattern(seen[staged].value)
            if not is_sure(pattern, min_confidence):
                return None
            deed = Deed("promote", key, described(pattern))
            pattern.pop("expires_at", None)
            promoted.clear()
            promoted.update(pattern, promoted_at=at, promoted_by=self.agent)
            return deed, (Entry(staged, MISSING), Entry(self._in_shared(PATTERN, key), as_stored(promoted)))

        if not self._perform((staged,), decide):
            return None
        self._learn(key)
        return promoted

    def reject_pattern(self, pattern_id: str, reason: str = "") -> bool:
        """Drop a staged pattern; takes a validator. Who did it and why stands in the audit chain.

        Returns:
            Whether it was staged; False when somebody was quicker.

        Raises:
            AccessDenied: this agent is no validator.
        """
        key = names.checked(pattern_id, "pattern id", self.store.limits.max_key_bytes)
        if not isinstance(reason, str):
            raise UsageError("the reason must be text", hint="say in words why the pattern is rejected")
        staged = self._in_shared(STAGED, key)

        def decide(standing: Standing, seen: Mapping[str, Seen]) -> tuple[Deed, Sequence[Entry]] | None:
            standing.require(AccessTier.VALIDATOR, "reject patterns")
            if seen[staged].value is MISSING:
                return None
            details = {**described(stored_pattern(seen[staged].value)), "reason": reason}
            return Deed("reject", key, details), (Entry(staged, MISSING),)

        act = self._perform((staged,), decide)
        return act is not None


def _left_ms(ttl_hours: object) -> int | None:
    if ttl_hours is None:
        return None
    if not isinstance(ttl_hours, int | float) or isinstance(ttl_hours, bool) or not math.isfinite(ttl_hours):
        raise UsageError(
            "ttl_hours must be a positive number of hours", hint="pass None to keep it until decided"
        )
    return ttl_ms(ttl_hours * 3600)
