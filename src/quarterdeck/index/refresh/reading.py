"""From the disk to `Reading`: which files there are, and what is in those that changed.

    discover (if the listing may differ) -> examine what changed, keeping new facts as they come

Facts are kept in groups while a scan goes on, so an interrupted one picks up where it stopped.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.index.disk.discover import Discovery, discover
from quarterdeck.index.disk.signature import Signature, digest_of, is_racy, of
from quarterdeck.index.facts.crew import Crew, Job, examine_all
from quarterdeck.index.facts.examine import COUNTED, KNOWN, MADE, Examined
from quarterdeck.index.facts.fact_store import NewFact
from quarterdeck.index.facts.grammars import fact_key
from quarterdeck.index.facts.packed import NOTHING, Packed
from quarterdeck.index.refresh.validate import Base, watch
from quarterdeck.index.store.tree_store import Entry, Watched

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from quarterdeck.index.store.stores import Scan

KEEP_EVERY = 200
"""New facts are written in groups of this many: what an interrupt costs at most."""

MANY = 1000
"""How many files a tree that was never seen is taken to have, until it has been listed."""

LINK = "symlink"
"""The ``language`` of a symlink's entry; its record has none."""


class Reading(NamedTuple):
    """What was found on the disk this time.

    Attributes:
        entries: every file of the tree, old and new.
        before: the entries of the state before.
        read: path -> what examining it gave, for the files looked at this time.
        gone: files that no longer belong to the tree.
        watched: folders and inputs, when the listing was made anew.
        notes: what discovery wants the user to know, when the listing was made anew.
    """

    entries: dict[str, Entry]
    before: dict[str, Entry]
    read: dict[str, Examined]
    gone: list[str]
    watched: list[Watched] | None
    notes: tuple[str, ...] | None


def read_changes(scan: Scan, base: Base) -> Reading:
    """Look at everything that differs from *base*; all files when its rows cannot be used."""
    before = {entry.path: entry for entry in scan.stores.tree.entries()}
    changed = set(base.differences.changed) if base.usable else set(before)
    found: Discovery | None = None
    watched = None
    listed_at_ns = 0
    with Crew(_job(scan), scan.config.workers) as crew:
        if not base.usable:
            crew.call(len(before) or MANY)
        if base.differences.listing or any(before[path].language == LINK for path in changed & before.keys()):
            listed_at_ns = time.time_ns()
            found = discover(
                scan.root, exclude=scan.config.exclude_patterns, submodules=scan.config.submodules
            )
            watched = watch(scan.root, found.folders, found.inputs, listed_at_ns)
        files = _files(before) if found is None else found.files
        unknown = [
            path for path in files if path in changed or path not in before or before[path].language == LINK
        ]
        read = _examine(scan, crew, unknown)
    if found is not None:
        read.update(_links(scan.root, found.symlinks, listed_at_ns))
    entries = {path: before[path] for path in files if path in before and path not in read}
    if found is None:
        entries.update((path, entry) for path, entry in before.items() if entry.language == LINK)
    now_ns = time.time_ns()
    for path, each in list(read.items()):
        if each.signature is None:
            del read[path]  # it vanished after it was listed
            entries.pop(path, None)
        else:
            entries[path] = Entry(
                path, each.signature, each.racy, each.hash, each.category, each.language, now_ns
            )
    gone = [path for path in before if path not in entries]
    return Reading(entries, before, read, gone, watched, None if found is None else found.notes)


def read_facts(scan: Scan, paths: Iterable[str]) -> dict[str, Packed]:
    """Complete facts of *paths*, read from the files again: for when the fact store has lost them."""
    job = Job(scan.root, scan.config.max_file_bytes, "")
    found = examine_all(job, list(paths), scan.config.workers)
    scan.stores.keep_facts([_new_fact(each) for each in found if each.origin == MADE])
    return {each.path: each.packed for each in found}


def _files(entries: Mapping[str, Entry]) -> list[str]:
    return [path for path, entry in entries.items() if entry.language != LINK]


def _job(scan: Scan) -> Job:
    facts = scan.stores.facts
    return Job(scan.root, scan.config.max_file_bytes, "" if facts.is_empty() else facts.path)


def _examine(scan: Scan, crew: Crew, paths: list[str]) -> dict[str, Examined]:
    """Examine *paths*, keeping new facts as they come; what only the store needs is not held on to."""
    store = scan.stores.facts if crew.job.store_path else None
    read: dict[str, Examined] = {}
    pending: list[NewFact] = []
    used: list[tuple[str, str]] = []
    misses = saved_us = 0
    for each in crew.examine(paths, store):
        if each.origin == KNOWN:
            saved_us += each.cost_us
            used.append((each.hash, fact_key(each.language)))
        elif each.origin == MADE:
            misses += 1
            pending.append(_new_fact(each))
        read[each.path] = each._replace(packed=each.packed._replace(outline=""))
        if len(pending) >= KEEP_EVERY:
            scan.stores.keep_facts(pending)
            pending = []
        if scan.progress is not None:
            scan.progress(len(read), len(paths))
    scan.stores.keep_facts(pending, used)
    scan.stores.facts.count(hits=len(used), misses=misses, saved_us=saved_us)
    return read


def _new_fact(examined: Examined) -> NewFact:
    return NewFact(examined.hash, fact_key(examined.language), examined.packed, examined.cost_us)


def _links(root: str, symlinks: Mapping[str, str], listed_at_ns: int) -> dict[str, Examined]:
    """Symlinks as files that say nothing but where they point."""
    found = {}
    for path, target in symlinks.items():
        try:
            signature: Signature | None = of(os.lstat(f"{root}/{path}"))
        except OSError:
            signature = None
        racy = signature is not None and is_racy(signature, listed_at_ns)
        digest = digest_of(target.encode("utf-8", "surrogateescape"))
        found[path] = Examined(path, signature, racy, digest, "unknown", LINK, NOTHING, 0, COUNTED)
    return found
