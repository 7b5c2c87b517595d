"""The health score without gathering the evidence anew when nothing it is made from has moved.

    revision of the index, HEAD, day ── as when it was kept? ── yes ─> the kept score
                                                        │ no
                                                        ▼
                                                    gather, keep

The day is part of it because the history's window moves with the calendar.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from quarterdeck.files import write_atomically
from quarterdeck.index.advice.health import Health
from quarterdeck.index.advice.history import head_of
from quarterdeck.index.disk.signature import read_stable
from quarterdeck.index.model import DAY_S
from quarterdeck.workspace import open_workspace

if TYPE_CHECKING:
    from quarterdeck.index.project_index import ProjectIndex

FILE = "health.json"
MAX_BYTES = 1 << 20
VERSION = 1
"""Raise it whenever the score is made differently."""


def latest_health(index: ProjectIndex) -> Health:
    """The health of *index* as it is now; a few milliseconds when nothing has changed since the last call.

    Raises:
        NothingToRead: the project has no file at all.
    """
    workspace = open_workspace(index.root)
    with index.frozen():
        made_from = [VERSION, index.revision, head_of(index.root), int(time.time()) // DAY_S]
        try:
            path = workspace.state_file(FILE)
        except OSError:
            path = ""
        kept = _kept(path, made_from)
        if kept is not None:
            return kept
        from quarterdeck.index.advice.evidence import gather

        health = gather(index).health
    if path:
        content = json.dumps({"made_from": made_from, "health": health.to_dict()}).encode()
        try:
            write_atomically(path, content)
        except OSError:
            return health  # it is made anew next time
    return health


def _kept(path: str, made_from: list[object]) -> Health | None:
    """The score that was kept at *path* when it was made from the same; None otherwise."""
    try:
        data = json.loads(read_stable(path, MAX_BYTES).content or b"")
        return Health.from_dict(data["health"]) if data["made_from"] == made_from else None
    except (
        OSError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
    ):  # a cache: whatever is wrong with it
        return None
