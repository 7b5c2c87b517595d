"""Commands whose last argument is a value: one that begins with a dash is a value, too."""

from __future__ import annotations

import re

import click

from quarterdeck.errors import UsageError

LIKE_AN_OPTION = re.compile(r"--[A-Za-z][\w-]*(=.*)?", re.DOTALL)
SHOWN_CHARS = 12
"""What an error shows of an argument: it may be a secret."""


class ValueCommand(click.Command):
    """A command that takes ``-5`` and ``-----BEGIN…`` as they are, and refuses an unknown ``--option``.

    No error of it holds more than the beginning of what was typed.
    """

    ignore_unknown_options = True
    allow_extra_args = True  # so that it is us who refuse them

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """*args*, taken apart.

        Raises:
            UsageError: there are too many arguments, or one that may be meant as an option.
        """
        typed = args[: args.index("--")] if "--" in args else list(args)
        free = args[len(typed) + 1 :]
        super().parse_args(ctx, args)
        if ctx.resilient_parsing:
            return ctx.args
        values = [ctx.params.get(each.name or "") for each in self.params if isinstance(each, click.Argument)]
        for value in [*values, *ctx.args]:
            if isinstance(value, str) and value[:1] == "-" and value != "-" and value not in free:
                if LIKE_AN_OPTION.fullmatch(value):
                    raise _refused(f"there is no option {_cut(value.partition('=')[0])}")
                if value not in typed:  # letters of it were taken for options
                    raise _refused(f"{_cut(value)} may be a value, and may be options")
        if ctx.args:
            raise _refused(f"there is one argument too many: {_cut(ctx.args[0])}", "quote what has blanks; ")
        return ctx.args


def _cut(typed: str) -> str:
    return repr(typed if len(typed) <= SHOWN_CHARS else f"{typed[:SHOWN_CHARS]}…")


def _refused(message: str, hint: str = "") -> UsageError:
    return UsageError(
        message, hint=f"{hint}write -- before a value that begins with a dash, or pipe it in; or see --help"
    )
