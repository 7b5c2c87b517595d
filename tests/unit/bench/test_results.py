"""The tables say what was measured, and the README says what the tables say."""

from __future__ import annotations

from pathlib import Path

from bench.measure import Measured, Run
from bench.results import (
    ROOT,
    Fact,
    facts_result,
    full_tables,
    headline_table,
    newest,
    part_result,
    ratios,
    save,
    scenario_result,
    spread,
    with_regions,
)


def measured(name: str, *wall_s: float) -> Measured:
    """A contender whose runs took *wall_s*, half of it on the CPU, in 30 MB."""
    runs = tuple(Run(wall, wall / 2, 30_000_000, 25_000_000, 20_000_000, 0, "") for wall in wall_s)
    return Measured(name, runs, runs[:1])


def result(**changes):
    """A part with one scenario: ours, a peer twice as slow, and a peer that failed."""
    contenders = [
        measured("Ours", 1.0, 2.0, 3.0),
        measured("Peer", 2.0, 4.0, 9.0),
        Measured("Broken", (), (), "exit code 1: RecursionError"),
    ]
    scenario = scenario_result("cold", "django", 1234, contenders)
    return part_result("index", ["Ours", "Peer", "Broken"], [scenario]) | changes


def test_a_spread_holds_median_extremes_and_quartiles():
    """Quartiles lie between the extremes, as the inclusive method puts them."""
    assert spread([4.0, 1.0, 3.0, 2.0, 5.0]) == {"median": 3.0, "min": 1.0, "max": 5.0, "q1": 2.0, "q3": 4.0}
    assert set(spread([7.0]).values()) == {7.0}


def test_ratios_are_told_both_ways():
    """One slow round moves the ratio of medians less than the rounds' own ratios, or the other way."""
    assert ratios([2.0, 4.0, 9.0], [1.0, 2.0, 3.0]) == (2.0, 2.0)
    assert ratios([10.0, 2.0, 2.0], [1.0, 1.0, 4.0]) == (2.0, 2.0)
    assert ratios([6.0, 8.0], [1.0, 2.0, 100.0]) == (3.5, 5.0)


def test_a_failed_contender_is_shown():
    """Who did not do it is not left out of any table."""
    assert "| Broken | failed: exit code 1: RecursionError |" in full_tables([result()])
    assert "| failed |" in headline_table(result())


def test_the_headline_compares_with_the_subject():
    """README.md shows the median and how many times the subject's it is."""
    assert "| cold, django (1,234 files) | 2.00 s | 4.00 s | 2.0 × | failed |  |" in headline_table(result())


def facts():
    """A part with one scenario of facts: ours, two of a peer, and one that found nothing out."""
    found = [
        Fact("Ours", "0 of 9", {"reads": 9, "stale": 0}),
        Fact("Peer (fast)", "7 of 9 (77.8 %)", {"reads": 9, "stale": 7}),
        Fact("Peer (slow)", "1 of 2 (50.0 %)", {"reads": 2, "stale": 1}),
        Fact("Broken", "", {}, "it | ended"),
    ]
    scenario = facts_result("stale reads", "embedded", 10, found, unit="seconds")
    return part_result("memory", ["Ours", "Peer", "Broken", "Peer (slow)"], [scenario])


def test_facts_stand_in_words_where_times_would(tmp_path):
    """A scenario of facts has what was found out and no ratios, in both tables and after a save."""
    save(facts(), tmp_path)
    saved = newest(tmp_path)
    table = full_tables(saved)
    assert "### stale reads: embedded (10 seconds)\n\n| | |\n|---|---:|\n| Ours | 0 of 9 |\n" in table
    assert "| Broken | failed: it \\| ended |" in table
    assert saved[0]["scenarios"][0]["rows"][1]["figures"] == {"reads": 9, "stale": 7}


def test_a_headline_takes_the_first_that_says_more_in_brackets():
    """Unless there is one of that very name."""
    row = "| 0 of 9 | 7 of 9 (77.8 %) | failed | 1 of 2 (50.0 %) |"
    assert f"| stale reads, embedded (10 seconds) {row}" in headline_table(facts())


def test_only_the_newest_result_of_a_part_is_shown(tmp_path):
    """Older files stay as a record."""
    for day in ("2026-01-02", "2026-01-03", "2026-01-01"):
        save(result(at=f"{day}T00:00:00+00:00"), tmp_path)
    assert len(list(tmp_path.iterdir())) == 3
    assert [one["at"][:10] for one in newest(tmp_path)] == ["2026-01-03"]


def test_only_the_marked_region_is_written():
    """The text around a region stays, and writing twice changes nothing."""
    text = "before\n<!-- bench:index -->\nold figures\n<!-- /bench:index -->\nafter <!-- bench:other -->\n"
    once = with_regions(text, [result()])
    assert once.startswith("before\n<!-- bench:index -->\n| | Ours |")
    assert once.endswith("<!-- /bench:index -->\nafter <!-- bench:other -->\n")
    assert "old figures" not in once
    assert with_regions(once, [result()]) == once


def test_the_readme_says_what_was_measured():
    """The numbers in README.md are those of the newest recorded results."""
    text = Path(ROOT / "README.md").read_text()
    assert with_regions(text, newest()) == text
    for one in newest():
        assert headline_table(one) in text
