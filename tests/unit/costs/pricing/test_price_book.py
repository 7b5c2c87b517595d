"""Asking for cards: what is remembered, where, and what happens when that is damaged."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from quarterdeck.costs.pricing import PriceBook, price_book, published
from quarterdeck.costs.pricing.resolved_file import FORMAT, MAX_BYTES, ResolvedFile, data_version
from quarterdeck.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

NOW_S = 1.79e9


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, str]]:
    """The questions that reach the price library."""
    questions: list[tuple[str, str, str]] = []
    resolve = published.resolve

    def counting(model: str, provider: str = "", service_tier: str = ""):
        questions.append((model, provider, service_tier))
        return resolve(model, provider, service_tier)

    monkeypatch.setattr(published, "resolve", counting)
    return questions


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "prices"


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_a_model_is_resolved_once(asked: list[tuple[str, str, str]]):
    """Known or not."""
    prices = PriceBook()
    for _ in range(3):
        assert prices.card("gpt-5")
        assert prices.card("no-such-model") is None
    assert asked == [("gpt-5", "", ""), ("no-such-model", "", "")]


def test_the_next_book_reads_what_was_resolved(file: Path, asked: list[tuple[str, str, str]]):
    """Cards, brackets, notes, times of day and what has no price come back the same."""
    questions = [
        ("claude-sonnet-4-5", "", ""),
        ("gpt-5", "openai", "priority"),
        ("deepseek-v4-pro", "", ""),
        ("google/gemini-2.5-flash", "openrouter", ""),
        ("no-such-model", "", ""),
    ]
    first, second = PriceBook(str(file)), PriceBook(str(file))
    before = [first._found(*question) for question in questions]
    assert asked == questions
    assert [second._found(*question) for question in questions] == before
    assert asked == questions


def test_a_process_that_has_seen_the_model_does_not_import_the_price_library(file: Path):
    """Its import costs a tenth of a second and more, which a short-lived process pays again and again."""
    code = f"""
import sys
from quarterdeck.costs.pricing import PriceBook
card = PriceBook({str(file)!r}).card("claude-sonnet-4-5", at=None)
print(card.id, "genai_prices" in sys.modules)
"""
    first, second = run(code).split(), run(code).split()
    assert first[0] == second[0]
    assert (first[1], second[1]) == ("True", "False")


def test_importing_the_package_imports_no_price_data_and_nothing_slow():
    """It is on the way of every ``log_request``."""
    slow = {
        "genai_prices",
        "msgspec",
        "importlib.metadata",
        "decimal",
        "hashlib",
        "json",
        "fractions",
        "sqlite3",
    }
    loaded = run("import sys, quarterdeck.costs.pricing; print(*sys.modules)").split()
    assert not slow.intersection(loaded) - set(run("import sys; print(*sys.modules)").split())


def test_the_file_is_for_its_owner_alone(file: Path):
    """It says which models somebody uses."""
    PriceBook(str(file)).card("gpt-5")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("damage", [b"", b"\x00\xff\n\t\t\n", b"[1,2]\n", b"a\tb\tc\n" * 3, b"\t" * 100])
def test_a_damaged_file_is_passed_over_and_written_on(
    file: Path, damage: bytes, asked: list[tuple[str, str, str]]
):
    """Also when its last line is torn: the next line begins on a line of its own."""
    PriceBook(str(file)).card("gpt-5")
    good = file.read_bytes()
    file.write_bytes(damage + good[: len(good) // 2])
    assert PriceBook(str(file)).card("gpt-5")
    assert PriceBook(str(file)).card("gpt-5")
    assert len(asked) == 2


def test_no_changed_byte_changes_a_price(file: Path):
    """A line that is not what was written is not read, whichever byte it is."""
    schedule = PriceBook(str(file))._found("gpt-5", "", "")
    good = file.read_bytes()
    for place in range(0, len(good), 3):
        file.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
        assert ResolvedFile(str(file), data_version()).get("gpt-5", "", "") in {None, schedule}


def test_schedules_of_other_data_are_passed_over(file: Path, asked: list[tuple[str, str, str]]):
    """After an upgrade of the price list, what was resolved before does not count."""
    wrong = PriceBook()._found("gpt-4o", "", "")
    ResolvedFile(str(file), "genai_prices-0.0.1").put("gpt-5", "", "", wrong)
    card = PriceBook(str(file)).card("gpt-5")
    assert card
    assert card.model == "gpt-5"


def test_without_a_name_for_the_data_nothing_is_kept(file: Path, monkeypatch: pytest.MonkeyPatch):
    """What could not be told apart after an upgrade is better resolved again."""
    monkeypatch.setattr("quarterdeck.costs.pricing.resolved_file.data_version", lambda: "")
    assert PriceBook(str(file)).card("gpt-5")
    assert not file.exists()


def test_the_data_is_named_by_its_version():
    """As the installation records it, and by ours: we may find more in the same data one day."""
    import importlib.metadata

    versions = (f"{name}-{importlib.metadata.version(name)}" for name in ("genai_prices", "quarterdeck"))
    assert data_version() == " ".join([*versions, str(FORMAT)])


def test_a_file_that_has_grown_too_large_is_begun_anew(file: Path):
    """Whoever sends ever new names of models fills neither the disk nor the memory."""
    file.parent.mkdir()
    file.write_bytes(b"x" * (MAX_BYTES + 1))
    assert PriceBook(str(file)).card("gpt-5")
    assert file.stat().st_size < 10_000
    assert ResolvedFile(str(file), data_version()).get("gpt-5", "", "")


@pytest.mark.parametrize("obstacle", ["folder", "fifo", "file_above", "dangling_link"])
def test_where_no_file_can_be_everything_works_without(file: Path, obstacle: str):
    """A cache that cannot be read or written costs time, nothing else."""
    if obstacle == "file_above":
        file.parent.write_text("")
    else:
        file.parent.mkdir()
    if obstacle == "folder":
        file.mkdir()
    if obstacle == "fifo":
        os.mkfifo(file)
    if obstacle == "dangling_link":
        file.symlink_to(file.parent / "missing" / "folder")
    for _ in range(2):
        assert PriceBook(str(file)).card("gpt-5")


def test_many_processes_may_append_at_once(file: Path):
    """Every line is whole, whoever wrote it."""
    code = f"""
