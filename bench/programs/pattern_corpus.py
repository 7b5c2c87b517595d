"""``pattern_corpus.py FILE COUNT``: write so many patterns as JSON, one a line, the same ones each time.

And questions to ask of them into ``FILE.questions``, one a line.

Their words are those of the standard library's own documentation, each as often as it is there, and names out
of its code, each as often as there are files that have it; so there are stop words, inflections, identifiers,
and words that hardly ever occur. Tags and types are as uneven: some patterns in five
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
    from collections.abc import Iterable, Iterator

SEED = 5
QUESTIONS = 4_000
TYPES = {"sequential": 4, "temporal": 3, "conditional": 2, "behavioral": 1}
"""How many of ten patterns have each."""
TAGS = 3_000
FREQUENT_TAG, RARE_TAG = "tag-1", "tag-2500"
LANGUAGES = ("python", "rust", "go", "typescript", "sql", "shell")
FRAMEWORKS = tuple(f"framework-{number}" for number in range(40))
NAMES = 0.25
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
            dice.choices(types, cum_weights=type_steps)[0],
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


def asked_of(path: str) -> list[str]:
    """The questions that were written with that file."""
    with open(f"{path}.questions", encoding="utf-8") as lines:
        return lines.read().splitlines()


def questions(count: int) -> list[str]:
    """Different ones, of four words each; frequent words are somewhat rarer than in the patterns.

    For who asks chooses words that tell something. Half of the words are in one of four hundred patterns or
    more.
    """
    counts = Counter(word for word in _pool() if len(word) > 3)
    words = sorted(counts)
    dice = random.Random(f"questions {SEED}")
    asked = dice.choices(words, weights=[counts[word] ** 0.75 for word in words], k=8 * count)
    return list(dict.fromkeys(" ".join(asked[at : at + 4]) for at in range(0, len(asked), 4)))[:count]


def _pool() -> list[str]:
    """Words of the library's documentation, and every fourth a name out of its code."""
    from pydoc_data.topics import topics

    words = Counter(_words(topics.values()))
    names: Counter[str] = Counter()
    for folder, inner, files in os.walk(os.path.dirname(os.__file__)):
        inner[:] = sorted(set(inner) - _NO_DOCUMENTATION)
        for file in sorted(files):
            if file.endswith(".py"):
                with open(os.path.join(folder, file), encoding="utf-8", errors="replace") as lines:
                    source = lines.read()
                words.update(_words(re.findall(r'"""(.*?)"""', source, re.DOTALL)))
                names.update(set(re.findall(r"[A-Za-z_]\w{3,}", source)))
    dice = random.Random(SEED)
    from_words, from_names = (
        dice.choices(sorted(counts), weights=[counts[each] for each in sorted(counts)], k=_POOL)
        for counts in (words, names)
    )
    return [
        name if dice.random() < NAMES else word for word, name in zip(from_words, from_names, strict=True)
    ]


def _words(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        yield from re.findall(r"[a-z]{2,}", text.lower())


if __name__ == "__main__":
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        file.writelines(json.dumps(made) + "\n" for made in patterns(int(sys.argv[2])))
    with open(f"{sys.argv[1]}.questions", "w", encoding="utf-8") as file:
        file.writelines(f"{question}\n" for question in questions(QUESTIONS))
