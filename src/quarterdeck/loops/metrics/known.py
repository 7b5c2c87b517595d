"""The loops of working with an agent that everybody has, from the literature of systems dynamics."""

from __future__ import annotations

from quarterdeck.loops.metrics.model import FeedbackLoop, LoopPolarity, LoopType


def standard_loops() -> list[FeedbackLoop]:
    """The three standard loops, made anew: whoever gets them may change them."""
    return [
        FeedbackLoop(
            loop_id="R1_trust_building",
            loop_type=LoopType.REINFORCING,
            polarity=LoopPolarity.VIRTUOUS,
            description="What succeeds is trusted, what is trusted is given more to do, and succeeds more.",
            components=["trust", "delegation_level", "success_rate"],
            intervention_points=["celebrate_wins", "increase_transparency"],
            signs=[1, 1, 1],
            moves=1,
        ),
        FeedbackLoop(
            loop_id="R2_trust_erosion",
            loop_type=LoopType.REINFORCING,
            polarity=LoopPolarity.VICIOUS,
            description="What fails is trusted less, then watched more closely, and then fails more.",
            components=["trust", "oversight_level", "failure_rate"],
            intervention_points=["break_cycle", "rebuild_confidence", "adjust_scope"],
            signs=[-1, 1, -1],
            moves=-1,
        ),
        FeedbackLoop(
            loop_id="B1_quality_control",
            loop_type=LoopType.BALANCING,
            polarity=LoopPolarity.NEUTRAL,
            description="More errors call for stronger guardrails, and these let fewer errors through.",
            components=["error_rate", "guardrail_strength", "intervention_frequency"],
            intervention_points=["adjust_guardrails", "calibrate_sensitivity"],
        ),
    ]
