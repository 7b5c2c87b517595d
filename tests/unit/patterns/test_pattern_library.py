"""The published library: what is contributed is found, by everybody, at once and after a restart."""

from __future__ import annotations

import contextlib
import copy
from datetime import timedelta

import pytest

from quarterdeck import caches
from quarterdeck.patterns import LinkKind, PatternLibrary
from quarterdeck.patterns.model import TYPES
from tests.library_worlds import DAY_S, Clock, Finder, everything, ids, open_library, plain
from tests.truth_worlds import NOW, a_pattern


@pytest.fixture
def path(tmp_path):
    return tmp_path / "team.sqlite"


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def library(path, clock):
    with open_library(path, clock) as library:
        yield library


@pytest.fixture
def other(path, clock):
    """The same library, opened another time."""
    with open_library(path, clock) as other:
        yield other


class TestFaultsOfTheSpecifiedLibrary:
    """What the library that the specification describes gets wrong."""

    def test_a_question_in_words_finds_what_says_so_in_its_description(self, library):
        """Not only what has the same context or tags."""
        library.contribute_pattern(
            "ann", plain("busy", "When SQLite says that the database is locked, wait and try again.")
        )
        library.contribute_pattern("ann", plain("other", "Write the test before the code."))
        assert ids(library.search("sqlite database is locked")) == ["busy"]
        assert ids(library.query_patterns("ben", {"task": "sqlite database is locked"})) == ["busy"]

    def test_a_perfect_match_of_tags_is_relevant(self, library):
        """Near 1, and not below its own threshold."""
        library.contribute_pattern("ann", plain("both", tags=["sqlite", "locks"]))
        library.contribute_pattern("ann", plain("neither", tags=["css", "fonts"]))
        (match,) = library.query_patterns("ben", {"tags": ["sqlite", "locks"]})
        assert match.pattern.id == "both"
        assert match.relevance_score > 0.9
        assert {"tag sqlite", "tag locks"} <= set(match.matching_factors)

    def test_999_of_1000_is_above_1_of_1(self, library):
        """One success is luck."""
        counts = {"lucky": (1, 0), "proven": (999, 1)}
        for name, (good, bad) in counts.items():
            library.contribute_pattern(
                "ann",
                plain(name, usage_count=good + bad, success_count=good, failure_count=bad, last_used=NOW),
            )
        assert ids(library.get_top_patterns(2)) == ["proven", "lucky"]
        assert ids(library.search("")) == ["proven", "lucky"]
        assert ids(library.query_patterns("ben", {})) == ["proven", "lucky"]

    def test_2_of_5_does_not_disappear(self, library):
        """It may well work half of the time, whatever its raw rate says."""
        library.contribute_pattern("ann", plain("unlucky", "sqlite"))
        for success in (True, True, False, False, False):
            library.record_pattern_outcome("unlucky", success)
        assert ids(library.query_patterns("ben", {"task": "sqlite"}, min_confidence=0.5)) == ["unlucky"]

    def test_links_in_a_circle_have_an_end(self, library):
        """However deep one looks; each is there once, the nearest first, and never itself."""
        names = ["a", "b", "c", "d"]
        library.contribute_many("ann", [plain(name) for name in names])
        for one, two in zip(names, names[1:] + names[:1], strict=True):
            library.link_patterns(one, two)
        related = ids(library.get_related_patterns("a", depth=100))
        assert (set(related[:2]), related[2:]) == ({"b", "d"}, ["c"])

    def test_it_is_all_there_after_a_restart(self, path, clock):
        """Also what was linked and what came of it; the answers are the same."""
        with open_library(path, clock) as library:
            library.contribute_pattern("ann", a_pattern("a"))
            library.contribute_pattern("ben", a_pattern("b", tags=["sqlite"]), source="a run")
            library.link_patterns("a", "b", LinkKind.CONTRADICTS)
            library.record_pattern_outcome("b", success=True, agent_id="cy", note="it did")
            before = everything(library), [repr(match) for match in library.search("locked sqlite")]
        with open_library(path, clock) as library:
            after = everything(library), [repr(match) for match in library.search("locked sqlite")]
        assert after == before

    def test_another_process_finds_at_once_what_is_written(self, path, library):
        """Contributed, said anew, deleted: it sees the next state with its next question."""
        with contextlib.closing(Finder(path)) as finder:
            assert finder.search("sqlite") == []
            library.contribute_pattern("ann", plain("a", "sqlite is locked"))
            assert finder.search("sqlite") == ["a"]
            library.update_pattern("a", description="postgres is slow")
            assert finder.search("sqlite") == []
            assert finder.search("postgres") == ["a"]
            library.delete_pattern("a")
            assert finder.search("postgres") == []


