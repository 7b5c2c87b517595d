"""Which requests a budget is for, and which budgets a request falls under."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from quarterdeck.costs.ledger.cells import LABELS
from quarterdeck.costs.ledger.totals import TAG
from quarterdeck.costs.model import MAX_LABEL_CHARS, Request
from quarterdeck.errors import StoreCorrupt, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

USER = "user"
NAMES = (*(name for name in LABELS if name != "tags"), USER)
_UNSAID = Request._field_defaults  # what the record of a request says that was not given the label


def checked_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """*labels* by the names that sums are kept by, each value as the journal will hold it.

    Raises:
        UsageError: sums are not kept by that name, or the value is no text that a record could have.
    """
    checked = {}
    for name, value in labels.items():
        if name not in NAMES and not (name.startswith(TAG) and name != TAG):
            raise UsageError(
                f"budgets know no label {name!r:.60}",
                hint=f"they know {', '.join(NAMES)} and {TAG}NAME; to limit anything else, give it a tag",
            )
        given: object = value
        if not isinstance(given, str) or len(given) > MAX_LABEL_CHARS:
            raise UsageError(
                f"{name} must be a string of at most {MAX_LABEL_CHARS} characters, got {given!r:.60}",
                hint="pass it as log_request gets it",
            )
        checked[USER if name == TAG + USER else name] = given.encode(errors="replace").decode()
    return checked


def falls_under(labels: Mapping[str, str], scope: Mapping[str, str]) -> bool:
    """Whether a request that will have *labels* counts for *scope*."""
    return all(labels.get(name, _UNSAID.get(name, "")) == value for name, value in scope.items())


def tags_of(scope: Mapping[str, str]) -> set[str]:
    """The tags that the ledger has to keep sums by, for *scope* to have one."""
    return {name.removeprefix(TAG) for name in scope if name == USER or name.startswith(TAG)}


def as_text(labels: Mapping[str, str]) -> str:
    """*labels* as the database keeps them; equal ones have equal texts."""
    return json.dumps(dict(labels), sort_keys=True, ensure_ascii=False)


def from_text(text: str) -> dict[str, str]:
    """The labels of `as_text`.

    Raises:
        StoreCorrupt: they are none.
    """
    try:
        labels = json.loads(text)
        if all(isinstance(value, str) for value in labels.values()):
            return dict(labels)
    except (ValueError, TypeError, AttributeError, RecursionError):
        pass
    raise StoreCorrupt(
        f"the database of budgets is damaged: {text!r:.60} are no labels",
        hint="restore budgets.sqlite from a backup, or move it away to start afresh",
    )
