"""From a question to the best matches: candidates by their text, then what the outcomes say of them.

    question ── search index: the window that fits best ── (meaning: those that are nearest, fused)
             ── tallies of all of them ── how well it fits x 2^(theta - 1/2) ── the best, read from the truth

The outcomes reorder the window; they lift nothing into it. So a pattern that fits much worse is not found
for its successes, and the cost does not grow with the library.
"""

from __future__ import annotations

import math
from bisect import insort
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.patterns import evidence, features
from quarterdeck.patterns.match import PatternMatch
from quarterdeck.patterns.meaning import fuse, relevance
from quarterdeck.patterns.model import LinkKind
from quarterdeck.patterns.search import bm25
from quarterdeck.patterns.search.terms import FOREVER_S, Document

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

    from quarterdeck.patterns.evidence import Tally
    from quarterdeck.patterns.meaning import Meaning
    from quarterdeck.patterns.model import Pattern
    from quarterdeck.patterns.search.index import SearchIndex
    from quarterdeck.patterns.search.terms import Hit, Query
    from quarterdeck.patterns.truth import Change, Truth

WINDOW = 64
"""So many candidates are weighed by their outcomes; more when more answers are wanted, or ..."""
ALIKE_WINDOW = 1_024
"""... as many as this when those at its end fit as well as the answers, or ..."""
MOST_WINDOW = 10_000
"""... as this when their outcomes bar too many, or when all fit alike: only filters were asked for."""
WINDOW_MEANT = 128
"""Instead of `WINDOW`, by words and by meaning each; half of it, and the bench finds less."""
_SPARE = 4
"""With filters so many times as many are looked at, for of those that are nearest some may not pass."""


class Question(NamedTuple):
    """What is looked for, and how.

    Attributes:
        query: for the index.
        text: for the search by meaning; empty: none.
        min_confidence: leave out patterns of which not even the optimistic end of what is known reaches it.
        limit: how many matches at most.
        now_s: the moment, in seconds of the epoch.
        random: draws for exploration; None: by what is expected.
    """

    query: Query
    text: str
    min_confidence: float
    limit: int
    now_s: float
    random: random.Random | None


class _Candidate(NamedTuple):
    """A pattern that may be among the best; *theta* is the probability that it works, or a draw of it.

    Those that are better come first in the order of tuples.
    """

    minus_score: float
    number: int
    fit: float
    theta: float
    tally: Tally


