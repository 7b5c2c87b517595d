"""Nothing secret or personal is stored, and nothing else is changed."""

from __future__ import annotations

import contextlib
import json
import re
import time

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from quarterdeck.errors import ScrubRefused
from quarterdeck.scrub import Scrubber, detector
from tests.secret_shapes import LOOK_ALIKES, PERSONAL, SECRETS, TOLD, UNTOLD, drawn

BOTH = Scrubber()
MAIL = "alice@example.com"
KEY = "gh" + "p_" + drawn(36)
SOME_TEXT = st.sampled_from([shape.text for shape in SECRETS + PERSONAL] + LOOK_ALIKES) | st.text()
SOME_KEY = st.sampled_from(["password", "token", "api_key", "name", "value", "ssn", MAIL, KEY]) | st.text()
VALUES = st.recursive(
    SOME_TEXT | st.integers() | st.booleans() | st.none() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(SOME_KEY, inner, max_size=4),
    max_leaves=8,
)


def scrubbed(value, scrubber=BOTH):
    """The value that is left."""
    return msgspec.json.decode(scrubber.scrub(msgspec.json.encode(value)))


def named(shapes):
    return pytest.mark.parametrize("shape", shapes, ids=lambda shape: shape.name)


class TestSecretShapes:
    @named(SECRETS)
    def test_a_secret_is_taken_out(self, shape):
        """And everything around it stays."""
        left = scrubbed(shape.text)
        assert left == shape.left
        assert shape.gone not in left

    @named(PERSONAL)
    def test_what_is_personal_is_taken_out(self, shape):
        """And everything around it stays."""
        left = scrubbed(shape.text)
        assert left == shape.left
        assert shape.gone not in left

    @named(SECRETS + PERSONAL)
    def test_it_is_found_wherever_it_stands(self, shape):
        """In a list, under a key, at the start and the end of lines, beside other alphabets."""
        text = f"🎉\n{shape.text}\n\t“é”"
        left = scrubbed({"a": [1, {"b": [text]}], "c": text})
        expected = f"🎉\n{shape.left}\n\t“é”"
        assert left == {"a": [1, {"b": [expected]}], "c": expected}

    @named([shape for shape in SECRETS + PERSONAL if shape.name not in {"YAML", ".env password"}])
    def test_it_is_found_in_json_inside_a_text(self, shape):
        """An agent's log is often that."""
        left = scrubbed({"log": json.dumps({"said": f"x\n{shape.text}"}, ensure_ascii=False)})
        json.loads(left["log"])
        gone = json.dumps(shape.gone, ensure_ascii=False)[1:-1]
        assert gone not in left["log"]

    @pytest.mark.parametrize("value", TOLD)
    def test_a_key_tells_what_its_value_is(self, value):
        """Whatever the value looks like."""
        left = json.dumps(scrubbed(value))
        assert "[REDACTED:" in left
        assert not any(text in left for text in ("hunter2", "123456", "abcdef123", "a1b2c3d4e5"))


class TestLookAlikes:
    @pytest.mark.parametrize("text", LOOK_ALIKES)
    def test_what_only_looks_like_one_passes(self, text):
        """The very bytes that came in."""
        for value in (text, [text], {"note": f"see {text} there"}, {text: 1}):
            data = msgspec.json.encode(value)
            assert BOTH.scrub(data) is data

    @pytest.mark.parametrize("value", UNTOLD)
    def test_a_key_that_tells_nothing_changes_nothing(self, value):
        """Empty values, masks, placeholders, references, and words of every day."""
        data = msgspec.json.encode(value)
        assert BOTH.scrub(data) is data

    def test_there_are_as_many_as_real_ones(self):
        """A list of what must be found is worth little without one of what must not."""
        assert len(LOOK_ALIKES) >= len(SECRETS)
        assert len(UNTOLD) >= len(TOLD)

    def test_numbers_are_not_touched(self):
        """Not even one that looks like a card: most are ids."""
        value = {"card": 4111111111111111, "mail": MAIL, "big": 123456789012345678901234567890, "x": 1e300}
        assert scrubbed(value) == {**value, "mail": "[REDACTED:email]"}


class TestStructure:
    @given(value=VALUES)
    @example(value={"password": ["x" * 9, MAIL, None]})
    @example(value=f"{MAIL}{KEY}{MAIL}")
    def test_only_texts_change(self, value):
        """The tree, its numbers, its order stay; what was scrubbed once stays as it is."""
        data = msgspec.json.encode(value)
        try:
            once = BOTH.scrub(data)
        except ScrubRefused:
            return
        assert BOTH.scrub(once) is once
        assert shape_of(msgspec.json.decode(once)) == shape_of(value)
        assert (once is data) == (once == data)

    def test_keys_are_scrubbed_too(self):
        """In their place."""
        assert list(scrubbed({"a": 1, MAIL: 2, "b": 3})) == ["a", "[REDACTED:email]", "b"]

    @pytest.mark.parametrize("value", [{MAIL: 1, "bob@example.com": 2}, {"[REDACTED:email]": 1, MAIL: 2}])
    def test_two_keys_do_not_become_one(self, value):
        """One of the entries would be lost: nothing is stored, and the error shows neither."""
        with pytest.raises(ScrubRefused) as refused:
            scrubbed([value])
        assert "example.com" not in str(refused.value)

    def test_a_deep_value_is_searched_to_its_end(self):
        """As deep as JSON may be."""
        value: object = MAIL
        for _ in range(400):
            value = [value]
        left = scrubbed(value)
        for _ in range(400):
            left = left[0]
        assert left == "[REDACTED:email]"

    def test_a_secret_twice_leaves_two_marks(self):
        """Each is somewhere of its own."""
        assert scrubbed(f"{KEY} {KEY}") == "[REDACTED:github-token] [REDACTED:github-token]"

    def test_neighbours_do_not_hide_each_other(self):
        """Whatever separates them."""
        assert scrubbed(f"{MAIL},{KEY};{MAIL}") == "[REDACTED:email],[REDACTED:github-token];[REDACTED:email]"


