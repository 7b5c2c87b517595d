"""How well loops are found that nobody listed, in systems whose loops are known.

    a model ──draws and seeds──> histories ──contender──> links ──circuits──> loops, against the true ones

A loop is right when its set of links, each with its direction, and its sign are those of a true one. Each
contender sees the same histories. Draws below 1,000 were used to make up the method; these are the others.
"""

from __future__ import annotations

import math
import statistics
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import NamedTuple

from bench.loop_models import CONTROLS, MODELS, PUSHED, WITHOUT_LINKS, Link, Model, State
from bench.results import Fact, ScenarioResult, facts_result
from quarterdeck.errors import MissingExtra
from quarterdeck.loops.discovery import discover
from quarterdeck.loops.discovery.circuits import elementary_circuits
from quarterdeck.loops.discovery.links import benjamini_hochberg
from quarterdeck.loops.discovery.search import LONGEST_LOOP, MAX_LAG

FIRST_DRAW = 1_000
DRAWS = 30
QUICK_DRAWS = 2
LENGTHS = (100, 200, 500)
USUAL = 200

SUBJECT = "Quarterdeck"
CONFIRMED = f"{SUBJECT} (confirmed by PCMCI)"
GRANGER = "statsmodels VAR, Granger p < .05"
HEADLINE = (SUBJECT, CONFIRMED, GRANGER)

Loop = tuple[frozenset[Link], int]
Signs = Mapping[Link, int]


class Found(NamedTuple):
    """What a contender says of one history."""

    links: Signs
    loops: set[Loop]


Contender = Callable[[Sequence[State]], Found]


class Count(NamedTuple):
    """Of links or of loops."""

    right: int
    wrong: int
    missed: int

    @property
    def precision(self) -> float:
        """Of those found, how many are right; 1 when nothing was found."""
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0

    @property
    def recall(self) -> float:
        """Of those that are there, how many were found."""
        return self.right / (self.right + self.missed) if self.right + self.missed else 1.0


class Score(NamedTuple):
    """One contender on one history."""

    model: str
    loops: Count
    links: Count


Scores = list[Score] | str
"""One for each history; why there is none, for a contender that is not installed."""


def ours(history: Sequence[State]) -> Found:
    """`discover`, also where it would abstain for a short history."""
    return _discovered(history)


def ours_confirmed(history: Sequence[State]) -> Found:
    """The same, with the second opinion of PCMCI."""
    return _discovered(history, confirmed=True)


def granger(history: Sequence[State], *, correct: bool = False) -> Found:
    """What one does by hand: lags by BIC, a test of Granger causality for each pair, the sign by the sum."""
    import numpy as np
    from statsmodels.tsa.api import VAR

    names = [*history[0]]
    values = np.array([[*state.values()] for state in history])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = VAR((values - values.mean(0)) / values.std(0)).fit(maxlags=MAX_LAG, ic="bic")
        if not fitted.k_ar:
            return Found({}, set())
        pairs = [(one, two) for one in range(len(names)) for two in range(len(names)) if one != two]
        p_values = [float(fitted.test_causality(two, one).pvalue) for one, two in pairs]
    effects = fitted.coefs.sum(axis=0)
    limit = 0.01 if correct else 0.05
    links = {
        (names[one], names[two]): 1 if effects[two, one] > 0 else -1
        for (one, two), p_value in zip(
            pairs, benjamini_hochberg(p_values) if correct else p_values, strict=True
        )
        if p_value < limit
    }
    return Found(links, loops_of(links))


CONTENDERS: dict[str, Contender] = {
    SUBJECT: ours,
    CONFIRMED: ours_confirmed,
    GRANGER: granger,
    "statsmodels VAR, Granger, Benjamini-Hochberg .01": partial(granger, correct=True),
}


def run(*, rounds: int, quick: bool, say: Callable[[str], None]) -> list[ScenarioResult]:
    """Every contender on every history, in all processors; *rounds* is for the timing alone."""
    draws = range(FIRST_DRAW, FIRST_DRAW + (QUICK_DRAWS if quick else DRAWS))
    results = []
    with ProcessPoolExecutor() as pool:

        def ask(
            name: str, models: Sequence[Model], length: int, fact: Callable[[str, Scores], Fact], by: str = ""
        ) -> None:
            """One scenario with all contenders, and one with ours for each model if it has a name."""
            say(name)
            scores = {
                who: _scores(pool.map, contender, models, draws, length)
                for who, contender in CONTENDERS.items()
            }
            facts = [fact(who, each) for who, each in scores.items()]
            results.append(_result(name, models, draws, facts))
            if by:
                facts = [fact(model.name, _of(model, scores[SUBJECT])) for model in models]
                results.append(_result(by, models, draws, facts))

        for length in LENGTHS:
            by = "loops found, model by model" if length == USUAL else ""
            ask(f"loops found, {length} snapshots", MODELS, length, _accuracy, by)
        ask("loops found, pushed from outside", PUSHED, USUAL, _accuracy)
        ask("no loops there", CONTROLS, USUAL, _false_loops, "no loops there, control by control")
        ask("no links there", WITHOUT_LINKS, USUAL, _false_links, "no links there, control by control")
    say("time")
    facts = [_cost(name, contender, rounds) for name, contender in CONTENDERS.items()]
    results.append(facts_result("CPU for one history", "5 metrics", USUAL, facts, unit="snapshots"))
    return results


