"""A report as JSON, schema ``quarterdeck.report/1``: figures and tables by name, for programs.

    {"schema", "kind", "title", "project", "state", "figures": {key: value},
     "tables": {key: {"rows": [{column: value}], "left_out": n}}, "notes": [...]}

A new key may come without a new version; one that goes or changes its meaning makes a new version.
"""

from __future__ import annotations

import json
from typing import Any

from quarterdeck.index.advice.reports.document import SCHEMA, Cell, Code, Document, Table


def render(document: Document) -> str:
    """*document* as one JSON object, ending in a newline."""
    return json.dumps(to_dict(document), indent=2) + "\n"


def to_dict(document: Document) -> dict[str, Any]:
    """*document* ready for JSON."""
    tables = [block for section in document.sections for block in section.blocks if isinstance(block, Table)]
    return {
        "schema": SCHEMA,
        "kind": document.kind,
        "title": document.title,
        "project": document.root,
        "state": document.state.to_dict(),
        "figures": {figure.key: _value(figure.value) for figure in document.figures},
        "tables": {table.key: _table(table) for table in tables},
        "notes": list(document.notes),
    }


def _table(table: Table) -> dict[str, Any]:
    keys = [column.key for column in table.columns]
    rows = [dict(zip(keys, map(_value, row), strict=True)) for row in table.rows]
    return {"rows": rows, "left_out": table.left_out}


def _value(cell: Cell) -> str | int | float | None:
    return str(cell) if isinstance(cell, Code) else cell