class TestWriting:
    def test_a_pattern_comes_back_as_it_was_contributed(self, library):
        """But for the moment, which the library adds."""
        given = a_pattern("a", code="x = 1\n", expires_at=NOW + timedelta(days=1), lesson="avoid")
        library.contribute_pattern("ann", given)
        kept = library.get_pattern("a")
        assert kept
        assert kept.discovered_at == NOW
        assert {name: getattr(kept, name) for name in kept.__struct_fields__ if name != "discovered_at"} == {
            name: getattr(given, name) for name in given.__struct_fields__ if name != "discovered_at"
        }

    def test_what_a_caller_does_with_its_things_later_does_not_reach_the_library(self, library):
        """Neither what was contributed, nor what was asked."""
        tags, context = ["sqlite"], {"language": ["python"]}
        library.contribute_pattern("ann", plain("a", tags=tags, context=context))
        tags.append("css")
        context["language"].append("java")
        assert library.search("java css") == []
        question = {"language": ["python"]}
        assert ids(library.query_patterns("ben", question)) == ["a"]
        question["language"] = ["java"]
        assert library.query_patterns("ben", question) == []
        assert ids(library.query_patterns("ben", {"language": ["python"]})) == ["a"]

    def test_what_a_caller_does_with_an_answer_does_not_reach_the_next(self, library):
        """The list is its own; the patterns in it cannot be changed."""
        library.contribute_pattern("ann", plain("a", "sqlite", tags=["x"], context={"k": [1]}))
        found = library.search("sqlite")
        with pytest.raises(TypeError, match="cannot be changed"):
            found[0].pattern.tags.append("y")
        with pytest.raises(AttributeError):
            found[0].pattern.name = "mine"
        copy.deepcopy(found[0].pattern.context)["k"].append(2)
        found.clear()
        again = library.search("sqlite")
        assert ids(again) == ["a"]
        assert (again[0].pattern.tags, again[0].pattern.context) == (["x"], {"k": [1]})

    def test_many_are_contributed_in_batches(self, library):
        """From any iterable; what is refused leaves the batches before it."""
        assert library.contribute_many("ann", (plain(f"p{n}") for n in range(2500)), source="a file") == 2500
        assert library.get_provenance("p2499")[0].source == "a file"
        assert library.contribute_many("ann", []) == 0

    def test_an_update_is_found_and_leaves_outcomes_and_links(self, library):
        """What is said anew is searched anew."""
        library.contribute_many("ann", [plain("a", "sqlite"), plain("b")])
        library.record_pattern_outcome("a", success=False)
        library.link_patterns("a", "b")
        changed = library.update_pattern("a", by="ben", description="postgres", confidence=1, tags=["new"])
        assert (changed.description, changed.failure_count) == ("postgres", 1)
        assert library.search("sqlite") == []
        assert ids(library.search("postgres", tags=["new"])) == ["a"]
        assert ids(library.get_related_patterns("a")) == ["b"]
        assert [(origin.act, origin.agent_id) for origin in library.get_provenance("a")] == [
            ("contributed", "ann"),
            ("updated", "ben"),
        ]

    def test_a_deleted_pattern_takes_its_outcomes_and_links_along(self, library):
        """Its id can be used again, by something new."""
        library.contribute_many("ann", [plain("a", "sqlite"), plain("b")])
        library.record_pattern_outcome("a", success=True)
        library.link_patterns("a", "b", "supersedes")
        assert library.delete_pattern("a", agent_id="ben")
        assert not library.delete_pattern("a")
        assert library.get_links("b") == []
        assert ids(library.search("")) == ["b"]
        library.contribute_pattern("cy", plain("a", "postgres"))
        found = library.get_pattern("a")
        assert found
        assert (found.usage_count, library.get_outcomes("a")) == (0, [])

    def test_reset_leaves_nothing(self, library, other):
        """For nobody, and what comes then is found."""
        library.contribute_many("ann", [plain(f"p{n}", "sqlite") for n in range(20)])
        assert len(other.search("sqlite", limit=100)) == 20
        assert library.reset() == 20
        assert library.reset() == 0
        assert other.search("sqlite") == library.search("") == other.get_top_patterns() == []
        library.contribute_pattern("ann", plain("p1", "sqlite"))
        assert ids(other.search("sqlite")) == ["p1"]

    def test_an_outcome_from_the_future_is_one_of_now(self, library):
        """A clock that is ahead does not make it weigh more."""
        library.contribute_pattern("ann", plain("a"))
        library.record_pattern_outcome("a", success=True, at=NOW + timedelta(days=9))
        assert library.get_outcomes("a")[0].at == NOW

    def test_secrets_are_taken_out_unless_the_settings_say_otherwise(self, path, clock):
        """Of patterns, of what they are changed to, and of notes on outcomes; not of their ids."""
        secret = "ghp_" + "a1B2c3D4e5" * 3 + "f6G7h8"
        with open_library(path, clock, scrub=True) as library:
            library.contribute_pattern(
                "ann", plain("a", f"token {secret}", code=secret, context={"t": [secret]})
            )
            library.update_pattern("a", name=f"with {secret}")
            library.record_pattern_outcome("a", success=True, note=f"with {secret}")
            library.contribute_many("ann", [plain("b", f"token {secret}")])
            assert secret not in repr(everything(library))
        with open_library(path, clock) as library:
            library.contribute_pattern("ann", plain("c", f"token {secret}"))
            assert secret in repr(everything(library))


