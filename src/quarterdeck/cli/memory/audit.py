"""``qd memory audit``: who has done what to the things of all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from quarterdeck.cli.memory.options import Where, memory_options, opened
from quarterdeck.cli.memory.output import one_line, print_memory_json
from quarterdeck.cli.options import json_option, limit_option
from quarterdeck.cli.output import print_table, say, say_left_out
from quarterdeck.errors import UsageError
from quarterdeck.words import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quarterdeck.memory.audit import AuditReport
    from quarterdeck.memory.chain import Head
    from quarterdeck.memory.store import Store


def _noted(context: click.Context, option: click.Parameter, typed: str | None) -> tuple[int, str] | None:
    """NUMBER:HASH, as ``--verify`` prints it."""
    del context, option
    if typed is None:
        return None
    number, colon, digest = typed.partition(":")
    if not (colon and digest and number.isascii() and number.isdecimal() and len(number) <= 12):
        raise UsageError(
            f"--noted must be NUMBER:HASH, got {typed!r:.80}",
            hint="write what qd memory audit --verify has said",
        )
    return int(number), digest


@click.command()
@limit_option(20)
@click.option(
    "--verify",
    "verifying",
    is_flag=True,
    help="Check the chain, and the rights by it; exit with 1.",
)
@click.option(
    "--noted", metavar="NUMBER:HASH", callback=_noted, help="An end of the chain that was noted before."
)
@click.option("--mend", "mending", is_flag=True, help="Let acts be written again after the end was lost.")
@memory_options
@json_option
@click.pass_context
def command(
    context: click.Context,
    limit: int,
    verifying: bool,
    noted: tuple[int, str] | None,
    mending: bool,
    where: Where,
    as_json: bool,
) -> None:
    """List the latest promotions, rejections, grants and other acts.

    Each act holds the hash of the one before. Whoever may write the whole store could write a new chain: note
    its end elsewhere from time to time, and check it with --noted.

    \b
    qd memory audit
    qd memory audit --verify
    """
    from quarterdeck.memory import audit, chain, rights
    from quarterdeck.memory.seat import Seat

    if mending:
        _mend(where, as_json=as_json)
        return
    with opened(where, Seat) as memory:
        store, namespace = memory.store, memory.store.limits.namespace
        if verifying or noted is not None:
            report = audit.verify(store, namespace, noted and chain.Head(*noted))
            problems = rights.compare(store, namespace) if report.is_whole else []
            _print_report(report, problems, store, as_json=as_json)
            if problems or not report.is_whole:
                context.exit(1)
            return
        total = chain.head(store, namespace).number
        found = chain.read(store, namespace, max(0, total - limit) if limit else 0, limit or max(1, total))
        if as_json:
            print_memory_json("audit", store, {"total": total, "acts": [act._asdict() for act in found]})
            return
    if not found:
        say("nothing has been done yet that is written down here")
        return
    print_table(
        ("", "at", "agent", "act", "to", "details"),
        [
            (
                act.number,
                act.at[:19],
                act.agent,
                act.act,
                act.subject,
                one_line(act.details) if act.details else "",
            )
            for act in found
        ],
    )
    say_left_out(len(found), total, "acts")


def _mend(where: Where, *, as_json: bool) -> None:
    """Go on after the last act that is there; the chain says so itself, and changes no act."""
    from quarterdeck.memory.stewardship import Stewardship

    with opened(where, Stewardship) as memory:
        act = memory.mend_audit()
        if as_json:
            print_memory_json("audit-mend", memory.store, {"act": act and act._asdict()})
            return
    say(
        "the chain ends where its acts end: nothing to mend"
        if act is None
        else f"mended; act {act.number} says so"
    )


def _print_report(report: AuditReport, problems: Sequence[str], store: Store, *, as_json: bool) -> None:
    if as_json:
        answer = {**report._asdict(), "head": report.head._asdict(), "is_whole": report.is_whole}
        print_memory_json("audit-verify", store, {**answer, "problems": problems})
    elif report.is_whole:
        say(f"the chain is whole: {count(report.acts, 'act')}{_end(report.head)}")
    else:
        say(f"act {report.broken_at}: {report.reason}", f"whole before it: {count(report.acts, 'act')}")
    if not as_json:
        say(*(f"problem: {problem}" for problem in problems))


def _end(head: Head) -> str:
    return f"; to be noted elsewhere: {head.number}:{head.hash}" if head.number else ""
