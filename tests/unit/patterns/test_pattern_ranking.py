"""What is best: fit times what the outcomes say; what is hidden, what is told, and what exploring changes."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta

import pytest

from quarterdeck.patterns import LinkKind, PatternLibrary, PatternSettings, evidence
from quarterdeck.patterns.ranking import WINDOW
from tests.library_worlds import DAY_S, Clock, ids, open_library, plain
from tests.truth_worlds import NOW


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def library(clock):
    with open_library(clock=clock) as library:
        yield library


def tried(pattern_id, good, bad, **fields):
    """One that fits as well as all others, and has been tried."""
    counts = {"usage_count": good + bad, "success_count": good, "failure_count": bad, "last_used": NOW}
    return plain(pattern_id, **({"name": "sqlite"} | counts | fields))


class TestOutcomes:
    def test_of_equal_fit_the_better_outcomes_win(self, library):
        """What nobody has tried is between what works and what does not."""
        library.contribute_many("ann", [tried("bad", 0, 9), plain("new", name="sqlite"), tried("good", 9, 0)])
        assert ids(library.search("sqlite")) == ["good", "new", "bad"]
        assert ids(library.search("")) == ["good", "new", "bad"]

    def test_a_recorded_outcome_counts_at_once(self, library):
        """Also the second, which is no change of the pattern."""
        library.contribute_many("ann", [plain(name, name="sqlite") for name in "ab"])
        for _ in range(3):
            last = ids(library.search("sqlite"))[-1]
            for _ in range(3):
                library.record_pattern_outcome(last, success=True)
            assert ids(library.search("sqlite"))[0] == last

    def test_the_score_is_the_fit_times_what_outcomes_say(self, library):
        """As `evidence` has it; what is expected is told."""
        library.contribute_many("ann", [tried("good", 9, 1), plain("other", name="css")])
        (match,) = library.search("sqlite")
        known = evidence.posterior(
            evidence.counted(9, 1, NOW.timestamp()),
            0.5,
            NOW.timestamp(),
            library.settings.half_life_days * DAY_S,
        )
        assert match.evidence.expected == match.evidence.drawn == pytest.approx(known.mean)
        assert (match.evidence.successes, match.evidence.failures) == (9, 1)
        untried = open_library()
        untried.contribute_many("ann", [plain("good", name="sqlite"), plain("other", name="css")])
        (same_fit,) = untried.search("sqlite")
        fit = same_fit.score / evidence.factor(0.5)
        assert match.score == pytest.approx(fit * evidence.factor(known.mean))
        assert match.relevance_score == same_fit.relevance_score == pytest.approx(min(1.0, fit))

    def test_outcomes_do_not_lift_what_hardly_fits(self, library):
        """At most they double a score."""
        library.contribute_many(
            "ann", [tried("famous", 900, 1, name="sqlite"), tried("apt", 0, 9, name="sqlite locked")]
        )
        library.contribute_many("ann", [plain(f"p{n}", f"something else {n}") for n in range(20)])
        assert ids(library.search("sqlite locked"))[0] == "apt"

    def test_old_outcomes_are_forgotten_slowly(self, library, clock):
        """What failed long ago is no worse than what was never tried."""
        library.contribute_many("ann", [tried("bad", 0, 3, name="sqlite"), plain("new", name="sqlite")])
        first = {match.pattern.id: match.evidence.expected for match in library.search("sqlite")}
        clock.advance(3650 * DAY_S)
        later = {match.pattern.id: match.evidence.expected for match in library.search("sqlite")}
        assert first["bad"] < 0.25 < first["new"] == later["new"] == 0.5
        assert later["bad"] == pytest.approx(0.5, abs=0.001)


class TestConfidence:
    @pytest.mark.parametrize(
        "least, found", [(0.0, "low high"), (0.3, "low high"), (0.31, "high"), (0.91, "")]
    )
    def test_without_outcomes_by_what_the_author_said(self, library, least, found):
        """The bound itself is enough."""
        library.contribute_many(
            "a", [plain(name, name="sqlite", confidence=c) for name, c in (("low", 0.3), ("high", 0.9))]
        )
        for matches in (
            library.search("sqlite", min_confidence=least),
            library.search("", min_confidence=least),
            library.query_patterns("ben", {"task": "sqlite"}, None, least),
            library.query_patterns("ben", {}, "conditional", least),
        ):
            assert set(ids(matches)) == set(found.split())

    def test_successes_bring_in_what_its_author_was_not_sure_of(self, library):
        """The first of them already may."""
        library.contribute_pattern("ann", plain("a", name="sqlite", confidence=0.2))
        assert library.query_patterns("ben", {"task": "sqlite"}) == []
        for _ in range(5):
            library.record_pattern_outcome("a", success=True)
        assert ids(library.query_patterns("ben", {"task": "sqlite"})) == ["a"]

    def test_many_failures_put_out_what_its_author_was_sure_of(self, library):
        """One does not."""
        library.contribute_pattern("ann", plain("a", name="sqlite", confidence=0.9))
        library.record_pattern_outcome("a", success=False)
        assert ids(library.query_patterns("ben", {"task": "sqlite"})) == ["a"]
        for _ in range(30):
            library.record_pattern_outcome("a", success=False)
        assert library.query_patterns("ben", {"task": "sqlite"}) == []
        assert ids(library.search("sqlite")) == ["a"]

    def test_it_is_what_the_ceiling_of_the_evidence_says(self, library):
        """For any history; nothing else decides."""
        dice = random.Random(5)
        now_s, half_life_s = NOW.timestamp(), library.settings.half_life_days * DAY_S
        expected = set()
        for number in range(60):
            good, bad, confidence = dice.choice([0, 0, 1, 7]), dice.choice([0, 0, 2, 30]), dice.random()
            library.contribute_pattern("ann", tried(f"p{number}", good, bad, confidence=confidence))
            tally = evidence.counted(good, bad, now_s)
            if evidence.ceiling(tally, confidence, now_s, half_life_s) >= 0.6:
                expected.add(f"p{number}")
        assert set(ids(library.search("sqlite", min_confidence=0.6, limit=100))) == expected
        assert 10 < len(expected) < 50


class TestHidden:
    def test_what_has_expired_is_not_found_unless_asked_for(self, library, clock):
        """From that very instant on, also of a fraction of a second, and though the answer was known."""
        library.contribute_pattern("ann", plain("a", name="sqlite", expires_at=NOW + timedelta(seconds=5.25)))
        library.contribute_pattern("ann", plain("b", name="sqlite"))
        clock.advance(5.24)
        assert sorted(ids(library.search("sqlite"))) == ["a", "b"]
        clock.advance(0.01)
        assert ids(library.search("sqlite")) == ids(library.search("")) == ["b"]
        assert (
            ids(library.query_patterns("ben", {"task": "sqlite"})) == ids(library.get_top_patterns()) == ["b"]
        )
        assert sorted(ids(library.search("sqlite", retired=True))) == ["a", "b"]
        assert library.get_pattern("a")

    @pytest.mark.parametrize("year", [1, 1960, 1970, 2025])
    def test_what_expired_long_ago_can_still_be_asked_for(self, library, year):
        """Also before the epoch of computers."""
        library.contribute_pattern("ann", plain("a", name="sqlite", expires_at=NOW.replace(year=year)))
        assert library.search("sqlite") == library.search("") == []
        for words in ("sqlite", ""):
            assert ids(library.search(words, retired=True)) == ["a"]

    def test_what_was_superseded_is_not_found_until_that_is_taken_back(self, library):
        """Or its successor is deleted."""
        library.contribute_many("ann", [plain(name, name="sqlite") for name in ("old", "new", "newer")])
        library.link_patterns("new", "old", LinkKind.SUPERSEDES)
        assert set(ids(library.search("sqlite"))) == {"new", "newer"}
        library.link_patterns("newer", "new", LinkKind.SUPERSEDES)
        assert ids(library.search("sqlite")) == ids(library.query_patterns("ben", {})) == ["newer"]
        assert set(ids(library.search("sqlite", retired=True))) == {"old", "new", "newer"}
        library.unlink_patterns("newer", "new", LinkKind.SUPERSEDES)
        assert set(ids(library.search("sqlite"))) == {"new", "newer"}
        library.delete_pattern("new")
        assert set(ids(library.search("sqlite"))) == {"old", "newer"}

    def test_contradictions_are_told_by_both(self, library):
        """Neither is hidden; no other link is told so."""
        library.contribute_many("ann", [plain(name, name="sqlite") for name in "abcd"])
        library.link_patterns("a", "b", LinkKind.CONTRADICTS)
        library.link_patterns("c", "a", LinkKind.CONTRADICTS)
        library.link_patterns("a", "d", LinkKind.RELATED)
        told = {match.pattern.id: match.contradicted_by for match in library.search("sqlite")}
        assert told == {"a": ("b", "c"), "b": ("a",), "c": ("a",), "d": ()}

    def test_what_is_gone_by_the_time_it_is_read_makes_room(self, library, monkeypatch):
        """Also for one that no outcomes could have made the best."""
        library.contribute_many("ann", [plain("best", name="sqlite locks wait"), plain("next", name="wait")])
        assert ids(library.search("sqlite locks wait", limit=1)) == ["best"]
        read = library.truth.read

        def without_the_best(numbers):
            return {number: each for number, each in read(numbers).items() if each.id != "best"}

        monkeypatch.setattr(library.truth, "read", without_the_best)
        assert ids(library.search("sqlite  locks wait", limit=1)) == ["next"]


class TestFilters:
    def test_filters_equal_a_filter_of_the_whole_answer(self, library):
        """In the same order, with the same scores: they choose, and change nothing else."""
        dice = random.Random(3)
        words = ["sqlite", "locked", "retry", "css", "cache"]
        for number in range(120):
            library.contribute_pattern(
                "ann",
                tried(
                    f"p{number}", dice.choice([0, 3]), dice.choice([0, 2]),
                    name=" ".join(dice.choices(words, k=3)), tags=dice.sample(words, k=dice.randrange(4)),
                    pattern_type=dice.choice(["temporal", "custom"]),
                    lesson=dice.choice(["do", "avoid"]), confidence=dice.random(),
                ),
            )  # fmt: skip
        whole = [(match.pattern, match.score) for match in library.search("sqlite cache", limit=1000)]
        assert len(whole) > 50
        for kind in (None, "temporal"):
            for tags in ([], ["css"], ["css", "retry"]):
                for lesson in (None, "avoid"):
                    found = library.search("sqlite cache", type=kind, tags=tags, lesson=lesson, limit=1000)
                    assert [(match.pattern, match.score) for match in found] == [
                        (pattern, score)
                        for pattern, score in whole
                        if kind in (None, pattern.pattern_type)
                        and set(tags) <= set(pattern.tags)
                        and lesson in (None, pattern.lesson)
                    ]

    def test_a_limit_cuts_the_same_answer(self, library):
        """Whatever it is."""
        library.contribute_many("ann", [tried(f"p{n}", n % 7, n % 3) for n in range(300)])
        whole = ids(library.search("sqlite", limit=1000))
        assert len(whole) == 300
        for limit in (1, 5, 32):
            assert ids(library.search("sqlite", limit=limit))[0] in whole[:WINDOW]
            assert len(library.search("sqlite", limit=limit)) == limit


class TestExploring:
    def settings(self, **fields):
        return PatternSettings(scrub=False, **fields)

    def test_without_it_every_answer_is_the_same(self, library, clock):
        """Also when it is asked anew; questions in words do not explore unless told to."""
        library.contribute_many("ann", [tried(f"p{n}", n % 3, n % 2) for n in range(20)])
        answers = set()
        for _ in range(5):
            answers.add(tuple(ids(library.query_patterns("ben", {"task": "sqlite"}, explore=False))))
            answers.add(tuple(ids(library.search("sqlite"))))
            clock.advance(61)
        assert len(answers) == 1

    def test_what_was_tried_little_gets_its_chance(self, clock):
        """Now and then; what is surely bad does not."""
        dice = random.Random(1)
        with PatternLibrary(":memory:", settings=self.settings(), clock=clock, draws=dice) as library:
            library.contribute_many(
                "ann", [tried("good", 30, 10), plain("new", name="sqlite"), tried("bad", 0, 50)]
            )
            first: Counter[str] = Counter()
            for _ in range(200):
                first[ids(library.query_patterns("ben", {"task": "sqlite"}, min_confidence=0))[0]] += 1
                clock.advance(61)
        assert 20 < first["new"] < first["good"]
        assert first["bad"] == 0

    def test_the_same_chances_give_the_same_answers(self, clock):
        """They come from where the caller says, and from nowhere else."""
        answers = []
        for seed in (1, 1, 2):
            dice = random.Random(seed)
            with PatternLibrary(":memory:", settings=self.settings(), clock=clock, draws=dice) as library:
                library.contribute_many("ann", [tried(f"p{n}", 1, 1) for n in range(30)])
                answers.append(ids(library.query_patterns("ben", {"task": "sqlite"}, limit=30)))
        assert answers[0] == answers[1] != answers[2]
        assert sorted(answers[1]) == sorted(answers[2])

    @pytest.mark.parametrize("settled", [True, False])
    def test_the_settings_say_whether_and_a_caller_may_say_otherwise(self, clock, settled):
        """What was drawn is told."""
        dice = random.Random(1)
        with PatternLibrary(
            ":memory:", settings=self.settings(explore=settled), clock=clock, draws=dice
        ) as library:
            library.contribute_pattern("ann", tried("a", 1, 1))
            for said, expected in ((None, settled), (True, True), (False, False)):
                (match,) = library.query_patterns("ben", {"task": "sqlite"}, explore=said)
                assert (match.evidence.drawn != match.evidence.expected) is expected
