"""Messages of an agent to itself: one that comes again, many on end, one that chants.

text ──> is a chunk of it repeated                            chants
──> digests of its words                                 by which like texts are known, and new words
──> how often was something like it said, how many messages without a call between them,
    and whether most of these say anything new
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Annotated
from zlib import crc32

import msgspec

from quarterdeck.loops.events.findings import (
    CHANTED,
    MESSAGES,
    NEW_MESSAGES,
    SAME_MESSAGE,
    Count,
    Finding,
    Mark,
)
from quarterdeck.loops.events.model import Kind

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

_KNOWN = 4
_COMPARED_CHARS = 100  # of each end
_ALIKE = 0.7
_NEWS_CHARS = 40  # so much of a message in words that did not fall before, and it says something new
_CHANT_CHARS = 400
_LOOKED_AT_CHARS = 4000
_PROBE_CHARS = 48
_SENTENCE_CHARS = 12
_WORD = re.compile(r"\w{3,}")
_CODE = re.compile(r"```.*?(?:```|$)", re.DOTALL)
_SENTENCE_END = re.compile(r"[\n.!?;。！？]+")  # noqa: RUF001 - full-width marks end sentences too


_Words = Annotated[list[int], msgspec.Meta(max_length=2 * _COMPARED_CHARS)]


class _Said(msgspec.Struct, array_like=True):
    words: _Words
    times: Count
    in_a_row: Count
    start: Mark


class Monologue(msgspec.Struct, array_like=True):
    """What an agent has said since it last did something new; of its words only digests are kept."""

    in_a_row: Count = 0
    news: Count = 0  # how many messages of the row said something new
    start: Mark = Mark()
    known: Annotated[list[_Said], msgspec.Meta(max_length=_KNOWN)] = msgspec.field(default_factory=list)
    vocabulary: _Words = msgspec.field(default_factory=list)  # of the row, the latest last
    unread: str = ""  # the first of a row: most are followed by something new, and need not be taken apart

    def acted(self, *, new: bool) -> None:
        """A call was made: the row ends; what was said counts on only if the call was nothing new."""
        if new:
            self.known.clear()
            self.unread = ""
        self.settle()
        if self.in_a_row:
            self.in_a_row = self.news = 0
            self.vocabulary.clear()
        for said in self.known:
            said.in_a_row = 0

    def observe(self, text: str, before: Mark, mark: Mark) -> Finding | None:
        """Whether a message of the agent, whose text is not blank, is one too many."""
        self.settle()
        if self.in_a_row == 0:
            self.start = mark
        self.in_a_row += 1
        times = chanted(text)
        level = CHANTED.level(times)
        if self.in_a_row == 1 and not self.known:
            self.unread = _ends(text)
            said = None
        else:
            said = self._meet(_ends(text), mark)
        if level is not None:
            return Finding(Kind.MONOLOGUE, level, mark.position, times, 1, 1, mark, before)
        if said is None:
            return None
        times, start = said.times, said.start
        level = SAME_MESSAGE.level(said.in_a_row) or MESSAGES.level(times)
        if level is None:
            times, start = self.in_a_row, self.start
            level = (MESSAGES if self.news * 2 <= times else NEW_MESSAGES).level(times)
        if level is None:
            return None
        return Finding(Kind.MONOLOGUE, level, start.position, times, 0, times, start, start)

    def settle(self) -> None:
        """Take apart what is unread: no text is kept."""
        if self.unread:
            text, self.unread = self.unread, ""
            self._meet(text, self.start)

    def _meet(self, text: str, mark: Mark) -> _Said:
        spoken = words(text)
        heard = {*self.vocabulary}
        added = spoken.keys() - heard
        self.news += sum(spoken[each] for each in added) >= _NEWS_CHARS
        self.vocabulary += added
        del self.vocabulary[: -2 * _COMPARED_CHARS]
        for said in self.known:
            if likeness(spoken.keys(), {*said.words}) >= _ALIKE:
                said.words = [*spoken]  # it may drift: what counts is the step from one to the next
                said.times += 1
                said.in_a_row += 1
                return said
        said = _Said([*spoken], 1, 1, mark)
        self.known.append(said)
        del self.known[:-_KNOWN]
        return said


def _ends(text: str) -> str:
    if len(text) <= 2 * _COMPARED_CHARS:
        return text
    return f"{text[:_COMPARED_CHARS]}\n{text[-_COMPARED_CHARS:]}"


def words(text: str) -> dict[int, int]:
    """The lengths of the words of *text* by their digests."""
    found = _WORD.findall(text.casefold()) or [text]
    return {crc32(word.encode("utf-8", "replace")): len(word) for word in found[: 2 * _COMPARED_CHARS]}


def likeness(some: AbstractSet[int], others: AbstractSet[int]) -> float:
    """How many of the words of two texts are in both, 0 to 1.

    Source: Jaccard (1912), the size of the intersection by the size of the union.
    """
    both = len(some & others)
    return both / (len(some) + len(others) - both)


def chanted(text: str) -> int:
    """How often one chunk of *text* is repeated, if that is most of what it says; 0: it is not.

    Of a long text the last 4,000 characters are looked at. Code in fences and tables are made of repetition
    and are left out.
    """
    if len(text) < _CHANT_CHARS:
        return 0
    text = text[-_LOOKED_AT_CHARS:]
    if "```" in text:
        text = _CODE.sub("\n", text)
    words = text.split()
    if len({*words}) * 2 > len(words) > 1:
        return 0
    return max(_sentence(text), _tail(" ".join(words)))


def _sentence(text: str) -> int:
    counts = Counter(" ".join(part.split()).casefold() for part in _SENTENCE_END.split(text))
    counts = Counter({part: times for part, times in counts.items() if len(part) >= _SENTENCE_CHARS})
    if not counts:
        return 0
    often = max(counts, key=lambda part: counts[part] * len(part))
    times = counts[often]
    most = times * len(often) * 2 >= sum(len(part) * count for part, count in counts.items())
    return times if times > 1 and most and _is_prose(often) else 0


def _tail(text: str) -> int:
    """How often what stands at the end stands there on end: a model that cannot stop is cut off there."""
    probe = text[-_PROBE_CHARS:]
    place = text.rfind(probe, 0, -1)
    if place < 0 or not _is_prose(probe):
        return 0
    period = len(text) - _PROBE_CHARS - place
    chunk = text[-period:]
    times = 1
    while text.endswith(chunk, 0, len(text) - times * period):
        times += 1
    return times if times * period >= _CHANT_CHARS // 2 else 0


def _is_prose(text: str) -> bool:
    """Not a row of a table, a rule of dashes, numbers."""
    return "|" not in text and sum(map(str.isalpha, text)) * 2 > len(text)
