"""``pattern_corpus.py FILE COUNT``: write so many patterns as JSON, one a line, the same ones each time.

Their words are those of the standard library's own documentation, each as often as it is there; so there are
stop words, inflections and words that hardly ever occur. Tags and types are as uneven: some patterns in five
have the first tag, one in ten thousand the last. Half of all patterns state a confidence of at least 0.5.
"""

from __future__ import annotations

import json
import os
import random
import re
import sys
from collections import Counter
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

SEED = 5
TYPES = {"sequential": 4, "temporal": 3, "conditional": 2, "behavioral": 1}
"""How many of ten patterns have each."""
TAGS = 3_000
FREQUENT_TAG, RARE_TAG = "tag-1", "tag-2500"
LANGUAGES = ("python", "rust", "go", "typescript", "sql", "shell")
FRAMEWORKS = tuple(f"framework-{number}" for number in range(40))
_POOL = 1_000_000
_NO_DOCUMENTATION = {"test", "tests", "site-packages", "idlelib", "lib2to3", "turtledemo", "__pycache__"}


class Made(NamedTuple):
    """One pattern that was made up."""

    id: str
    type: str
    name: str
    description: str
    tags: list[str]
    context: dict[str, str]
    confidence: float

    @property
    def text(self) -> str:
        """All of it in words, for an engine that knows only texts."""
        said = (self.name, self.description, *self.tags, *self.context.values())
        return "\n".join(said)


class Question(NamedTuple):
    """What is asked: words, and perhaps what a pattern must be besides."""

    words: str
    type: str | None = None
    tag: str | None = None
    confidence: float = 0.0


def patterns(count: int) -> Iterator[Made]:
    """The first *count* of them."""
    pool = _pool()
    dice = random.Random(SEED)
    types = list(TYPES)
    type_steps = list(accumulate(TYPES.values()))
    tags = [f"tag-{rank}" for rank in range(1, TAGS + 1)]
    tag_steps = list(accumulate(1 / rank for rank in range(1, TAGS + 1)))
    for number in range(count):
        at = dice.randrange(_POOL - 100)
        begins = at + dice.randint(4, 8)
        yield Made(
            f"p{number}",
            *dice.choices(types, cum_weights=type_steps),
            " ".join(pool[at:begins]),
            " ".join(pool[begins : begins + dice.randint(15, 50)]),
            list(dict.fromkeys(dice.choices(tags, cum_weights=tag_steps, k=dice.randint(1, 3)))),
            {"language": dice.choice(LANGUAGES), "framework": dice.choice(FRAMEWORKS)},
            dice.randint(0, 100) / 100,
        )


def read(path: str) -> Iterator[Made]:
    """Those of a file."""
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            yield Made(*json.loads(line))


def questions(count: int) -> list[str]:
    """Different ones, of four words each that are no stop words, most of them."""
    words = [word for word in _pool() if len(word) > 3]
    dice = random.Random(f"questions {SEED}")
    asked = {" ".join(dice.sample(words, 4)): None for _ in range(2 * count)}
    return list(asked)[:count]


def _pool() -> list[str]:
    """Words of the documentation in any order, each as often as it is there."""
    from pydoc_data.topics import topics

    texts = list(topics.values())
    for folder, inner, names in os.walk(os.path.dirname(os.__file__)):
        inner[:] = sorted(set(inner) - _NO_DOCUMENTATION)
        for name in sorted(names):
            if name.endswith(".py"):
                with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
                    texts += re.findall(r'"""(.*?)"""', file.read(), re.DOTALL)
    counts = Counter(word for text in texts for word in re.findall(r"[a-z]{2,}", text.lower()))
    words = sorted(counts)
    return random.Random(SEED).choices(words, weights=[counts[word] for word in words], k=_POOL)


if __name__ == "__main__":
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        file.writelines(json.dumps(made) + "\n" for made in patterns(int(sys.argv[2])))
