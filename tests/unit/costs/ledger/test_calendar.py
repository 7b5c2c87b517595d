"""Which day a moment belongs to, and where that is written down."""

from __future__ import annotations

import json
import os
import stat
import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.costs.ledger.calendar import (
    FILE,
    Calendar,
    Choices,
    check_choices,
    load_choices,
    local_zone,
    save_choices,
)
from quarterdeck.errors import StoreCorrupt, StoreTooNew, UsageError

ZONES = [
    "UTC", "Asia/Kathmandu", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia",
    "Pacific/Kiritimati", "America/St_Johns", "Africa/Casablanca",
]  # fmt: skip


@pytest.mark.parametrize(
    "zone,at,day",
    [
        ("Asia/Kathmandu", "2026-11-22T18:14:59.999+00:00", "2026-11-22"),
        ("Asia/Kathmandu", "2026-11-22T18:15:00.000+00:00", "2026-11-23"),
        ("Europe/Berlin", "2026-03-28T22:59:59.999+00:00", "2026-03-28"),  # the day before summer time
        ("Europe/Berlin", "2026-03-28T23:00:00.000+00:00", "2026-03-29"),
        ("Europe/Berlin", "2026-03-29T21:59:59.999+00:00", "2026-03-29"),  # 23 hours later
        ("Europe/Berlin", "2026-03-29T22:00:00.000+00:00", "2026-03-30"),
        ("Europe/Berlin", "2026-10-24T22:00:00.000+00:00", "2026-10-25"),  # the day that has 25 hours
        ("Europe/Berlin", "2026-10-25T22:59:59.999+00:00", "2026-10-25"),
        ("Europe/Berlin", "2026-10-25T23:00:00.000+00:00", "2026-10-26"),
        ("Pacific/Apia", "2011-12-30T09:59:59.999+00:00", "2011-12-29"),  # the 30th never came
        ("Pacific/Apia", "2011-12-30T10:00:00.000+00:00", "2011-12-31"),
    ],
)
def test_a_day_begins_at_midnight_in_the_ledgers_zone(zone, at, day):
    """Also on days of 23 or 25 hours, and in zones of odd offsets."""
    assert Calendar(zone).day_of(at) == day


@given(
    st.sampled_from(ZONES),
    st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001 - Hypothesis adds the zone
)
def test_every_moment_has_the_day_that_zoneinfo_says(zone, at):
    """Though days are remembered by the minute."""
    calendar = Calendar(zone)
    expected = at.astimezone(ZoneInfo(zone)).date().isoformat()
    for moment in (at, at.replace(second=0, microsecond=0), at.replace(second=59, microsecond=999_000)):
        assert calendar.day_of(moment.isoformat(timespec="milliseconds")) == expected


def test_remembered_days_are_forgotten_in_time(monkeypatch):
    """A rebuild of many years does not hold every minute of them."""
    monkeypatch.setattr("quarterdeck.costs.ledger.calendar._REMEMBERED", 3)
    calendar = Calendar("UTC")
    for minute in range(10):
        assert calendar.day_of(f"2026-01-01T00:{minute:02}:00.000+00:00") == "2026-01-01"
    assert len(calendar._days) <= 3


@pytest.mark.parametrize(
    "at",
    [
        "", "2026-11-22", "2026-11-22T10:00:00Z", "2026-11-22T10:00:00.000+01:00",
        "1999-11-22T10:00:00.000+00:00",
        "2026-13-22T10:00:00.000+00:00", "2026-02-30T10:00:00.000+00:00", "2026-11-22T25:00:00.000+00:00",
        "2026-11-22T10:00:00.000+00:00\n",
        "\uff12026-11-22T10:00:00.000+00:00", "2026-11-22 10:00:00.000+00:00",
    ],
)  # fmt: skip
def test_what_is_no_moment_as_the_journal_writes_it_is_a_value_error(at):
    """A line of somebody else's: rejected, never a traceback."""
    with pytest.raises(ValueError):  # noqa: PT011 - the words are datetime's own
        Calendar("Europe/Berlin").day_of(at)


def test_today_and_now_are_in_the_ledgers_zone():
    """Kiritimati is a day ahead of Pago Pago at every moment, all but an hour."""
    before = datetime.now(UTC)
    now = Calendar("Pacific/Kiritimati").now()
    assert now.utcoffset() == timedelta(hours=14)
    assert before <= now <= datetime.now(UTC)
    assert Calendar("Pacific/Kiritimati").today() > Calendar("Pacific/Pago_Pago").today()


