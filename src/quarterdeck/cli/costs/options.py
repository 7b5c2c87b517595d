"""Options that the commands of ``qd costs`` share, each with one meaning everywhere."""

from __future__ import annotations

import contextlib
import functools
import os
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import click

from quarterdeck.cli.output import remark
from quarterdeck.errors import UsageError
from quarterdeck.workspace import find_root

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from quarterdeck.cli.options import Command
    from quarterdeck.costs.ledger import Ledger
    from quarterdeck.costs.tracker import CostTracker

WEEK = 7
DATE = click.DateTime(["%Y-%m-%d"])
MONTH = click.DateTime(["%Y-%m"])


def ledger_option(command: Command) -> Command:
    """``--ledger DIR``: another ledger than the one in the settings."""
    return click.option(
        "--ledger", "folder", metavar="DIR", help="The ledger's folder (default: the one in the settings)."
    )(command)


def tag_option(text: str) -> Callable[[Command], Command]:
    """``--tag NAME=VALUE``, any number of them, as pairs."""
    return click.option("--tag", "tags", metavar="NAME=VALUE", multiple=True, callback=_pairs, help=text)


def narrowing_options(command: Command) -> Command:
    """``--project``, ``--model`` …: the command gets them together as *where*, for `Ledger.totals`."""

    @functools.wraps(command)
    def narrowed(
        *,
        project: str | None,
        model: str | None,
        provider: str | None,
        source: str | None,
        tags: tuple[tuple[str, str], ...],
        **others: object,
    ) -> object:
        typed = {
            "project": None if project is None else project_label(project),
            "model": model,
            "provider": provider,
            "source": source,
        }
        where = {name: value for name, value in typed.items() if value is not None}
        where |= {"user" if name == "user" else f"tag:{name}": value for name, value in tags}
        return command(where=where, **others)

    for option in (
        tag_option("Only with this tag; user=NAME for the user's label."),
        click.option("--source", metavar="NAME", help="Only of this importer or agent."),
        click.option("--provider", metavar="NAME", help="Only of this provider."),
        click.option("--model", metavar="NAME", help="Only of this model."),
        click.option(
            "--project", metavar="LABEL", help="Only of this project; . is the one found from here."
        ),
    ):
        option(narrowed)
    return narrowed  # type: ignore[return-value] # click calls it by the names of its options


class Days(NamedTuple):
    """The days that were asked for, before it is known what day it is.

    Attributes:
        last: so many days, today included; None: from *since* to *until*.
    """

    last: int | None
    since: date | None = None
    until: date | None = None

    def until_today(self, today: date) -> tuple[date | None, date | None]:
        """First and last day; None: from the first, to the last there is."""
        if self.last is None:
            return self.since, self.until
        return today - timedelta(days=self.last - 1), today


def days_options(default: int | None) -> Callable[[Command], Command]:
    """``--days``, ``--since``, ``--until``, ``--month``: the command gets them together as *days*.

    Args:
        default: the last so many days where nothing is typed; None: all there are.
    """

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def dated(
            *,
            count: int | None,
            since: datetime | None,
            until: datetime | None,
            month: datetime | None,
            **others: object,
        ) -> object:
            return command(days=_days(count, since, until, month) or Days(default), **others)

        for option in (
            click.option("--month", metavar="YYYY-MM", type=MONTH, help="One month."),
            click.option("--until", metavar="DAY", type=DATE, help="Up to this day: 2026-01-31."),
            click.option("--since", metavar="DAY", type=DATE, help="From this day on: 2026-01-01."),
            click.option(
                "--days",
                "count",
                metavar="N",
                type=click.IntRange(min=1, max=36_500),
                help=f"The last N days, today included (default: {default or 'all'}).",
            ),
        ):
            option(dated)
        return dated  # type: ignore[return-value] # click calls it by the names of its options

    return decorate


def project_label(typed: str) -> str:
    """A project's label as it was typed; ``.`` is the path of the one that the working directory lies in."""
    return find_root() if typed == "." else typed


def archive_of(ledger: Ledger) -> str:
    """Where ``rescue`` keeps its copies."""
    return os.path.join(ledger.folder, "archive")


@contextlib.contextmanager
def opened(folder: str | None) -> Iterator[CostTracker]:
    """The tracker of the ledger that ``--ledger`` names; the specification's own files are taken in first."""
    from quarterdeck.costs.tracker import CostTracker

    tracker = CostTracker(folder)
    try:
        remark(tracker.take_in_legacy())
        yield tracker
    finally:
        tracker.close()


@contextlib.contextmanager
def opened_ledger(folder: str | None) -> Iterator[Ledger]:
    """The ledger that ``--ledger`` names."""
    with opened(folder) as tracker:
        yield tracker.ledger


def _days(
    count: int | None, since: datetime | None, until: datetime | None, month: datetime | None
) -> Days | None:
    """What was typed; None: nothing."""
    ways = [count is not None, since is not None or until is not None, month is not None]
    if sum(ways) > 1:
        raise UsageError(
            "--days, --since … --until and --month contradict each other", hint="use one of the three"
        )
    if month is not None:
        following = (month + timedelta(days=31)).replace(day=1)
        return Days(None, month.date(), (following - timedelta(days=1)).date())
    if since is not None or until is not None:
        if since and until and since > until:
            raise UsageError("--since is after --until", hint="give the earlier day as --since")
        return Days(None, since and since.date(), until and until.date())
    return None if count is None else Days(count)


def _pairs(
    context: click.Context, option: click.Parameter, typed: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    del context
    pairs = []
    for text in typed:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"{text!r:.80} is not NAME=VALUE", hint=f"write {option.opts[-1]} team=search")
        pairs.append((name.strip(), value))
    return tuple(pairs)
