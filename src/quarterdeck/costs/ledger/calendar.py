"""Which day a moment belongs to: the ledger's own calendar, in one time zone for as long as it lives.

The zone and the tags that get cells of their own stand in ``ledger.json``. They are chosen once, when the
ledger is first read, so that a process with another ``TZ`` (cron, a container) answers the same.
"""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from quarterdeck.errors import StoreCorrupt, StoreTooNew, UsageError
from quarterdeck.files import private_folder, write_atomically

VERSION = 1
FILE = "ledger.json"
_REMEMBERED = 100_000
_MOMENT = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d\d\+00:00", re.ASCII).fullmatch


class Choices(NamedTuple):
    """What a ledger was set up with.

    Attributes:
        timezone: IANA name; a day begins at midnight there.
        tags: names of tags by which sums are kept; ``user`` is the user's label.
    """

    timezone: str
    tags: tuple[str, ...] = ()


def load_choices(folder: str) -> Choices:
    """The choices of the ledger in *folder*; one that has none yet gets this machine's time zone.

    Raises:
        StoreCorrupt, StoreTooNew: ``ledger.json`` cannot be used.
        OSError: it can be neither read nor written.
    """
    path = f"{folder}/{FILE}"
    try:
        with open(path, "rb") as file:
            text = file.read(1_000_000)
    except FileNotFoundError:
        chosen = Choices(local_zone())
        save_choices(folder, chosen)
        return chosen
    except IsADirectoryError:
        text = b""
    try:
        found = json.loads(text)
        if int(found["version"]) > VERSION:
            raise StoreTooNew(f"{path} has version {found['version']}", hint="upgrade quarterdeck")
        return check_choices(Choices(str(found["timezone"]), tuple(map(str, found["tags"]))))
    except (ValueError, KeyError, TypeError, RecursionError, UsageError) as error:
        raise StoreCorrupt(
            f"{path} is damaged",
            hint="delete it, and name time zone and tags again: qd costs rebuild --timezone ZONE --tag NAME",
        ) from error


def version_of_choices(folder: str) -> tuple[int, int]:
    """What tells one ``ledger.json`` from the one that replaces it; zeros for none. Costs one file status."""
    try:
        status = os.stat(f"{folder}/{FILE}")
    except OSError:
        return 0, 0
    return status.st_ino, status.st_mtime_ns


def save_choices(folder: str, choices: Choices) -> None:
    """Keep *choices* for the ledger in *folder*; its rollup is made anew at the next question."""
    body = {"version": VERSION, "timezone": choices.timezone, "tags": list(choices.tags)}
    private_folder(folder)
    write_atomically(f"{folder}/{FILE}", json.dumps(body, indent=2).encode() + b"\n")


def check_choices(choices: Choices) -> Choices:
    """*choices* itself, tags sorted and each once.

    Raises:
        UsageError: no such time zone; an empty or over-long name of a tag.
    """
    try:
        ZoneInfo(choices.timezone)
    except (ValueError, OSError, KeyError) as error:  # zoneinfo's own error is a KeyError
        raise UsageError(
            f"no time zone {choices.timezone!r:.60}", hint="use a name like Europe/Berlin"
        ) from error
    for tag in choices.tags:
        if not 0 < len(tag) <= 100 or not tag.isprintable() or any(char in tag for char in "'\"\\"):
            raise UsageError(f"{tag!r:.120} cannot be the name of a tag", hint="use a short printable word")
    return choices._replace(tags=tuple(sorted(set(choices.tags))))


def local_zone() -> str:
    """The IANA name of this machine's time zone; UTC where it cannot be known."""
    import tzlocal

    try:
        name = tzlocal.get_localzone_name()
        return check_choices(Choices(name)).timezone if name else "UTC"
    except (ValueError, LookupError, OSError, UsageError):
        return "UTC"


class Calendar:
    """Days in one time zone."""

    def __init__(self, timezone: str) -> None:
        self.zone = ZoneInfo(timezone)
        self._days: dict[str, str] = {}

    def day_of(self, at: str) -> str:
        """The day, as ``2026-11-22``, of a moment as the journal writes it. O(1): days are kept by minute.

        Raises:
            ValueError: *at* is not such a moment in UTC.
        """
        if _MOMENT(at) is None:
            raise ValueError("at is not a UTC time with milliseconds")
        try:
            return self._days[at[:16]]
        except KeyError:
            pass
        day = datetime.fromisoformat(f"{at[:16]}+00:00").astimezone(self.zone).date().isoformat()
        if len(self._days) >= _REMEMBERED:
            self._days.clear()
        self._days[at[:16]] = day
        return day

    def today(self) -> date:
        """The present day."""
        return datetime.now(self.zone).date()

    def now(self) -> datetime:
        """The present moment, in the ledger's zone."""
        return datetime.now(UTC).astimezone(self.zone)
