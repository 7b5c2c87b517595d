"""An encoder that needs no model, and a library to encode."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np

from quarterdeck.patterns.meaning.meaning import Meaning
from quarterdeck.patterns.ranking import until_s
from tests.truth_worlds import a_pattern, contribute


class Letters:
    """Texts that share many words point the same way; it remembers what it was given."""

    name = "letters"
    dimensions = 64
    unrelated = -1.0

    def __init__(self):
        self.texts = []

    def encode(self, texts):
        self.texts += texts
        return np.stack([self.direction(text) for text in texts]) if texts else np.empty((0, 64), np.float32)

    def direction(self, text):
        counts = np.full(self.dimensions, 0.01, np.float32)
        for word in text.replace(".", " ").split():
            counts[blake2b(word.encode(), digest_size=1).digest()[0] % self.dimensions] += 1
        return counts / np.linalg.norm(counts)


def plain(pattern_id, name, **fields):
    """A pattern that is nothing but its name."""
    return a_pattern(pattern_id, name=name, **({"description": "", "context": {}, "tags": []} | fields))


def fill(truth, count, *, start=0):
    """Contribute so many, each with another text; their numbers are 1, 2 and so on."""
    contribute(truth, *(plain(f"p{each}", f"word{each}") for each in range(start, start + count)))


def numbers_found(meaning, question="word0", k=1000):
    """Of all that is found, in the order of the numbers."""
    return sorted(number for number, _ in meaning.nearest(question, k))


def open_meaning(truth, folder, encoder=None):
    """Without a model."""
    return Meaning(truth, None if folder is None else str(folder), until_s, encoder or Letters())
