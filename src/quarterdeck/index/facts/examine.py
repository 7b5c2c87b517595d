"""One file, from the disk to its facts.

    path -> stable read -> hash -> known facts, or a parser -> Examined

Runs in the calling process and in worker processes alike, and never raises for what a file holds.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.errors import StateError
from quarterdeck.index.disk import classify
from quarterdeck.index.disk.signature import Signature, is_racy, of, read_stable
from quarterdeck.index.facts.grammars import LANGUAGES_WITH_GRAMMAR, PARSED_LANGUAGES, fact_key
from quarterdeck.index.facts.packed import NOTHING, Packed, pack
from quarterdeck.index.facts.text import text_facts

if TYPE_CHECKING:
    from quarterdeck.index.facts.fact_store import FactStore


COUNTED = "counted"
MADE = "made"
KNOWN = "known"


class Examined(NamedTuple):
    """One file as it was found.

    Attributes:
        path: relative to the root.
        signature: of the bytes that were read; None when the file has vanished meanwhile.
        racy: the signature proves nothing yet (see `signature`).
        hash: of the bytes; empty when they could not be read.
        category: as `classify.category_of` says.
        language: as `classify.language_of` says.
        packed: its facts.
        cost_us: microseconds they cost to make, now or when they were first made.
        origin: of the facts: `COUNTED` (only lines, worth no keeping), `MADE` now, or `KNOWN` before.
    """

    path: str
    signature: Signature | None
    racy: bool
    hash: str
    category: str
    language: str
    packed: Packed
    cost_us: int
    origin: str


def examine(root: str, path: str, max_bytes: int, store: FactStore | None) -> Examined:
    """Read *path* below *root* and say what is in it.

    Args:
        root: absolute.
        path: relative, as discovered.
        max_bytes: larger files are hashed and counted, not parsed.
        store: where known facts are looked up; None to extract always.
    """
    read = read_stable(f"{root}/{path}", max_bytes)
    language = classify.language_of(path)
    if read.reason:
        return unreadable(root, path, f"cannot be read: {read.reason}")
    category = classify.category_of(path, read.content or b"")
    if read.content is None:
        packed = NOTHING._replace(lines=read.lines, error=f"not parsed: larger than {max_bytes:,} bytes")
        return Examined(path, read.signature, read.racy, read.digest, category, language, packed, 0, COUNTED)
    if not language:
        packed = NOTHING._replace(lines=read.lines)
        return Examined(path, read.signature, read.racy, read.digest, category, "", packed, 0, COUNTED)
    if language not in PARSED_LANGUAGES:
        counted = text_facts(read.content, language)
        packed = NOTHING._replace(lines=counted.lines, sloc=counted.sloc)
        return Examined(path, read.signature, read.racy, read.digest, category, language, packed, 0, COUNTED)
    known = _look_up(store, read.digest, language)
    if known is not None:
        return Examined(path, read.signature, read.racy, read.digest, category, language, *known, KNOWN)
    start = time.perf_counter_ns()  # reading the CPU clock would cost as much as a small file's facts
    packed = facts_of(read.content, language)
    cost_us = (time.perf_counter_ns() - start) // 1000
    return Examined(path, read.signature, read.racy, read.digest, category, language, packed, cost_us, MADE)


def unreadable(root: str, path: str, error: str) -> Examined:
    """*path* as a file that tells nothing but *error*; with no signature when it has vanished."""
    try:
        signature = of(os.lstat(f"{root}/{path}"))
    except OSError:
        signature = None
    # It may have been mended after it could not be read and before its signature was taken.
    racy = signature is not None and is_racy(signature, time.time_ns())
    category, language = classify.category_of(path), classify.language_of(path)
    return Examined(path, signature, racy, "", category, language, NOTHING._replace(error=error), 0, COUNTED)


def facts_of(content: bytes, language: str) -> Packed:
    """The facts of some bytes in some language, by the best extractor there is for it."""
    if language == "python":
        from quarterdeck.index.facts.python import python_facts

        return pack(python_facts(content))
    if language in LANGUAGES_WITH_GRAMMAR:
        from quarterdeck.index.facts.lang import lang_facts, supported

        if supported(language):
            return pack(lang_facts(content, language))
    return pack(text_facts(content, language))


def _look_up(store: FactStore | None, content_hash: str, language: str) -> tuple[Packed, int] | None:
    if store is None:
        return None
    try:
        known = store.get(content_hash, fact_key(language))
    except StateError:
        return None  # a store that cannot be read is an empty one; writing to it will say what is wrong
    return None if known is None else (known.packed, known.cost_us)