from quarterdeck.costs.pricing.resolved_file import ResolvedFile, data_version
from quarterdeck.costs.pricing.schedule import UNPRICED
import os
file = ResolvedFile({str(file)!r}, data_version())
for number in range(200):
    file.put(f"{{os.getpid()}}-{{number}}", "", "", UNPRICED)
print(os.getpid())
"""
    writers = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    pids = [writer.communicate()[0].strip() for writer in writers]
    kept = ResolvedFile(str(file), data_version())
    assert all(kept.get(f"{pid}-{number}", "", "") for pid in pids for number in range(200))


def test_a_line_is_json_that_people_can_read(file: Path):
    """A checksum, the key, the schedule."""
    PriceBook(str(file)).card("gpt-5", provider="openai", service_tier="Batch")
    _, key, body = file.read_text().strip().split("\t")
    assert json.loads(key)[1:] == ["gpt-5", "openai", "batch"]
    assert json.loads(body)["cards"][0][2] == "gpt-5"


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch, asked: list[tuple[str, str, str]]):
    """Whoever sends ever new names starts over, and gets the same answers."""
    monkeypatch.setattr(price_book, "MAX_REMEMBERED", 3)
    prices = PriceBook()
    for number in range(7):
        prices.card(f"no-such-model-{number}")
    assert prices.card("gpt-5")
    assert len(prices._schedules) <= 3


def test_a_name_longer_than_any_label_is_unpriced(file: Path, asked: list[tuple[str, str, str]]):
    """It is neither looked for nor kept."""
    assert PriceBook(str(file)).card("gpt-5" * 1000) is None
    assert not asked
    assert not file.exists()


def test_the_time_of_the_request_decides():
    """In any time zone: the same instant has the same price."""
    prices = PriceBook()
    in_utc = datetime(2025, 6, 1, 1, 0, tzinfo=UTC)
    elsewhere = in_utc.astimezone(timezone(timedelta(hours=9)))
    day, night = (prices.card("deepseek-chat", at=at) for at in (in_utc, in_utc.replace(hour=20)))
    assert prices.card("deepseek-chat", at=elsewhere) == day
    assert day
    assert night
    assert day.brackets != night.brackets


def test_a_time_without_a_zone_is_an_error():
    """Nobody knows which instant it means."""
    with pytest.raises(UsageError, match="no time zone"):
        PriceBook().card("gpt-5", at=datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point


def test_the_end_of_a_price_is_told():
    """So that whoever keeps the card knows when to ask again."""
    card, until_s = PriceBook().card_until(
        "deepseek-v4-pro", at_s=datetime(2026, 11, 22, 2, tzinfo=UTC).timestamp()
    )
    assert card
    assert until_s == datetime(2026, 11, 22, 4, tzinfo=UTC).timestamp()


def test_a_price_set_by_the_program_around_us_is_not_ours(file: Path):
    """The library lets a program change its prices at run time; a ledger stays with the pinned ones."""
    from genai_prices.data_snapshot import DataSnapshot, set_custom_snapshot

    set_custom_snapshot(DataSnapshot(providers=[], from_auto_update=False))
    try:
        assert PriceBook().card("gpt-5")
    finally:
        set_custom_snapshot(None)
