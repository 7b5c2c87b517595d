"""What a loop to look out for has to be, and what is said where it is not."""

from __future__ import annotations

import copy

import pytest

from quarterdeck.errors import UsageError
from quarterdeck.loops.metrics import FeedbackLoop, LoopPolarity, LoopType
from quarterdeck.loops.metrics.known import standard_loops
from quarterdeck.loops.metrics.model import check, twin

R, B = LoopType.REINFORCING, LoopType.BALANCING


def loop(**given):
    usual = {
        "loop_id": "R9",
        "loop_type": R,
        "polarity": LoopPolarity.NEUTRAL,
        "description": "Errors are tried again, and trying again makes errors.",
        "components": ["errors", "retries"],
    }
    return FeedbackLoop(**{**usual, **given})


@pytest.mark.parametrize("standard", standard_loops(), ids=lambda each: each.loop_id)
def test_standard_loops_are_valid(standard):
    """What is asked of others is true of ours."""
    check(standard)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"components": ("errors",)},
        {"loop_type": B, "signs": [1, -1]},
        {"signs": (-1, -1)},
        {"signs": [1.0, 1.0]},
        {"moves": -1},
        {"description": ""},
        {"intervention_points": ("pause",)},
    ],
    ids=repr,
)
def test_what_can_be_looked_for_is_accepted(given):
    """Tuples are as good as lists; all that has a default can be left out."""
    check(loop(**given))


@pytest.mark.parametrize(
    "given,said",
    [
        ({"loop_id": ""}, "needs an id"),
        ({"loop_id": None}, "needs an id"),
        ({"components": []}, "at least one component"),
        ({"components": "errors"}, "at least one component"),
        ({"components": None}, "at least one component"),
        ({"components": ["errors", ""]}, "not empty"),
        ({"components": ["errors", 5]}, "not empty"),
        ({"components": ["errors", ["retries"]]}, "not empty"),
        ({"components": ["errors", "errors"]}, "twice"),
        ({"loop_type": "reinforcing"}, "no LoopType"),
        ({"polarity": "virtuous"}, "no LoopPolarity"),
        ({"signs": [1, -1]}, "is reinforcing, and its signs are not"),
        ({"loop_type": B, "signs": [1, 1]}, "is balancing, and its signs are not"),
        ({"signs": [1]}, "signs"),
        ({"signs": [1, 1, 1]}, "signs"),
        ({"signs": [2, 1]}, "signs"),
        ({"signs": ["+", "+"]}, "signs"),
        ({"signs": [[1], [1]]}, "signs"),
        ({"signs": 1}, "signs"),
        ({"signs": None}, "signs"),
        ({"moves": 2}, "moves must be"),
        ({"moves": "up"}, "moves must be"),
        ({"moves": None}, "moves must be"),
        ({"description": None}, "text as its description"),
        ({"intervention_points": "break_cycle"}, "intervention points"),
        ({"intervention_points": [5]}, "intervention points"),
        ({"intervention_points": None}, "intervention points"),
        ({"evidence": None}, "evidence"),
    ],
    ids=repr,
)
def test_what_cannot_be_looked_for_is_refused_and_named(given, said):
    """The message says which loop and what is wrong; the hint how to mend it."""
    with pytest.raises(UsageError, match=said) as caught:
        check(loop(**given))
    assert repr(given.get("loop_id", "R9")) in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("wrong", [None, "R1", {"loop_id": "R9"}, FeedbackLoop], ids=repr)
def test_what_is_no_loop_is_refused(wrong):
    """A mapping with the fields of a loop is not one."""
    with pytest.raises(UsageError, match="a loop is a FeedbackLoop") as caught:
        check(wrong)
    assert "FeedbackLoop(loop_id, loop_type, polarity, description, components)" in caught.value.hint


def test_messages_stay_short_whatever_the_loop_is_called():
    """A name of a million letters is not repeated in full."""
    with pytest.raises(UsageError) as caught:
        check(loop(loop_id="x" * 1_000_000, components=[]))
    assert len(str(caught.value)) < 400


def test_a_twin_is_equal_and_independent():
    """Changing one leaves the other as it is."""
    one = loop(signs=[1, 1], intervention_points=["pause"], evidence=[{"seen": 3}])
    before = copy.deepcopy(one)
    other = twin(one)
    assert other == one
    other.loop_id = "other"
    for each in (other.components, other.signs, other.intervention_points, other.evidence):
        each.clear()
    assert one == before


def test_standard_loops_are_made_anew():
    """Whoever changes one changes only their own."""
    standard_loops()[0].components.clear()
    assert standard_loops()[0].components
