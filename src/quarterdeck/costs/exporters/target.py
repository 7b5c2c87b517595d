"""A file that is there whole or not at all, however large it is."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from quarterdeck.files import atomic_file, failure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO


@contextlib.contextmanager
def export_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Hand out a new private file, which becomes *path* when the block ends well and is removed otherwise.

    Raises:
        StoreFull: no space left. What was at *path* before is untouched.
        StateError: the folder is missing or may not be written to.
    """
    target = os.fspath(path)
    try:
        with atomic_file(target) as file:
            yield file
    except OSError as error:
        raise failure(error, target) from error
