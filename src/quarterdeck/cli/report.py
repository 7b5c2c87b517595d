"""``qd report``: one question answered at length, for people and for programs."""

from __future__ import annotations

import os

import click

from quarterdeck.cli.options import json_option, open_index, project_option
from quarterdeck.cli.output import remark
from quarterdeck.errors import StateError, UsageError
from quarterdeck.index.advice.reports import FORMATS, KINDS
from quarterdeck.words import harmless


@click.command()
@click.argument("kind", type=click.Choice(KINDS))
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    help="How it is written (default: md, or what FILE ends in).",
)
@click.option("--out", metavar="FILE", help="Write it to FILE instead of standard output.")
@click.option(
    "--fail-under",
    metavar="N",
    type=click.FloatRange(0, 100),
    help="With health: exit with 1 when the score is below N, or when there is none.",
)
@project_option
@json_option
@click.pass_context
def command(
    context: click.Context,
    kind: str,
    form: str | None,
    out: str | None,
    fail_under: float | None,
    project: str | None,
    as_json: bool,
) -> None:
    """Write a report: health, tests, staleness, coverage or sprint.

    \b
    qd report health
    qd report sprint --out sprint.html
    qd report health --fail-under 70 --json
    """
    from quarterdeck.index.advice.evidence import gather
    from quarterdeck.index.advice.reports import build, render

    if fail_under is not None and kind != "health":
        raise UsageError(
            f"--fail-under has no meaning for {kind!r}", hint="only the health report has a score"
        )
    if as_json and form not in (None, "json"):
        raise UsageError(f"--json and --format {form} contradict each other", hint="leave one of them out")
    with open_index(project) as index:
        evidence = gather(index)
        remark(index.problems)
    text = render(build(kind, evidence), "json" if as_json else form or _form_of(out))
    if out is None:
        click.echo(text, nl=False)
    else:
        _write(out, text)
        click.echo(f"written to {harmless(out)}", err=True)
    if fail_under is not None and (evidence.health.score is None or evidence.health.score < fail_under):
        score = "there is no score" if evidence.health.score is None else f"health {evidence.health.score:g}"
        click.echo(f"{score}: below {fail_under:g}", err=True)
        context.exit(1)


def _form_of(out: str | None) -> str:
    suffix = os.path.splitext(out or "")[1].lower().removeprefix(".")
    form = {"": "md", "htm": "html", "markdown": "md", "txt": "md"}.get(suffix, suffix)
    if form not in FORMATS:
        raise UsageError(
            f"no report can be written as .{suffix}",
            hint="name the file .md, .html or .json, or add --format",
        )
    return form


def _write(path: str, text: str) -> None:
    """Replace the file at *path*, whole or not at all."""
    from quarterdeck.files import write_atomically

    if os.path.isdir(path):
        raise UsageError(f"{path!r} is a folder", hint="name a file: --out health.html")
    try:
        write_atomically(os.path.realpath(path), text.encode("utf-8", "backslashreplace"), mode=0o644)
    except OSError as error:
        raise StateError(
            f"{path!r} cannot be written: {error.strerror}", hint="choose a file in a folder you can write to"
        ) from error
