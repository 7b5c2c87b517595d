"""What is asked of a library: by the situation an agent is in, or in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec

from quarterdeck.errors import StateError, UsageError
from quarterdeck.patterns import checks, features
from quarterdeck.patterns.answers import LONGEST_KEY
from quarterdeck.patterns.meaning.text import said
from quarterdeck.patterns.ranking import Question, end_s
from quarterdeck.patterns.search.terms import Gate, Query
from quarterdeck.patterns.shelf import Shelf

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence

    from quarterdeck.patterns.match import PatternMatch

MAX_LIMIT = 10_000
"""Of matches that one question returns."""
_encode = msgspec.json.Encoder().encode


class Asking(Shelf):
    """The room in which patterns are found."""

    def query_patterns(
        self,
        agent_id: str,
        context: Mapping[str, Any],
        pattern_type: str | None = None,
        min_confidence: float = 0.5,
        limit: int = 10,
        *,
        explore: bool | None = None,
    ) -> list[PatternMatch]:
        """The patterns that fit the situation of an agent, best first.

        What fits has something in common with *context*: ``key=value`` pairs, tags (under ``tags``), and the
        words of the values in its text. What outcomes say of a pattern can double its score.

        Args:
            agent_id: who asks.
            context: the situation, as JSON; empty: of all, the newest 10,000, by their outcomes alone.
            pattern_type: only of this type.
            min_confidence: leave out those that nobody is so sure of: a pattern without outcomes by what its
                author stated, one with outcomes by the optimistic end of what they allow.
            limit: at most so many.
            explore: rank by a draw from what outcomes allow, instead of by what is expected, so that what has
                been tried little gets its chance (Thompson sampling); None: as the settings say. Without it
                agents stay with what worked first, and lose more in the long run.

        Raises:
            UsageError: one of these cannot be meant.
        """
        exploring = self.settings.explore if explore is None else explore
        try:
            types = type(min_confidence), type(limit)  # or 1 would be asked for as well as 1.0 and True
            situation = _encode(context)
            key = (agent_id, situation, pattern_type, min_confidence, limit, types, exploring)
            known = self._known(key)
        except (TypeError, ValueError, RecursionError):  # no JSON, or not to be hashed: said properly below
            situation, key, known = b"", None, None
        if known is not None:
            return known
        if len(situation) > LONGEST_KEY:
            key = None
        checks.line(agent_id, "agent_id")
        asked = features.asked_in_context(checks.context(context, "context"))
        required = () if pattern_type is None else (_type(pattern_type),)
        text = said(context) if self.meaning else ""
        return self._best(key, asked, required, text, min_confidence, limit, explore=exploring, retired=False)

    def search(
        self,
        query: str,
        *,
        tags: Sequence[str] = (),
        type: str | None = None,  # noqa: A002  its published name
        lesson: str | None = None,
        min_confidence: float = 0.0,
        limit: int = 10,
        explore: bool = False,
        retired: bool = False,
    ) -> list[PatternMatch]:
        """The patterns that fit a question in natural words, best first.

        Args:
            query: words; empty: of all that pass the filters, the newest 10,000, by what their outcomes say.
            tags: only those that have all of these.
            type: only of this type.
            lesson: only what to ``do``, or what to ``avoid``.
            min_confidence: as for `query_patterns`.
            limit: at most so many.
            explore: as for `query_patterns`.
            retired: also those that have expired or been superseded.

        Raises:
            UsageError: one of these cannot be meant.
        """
        wanted = tuple(checks.tags(tags, "tags"))
        try:
            types = min_confidence.__class__, limit.__class__
            key = (query, wanted, type, lesson, min_confidence, limit, types, explore, retired)
            known = self._known(key)
        except TypeError:  # hash refuses it: said properly below
            key, known = None, None
        if known is not None:
            return known
        asked = features.asked_in_words(checks.question(query))
        if len(query) > LONGEST_KEY:
            key = None
        required: list[tuple[str, ...]] = [(features.tag(tag),) for tag in wanted]
        if type is not None:
            required.append(_type(type))
        if lesson is not None:
            required.append((features.lesson(checks.lesson(lesson)),))
        return self._best(
            key, asked, required, query.strip(), min_confidence, limit, explore=explore, retired=retired
        )

    def _best(
        self,
        key: Hashable,
        asked: Mapping[str, float],
        required: Iterable[tuple[str, ...]],
        text: str,
        min_confidence: float,
        limit: int,
        *,
        explore: bool,
        retired: bool,
    ) -> list[PatternMatch]:
        """Ask, and remember the answer under *key*; None: do not."""
        if type(limit) is not int or not 1 <= limit <= MAX_LIMIT:
            raise UsageError(
                f"limit must be from 1 to {MAX_LIMIT}, got {checks.told(limit)}", hint="ask for some"
            )
        sure = checks.share(min_confidence, "min_confidence")
        if text and not asked and not self.meaning:
            return []  # nothing but stop words and signs
        now_s = self._clock()
        gate = Gate(sure, -1 if retired else int(now_s))
        query = Query(asked, tuple(required), gate)
        question = Question(query, text, sure, limit, now_s, self._draws if explore else None)
        with self._at_work:
            stamp = self.truth.stamp()
            matches = self._found(question)
            if key is not None and self.problem is None:
                ends = [] if retired else [end_s(match.pattern) for match in matches]
                self._answers.keep(key, stamp, min(ends, default=math.inf), matches)
        return list(matches)

    def _found(self, question: Question) -> tuple[PatternMatch, ...]:
        """By words alone where the search by meaning is wanted and fails: `problem` then says why."""
        self.problem = None
        try:
            return tuple(self._ranking.best(question))
        except StateError as error:
            if self.meaning is None or not question.text:
                raise
            found = self._ranking.best(question._replace(text="")) if question.query.weights else []
            self.problem = error
            return tuple(found)

    def _known(self, key: Hashable) -> list[PatternMatch] | None:
        with self._at_work:
            return self._answers.get(key)


def _type(pattern_type: object) -> tuple[str, ...]:
    return (features.type_(checks.line(pattern_type, "pattern_type")),)
