"""What cannot be meant is refused by every public method of a library, and nothing is lost or changed."""

from __future__ import annotations

import inspect
import math
from datetime import datetime
from typing import Any

import pytest

from quarterdeck.errors import UsageError
from quarterdeck.patterns import Link, LinkKind, Origin, Outcome, PatternLibrary
from quarterdeck.patterns.truth import Record
from tests.library_worlds import open_library, plain, refused
from tests.truth_worlds import NOW, a_pattern

NAIVE = datetime(2026, 1, 1)  # noqa: DTZ001  that is what is wrong with it
IDS = [
    None,
    "",
    " ",
    5,
    b"a",
    ["a"],
    {"a": 1},
    "../up",
    "a/b",
    "/etc/passwd",
    "a\0",
    "\ud800",
    "a" * 201,
    "-x",
]
LINES = [None, "", " ", 5, b"a", ["a"], {"a": 1}, "two\nlines", "\x1b[31m", "\ud800", "x" * 501]
NUMBERS = [None, "0.5", math.nan, math.inf, -0.1, 1.1, True, [0.5]]
LIMITS = [None, 0, -1, 1e9, 10.0, "9", True, math.nan, [5], 10**9]
CONTEXTS: list[object] = [
    None,
    [],
    "text",
    5,
    {1: 2},
    {"a": math.nan},
    {"a": {1}},
    {"a": 10**30},
    {"a": "\ud800"},
    {"a": NAIVE},
]
TAGS: list[object] = ["sqlite", None, 5, [["a"]], [{}], [""], [5], ["a\nb"], {"a": 1}, ["x"] * 101]
TYPES = [["sequential"], {"a": 1}, 5, "", "two\nlines", True]
LESSONS = ["", "maybe", ["do"], 5, True]
KINDS: list[object] = ["", "friend", None, 5, [], {}]


@pytest.fixture
def library(tmp_path):
    """With two patterns that are linked and one outcome."""
    with open_library(tmp_path / "own.sqlite") as library:
        library.contribute_many("ann", [a_pattern("a"), a_pattern("b")])
        library.link_patterns("a", "b")
        library.record_pattern_outcome("a", success=True)
        library.query_patterns("ann", {"task": "sqlite"}, None, 1, 1)
        library.search("sqlite", min_confidence=1, limit=1)  # so that an answer to almost the same is known
        yield library


