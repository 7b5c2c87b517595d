"""Settings: one small reader for every part, and each value knows where it came from.

    flags  >  environment  >  project  >  user  >  defaults

A part describes its settings as a NamedTuple whose defaults are also their types::

    class IndexConfig(NamedTuple):
        submodules: bool = False

    loaded = load(IndexConfig, "index", root)
    loaded.values.submodules            # False
    loaded.sources["submodules"]        # "default"

In TOML that is ``[tool.quarterdeck.index]`` of ``pyproject.toml``, or ``[index]`` of
``quarterdeck.toml`` (it wins over ``pyproject.toml``) or of the user's ``config.toml``; in the
environment ``QUARTERDECK_INDEX_SUBMODULES=1``. Types are bool, int, float, str, tuple of str
(a list in TOML, separated by commas in the environment) and table: a setting whose default is
``MappingProxyType({})`` is a Mapping of whatever TOML can say, ``[index.NAME.KEY]`` or, in the
environment, a JSON object. Of a table only that it is one is checked here; its part knows the rest. Like
a list it is replaced as a whole by the one in a stronger place.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar, cast

from quarterdeck.errors import ConfigError
from quarterdeck.workspace import user_config_file

if TYPE_CHECKING:
    from collections.abc import Iterable

Values = TypeVar("Values", bound=NamedTuple)

MAX_FILE_BYTES = 1_000_000
"""More than anybody writes by hand: a link to an endless device must not fill the memory."""

MAX_TABLE_DEPTH = 16
"""More levels than a table has that anybody can read: whoever walks it may recurse."""

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
_HUGE = sys.float_info.max
_NAMES = {
    bool: "true or false",
    int: "a whole number",
    float: "a finite number",
    str: "a string",
    tuple: "a list of strings",
    MappingProxyType: f"a table of at most {MAX_TABLE_DEPTH} levels",
}


class Loaded(NamedTuple, Generic[Values]):
    """The settings of one part, and for each where its value came from.

    Attributes:
        values: the part's own NamedTuple.
        sources: by setting: ``default``, ``flag``, the name of an environment variable, or a file.
    """

    values: Values
    sources: dict[str, str]


def load(
    kind: type[Values], section: str, root: str, flags: Mapping[str, object] | None = None
) -> Loaded[Values]:
    """Read the settings of *section* for the project at *root*; reads at most three small files.

    Args:
        kind: a NamedTuple class, every field with a default.
        section: the part's name.
        root: the project's folder.
        flags: values given on the command line; None means "not given".

    Raises:
        ConfigError: a file cannot be read or is not TOML, a name is unknown, or a value has the wrong type.
    """
    defaults: dict[str, Any] = kind._field_defaults
    values = dict(defaults)
    sources = dict.fromkeys(defaults, "default")

    def take(given: Mapping[str, object], source: str) -> None:
        for name, value in given.items():
            if name not in defaults:
                raise ConfigError(
                    f"{source}: unknown setting {section}.{name}", hint=_nearest(name, section, defaults)
                )
            values[name] = _checked(value, defaults[name], f"{source}: {section}.{name}")
            sources[name] = source

    for path, keys in (
        (user_config_file(), (section,)),
        (os.path.join(root, "pyproject.toml"), ("tool", "quarterdeck", section)),
        (os.path.join(root, "quarterdeck.toml"), (section,)),
    ):
        take(_table(path, keys), path)
    prefix = f"QUARTERDECK_{section}_".upper()
    for variable, text in os.environ.items():
        if variable.startswith(prefix):
            name = variable.removeprefix(prefix).lower()
            take({name: _parsed(text, defaults.get(name))}, variable)
    take({name: value for name, value in (flags or {}).items() if value is not None}, "flag")
    return Loaded(kind._make(values[name] for name in kind._fields), sources)


def _table(path: str, keys: tuple[str, ...]) -> Mapping[str, object]:
    try:
        plain = stat.S_ISREG(os.stat(path).st_mode)  # reading a pipe or a device might never end
        text = _head(path) if plain else b""
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", hint="check its permissions") from error
    if not plain or len(text) > MAX_FILE_BYTES:
        raise ConfigError(
            f"{path} is not a plain file of at most {MAX_FILE_BYTES:,} bytes",
            hint="put a plain file in its place, or move it away",
        )
    if keys[0] == "tool" and b"quarterdeck" not in text:
        return {}  # most projects' pyproject.toml: not worth the import of a TOML parser
    import tomllib

    try:
        found: object = tomllib.loads(text.decode())
    except (ValueError, RecursionError) as error:  # ValueError: bad syntax, bad UTF-8, a number without end
        raise ConfigError(f"{path} is not valid TOML: {error}", hint="mend the file at that place") from error
    for depth, key in enumerate(keys):
        if key == keys[-1] and isinstance(found, dict):
            _refuse_strays(found, path, keys)
        found = found.get(key, {}) if isinstance(found, dict) else found
        if not isinstance(found, dict):
            raise ConfigError(
                f"{path}: {'.'.join(keys[: depth + 1])} is not a table", hint=f"write [{'.'.join(keys)}]"
            )
    return cast("Mapping[str, object]", found)


def _refuse_strays(table: Mapping[str, object], path: str, keys: tuple[str, ...]) -> None:
    """A setting beside the sections is read by nobody."""
    for name, value in table.items():
        if name != keys[-1] and not isinstance(value, dict):
            raise ConfigError(
                f"{path}: {'.'.join((*keys[:-1], name))} stands in no section",
                hint=f"write it below a section, such as [{'.'.join(keys)}]",
            )


def _head(path: str) -> bytes:
    """The first bytes of *path*, one more than any settings file may have."""
    with open(path, "rb") as file:
        return file.read(MAX_FILE_BYTES + 1)


def _nearest(name: str, section: str, known: Iterable[str]) -> str:
    import difflib

    near = difflib.get_close_matches(name, known, n=1)
    meant = f"did you mean {near[0]}? " if near else ""
    return f"{meant}known settings of {section}: {', '.join(sorted(known))}"


def _parsed(text: str, default: object) -> object:
    """An environment variable's text as the type of *default*; text that does not fit stays text."""
    if isinstance(default, bool):
        lowered = text.strip().lower()
        return True if lowered in _TRUE else False if lowered in _FALSE else text
    if isinstance(default, int | float):
        try:
            return type(default)(text)
        except ValueError:
            return text
    if isinstance(default, tuple):
        return [part.strip() for part in text.split(",") if part.strip()]
    if isinstance(default, MappingProxyType):
        import json

        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    return text


