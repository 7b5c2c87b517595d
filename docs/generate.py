"""The reference pages, from the source: ``docs/reference/commands.md`` and ``python.md``.

    python docs/generate.py [--build]       --build: then build the whole site, strictly, into site/

Both pages are ignored by git: they are made anew whenever the site is built, so they cannot drift.
"""

from __future__ import annotations

import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from quarterdeck.cli import cli

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"
PUBLIC_MODULES = (
    "quarterdeck",
    "quarterdeck.index",
    "quarterdeck.costs",
    "quarterdeck.costs.pricing",
    "quarterdeck.costs.capture.extract_usage",
    "quarterdeck.costs.capture.litellm",
    "quarterdeck.costs.exporters",
    "quarterdeck.memory",
    "quarterdeck.memory.backend",
    "quarterdeck.patterns",
    "quarterdeck.loops",
    "quarterdeck.loops.discovery",
    "quarterdeck.loops.transcripts",
    "quarterdeck.journal",
    "quarterdeck.caches",
    "quarterdeck.errors",
)
HELP_WIDTH = 90
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def commands_page(command: click.Command, name: str) -> str:
    """What ``--help`` prints, for *command* and all commands below it."""
    sections = [
        f"## {path}\n\n```text\n{help_text}\n```\n" for path, help_text in help_texts(command, name, None)
    ]
    return "\n".join(["# Commands\n", *sections])


def help_texts(command: click.Command, name: str, parent: click.Context | None) -> Iterator[tuple[str, str]]:
    """The path and the help of *command*, then of its visible subcommands, depth first."""
    settings = {**command.context_settings, "terminal_width": HELP_WIDTH}
    context = click.Context(command, parent, info_name=name, **settings)
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for child_name in command.list_commands(context):
            child = command.get_command(context, child_name)
            if child is not None and not child.hidden:
                yield from help_texts(child, child_name, context)


def python_page(modules: list[ModuleType]) -> str:
    """The public names of *modules*, with their signatures and docstrings."""
    lines = ["# Python\n"]
    for module in modules:
        lines.append(f"## {module.__name__}\n\n```text\n{inspect.getdoc(module) or ''}\n```\n")
        lines.extend(
            _entry(f"{module.__name__}.{name}", getattr(module, name)) for name in public_names(module)
        )
    return "\n".join(lines)


def public_names(module: ModuleType) -> list[str]:
    """What *module* exports: its ``__all__``, else the classes and functions it defines itself."""
    if hasattr(module, "__all__"):
        return sorted(module.__all__)
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", "") == module.__name__
    ]


def _entry(path: str, value: object) -> str:
    heading = f"### {path}\n\n"
    if not (inspect.isclass(value) or inspect.isroutine(value)):
        return f"{heading}```python\n{path.rpartition('.')[2]} = {value!r}\n```\n"
    text = heading + _signature_and_docstring(value)
    if inspect.isclass(value):
        for method_name, method in vars(value).items():
            if inspect.isfunction(method) and not method_name.startswith("_"):
                text += "\n" + _signature_and_docstring(method)
    return text


def _signature_and_docstring(value: object) -> str:
    return f"```python\n{_signature(value)}\n```\n\n```text\n{inspect.getdoc(value) or ''}\n```\n"


def _signature(value: object) -> str:
    name = getattr(value, "__name__", "")
    try:
        signature = str(inspect.signature(value)) if callable(value) else ""
    except ValueError:  # a built-in constructor does not tell
        signature = "(...)"
    return f"{'class' if inspect.isclass(value) else 'def'} {name}{signature}"


def main(arguments: list[str]) -> int:
    """Write the pages; with ``--build``, the exit code of the build."""
    (REFERENCE / "commands.md").write_text(commands_page(cli, "qd"))
    modules = [importlib.import_module(name) for name in PUBLIC_MODULES]
    (REFERENCE / "python.md").write_text(python_page(modules))
    return build() if arguments == ["--build"] else 0


def build() -> int:
    """Build the site; what is wrong in plain text (Zensical colours it even in a file), and the exit code."""
    done = subprocess.run(
        [Path(sys.executable).parent / "zensical", "build", "--strict", "--clean"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    print(COLOUR.sub("", done.stdout).partition("Traceback")[0].strip())
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
