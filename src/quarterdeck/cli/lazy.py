"""Groups of commands that import a command when it is called, not when it is listed.

    COMMANDS: name -> Entry(module, summary) ──> LazyGroup ──> <package>.<module>:command

A command may itself be such a group: then its module is a package with a table of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import click
from click.core import ParameterSource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from click.shell_completion import CompletionItem


class Entry(NamedTuple):
    """Where a subcommand lives, and its line in ``--help``; a test holds it to the command's own."""

    module: str
    summary: str


class LazyGroup(click.Group):
    """A group of the commands that a table names.

    Called with nothing it shows its help, or, with ``invoke_without_command=True``, does what its own
    function says. That function also runs before every subcommand: it has to look at
    ``context.invoked_subcommand``. Its options count only without a subcommand, so before one they are
    refused.

    Attributes:
        entries: the subcommands by name.
        package: where their modules are.
    """

    def __init__(
        self,
        *,
        entries: Mapping[str, Entry],
        package: str,
        **settings: Any,  # noqa: ANN401 - whatever click's own group takes
    ) -> None:
        super().__init__(**settings)
        self.entries = entries
        self.package = package

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all subcommands, sorted."""
        return sorted(self.entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The subcommand *cmd_name*, imported now; None when there is none of that name."""
        entry = self.entries.get(cmd_name)
        if entry is None:
            return None
        import importlib

        command: click.Command = importlib.import_module(f"{self.package}.{entry.module}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of subcommands, from the table alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in sorted(self.entries.items())])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Subcommands from the table alone, then what every command offers."""
        from click.shell_completion import CompletionItem

        near = [
            CompletionItem(name, help=entry.summary)
            for name, entry in sorted(self.entries.items())
            if name.startswith(incomplete)
        ]
        return [*near, *click.Command.shell_complete(self, ctx, incomplete)]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """*args*; of a group that cannot do anything alone, no arguments ask for help."""
        alone = not args and not self.invoke_without_command and not ctx.resilient_parsing
        return super().parse_args(ctx, ["--help"] if alone else args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The subcommand of *args*, or an error that suggests what may have been meant."""
        try:
            found = super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib

            near = difflib.get_close_matches(args[0], self.entries, n=1)
            if near:
                raise click.UsageError(
                    f"{error.message.rstrip('.')}. Did you mean {near[0]!r}?", ctx
                ) from None
            raise
        if self.invoke_without_command and not ctx.resilient_parsing:
            for option in self.params:
                if ctx.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE:
                    raise click.UsageError(
                        f"{option.opts[-1]} before {args[0]!r} has no effect there: write it after it", ctx
                    )
        return found
