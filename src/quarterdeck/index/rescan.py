"""What differs is read again, and everything that follows from it is derived anew.

    discover (if the listing may differ) -> examine what changed -> keep new facts
        -> derive -> one transaction on top of the state that was compared, or none

Facts are kept as they come, so an interrupted scan picks up where it stopped.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck import sqlite
from quarterdeck.index.derive import Derived, Sources, derive
from quarterdeck.index.discover import Discovery, discover
from quarterdeck.index.examine import LANGUAGES_WITH_GRAMMAR, Examined, fact_key
from quarterdeck.index.extract import Job, examine_all
from quarterdeck.index.fact_store import FILE as FACTS_FILE
from quarterdeck.index.fact_store import NewFact
from quarterdeck.index.lint import lint_counts
from quarterdeck.index.model import FileRecord, State, moment
from quarterdeck.index.packed import NOTHING, Packed, wiring_of
from quarterdeck.index.signature import Signature, digest_of, is_racy, of, read_stable
from quarterdeck.index.summary import summarise
from quarterdeck.index.tree_store import Entry, Watched
from quarterdeck.index.validate import watch
from quarterdeck.index.view import intrinsic
from quarterdeck.index.wire import Wirable, Wired, wire

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from quarterdeck.index.working_tree import Base, WorkingTree

KEEP_EVERY = 200
"""New facts are written in groups of this many: what an interrupt costs at most."""

LINK = "symlink"
"""The ``language`` of a symlink's entry; its record has none."""

WIRED_LANGUAGES = LANGUAGES_WITH_GRAMMAR | {"python"}


class Reading(NamedTuple):
    """What was found on the disk this time.

    Attributes:
        entries: every file of the tree, old and new.
        before: the entries of the state before.
        read: path -> what examining it gave, for the files looked at this time.
        gone: files that no longer belong to the tree.
        watched: folders and inputs, when the listing was made anew.
        notes: what discovery wants the user to know.
    """

    entries: dict[str, Entry]
    before: dict[str, Entry]
    read: dict[str, Examined]
    gone: list[str]
    watched: list[Watched] | None
    notes: tuple[str, ...] | None


def look_again(tree: WorkingTree, base: Base) -> State | None:
    """Bring the stored rows of *tree* from *base* to what the disk holds now.

    Returns:
        The new state; None when another process has moved the store on, and nothing was written.
    """
    reading = _read(tree, base)
    noted = tree.annotations.read()
    stored = {record.path: record for record in tree.store.records()} if base.usable else {}
    rewired = not base.usable or bool(reading.gone) or _rewired(tree, reading)
    sources = Sources(
        old={
            path: record
            for path, record in stored.items()
            if path in reading.entries and path not in reading.read
        },
        replaced=stored,
        fresh=_fresh_records(reading, stored, tree),
        links=tree.store.links() if base.usable else [],
        wired=_wire(tree, reading) if rewired else None,
        definitions=[] if rewired or not base.noted else tree.store.definitions(),
        noted=noted,
        notes_changed=base.noted or not base.usable,
        lint=lint_counts(tree.workspace.root) if tree.config.lint else None,
    )
    return _commit(tree, base, reading, sources, derive(sources, tree.config))


def _read(tree: WorkingTree, base: Base) -> Reading:
    root = tree.workspace.root
    before = {entry.path: entry for entry in tree.store.entries()}
    changed = set(base.differences.changed) if base.usable else set(before)
    links_changed = any(before[path].language == LINK for path in changed if path in before)
    found: Discovery | None = None
    watched = None
    if base.differences.listing or links_changed:
        found = discover(root, exclude=tree.config.exclude_patterns, submodules=tree.config.submodules)
        watched = watch(root, found.folders, found.inputs)
        files: Iterable[str] = found.files
    else:
        files = [path for path, entry in before.items() if entry.language != LINK]
    to_read = [
        path for path in files if path in changed or path not in before or before[path].language == LINK
    ]
    read = _examine(tree, to_read)
    if found is not None:
        read.update(_links(root, found.symlinks))
    entries = {path: before[path] for path in files if path in before and path not in read}
    if found is None:
        entries.update((path, entry) for path, entry in before.items() if entry.language == LINK)
    now_ns = time.time_ns()
    for path, each in list(read.items()):
        if each.signature is None:
            del read[path]  # it vanished after it was listed
        else:
            entries[path] = Entry(
                path, each.signature, each.racy, each.hash, each.category, each.language, now_ns
            )
    gone = [path for path in before if path not in entries]
    return Reading(entries, before, read, gone, watched, None if found is None else found.notes)


def _examine(tree: WorkingTree, paths: list[str]) -> dict[str, Examined]:
    """Examine *paths*, keeping new facts as they come; what only the store needs is not held on to."""
    read: dict[str, Examined] = {}
    if not paths:
        return read
    facts = tree.facts
    job = Job(
        tree.workspace.root,
        tree.config.max_file_bytes,
        tree.workspace.cache_file(FACTS_FILE) if facts.on_disk else "",
    )
    pending: list[NewFact] = []
    known: list[tuple[str, str]] = []
    hits = misses = saved_us = 0
    for each in examine_all(job, paths, workers=tree.config.workers, store=facts):
        if each.known:
            hits += 1
            saved_us += each.cost_us
            known.append((each.hash, fact_key(each.language)))
        elif each.hash and each.language:
            misses += 1
            pending.append(NewFact(each.hash, fact_key(each.language), each.packed, each.cost_us))
        read[each.path] = each._replace(packed=each.packed._replace(outline=""))
        if len(pending) >= KEEP_EVERY:
            tree.keep_facts(pending)
            pending = []
        if tree.progress is not None:
            tree.progress(len(read), len(paths))
    tree.keep_facts(pending, known)
    facts.count(hits=hits, misses=misses, saved_us=saved_us)
    return read


