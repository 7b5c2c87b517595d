"""Whatever two handles of one library are told: both find what a plain dict and a slow, plain BM25 find."""

from __future__ import annotations

import math
import shutil
import struct
import tempfile
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from quarterdeck.errors import UsageError
from quarterdeck.patterns import LinkKind, Pattern, features
from quarterdeck.patterns.search.terms import FOREVER_S, Document, Query
from tests.library_worlds import DAY_S, SETTINGS, Clock, ids, open_library
from tests.search_worlds import brute_force, corpus_of

HALF_LIFE_S = SETTINGS.half_life_days * DAY_S
WORDS = ("sqlite", "locked", "busyTimeout", "retry", "the", "3")
IDS = st.sampled_from("abcdef")
NAMES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join)
TAGS = st.lists(st.sampled_from(["locks", "retry", "Two Words"]), max_size=2, unique=True)
TYPES = st.sampled_from(["sequential", "our own"])
CONFIDENCES = st.sampled_from([0.0, 0.3, 0.5, 1.0])
CONTEXTS = st.sampled_from([{}, {"language": "python"}, {"db": {"port": 5432}, "tags": ["locks"]}])
LIVES_S = st.sampled_from([None, -1.0, 0.5, 60.0, 40 * DAY_S])
QUESTIONS = st.lists(st.sampled_from([*WORDS, "language", "nothing"]), max_size=4).map(" ".join)
LIMITS = st.sampled_from([1, 3, 100])
ASKED = st.tuples(QUESTIONS, TAGS, st.none() | TYPES, CONFIDENCES, LIMITS)


class Known(NamedTuple):
    """What the library must know of a pattern, *number* being its turn to come."""

    number: int
    pattern: Pattern
    outcomes: tuple[tuple[bool, float], ...] = ()


def plainly(known, superseded_by, now_s, least):
    """Its probability to work, and whether it is sure enough: both from what `evidence` says of itself."""
    stated = min(max(known.pattern.confidence, 0.05), 0.95)
    weights = [(good, 0.5 ** ((now_s - at_s) / HALF_LIFE_S)) for good, at_s in known.outcomes]
    alpha = 2 * stated + sum(weight for good, weight in weights if good)
    beta = 2 * (1 - stated) + sum(weight for good, weight in weights if not good)
    count, z = alpha + beta, 1.6448536269514722
    spread = z * math.sqrt(alpha * beta / count + z * z / 4)
    upper = min(1.0, (alpha + z * z / 2 + spread) / (count + z * z))
    wins = {good for good, _ in known.outcomes}
    confidence = known.pattern.confidence
    ceiling = {
        frozenset(): confidence,
        frozenset({True}): max(confidence, upper),
        frozenset({False}): min(confidence, upper),
        frozenset({True, False}): upper,
    }[frozenset(wins)]
    return alpha / count, ceiling >= least


def expected(everything, above, query, now_s, least, retired=False):
    """The score of each pattern that must be found, by id."""
    documents = [
        Document(each.number, features.features_of(each.pattern), 1.0, FOREVER_S, is_tried=True)
        for each in everything
    ]
    corpus = corpus_of(documents)
    whole = sum(
        weight * math.log(single(1 + (corpus.documents - df + 0.5) / (df + 0.5)))
        for feature, weight in query.weights.items()
        for df in (corpus.frequency(feature),)
        if df or "=" not in feature  # a pair that no pattern has could not be in one
    )
    fits = brute_force(documents, query, corpus)
    found = {}
    for each in everything:
        if each.number not in fits:
            continue
        expires = each.pattern.expires_at
        is_over = each.pattern.id in above or (expires is not None and expires.timestamp() <= now_s)
        theta, is_sure = plainly(each, above.get(each.pattern.id), now_s, least)
        if is_sure and (retired or not is_over):
            fit = fits[each.number] / whole if query.weights else 1.0
            found[each.pattern.id] = fit * 2 ** (theta - 0.5)
    return found


def single(number):
    return struct.unpack("f", struct.pack("f", number))[0]


def assert_found(matches, scores, limit):
    """The best of *scores*, best first."""
    assert len(matches) == min(limit, len(scores))
    best = sorted(scores.values(), reverse=True)
    for match, score in zip(matches, best, strict=False):
        assert match.score == pytest.approx(score, rel=1e-6, abs=1e-9)
        assert match.score == pytest.approx(scores[match.pattern.id], rel=1e-6, abs=1e-9)
        assert 0 <= match.relevance_score <= 1
        assert not match.factors or sum(factor.share for factor in match.factors) == pytest.approx(1)
    assert len(set(ids(matches))) == len(matches)


