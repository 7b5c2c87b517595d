"""How many tokens a text costs a language model, estimated from above without any vocabulary.

What a byte-pair tokenizer splits at (words, digits in threes, every other character) is counted
piece by piece, each at what it costs when it is common: a word of up to six letters one token, one
more for every further seven; a character that is not ASCII as many as it has UTF-8 bytes. So a sum
over lines is the cost of the text.

Measured on outlines of django, sympy and homeassistant of 500 to 30,000 tokens: cl100k_base needs
0.70 to 0.80 of the estimate (3.4 to 4.3 characters a token), an older Claude vocabulary 0.78 to
0.88, which leaves a margin of at least an eighth. docs/decisions/0005-token-estimate.md has the numbers.
"""

from __future__ import annotations

import re

_PIECES = re.compile(r"[A-Za-z]+|[0-9]{1,3}|[ \t]+|\n+|[^\sA-Za-z0-9]|\s", re.ASCII)

_LETTERS_PER_TOKEN = 7


def tokens_of(text: str) -> int:
    """An upper estimate of what *text* costs; additive over lines."""
    return sum(map(_cost, _PIECES.findall(text)))


def _cost(piece: str) -> int:
    if not piece.isascii():
        return len(piece.encode("utf-8", "surrogatepass"))
    if piece.isalpha():
        return 1 + len(piece) // _LETTERS_PER_TOKEN
    return 0 if piece == " " else 1  # a single blank belongs to the word behind it
