"""What differs is read again, and everything that follows from it is derived anew.

Base ──read_changes──> Reading ──wire, if an import may lead elsewhere now──> Sources ──derive──> rows
    ──> one transaction on top of the state that was compared, or none
"""

from __future__ import annotations

import contextlib
import gc
import time
from typing import TYPE_CHECKING

from quarterdeck import sqlite
from quarterdeck.index.disk.signature import digest_of
from quarterdeck.index.facts.grammars import grammars
from quarterdeck.index.model import FileRecord, State, moment
from quarterdeck.index.refresh.derive import Derived, Sources, derive
from quarterdeck.index.refresh.lint import lint_counts
from quarterdeck.index.refresh.reading import LINK, Reading, read_changes
from quarterdeck.index.refresh.rewire import leads_elsewhere, wire_all
from quarterdeck.index.refresh.summary import summarise
from quarterdeck.index.refresh.view import intrinsic
from quarterdeck.index.store.tree_store import to_db

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from quarterdeck.index.refresh.validate import Base
    from quarterdeck.index.settings import IndexConfig
    from quarterdeck.index.store.stores import Scan
    from quarterdeck.index.store.tree_store import Entry, TreeStore


def look_again(scan: Scan, base: Base) -> State | None:
    """Bring the stored rows from *base* to what the disk holds now.

    Returns:
        The new state; None when another process has moved the store on, and nothing was written.
    """
    with _no_collection():
        reading = read_changes(scan, base)
        sources = _sources(scan, base, reading)
        return _commit(scan, base, reading, sources, derive(sources, scan.config))


def _sources(scan: Scan, base: Base, reading: Reading) -> Sources:
    """Everything the derivation starts from."""
    tree = scan.stores.tree
    noted = scan.stores.annotations.read()  # something may have been noted since *base* was taken
    notes_changed = not base.usable or tree.meta().get("notes_revision") != str(noted.revision)
    stored = _stored(tree, reading, all_of_them=notes_changed) if base.usable else {}
    rewired = not base.usable or bool(reading.gone) or leads_elsewhere(scan, reading)
    wiring_read = {path: each.packed.wiring for path, each in reading.read.items()}
    return Sources(
        stored=stored,
        old={
            path: record
            for path, record in stored.items()
            if path in reading.entries and path not in reading.read
        },
        fresh=_fresh_records(reading, stored, scan.config),
        links=tree.links() if base.usable else [],
        wired=wire_all(scan, reading.entries, wiring_read) if rewired else None,
        definitions=tree.definitions() if not rewired and notes_changed else [],
        noted=noted,
        notes_changed=notes_changed,
        lint=lint_counts(scan.root) if scan.config.lint else None,
    )


def _stored(tree: TreeStore, reading: Reading, *, all_of_them: bool) -> dict[str, FileRecord]:
    """Records that may change: those of code, those of files that were read, or all."""
    where = "" if all_of_them else "WHERE category IN ('source', 'test')"
    stored = {record.path: record for record in tree.records(where)}
    for path in reading.read:
        if path not in stored and path in reading.before:
            stored.update((record.path, record) for record in tree.records("WHERE path = ?", (to_db(path),)))
    return stored


def _fresh_records(
    reading: Reading, stored: Mapping[str, FileRecord], config: IndexConfig
) -> dict[str, FileRecord]:
    """Records of the files that were read, as far as their own bytes decide."""
    fresh = {}
    for path, each in reading.read.items():
        entry = reading.entries[path]
        previous = stored.get(path)
        read_at = moment(entry.read_at)
        if previous is not None and previous.content_hash == entry.hash and previous.last_indexed is not None:
            read_at = previous.last_indexed  # the same bytes: nothing was learned
        language = "" if each.language == LINK else each.language
        fresh[path] = intrinsic(each._replace(language=language), entry.signature, read_at, config)
    return fresh


def _commit(scan: Scan, base: Base, reading: Reading, sources: Sources, derived: Derived) -> State | None:
    tree = scan.stores.tree
    before, after = reading.before, reading.entries
    changes = [
        (path, before[path].hash if path in before else "", after[path].hash if path in after else "")
        for path in {*reading.read, *reading.gone}
    ]
    changes = [change for change in changes if change[1] != change[2]]
    now_ns = time.time_ns()
    with sqlite.transaction(tree.connection):
        if tree.stamp() != base.stamp or (base.usable and tree.meta().get("made_with") != base.made_with):
            return None
        if not base.usable:
            tree.clear()
        tree.drop_files(reading.gone)
        tree.put_entries(after[path] for path in reading.read)
        if reading.watched is not None:
            tree.put_watched(reading.watched)
        tree.put_rows(derived.rows)
        if sources.wired is not None:
            tree.put_graph(sources.wired.edges, sources.wired.definitions)
            tree.put_meta({"import_cycles": str(sources.wired.cycles)})
        if derived.links is not None:
            tree.put_links(derived.links)
        state_id = _state_id(after) if changes or not base.usable else base.stamp.id
        if state_id != base.stamp.id:
            # Nothing was before the first.
            tree.log_state(state_id, now_ns, changes if base.stamp.seq else [])
        tree.put_meta(
            {
                "made_with": base.made_with,
                "grammars": grammars({entry.language for entry in after.values()}),
                "files": str(len(after)),
                "notes_revision": str(sources.noted.revision),
            }
        )
        if reading.notes is not None:
            tree.put_notes(reading.notes)
        tree.put_summary(summarise(tree))
    return State(state_id, moment(now_ns), len(after), len(changes))


def _state_id(entries: Mapping[str, Entry]) -> str:
    """One digest of every path with its content."""
    lines = [f"{path}\0{entries[path].hash}\n" for path in sorted(entries)]
    return digest_of("".join(lines).encode("utf-8", "surrogateescape"))


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Syntax trees and records hold no cycles; looking for some would cost a tenth of a scan."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
