"""Messages of an agent to itself: one that comes again, many on end, one that chants.

text ──> is a chunk of it repeated                        chants
──> the smallest digests of its groups of words      a sketch, by which like texts are known
──> how often was something like it said, how many messages without a call between them
"""

from __future__ import annotations

import re
import zlib
from typing import Annotated

import msgspec

from quarterdeck.loops.events.calls import digest, steady
from quarterdeck.loops.events.model import Kind
from quarterdeck.loops.events.rules import Finding, Limits, Mark

SAME_MESSAGE = Limits(3, 5, 8)
MESSAGES = Limits(6, 10, 16)
CHANTED = Limits(6, 12, 24)

_KNOWN = 4
_SKETCH = 24
_WORDS = 120
_GROUP = 3
_ALIKE = 0.6
_CHANT_CHARS = 400
_LOOKED_AT_CHARS = 20_000
_PROBE_CHARS = 48
_CODE = re.compile(r"```.*?(?:```|$)", re.DOTALL)
_SENTENCE_END = re.compile(r"[\n.!?。！？]+")  # noqa: RUF001 - full-width marks end sentences too


class _Said(msgspec.Struct):
    sketch: Annotated[list[int], msgspec.Meta(max_length=_SKETCH)]
    times: Annotated[int, msgspec.Meta(ge=0)]
    in_a_row: Annotated[int, msgspec.Meta(ge=0)]
    start: Mark


class Monologue(msgspec.Struct):
    """What an agent has said since it last did something new."""

    in_a_row: Annotated[int, msgspec.Meta(ge=0)] = 0
    start: Mark = Mark()
    known: Annotated[list[_Said], msgspec.Meta(max_length=_KNOWN)] = msgspec.field(default_factory=list)

    def acted(self, *, new: bool) -> None:
        """A call was made: the row ends; what was said counts on only if the call was nothing new."""
        self.in_a_row = 0
        if new:
            self.known.clear()
        for said in self.known:
            said.in_a_row = 0

    def observe(self, text: str, before: Mark, mark: Mark) -> Finding | None:
        """Whether a message of the agent is one too many."""
        if not text.strip():
            return None
        if self.in_a_row == 0:
            self.start = mark
        self.in_a_row += 1
        chant = chanted(text)
        said = self._meet(sketch(text), mark)
        level = CHANTED.level(chant)
        if level is not None:
            return Finding(Kind.MONOLOGUE, level, mark.position, chant, 1, 1, mark, before)
        level = SAME_MESSAGE.level(said.in_a_row) or MESSAGES.level(said.times)
        if level is not None:
            return Finding(
                Kind.MONOLOGUE, level, said.start.position, said.times, 1, said.times, said.start, said.start
            )
        level = MESSAGES.level(self.in_a_row)
        if level is None:
            return None
        times = self.in_a_row
        return Finding(Kind.MONOLOGUE, level, self.start.position, times, 0, times, self.start, self.start)

    def _meet(self, drawn: list[int], mark: Mark) -> _Said:
        for said in self.known:
            if likeness(said.sketch, drawn) >= _ALIKE:
                said.times += 1
                said.in_a_row += 1
                said.sketch = drawn  # it may drift: what counts is the step from one to the next
                return said
        said = _Said(drawn, 1, 1, mark)
        self.known.append(said)
        del self.known[:-_KNOWN]
        return said


def sketch(text: str) -> list[int]:
    """The smallest digests of the groups of three words in *text*, in order; O(1): long texts are cut.

    Source: Broder, "On the resemblance and containment of documents" (1997), bottom-k sketches.
    """
    words = steady(text).split()
    if len(words) > _WORDS:
        words = words[: _WORDS // 2] + words[-_WORDS // 2 :]
    if len(words) < 2 * _GROUP:
        return [digest(" ".join(words)) & 0xFFFFFFFF]
    groups = {
        zlib.crc32(" ".join(group).encode("utf-8", "replace"))
        for group in zip(words, words[1:], words[2:], strict=False)
    }
    return sorted(groups)[:_SKETCH]


def likeness(one: list[int], other: list[int]) -> float:
    """How much of what two sketches hold is in both, 0 to 1."""
    union = sorted({*one, *other})[:_SKETCH]
    both = {*one} & {*other}
    return sum(item in both for item in union) / len(union) if union else 1.0


def chanted(text: str) -> int:
    """How often one chunk of *text* is repeated, if that is most of what it says; 0: it is not.

    Code in fences, tables and rules of dashes are made of repetition and are left out.
    """
    if len(text) < _CHANT_CHARS:
        return 0
    text = _CODE.sub("\n", text[-_LOOKED_AT_CHARS:])
    return max(_sentence(text), _tail(text))


def _sentence(text: str) -> int:
    counts: dict[str, int] = {}
    letters = 0
    for part in _SENTENCE_END.split(text):
        sentence = " ".join(part.split()).casefold()
        if (
            len(sentence) >= 12
            and "|" not in sentence
            and sum(map(str.isalpha, sentence)) * 2 > len(sentence)
        ):
            counts[sentence] = counts.get(sentence, 0) + 1
            letters += len(sentence)
    if not counts:
        return 0
    often, times = max(counts.items(), key=lambda item: item[1] * len(item[0]))
    return times if times > 1 and times * len(often) * 2 >= letters else 0


def _tail(text: str) -> int:
    """How often what stands at the end stands there in one piece: a model that cannot stop never gets past it."""
    text = " ".join(text.split())
    probe = text[-_PROBE_CHARS:]
    if sum(map(str.isalpha, probe)) * 2 < len(probe) or "|" in probe:
        return 0
    period = len(text) - _PROBE_CHARS - text.rfind(probe, 0, len(text) - 1)
    if period > len(text) // 2 or text.rfind(probe, 0, len(text) - 1) < 0:
        return 0
    chunk = text[-period:]
    times = 1
    while text.endswith(chunk, 0, len(text) - times * period) and times * period < len(text):
        times += 1
    return times if times * period >= _CHANT_CHARS // 2 else 0
