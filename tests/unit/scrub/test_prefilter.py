"""The glance at the bytes never says no to what the detectors take out."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterdeck.errors import ScrubRefused
from quarterdeck.scrub import Scrubber, prefilter
from quarterdeck.scrub.headers import HEADERS
from quarterdeck.scrub.named import ASSIGNED, WORD
from quarterdeck.scrub.personal import PERSONAL
from quarterdeck.scrub.tokens import OTHERS, TOKENS
from tests.secret_shapes import LOOK_ALIKES, SECRETS, TOLD, UNTOLD
from tests.secret_shapes import PERSONAL as PERSONAL_SHAPES

DETECTORS = TOKENS + OTHERS + ASSIGNED + HEADERS + PERSONAL
SURROUNDED = st.sampled_from(["", " ", "x ", "\n", '"', "\\", "é", "🎉 ", "=", "a-", "0 "])


@pytest.fixture(scope="module", params=["by_images", "by_automaton"])
def glance(request):
    """Each way to look."""
    try:
        return getattr(prefilter, request.param)()
    except ImportError:
        pytest.skip("google-re2 is not installed: an option that needs no test where it is not")


@pytest.fixture(scope="module")
def thorough():
    """A scrubber that searches everything."""
    scrubber = Scrubber()
    scrubber._suspicious = lambda data: True
    return scrubber


def missed(glance, thorough, value):
    """Whether the detectors find something in *value* that the glance does not see."""
    data = msgspec.json.encode(value)
    try:
        found = thorough.scrub(data) is not data
    except ScrubRefused:
        found = True
    return found and not glance(data)


class TestGlance:
    @pytest.mark.parametrize("detector", DETECTORS, ids=lambda detector: detector.kind)
    @settings(max_examples=25, deadline=None)
    @given(data=st.data())
    def test_no_match_of_a_detector_is_missed(self, glance, thorough, detector, data):
        """Whatever its pattern can match, in whatever JSON."""
        text = data.draw(st.from_regex(detector.pattern))
        before, after = data.draw(SURROUNDED), data.draw(SURROUNDED)
        text = before + text + after
        try:
            text.encode()
        except UnicodeEncodeError:
            return
        for value in (text, {text: 1}, [{"password": text}], msgspec.json.encode([text]).decode()):
            assert not missed(glance, thorough, value)

    @given(
        key=st.from_regex(
            rf"[a-zA-Z]{{0,6}}[_-]?(?i:{WORD}|authorization|cookies?)[:=]?\Z|(?i:ssn|passport number)\Z"
        ),
        value=st.sampled_from(["hunter2", "a1b2c3d4e5f6", "536221234", "C01234567", ["a1b2c3d4"]])
        | st.text(),
    )
    def test_no_telling_key_is_missed(self, glance, thorough, key, value):
        """Nor a pair of a name and a value, in either order."""
        for tree in (
            {key: value},
            {key: {"value": value}},
            {key: {"a": [value]}},
            {"name": key, "value": value},
            {"value": value, "key": key},
            [{key: [value]}],
        ):
            assert not missed(glance, thorough, tree)

    @given(
        st.recursive(
            st.text() | st.integers(), lambda inner: st.dictionaries(st.text(max_size=9), inner), max_leaves=5
        )
    )
    def test_nothing_is_missed_in_any_json(self, glance, thorough, value):
        """Also where nobody would look."""
        assert not missed(glance, thorough, value)

    def test_nothing_of_the_lists_is_missed(self, glance, thorough):
        """Neither the real ones nor those that should be none."""
        values = [shape.text for shape in SECRETS + PERSONAL_SHAPES] + LOOK_ALIKES + TOLD + UNTOLD
        assert not [value for value in values if missed(glance, thorough, value)]

    def test_ordinary_values_need_no_search(self, glance):
        """That is what it is for."""
        value = {
            "task": "refactor-auth",
            "id": "550e8400-e29b-41d4-a716-446655440000",
            "commit": "9b1c7de04f3a66b2c8e15d7a90f4c3b2e1d0a9f8",
            "note": "Moved the token handling out; 14 of 19 tests pass, the rest needs a key.",
            "files": ["src/app/session.py", "tests/unit/test_session_of_the_user.py"],
            "updated": "2026-11-22T23:50:41.123Z",
            "ms": 1732320000123,
            "max_tokens": 4096,
            "score": 0.8731,
        }
        assert not glance(msgspec.json.encode(value))
