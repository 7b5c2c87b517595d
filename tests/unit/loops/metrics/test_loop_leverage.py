"""Where to push: what can be done about a loop comes in the order of Meadows' places to intervene."""

from __future__ import annotations

import pytest

from quarterdeck.loops.metrics.known import standard_loops
from quarterdeck.loops.metrics.leverage import Intervention, Place, interventions


def test_meadows_list_is_complete_and_counts_down():
    """Twelve places, paradigms the strongest and numbers the weakest."""
    assert [int(place) for place in Place] == list(range(1, 13))
    assert Place.TRANSCEND_PARADIGMS < Place.GOALS < Place.RULES < Place.INFORMATION_FLOWS < Place.NUMBERS


@pytest.mark.parametrize("loop", standard_loops(), ids=lambda loop: loop.loop_id)
class TestStandardLoops:
    def test_every_intervention_has_a_place_and_advice(self, loop):
        """None is only a name."""
        for each in interventions(loop.intervention_points):
            assert each.place is not None
            assert each.advice.endswith(".")
            assert each.advice != each.name.replace("_", " ")

    def test_interventions_are_listed_in_the_order_of_their_places(self, loop):
        """So that the first one is the one to try first, however the list is read."""
        assert [each.name for each in interventions(loop.intervention_points)] == loop.intervention_points


def test_the_most_effective_place_comes_first_whatever_the_order_asked_in():
    """Rules before information before numbers; what is at the same place stays as it was asked."""
    asked = ["adjust_scope", "rebuild_confidence", "celebrate_wins", "break_cycle"]
    found = interventions(asked)
    assert [each.name for each in found] == [
        "break_cycle",
        "rebuild_confidence",
        "celebrate_wins",
        "adjust_scope",
    ]
    assert [each.place for each in found] == sorted(each.place for each in found if each.place)


def test_what_nobody_knows_comes_last_in_its_own_words():
    """An intervention of one's own has no place in the list, and is its own advice."""
    found = interventions(["ask_a_friend", "adjust_scope"])
    assert found[0].name == "adjust_scope"
    assert found[1] == Intervention("ask_a_friend", None, "ask a friend")


def test_nothing_to_do_is_nothing():
    """Also of an iterator."""
    assert interventions([]) == interventions(iter(())) == []
