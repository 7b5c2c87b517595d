"""Small models of systems dynamics whose loops are known, and metrics that have a trend but no loop.

    a draw of the parameters ──difference equations, with shocks──> snapshots

Each stock goes a part of the way to what the others ask of it in each step, and is hit by a shock of its own:
``stock += rate × (asked − stock) + shock``. What acts on what, and how, is the same in every draw of a model;
how strongly, how fast, how late and how noisily is drawn. The first steps are thrown away.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import islice
from typing import NamedTuple

WARM_UP = 100
"""Steps that are thrown away."""

Link = tuple[str, str]
State = dict[str, float]
Draw = Callable[[random.Random], Iterator[State]]


class Model(NamedTuple):
    """A system that is wholly known.

    Attributes:
        name: as the tables show it.
        links: +1 or -1 for each pair of metrics of which the first moves the second.
        draw: its states, without end, for one draw of its parameters.
    """

    name: str
    links: Mapping[Link, int]
    draw: Draw

    def history(self, seed: int, snapshots: int) -> list[State]:
        """So many snapshots of the draw *seed*; a longer history of it begins with a shorter one."""
        states = self.draw(random.Random(f"{self.name} {seed}"))
        for _ in range(WARM_UP):
            next(states)
        return [dict(next(states)) for _ in range(snapshots)]


def thermostat(dice: random.Random) -> Iterator[State]:
    """Heating warms; how warm it was one to three steps ago turns the heating down."""
    delay = dice.randint(1, 3)
    warms, cools, heat_kept = dice.uniform(0.3, 0.6), dice.uniform(0.3, 0.6), dice.uniform(0.3, 0.6)
    shock = dice.uniform(0.7, 1.4)
    temperatures, heating = [0.0] * delay, 0.0
    while True:
        warmer = 0.7 * temperatures[-1] + warms * heating + dice.gauss(0, 1)
        heating = heat_kept * heating - cools * temperatures[-delay] + dice.gauss(0, shock)
        temperatures = [*temperatures[-delay:], warmer]
        yield {"temperature": 20 + warmer, "heating": 50 + 10 * heating}


def predators(dice: random.Random) -> Iterator[State]:
    """Prey feeds predators, which eat prey (Lotka and Volterra, with room for so much prey only)."""
    growth, eaten = dice.uniform(0.5, 0.7), dice.uniform(0.4, 0.6)
    fed, starved = dice.uniform(0.3, 0.5), dice.uniform(0.3, 0.4)
    shock = dice.uniform(0.03, 0.1)
    prey, hunters = 1.0, 1.0
    while True:
        grown = prey * math.exp(growth * (1 - prey / 3) - eaten * hunters + dice.gauss(0, shock))
        hunters *= math.exp(fed * prey - starved + dice.gauss(0, shock))
        prey = grown
        yield {"prey": prey, "predators": hunters}


def noise(dice: random.Random) -> Iterator[State]:
    """Four metrics that know nothing of each other, and some of which remember themselves."""
    kept = [dice.uniform(0, 0.9) for _ in range(4)]
    values = [0.0] * 4
    while True:
        values = [keep * value + dice.gauss(0, 1) for keep, value in zip(kept, values, strict=True)]
        yield _named(values)


def walks(dice: random.Random) -> Iterator[State]:
    """Four random walks."""
    values = [0.0] * 4
    while True:
        values = [value + dice.gauss(0, 1) for value in values]
        yield _named(values)


def slow(dice: random.Random) -> Iterator[State]:
    """Four metrics that know nothing of each other and take long to come back."""
    kept = [dice.uniform(0.9, 0.99) for _ in range(4)]
    values = [0.0] * 4
    while True:
        values = [keep * value + dice.gauss(0, 1) for keep, value in zip(kept, values, strict=True)]
        yield _named(values)


def adding_up(dice: random.Random) -> Iterator[State]:
    """What comes in, and a stock of all that has come in and never goes out."""
    keep, share, shock = dice.uniform(0, 0.9), dice.uniform(0.3, 1), dice.uniform(0.2, 1)
    inflow, stock = 0.0, 0.0
    while True:
        stock += share * inflow + dice.gauss(0, shock)
        inflow = keep * inflow + dice.gauss(0, 1)
        yield {"inflow": inflow, "stock": stock}


def hectic(dice: random.Random) -> Iterator[State]:
    """Metrics that know nothing of each other but have calm and hectic times together."""
    kept = [dice.uniform(0, 0.9) for _ in range(4)]
    values, heat = [0.0] * 4, 0.0
    while True:
        heat = 0.95 * heat + dice.gauss(0, 0.4)
        values = [
            keep * value + math.exp(heat) * dice.gauss(0, 1) for keep, value in zip(kept, values, strict=True)
        ]
        yield _named(values)


def ramp(dice: random.Random) -> Iterator[State]:
    """All rise at a pace of their own because something outside does."""
    pace = [dice.uniform(0.01, 0.1) for _ in range(4)]
    return _pushed(dice, lambda step: [each * step for each in pace])


def bend(dice: random.Random) -> Iterator[State]:
    """All begin to rise at one time, and stop at another."""
    pace = [dice.uniform(0.02, 0.15) for _ in range(4)]
    begin = WARM_UP + dice.randint(30, 120)
    end = begin + dice.randint(20, 200)
    return _pushed(dice, lambda step: [each * (min(max(step, begin), end) - begin) for each in pace])


def curve(dice: random.Random) -> Iterator[State]:
    """All rise slowly, then fast, then slowly again."""
    height = [dice.uniform(3, 8) for _ in range(4)]
    return _pushed(dice, lambda step: [each * math.tanh((step - WARM_UP - 100) / 40) for each in height])


def step(dice: random.Random) -> Iterator[State]:
    """All jump at one time because something outside does."""
    height = [dice.uniform(2, 6) for _ in range(4)]
    when = WARM_UP + dice.randint(20, 80)
    return _pushed(dice, lambda step: [each * (step > when) for each in height])


def season(dice: random.Random) -> Iterator[State]:
    """All follow one season, some of them later than others."""
    length = dice.choice([7, 12, 24, 30])
    height = [dice.uniform(1, 3) for _ in range(4)]
    late = [dice.uniform(0, 6) for _ in range(4)]
    return _pushed(
        dice,
        lambda step: [
            each * math.sin(2 * math.pi * (step - by) / length) for each, by in zip(height, late, strict=True)
        ],
    )


def hidden(dice: random.Random) -> Iterator[State]:
    """All follow one thing that wanders and is not measured, and have noise of their own."""
    keep = dice.uniform(0.5, 0.95)
    follow = [dice.uniform(0.5, 1.5) for _ in range(4)]
    driver = 0.0
    while True:
        driver = keep * driver + dice.gauss(0, 1)
        yield _named([each * driver + dice.gauss(0, 1) for each in follow])


def hidden_walk(dice: random.Random) -> Iterator[State]:
    """The same, and what they follow never comes back."""
    follow = [dice.uniform(0.5, 1.5) for _ in range(4)]
    driver = 0.0
    while True:
        driver += dice.gauss(0, 1)
        yield _named([each * driver + dice.gauss(0, 1) for each in follow])


def _stocks(links: Mapping[Link, int], dice: random.Random) -> Iterator[State]:
    """Stocks that *links* join, saturating softly; each draw has its own rates, gains, scales and shocks.

    A reinforcing loop may run up to where it saturates, and then stays there.
    """
    names = sorted({name for link in links for name in link})
    rate = {name: dice.uniform(0.3, 0.7) for name in names}
    gain = {link: sign * dice.uniform(0.7, 1.1) for link, sign in links.items()}
    shock = {name: dice.uniform(0.7, 1.4) for name in names}
    scale = {name: 10 ** dice.uniform(-2, 2) for name in names}
    state = dict.fromkeys(names, 0.0)
    while True:
        asked = dict.fromkeys(names, 0.0)
        for (source, target), by in gain.items():
            asked[target] += by * 8 * math.tanh(state[source] / 8)
        state = {
            name: state[name] + rate[name] * (asked[name] - state[name]) + dice.gauss(0, shock[name])
            for name in names
        }
        yield {name: scale[name] * (5 + state[name]) for name in names}


def _pushed(dice: random.Random, push: Callable[[int], list[float]]) -> Iterator[State]:
    """Noise of its own for each metric, on top of what *push* says for the step."""
    at = 0
    while True:
        yield _named([each + dice.gauss(0, 1) for each in push(at)])
        at += 1


def _pushed_too(of: Draw, push: str, dice: random.Random) -> Iterator[State]:
    """The states of a system, to whose metrics something outside adds a step or a season."""
    usual = list(islice(of(random.Random(dice.random())), WARM_UP, 2 * WARM_UP))
    spread = {name: statistics.pstdev(each[name] for each in usual) for name in usual[0]}
    height = {name: dice.uniform(1, 4) * by for name, by in spread.items()}
    late = {name: dice.uniform(0, 6) for name in spread}
    when, length = WARM_UP + dice.randint(20, 80), dice.choice([7, 12, 24])
    for at, state in enumerate(of(dice)):
        yield {
            name: value
            + height[name]
            * ((at > when) if push == "step" else math.sin(2 * math.pi * (at - late[name]) / length))
            for name, value in state.items()
        }


def _named(values: list[float]) -> State:
    return {f"metric_{index}": value for index, value in enumerate(values, 1)}


def _of_stocks(name: str, links: Mapping[Link, int]) -> Model:
    return Model(name, links, partial(_stocks, links))


MODELS = [
    # Who succeeds is trusted, who is trusted is given work, and who is given work gets better at it.
    _of_stocks("trust", {("success", "trust"): 1, ("trust", "delegation"): 1, ("delegation", "success"): 1}),
    # Errors bring guardrails, and guardrails prevent errors.
    _of_stocks("guardrails", {("errors", "guardrails"): 1, ("guardrails", "errors"): -1}),
    # Pressure makes debt, debt makes slow, and slowness makes pressure; pressure also makes fast.
    _of_stocks(
        "technical debt",
        {
            ("pressure", "debt"): 1,
            ("debt", "velocity"): -1,
            ("velocity", "pressure"): -1,
            ("pressure", "velocity"): 1,
        },
    ),
    # Usage brings revenue, which brings usage; usage also brings load, which drives usage away.
    _of_stocks(
        "limits to growth",
        {("usage", "revenue"): 1, ("revenue", "usage"): 1, ("usage", "load"): 1, ("load", "usage"): -1},
    ),
    # Each of two sides answers the other.
    _of_stocks("escalation", {("ours", "theirs"): 1, ("theirs", "ours"): 1}),
    # A quick fix and a lasting one for the same problem; the quick one wears out the lasting one.
    _of_stocks(
        "shifting the burden",
        {
            ("problem", "quick_fix"): 1,
            ("quick_fix", "problem"): -1,
            ("problem", "capability"): 1,
            ("capability", "problem"): -1,
            ("quick_fix", "capability"): -1,
        },
    ),
    Model("thermostat", {("heating", "temperature"): 1, ("temperature", "heating"): -1}, thermostat),
    Model("predators", {("prey", "predators"): 1, ("predators", "prey"): -1}, predators),
]
"""Systems with loops."""


PUSHED = [
    Model(f"{model.name}, {push}", model.links, partial(_pushed_too, model.draw, push))
    for model in MODELS[:-1]
    for push in ("step", "season")
]
"""The same with something outside that adds a step, or a season, to each metric: 1 to 4 times its spread."""

CONTROLS = [
    # One thing leads to another, and nothing leads back.
    _of_stocks("chain", {("asked", "planned"): 1, ("planned", "done"): 1, ("done", "billed"): 1}),
    Model("adding up", {("inflow", "stock"): 1}, adding_up),
    *(
        Model(draw.__name__.replace("_", " "), {}, draw)
        for draw in (noise, slow, walks, hectic, ramp, bend, curve, step, season, hidden, hidden_walk)
    ),
]
"""Systems without."""

WITHOUT_LINKS = [model for model in CONTROLS if model.name in {"noise", "slow", "walks", "hectic"}]
"""Those whose metrics nothing moves but themselves: here one of a hundred histories may have a link."""