class Ranking:
    """Answers questions about one library; for one thread at a time."""

    def __init__(self, truth: Truth, index: SearchIndex, half_life_s: float, meaning: Meaning | None) -> None:
        """Reads *truth*, through *index* and, where there is one, through *meaning*."""
        self._truth = truth
        self._index = index
        self._half_life_s = half_life_s
        self._meaning = meaning

    def best(self, question: Question) -> list[PatternMatch]:
        """The best matches, best first."""
        least = WINDOW_MEANT if self._meaning else WINDOW
        nearest = max(least, 4 * question.limit)
        window = nearest if question.query.weights or question.text else max(MOST_WINDOW, nearest)
        while True:
            matches, hits, is_all = self._best_of(question, window, nearest)
            is_short = len(matches) < question.limit
            if is_all or window >= (MOST_WINDOW if is_short else ALIKE_WINDOW):
                return matches
            if not is_short and (len(hits) < window or hits[-1].score < hits[question.limit - 1].score):
                return matches
            window *= 8  # outcomes have barred too many, or those beyond the window fit as well
            if is_short:
                nearest = window

    def _best_of(
        self, question: Question, window: int, nearest: int
    ) -> tuple[list[PatternMatch], list[Hit], bool]:
        """The best matches of what fits best; what does by its words; whether there is no more.

        Of that there are *window*, and *nearest* by their meaning.
        """
        query = question.query
        only_by_meaning = self._meaning and question.text and not query.weights  # no words say that any fits
        hits = [] if only_by_meaning else self._index.search(query, window)
        is_all = len(hits) < window
        possible = self._possible(query.weights)
        whole = sum(possible.values())
        by_words = {hit.number: hit.score / whole if whole else 1.0 for hit in hits}
        fits = by_words
        stated = {hit.number: hit.confidence for hit in hits}
        similar: dict[int, float] = {}
        others: dict[int, float] = {}
        if self._meaning and question.text:
            similar, others = self._nearest(self._meaning, question, nearest, stated)
            is_all = is_all and len(similar) < nearest
            stated |= others
            compared = [number for number in by_words if number not in similar]
            similar |= self._meaning.similarities(question.text, compared)
            fits = fuse(by_words, similar)
        tried = {hit.number for hit in hits if hit.is_tried} | others.keys()
        tallies = self._truth.tallies(list(tried)) if tried else {}
        candidates = self._weighed(question, fits, stated, tallies, question.limit)
        found = self._read(candidates, question)
        if len(found) < question.limit <= len(candidates):  # some are gone since the index was asked
            found = self._read(self._weighed(question, fits, stated, tallies, len(fits)), question)
        contradicted = self._contradicted([pattern.id for _, pattern in found])
        matches = [
            PatternMatch(
                pattern,
                relevance(by_words.get(each.number, 0.0), similar.get(each.number)),
                -each.minus_score,
                evidence.weigh(each.tally, pattern.confidence, question.now_s, self._half_life_s, each.theta),
                asked=possible,
                similarity=similar.get(each.number),
                contradicted_by=contradicted.get(pattern.id, ()),
            )
            for each, pattern in found
        ]
        return matches, hits, is_all

    def _possible(self, weights: Mapping[str, float]) -> dict[str, float]:
        """What each feature of the question gives to a pattern of average length in which it is once.

        A ``key=value`` that no pattern has says nothing of how well one fits; a word that none has does.
        """
        known = self._index.statistics()
        found = {feature: known.frequency(feature) for feature in weights}
        return {
            feature: weight * bm25.rarity(known.documents, found[feature])
            for feature, weight in weights.items()
            if found[feature] or not features.is_pair(feature)
        }

    def _nearest(
        self, meaning: Meaning, question: Question, window: int, known: Mapping[int, float]
    ) -> tuple[dict[int, float], dict[int, float]]:
        """Cosines of the *window* that is nearest, and how sure the authors are of what was not *known*."""
        required = question.query.required
        found = meaning.nearest(question.text, (_SPARE if required else 1) * window, question.query)
        nearest: dict[int, float] = {}
        stated: dict[int, float] = {}
        while found and len(nearest) < window:
            some, found = found[:window], found[window:]
            read = self._truth.read([number for number, _ in some if number not in known])
            stated |= {number: each.confidence for number, each in read.items() if _has(each, required)}
            nearest |= {number: cosine for number, cosine in some if number in known or number in stated}
        return nearest, stated

    def _weighed(
        self,
        question: Question,
        fits: Mapping[int, float],
        stated: Mapping[int, float],
        tallies: Mapping[int, Tally],
        enough: int,
    ) -> list[_Candidate]:
        """The candidates that are sure enough, best first; *enough* of them, and some of the others.

        Whatever outcomes say multiplies the fit by at most `evidence.MAX_FACTOR`: once there are enough that
        even then would be better than the next, so they would be than all that follow.
        """
        least, random = question.min_confidence, question.random
        candidates: list[tuple[float, int, float, float, Tally]] = []  # made in a tenth of the time
        best: list[float] = []
        for number, fit in sorted(fits.items(), key=_fit, reverse=True):
            if len(best) == enough and fit * evidence.MAX_FACTOR < best[0]:
                break
            confidence = stated.get(number, -1.0)
            tally = tallies.get(number)
            if tally is None:
                if confidence < least:
                    continue
                tally = evidence.NO_OUTCOMES
                theta, factor = _untried(confidence)
                if random is not None:
                    theta = evidence.untried(confidence).draw(random)
                    factor = evidence.factor(theta)
            else:
                if evidence.ceiling(tally, confidence, question.now_s, self._half_life_s) < least:
                    continue
                known = evidence.posterior(tally, confidence, question.now_s, self._half_life_s)
                theta = known.mean if random is None else known.draw(random)
                factor = evidence.factor(theta)
            score = fit * factor
            candidates.append((-score, number, fit, theta, tally))
            insort(best, score)
            if len(best) > enough:
                del best[0]
        candidates.sort()
        return list(map(_Candidate._make, candidates))

    def _read(self, candidates: list[_Candidate], question: Question) -> list[tuple[_Candidate, Pattern]]:
        """As many of the best as are wanted, without those that were deleted or ran out meanwhile."""
        found: list[tuple[_Candidate, Pattern]] = []
        at, retired = 0, question.query.gate.at_s < 0
        while at < len(candidates) and len(found) < question.limit:
            chunk = candidates[at : at + question.limit - len(found)]
            at += len(chunk)
            patterns = self._truth.read([each.number for each in chunk])
            for each in chunk:
                pattern = patterns.get(each.number)
                if pattern and (retired or end_s(pattern) > question.now_s):
                    found.append((each, pattern))
        return found

    def _contradicted(self, ids: list[str]) -> dict[str, tuple[str, ...]]:
        """Of each of them, the ids of those that say otherwise."""
        said: dict[str, list[str]] = {}
        for link in self._truth.links(ids):
            if link.kind is LinkKind.CONTRADICTS:
                said.setdefault(link.source, []).append(link.target)
                said.setdefault(link.target, []).append(link.source)
        return {each: tuple(sorted(set(others))) for each, others in said.items()}


def _has(pattern: Pattern, required: tuple[tuple[str, ...], ...]) -> bool:
    """Whether it has one label of each group."""
    if not required:
        return True
    labels = features.labels_of(pattern)
    return all(not labels.isdisjoint(group) for group in required)


def _fit(found: tuple[int, float]) -> float:
    return found[1]


@lru_cache(maxsize=1024)
def _untried(confidence: float) -> tuple[float, float]:
    """What is expected of a pattern without outcomes, and its factor."""
    theta = evidence.untried(confidence).mean
    return theta, evidence.factor(theta)


def end_s(pattern: Pattern) -> float:
    """When, in seconds of the epoch, *pattern* is not found any more; 0: it is superseded already."""
    if pattern.superseded_by is not None:
        return 0.0
    return math.inf if pattern.expires_at is None else pattern.expires_at.timestamp()


def until_s(pattern: Pattern) -> int:
    """The same for the index, which knows whole seconds from 0 on, and so lets it pass a little longer."""
    end = end_s(pattern)
    return FOREVER_S if end == math.inf else max(0, math.ceil(end))


def document_of(change: Change) -> Document | None:
    """What the index holds of a pattern; None: nothing, for it was deleted."""
    pattern = change.pattern
    if pattern is None:
        return None
    has = features.features_of(pattern)
    return Document(change.number, has, pattern.confidence, until_s(pattern), change.is_tried)
