"""One agent's place at a store: its name, where its things lie, and what it may do.

Every room of the published API (entries, sessions, queues, …) is a class on top of a `Seat`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from quarterdeck.errors import UsageError
from quarterdeck.memory import names
from quarterdeck.memory.access import AccessTier, admit, checked_tier, standing_of, tier_of
from quarterdeck.memory.chain import perform

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quarterdeck.memory.chain import Act, Decide
    from quarterdeck.memory.store import Store

MAX_TTL_S = 10 * 365 * 86_400.0
"""Ten years: more is meant to be for ever."""


class Seat:
    """An agent that has been let in.

    Attributes:
        store: where everything is.
        agent: who it is.
    """

    def __init__(
        self, store: Store, agent: str, *, token: str | None = None, access_tier: AccessTier | None = None
    ) -> None:
        """Let *agent* in.

        Args:
            store: where everything is.
            agent: its name; any text.
            token: what it was given when it was registered; needed only by agents that were.
            access_tier: act with no more than this, whatever the store allows; never with more.

        Raises:
            AccessDenied: the store knows this agent, and this is not its token.
            UsageError: that is no name, or no tier.
        """
        limits = store.limits
        self.store = store
        self.agent = names.checked(agent, "agent", limits.max_key_bytes)
        self._namespace = limits.namespace
        self._at_most = AccessTier.STEWARD if access_tier is None else checked_tier(access_tier)
        self._shared = names.space(self._namespace)
        self._shown = admit(store, self._namespace, agent, token)

    def close(self) -> None:
        """Give back what this seat itself holds, such as threads; the store stays open."""

    @property
    def access_tier(self) -> AccessTier:
        """What this agent may do now, in this seat; read from the store, through the local tier.

        It is `OBSERVER` as soon as the agent has another token than the one this seat was opened with.
        """
        return min(self._at_most, tier_of(self.store, self._namespace, self.agent, self._shown))

    def _need(self, tier: AccessTier, what: str) -> None:
        """Raise unless this agent may do *what*, as the store has it at this moment.

        Raises:
            AccessDenied: it may not.
        """
        mine = tier_of(self.store, self._namespace, self.agent, self._shown)
        if mine < tier or self._at_most < tier:
            standing = standing_of(self.store, self._namespace, self.agent, self._shown)
            standing._replace(tier=min(self._at_most, standing.tier)).require(tier, what)

    def _perform(self, about: Sequence[str], decide: Decide) -> Act | None:
        """Do something to the things of all, as this agent in this seat; see `chain.perform`."""
        return perform(
            self.store, self._namespace, self.agent, about, decide, shown=self._shown, at_most=self._at_most
        )

    def _show(self, fingerprint: str) -> None:
        """Go on with the token of that fingerprint: this seat has just given it its own agent."""
        self._shown = fingerprint

    def _key(self, text: object, what: str = "key") -> str:
        """A key that may be written: text within its limit, with nothing secret in it."""
        key = names.checked(text, what, self.store.limits.max_key_bytes)
        self.store.scrubber.refuse(key, what)
        return key

    def _in_shared(self, kind: str, key: str = "") -> str:
        """The name of something that all agents share."""
        return names.named(self._shared, kind, key)

    def _own(self, kind: str, key: str = "") -> str:
        """The name of something that is this agent's own."""
        return names.named(names.space(self._namespace, self.agent), kind, key)


def ttl_ms(ttl_seconds: float | None) -> int | None:
    """A time to live in whole milliseconds, at least 1; None stays None: for ever.

    Raises:
        UsageError: it is not a positive, finite number of seconds, or more than `MAX_TTL_S`.
    """
    if ttl_seconds is None:
        return None
    if type(ttl_seconds) not in {int, float} or not 0 < ttl_seconds <= MAX_TTL_S:
        raise UsageError(
            f"ttl_seconds must be a positive number up to {MAX_TTL_S:.0f}, got {told(ttl_seconds)}",
            hint="pass None to keep the entry, or call delete() to drop it now",
        )
    return max(1, round(ttl_seconds * 1000))


def told(value: object) -> str:
    """*value* for an error: shortened, and also if it is a number that Python refuses to write down."""
    try:
        return f"{value!r:.100}"
    except ValueError:
        return "a number with thousands of digits"
