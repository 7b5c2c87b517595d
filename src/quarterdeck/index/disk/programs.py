"""Other people's programs that are run here: found, but never in the folder that is being read."""

from __future__ import annotations

import os


def find_program(name: str) -> str:
    """The absolute path of the program *name*; empty where there is none.

    A match on a relative PATH entry is refused: it could come from the folder that is being read.
    """
    import shutil

    found = shutil.which(name) or ""
    return found if os.path.isabs(found) else ""