class TestSettings:
    def test_each_kind_can_be_left_alone(self):
        """And with neither nothing is even looked at."""
        text = f"{MAIL} {KEY}"
        assert scrubbed(text, Scrubber(personal=False)) == f"{MAIL} [REDACTED:github-token]"
        assert scrubbed(text, Scrubber(secrets=False)) == f"[REDACTED:email] {KEY}"
        assert scrubbed(text, Scrubber(personal=False, secrets=False)) == text
        assert scrubbed({"password": "x1", "ssn": "536221234"}, Scrubber(personal=False)) == {
            "password": "[REDACTED:password]",
            "ssn": "536221234",
        }


class TestRefuse:
    @named([shape for shape in SECRETS if shape.text.startswith("use ")])
    def test_a_name_that_holds_a_secret_is_refused(self, shape):
        """Its message tells the kind, and not the secret."""
        with pytest.raises(ScrubRefused, match=r"the queue holds a secret \([a-z-]+\)") as refused:
            BOTH.refuse(f"jobs {shape.gone}", "queue")
        assert shape.gone not in str(refused.value)

    @pytest.mark.parametrize(
        "name", [MAIL, "session:token:9f8e7d6c5b4a", "password:reset", "user/1", *filter(None, LOOK_ALIKES)]
    )
    def test_other_names_are_fine(self, name):
        """People are called by their addresses, and keys have colons in them."""
        BOTH.refuse(name, "key")
        Scrubber(secrets=False).refuse(KEY, "key")


class TestFailure:
    def test_more_places_than_can_be_judged_are_refused(self, monkeypatch):
        """However many texts they stand in: nothing is stored half searched."""
        monkeypatch.setattr(detector, "MOST_JUDGED", 100)
        assert scrubbed([MAIL] * 100) == ["[REDACTED:email]"] * 100
        with pytest.raises(ScrubRefused, match="more than 100 places") as refused:
            scrubbed([MAIL] * 101)
        assert "smaller parts" in refused.value.hint

    def test_whatever_goes_wrong_nothing_passes(self, monkeypatch):
        """And the value is not shown."""

        def fail(match):
            raise RuntimeError(match[0])

        scrubber = Scrubber()
        broken = detector.Detector("email", ("@",), re.compile(".+"), fail)
        monkeypatch.setattr(scrubber, "_of_keys", (broken,))
        with pytest.raises(ScrubRefused) as refused:
            scrubber.scrub(msgspec.json.encode(MAIL))
        assert "alice" not in str(refused.value)
        assert refused.value.__suppress_context__

    @pytest.mark.parametrize("data", [b'"a@b.example', b"@", b"\xff@"])
    def test_what_is_no_json_is_refused(self, data):
        """It comes from our own encoder; should it not, no part of it is shown."""
        with pytest.raises(ScrubRefused, match="could not be searched") as refused:
            BOTH.scrub(data)
        assert "a@b" not in str(refused.value)


ADVERSARIAL = {
    "letters": "a",
    "at signs": "@",
    "nearly mails": "a@",
    "domains without end": "a@b.",
    "digits": "4",
    "digits in groups": "4111 ",
    "pluses": "+1 ",
    "nearly ibans": "DE89 ",
    "prefixes": "sk-",
    "jwt heads": "eyJ-",
    "jwt parts": "eyJhbGciOiJIUzI1NiJ9.",
    "begins": "-----BEGIN PRIVATE KEY-----",
    "dashes": "-----",
    "urls": "://a:",
    "names": "password=",
    "names of keys": "api_key=",
    "values before a bracket": "password=a1!",
    "cookies": "cookie: a=b;",
    "users": "curl -u a:b",
    "basic": "Basic YWRtaW46",
    "weak names": "token=a(",
    "quoted names": "secret='",
    "names and blanks": "password        ",
    "flags": "--token ",
    "headers": "Authorization: Bearer ",
    "backslashes": '\\"token\\":\\',
    "webhooks": "hooks.slack.com/services/a/",
    "dots": "M.",
    "annotations": "token: a.",
}


@pytest.mark.parametrize("piece", ADVERSARIAL.values(), ids=ADVERSARIAL)
def test_the_time_grows_with_the_size_and_no_faster(piece):
    """Four times the size, at most ten times the CPU: a quadratic pattern would take sixteen times.

    The smaller size already takes long enough to be measured; the best of three counts.
    """
    small, large = (cpu_s(piece * (size // len(piece))) for size in (25_000, 100_000))
    assert large < 10 * max(small, 0.002)


def cpu_s(text):
    data = msgspec.json.encode(text)
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        with contextlib.suppress(ScrubRefused):
            BOTH.scrub(data)
        best = min(best, time.process_time() - start)
    return best


def shape_of(value):
    """The tree without its texts."""
    if isinstance(value, dict):
        return {place: shape_of(child) for place, child in enumerate(value.values())}
    if isinstance(value, list):
        return [shape_of(child) for child in value]
    return "" if isinstance(value, str) else value
