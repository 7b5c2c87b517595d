"""A report as one HTML file: no script, nothing loaded from anywhere, dark and light, readable on a phone.

The content security policy allows this very style sheet, by its hash, and nothing else; all text is
escaped, so a file name with markup in it stays a file name.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape
from typing import TYPE_CHECKING

from quarterdeck.index.advice.reports.document import Bullets, Cell, Code, Document, Figure, Paragraph, Table
from quarterdeck.words import harmless, number

if TYPE_CHECKING:
    from collections.abc import Iterator

_STYLE = """
:root { color-scheme: light dark;
  --ink: #1c2330; --page: #fbfbfa; --faint: #5c6675; --line: #d9dde3; --card: #fff; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e8ee; --page: #14181f; --faint: #9aa5b4; --line: #303846; --card: #1b212a; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 68rem;
  background: var(--page); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
.state, .more { color: var(--faint); font-size: .875rem; margin: 0; }
.note { border-left: 3px solid var(--faint); padding-left: .75rem; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .75rem; margin: 1rem 0; }
dl div { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .6rem .8rem; }
dt { color: var(--faint); font-size: .8125rem; }
dd { margin: 0; font-size: 1.35rem; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: .5rem; background: var(--card); }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { padding: .4rem .7rem; text-align: left; vertical-align: top; }
th { color: var(--faint); font-weight: 600; white-space: nowrap; border-bottom: 1px solid var(--line); }
tr + tr td { border-top: 1px solid var(--line); }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
code { font: .875em ui-monospace, monospace; overflow-wrap: anywhere; }
@media (max-width: 40rem) {
  body { padding: 1rem .6rem 3rem; }
  th, td { padding: .35rem .5rem; }
  td { min-width: 7rem; }
  td.n { min-width: 0; }
}
"""


def render(document: Document) -> str:
    """*document* as a complete HTML page."""
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{_text(document.title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
{"".join(_parts(document))}</main>
</body>
</html>
"""


def _parts(document: Document) -> Iterator[str]:
    state = document.state
    yield f"<h1>{_text(document.title)}</h1>\n"
    yield (
        f'<p class="state">State <code>{_text(state.id[:12])}</code>, {state.files:,} files, '
        f"checked {state.verified_at:%Y-%m-%d %H:%M} UTC</p>\n"
    )
    if document.figures:
        yield "<dl>\n"
        for figure in document.figures:
            yield f"<div><dt>{_text(figure.label)}</dt><dd>{_figure(figure)}</dd></div>\n"
        yield "</dl>\n"
    for note in document.notes:
        yield f'<p class="note">{_text(note)}</p>\n'
    for section in document.sections:
        yield f"<section>\n<h2>{_text(section.title)}</h2>\n"
        for block in section.blocks:
            if isinstance(block, Paragraph):
                yield f"<p>{_text(block.text)}</p>\n"
            elif isinstance(block, Bullets):
                yield "<ul>\n" + "".join(f"<li>{_cell(item)}</li>\n" for item in block.items) + "</ul>\n"
            else:
                yield from _table(block)
        yield "</section>\n"


def _table(table: Table) -> Iterator[str]:
    marks = [' class="n"' if numeric else "" for numeric in table.numeric]
    yield '<div class="scroll" tabindex="0"><table>\n<thead><tr>'
    for column, mark in zip(table.columns, marks, strict=True):
        yield f'<th scope="col"{mark}>{_text(column.heading)}</th>'
    yield "</tr></thead>\n<tbody>\n"
    for row in table.rows:
        cells = "".join(f"<td{mark}>{_cell(cell)}</td>" for cell, mark in zip(row, marks, strict=True))
        yield f"<tr>{cells}</tr>\n"
    yield "</tbody></table></div>\n"
    if table.left_out:
        yield f'<p class="more">… and {table.left_out:,} more</p>\n'


def _figure(figure: Figure) -> str:
    return _cell(figure.value) + (
        f" {_text(figure.unit)}" if figure.unit and figure.value is not None else ""
    )


def _cell(cell: Cell) -> str:
    if isinstance(cell, Code):
        return f"<code>{_text(str(cell))}</code>"
    return _text(cell) if isinstance(cell, str) else number(cell)


def _text(text: str) -> str:
    return escape(harmless(text))
