"""When and how the graph is made anew: from the wiring of every code file, in whatever store it is."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from quarterdeck.index.disk.classify import language_of
from quarterdeck.index.disk.signature import read_stable
from quarterdeck.index.facts.grammars import PARSED_LANGUAGES, fact_key
from quarterdeck.index.facts.packed import wiring_of
from quarterdeck.index.graph.wire import Wirable, Wired, wire
from quarterdeck.index.refresh.reading import Reading, read_facts
from quarterdeck.index.store.tree_store import ABSENT, Entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from quarterdeck.index.store.stores import Scan


def leads_elsewhere(scan: Scan, reading: Reading) -> bool:
    """Whether a file came, or what one that was read says of imports, exports, bindings or tests differs."""
    for path, each in reading.read.items():
        previous = reading.before.get(path)
        if previous is None or (previous.language, previous.category) != (each.language, each.category):
            return True
        if previous.hash != each.hash and path.endswith("go.mod"):
            return True
        if previous.hash != each.hash and each.language in PARSED_LANGUAGES:
            known = scan.stores.facts.get(previous.hash, fact_key(previous.language))
            if known is None or known.packed.wiring != each.packed.wiring:
                return True
            if bool(known.packed.tests) != bool(each.packed.tests):
                return True  # a file of tests became one of fixtures, or the other way
    return False


def wire_all(scan: Scan, entries: Mapping[str, Entry], texts: Mapping[str, str]) -> Wired:
    """The graph of all code files; facts that the fact store has lost are read from the files again.

    Args:
        scan: root, settings and stores.
        entries: every file, by path.
        texts: `Packed.wiring` of those whose facts need not be fetched.
    """
    code = [entry for entry in entries.values() if entry.language in PARSED_LANGUAGES]
    asked = {entry.path: (entry.hash, fact_key(entry.language)) for entry in code if entry.path not in texts}
    known = scan.stores.facts.wirings(asked.values())
    limit = scan.config.max_file_bytes  # larger files have no facts to lose
    lost = [path for path, key in asked.items() if key not in known and entries[path].signature.size <= limit]
    wirings = {
        **texts,
        **{path: known[key] for path, key in asked.items() if key in known},
        **{path: packed.wiring for path, packed in read_facts(scan, lost).items()},
    }
    files = {entry.path: Wirable(entry.language, wiring_of(wirings.get(entry.path, ""))) for entry in code}
    return wire(files, _go_modules(scan.root, entries), scan.config, os.path.basename(scan.root))


def wire_with(scan: Scan, gone: Iterable[str]) -> Wired:
    """The graph as if the files *gone* were still there, without imports of their own."""
    entries = {entry.path: entry for entry in scan.stores.tree.entries()}
    ghosts = {
        path: Entry(path, ABSENT, False, "", "", language_of(path), 0) for path in gone if path not in entries
    }
    return wire_all(scan, {**entries, **ghosts}, dict.fromkeys(ghosts, ""))


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
