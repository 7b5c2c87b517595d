"""What it costs to learn from outcomes: uses that failed, and would not have with the best pattern.

    a world     ten patterns that fit a question equally well, and how probably each works, as time passes
    a policy    which of them it puts first, by the outcomes of those it has put first before
    regret      the sum, over all uses, of the best pattern's probability less the chosen one's

Some worlds stand still and some drift: there a pattern that has long worked begins to fail. In all of them
uses are spread evenly over time, and all authors are equally sure. Where ten agents work at a time, all ten
have chosen before the outcome of the first is known; each has its own draws, as it has in the library.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import NamedTuple

from bench.peers import EMPATHY
from bench.results import Fact, ScenarioResult, facts_result
from quarterdeck.patterns import evidence

USES = 2_000
RUNS = 200
QUICK_RUNS = 8
USES_PER_DAY = 20
PATTERNS = 10
CHANGE_EVERY = 500
"""Uses between the changes of a world that changes all at once."""

DAY_S = 86_400.0
HALF_LIFE_S = 90 * DAY_S
CONFIDENCE = 0.5

SUBJECT = "Quarterdeck"


class Arm:
    """What is known of one pattern."""

    def __init__(self) -> None:
        self.tally = evidence.NO_OUTCOMES

    @property
    def uses(self) -> int:
        """How many outcomes there are."""
        return self.tally.successes + self.tally.failures

    @property
    def rate(self) -> float:
        """Of successes; without any outcome, what its author says."""
        return self.tally.successes / self.uses if self.uses else CONFIDENCE


World = Callable[[random.Random], Iterator[Sequence[float]]]
"""For each use how probably each pattern works; new ones are appended."""
Policy = Callable[[Sequence[Arm], float, random.Random], int]
"""Which of the patterns is put first at a time in seconds."""


def one_far_better(dice: random.Random) -> Iterator[Sequence[float]]:
    """One works 9 times of 10, the others every other time."""
    return _standing([0.9] + [0.5] * (PATTERNS - 1), dice)


def anything(dice: random.Random) -> Iterator[Sequence[float]]:
    """Each works with any probability."""
    return _standing([dice.random() for _ in range(PATTERNS)], dice)


def all_close(dice: random.Random) -> Iterator[Sequence[float]]:
    """From 50 % to 60 %."""
    return _standing(_from_to(0.5, 0.6), dice)


def all_good(dice: random.Random) -> Iterator[Sequence[float]]:
    """From 80 % to 95 %."""
    return _standing(_from_to(0.8, 0.95), dice)


def arriving(dice: random.Random) -> Iterator[Sequence[float]]:
    """Any probability; half of the patterns are contributed one by one while the others are in use."""
    rates = [dice.random() for _ in range(PATTERNS)]
    for use in range(USES):
        yield rates[: PATTERNS // 2 + use * PATTERNS // (2 * USES)]


def best_goes_bad(dice: random.Random) -> Iterator[Sequence[float]]:
    """The best, at 90 %, and one of the others, at 30 % to 60 %, change places again and again."""
    rates = [0.9, *_from_to(0.3, 0.6)[1:]]
    dice.shuffle(rates)
    for use in range(USES):
        if use and not use % CHANGE_EVERY:
            best = rates.index(max(rates))
            other = dice.choice([each for each in range(PATTERNS) if each != best])
            rates[best], rates[other] = rates[other], rates[best]
        yield rates


def all_change(dice: random.Random) -> Iterator[Sequence[float]]:
    """From 20 % to 90 %, dealt anew again and again."""
    rates = _from_to(0.2, 0.9)
    for use in range(USES):
        if not use % CHANGE_EVERY:
            dice.shuffle(rates)
        yield rates


def all_wander(dice: random.Random) -> Iterator[Sequence[float]]:
    """Each logit begins anywhere and goes a small random step with each use."""
    logits = [dice.gauss(0, 1) for _ in range(PATTERNS)]
    for _ in range(USES):
        logits = [min(3.0, max(-3.0, each + dice.gauss(0, 0.03))) for each in logits]
        yield [1 / (1 + math.exp(-each)) for each in logits]


def ours(arms: Sequence[Arm], now_s: float, dice: random.Random) -> int:
    """As `PatternLibrary` ranks what is equally relevant."""
    return _first([_posterior(arm, now_s).draw(dice) for arm in arms])


def ours_without_exploring(arms: Sequence[Arm], now_s: float, _: random.Random) -> int:
    """The same with the setting ``explore`` off."""
    return _first([_posterior(arm, now_s).mean for arm in arms])


def thompson(arms: Sequence[Arm], _: float, dice: random.Random) -> int:
    """Thompson sampling as it is in the books: nothing is forgotten, and the draws are not sharpened."""
    return _first([dice.betavariate(1 + arm.tally.successes, 1 + arm.tally.failures) for arm in arms])


def raw_rate(arms: Sequence[Arm], _: float, __: random.Random) -> int:
    """Successes of all outcomes, and what the author says before there are any."""
    return _first([arm.rate for arm in arms])


def lower_bound(arms: Sequence[Arm], _: float, __: random.Random) -> int:
    """The lower end of Wilson's interval."""
    return _first([evidence.wilson(arm.tally.successes, arm.tally.failures)[0] for arm in arms])


