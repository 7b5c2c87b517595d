"""Transcripts that are made up, and their truth."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta

import pytest

from quarterdeck.testing.transcripts import DAYS, write_transcripts


def content(home):
    return {path.relative_to(home): path.read_bytes() for path in home.rglob("*") if path.is_file()}


@pytest.fixture
def homes(tmp_path):
    """Two folders."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    return tmp_path / "one", tmp_path / "two"


def test_the_same_seed_gives_the_same_transcripts(homes):
    """To the byte, and with them the same truth."""
    truths = [write_transcripts(str(home), seed=5, size_bytes=500_000) for home in homes]
    assert truths[0] == truths[1]
    assert content(homes[0]) == content(homes[1])


def test_another_seed_gives_others(homes):
    """None of the files is the same."""
    for seed, home in enumerate(homes):
        write_transcripts(str(home), seed=seed)
    assert not content(homes[0]).keys() & content(homes[1]).keys()


def test_sessions_begin_when_they_are_told_to(homes):
    """By day, within the days that there are, and the tokens are those of any other time."""
    truths = [
        write_transcripts(str(home), first_day=datetime(year, 3, 1, 9, tzinfo=UTC))
        for home, year in zip(homes, (2024, 2025), strict=True)
    ]
    for truth, year in zip(truths, (2024, 2025), strict=True):
        days = {date.fromisoformat(day) for _, day, _, _ in truth.billed}
        assert date(year, 3, 1) <= min(days)
        assert max(days) < date(year, 3, 1) + timedelta(days=DAYS)
    first, second = (sorted(truth.billed.values()) for truth in truths)
    assert first == second


@pytest.mark.parametrize("size_bytes", [2_000_000, 5_000_000])
def test_there_is_about_as_much_as_was_asked_for(homes, size_bytes):
    """The last session may be one too many."""
    home, _ = homes
    write_transcripts(str(home), size_bytes=size_bytes)
    assert size_bytes <= sum(map(len, content(home).values())) < size_bytes + 500_000


def test_there_is_something_of_everything_however_little_is_asked_for(homes):
    """So that a small demo shows what a large one does."""
    home, _ = homes
    truth = write_transcripts(str(home), size_bytes=1)
    assert {key[0] for key in truth.billed} == {"claude-code", "codex"}
    assert {key[3] for key in truth.billed} == {"", "batch", "fast", "priority"}
    assert min(truth.skipped, truth.corrupt, truth.unfinished) > 0
    sums = [billed.usage for billed in truth.billed.values()]
    used = [sum(counts) for counts in zip(*sums, strict=True)]
    assert used[:6] == [count for count in used[:6] if count]
    suffixes = {path.suffix for path in content(home)}
    assert suffixes == {".jsonl", ".zst"}


def test_the_truth_is_not_what_an_importer_says():
    """Its bookkeeping knows nothing of reading transcripts."""
    loaded = "import sys, quarterdeck.testing.transcripts; print(*sys.modules)"
    said = subprocess.run(
        [sys.executable, "-c", loaded], capture_output=True, text=True, check=True, timeout=60
    )
    assert "quarterdeck.costs.model" in said.stdout
    assert "quarterdeck.costs.importers" not in said.stdout
