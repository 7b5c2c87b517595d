"""Everything the reports, the health score and the hot spots are made from, gathered once.

index (records, edges)  ─┐
history (git)            ├─> Evidence ──> health, hotspots, reports     (pure from here on)
committed (blob ids)    ─┘
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.index.advice.committed import unmodified
from quarterdeck.index.advice.health import Health, health_of
from quarterdeck.index.advice.history import Churn, History, churn_by_path, read_history
from quarterdeck.index.advice.hotspots import worst_of
from quarterdeck.index.advice.staleness import Changed, Stale, last_changed, stale_files
from quarterdeck.index.graph.reach import import_cycles
from quarterdeck.index.model import FileCategory
from quarterdeck.index.project_index import nothing_in
from quarterdeck.workspace import open_workspace

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from quarterdeck.index.facts.facts import Function
    from quarterdeck.index.model import FileRecord, State
    from quarterdeck.index.project_index import ProjectIndex
    from quarterdeck.index.settings import IndexConfig


class Evidence(NamedTuple):
    """One verified state of a project, with its past.

    Attributes:
        root: absolute path of the project.
        state: what everything was checked against.
        config: settings.
        records: of all files, by path.
        worst: the most complex function of each source file that has an overly complex one.
        cycles: groups of files that import each other, largest first.
        history: what git knows.
        churn: by path; None without a history.
        stale: files newer than their tests, stalest first.
        health: the score and its parts.
    """

    root: str
    state: State
    config: IndexConfig
    records: tuple[FileRecord, ...]
    worst: Mapping[str, Function]
    cycles: tuple[tuple[str, ...], ...]
    history: History
    churn: Mapping[str, Churn] | None
    stale: tuple[Stale, ...]
    health: Health


def gather(index: ProjectIndex, *, days: int | None = None) -> Evidence:
    """The evidence on *index* as it is now.

    Reads every tested file and its tests once, besides what the index and the history read.

    Args:
        index: the project.
        days: how far back the history is read; None for the configured ``churn_days``.

    Raises:
        NothingToRead: the project has no file at all.
    """
    with index.frozen() as state:
        records = index.get_all_files()
        cycles = import_cycles(index.get_edges())
        outlines = index.get_outlines(record for record in records if _is_complex(record, index.config))
    if not records:
        raise nothing_in(index.root)
    history, churn = past_of(index, records, days)
    stale = stale_files(
        records, _last_changed(index.root, records, history, churn), index.config.staleness_threshold_days
    )
    return Evidence(
        index.root,
        state,
        index.config,
        tuple(records),
        {path: worst for path, (functions, _) in outlines.items() if (worst := worst_of(functions))},
        tuple(tuple(group) for group in cycles),
        history,
        churn,
        tuple(stale),
        health_of(records, cycles, stale, index.config),
    )


def past_of(
    index: ProjectIndex, records: Iterable[FileRecord], days: int | None
) -> tuple[History, Mapping[str, Churn] | None]:
    """The history of the last *days* (None: as configured), and churn by path; None without a history."""
    history = read_history(open_workspace(index.root), index.config.churn_days if days is None else days)
    present = {record.path for record in records}
    return history, churn_by_path(history.commits, present) if history.known else None


def _is_complex(record: FileRecord, config: IndexConfig) -> bool:
    return (
        record.category is FileCategory.SOURCE and record.max_complexity >= config.high_complexity_threshold
    )


def _last_changed(
    root: str, records: Iterable[FileRecord], history: History, churn: Mapping[str, Churn] | None
) -> dict[str, Changed]:
    """When each tested file and each of its tests was last changed."""
    tested = [r for r in records if r.test_files and r.category is not FileCategory.TEST]
    wanted = {record.path for record in tested}.union(*(record.test_files for record in tested))
    intact = unmodified(root, history.head, wanted) if churn is not None else frozenset()
    return last_changed((r for r in records if r.path in wanted), churn or {}, intact, history.since)