class TestReading:
    def test_by_tag_type_and_agent_the_newest_first(self, library):
        """Also what has expired or been superseded: one has asked by name."""
        library.contribute_many(
            "cy",
            [
                plain("a", tags=["x"], pattern_type="temporal", agent_id="ann"),
                plain("b", tags=["x", "y"], pattern_type="anything else", agent_id="ben"),
                plain("c", tags=["y"], pattern_type="temporal", agent_id="ann", expires_at=NOW),
            ],
        )
        library.link_patterns("b", "a", "supersedes")
        assert ids(library.get_patterns_by_tag("x")) == ["b", "a"]
        assert ids(library.get_patterns_by_type("temporal")) == ["c", "a"]
        assert ids(library.get_agent_patterns("ann")) == ["c", "a"]
        assert library.get_patterns_by_tag("none") == library.get_agent_patterns("cy") == []

    @pytest.mark.parametrize("kind", [*TYPES, "something of our own", "données"])
    def test_every_type_can_be_asked_for(self, library, kind):
        """The published ones and free ones."""
        library.contribute_many("ann", [plain("a", "sqlite", pattern_type=kind), plain("b", "sqlite")])
        expected = ["a", "b"] if kind == "conditional" else ["a"]
        assert sorted(ids(library.query_patterns("ben", {"task": "sqlite"}, kind))) == expected
        assert sorted(ids(library.search("sqlite", type=kind))) == expected

    @pytest.mark.parametrize(
        "order, first",
        [("success_rate", "proven"), ("usage_count", "used"), ("confidence", "sure"), ("recent", "zoe"),
         ("name", "avocado")],
    )  # fmt: skip
    def test_orders_of_the_best(self, library, order, first):
        """Each has another one at its top."""

        def tried(name, good, bad):
            return plain(name, usage_count=good + bad, success_count=good, failure_count=bad, last_used=NOW)

        library.contribute_many(
            "ann",
            [tried("proven", 20, 0), tried("used", 10, 30), plain("sure", confidence=0.9), plain("avocado"),
             plain("zoe")],
        )  # fmt: skip
        assert ids(library.get_top_patterns(5, order))[0] == first
        assert len(library.get_top_patterns(2, order)) == 2

    def test_what_is_due_for_review(self, library, clock):
        """From that moment on."""
        library.contribute_pattern("ann", plain("a", review_at=NOW + timedelta(days=2)))
        assert library.get_due_patterns() == []
        clock.advance(2 * DAY_S)
        assert ids(library.get_due_patterns()) == ["a"]

    def test_figures_are_ready_for_json(self, library):
        """Of what is there."""
        library.contribute_many("ann", [plain("a", tags=["x"]), plain("b", lesson="avoid")])
        library.record_pattern_outcome("a", success=True)
        stats = library.get_library_stats()
        assert (stats["patterns"], stats["outcomes"], stats["by_lesson"]) == (2, 1, {"do": 1, "avoid": 1})
        assert stats["tags"] == {"x": 1}
        assert (stats["total_patterns"], stats["total_agents"], stats["total_usage"]) == (2, 1, 1)
        assert (stats["average_confidence"], stats["average_success_rate"]) == (0.5, 1.0)

    def test_every_pattern_is_gone_through_once(self, library):
        """In the order they came, which changes do not touch."""
        library.contribute_many("ann", [plain(f"p{n}") for n in range(1500)])
        library.update_pattern("p3", name="changed")
        seen = ids(library.patterns())
        assert len(seen) == len(set(seen)) == 1500
        assert seen == [f"p{n}" for n in range(1500)]

    def test_the_links_of_kinds(self, library):
        """Only those that are asked for."""
        library.contribute_many("ann", [plain(name) for name in "abc"])
        assert library.link_patterns("a", "b", "related", agent_id="ann")
        assert not library.link_patterns("b", "a", "related")
        assert library.link_patterns("a", "c", LinkKind.CONTRADICTS)
        assert ids(library.get_related_patterns("a", kinds=[LinkKind.CONTRADICTS])) == ["c"]
        assert library.get_related_patterns("a", kinds=()) == []
        assert library.unlink_patterns("b", "a")
        assert not library.unlink_patterns("b", "a")
        assert ids(library.get_related_patterns("a")) == ["c"]

    def test_matches_become_a_prompt(self, library):
        """Within its budget."""
        library.contribute_pattern("ann", plain("busy", "sqlite database is locked"))
        matches = library.search("sqlite")
        assert "busy" in library.render(matches, 500)
        assert library.render(matches, 1) == ""


