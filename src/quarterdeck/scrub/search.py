"""Through every text of a value: the leaves of its tree, and the keys of its dicts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

from quarterdeck.errors import ScrubRefused
from quarterdeck.scrub.detector import mark
from quarterdeck.scrub.headers import header_start
from quarterdeck.scrub.named import is_secret, kind_of, teller, told
from quarterdeck.scrub.personal import personal_kind

if TYPE_CHECKING:
    from quarterdeck.scrub.detector import Detector, Effort

    Node = list[object] | dict[str, object]

_ROUNDS = 8
"""A mark may uncover something beside it; more often than that, somebody means it."""


class Search(NamedTuple):
    """What to look for in one value.

    Attributes:
        in_keys: detectors for the keys of dicts: ``token:value`` is often how a key is made.
        in_texts: detectors for all other texts.
        effort: counts what is judged.
        secrets, personal: whether the key of a dict may tell what its value is.
    """

    in_keys: tuple[Detector, ...]
    in_texts: tuple[Detector, ...]
    effort: Effort
    secrets: bool
    personal: bool

    def scrub(self, root: list[object]) -> bool:
        """Put marks into *root* and all that is in it, however deep; whether there was anything.

        Raises:
            ScrubRefused: two keys of a dict would become one, or *effort* has come to its end.
        """
        changed = False
        nodes: list[tuple[Node, str | None]] = [(root, None)]
        while nodes:
            node, name = nodes.pop()
            if isinstance(node, list):
                changed |= self._scrub_list(node, name)
                nodes += ((cast("Node", child), name) for child in node if isinstance(child, list | dict))
            else:
                changed |= self._scrub_dict(node, name)
                nodes += (
                    (cast("Node", child), self._teller(key, node, name))
                    for key, child in node.items()
                    if isinstance(child, list | dict)
                )
        return changed

    def _scrub_list(self, node: list[object], name: str | None) -> bool:
        """Scrub the texts in *node*, of which *name* may tell what they are."""
        changed = False
        for place, child in enumerate(node):
            if isinstance(child, str):
                clean = node[place] = self._told(name, child)
                changed |= clean is not child
        return changed

    def _scrub_dict(self, node: dict[str, object], name: str | None) -> bool:
        """Scrub the keys of *node*, which stands under *name*, and the texts in it."""
        clean: dict[str, object] = {}
        changed = False
        for key, child in node.items():
            new_key = self._cleaned(key, self.in_keys)
            new_child = self._told(self._teller(key, node, name), child) if isinstance(child, str) else child
            if new_key in clean:
                raise ScrubRefused(
                    "two keys of a dict would become one without what is secret or personal in them",
                    hint="use ids for keys, and put what is secret or personal into the values",
                )
            clean[new_key] = new_child
            changed |= new_key is not key or new_child is not child
        if changed:
            node.clear()
            node.update(clean)
        return changed

    def _teller(self, key: str, node: dict[str, object], name: str | None) -> str:
        """Which name speaks for what stands under *key* in *node*, which stands under *name*."""
        beside = node.get("name", node.get("key")) if key == "value" else None
        return beside if isinstance(beside, str) else teller(key, name)

    def _told(self, name: str | None, text: str) -> str:
        """*text* without what is in it, and without itself when *name* says what it is."""
        if name is None:
            return self._cleaned(text, self.in_texts)
        start = header_start(name) if self.secrets else ""
        line = self._cleaned(start + text, self.in_texts)
        clean = line[len(start) :] if line != start + text else text
        kind = self._kind(name, clean)
        return mark(kind) if kind else clean

    def _kind(self, key: str, text: str) -> str | None:
        """What *text* is, by its key; None when the key does not tell."""
        if self.secrets and (vouches := told(key)) and is_secret(text, vouches):
            return kind_of(vouches)
        return personal_kind(key, text) if self.personal else None

    def _cleaned(self, text: str, detectors: tuple[Detector, ...]) -> str:
        """*text* with marks, *text* itself when there is nothing; what comes out would stay as it is."""
        for _ in range(_ROUNDS):
            before = text
            for detector in detectors:
                if detector.is_near(text):
                    text = detector.replaced(text, self.effort)
            if text is before:
                return text
        raise ScrubRefused(
            "a text shows another secret each time one is taken out of it",
            hint="store it in smaller parts, without the secrets",
        )
