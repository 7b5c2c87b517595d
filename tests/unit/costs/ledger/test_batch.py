"""Which of several records of one answer counts."""

from __future__ import annotations

import itertools

import pytest

from quarterdeck.costs.ledger.batch import Claim

ORDER = [Claim(5, "a", 9), Claim(4, "a", 1), Claim(4, "a", 2), Claim(4, "b", 0), Claim(0, "a", 0)]


def test_more_output_then_the_place_decides():
    """In one order, whichever of two is asked."""
    for first, second in itertools.combinations(ORDER, 2):
        assert first.beats(second)
        assert not second.beats(first)


@pytest.mark.parametrize("claim", ORDER)
def test_no_claim_beats_itself(claim):
    """A record that is met again stays the one that counts."""
    assert not claim.beats(claim)