LINK: Any = Link(LinkKind.CONTRADICTS, "b", "a", NOW, "")
RECORDS: list[Any] = [
    Record("a", a_pattern("a")),
    Record("nobody", None),
    Record("c", 5),  # type: ignore[arg-type]
    Record("../c", None),
    *(Record("c", a_pattern("c"), x) for x in (5, (1.0,), ("1", "2"), [1.0, 1.0])),  # type: ignore[arg-type]
    *(Record("c", a_pattern("c"), None, x) for x in (5, (5,), (Outcome("c", True, NOW, "", ""),))),  # type: ignore[arg-type]
    *(Record("c", a_pattern("c"), None, (), x) for x in (5, (5,))),  # type: ignore[arg-type]
    Record("c", a_pattern("c"), None, (Origin("now", "x", "", "", {}),)),  # type: ignore[arg-type]
    Record("c", a_pattern("c"), None, (Origin(NOW, "", "", "", {}),)),
    Record("c", a_pattern("c"), None, (Origin(NOW, "x", "", "", {"a": {1}}),)),
    Record("c", a_pattern("c"), None, (), (Outcome("c", 1, NOW, "", ""),)),  # type: ignore[arg-type]
    Record("c", a_pattern("c"), None, (), (Outcome("c", True, NOW, "", "\x00"),)),
]
WRONG: list[tuple[str, list[Any]]] = [
    ("contribute_pattern", [(agent, a_pattern("c")) for agent in LINES]),
    ("contribute_pattern", [("ann", x) for x in (None, {}, {"id": "c"}, "c", 5, [a_pattern("c")])]),
    ("contribute_pattern", [("ann", a_pattern("a")), ("ann", a_pattern("c"), {"source": "two\nlines"})]),
    ("contribute_many", [("ann", x) for x in (None, 5, "abc", [None], [a_pattern("c"), "d"], {"c": 1})]),
    ("contribute_many",
     [("ann", [a_pattern("c"), a_pattern("c")]), ("ann", [a_pattern("c"), a_pattern("b")])]),
    ("contribute_many", [(agent, [a_pattern("c")]) for agent in LINES]),
    ("contribute_many", [("ann", [a_pattern("c")], {"act": x}) for x in LINES]),
    ("contribute_many", [("ann", [a_pattern("c")], {"source": x}) for x in (None, 5, "two\nlines")]),
    ("follow", [("log", cursor, [a_pattern("c")]) for cursor in LINES]),
    ("follow", [(source, "1", [a_pattern("c")]) for source in (None, 5, "two\nlines", "\ud800")]),
    ("follow", [("log", "1", x) for x in (None, 5, "c", [None], [a_pattern("c"), {}])]),
    ("followed", [(None,), (5,), ("two\nlines",)]),
    ("get_evidence", [(x,) for x in IDS]),
    ("update_pattern", [(x, {"name": "new"}) for x in [*IDS, "nobody"]]),
    ("update_pattern", [("a", {"name": x}) for x in LINES]),
    ("update_pattern", [("a", {"tags": x}) for x in TAGS if x is not TAGS[-1]]),
    ("update_pattern", [("a", {"confidence": x}) for x in NUMBERS]),
    ("update_pattern", [("a", {"context": x}) for x in CONTEXTS]),
    ("update_pattern",
     [("a", {"expires_at": NAIVE}), ("a", {"code": "x" * 1_000_001}), ("a", {"lesson": "no"})]),
    ("update_pattern", [("a", {"nonsense": 1}), ("a", {"id": "c"}), ("a", {"usage_count": 5})]),
    ("update_pattern",
     [("a", {"superseded_by": "b"}), ("a", {"discovered_at": NOW}), ("a", {"agent_id": 5})]),
    ("update_pattern", [("a", {"by": x}) for x in (None, 5, "two\nlines")]),
    ("delete_pattern", [(x,) for x in IDS] + [("a", {"agent_id": "two\nlines"})]),
    ("record_pattern_outcome", [(x, True) for x in [*IDS, "nobody"]]),
    ("record_pattern_outcome", [("a", x) for x in (None, 1, 0, "yes", math.nan, [True])]),
    ("record_pattern_outcome", [("a", True, {"at": x}) for x in (NAIVE, "now", 5)]),
    ("record_pattern_outcome", [("a", True, {"note": x}) for x in (None, 5, "\x00", "x" * 1_000_001)]),
    ("record_pattern_outcome", [("a", True, {"agent_id": x}) for x in (None, 5, "two\nlines")]),
    ("link_patterns", [(x, "a") for x in [*IDS, "nobody"]] + [("a", x) for x in [*IDS, "nobody"]]),
    ("link_patterns", [("a", "b", x) for x in KINDS]),
    ("link_patterns", [("a", "a", kind) for kind in LinkKind]),
    ("unlink_patterns", [(x, "a") for x in IDS] + [("a", x) for x in IDS]),
    ("unlink_patterns", [("a", "b", x) for x in KINDS]),
    ("restore_many", [(x, "ann") for x in (None, 5, "abc", [None], [a_pattern("c")], [("c", None)])]),
    ("restore_many", [([x], "ann") for x in RECORDS]),
    ("restore_many", [([Record("c", a_pattern("c"))], x) for x in LINES]),
    ("restore_many", [([Record("c", a_pattern("c"))], "ann", {"source": x}) for x in (None, "two\nlines")]),
    ("link_many", [(x,) for x in (None, 5, "abc", [None], [("a", "b")])]),
    ("link_many", [([LINK._replace(**{name: x})],) for name in ("source", "target") for x in IDS]),
    ("link_many", [([LINK._replace(kind=x)],) for x in KINDS]),
    ("link_many", [([LINK._replace(created_at=x)],) for x in ("now", 5, NAIVE)]),
    ("link_many", [([LINK._replace(target="nobody")],), ([LINK._replace(target="b")],)]),
    ("link_many", [([LINK], {"agent_id": x}) for x in (None, 5, "two\nlines")]),
    ("history", [(x,) for x in (5, [None], ["../x"], [5])]),
    ("query_patterns", [(x, {"task": "sqlite"}) for x in LINES]),
    ("query_patterns", [("ann", x) for x in CONTEXTS]),
    ("query_patterns", [("ann", {"task": "sqlite"}, x) for x in TYPES]),
    ("query_patterns", [("ann", {"task": "sqlite"}, None, x) for x in NUMBERS]),
    ("query_patterns", [("ann", {"task": "sqlite"}, None, 1, x) for x in LIMITS]),
    ("search", [(x,) for x in (None, 5, b"x", ["a"], {"a": 1}, "x" * 1_000_001)]),
    ("search", [("sqlite", {"tags": x}) for x in TAGS if x is not TAGS[-1]]),
    ("search", [("sqlite", {"tags": [str(n) for n in range(101)]})]),
    ("search", [("sqlite", {"type": x}) for x in TYPES]),
    ("search", [("sqlite", {"lesson": x}) for x in LESSONS]),
    ("search", [(words, {"min_confidence": x}) for x in NUMBERS for words in ("sqlite", "", "the")]),
    ("search",
     [(words, {"min_confidence": 1, "limit": x}) for x in LIMITS for words in ("sqlite", "", "the")]),
    ("get_pattern", [(x,) for x in IDS]),
    ("get_patterns_by_tag", [(x,) for x in LINES]),
    ("get_patterns_by_type", [(x,) for x in LINES]),
    ("get_agent_patterns", [(x,) for x in LINES]),
    ("get_related_patterns", [(x,) for x in [*IDS, "nobody"]]),
    ("get_related_patterns", [("a", x) for x in (0, -1, 101, "1", 1.0, True, None, math.nan, [1])]),
    ("get_related_patterns", [("a", {"kinds": x}) for x in (None, 5, "related", ["friend"], [None])]),
    ("get_links", [(x,) for x in IDS]),
    ("get_outcomes", [(x,) for x in IDS] + [("a", x) for x in LIMITS[:-1]]),
    ("get_evidence", [(x,) for x in IDS]),
    ("get_provenance", [(x,) for x in IDS]),
    ("get_top_patterns", [(x,) for x in LIMITS[:-1]]),
    ("get_top_patterns", [(5, x) for x in ["expected", *KINDS]]),
    ("get_due_patterns", [(x,) for x in LIMITS[:-1]]),
    ("render", [([], x) for x in (None, "9", 1.5, True, math.nan)]),
]  # fmt: skip
CASES = [(name, call) for name, calls in WRONG for call in calls]


