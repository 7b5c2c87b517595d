"""What can be a pattern, a question, a moment; and what is said of what cannot."""

from __future__ import annotations

import enum
import math
from datetime import UTC, datetime, timedelta, timezone, tzinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.errors import QuarterdeckError, TooLarge, UsageError
from quarterdeck.patterns import checks
from quarterdeck.patterns.frozen import frozen


class Nowhere(tzinfo):
    """A time zone that does not know where it is."""

    def utcoffset(self, when):
        return None

    def tzname(self, when):
        return "nowhere"

    def dst(self, when):
        return None


class Unshowable:
    """Whatever one looks at raises."""

    def __repr__(self):
        raise ValueError("no")

    __str__ = __repr__


class Level(enum.IntEnum):
    """A number that is more than a number."""

    LOW = 1


FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
NAIVE = datetime(2026, 1, 1)  # noqa: DTZ001  that is what is wrong with it
ANYTHING = [
    None, True, 1, -1, 0.5, math.nan, math.inf, 10**400, "", "x", "\x00", "\ud800", "../up", b"x", [], [[]],
    {}, {"a": math.nan}, {1: 2}, (), set(), object(), Unshowable(), NAIVE, Level.LOW, lambda: None,
]  # fmt: skip


@pytest.mark.parametrize(
    "check",
    [
        checks.identity, checks.source, checks.question, checks.lesson, checks.tags, checks.context,
        lambda value: checks.line(value, "name"), lambda value: checks.text(value, "code"),
        lambda value: checks.share(value, "confidence"), lambda value: checks.moment(value, "at"),
    ],
    ids="id source question lesson tags context line text share moment".split(),  # noqa: SIM905
)  # fmt: skip
@pytest.mark.parametrize("value", ANYTHING, ids=range(len(ANYTHING)))
def test_anything_is_taken_as_it_is_or_refused_with_an_error_of_ours(check, value):
    """With what is wrong and how to mend it, on one harmless line each, and short."""
    try:
        taken = check(value)
    except QuarterdeckError as error:
        for said in (error.message, error.hint):
            assert said.isprintable()
            assert 0 < len(said) < 300
    else:
        assert taken == (list(value) if isinstance(value, tuple | set) else value)


class TestIdentity:
    @pytest.mark.parametrize("value", ["a", "9", "A.b_c:d@e-f", "a" * 200, "x.y"])
    def test_these_are_ids(self, value):
        """Letters, digits and a few signs."""
        assert checks.identity(value) == value

    @pytest.mark.parametrize(
        "value",
        [
            "",
            ".",
            "..",
            "a..b",
            "../a",
            "a/b",
            "/a",
            "a\\b",
            "-a",
            ".a",
            "a b",
            "a\n",
            "\na",
            "a\x00",
            "é",
            "a*",
        ],
    )
    def test_what_a_path_or_a_shell_could_take_for_more_is_none(self, value):
        """An id is safe as the name of a folder."""
        with pytest.raises(UsageError, match="must be letters"):
            checks.identity(value)

    def test_a_long_one_is_too_large(self):
        """One more than fits."""
        with pytest.raises(TooLarge, match="201 characters"):
            checks.identity("a" * 201)


