"""What of a pattern is encoded."""

from __future__ import annotations

from quarterdeck.patterns.meaning.text import text_of
from tests.meaning_worlds import plain
from tests.truth_worlds import a_pattern


def test_what_matters_most_comes_first():
    """For the model does not read to the end of a long text."""
    pattern = a_pattern(
        name="Wait for the lock",
        description="Set a busy timeout.",
        tags=["sqlite", "locks"],
        context={"language": "python", "db": {"kind": "SQLite", "sizes": [1, 2]}, "empty": "", "none": None},
        code="pragma()",
    )
    assert text_of(pattern).splitlines() == [
        "Wait for the lock.",
        "Set a busy timeout.",
        "sqlite, locks",
        "language: python",
        "kind: SQLite",
        "sizes: 1",
        "sizes: 2",
    ]


def test_a_name_is_enough():
    """Nothing stands for what is not said."""
    assert text_of(plain("p", "Retry")) == "Retry."