@pytest.mark.parametrize(
    "name, call", CASES, ids=[f"{name}-{number}" for number, (name, _) in enumerate(CASES)]
)
def test_it_is_told_and_nothing_has_changed(library, name, call):
    """Whatever it is, also when the answer to almost the same question is known."""
    *given, last = call
    named = last if isinstance(last, dict) and set(last) <= _names(name) and last else {}
    with refused(library):
        getattr(library, name)(*(given if named else call), **named)


def _names(method):
    """What may be given by name."""
    parameters = inspect.signature(getattr(PatternLibrary, method)).parameters.values()
    by_name = {x.name for x in parameters if x.kind is inspect.Parameter.KEYWORD_ONLY}
    fields = set(a_pattern().__struct_fields__) | {"nonsense"} if method == "update_pattern" else set()
    return by_name | fields


def test_every_public_method_that_is_given_something_is_tried_here():
    """Also one that is added."""
    takes = {
        name
        for name, method in inspect.getmembers(PatternLibrary, inspect.isfunction)
        if not name.startswith("_") and len(inspect.signature(method).parameters) > 1
    }
    assert takes - {"reindex"} == {name for name, _ in WRONG}


@pytest.mark.parametrize(
    "question", ["", " ", "the of and", "?!", "\x00\ud800\n", "💡", "%_*\"'; DROP TABLE"]
)
def test_any_words_can_be_asked(library, question):
    """What has no word in it that could be found finds nothing, unless there is nothing at all in it."""
    found = library.search(question)
    assert len(found) == (0 if question.strip() else 2)


def test_a_question_as_long_as_a_file_is_answered(library):
    """By its beginning."""
    assert library.search("sqlite " + "word " * 190_000)


def test_a_batch_that_is_refused_leaves_those_before_it():
    """Its own is not there in part."""
    with open_library() as library:
        given = [*(plain(f"p{n}") for n in range(2100)), plain("p0")]
        with pytest.raises(UsageError, match="p0"):
            library.contribute_many("ann", given)
        assert library.get_library_stats()["patterns"] == 2000


def test_the_limits_that_can_be_meant(library):
    """Their ends."""
    assert len(library.search("", limit=1)) == 1
    assert len(library.search("", limit=10_000)) == 2
    assert len(library.get_top_patterns(10**9)) == 2
    assert len(library.get_related_patterns("a", 100)) == 1
