"""From a history to its loops."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Literal

from quarterdeck.errors import UsageError
from quarterdeck.loops.discovery import links, table
from quarterdeck.loops.discovery.circuits import elementary_circuits
from quarterdeck.loops.discovery.model import CausalLoop, Discovery
from quarterdeck.words import harmless

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quarterdeck.loops.discovery.links import Links
    from quarterdeck.loops.discovery.model import Link
    from quarterdeck.loops.discovery.table import Table

MIN_SNAPSHOTS = 200
MAX_LAG = 3
MAX_LOOPS = 20
LONGEST_LOOP = 6
FALSE_DISCOVERY_RATE = 0.01

_MOST_CIRCUITS = 10_000
_LARGEST_LAG = 20
_TOGETHER_P = 0.01
_TOGETHER_RATIO = 1 / 3


def discover(
    history: Sequence[Mapping[str, object]],
    *,
    max_lag: int = MAX_LAG,
    false_discovery_rate: float = FALSE_DISCOVERY_RATE,
    min_snapshots: int = MIN_SNAPSHOTS,
    confirm: Literal["pcmci"] | None = None,
    max_loops: int = MAX_LOOPS,
) -> Discovery:
    """The feedback loops of *history* that nobody listed, or why nothing can be said.

    A loop is made of two to six metrics, each of which moves the next one and the last one the first; that
    a metric remembers itself is no loop. The snapshots are taken to be equally far apart, and the metrics
    to be moved by what was, not by what is in the same snapshot.

    What cannot be told from loops: two metrics that noise is measured with, of one thing that wanders. Their
    shocks come together, which those of a loop need not do, so that such loops are doubtful. So is a loop in
    which something acts within one snapshot, and nothing but snapshots taken more often helps there.

    The latest 1,000 snapshots and 20 metrics are looked at.

    Args:
        history: the oldest first. True is 1; a value that is missing, None, NaN or no number is unknown, and
            a metric of which more than a fifth is unknown is left out, as is one that does not vary or
            follows from others. A snapshot counts where all metrics are known, then and one snapshot before.
        max_lag: the latest effect looked for, in snapshots, 1 to 20; fewer where there are many metrics.
        false_discovery_rate: how large a share of the links may be chance, above 0 and below 1 (see
            `Discovery.links`).
        min_snapshots: of fewer that count, nothing is said; 0 to 1,000.
        confirm: ``"pcmci"``: a loop whose links a second method does not find as well is doubtful.
        max_loops: return the strongest so many, and as many doubtful ones; 0 to 10,000, and no more than that
            are looked at.

    Raises:
        UsageError: *history* is no list of mappings, or an argument is out of its range.
        MissingExtra: *confirm* needs what is not installed.
    """
    _check(max_lag, false_discovery_rate, min_snapshots, confirm, max_loops)
    metrics = table.read(history, needed=min_snapshots)
    found = Discovery(
        snapshots=min(len(history), table.MOST_SNAPSHOTS),
        metrics=tuple(metrics.names),
        left_out=metrics.left_out,
    )
    lags, abstained = _enough(metrics, max_lag, min_snapshots)
    if abstained:
        return found._replace(abstained=abstained)
    between = links.find(metrics, max_lag=lags, false_discovery_rate=false_discovery_rate)
    loops = [_doubted(loop, between) for loop in _loops(between)]
    if confirm and loops:
        from quarterdeck.loops.discovery import pcmci

        second = pcmci.confirmed(metrics, between, max_lag=lags)
        loops = [_confirmed(loop, second) for loop in loops]
    loops.sort(key=lambda loop: (-loop.strength, loop.components))
    return found._replace(
        loops=tuple(loop for loop in loops if not loop.doubt)[:max_loops],
        doubtful=tuple(loop for loop in loops if loop.doubt)[:max_loops],
        links=tuple(between.links),
        outside=tuple(shape.name for shape in between.outside),
    )


def _check(
    max_lag: object, false_discovery_rate: object, min_snapshots: object, confirm: object, max_loops: object
) -> None:
    for name, value, least, most in (
        ("max_lag", max_lag, 1, _LARGEST_LAG),
        ("min_snapshots", min_snapshots, 0, table.MOST_SNAPSHOTS),
        ("max_loops", max_loops, 0, _MOST_CIRCUITS),
    ):
        if not isinstance(value, int) or not least <= value <= most:
            raise UsageError(
                f"{name} must be a whole number from {least} to {most}", hint=f"leave {name} out if unsure"
            )
    if not isinstance(false_discovery_rate, float) or not 0 < false_discovery_rate < 1:
        raise UsageError(
            "false_discovery_rate must be a number between 0 and 1",
            hint=f"it is {FALSE_DISCOVERY_RATE} when left out",
        )
    if confirm not in (None, "pcmci"):
        raise UsageError(f"there is no method {confirm!r:.40} to confirm loops", hint='pass confirm="pcmci"')


def _enough(metrics: Table, max_lag: int, min_snapshots: int) -> tuple[int, str]:
    """How many lags can be looked at, and why not even one, if so."""
    if len(metrics.names) < 2:
        return 0, f"a loop needs two metrics that vary, and there are {len(metrics.names)}"
    if metrics.known < min_snapshots:
        return 0, f"{metrics.known} snapshots count, and {min_snapshots} are needed"
    for lags in range(max_lag, 0, -1):
        rows = len(metrics.rows(lags + 1))
        if links.most_lags(rows, len(metrics.names), lags) >= lags and 4 * rows >= 3 * min_snapshots:
            return lags, ""
    return 0, f"{metrics.known} snapshots are too few for {len(metrics.names)} metrics"


def _loops(between: Links) -> list[CausalLoop]:
    by_ends = {(link.source, link.target): link for link in between.links}
    successors: dict[str, list[str]] = {}
    for source, target in by_ends:
        successors.setdefault(source, []).append(target)
        successors.setdefault(target, [])
    circuits = elementary_circuits(successors, max_length=LONGEST_LOOP)
    return [
        CausalLoop(tuple(by_ends[ends] for ends in zip(circuit, circuit[1:] + circuit[:1], strict=True)))
        for circuit in islice(circuits, _MOST_CIRCUITS)
    ]


def _doubted(loop: CausalLoop, between: Links) -> CausalLoop:
    """*loop*, doubtful where two of its metrics are hit by the same shocks, and not by little."""
    for link in loop.links:
        correlation, p_value = between.together[link.source, link.target]
        if p_value < _TOGETHER_P and abs(correlation) > _TOGETHER_RATIO * link.strength:
            both = harmless(f"{link.source} and {link.target}")
            return loop._replace(doubt=f"something outside may move {both}: they move in the same snapshot")
    return loop


def _confirmed(loop: CausalLoop, second: set[Link]) -> CausalLoop:
    for link in loop.links:
        if not loop.doubt and link not in second:
            return loop._replace(
                doubt=harmless(f"PCMCI does not find that {link.source} moves {link.target}")
            )
    return loop
