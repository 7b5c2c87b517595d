"""Do the sums say what the journal says, to the pico-dollar?"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck import sqlite
from quarterdeck.costs.ledger.rollup import Rollup
from quarterdeck.costs.money import PICO
from quarterdeck.errors import StoreCorrupt
from quarterdeck.journal import inspect

if TYPE_CHECKING:
    from collections.abc import Callable

    from quarterdeck.costs.ledger import Ledger
    from quarterdeck.journal import JournalReport

SHOWN_DIFFERENCES = 20
SHOWN_REJECTED = 100


class Difference(NamedTuple):
    """One sum on which the two disagree.

    Attributes:
        table: ``cells`` or ``sessions``.
        key: its labels.
        rollup: its counts and its cost as the rollup has them; None: it has no such sum.
        journal: the same, computed from the journal.
    """

    table: str
    key: tuple[object, ...]
    rollup: tuple[int, ...] | None
    journal: tuple[int, ...] | None


class Verification(NamedTuple):
    """What a check of the ledger found.

    Attributes:
        requests: as the journal has them, each answer once.
        cost_picousd: likewise.
        differing: how many sums differ.
        differences: the first `SHOWN_DIFFERENCES` of them.
        rejected: the first `SHOWN_REJECTED` lines that are no records: segment, offset, reason.
        dropped: records whose response was counted already, by source.
        journal: segments, and what was set aside.
        problems: what else was amiss, for people.
    """

    requests: int
    cost_picousd: int
    differing: int
    differences: list[Difference]
    rejected: list[tuple[str, int, str]]
    dropped: dict[str, int]
    journal: JournalReport
    problems: list[str]

    @property
    def ok(self) -> bool:
        """Whether every sum agrees; rejected lines and torn tails are no fault of the sums."""
        return not self.differing and not self.problems


def verify(ledger: Ledger, progress: Callable[[int, int], None] | None = None) -> Verification:
    """Compute every sum anew, in memory, and compare; reads the whole journal.

    Others may go on recording: what is compared is the journal up to the places the rollup has come to. A
    segment that is missing is told until the sums are rebuilt on purpose.

    """
    ledger.refresh()
    problems = list(ledger.problems)
    try:
        kept = ledger.rollup.contents()
    except StoreCorrupt:
        if not ledger.rollup.discard_if_damaged():
            raise
        problems.append("the file of the sums was damaged; they have been made anew")
        ledger.refresh()
        kept = ledger.rollup.contents()
    with contextlib.closing(Rollup(sqlite.IN_MEMORY, ledger.reader, ledger.calendar, ledger.choices)) as anew:
        problems += [told for told in anew.refresh(progress, up_to=kept.places) if told not in problems]
        computed = anew.contents()
        dropped = anew.connection.execute("SELECT source, requests FROM dropped ORDER BY source").fetchall()
        rejected = anew.connection.execute(
            "SELECT segment, offset, reason FROM rejected ORDER BY segment, offset LIMIT ?",
            (SHOWN_REJECTED,),
        ).fetchall()
    differences = [
        Difference(table, key, had.get(key), has.get(key))
        for table, had, has in (
            ("cells", kept.cells, computed.cells),
            ("sessions", kept.sessions, computed.sessions),
        )
        for key in had.keys() | has.keys()
        if had.get(key) != has.get(key)
    ]
    differences.sort(key=lambda difference: (difference.table, str(difference.key)))
    return Verification(
        requests=sum(counts[0] for counts in computed.cells.values()),
        cost_picousd=sum(counts[-2] * PICO + counts[-1] for counts in computed.cells.values()),
        differing=len(differences),
        differences=differences[:SHOWN_DIFFERENCES],
        rejected=rejected,
        dropped=dict(dropped),
        journal=inspect(ledger.journal_folder),
        problems=problems,
    )