class TestTexts:
    @pytest.mark.parametrize("sign", ["\n", "\r", "\t", "\x00", "\x1b", "\x7f", "\x85", "\u2028", "\udfff"])
    def test_a_line_has_no_line_ends_and_no_control_characters(self, sign):
        """Nor halves of characters."""
        with pytest.raises(UsageError, match="must be one line"):
            checks.line(f"a{sign}b", "name")

    def test_a_text_may_have_lines_and_tabs(self):
        """As code has."""
        assert checks.text("a\n\tb\r\n", "code") == "a\n\tb\r\n"

    @pytest.mark.parametrize("sign", ["\x00", "\x08", "\x1b", "\x7f", "\u2029", "\ud800"])
    def test_a_text_has_no_other_control_characters(self, sign):
        """They are nobody's words."""
        with pytest.raises(UsageError, match=r"control character|half of a character"):
            checks.text(f"a{sign}b", "code")

    @pytest.mark.parametrize(
        "said, where",
        [
            ("\x1bx", "a control character, U+001B, at line 1, column 1"),
            ("one\ntwo\n  \u2028\x00", "a control character, U+2028, at line 3, column 3"),
            ("a\r\nb\ud800", "half of a character, U+D800, at line 2, column 2"),
        ],
    )
    def test_it_is_told_which_character_and_where(self, said, where):
        """Of the first one; and nothing else of the text, which may be secret."""
        with pytest.raises(UsageError) as told:
            checks.text(said, "code")
        assert told.value.message == f"the code has {where}"

    def test_it_is_told_where_a_line_ends(self):
        """Of a name, which has only one."""
        with pytest.raises(UsageError, match=r"but has a control character, U\+000A, at line 1, column 4"):
            checks.line("one\ntwo", "name")

    @pytest.mark.parametrize("sign", ["a", "é", "数", "😀"])
    def test_the_bound_of_a_text_is_in_bytes(self, sign):
        """Of UTF-8, to the byte."""
        fitting = sign * (checks.MAX_TEXT_BYTES // len(sign.encode()))
        assert checks.text(fitting, "code") == fitting
        with pytest.raises(TooLarge, match="keep it below"):
            checks.text(fitting + sign, "code")

    def test_the_bound_of_a_line(self):
        """To the character."""
        assert checks.line("x" * checks.MAX_LINE, "name")
        with pytest.raises(TooLarge, match="501 characters"):
            checks.line("x" * (checks.MAX_LINE + 1), "name")

    @pytest.mark.parametrize("blank", ["", " ", "\u3000"])
    def test_a_line_of_nothing_is_empty(self, blank):
        """Unless it may be."""
        with pytest.raises(UsageError, match="is empty"):
            checks.line(blank, "name")
        assert checks.line(blank, "name", may_be_empty=True) == blank

    def test_a_question_may_be_any_text(self):
        """People paste."""
        assert checks.question("\x00\ud800\n") == "\x00\ud800\n"


class TestNumbers:
    @pytest.mark.parametrize("value", [0, 1, 0.0, 1.0, 0.5, 5e-324])
    def test_from_0_to_1(self, value):
        """The ends too."""
        assert checks.share(value, "confidence") == value

    @pytest.mark.parametrize(
        "value", [True, False, -0.1, 1.0000001, 2, math.nan, math.inf, "0.5", None, Level.LOW]
    )
    def test_nothing_else(self, value):
        """A truth value is no number."""
        with pytest.raises(UsageError, match="from 0 to 1"):
            checks.share(value, "confidence")


class TestContext:
    @pytest.mark.parametrize(
        "value",
        [{"a": math.nan}, {"a": [-math.inf]}, {"a": 2**64}, {"a": -(2**63) - 1}, {1: "a"}, {"a": {b"": 1}},
         {"a": b"x"}, {"a": {1}}, {"a": datetime(2026, 1, 1, tzinfo=UTC)}, {"a": Level.LOW}, {"\ud800": 1},
         {"a": "\x00"}, {"a": object()}],
        ids=range(13),
    )  # fmt: skip
    def test_what_json_cannot_give_back_is_refused(self, value):
        """However deep."""
        for deep in (value, {"in": [value]}):
            with pytest.raises(UsageError):
                checks.context(deep)

    def test_the_ends_of_what_fits(self):
        """64 bits, 100 levels, a million bytes."""
        deep: object = 1
        for _ in range(checks.MAX_DEPTH - 1):
            deep = {"a": deep}
        for value in ({"a": 2**64 - 1, "b": -(2**63)}, deep, {"a": "x" * (checks.MAX_TEXT_BYTES - 8)}):
            assert checks.context(value) is value

    @pytest.mark.parametrize("levels", [100, 5_000, 100_000])
    def test_deeper_is_refused_however_deep(self, levels):
        """And does not exhaust the stack."""
        deep: dict[str, object] = {}
        for _ in range(levels):
            deep = {"a": deep}
        with pytest.raises(TooLarge, match="nested"):
            checks.context(deep)

    def test_what_contains_itself_is_refused(self):
        """It has no end."""
        loop: dict[str, object] = {}
        loop["a"] = [loop]
        with pytest.raises(TooLarge, match="nested"):
            checks.context(loop)

    def test_a_large_one_is_refused(self):
        """By its size as JSON."""
        with pytest.raises(TooLarge, match="as JSON"):
            checks.context({"a": "x" * 600_000, "b": "y" * 600_000})

    def test_a_frozen_one_passes(self):
        """It came out of a library."""
        assert checks.context(frozen({"a": [1, {"b": 2}]}))


class TestTags:
    @pytest.mark.parametrize(
        "value", ["sqlite", b"x", {"a": 1}, None, 5, ["a", ""], [["a"]], ["a\n"], [None]]
    )
    def test_these_are_no_tags(self, value):
        """A text is not the list of its letters."""
        with pytest.raises(UsageError):
            checks.tags(value)

    def test_too_many(self):
        """One more than fits."""
        assert len(checks.tags([str(n) for n in range(100)])) == 100
        with pytest.raises(TooLarge, match="101 tags"):
            checks.tags([str(n) for n in range(101)])

    def test_a_set_comes_out_sorted(self):
        """It has no order of its own."""
        assert checks.tags({"c", "a", "b"}) == ["a", "b", "c"]


class TestMoment:
    @pytest.mark.parametrize(
        "value",
        [NAIVE, datetime(2026, 1, 1, tzinfo=Nowhere()), "2026-01-01", 5],
        ids=["naive", "nowhere", "text", "number"],
    )
    def test_without_a_time_zone_it_is_none(self, value):
        """Nobody knows when that was."""
        with pytest.raises(UsageError, match="with a time zone"):
            checks.moment(value, "at")

    @pytest.mark.parametrize(
        "value",
        [
            LAST.replace(tzinfo=timezone(timedelta(hours=-5))),
            FIRST.replace(tzinfo=timezone(timedelta(hours=5))),
        ],
        ids=["late", "early"],
    )
    def test_it_must_be_in_a_year_of_utc(self, value):
        """Or the file could not give it back."""
        with pytest.raises(UsageError, match="no year"):
            checks.moment(value, "at")

    @pytest.mark.parametrize("value", [LAST, FIRST], ids=["last", "first"])
    def test_the_first_and_the_last_moment_of_utc(self, value):
        """They can be meant."""
        assert checks.moment(value, "at") == value
        assert checks.moment(None, "at") is None


@given(st.text())
def test_whatever_text_is_told_is_short_and_harmless(text):
    """An error does not reach into a terminal."""
    assert checks.told(text).isprintable()
    assert len(checks.told(text * 100)) < 1300
