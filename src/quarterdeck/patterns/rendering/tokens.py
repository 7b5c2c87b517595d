"""How many tokens a text costs a language model, estimated from above, in whatever language it is written.

Counted by what a byte-pair tokenizer splits at: a word (in camelCase each of them) is one token for up to
three letters and one more for every further three, in capitals for every two; up to three digits are one; any
other ASCII character is one; a character that is not ASCII is as many as it has UTF-8 bytes.

Measured with cl100k_base and an older Claude vocabulary: what `render` makes of 40 skills that ship in public
packages needs 0.58 to 0.77 of the estimate; sentences in German, Spanish, Finnish, Russian and Chinese at
most 1.00, in Polish and Turkish without accents 1.13, hexadecimal digits 1.04, words of random letters 1.5.
Who needs every token, or a bound that nothing exceeds, counts with the tokenizer of the model.
docs/decisions/0005-token-estimate.md has a tighter estimate, which is for outlines of code only.
"""

from __future__ import annotations

import re

_PIECES = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]{1,3}|[ \t]+|\n+|[^\sA-Za-z0-9]|\s", re.ASCII)

_LETTERS = 3
_CAPITALS = 2


def tokens_of(text: str) -> int:
    """An upper estimate of what *text* costs; additive over lines. O(n)."""
    return sum(map(_cost, _PIECES.findall(text)))


def _cost(piece: str) -> int:
    if not piece.isascii():
        return len(piece.encode("utf-8", "surrogatepass"))
    if piece.isalpha():
        capitals = len(piece) > 1 and piece.isupper()
        return 1 + (len(piece) - 1) // (_CAPITALS if capitals else _LETTERS)
    return 0 if piece == " " else 1  # a single blank belongs to the word behind it
