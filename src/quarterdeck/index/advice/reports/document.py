"""What a report is made of: figures, sections, paragraphs, lists and tables; no format.

Text is plain: a renderer escapes all of it. `Code` marks what comes from the project (a path, a name)
and is shown in a fixed-width font; however hostile it is, it stays text.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quarterdeck.index.advice.evidence import Evidence
    from quarterdeck.index.model import State

SCHEMA = "quarterdeck.report/1"


class Code(NamedTuple):
    """A path or a name from the project; ``line`` 0 means none."""

    text: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.text}:{self.line}" if self.line else self.text


Cell = str | int | float | Code | None
"""None is shown as a dash: there is no answer."""


class Column(NamedTuple):
    """One column: its name in JSON, and its heading for people."""

    key: str
    heading: str


class Paragraph(NamedTuple):
    """Some sentences."""

    text: str


class Bullets(NamedTuple):
    """A list of sentences and of things from the project."""

    items: tuple[Cell, ...]


class Table(NamedTuple):
    """Rows, first row first; every row has one cell for each column.

    Attributes:
        key: its name in JSON, once in a document.
        columns: from left to right.
        rows: what is shown.
        left_out: how many rows there would be more.
    """

    key: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    left_out: int = 0

    @property
    def numeric(self) -> tuple[bool, ...]:
        """For each column, whether all it holds are numbers (and dashes)."""
        return tuple(
            all(isinstance(row[index], int | float | None) for row in self.rows)
            for index in range(len(self.columns))
        )


Block = Paragraph | Bullets | Table


class Section(NamedTuple):
    """A heading with what stands below it."""

    title: str
    blocks: tuple[Block, ...]


class Figure(NamedTuple):
    """One number that matters: its name in JSON, its label for people, its value and its unit."""

    key: str
    label: str
    value: Cell
    unit: str = ""


class Document(NamedTuple):
    """One report.

    Attributes:
        kind: one of `reports.KINDS`.
        title: with the project's name.
        root: absolute path of the project.
        state: what was checked.
        figures: the numbers to read first.
        sections: in reading order.
        notes: what makes it incomplete, a sentence each.
    """

    kind: str
    title: str
    root: str
    state: State
    figures: tuple[Figure, ...]
    sections: tuple[Section, ...]
    notes: tuple[str, ...] = ()

    def value(self, key: str) -> Any:  # noqa: ANN401 - whatever the figure holds
        """The value of the figure *key*."""
        return next(figure.value for figure in self.figures if figure.key == key)


def document(
    kind: str, title: str, evidence: Evidence, figures: tuple[Figure, ...], sections: tuple[Section, ...]
) -> Document:
    """A report on *evidence*, with the notes that every report on it needs."""
    notes = list(evidence.history.notes)
    if evidence.history.reason:
        notes.append(f"there is no history to go by: {evidence.history.reason}")
    name = posixpath.basename(evidence.root)
    return Document(kind, f"{title}: {name}", evidence.root, evidence.state, figures, sections, tuple(notes))


def shortened(key: str, columns: tuple[Column, ...], rows: Sequence[tuple[Cell, ...]], limit: int) -> Table:
    """The first *limit* of *rows* as a table that says how many more there are."""
    return Table(key, columns, tuple(rows[:limit]), max(0, len(rows) - limit))
