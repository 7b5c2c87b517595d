"""Which files have moved on since their tests were last touched.

When was a file last changed? Its modification time says when it was written to this disk: in a
fresh clone that is the same minute for every file, and nothing is stale. So where git knows, the time
of its newest commit is taken instead:

    bytes as in HEAD, a commit within the window      time of the newest commit       "commit"
    bytes as in HEAD, no commit within the window     the window's start, at most     "before"
    modified, untracked, or no git                    modification time               "mtime"

A file and a test that both rest since before the window are not stale: neither has moved. A test
from before the window makes the difference a lower bound, which is said.
`FileRecord.staleness_days` stays what it is published as: the difference of modification times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.index.model import DAY_S, FileCategory, FileRecord

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime

    from quarterdeck.index.advice.history import Churn

COMMIT = "commit"
BEFORE = "before"
MTIME = "mtime"


class Changed(NamedTuple):
    """When a file was last changed, and how we know: `COMMIT`, `BEFORE` (at the latest then) or `MTIME`."""

    at: datetime
    how: str


class Stale(NamedTuple):
    """A file that is newer than all its tests.

    Attributes:
        path: the file.
        test: its newest test file.
        days: whole days between the two.
        at_least: *days* is a lower bound.
        how: how we know when *path* changed.
        impact: impact score of *path*.
    """

    path: str
    test: str
    days: int
    at_least: bool
    how: str
    impact: float


def last_changed(
    records: Iterable[FileRecord], churn: Mapping[str, Churn], unmodified: Collection[str], since: datetime
) -> dict[str, Changed]:
    """When each of *records* was last changed.

    Args:
        records: the files.
        churn: what git's history within the window says.
        unmodified: files whose bytes are as committed.
        since: the window's start.
    """
    found = {}
    for record in records:
        if record.path in unmodified:
            known = churn.get(record.path)
            found[record.path] = Changed(known.last_commit_at, COMMIT) if known else Changed(since, BEFORE)
        elif record.last_modified is not None:
            found[record.path] = Changed(record.last_modified, MTIME)
    return found


def stale_files(
    records: Iterable[FileRecord], changed: Mapping[str, Changed], threshold_days: int
) -> list[Stale]:
    """Files at least *threshold_days* newer than their newest test, stalest first.

    Args:
        records: of all files.
        changed: from `last_changed`.
        threshold_days: in days; 0 or less turns the question off.
    """
    found = []
    for record in records:
        tests = [path for path in record.test_files if path in changed]
        if (
            record.category is FileCategory.TEST
            or not tests
            or record.path not in changed
            or threshold_days <= 0
        ):
            continue
        test = max(tests, key=lambda path: (changed[path].at, path))
        mine, theirs = changed[record.path], changed[test]
        days = int((mine.at - theirs.at).total_seconds() // DAY_S)
        if days >= threshold_days:
            found.append(Stale(record.path, test, days, theirs.how == BEFORE, mine.how, record.impact_score))
    return sorted(found, key=lambda stale: (-stale.days, -stale.impact, stale.path))
