"""How values read to people, wherever they are shown: hostile text made harmless, numbers, counts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_BLOCKS = "▁▂▃▄▅▆▇█"


def harmless(text: str) -> str:
    """*text* on one line: control characters, direction marks and broken bytes stand as escapes.

    Printable text, also a backslash, stays as it is; for the exact bytes of a name there is JSON.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def number(value: float | None) -> str:
    """*value* for people: thousands apart, one decimal for what is not whole, a dash for None."""
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"


def count(value: int, noun: str, *, plural: str = "") -> str:
    """``1 file``, ``2 files``; *plural* where it is not *noun* with an s."""
    return f"{value:,} {noun if value == 1 else plural or noun + 's'}"


def size(size_bytes: int) -> str:
    """``999 B``, ``12.3 MB``: in powers of ten, as disks and networks are sold."""
    if size_bytes < 1000:
        return f"{size_bytes} B"
    amount = float(size_bytes)
    for unit in ("kB", "MB", "GB", "TB"):
        amount /= 1000
        if amount < 999.95:  # what would be rounded to 1,000.0 is 1.0 of the next
            return f"{amount:.1f} {unit}"
    return f"{amount / 1000:,.1f} PB"


def sparkline(values: Sequence[float | None]) -> str:
    """One block for each value, as high as it is in proportion to the largest.

    Only what is not above zero is of the lowest height, so that little can be told from nothing. None
    and NaN are blank; infinity is of full height and does not flatten the others.
    """
    top = max((value for value in values if value is not None and 0 < value < float("inf")), default=1)
    return "".join(_block(value, top) for value in values)


def _block(value: float | None, top: float) -> str:
    if value is None or value != value:
        return " "
    if value <= 0:
        return _BLOCKS[0]
    highest = len(_BLOCKS) - 1
    return _BLOCKS[highest if value >= top else max(1, math.ceil(value / top * highest))]