class TestFollowing:
    def test_each_pattern_of_another_log_is_taken_once(self, library, other):
        """And with it how far the log was read, for all who share the library."""
        assert library.followed("memory") is None
        assert library.follow("memory", "2:ab", [plain("a", "sqlite"), plain("b")]) == 2
        assert other.followed("memory") == "2:ab"
        assert other.follow("memory", "3:cd", [plain("b"), plain("c")]) == 1
        library.delete_pattern("a")
        assert library.follow("memory", "3:cd", [plain("a")]) == 0
        assert library.followed("elsewhere") is None


class TestALibraryAsAThing:
    def test_after_it_is_closed_the_next_use_opens_it_anew(self, library):
        """As often as one likes."""
        for number in range(3):
            library.contribute_pattern("ann", plain(f"p{number}", "sqlite"))
            library.close()
            library.close()
            assert len(library.search("sqlite")) == number + 1

    def test_one_in_memory_is_gone_with_all_its_answers_when_it_is_closed(self, clock):
        """Another one begins."""
        library = open_library(clock=clock)
        library.contribute_pattern("ann", plain("a", "sqlite"))
        assert ids(library.search("sqlite")) == ["a"]
        library.close()
        assert library.search("sqlite") == []
        library.contribute_pattern("ann", plain("b", "sqlite"))
        assert ids(library.search("sqlite")) == ["b"]

    def test_two_in_memory_have_nothing_in_common(self, clock):
        """Though their path is the same."""
        with open_library(clock=clock) as one, open_library(clock=clock) as two:
            one.contribute_pattern("ann", plain("a"))
            assert two.search("") == []

    def test_what_is_derived_can_be_made_anew(self, library):
        """Then every answer comes from it, also to what was asked before."""
        library.contribute_many("ann", [plain(f"p{n}", "sqlite") for n in range(30)])
        before = library.search("sqlite", limit=30)
        library.reindex()
        after = library.search("sqlite", limit=30)
        assert ids(after) == ids(before)
        assert after[0] is not before[0]

    def test_it_can_be_opened_as_it_is_documented(self, tmp_path, monkeypatch):
        """With nothing but its name."""
        monkeypatch.chdir(tmp_path)
        library = PatternLibrary()
        library.contribute_pattern("reviewer", a_pattern("sqlite-busy", agent_id="reviewer"))
        (match,) = library.query_patterns("fixer", {"task": "sqlite database is locked"})
        assert match.matching_factors
        library.record_pattern_outcome("sqlite-busy", success=True)
        library.close()

    def test_its_answers_are_among_the_caches(self, library):
        """With what they have saved."""
        library.search("sqlite")
        before = {stats.name: stats for stats in caches.snapshot("patterns.")}["patterns.answers"]
        library.search("sqlite")
        after = {stats.name: stats for stats in caches.snapshot("patterns.")}["patterns.answers"]
        assert after.hits == before.hits + 1


def test_a_reset_leaves_nothing_behind(tmp_path):
    """Neither in the file and its log nor in the index."""
    path = tmp_path / "library.sqlite"
    with PatternLibrary(str(path)) as library:
        library.contribute_many("ann", [plain(f"p{n}", "marmalade") for n in range(1200)])
        library.reindex()
        assert library.search("marmalade")
        assert library.reset() == 1200
        assert library.search("marmalade") == []
        files = [file for file in tmp_path.rglob("*") if file.is_file()]
        assert len(files) > 1
        assert not any(b"marmalad" in file.read_bytes() for file in files)
