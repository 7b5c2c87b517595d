"""Is a journal well? What is there, what was set aside, what cannot be read."""

from __future__ import annotations

import os

from quarterdeck.errors import StateError
from quarterdeck.files import failure
from quarterdeck.journal.lease import QUARANTINE
from quarterdeck.journal.model import JournalReport, Segment, TornTail
from quarterdeck.journal.opened import open_segment
from quarterdeck.journal.segments import is_name, listed, path_of


def inspect(folder: str) -> JournalReport:
    """What is in *folder*; changes nothing, and costs one open file for each segment.

    Lines are not looked at (only who wrote them knows what is in them), and compacted segments are not
    decompressed: reading them all with a `JournalReader` tells whether they are sound.

    Raises:
        StateError: the folder cannot be listed.
    """
    folder = os.path.abspath(folder)
    segments: list[Segment] = []
    orphans: list[str] = []
    torn: list[TornTail] = []
    unreadable: list[str] = []
    disk_bytes = 0
    for name, state in listed(folder).items():
        try:
            opened = open_segment(folder, name, state)
        except StateError as error:
            unreadable.append(str(error))
            continue
        if opened is None:
            continue
        with opened:
            size = opened.size_bytes()
            segments.append(Segment(name, opened.state, size))
            disk_bytes += opened.disk_bytes()
            if opened.state == "compacted" or opened.is_held():
                continue
            if opened.state == "open":
                orphans.append(name)
            end = opened.end_of_lines()
            if size is not None and end < size:
                torn.append(TornTail(path_of(folder, name, opened.state), name, end, size - end))
    return JournalReport(
        folder,
        tuple(segments),
        disk_bytes,
        tuple(orphans),
        tuple(torn),
        tuple(_quarantined(os.path.join(folder, QUARANTINE))),
        tuple(unreadable),
    )


def _quarantined(folder: str) -> list[TornTail]:
    try:
        with os.scandir(folder) as entries:
            files = [
                (entry.name, entry.path, entry.stat(follow_symlinks=False).st_size)
                for entry in sorted(entries, key=lambda entry: entry.name)
            ]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise failure(error, folder) from error
    found = []
    for file, path, size in files:  # <segment>@<offset>-<checksum>.torn
        segment, _, rest = file.partition("@")
        offset = rest.partition("-")[0]
        if is_name(segment) and offset.isdecimal() and file.endswith(".torn"):
            found.append(TornTail(path, segment, int(offset), size))
    return found