def required(tags, kind):
    return tuple((each,) for each in [*map(features.tag, tags), *([features.type_(kind)] if kind else [])])


class TwoHandles(RuleBasedStateMachine):
    """A library that is open twice; the model is a dict of patterns, a dict of links, and a clock."""

    @initialize()
    def empty(self):
        self.folder = tempfile.mkdtemp()
        self.clock = Clock()
        self.handles = [open_library(f"{self.folder}/own.sqlite", self.clock) for _ in range(2)]
        self.known: dict[str, Known] = {}
        self.links: dict[tuple[str, str, LinkKind], float] = {}
        self.number = 0
        self.turn = 0

    def teardown(self):
        for each in self.handles:
            each.close()
        shutil.rmtree(self.folder)

    @property
    def library(self):
        """One of the two, by turns and not always the other."""
        self.turn += 1
        return self.handles[self.turn * self.turn // 3 % 2]

    @property
    def above(self):
        """Who has superseded whom last, by the id of the one below."""
        ordered = sorted(
            (at, self.known[source].number, target, source)
            for (source, target, kind), at in self.links.items()
            if kind is LinkKind.SUPERSEDES
        )
        return {target: source for _, _, target, source in ordered}

    def at(self, life_s):
        return None if life_s is None else datetime.fromtimestamp(self.clock.now_s + life_s, UTC)

    @rule(id=IDS, name=NAMES, tags=TAGS, kind=TYPES, confidence=CONFIDENCES, context=CONTEXTS, life_s=LIVES_S)
    def contribute(self, id, name, tags, kind, confidence, context, life_s):  # noqa: A002  as it is called
        pattern = Pattern(
            id=id, agent_id="ann", pattern_type=kind, name=name, tags=tags, confidence=confidence,
            context=context, expires_at=self.at(life_s),
        )  # fmt: skip
        if id in self.known:
            with pytest.raises(UsageError, match="already"):
                self.library.contribute_pattern("ann", pattern)
        else:
            self.library.contribute_pattern("ann", pattern)
            self.number += 1
            now = datetime.fromtimestamp(self.clock.now_s, UTC)
            self.known[id] = Known(self.number, msgspec.structs.replace(pattern, discovered_at=now))

    @rule(id=IDS, name=NAMES, tags=TAGS, life_s=LIVES_S)
    def update(self, id, name, tags, life_s):  # noqa: A002
        changes = {"name": name, "tags": tags, "expires_at": self.at(life_s)}
        if id not in self.known:
            with pytest.raises(UsageError, match="no pattern"):
                self.library.update_pattern(id, **changes)
        else:
            self.library.update_pattern(id, **changes)
            known = self.known[id]
            self.known[id] = known._replace(pattern=msgspec.structs.replace(known.pattern, **changes))

    @rule(id=IDS)
    def delete(self, id):  # noqa: A002
        assert self.library.delete_pattern(id) is (self.known.pop(id, None) is not None)
        self.links = {link: at for link, at in self.links.items() if id not in link[:2]}

    @rule(id=IDS, success=st.booleans())
    def outcome(self, id, success):  # noqa: A002
        if id not in self.known:
            with pytest.raises(UsageError, match="no pattern"):
                self.library.record_pattern_outcome(id, success)
        else:
            self.library.record_pattern_outcome(id, success)
            known = self.known[id]
            self.known[id] = known._replace(outcomes=(*known.outcomes, (success, self.clock.now_s)))

    @rule(one=IDS, two=IDS, kind=st.sampled_from(LinkKind))
    def link(self, one, two, kind):
        if (
            one == two
            or not {one, two} <= self.known.keys()
            or (kind == "supersedes" and self.leads(two, one))
        ):
            with pytest.raises(UsageError):
                self.library.link_patterns(one, two, kind)
            return
        is_new = not self.said(one, two, kind)
        assert self.library.link_patterns(one, two, kind) is is_new
        if is_new:
            self.links[one, two, kind] = self.clock.now_s

    @rule(one=IDS, two=IDS, kind=st.sampled_from(LinkKind))
    def unlink(self, one, two, kind):
        said = self.said(one, two, kind)
        assert self.library.unlink_patterns(one, two, kind) is bool(said)
        for each in said:
            del self.links[each]

    def said(self, one, two, kind):
        """The links that say so."""
        ways = [(one, two, kind)] if kind is LinkKind.SUPERSEDES else [(one, two, kind), (two, one, kind)]
        return [each for each in dict.fromkeys(ways) if each in self.links]

    def leads(self, one, two):
        """Whether *one* supersedes *two*, over others."""
        seen, edge = {one}, [one]
        while edge:
            last = edge.pop()
            for source, target, kind in self.links:
                if kind is LinkKind.SUPERSEDES and source == last and target not in seen:
                    seen.add(target)
                    edge.append(target)
        return two in seen

    @rule(seconds=st.sampled_from([0.25, 1.0, 61.0, DAY_S, 40 * DAY_S]))
    def time_passes(self, seconds):
        self.clock.advance(seconds)

    @rule()
    def reset(self):
        assert self.library.reset() == len(self.known)
        self.known, self.links = {}, {}

    @rule(which=st.integers(0, 1))
    def reopen(self, which):
        self.handles[which].close()

    @rule(
        words=QUESTIONS,
        tags=TAGS,
        kind=st.none() | TYPES,
        least=CONFIDENCES,
        limit=LIMITS,
        retired=st.booleans(),
    )
    def search(self, words, tags, kind, least, limit, retired):
        query = Query(features.asked_in_words(words), required(tags, kind))
        scores = {}
        if query.weights or not words:
            scores = expected(self.known.values(), self.above, query, self.clock.now_s, least, retired)
        for library in self.handles:
            found = library.search(
                words, tags=tags, type=kind, min_confidence=least, limit=limit, retired=retired
            )
            assert_found(found, scores, limit)

    @rule(context=CONTEXTS, words=QUESTIONS, kind=st.none() | TYPES, least=CONFIDENCES, limit=LIMITS)
    def query(self, context, words, kind, least, limit):
        situation = context | ({"task": words} if words else {})
        query = Query(features.asked_in_context(situation), required([], kind))
        scores = expected(self.known.values(), self.above, query, self.clock.now_s, least)
        for library in self.handles:
            assert_found(library.query_patterns("ben", situation, kind, least, limit), scores, limit)

    @invariant()
    def everything_is_there(self):
        for library in self.handles:
            found = {pattern.id: pattern for pattern in library.patterns()}
            assert found.keys() == self.known.keys()
            for id, known in self.known.items():  # noqa: A001
                assert found[id] == self.as_told(known)
            links = [each for known in found for each in library.get_links(known)]
            assert {(each.source, each.target, each.kind) for each in links} == set(self.links)

    def as_told(self, known):
        good = sum(success for success, _ in known.outcomes)
        return msgspec.structs.replace(
            known.pattern,
            usage_count=len(known.outcomes),
            success_count=good,
            failure_count=len(known.outcomes) - good,
            last_used=datetime.fromtimestamp(known.outcomes[-1][1], UTC) if known.outcomes else None,
            superseded_by=self.above.get(known.pattern.id),
        )


def test_two_handles_say_what_a_dict_says():
    """After each step, whichever of the two was told."""
    run_state_machine_as_test(
        TwoHandles,
        settings=settings(
            max_examples=30, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


PATTERNS: st.SearchStrategy[list[dict[str, Any]]] = st.lists(
    st.builds(
        dict,
        name=NAMES,
        description=NAMES,
        tags=TAGS,
        pattern_type=TYPES,
        confidence=CONFIDENCES,
        context=CONTEXTS,
    ),
    max_size=30,
)


@given(PATTERNS, st.lists(ASKED, min_size=1, max_size=5))
@settings(max_examples=40, deadline=None)
def test_a_random_library_finds_what_brute_force_finds(given_patterns, questions):
    """In words and in contexts, with whatever filters."""
    patterns = [Pattern(id=f"p{n}", agent_id="ann", **fields) for n, fields in enumerate(given_patterns, 1)]
    everything = [Known(number, pattern) for number, pattern in enumerate(patterns, 1)]
    with open_library() as library:
        library.contribute_many("ann", patterns)
        for words, tags, kind, least, limit in questions:
            query = Query(features.asked_in_words(words), required(tags, kind))
            scores = {}
            if query.weights or not words:
                scores = expected(everything, {}, query, library._clock(), least)
            found = library.search(words, tags=tags, type=kind, min_confidence=least, limit=limit)
            assert_found(found, scores, limit)
            situation = {"task": words, "tags": tags}
            query = Query(features.asked_in_context(situation), required([], kind))
            scores = expected(everything, {}, query, library._clock(), least)
            assert_found(library.query_patterns("ben", situation, kind, least, limit), scores, limit)
