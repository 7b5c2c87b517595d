"""What has been seen of late: as much of it as a bound allows, and what was seen last stays longest."""

from __future__ import annotations

from typing import Generic, TypeVar

Value = TypeVar("Value")

REMEMBERED = 100_000
"""Names, in one process."""

KEPT = 256
"""Of these, from one process to the next: copies of something stand near it."""


class Recent(Generic[Value]):
    """Names, and a value of each; beyond the bound the oldest is forgotten."""

    def __init__(self, known: dict[str, Value] | None = None, *, at_most: int = REMEMBERED) -> None:
        """Go on with *known*, the oldest first, which is changed."""
        self._known: dict[str, Value] = {} if known is None else known
        self._at_most = at_most

    def __contains__(self, name: str) -> bool:
        """Whether *name* is remembered."""
        return name in self._known

    def get(self, name: str) -> Value | None:
        """The value of *name*; None: it is not remembered."""
        return self._known.get(name)

    def put(self, name: str, value: Value) -> None:
        """Remember *name* as the newest."""
        self._known.pop(name, None)
        self._known[name] = value
        if len(self._known) > self._at_most:
            del self._known[next(iter(self._known))]

    def newest(self) -> dict[str, Value]:
        """Those that are kept from one process to the next, the oldest first."""
        return dict(list(self._known.items())[-KEPT:])