def _checked(value: object, default: object, where: str) -> object:
    """*value*, if it has the type of *default*; lists become tuples, ints pass as floats, tables are shut."""
    wanted = type(default)
    if wanted is MappingProxyType and isinstance(value, Mapping) and _is_table(value):
        return MappingProxyType(dict(value))
    if wanted is tuple and isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return tuple(value)
    if wanted in {int, float} and type(value) in {int, float} and -_HUGE <= cast("float", value) < 0:
        raise ConfigError(f"{where} must not be negative", hint=f"the default is {default!r}")
    if wanted is float and type(value) in {int, float} and -_HUGE <= cast("float", value) <= _HUGE:
        return float(cast("float", value))
    if type(value) is wanted and wanted not in {float, tuple, MappingProxyType}:
        return value
    import reprlib

    raise ConfigError(
        f"{where} must be {_NAMES[wanted]}, got {reprlib.repr(value)}",  # repr() could not end, or not fit
        hint="mend it, or remove it"
        + ("" if wanted is MappingProxyType else f" to get the default, {default!r}"),
    )


def _is_table(value: Mapping[object, object]) -> bool:
    """Whether all keys are strings, on no more than `MAX_TABLE_DEPTH` levels of tables and lists."""
    level: list[object] = [value]
    for _ in range(MAX_TABLE_DEPTH):
        inner: list[object] = []
        for each in level:
            if isinstance(each, Mapping):
                if not all(isinstance(key, str) for key in each):
                    return False
                inner.extend(each.values())
            elif isinstance(each, list | tuple):
                inner.extend(each)
        level = inner
    return not any(isinstance(each, Mapping | list | tuple) for each in level)
