"""A server that is down is not asked again at once, nor by everybody at a time."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from quarterdeck.memory.server.breaker import FIRST_PAUSE_S, LONGEST_PAUSE_S, Breaker

PATIENCE_S = 1.5


@dataclass
class Clock:
    now: float = 100.0

    def __call__(self):
        return self.now


def breaker(clock, jitter=0.0):
    return Breaker(PATIENCE_S, clock, lambda: jitter)


def test_nobody_is_refused_before_the_first_failure():
    """Closed is how it begins."""
    found = breaker(Clock())
    assert found.refusal() is None
    assert found.outage() is None


def test_after_a_failure_everybody_is_refused_for_a_pause():
    """And told why, since when, and until when."""
    clock = Clock()
    found = breaker(clock)
    found.failed("refuses connections")
    clock.now += FIRST_PAUSE_S / 2
    outage = found.refusal()
    assert outage is not None
    assert outage.reason == "refuses connections"
    assert abs(outage.down_s - FIRST_PAUSE_S / 2) < 1e-9
    assert abs(outage.retry_in_s - FIRST_PAUSE_S / 2) < 1e-9


def test_after_the_pause_one_may_try_and_the_others_wait_for_it():
    """A server that comes back is not met by a crowd."""
    clock = Clock()
    found = breaker(clock)
    found.failed("x")
    clock.now += FIRST_PAUSE_S
    assert found.refusal() is None
    assert found.refusal() is not None


def test_a_try_that_is_never_heard_of_does_not_close_the_door_for_ever():
    """Whoever tried may have been interrupted: after the longest that a try takes, the next one may."""
    clock = Clock()
    found = breaker(clock)
    found.failed("x")
    clock.now += FIRST_PAUSE_S
    found.refusal()
    clock.now += PATIENCE_S
    assert found.refusal() is None


def test_pauses_grow_up_to_a_longest_one():
    """Doubled after every failure, and never more than that."""
    clock = Clock()
    found = breaker(clock)
    pauses = []
    for _ in range(10):
        pauses.append(found.failed("x").retry_in_s)
        clock.now += 10
    assert all(abs(b - min(LONGEST_PAUSE_S, 2 * a)) < 1e-9 for a, b in pairwise(pauses))
    assert abs(pauses[-1] - LONGEST_PAUSE_S) < 1e-9


def test_a_pause_is_shortened_by_chance_up_to_its_half():
    """So that many processes do not come back at the same moment."""
    assert abs(breaker(Clock(), jitter=1.0).failed("x").retry_in_s - FIRST_PAUSE_S / 2) < 1e-9


def test_an_answer_ends_the_outage_and_its_pauses():
    """The next outage begins with a short pause and its own beginning."""
    clock = Clock()
    found = breaker(clock)
    for _ in range(5):
        found.failed("x")
    clock.now += 60
    found.succeeded()
    assert found.refusal() is None
    outage = found.failed("y")
    assert (outage.down_s, outage.reason) == (0.0, "y")
    assert abs(outage.retry_in_s - FIRST_PAUSE_S) < 1e-9
