"""What is remembered has a bound."""

from __future__ import annotations

from quarterdeck.loops.transcripts.recent import KEPT, Recent


def test_the_oldest_is_forgotten():
    """What was put again is new again."""
    recent: Recent[int] = Recent(at_most=2)
    recent.put("a", 1)
    recent.put("b", 2)
    recent.put("a", 3)
    recent.put("c", 4)
    assert "b" not in recent
    assert (recent.get("a"), recent.get("b"), recent.get("c")) == (3, None, 4)


def test_the_newest_go_to_the_next_process():
    """In their order."""
    recent = Recent({str(number): number for number in range(KEPT)})
    recent.put("new", -1)
    assert list(recent.newest()) == [*map(str, range(1, KEPT)), "new"]
