"""``qd completion``: the completion script of a shell."""

from __future__ import annotations

import click


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the completion script of a shell.

    Put one of these lines where the shell reads it when it starts:

    \b
    eval "$(qd completion bash)"        in ~/.bashrc
    eval "$(qd completion zsh)"         in ~/.zshrc, after compinit
    qd completion fish | source         in ~/.config/fish/config.fish
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None, "click has one for every shell of the choice"
    click.echo(kind(context.find_root().command, {}, "qd", "_QD_COMPLETE").source())
