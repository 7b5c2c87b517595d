"""The ``qd`` command: one file per subcommand, imported only when it runs.

    main ── qd COMMAND ──> program ──> <file>:command ──> a part of quarterdeck ──> output
         └─ qd loops hook ──> quarterdeck.loops.sessions.hook

A subcommand parses, calls one thing, and prints; it holds no logic. One that has subcommands itself is a
package. `program` is the only place that turns an error into words and an exit code: 0 done, 1 a finding,
2 usage, 3 nothing to read.

Of all commands the hook alone goes without click and without `program`: an agent waits for it before every
call, and half of that time would go into the import. Nor may it ever end as other commands do: to an agent
the exit code 2 is an order not to make the call. So whatever is mistyped where a hook belongs, or run as one,
ends with 1 instead of 2.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TextIO

    from quarterdeck.cli.program import COMMANDS, cli

__all__ = ["COMMANDS", "cli", "main"]

INTERRUPTED = 130
CLOSED_PIPE = 141
"""What a shell reports of a program that SIGINT or SIGPIPE has ended."""

USAGE = 2
HOOK = ["loops", "hook"]
RUN_BY_AN_AGENT = "CLAUDE_PROJECT_DIR"
"""What Claude Code sets for its hooks, and for them only."""


def main(args: list[str] | None = None) -> None:
    """Run ``qd`` and exit; the entry point of the console script."""
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115 - closed by whoever called us
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a hostile file name must not end the program
    given = sys.argv[1:] if args is None else args
    code = _hooked() if given == HOOK else _ran(given)
    if given != HOOK and code == USAGE and _may_be_a_hook(given):
        code = 1  # whoever mistypes a hook does not want every call blocked
    sys.exit(code)


def _may_be_a_hook(args: list[str]) -> bool:
    """Whether an agent may be waiting for what came of *args*: it hands in its question on stdin."""
    if args[:2] == HOOK:
        return True
    from quarterdeck.cli.loops import COMMANDS

    is_mistyped = args[:1] == HOOK[:1] and args[1:2] and args[1] not in COMMANDS
    return bool(is_mistyped or RUN_BY_AN_AGENT in os.environ) and not (sys.stdin and sys.stdin.isatty())


def _ran(args: list[str]) -> int:
    """One command, and what it printed on its way out."""
    from quarterdeck.cli.program import failed, run, unusable

    code = 0
    try:
        code = run(args)
        sys.stdout.flush()
    except BrokenPipeError:
        _hang_up(sys.stdout, sys.stderr)
        code = CLOSED_PIPE
    except OSError as error:  # what was printed goes nowhere: a full disk
        _hang_up(sys.stdout)
        try:
            code = code or failed(unusable(error), wants_json=False)
        except OSError:  # stderr takes nothing either
            _hang_up(sys.stderr)
            code = 1
    return code


def _hooked() -> int:
    """The hook: what it cannot explain it does not block."""
    try:
        from quarterdeck.loops.sessions.hook import main as hook

        return hook()
    except OSError:
        _hang_up(sys.stdout, sys.stderr)
        return 0
    except KeyboardInterrupt:
        return INTERRUPTED


def _hang_up(*streams: TextIO) -> None:
    """Let what is still to be written to *streams* go nowhere."""
    for stream in streams:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def __getattr__(name: str) -> object:
    """The group of all commands and its table, imported when somebody asks for them."""
    if name in {"COMMANDS", "cli"}:
        from quarterdeck.cli import program

        return getattr(program, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
