"""What every contract suite of a backend is given, and the few words all of them speak."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar
from uuid import uuid4

import pytest

from quarterdeck.memory import names

if TYPE_CHECKING:
    from collections.abc import Callable

    from quarterdeck.memory.backend import Backend

HOSTILE_KEYS = (
    "plain", "*", "a*", "?", "[ab]", "a", "A", "ab", "a:b", "a:b:", ":", "%", "_", "%25", "\\", "\\*", "'",
    '"', "'; DROP TABLE entries; --", "}", "{", "{other}:entry:x", "line\nbreak", "\r\n", " ", "a ", " a",
    "\t", "\x00", "\x00a", "a\x00b", "é", "e\u0301", "Straße", "日本", "👩\u200d🚀", "\u202eright to left",
    "\uffff", "\U0010ffff", "\U0010ffff\U0010ffff", "../../etc/passwd", "$(id)", "long" * 250,
)  # fmt: skip
"""Keys that mean something to SQL, to globs, to RESP, to shells, or to a careless comparison."""


class Given:
    """The fixtures; *backend*, *other* and *pass_time* are the backend's own.

    Attributes:
        inexact_s: by how much the end of an entry may miss its time: 0 with a clock that only *pass_time*
            moves, a few milliseconds with a real one.
        keeps_absence: whether that an entry is not there may be remembered, like any other answer.
        patience_s: how long something that happens by itself in another thread may take.
    """

    inexact_s: ClassVar[float] = 0.0
    keeps_absence: ClassVar[bool] = True
    patience_s: ClassVar[float] = 10.0

    @pytest.fixture
    def namespace(self) -> str:
        """A namespace that no other test uses."""
        return f"contract-{uuid4().hex[:12]}"

    @pytest.fixture
    def space(self, namespace: str) -> str:
        """The space of one agent in it."""
        return names.space(namespace, "agent")

    @pytest.fixture
    def backend(self) -> Backend:
        """A handle on the store."""
        raise NotImplementedError("the class under test brings it")

    @pytest.fixture
    def other(self) -> Backend:
        """A second handle on the same store, as another process would have it."""
        raise NotImplementedError("the class under test brings it")

    @pytest.fixture
    def pass_time(self) -> Callable[[float], None]:
        """Lets so many seconds pass on the clock of the store."""
        raise NotImplementedError("the class under test brings it")


def entry(space: str, key: str = "one") -> str:
    """The name of an entry."""
    return names.named(space, "entry", key)


def log(space: str, key: str = "log") -> str:
    """The name of a log."""
    return names.named(space, "log", key)
