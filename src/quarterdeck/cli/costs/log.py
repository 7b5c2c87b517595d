"""``qd costs log``: one request, from a shell."""

from __future__ import annotations

import contextlib
from datetime import datetime
from typing import Any

import click

from quarterdeck.cli.costs.options import ledger_option, opened, project_label, tag_option
from quarterdeck.cli.costs.output import print_ledger_json
from quarterdeck.cli.options import Command, json_option
from quarterdeck.cli.output import remark, say
from quarterdeck.costs.money import format_usd, parse_usd
from quarterdeck.errors import UsageError
from quarterdeck.words import number

TOKENS = {
    "--cache-read": ("cache_read_input_tokens", "Of the input, read from a cache."),
    "--cache-write": ("cache_write_input_tokens", "Of the input, written to a cache, for however long."),
    "--cache-write-1h": ("cache_write_1h_input_tokens", "Of the cache writes, those kept for an hour."),
    "--reasoning": ("reasoning_output_tokens", "Of the output, reasoning."),
    "--input-audio": ("input_audio_tokens", "Of the input, audio."),
    "--output-audio": ("output_audio_tokens", "Of the output, audio."),
    "--web-searches": ("web_searches", "Searches that are billed by the piece."),
}
LABELS = {
    "--task": ("task_type", "What it was for."),
    "--tier": ("tier", "cheap, capable, premium or your own (default: by the model's price)."),
    "--provider": ("provider", "anthropic, openai … (default: whoever publishes the price)."),
    "--session": ("session", "A label."),
    "--user": ("user", "A label."),
    "--source": ("source", "Which program it comes from."),
    "--service-tier": ("service_tier", "batch, priority, flex, fast (default: standard)."),
    "--response-id": ("response_id", "The provider's name of the answer; the same twice counts once."),
}


def _moment(context: click.Context, option: click.Parameter, typed: str | None) -> datetime | None:
    """An ISO 8601 time with an offset."""
    del context, option
    if typed is None:
        return None
    with contextlib.suppress(ValueError):
        at = datetime.fromisoformat(typed)
        if at.tzinfo is not None:
            return at
    raise UsageError(
        f"--at must be a time with its offset from UTC, got {typed!r:.60}",
        hint="write --at 2026-01-31T12:00:00+01:00",
    )


def _all_options(command: Command) -> Command:
    for option, (name, text) in reversed([*TOKENS.items(), *LABELS.items()]):
        tokens = option in TOKENS
        click.option(option, name, type=int if tokens else str, metavar="N" if tokens else "NAME", help=text)(
            command
        )
    return command


@click.command()
@click.argument("model")
@click.argument("input_tokens", metavar="INPUT", type=int)
@click.argument("output_tokens", metavar="OUTPUT", type=int)
@_all_options
@click.option("--project", metavar="LABEL", help="A label; . is the path of the project found from here.")
@click.option("--at", metavar="TIME", callback=_moment, help="ISO 8601, with offset from UTC (default: now).")
@tag_option("A label of your own.")
@ledger_option
@json_option
def command(
    model: str,
    input_tokens: int,
    output_tokens: int,
    project: str | None,
    at: datetime | None,
    tags: tuple[tuple[str, str], ...],
    folder: str | None,
    as_json: bool,
    **details: Any,  # noqa: ANN401 - TOKENS and LABELS
) -> None:
    """Record one request: for shell scripts.

    INPUT is all of the prompt, cached tokens included; OUTPUT all of the answer, reasoning included.

    \b
    qd costs log claude-sonnet-4-5 1200 300
    qd costs log gpt-5-mini 9000 250 --cache-read 8000 --task review --project . --tag team=search
    """
    if project is not None:
        details["project"] = project_label(project)
    details |= {"at": at, "tags": dict(tags) or None}
    given = {name: value for name, value in details.items() if value is not None}
    with opened(folder) as tracker:
        logged = tracker.log_request(model, input_tokens, output_tokens, **given)
        if as_json:
            print_ledger_json("log", tracker.ledger, {"record": logged})
            return
    cost = logged["actual_cost"]
    if cost is None:
        remark([f"{model} has no price: recorded without, and qd costs reprice prices it later"])
    say(
        f"recorded: {logged['timestamp']}  {model}  {number(input_tokens)} in, {number(output_tokens)} out  "
        f"{'no price' if cost is None else format_usd(parse_usd(cost))}"
    )
