"""Which classes and functions differ between two contents of one file.

by_source   both contents are at hand: exact, and a symbol that only moved is not changed
by_facts    only the facts are: what differs in length, complexity, documentation or hints has
changed; a change that alters none of them cannot be seen, and the answer says so
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from quarterdeck.index.facts.facts import Class, Function
    from quarterdeck.index.facts.packed import Outline


class SymbolChanges(NamedTuple):
    """Names as `Function.name` has them, in order of the alphabet.

    Attributes:
        added: only in the new content.
        removed: only in the old content.
        changed: in both, and not the same.
        exact: nothing else changed but what stands outside of all of them; False when other symbols
            may have changed in a way that facts do not show.
    """

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    exact: bool


def by_facts(old: Outline, new: Outline) -> SymbolChanges:
    """Compare what the facts hold: everything about a symbol but where it stands."""
    return _difference(_traits(old), _traits(new), exact=False)


def by_source(old: Outline, old_content: bytes, new: Outline, new_content: bytes) -> SymbolChanges:
    """Compare the symbols' own lines, without those of symbols inside them, blanks at the ends left out."""
    return _difference(_texts(old, old_content), _texts(new, new_content), exact=True)


def _difference(old: dict[str, list[object]], new: dict[str, list[object]], *, exact: bool) -> SymbolChanges:
    return SymbolChanges(
        tuple(sorted(new.keys() - old.keys())),
        tuple(sorted(old.keys() - new.keys())),
        tuple(sorted(name for name in old.keys() & new.keys() if old[name] != new[name])),
        exact,
    )


def _traits(outline: Outline) -> dict[str, list[object]]:
    """By name, as one name can be bound twice: each time its length and all the facts have besides."""
    found: dict[str, list[object]] = {}
    for each in _ordered(outline):
        found.setdefault(each.name, []).append((type(each).__name__, each.end_line - each.line, each[3:]))
    return found


def _texts(outline: Outline, content: bytes) -> dict[str, list[object]]:
    rows = content.split(b"\n")
    symbols = _ordered(outline)
    owner: list[int] = [-1] * (len(rows) + 1)
    for number, each in enumerate(symbols):  # inner ones come later and take their lines over
        for line in range(each.line, min(each.end_line, len(rows)) + 1):
            owner[line] = number
    own: list[list[bytes]] = [[] for _ in symbols]
    for line in range(1, len(rows) + 1):
        text = rows[line - 1].strip()
        if owner[line] >= 0 and text:
            own[owner[line]].append(text)
    found: dict[str, list[object]] = {}
    for number, each in enumerate(symbols):
        found.setdefault(each.name, []).append(own[number])
    return found


def _ordered(outline: Outline) -> list[Function | Class]:
    functions, classes = outline
    every: Iterable[Function | Class] = (*functions, *classes)
    return sorted(every, key=lambda each: (each.line, -each.end_line))
