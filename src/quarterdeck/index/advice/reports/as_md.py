"""A report as Markdown (GitHub's dialect): everything escaped, so that no file name becomes markup."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from quarterdeck.index.advice.reports.document import Bullets, Cell, Code, Document, Figure, Paragraph, Table
from quarterdeck.words import harmless, number

if TYPE_CHECKING:
    from collections.abc import Iterator

_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~!&])")


def render(document: Document) -> str:
    """*document* as Markdown, ending in a newline."""
    return "\n".join(_lines(document)).rstrip("\n") + "\n"


def _lines(document: Document) -> Iterator[str]:
    yield f"# {_text(document.title)}"
    yield ""
    state = document.state
    yield f"State `{state.id[:12]}`, {state.files:,} files, checked {state.verified_at:%Y-%m-%d %H:%M} UTC."
    yield ""
    for figure in document.figures:
        yield f"- {_text(figure.label)}: **{_figure(figure)}**"
    for note in document.notes:
        yield f"- Note: {_text(note)}"
    for section in document.sections:
        yield ""
        yield f"## {_text(section.title)}"
        for block in section.blocks:
            yield ""
            if isinstance(block, Paragraph):
                yield _text(block.text)
            elif isinstance(block, Bullets):
                yield from (f"- {_cell(item)}" for item in block.items)
            else:
                yield from _table(block)


def _table(table: Table) -> Iterator[str]:
    yield _row(_text(column.heading) for column in table.columns)
    yield _row("---:" if numeric else "---" for numeric in table.numeric)
    for row in table.rows:
        # A bar would end the cell even in a code span; there, too, the backslash before it is taken away.
        yield _row(_cell(cell).replace("|", "\\|") if isinstance(cell, Code) else _cell(cell) for cell in row)
    if table.left_out:
        yield ""
        yield f"… and {table.left_out:,} more."


def _row(cells: Iterator[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _figure(figure: Figure) -> str:
    return _cell(figure.value) + (f" {figure.unit}" if figure.unit and figure.value is not None else "")


def _cell(cell: Cell) -> str:
    if isinstance(cell, Code):
        return _code(harmless(str(cell)))
    return _text(cell) if isinstance(cell, str) else number(cell)


def _code(text: str) -> str:
    """*text* as a code span, fenced by more backticks than it holds in a row."""
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    padding = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{padding}{text}{padding}{fence}"


def _text(text: str) -> str:
    return _MARKUP.sub(r"\\\1", harmless(text))
