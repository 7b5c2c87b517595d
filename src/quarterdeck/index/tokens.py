"""How many tokens a text costs a language model, estimated from above without its vocabulary."""

from __future__ import annotations

import re

_PIECES = re.compile(r"[A-Za-z]+|[0-9]{1,3}|[ \t]+|\n+|[^\sA-Za-z0-9]", re.ASCII)


def tokens_of(text: str) -> int:
    """Upper estimate."""
    total = 0.0
    for piece in _PIECES.findall(text):
        if piece.isalpha() and piece.isascii():
            total += 1 + len(piece) // 7
        elif piece[0] in " \t":
            total += 0 if len(piece) == 1 else 1
        elif piece.isascii():
            total += 1
        else:
            total += len(piece.encode("utf-8", "surrogatepass"))
    return int(total) + 1
