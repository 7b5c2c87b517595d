"""``qd config``: every setting and where it came from."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import click

from quarterdeck import config
from quarterdeck.cli.options import json_option, project_option
from quarterdeck.cli.output import print_json, print_table
from quarterdeck.workspace import find_root, open_workspace

if TYPE_CHECKING:
    from collections.abc import Iterator


class Setting(NamedTuple):
    """One line of the answer."""

    setting: str
    value: object
    source: str


@click.command()
@project_option
@json_option
def command(project: str | None, as_json: bool) -> None:
    """Show every setting, its value and where it came from.

    \b
    qd config
    """
    from quarterdeck.costs.settings import CostsConfig
    from quarterdeck.index.settings import IndexConfig
    from quarterdeck.loops.settings import LoopSettings
    from quarterdeck.memory.settings import MemorySettings, without_secrets
    from quarterdeck.patterns.settings import PatternSettings

    root = open_workspace(project or find_root()).root
    settings = [
        *_settings(CostsConfig, "costs", root),
        *_settings(IndexConfig, "index", root),
        *_settings(LoopSettings, "loops", root),
        *(
            each._replace(value=without_secrets(str(each.value)))
            if each.setting == "memory.url" and each.value
            else each
            for each in _settings(MemorySettings, "memory", root)
        ),
        *_settings(PatternSettings, "patterns", root),
    ]
    if as_json:
        print_json("config", {"settings": [each._asdict() for each in settings]}, project=root)
        return
    rows = [(row.setting, json.dumps(row.value), row.source) for each in settings for row in _rows(each)]
    print_table(("setting", "value", "source"), rows)


def _settings(kind: type[NamedTuple], section: str, root: str) -> Iterator[Setting]:
    loaded = config.load(kind, section, root)
    for name, value in loaded.values._asdict().items():
        yield Setting(f"{section}.{name}", _plain(value), loaded.sources[name])


def _rows(setting: Setting) -> Iterator[Setting]:
    """A table entry by entry, named as TOML names it; anything else as it is."""
    if isinstance(setting.value, dict) and setting.value:
        for key, value in setting.value.items():
            yield Setting(f"{setting.setting}.{json.dumps(key)}", value, setting.source)
    else:
        yield setting


def _plain(value: object) -> object:
    """*value* as JSON has it: TOML also knows dates, times and numbers that are none."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
