"""Transcripts are copied before the agents purge them, and can be imported from the copies.

    places -> transcripts (each Source's own discovery) -> archive/<source>/<place>/<path>.zst

Claude Code deletes what has not changed for 30 days, Gemini CLI too. What has not been imported by then is
lost, and with it every answer to "why". Nothing is ever written where an agent keeps its files.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.costs.archive import store, target_of
from quarterdeck.costs.importers import known
from quarterdeck.costs.importers.source import Problem
from quarterdeck.costs.importers.transcript import open_plain
from quarterdeck.errors import StateError
from quarterdeck.files import Lease, private_folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quarterdeck.costs.importers.source import Source

DEFAULT_DAYS = 30
"""After which Claude Code and Gemini CLI delete what has not changed, unless they are told otherwise."""

PARTIAL = ".partial"
_DAY_S = 86_400
_WAIT_S = 10.0
_MAX_SETTINGS_BYTES = 1 << 20
_AGE = re.compile(r"(\d{1,6})([hdwm])", re.ASCII)
_AGE_DAYS = {"h": 1 / 24, "d": 1, "w": 7, "m": 30}


class Expiring(NamedTuple):
    """A transcript that its agent is going to delete.

    Attributes:
        path: the original.
        source: whose it is.
        days_left: until then; below 0: at its next start.
    """

    path: str
    source: str
    days_left: float


class RescueReport(NamedTuple):
    """What a rescue did.

    Attributes:
        outcomes: how many transcripts, by what was done: ``unchanged``, ``new``, ``grown``; ``kept``, where
            the archive holds more than the original by now; ``version``, where it holds something else.
        bytes_read: of the originals.
        bytes_written: to the archive.
        expiring: those that will soon be deleted, the first to go first.
        problems: what could not be copied.
    """

    outcomes: dict[str, int]
    bytes_read: int
    bytes_written: int
    expiring: tuple[Expiring, ...]
    problems: tuple[Problem, ...]


def rescue(
    archive: str,
    sources: Sequence[Source] | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    expiring_within_days: float = 7.0,
    now_s: float | None = None,
) -> RescueReport:
    """Bring the archive up to date with every transcript there is.

    May be interrupted at any time, killed too, and run again.

    Args:
        archive: the folder; made for the owner's eyes only.
        sources: whose transcripts; of all when left out.
        environment: in which their places are looked up; this process's when left out.
        expiring_within_days: which transcripts the report warns of.
        now_s: seconds after 1970; now when left out.

    Raises:
        StoreFull: the disk is full; every copy there is is whole, also those made before it was.
        StoreBusy: another rescue is running.
        StateError: the archive cannot be written.
    """
    chosen = [known.source(name) for name in known.MODULES] if sources is None else sources
    environment = os.environ if environment is None else environment
    now_s = time.time() if now_s is None else now_s
    try:
        partial = private_folder(os.path.join(os.path.abspath(archive), PARTIAL))
        with Lease.wait(os.path.join(archive, "lock"), _WAIT_S):
            for name in os.listdir(partial):  # left by a rescue that was killed
                os.unlink(os.path.join(partial, name))
            run = _Rescue(os.path.abspath(archive), expiring_within_days, now_s)
            for source in chosen:
                for place in dict.fromkeys(map(os.path.realpath, source.places(environment))):
                    run.take(source, place)
    except OSError as error:
        raise StateError(
            f"{archive} cannot be used: {error.strerror}", hint="check that it belongs to you"
        ) from error
    return run.report()


def archived_places(archive: str) -> dict[str, list[str]]:
    """Where the copies lie, by source: what `import_all` takes as *roots*, for the sources named here."""
    found: dict[str, list[str]] = {}
    for source in known.MODULES:
        folder = os.path.join(os.path.abspath(archive), source)
        if os.path.isdir(folder):
            found[source] = [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
    return found


class _Rescue:
    """One rescue, and what it has done so far."""

    def __init__(self, archive: str, expiring_within_days: float, now_s: float) -> None:
        self._archive = archive
        self._within = expiring_within_days
        self._now_s = now_s
        self._outcomes: Counter[str] = Counter()
        self._read = 0
        self._written = 0
        self._expiring: list[Expiring] = []
        self._problems: list[Problem] = []

    def take(self, source: Source, place: str) -> None:
        """Copy what *source* has in *place*."""
        if not os.path.lexists(place):
            return
        folder = os.path.join(self._archive, source.name, _name_of(place))
        days = retention_days(source.name, place)
        for found in source.files(place):
            if isinstance(found, Problem):
                self._problems.append(found)
                continue
            alone = found == place  # a place that is a file: by this name its source finds the copy
            name = source.name + os.path.splitext(place)[1] if alone else os.path.relpath(found, place)
            try:
                changed_s = os.lstat(found).st_mtime
                stored = store(found, target_of(folder, name), os.path.join(self._archive, PARTIAL))
            except OSError as error:
                self._problems.append(Problem(found, 0, f"cannot be copied: {error.strerror}"))
                continue
            self._outcomes[stored.outcome] += 1
            self._read += stored.read
            self._written += stored.written
            left = days - (self._now_s - changed_s) / _DAY_S if days else None
            if left is not None and left <= self._within:
                self._expiring.append(Expiring(found, source.name, left))

    def report(self) -> RescueReport:
        """What has been done."""
        return RescueReport(
            dict(self._outcomes),
            self._read,
            self._written,
            tuple(sorted(self._expiring, key=lambda one: (one.days_left, one.path))),
            tuple(self._problems),
        )


def retention_days(source: str, place: str) -> float | None:
    """After how many days without a change *source* deletes a transcript in *place*; None: never."""
    settings = _settings(os.path.join(os.path.dirname(place), "settings.json"))
    if source == "claude-code":
        days = settings.get("cleanupPeriodDays", DEFAULT_DAYS)
        if not isinstance(days, int | float):
            return DEFAULT_DAYS
        return days or None  # 0: it does not even write them
    if source == "gemini-cli":
        general = settings.get("general")
        retention = general.get("sessionRetention") if isinstance(general, dict) else None
        if not isinstance(retention, dict):
            return DEFAULT_DAYS
        age = _AGE.fullmatch(str(retention.get("maxAge", "")))
        if retention.get("enabled") is False:
            return None
        return int(age[1]) * _AGE_DAYS[age[2]] if age else DEFAULT_DAYS
    return None


def _settings(path: str) -> dict[str, object]:
    """What an agent's settings say; nothing where they cannot be understood."""
    try:
        with open_plain(path) as file:
            found = json.loads(file.read(_MAX_SETTINGS_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _name_of(place: str) -> str:
    """A folder's name for *place*: readable, and unique by a digest of the whole path."""
    name = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in os.path.basename(place))
    return f"{name[:40]}-{hashlib.sha256(os.fsencode(place)).hexdigest()[:12]}"
