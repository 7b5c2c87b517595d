"""The costs that the specification's own tool has kept in a folder become records, with no user action.

    costs.json, costs.jsonl, costs_summary.json    what they say: legacy_files
        each request that they list             -> one record
        what their totals of a day know beyond  -> one record, of the model `REMAINDER_MODEL`

So the sums come out as the old tool had them, however much of its lists is gone; and a list that goes after
it was taken changes nothing, for the ledger has its requests. The price of a record is the one the old tool
reported. Its times have no zone: they are in the ledger's.

The files stay as they are. A process of the old tool may go on writing: what it adds is taken the next time.
"""

from __future__ import annotations

import hashlib
import os
from datetime import date, datetime, time
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.costs.importers.legacy_files import FILES, SOURCE_NAME, Sums, digest, project_of, read_folder
from quarterdeck.costs.importers.source import Problem
from quarterdeck.costs.line import REPORTED
from quarterdeck.costs.model import MAX_TOKENS, Request, Usage
from quarterdeck.errors import StoreBusy
from quarterdeck.files import Lease, failure, private_folder, write_atomically

if TYPE_CHECKING:
    from datetime import tzinfo

    from quarterdeck.costs.importers.legacy_files import Folder
    from quarterdeck.costs.ledger import Ledger

REMAINDER_MODEL = "legacy-total"
"""Stands where the model would, for requests of which only the sum is known."""

_BATCH = 10_000
_PATIENCE_S = 10.0


class Migrated(NamedTuple):
    """What a folder of old files gave.

    Attributes:
        records: how many records are new in the ledger.
        problems: what could not be taken in; the rest was.
    """

    records: int = 0
    problems: tuple[Problem, ...] = ()


def migrate(storage_folder: str, ledger: Ledger) -> Migrated:
    """Take what is new in the old files of *storage_folder* into *ledger*; three ``lstat`` where nothing is.

    Safe with other processes that do the same, and after a crash at any place: what the ledger knows is not
    written again.

    Raises:
        StoreFull, StateError: the ledger cannot be written to.
    """
    signature = _signature(storage_folder)
    if not signature:
        return Migrated()
    folder = os.path.realpath(storage_folder)
    marks = os.path.join(ledger.folder, "legacy")
    mark = os.path.join(marks, hashlib.sha256(os.fsencode(folder)).hexdigest()[:16])
    if _marked(mark) == signature:
        return Migrated()
    try:
        with Lease.wait(os.path.join(private_folder(marks), "lock"), _PATIENCE_S):
            if _marked(mark) == signature:
                return Migrated()
            found = read_folder(folder, ledger.calendar.zone)
            records = _record(ledger, found.requests)
            if found.is_complete:
                records += _record(ledger, _remainders(ledger, found, folder))
            write_atomically(mark, signature)
    except StoreBusy as error:
        return Migrated(0, (Problem(folder, 0, error.message),))
    except OSError as error:
        raise failure(error, marks) from error
    return Migrated(records, tuple(found.problems))


def _record(ledger: Ledger, requests: list[Request]) -> int:
    """Record those of *requests* that the ledger does not know, or with less output; how many those were."""
    written = 0
    for start in range(0, len(requests), _BATCH):
        batch = requests[start : start + _BATCH]
        known = ledger.counted(request.response_id for request in batch)
        written += ledger.record_many(
            request for request in batch if request.usage.output_tokens > known.get(request.response_id, -1)
        )
    return written


def _remainders(ledger: Ledger, found: Folder, folder: str) -> list[Request]:
    """One request for each day of which the totals know more than any list; adds to the problems of *found*.

    The ledger may have more of a day than the files still list. When the folder was moved it is the other way
    round: the ledger has it under the name of the old project.
    """
    project, zone = project_of(folder), ledger.calendar.zone
    listed = _by_day(found.requests, zone)
    taken, counted = _of_ledger(ledger, project)
    remainders = []
    for day, total in sorted(found.totals.items()):
        more = total.minus(max(listed.get(day, Sums()), taken.get(day, Sums())))
        before = counted.get(day, Sums())
        if more == before:
            continue
        if min(more.minus(before)) < 0 or not more.requests or max(more[1:3]) > MAX_TOKENS:
            reason = f"daily_totals of {day} do not fit the requests of that day: left out"
            found.problems.append(Problem(os.path.join(folder, FILES[-1]), 0, reason))
            continue
        remainders.append(
            Request(
                model=REMAINDER_MODEL,
                usage=Usage(more.input_tokens, more.output_tokens),
                at=datetime.combine(date.fromisoformat(day), time(12), zone),
                source=SOURCE_NAME,
                card=REPORTED,
                project=project,
                response_id=f"{SOURCE_NAME}:{digest([found.name, day])}",
                cost_picousd=more.cost_picousd,
                requests=more.requests,
            )
        )
    return remainders


def _of_ledger(ledger: Ledger, project: str) -> tuple[dict[str, Sums], dict[str, Sums]]:
    """What the ledger has from the folders of *project*, by day: of requests, and of remainders."""
    requests: dict[str, Sums] = {}
    remainders: dict[str, Sums] = {}
    where = {"source": SOURCE_NAME, "project": project}
    for total in ledger.totals(by=("day", "model"), where=where):
        day, model = map(str, total.key)
        sums = remainders if model == REMAINDER_MODEL else requests
        usage = total.usage
        one = Sums(total.requests, usage.input_tokens, usage.output_tokens, total.cost_picousd)
        sums[day] = sums.get(day, Sums()).plus(one)
    return requests, remainders


def _by_day(requests: list[Request], zone: tzinfo) -> dict[str, Sums]:
    sums: dict[str, Sums] = {}
    for request in requests:
        if request.at is not None:  # all have it
            day = request.at.astimezone(zone).date().isoformat()
            usage = request.usage
            one = Sums(1, usage.input_tokens, usage.output_tokens, request.cost_picousd or 0)
            sums[day] = sums.get(day, Sums()).plus(one)
    return sums


def _signature(folder: str) -> bytes:
    """Changes whenever one of the files does; empty where there is none."""
    seen = []
    for name in FILES:
        try:
            status = os.lstat(os.path.join(folder, name))
        except OSError:
            continue
        seen.append(f"{name} {status.st_ino} {status.st_size} {status.st_mtime_ns}\n")
    return "".join(seen).encode()


def _marked(mark: str) -> bytes:
    """What was taken in last."""
    try:
        with open(mark, "rb") as file:
            return file.read(1000)
    except OSError:  # not there; or it cannot be read, and what follows tells why
        return b""
