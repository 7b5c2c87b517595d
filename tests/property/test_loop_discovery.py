"""Whatever a history is made of, discovery answers, and its answer holds together."""

from __future__ import annotations

import json
import math
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from quarterdeck.loops.discovery import discover

values = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=3)
    | st.lists(st.integers(), max_size=2)
    | st.sampled_from([10**400, -(10**400), 1e300, 5e-324])
)
names = st.sampled_from(["a", "b", "c", "", "\ud800", "\x1b[0m"]) | st.text(max_size=2)
snapshots = st.dictionaries(names, values, max_size=6)


def holds_together(found):
    """Loops are made of links, their types follow from their signs, and all of it is JSON."""
    json.dumps(found.to_dict(), allow_nan=False)
    assert not (found.abstained and (found.links or found.loops or found.doubtful))
    assert not {*found.metrics} & {*found.left_out}
    for loop in (*found.loops, *found.doubtful):
        assert {*loop.links} <= {*found.links}
        assert 2 <= len({*loop.components}) == len(loop.links) <= 6
        assert [link.target for link in loop.links] == [*loop.components[1:], loop.components[0]]
        assert (loop.loop_type.value == "reinforcing") == (math.prod(loop.signs) == 1)
    for link in found.links:
        assert link.source != link.target
        assert 0 <= link.strength <= 1
        assert 0 <= link.p_value <= 0.01
        assert 1 <= link.lag <= 3


@given(st.lists(snapshots, max_size=80))
def test_any_history_gets_an_answer(history):
    """Gaps, text, huge numbers, names of any kind."""
    holds_together(discover(history, min_snapshots=0))


@settings(max_examples=60)
@given(
    st.integers(0, 2**32),
    st.integers(2, 6),
    st.integers(40, 120),
    st.floats(0, 0.3),
    st.sampled_from([1e-140, 1e-3, 1.0, 1e6, 1e140]),
    st.booleans(),
)
def test_any_system_gets_an_answer(seed, metrics, length, gaps, scale, whole):
    """Linear systems of any kind, running away or not, in any unit, rounded or not, with gaps."""
    dice = random.Random(seed)
    effects = [[dice.uniform(-1, 1) * (dice.random() < 0.5) for _ in range(metrics)] for _ in range(metrics)]
    shock = dice.choice([0.0, 1e-9, 1.0])
    state = [dice.gauss(0, 1) for _ in range(metrics)]
    history = []
    for _ in range(length):
        pushed = [
            sum(e * s for e, s in zip(own, state, strict=True)) + shock * dice.gauss(0, 1) for own in effects
        ]
        state = [max(-1e3, min(1e3, each)) for each in pushed]
        history.append(
            {
                f"m{place}": (float(round(each)) if whole else each) * scale
                for place, each in enumerate(state)
                if dice.random() >= gaps
            }
        )
    holds_together(discover(history, min_snapshots=0))
