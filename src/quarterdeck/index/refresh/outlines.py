"""Functions and classes of stored records: from the fact store, or from the file where they were lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quarterdeck.index.facts.grammars import PARSED_LANGUAGES, fact_key
from quarterdeck.index.facts.packed import outline_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from quarterdeck.index.facts.packed import Outline
    from quarterdeck.index.model import FileRecord
    from quarterdeck.index.store.stores import Scan


def outlines_of(scan: Scan, records: Iterable[FileRecord]) -> dict[str, Outline]:
    """Functions and classes of every one of *records*, by path; the stores have just been verified."""
    found: dict[str, Outline] = {}
    lost = []
    for record in records:
        if record.language not in PARSED_LANGUAGES:
            found[record.path] = ((), ())
            continue
        known = scan.stores.facts.get(record.content_hash, fact_key(record.language))
        if known is None:
            lost.append(record.path)
        else:
            found[record.path] = outline_of(known.packed.outline)
    if lost:
        from quarterdeck.index.refresh.reading import read_facts

        packed = read_facts(scan, lost)
        found.update(
            (path, outline_of(packed[path].outline) if path in packed else ((), ())) for path in lost
        )
    return found
