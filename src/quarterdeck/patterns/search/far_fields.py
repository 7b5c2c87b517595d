"""What far and tantivy have agreed on: the fields of the index, and what it means when something fails.

Whatever is wrong with the files of an index, tantivy says with a ``ValueError``, a ``RuntimeError`` or a
panic, which is no ``Exception``; here all of it becomes `Unusable`.
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

import tantivy

if TYPE_CHECKING:
    from collections.abc import Iterator

FEATURES = "features"
"""Text: each feature as often as it occurs, with blanks between them."""
NUMBER = "number"
CONFIDENCE = "confidence"
PASSES_TO = "passes_to"
"""The confidence up to which a gate lets the document pass: its own, or `ANY`."""
UNTIL_S = "until_s"

ANY = 2.0
"""Of a document that has been tried: it passes whatever confidence a gate wants."""


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field(FEATURES, tokenizer_name="whitespace", index_option="freq")
    builder.add_integer_field(NUMBER, indexed=True, fast=True)  # unsigned ones refuse a Python int, and late
    builder.add_float_field(CONFIDENCE, fast=True)
    builder.add_float_field(PASSES_TO, fast=True)
    builder.add_integer_field(UNTIL_S, fast=True)
    return builder.build()


SCHEMA = _schema()


class Unusable(OSError):
    """tantivy cannot read or write the index; its errno is what the system said, 0 if that is not known."""

    def __init__(self, said: str) -> None:
        """What tantivy said."""
        number = re.search(r"os error (\d+)|code: (\d+)", said)
        super().__init__(int(number[1] or number[2]) if number else 0, said)


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Around all that tantivy does with files.

    Raises:
        Unusable: it could not.
    """
    try:
        yield
    except (ValueError, RuntimeError) as error:
        raise Unusable(str(error)) from error
    except BaseException as error:
        if type(error).__module__ != "pyo3_runtime":  # where a panic comes from
            raise
        raise Unusable(str(error)) from error
