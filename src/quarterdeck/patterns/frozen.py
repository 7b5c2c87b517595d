"""Lists and dicts that are what they seem, but cannot be changed: many callers hold the same pattern."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable


class FrozenList(list[Any]):
    """A list that cannot be changed; ``list(it)`` is a copy that can."""

    def __copy__(self) -> list[Any]:
        """A plain list."""
        return list(self)

    def __deepcopy__(self, memo: object) -> list[Any]:
        """A plain list of plain things."""
        return [thawed(each) for each in self]

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object]]:
        """Pickled by its items."""
        return frozen, (list(self),)


class FrozenDict(dict[str, Any]):
    """A dict that cannot be changed; ``dict(it)`` is a copy that can."""

    def __copy__(self) -> dict[str, Any]:
        """A plain dict."""
        return dict(self)

    def __deepcopy__(self, memo: object) -> dict[str, Any]:
        """A plain dict of plain things."""
        return {key: thawed(each) for key, each in self.items()}

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object]]:
        """Pickled by its items."""
        return frozen, (dict(self),)


def frozen(value: Any) -> Any:  # noqa: ANN401  any JSON
    """JSON whose lists and dicts cannot be changed; tuples count as lists. Anything else is as it was."""
    if isinstance(value, dict):
        return FrozenDict((key, frozen(each)) for key, each in value.items())
    if isinstance(value, list | tuple):
        return FrozenList(map(frozen, value))
    return value


def thawed(value: Any) -> Any:  # noqa: ANN401  any JSON
    """A copy of it whose lists and dicts are plain."""
    if isinstance(value, dict):
        return {key: thawed(each) for key, each in value.items()}
    if isinstance(value, list):
        return [thawed(each) for each in value]
    return value


def _refuse(self: object, *_: object, **__: object) -> NoReturn:
    kind = "list" if isinstance(self, list) else "dict"
    raise TypeError(f"this {kind} is part of a pattern, which cannot be changed; make a copy: {kind}(…)")


def _close(kind: type, changers: str) -> None:
    for name in changers.split():
        setattr(kind, name, _refuse)


_ITEMS = "__setitem__ __delitem__ pop clear"
_close(FrozenList, f"{_ITEMS} append extend insert remove reverse sort __iadd__ __imul__")
_close(FrozenDict, f"{_ITEMS} popitem setdefault update __ior__")
