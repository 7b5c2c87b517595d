"""What is said of a history: the loop, the trend and the onset, each a statement of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quarterdeck.loops.metrics.activity import MIN_KNOWN, activity, movement
from quarterdeck.loops.metrics.columns import SHARES, SUCCESS, Columns, is_binary, known
from quarterdeck.loops.metrics.feedback import MIN_SNAPSHOTS
from quarterdeck.loops.metrics.leverage import interventions
from quarterdeck.loops.metrics.model import LoopPolarity, LoopType
from quarterdeck.loops.metrics.trend import mann_kendall, theil_sen
from quarterdeck.words import harmless

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from quarterdeck.loops.metrics.activity import Activity
    from quarterdeck.loops.metrics.model import FeedbackLoop
    from quarterdeck.loops.metrics.onset import Shift

_REINFORCING = {
    LoopPolarity.VIRTUOUS: ("reinforcing_virtuous", "amplifying_positive"),
    LoopPolarity.VICIOUS: ("reinforcing_vicious", "amplifying_negative"),
    LoopPolarity.NEUTRAL: ("reinforcing", "amplifying"),
}
_DIRECTIONS = {"up": "rising", "down": "falling", "none": "steady"}


def dominant(metrics: Columns, loops: Iterable[FeedbackLoop]) -> Activity | None:
    """The one of *loops* that says most about a history: confirmed before suspected, then the strongest."""
    at_work = [found for loop in loops if (found := activity(loop, metrics)) is not None]
    return max(at_work, key=lambda each: each.rank, default=None)


def answer(
    history: Sequence[Mapping[str, object]],
    loops: Sequence[FeedbackLoop],
    watch: str,
    shift: Shift | None,
) -> dict[str, Any]:
    """All that there is to say; see `FeedbackLoopDetector.detect_active_loop`."""
    metrics = Columns(history)
    found = dominant(metrics, loops)
    metric = found.measured[0] if found else _first_known(metrics, loops, watch)
    details: dict[str, Any] = {
        "trend": None,
        "onset": onset_of(watch, shift),
        "snapshots": len(history),
        "notes": _notes(metrics, loops, watch),
    }
    if metric is None:
        advice = _advice_without_data(len(history))
        return _said(None, "insufficient_data", "insufficient_data", advice, details)
    details["trend"] = trend = trend_of(metric, known(metrics[metric]))
    if found is None:
        return _said(None, "none", _DIRECTIONS[trend["direction"]], _advice_without_loop(trend), details)
    loop = found.loop
    kind, moving = (
        ("balancing", "stabilizing") if loop.loop_type is LoopType.BALANCING else _REINFORCING[loop.polarity]
    )
    details |= {"loop": described(loop), "measured": list(found.measured), "links": links_of(found)}
    return _said(found, kind, moving, _advice(found), details)


def _said(
    found: Activity | None, kind: str, trend: str, recommendation: str, details: dict[str, Any]
) -> dict[str, Any]:
    return {
        "dominant_loop": found.loop.loop_id if found else None,
        "loop_type": kind,
        "loop_confirmed": bool(found and found.feedback.confirmed),
        "loop_strength": round(found.strength, 6) if found else 0.0,
        "trend": trend,
        "recommendation": harmless(" ".join((recommendation, *details["notes"]))),
        "details": details,
    }


def _first_known(metrics: Columns, loops: Sequence[FeedbackLoop], watch: str) -> str | None:
    """The first metric that is known often enough: the watched one, success, those of the loops."""
    names = dict.fromkeys((watch, SUCCESS, *(name for loop in loops for name in loop.components)))
    return next((name for name in names if len(known(metrics[name])) >= MIN_KNOWN), None)


def trend_of(metric: str, values: Sequence[float]) -> dict[str, Any]:
    """Where *metric* goes and how fast, whatever the reason; p-values are two-sided."""
    found, slope = movement(values), theil_sen(values).slope
    return {
        "metric": metric,
        "direction": found.direction,
        "slope_per_snapshot": slope,
        "p_value": found.p_value,
        "p_value_autocorrelated": mann_kendall(values, autocorrelated=True, slope=slope).p_value,
        "tau": found.tau,
        "values": len(values),
    }


def _notes(metrics: Columns, loops: Sequence[FeedbackLoop], watch: str) -> list[str]:
    """What about the snapshots themselves stands in the way of an answer."""
    names = dict.fromkeys((watch, SUCCESS, "success", *(name for loop in loops for name in loop.components)))
    notes = []
    for name in names:
        texts = sum(isinstance(snapshot.get(name), str) for snapshot in metrics.history)
        if texts:
            notes.append(f"{name} is text in {texts} snapshots, which counts as unknown: pass numbers.")
        if name in SHARES and (most := max(map(abs, known(metrics[name])), default=0)) > 1:
            notes.append(f"{name} goes up to {most:g}: it is taken for a share of 0 to 1.")
    if len(metrics.history) >= MIN_SNAPSHOTS and known(metrics[SUCCESS]) and is_binary(metrics[SUCCESS]):
        notes.append(
            "Success is only told as yes or no, by which a loop can hardly be shown: pass success_rate."
        )
    return notes


def onset_of(metric: str, shift: Shift | None) -> dict[str, Any] | None:
    """The last time that *metric* left its level."""
    return {"metric": metric, **shift._asdict()} if shift else None


def described(loop: FeedbackLoop) -> dict[str, Any]:
    """*loop* and what can be done about it, the most effective first."""
    return {
        "loop_id": loop.loop_id,
        "loop_type": loop.loop_type.value,
        "polarity": loop.polarity.value,
        "description": loop.description,
        "components": list(loop.components),
        "interventions": [
            {
                "name": each.name,
                "advice": each.advice,
                "place": each.place.name.lower() if each.place else None,
                "rank": int(each.place) if each.place else None,
            }
            for each in interventions(loop.intervention_points)
        ],
    }


def links_of(found: Activity) -> list[dict[str, Any]]:
    """How each measured metric was seen to move the next."""
    return [
        {
            "source": found.measured[link.source],
            "target": found.measured[link.target],
            "effect": link.effect,
            "z": link.z,
            "correlation": link.correlation,
            "rows": link.rows,
        }
        for link in found.feedback.links
    ]


def _advice(found: Activity) -> str:
    loop = found.loop
    todo = next((each.advice for each in interventions(loop.intervention_points)), "")
    sure = (
        "feeds on itself"
        if found.feedback.confirmed
        else "looks as if it feeds on itself; too little is known to be sure"
    )
    if loop.loop_type is LoopType.BALANCING:
        return f"Stable: something works against every change. {todo}".strip()
    if loop.polarity is LoopPolarity.VICIOUS:
        urgent = "INTERVENTION NEEDED" if found.feedback.confirmed else "Intervene early"
        return f"{urgent}: this {sure}. {todo}".strip()
    if loop.polarity is LoopPolarity.VIRTUOUS:
        return f"Keep going: this {sure}. {todo}".strip()
    return f"Look at it: this {sure}. {todo}".strip()


def _advice_without_data(snapshots: int) -> str:
    if snapshots < MIN_KNOWN:
        return "Go on, and observe more: three snapshots tell a little, twenty tell loops from trends."
    return (
        f"No metric that is looked for is known {MIN_KNOWN} times: measure trust and success, "
        "or register a loop of the metrics you have."
    )


def _advice_without_loop(trend: Mapping[str, Any]) -> str:
    direction, metric = trend["direction"], trend["metric"]
    if direction == "none":
        return f"{metric} is not shown to move, and nothing to feed on itself. Go on observing."
    moving = "rises" if direction == "up" else "falls"
    return f"{metric} {moving}, but no loop is shown to drive it: look outside for what does."
