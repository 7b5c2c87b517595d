"""Signed causal loops that nobody listed, from the metrics alone.

    snapshots ──> metrics that vary, each by itself                                  table
        ▼
    what something outside does to all of them: steps, bends, waves                  outside    on projection
        ▼
    vector autoregression, each link tested, Benjamini-Hochberg over all pairs       links
        ▼
    ways along the links that come back                                              circuits
        ▼
    loops with their polarity, doubtful where a common driver can explain them       search     pcmci confirms

Where too little is known, nothing is said, and why.
"""

from __future__ import annotations

from quarterdeck.loops.discovery.model import CausalLoop, Discovery, Link
from quarterdeck.loops.discovery.search import discover

__all__ = ["CausalLoop", "Discovery", "Link", "discover"]
