"""Through every text of a value: the leaves of its tree, and the keys of its dicts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

from quarterdeck.errors import ScrubRefused
from quarterdeck.memory.scrub.detector import mark
from quarterdeck.memory.scrub.named import is_secret, kind_of, told
from quarterdeck.memory.scrub.personal import personal_kind

if TYPE_CHECKING:
    from quarterdeck.memory.scrub.detector import Detector

    Node = list[object] | dict[str, object]

_ROUNDS = 8
"""A mark may uncover something beside it; more often than that, somebody means it."""


class Search(NamedTuple):
    """What to look for in one value.

    Attributes:
        in_keys: detectors for the keys of dicts: ``token:value`` is often how a key is made.
        in_texts: detectors for all other texts.
        secrets, personal: whether the key of a dict may tell what its value is.
    """

    in_keys: tuple[Detector, ...]
    in_texts: tuple[Detector, ...]
    secrets: bool
    personal: bool

    def scrub(self, root: list[object]) -> bool:
        """Put marks into *root* and all that is in it, however deep; whether there was anything.

        Raises:
            ScrubRefused: two keys of a dict would become one.
        """
        changed = False
        nodes: list[Node] = [root]
        while nodes:
            node = nodes.pop()
            changed |= self._scrub_list(node) if isinstance(node, list) else self._scrub_dict(node)
            children = node if isinstance(node, list) else node.values()
            nodes += (cast("Node", child) for child in children if isinstance(child, list | dict))
        return changed

    def _scrub_list(self, node: list[object]) -> bool:
        changed = False
        for place, child in enumerate(node):
            if isinstance(child, str):
                clean = node[place] = _cleaned(child, self.in_texts)
                changed |= clean is not child
        return changed

    def _scrub_dict(self, node: dict[str, object]) -> bool:
        """Scrub the keys of *node* and the texts in it, also those in a list under a telling key."""
        clean: dict[str, object] = {}
        changed = False
        name = node.get("name", node.get("key"))
        for key, child in node.items():
            new_key = _cleaned(key, self.in_keys)
            new_child = self._told(name if key == "value" and isinstance(name, str) else key, child)
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

    def _told(self, key: str, child: object) -> object:
        """*child* without what is in it, and without itself when its key says what it is."""
        if isinstance(child, str):
            clean = _cleaned(child, self.in_texts)
            kind = self._kind(key, clean)
            return mark(kind) if kind else clean
        if isinstance(child, list):
            kinds = [self._kind(key, each) if isinstance(each, str) else None for each in child]
            if any(kinds):
                return [mark(kind) if kind else each for kind, each in zip(kinds, child, strict=True)]
        return child

    def _kind(self, key: str, text: str) -> str | None:
        """What *text* is, by its key; None when the key does not tell."""
        if self.secrets and (vouches := told(key)) and is_secret(text, vouches):
            return kind_of(vouches)
        return personal_kind(key, text) if self.personal else None


def _cleaned(text: str, detectors: tuple[Detector, ...]) -> str:
    """*text* with marks, *text* itself when there is nothing; what comes out would stay as it is."""
    for _ in range(_ROUNDS):
        before = text
        for detector in detectors:
            if detector.is_near(text):
                text = detector.replaced(text)
        if text is before:
            return text
    raise ScrubRefused(
        "a text shows another secret each time one is taken out of it",
        hint="store it in smaller parts, without the secrets",
    )
