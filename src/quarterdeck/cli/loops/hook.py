"""``qd loops hook``: what Claude Code runs before a call; without options it is `quarterdeck.cli.main`'s."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys

import click

TIMEOUT_S = 30


@click.command()
@click.option("--print-settings", is_flag=True, help="Print what belongs into Claude Code's settings.json.")
def command(print_settings: bool) -> None:
    """Judge the call that Claude Code is about to make; for its settings.

    Reads the event as JSON on stdin. Of a call that goes in circles the agent is told, then a person is
    asked, then it is blocked (exit code 2); any other call is not. Whatever goes wrong, the session goes on:
    exit code 0. Installs nothing: put the lines that it prints into ~/.claude/settings.json, or into
    .claude/settings.json of a project.

    \b
    qd loops hook --print-settings
    """
    if print_settings:
        click.echo(json.dumps(settings(sys.argv[0]), indent=2))
        return
    from quarterdeck.loops.sessions.hook import main

    raise click.exceptions.Exit(main())


def settings(program: str) -> dict[str, object]:
    """The lines for settings.json; *program* is how ``qd`` was called."""
    found = shutil.which("qd")
    own = os.path.abspath(program)
    on_path = found is not None and os.path.realpath(found) == os.path.realpath(own)
    run = {
        "type": "command",
        "command": f"{'qd' if on_path else shlex.quote(own)} loops hook",
        "timeout": TIMEOUT_S,
    }
    return {
        "hooks": {
            "PreToolUse": [{"matcher": "*", "hooks": [run]}],
            "Stop": [{"hooks": [run]}],
            "SubagentStop": [{"hooks": [run]}],
        }
    }