def read_facts(tree: WorkingTree, paths: Iterable[str]) -> dict[str, Packed]:
    """Complete facts of *paths*, read from the files again: for when the fact store has lost them."""
    job = Job(tree.workspace.root, tree.config.max_file_bytes, "")
    found = list(examine_all(job, list(paths), workers=tree.config.workers))
    new = [
        NewFact(each.hash, fact_key(each.language), each.packed, each.cost_us) for each in found if each.hash
    ]
    tree.keep_facts(new)
    return {each.path: each.packed for each in found}


def _links(root: str, symlinks: Mapping[str, str]) -> dict[str, Examined]:
    """Symlinks as files that say nothing but where they point."""
    now_ns = time.time_ns()
    found = {}
    for path, target in symlinks.items():
        try:
            signature: Signature | None = of(os.lstat(f"{root}/{path}"))
        except OSError:
            signature = None
        racy = signature is not None and is_racy(signature, now_ns)
        digest = digest_of(target.encode("utf-8", "surrogateescape"))
        found[path] = Examined(path, signature, racy, digest, "unknown", LINK, NOTHING, 0, False)
    return found


def _fresh_records(
    reading: Reading, old: Mapping[str, FileRecord], tree: WorkingTree
) -> dict[str, FileRecord]:
    """Records of the files that were read, as far as their own bytes decide."""
    fresh = {}
    for path, each in reading.read.items():
        entry = reading.entries[path]
        previous = old.get(path)
        read_at = moment(entry.read_at)
        if previous is not None and previous.content_hash == entry.hash and previous.last_indexed is not None:
            read_at = previous.last_indexed  # the same bytes: nothing was learned
        language = "" if each.language == LINK else each.language
        fresh[path] = intrinsic(each._replace(language=language), entry.signature, read_at, tree.config)
    return fresh


def _rewired(tree: WorkingTree, reading: Reading) -> bool:
    """Whether a file came, or one that was read has other imports, exports or bindings than before."""
    for path, each in reading.read.items():
        previous = reading.before.get(path)
        if previous is None or (previous.language, previous.category) != (each.language, each.category):
            return True
        if previous.hash != each.hash:
            known = tree.facts.get(previous.hash, fact_key(previous.language))
            if known is None or known.packed.wiring != each.packed.wiring:
                return True
    return False


def _wire(tree: WorkingTree, reading: Reading) -> Wired:
    """The graph of all code files; facts that the fact store has lost are read from the files again."""
    texts = {path: each.packed.wiring for path, each in reading.read.items()}
    code = [entry for entry in reading.entries.values() if entry.language in WIRED_LANGUAGES]
    asked = {entry.path: (entry.hash, fact_key(entry.language)) for entry in code if entry.path not in texts}
    known = tree.facts.wirings(asked.values())
    lost = [path for path, key in asked.items() if key not in known]
    texts.update((path, known[key]) for path, key in asked.items() if key in known)
    texts.update((path, packed.wiring) for path, packed in read_facts(tree, lost).items())
    files = {entry.path: Wirable(entry.language, wiring_of(texts.get(entry.path, ""))) for entry in code}
    root = tree.workspace.root
    return wire(files, _go_modules(root, reading.entries), tree.config, os.path.basename(root))


def _go_modules(root: str, entries: Iterable[str]) -> dict[str, str]:
    """Folder of each ``go.mod`` -> the module path it declares."""
    found = {}
    for path in entries:
        folder, _, name = path.rpartition("/")
        if name == "go.mod":
            content = read_stable(f"{root}/{path}", 1 << 20).content or b""
            for line in content.decode("utf-8", "replace").splitlines():
                words = line.split()
                if len(words) == 2 and words[0] == "module":
                    found[folder] = words[1].strip('"')
                    break
    return found


def _commit(
    tree: WorkingTree, base: Base, reading: Reading, sources: Sources, derived: Derived
) -> State | None:
    store = tree.store
    before, after = reading.before, reading.entries
    changes = [
        (path, before[path].hash if path in before else "", after[path].hash if path in after else "")
        for path in {*reading.read, *reading.gone}
    ]
    changes = [change for change in changes if change[1] != change[2]]
    now_ns = time.time_ns()
    with sqlite.transaction(store.connection):
        if store.stamp() != base.stamp:
            return None
        if not base.usable:
            store.clear()
        store.drop_files(reading.gone)
        store.put_entries(after[path] for path in reading.read)
        if reading.watched is not None:
            store.put_watched(reading.watched)
        store.put_rows(derived.rows)
        if sources.wired is not None:
            store.put_graph(sources.wired.edges, sources.wired.definitions)
            store.put_meta({"import_cycles": str(sources.wired.cycles)})
        if derived.links is not None:
            store.put_links(derived.links)
        state_id = _state_id(after) if changes or not base.usable else base.stamp.id
        if state_id != base.stamp.id:
            store.log_state(state_id, now_ns, changes)
        store.put_meta(
            {
                "made_with": tree.made_with,
                "files": str(len(after)),
                "notes_revision": str(sources.noted.revision),
            }
        )
        if reading.notes is not None:
            store.put_notes(reading.notes)
        store.put_summary(summarise(store))
    return State(state_id, moment(now_ns), len(after), len(changes))


def _state_id(entries: Mapping[str, Entry]) -> str:
    """One digest of every path with its content."""
    lines = [f"{path}\0{entries[path].hash}\n" for path in sorted(entries)]
    return digest_of("".join(lines).encode("utf-8", "surrogateescape"))