def loops_of(links: Signs) -> set[Loop]:
    """The loops that *links* make, as long as those that Quarterdeck looks for."""
    successors: dict[str, list[str]] = {name: [] for name in sorted({end for link in links for end in link})}
    for source, target in links:
        successors[source].append(target)
    return {
        _loop({ends: links[ends] for ends in zip(circuit, circuit[1:] + circuit[:1], strict=True)})
        for circuit in elementary_circuits(successors, max_length=LONGEST_LOOP)
    }


def score(contender: Contender, model: Model, length: int, draw: int) -> Score:
    """One contender on one history."""
    found = contender(model.history(draw, length))
    return Score(
        model.name,
        _count(found.loops, loops_of(model.links)),
        _count({*found.links.items()}, {*model.links.items()}),
    )


def _discovered(history: Sequence[State], *, confirmed: bool = False) -> Found:
    found = discover(history, min_snapshots=0, confirm="pcmci" if confirmed else None)
    return Found(
        {(link.source, link.target): link.sign for link in found.links},
        {_loop({(link.source, link.target): link.sign for link in loop.links}) for loop in found.loops},
    )


def _loop(links: Signs) -> Loop:
    return frozenset(links), math.prod(links.values())


def _count(found: AbstractSet[object], true: AbstractSet[object]) -> Count:
    return Count(len(found & true), len(found - true), len(true - found))


def _scores(
    run_all: Callable[..., Iterable[Score]],
    contender: Contender,
    models: Sequence[Model],
    draws: range,
    length: int,
) -> Scores:
    try:
        return [each for model in models for each in run_all(partial(score, contender, model, length), draws)]
    except (MissingExtra, ImportError) as error:
        return str(error).partition("\n")[0]


def _of(model: Model, scores: Scores) -> Scores:
    return scores if isinstance(scores, str) else [each for each in scores if each.model == model.name]


def _accuracy(name: str, scores: Scores) -> Fact:
    if isinstance(scores, str):
        return Fact(name, "", {}, failure=scores)
    loops, links = _sum(each.loops for each in scores), _sum(each.links for each in scores)
    return Fact(
        name,
        f"{loops.precision:.2f} / {loops.recall:.2f} (links {links.precision:.2f} / {links.recall:.2f})",
        {
            "precision": loops.precision,
            "recall": loops.recall,
            "links precision": links.precision,
            "links recall": links.recall,
        },
    )


def _false_loops(name: str, scores: Scores) -> Fact:
    return _false(name, scores, "loop", lambda each: each.loops)


def _false_links(name: str, scores: Scores) -> Fact:
    return _false(name, scores, "link", lambda each: each.links)


def _false(name: str, scores: Scores, what: str, counted: Callable[[Score], Count]) -> Fact:
    if isinstance(scores, str):
        return Fact(name, "", {}, failure=scores)
    alarms = sum(counted(each).wrong > 0 for each in scores)
    text = f"a false {what} in {alarms} of {len(scores)}"
    return Fact(name, text, {f"histories with a false {what}": alarms, "histories": len(scores)})


def _cost(name: str, contender: Contender, rounds: int) -> Fact:
    history = five_metrics(USUAL)
    times = []
    try:
        for _ in range(rounds + 1):  # the first one also loads libraries
            begin = time.process_time()
            contender(history)
            times.append(time.process_time() - begin)
    except (MissingExtra, ImportError) as error:
        return Fact(name, "", {}, failure=str(error).partition("\n")[0])
    median_ms = statistics.median(times[1:]) * 1000
    return Fact(name, f"{median_ms:.0f} ms", {"cpu_ms": median_ms})


def five_metrics(length: int) -> list[State]:
    """A system of three metrics and one of two, that know nothing of each other."""
    by_name = {model.name: model.history(FIRST_DRAW, length) for model in MODELS}
    both = zip(by_name["trust"], by_name["guardrails"], strict=True)
    return [three | two for three, two in both]


def _sum(counts: Iterable[Count]) -> Count:
    return Count(*map(sum, zip(*counts, strict=True)))


def _result(name: str, models: Sequence[Model], draws: range, facts: list[Fact]) -> ScenarioResult:
    return facts_result(name, f"{len(models)} models", len(models) * len(draws), facts, unit="histories")
