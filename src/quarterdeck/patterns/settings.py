"""The settings of section ``patterns``."""

from __future__ import annotations

from typing import NamedTuple


class PatternSettings(NamedTuple):
    """What can be set in ``[tool.quarterdeck.patterns]``, in the environment and in the user's settings.

    Attributes:
        path: of the library's file; empty: ``patterns/<namespace>.sqlite`` in the state of the project.
        namespace: which library of the project.
        explore: whether `query_patterns` now and then tries what has been tried little.
        half_life_days: after so many days an outcome counts half.
        scrub: take secrets and personal data out of what is contributed.
        semantic: also search by meaning; needs the extra ``semantic``.
    """

    path: str = ""
    namespace: str = "default"
    explore: bool = True
    half_life_days: float = 90.0
    scrub: bool = True
    semantic: bool = False
