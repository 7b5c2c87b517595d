"""Loops in the metrics of a collaboration: trust, success, errors, anything that is measured.

snapshots ──> columns, None where unknown                               columns
▼
trend: Mann-Kendall (is it moving), Theil-Sen (how fast)                trend
onset: CUSUM (since when)                                               onset
feedback: does each part of a loop move the next one, later             feedback   on least_squares
▼
FeedbackLoopDetector: which known loop is at work, and what to do       detector   with leverage
"""

from __future__ import annotations

from quarterdeck.loops.metrics.detector import FeedbackLoopDetector
from quarterdeck.loops.metrics.model import FeedbackLoop, LoopPolarity, LoopType

__all__ = ["FeedbackLoop", "FeedbackLoopDetector", "LoopPolarity", "LoopType"]
