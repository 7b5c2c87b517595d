"""Brings the archive up to date with every transcript there is."""

from __future__ import annotations

import os
import time
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.costs.importers import known
from quarterdeck.costs.importers.source import Problem
from quarterdeck.costs.rescue.archive import LOCK, PARTIAL, folder_of, store, target_of
from quarterdeck.costs.rescue.retention import retention_days
from quarterdeck.files import Lease, failure, private_folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quarterdeck.costs.importers.source import Source

_DAY_S = 86_400
_WAIT_S = 10.0


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
        with Lease.wait(os.path.join(archive, LOCK), _WAIT_S):
            for name in os.listdir(partial):  # left by a rescue that was killed
                os.unlink(os.path.join(partial, name))
            run = _Rescue(os.path.abspath(archive), expiring_within_days, now_s)
            for source in chosen:
                for place in dict.fromkeys(map(os.path.realpath, source.places(environment))):
                    run.take(source, place)
    except OSError as error:
        raise failure(error, archive) from error
    return run.report()


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
        folder = folder_of(self._archive, source.name, place)
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