def ucb1(arms: Sequence[Arm], _: float, __: random.Random) -> int:
    """Each once, then the upper confidence bound.

    Source: P. Auer, N. Cesa-Bianchi and P. Fischer, "Finite-time analysis of the multiarmed bandit problem",
    Machine Learning 47, 2002.
    """
    logarithm = 2 * math.log(max(1, sum(arm.uses for arm in arms)))
    return _first([arm.rate + math.sqrt(logarithm / arm.uses) if arm.uses else math.inf for arm in arms])


def empathy(arms: Sequence[Arm], _: float, dice: random.Random) -> int:
    """What empathy-framework returns first when all else is equal.

    The confidence becomes the success rate with the fifth use, and below 0.5 a pattern is not returned; the
    rate counts only once there is one; what was contributed first wins a tie. Where nothing is returned an
    agent takes any pattern.
    """
    found = [index for index, arm in enumerate(arms) if arm.uses < 5 or arm.rate >= CONFIDENCE]
    if not found:
        return dice.randrange(len(arms))
    return max(found, key=lambda index: arms[index].rate if arms[index].uses else 0.0)


def newest(arms: Sequence[Arm], _: float, __: random.Random) -> int:
    """What was contributed last."""
    return len(arms) - 1


def any_at_all(arms: Sequence[Arm], _: float, dice: random.Random) -> int:
    """One at random."""
    return dice.randrange(len(arms))


STANDING: dict[str, World] = {
    "one pattern far better": one_far_better,
    "any rates": anything,
    "rates close together": all_close,
    "all rates good": all_good,
    "new patterns arrive": arriving,
}
DRIFTING: dict[str, World] = {
    "the best goes bad": best_goes_bad,
    "all rates change": all_change,
    "all rates wander": all_wander,
}
POLICIES: dict[str, Policy] = {
    SUBJECT: ours,
    f"{SUBJECT} (without exploring)": ours_without_exploring,
    "Thompson sampling": thompson,
    "UCB1": ucb1,
    "raw success rate": raw_rate,
    "Wilson's lower bound": lower_bound,
    f"{EMPATHY.label} (its rule)": empathy,
    "floor (the newest)": newest,
    "floor (any)": any_at_all,
}


HEADLINE = (SUBJECT, EMPATHY.label, "raw success rate", "Wilson's lower bound", "UCB1", "Thompson sampling")


class Setting(NamedTuple):
    """One question to all policies.

    Attributes:
        name: as the tables show it.
        world: what happens.
        at_a_time: so many agents choose before the outcome of any of them is known.
    """

    name: str
    world: World
    at_a_time: int = 1


SETTINGS = [
    *(Setting(f"regret, {name}", world) for name, world in (STANDING | DRIFTING).items()),
    *(
        Setting(f"regret, {name}, ten agents at a time", (STANDING | DRIFTING)[name], 10)
        for name in ("any rates", "the best goes bad")
    ),
]


def run(*, rounds: int, quick: bool, say: Callable[[str], None]) -> list[ScenarioResult]:  # noqa: ARG001
    """Every policy in every world, in all processors; the same runs of a world for each policy.

    How many runs says *quick*, and not *rounds*: one more costs little, and hundreds are needed.
    """
    runs = QUICK_RUNS if quick else RUNS
    results = []
    with ProcessPoolExecutor() as pool:
        for setting in SETTINGS:
            say(setting.name)
            facts = []
            for name, policy in POLICIES.items():
                regret = partial(regret_of, setting.world, policy, setting.at_a_time)
                facts.append(_fact(name, list(pool.map(regret, range(runs), chunksize=max(1, runs // 16)))))
            results.append(facts_result(setting.name, f"{runs} runs", USES, facts, unit="uses"))
    return results


def regret_of(world: World, policy: Policy, at_a_time: int, seed: int) -> float:
    """How many more uses fail, on average, than with the best pattern every time."""
    fate, dice = random.Random(f"world {seed}"), random.Random(f"policy {seed}")
    arms: list[Arm] = []
    unknown: list[tuple[Arm, bool]] = []
    regret = 0.0
    for use, rates in enumerate(world(random.Random(seed))):
        now_s = use * DAY_S / USES_PER_DAY
        arms += [Arm() for _ in range(len(rates) - len(arms))]
        chosen = policy(arms, now_s, dice)
        regret += max(rates) - rates[chosen]
        unknown.append((arms[chosen], fate.random() < rates[chosen]))
        if len(unknown) == at_a_time:
            for arm, success in unknown:
                arm.tally = arm.tally.after(success, now_s, HALF_LIFE_S)
            unknown.clear()
    return regret


def _posterior(arm: Arm, now_s: float) -> evidence.Posterior:
    return evidence.posterior(arm.tally, CONFIDENCE, now_s, HALF_LIFE_S)


def _first(scores: list[float]) -> int:
    return scores.index(max(scores))


def _standing(rates: list[float], dice: random.Random) -> Iterator[Sequence[float]]:
    dice.shuffle(rates)
    return (rates for _ in range(USES))


def _from_to(low: float, high: float) -> list[float]:
    return [low + (high - low) * step / (PATTERNS - 1) for step in range(PATTERNS)]


def _fact(name: str, regrets: list[float]) -> Fact:
    figures = {
        "mean": statistics.mean(regrets),
        "sd": statistics.stdev(regrets),
        "worst tenth": statistics.quantiles(regrets, n=10)[-1],
    }
    return Fact(name, f"{figures['mean']:.0f} ± {figures['sd']:.0f}", figures)