class TestChoices:
    @pytest.fixture(autouse=True)
    def forgetful(self, monkeypatch):
        """The library remembers the zone for as long as a process lives."""
        monkeypatch.setattr("tzlocal.unix._cache_tz_name", None)

    def test_a_ledger_without_choices_gets_this_machines_zone_for_good(self, tmp_path, monkeypatch):
        """Whatever TZ a later process has."""
        monkeypatch.setenv("TZ", "Asia/Kathmandu")
        time.tzset()
        try:
            assert load_choices(str(tmp_path)) == Choices("Asia/Kathmandu")
            monkeypatch.setenv("TZ", "America/New_York")
            monkeypatch.setattr("tzlocal.unix._cache_tz_name", None)
            time.tzset()
            assert local_zone() == "America/New_York"
            assert load_choices(str(tmp_path)) == Choices("Asia/Kathmandu")
        finally:
            monkeypatch.undo()
            time.tzset()
        assert stat.S_IMODE(os.stat(tmp_path / FILE).st_mode) == 0o600

    @pytest.mark.parametrize(
        "zone", [None, "", "Nowhere/Land", ":/no/such/file", "../../etc/passwd", "\udcff"]
    )
    def test_a_machine_whose_zone_cannot_be_told_still_has_one(self, monkeypatch, zone):
        """TZ unset, empty, wrong."""
        monkeypatch.delenv("TZ", raising=False)
        if zone is not None:
            monkeypatch.setenv("TZ", zone)
        zone = local_zone()
        assert ZoneInfo(zone).key == zone

    def test_what_is_saved_is_loaded(self, tmp_path):
        """Sorted, each tag once."""
        choices = check_choices(Choices("Asia/Tokyo", ("user", "ü [x].{y}$%?", "user", "a.b")))
        save_choices(str(tmp_path / "new"), choices)
        assert load_choices(str(tmp_path / "new")) == Choices("Asia/Tokyo", ("a.b", "user", "ü [x].{y}$%?"))

    @pytest.mark.parametrize(
        "text",
        [
            b"", b"null", b"[]", b"{", b"\xff\xfe", b"[" * 100_000, b'{"version": 1}',
            b'{"version": "x", "timezone": "UTC", "tags": []}', b'{"version": 1, "timezone": 5, "tags": []}',
            b'{"version": 1, "timezone": "../../etc/passwd", "tags": []}',
            b'{"version": 1, "timezone": "Mars/Olympus", "tags": []}',
            b'{"version": 1, "timezone": "UTC", "tags": 5}',
            b'{"version": 1, "timezone": "UTC", "tags": ["\'"]}',
            b'{"version": 1, "timezone": "UTC\\u0000", "tags": []}',
        ],
    )  # fmt: skip
    def test_damaged_choices_are_an_error_that_says_what_to_do(self, tmp_path, text):
        """They are the truth: nobody guesses another zone."""
        (tmp_path / FILE).write_bytes(text)
        with pytest.raises(StoreCorrupt, match="is damaged") as raised:
            load_choices(str(tmp_path))
        assert "delete it" in raised.value.hint
        assert (tmp_path / FILE).read_bytes() == text

    def test_choices_of_a_later_version_are_an_error(self, tmp_path):
        """Also where it has changed the shape."""
        for body in ({"version": 2, "timezone": "UTC", "tags": []}, {"version": 2, "zones": ["UTC"]}):
            (tmp_path / FILE).write_text(json.dumps(body))
            with pytest.raises(StoreTooNew, match="has version 2"):
                load_choices(str(tmp_path))

    @pytest.mark.parametrize("tag", ["", "x" * 101, "a'b", 'a"b', "a\\b", "a\nb", "\0", "\u2028", "\ud800"])
    def test_a_tag_that_could_not_be_asked_by_is_refused(self, tag):
        """Its name stands in SQL: neither quotes nor what cannot be seen."""
        with pytest.raises(UsageError, match="cannot be the name of a tag"):
            check_choices(Choices("UTC", (tag,)))

    @pytest.mark.parametrize("zone", ["", "Nowhere", "/etc/passwd", "../UTC", "UTC\0", "x" * 5000])
    def test_a_zone_that_there_is_not_is_refused(self, zone):
        """Names only, no paths."""
        with pytest.raises(UsageError, match="no time zone"):
            check_choices(Choices(zone))
