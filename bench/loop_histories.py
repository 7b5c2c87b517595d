"""Histories of trust and success whose cause is known, because it was simulated.

    virtuous    each grows by where the other stands above a threshold, until both are near 1
    vicious     the same, below the threshold, until both are near 0
    balancing   trust follows success, success falls where trust is too high; both are drawn to their middle
    none        nothing comes back: level noise, autocorrelated noise, random walks; trust that adds up or
                averages success; a ramp or a step in one, the same in both, a way to the bound in both, a
                rhythm in both

``noise`` is a standard deviation, of what a share of 0 to 1 is off by. A loop is either driven (shocks of
half the noise hit both metrics at every step, and are passed on round the loop) or measured (shocks and
errors of measurement, a quarter of it each). Without a loop all of it is error of measurement, except where
the walk and the autocorrelation are made of it. Shares stop at 0 and 1: in half of the loops growth fades on
the way there, in the others it stops there.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import NamedTuple

VIRTUOUS, VICIOUS, BALANCING, NONE = "virtuous", "vicious", "balancing", "none"
CLASSES = (VIRTUOUS, VICIOUS, BALANCING, NONE)


class History(NamedTuple):
    """Two metrics, snapshot by snapshot, and what is behind them."""

    kind: str
    trust: list[float]
    success: list[float]

    def snapshots(self, dice: random.Random | None = None) -> list[dict[str, object]]:
        """As a detector gets it; ``success`` for those that know only yes and no.

        Args:
            dice: all are told only yes or no, drawn by the share of successes; None: the share as well.
        """
        if dice is not None:
            return [
                {"trust": trust, "success": dice.random() < success}
                for trust, success in zip(self.trust, self.success, strict=True)
            ]
        return [
            {"trust": trust, "success_rate": success, "success": success > 0.5}
            for trust, success in zip(self.trust, self.success, strict=True)
        ]


Maker = Callable[[random.Random, int, float], History]


def reinforcing(dice: random.Random, length: int, noise: float, *, up: bool) -> History:
    """A spiral that grows by e^2 to e^5 in a third to all of the history, and has moved by its end."""
    while True:
        driven, fades = dice.random() < 0.5, dice.random() < 0.5
        shock, error = (noise / 2, 0.0) if driven else (noise / 4, noise / 4)
        growth = dice.uniform(2, 5) / dice.uniform(length / 3, length)
        tilt = dice.uniform(0.5, 2)
        threshold = dice.uniform(0.35, 0.65) if driven else dice.uniform(0.1, 0.5)
        trust = threshold + dice.uniform(0.04, 0.2)
        success = threshold + (trust - threshold) * dice.uniform(0.5, 1.5)
        states = []
        for _ in range(length):
            states.append((trust, success))
            room_of = _fading if fades else _full
            grown = trust + growth * tilt * (success - threshold) * room_of(trust) + dice.gauss(0, shock)
            success = _share(
                success + growth / tilt * (trust - threshold) * room_of(success) + dice.gauss(0, shock)
            )
            trust = _share(grown)
        if not up:
            states = [(1 - trust, 1 - success) for trust, success in states]
        end = max(2, length // 5)
        moved = sum(trust for trust, _ in states[-end:]) / end - states[0][0]
        if abs(moved) > 0.2 and (moved > 0) == up:
            return _measured(VIRTUOUS if up else VICIOUS, states, dice, error)


def balancing(dice: random.Random, length: int, noise: float) -> History:
    """Two metrics that start off their middle, turn about it, and come to rest if shocks let them."""
    driven = dice.random() < 0.5
    shock, error = (noise / 2, 0.0) if driven else (noise / 4, noise / 4)
    follows, falls = dice.uniform(0.2, 0.6), dice.uniform(0.2, 0.6)
    drawn = dice.uniform(0.05, 0.3)
    middle, usual = dice.uniform(0.4, 0.7), dice.uniform(0.4, 0.7)
    trust = middle + dice.choice((-1, 1)) * dice.uniform(0.1, 0.3)
    success = usual + dice.choice((-1, 1)) * dice.uniform(0.1, 0.3)
    states = []
    for _ in range(length):
        states.append((trust, success))
        moved = trust + follows * (success - usual) - drawn * (trust - middle) + dice.gauss(0, shock)
        success = _share(
            success - falls * (trust - middle) - drawn * (success - usual) + dice.gauss(0, shock)
        )
        trust = _share(moved)
    return _measured(BALANCING, states, dice, error)


def level(dice: random.Random, length: int, noise: float) -> History:
    """Two levels, and noise."""
    middles = dice.uniform(0.3, 0.7), dice.uniform(0.3, 0.7)
    return _measured(NONE, [middles] * length, dice, noise)


def autocorrelated(dice: random.Random, length: int, noise: float) -> History:
    """Two levels, and noise that hangs on."""
    return _wandering(dice, length, noise, (dice.uniform(0.2, 0.8), dice.uniform(0.2, 0.8)))


def walks(dice: random.Random, length: int, noise: float) -> History:
    """Two random walks."""
    return _wandering(dice, length, noise / 2, (1.0, 1.0))


def adding_up(dice: random.Random, length: int, noise: float) -> History:
    """Trust adds up how far the work succeeds above or below the usual, and nothing comes back of it."""
    trust, share = dice.uniform(0.3, 0.7), dice.uniform(0.02, 0.2)
    states = []
    for _ in range(length):
        success = _share(0.5 + dice.gauss(0, 0.2))
        states.append((trust, success))
        trust = _share(trust + share * (success - 0.5) + dice.gauss(0, noise / 10))
    return _measured(NONE, states, dice, 0.0)


def averaging(dice: random.Random, length: int, noise: float) -> History:
    """Trust is the moving average of how the work succeeds, and nothing comes back of it."""
    trust, weight = 0.5, dice.uniform(0.05, 0.4)
    states = []
    for _ in range(length):
        success = _share(0.5 + dice.gauss(0, 0.2))
        states.append((trust, success))
        trust = _share(trust + weight * (success - trust) + dice.gauss(0, noise / 10))
    return _measured(NONE, states, dice, 0.0)


def ramp(dice: random.Random, length: int, noise: float, *, both: bool) -> History:
    """Something outside moves trust, or both, by the same amount at every step."""
    start, height = _outside(dice)
    return _driven(dice, [start + height * step / length for step in range(length)], noise, both=both)


def step(dice: random.Random, length: int, noise: float, *, both: bool) -> History:
    """Something outside moves trust, or both, once."""
    start, height = _outside(dice)
    when = dice.randrange(length // 5, 4 * length // 5)
    return _driven(dice, [start + height * (at >= when) for at in range(length)], noise, both=both)


def to_the_bound(dice: random.Random, length: int, noise: float, *, evenly: bool) -> History:
    """Something outside moves both to 1, or to 0: at an even pace, or ever more slowly."""
    start, pace = dice.uniform(0.2, 0.6), length * dice.uniform(0.2, 0.8)
    left = [max(0.0, 1 - at / pace) if evenly else math.exp(-3 * at / pace) for at in range(length)]
    states = [1 - (1 - start) * each for each in left]
    if dice.random() < 0.5:
        states = [1 - each for each in states]
    return _driven(dice, states, noise, both=True)


def rhythm(dice: random.Random, length: int, noise: float) -> History:
    """Both swing as something outside does, one of them later."""
    period, late, phase = dice.uniform(5, 30), dice.uniform(0.1, 0.9), dice.uniform(0, 1)
    swings = [
        [0.5 + 0.2 * math.sin(math.tau * (at / period + shift)) for at in range(length)]
        for shift in (phase, phase + late)
    ]
    return _measured(NONE, list(zip(*swings, strict=True)), dice, noise)


OUTSIDE: dict[str, Maker] = {
    "ramp": lambda *asked: ramp(*asked, both=False),
    "ramp in both": lambda *asked: ramp(*asked, both=True),
    "step": lambda *asked: step(*asked, both=False),
    "step in both": lambda *asked: step(*asked, both=True),
    "ramp to the bound": lambda *asked: to_the_bound(*asked, evenly=True),
    "ever slower to the bound": lambda *asked: to_the_bound(*asked, evenly=False),
    "rhythm": rhythm,
}
NO_LOOP: dict[str, Maker] = {
    "level": level,
    "autocorrelated": autocorrelated,
    "walks": walks,
    "adding up": adding_up,
    "averaging": averaging,
    **OUTSIDE,
}


def any_without_loop(dice: random.Random, length: int, noise: float) -> History:
    """Any kind of history without a loop, all equally likely."""
    return NO_LOOP[dice.choice(list(NO_LOOP))](dice, length, noise)


MAKERS: dict[str, Maker] = {
    VIRTUOUS: lambda *asked: reinforcing(*asked, up=True),
    VICIOUS: lambda *asked: reinforcing(*asked, up=False),
    BALANCING: balancing,
    NONE: any_without_loop,
}


def _wandering(dice: random.Random, length: int, noise: float, hangs_on: tuple[float, float]) -> History:
    middles = dice.uniform(0.3, 0.7), dice.uniform(0.3, 0.7)
    off = [0.0, 0.0]
    states = []
    for _ in range(length):
        off = [much * here + dice.gauss(0, noise) for much, here in zip(hangs_on, off, strict=True)]
        states.append((middles[0] + off[0], middles[1] + off[1]))
    return _measured(NONE, states, dice, 0.0)


def _outside(dice: random.Random) -> tuple[float, float]:
    height = dice.choice((-1, 1)) * dice.uniform(0.2, 0.5)
    return 0.5 - height / 2, height


def _driven(dice: random.Random, trust: list[float], noise: float, *, both: bool) -> History:
    usual = dice.uniform(0.3, 0.7)
    return _measured(NONE, [(each, each if both else usual) for each in trust], dice, noise)


def _measured(kind: str, states: list[tuple[float, float]], dice: random.Random, error: float) -> History:
    seen = [
        (_share(trust + dice.gauss(0, error)), _share(success + dice.gauss(0, error)))
        for trust, success in states
    ]
    return History(kind, [trust for trust, _ in seen], [success for _, success in seen])


def _share(value: float) -> float:
    return min(1.0, max(0.0, value))


def _fading(value: float) -> float:
    return 4 * value * (1 - value)


def _full(_: float) -> float:
    return 1.0
