"""Settings: who wins, where a value came from, and what is said about a wrong one."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck import config
from quarterdeck.errors import ConfigError
from quarterdeck.workspace import user_config_file

if TYPE_CHECKING:
    from collections.abc import Mapping


class Settings(NamedTuple):
    deep: bool = False
    depth: int = 7
    ratio: float = 0.5
    name: str = "anon"
    folders: tuple[str, ...] = ("src",)
    rates: Mapping[str, object] = MappingProxyType({})


GIVEN = {
    "user": 1,
    "pyproject": 2,
    "quarterdeck": 3,
    "environment": 4,
    "flags": 5,
}
"""Every place a value can come from, the weakest first, and the depth that stands there."""


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def load(root: Path, **flags: object) -> config.Loaded[Settings]:
    return config.load(Settings, "part", str(root), flags)


def refusal(root: Path, **flags: object) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load(root, **flags)
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize("strongest", range(-1, len(GIVEN)))
def test_the_strongest_place_wins_and_is_named(tmp_path, monkeypatch, strongest: int):
    """Flags > environment > quarterdeck.toml > pyproject.toml > user > defaults."""
    places = list(GIVEN)[: strongest + 1]
    sources = {
        "user": user_config_file(),
        "pyproject": str(tmp_path / "pyproject.toml"),
        "quarterdeck": str(tmp_path / "quarterdeck.toml"),
        "environment": "QUARTERDECK_PART_DEPTH",
        "flags": "flag",
    }
    headers = {"user": "[part]", "pyproject": "[tool.quarterdeck.part]", "quarterdeck": "[part]"}
    for place in places:
        if place in headers:
            write(Path(sources[place]), f"{headers[place]}\ndepth = {GIVEN[place]}\n")
    if "environment" in places:
        monkeypatch.setenv("QUARTERDECK_PART_DEPTH", str(GIVEN["environment"]))
    loaded = load(tmp_path, depth=GIVEN["flags"] if "flags" in places else None)
    assert loaded.values == Settings(depth=GIVEN[places[-1]] if places else 7)
    assert loaded.sources["depth"] == (sources[places[-1]] if places else "default")
    assert loaded.sources["name"] == "default"


def test_places_complete_each_other(tmp_path, monkeypatch):
    """A stronger place replaces single values, not the whole section."""
    write(tmp_path / "pyproject.toml", "[tool.quarterdeck.part]\ndeep = true\nratio = 1\n")
    write(tmp_path / "quarterdeck.toml", '[part]\nfolders = ["lib", "app"]\n')
    monkeypatch.setenv("QUARTERDECK_PART_NAME", "an, odd name")
    assert load(tmp_path).values == Settings(True, 7, 1.0, "an, odd name", ("lib", "app"))


def test_other_sections_are_left_alone(tmp_path, monkeypatch):
    """What belongs to another part, or to another tool, is not ours to judge."""
    write(tmp_path / "pyproject.toml", "[tool.black]\nline = 1\n[tool.quarterdeck.other]\nodd = 1\n")
    write(tmp_path / "quarterdeck.toml", "[other]\nodd = 1\n")
    monkeypatch.setenv("QUARTERDECK_OTHER_ODD", "1")
    assert load(tmp_path).values == Settings()


@pytest.mark.parametrize(
    "text, value",
    [("1", True), ("TRUE", True), (" on ", True), ("yes", True), ("0", False), ("Off", False), ("no", False)],
)
def test_the_environment_says_yes_and_no_in_many_words(tmp_path, monkeypatch, text: str, value: bool):
    """Case and blanks do not matter."""
    monkeypatch.setenv("QUARTERDECK_PART_DEEP", text)
    assert load(tmp_path).values.deep is value


@pytest.mark.parametrize(
    "text, folders", [("a,b", ("a", "b")), (" a , , b ,", ("a", "b")), ("", ()), (",", ()), ("a b", ("a b",))]
)
def test_a_list_in_the_environment_is_separated_by_commas(tmp_path, monkeypatch, text: str, folders: object):
    """Blanks around an item and empty items do not count."""
    monkeypatch.setenv("QUARTERDECK_PART_FOLDERS", text)
    assert load(tmp_path).values.folders == folders


@pytest.mark.parametrize(
    "line",
    [
        "deep = 1",
        'deep = "yes"',
        "depth = true",
        "depth = 1.0",
        'depth = "1"',
        "depth = 1979-05-27",
        "ratio = true",
        "ratio = nan",
        "ratio = inf",
        "ratio = -inf",
        "ratio = 1" + "0" * 400,
        'ratio = "1"',
        "name = 1",
        'name = ["a"]',
        'folders = "src"',
        'folders = ["src", 1]',
        "folders = {a = 1}",
        "rates = 1",
        'rates = "{}"',
        "rates = [{}]",
        "rates.a" + ".a" * 2_000 + " = 1",
        "rates.a = " + "[" * config.MAX_TABLE_DEPTH + "]" * config.MAX_TABLE_DEPTH,
        "deep" + ".a" * 2_000 + " = 1",
    ],
    ids=lambda line: line[:20],
)
def test_a_value_of_the_wrong_type_is_refused_by_name(tmp_path, line: str):
    """The message says which file, which setting, what it should be, and is never endless."""
    path = write(tmp_path / "quarterdeck.toml", f"[part]\n{line}\n")
    setting = line.split(" ")[0].split(".")[0]
    error = refusal(tmp_path)
    assert error.message.startswith(f"{path}: part.{setting} must be ")
    assert len(error.message) < len(str(path)) + 300


@pytest.mark.parametrize(
    "name, text",
    [
        ("deep", "maybe"),
        ("deep", ""),
        ("depth", "7.5"),
        ("depth", "9" * 5000),
        ("depth", "true"),
        ("ratio", "nan"),
        ("ratio", "-inf"),
        ("ratio", "1e999"),
        ("ratio", "half"),
        ("rates", ""),
        ("rates", "{"),
        ("rates", "{'a': 1}"),
        ("rates", '["a"]'),
        ("rates", "null"),
        ("rates", '{"a":' * 100_000),
        ("rates", '{"a": ' + "9" * 5000 + "}"),
    ],
)
def test_a_wrong_value_in_the_environment_is_refused_by_its_variable(tmp_path, monkeypatch, name, text):
    """The message names the variable, the setting and what it should be."""
    monkeypatch.setenv(f"QUARTERDECK_PART_{name.upper()}", text)
    error = refusal(tmp_path)
    assert error.message.startswith(f"QUARTERDECK_PART_{name.upper()}: part.{name} must be ")
    assert len(error.message) < 200


RATES = {"my-model": {"input": 1.5, "tiers": [{"above": -1}]}, "a.b": "free"}


@pytest.mark.parametrize("place", ["user", "pyproject", "quarterdeck", "environment", "flag"])
def test_a_table_may_hold_anything_and_stand_anywhere(tmp_path, monkeypatch, place: str):
    """A nested table in a file, a JSON object in the environment, a mapping from a program."""
    lines = '.rates]\n"a.b" = "free"\n[{}.rates."my-model"]\ninput = 1.5\ntiers = [{above = -1}]\n'
    flags = {}
    match place:
        case "environment":
            monkeypatch.setenv("QUARTERDECK_PART_RATES", json.dumps(RATES))
        case "flag":
            flags = {"rates": RATES}
        case "pyproject":
            write(
                tmp_path / "pyproject.toml",
                "[tool.quarterdeck.part" + lines.replace("{}", "tool.quarterdeck.part"),
            )
        case _:
            file = user_config_file() if place == "user" else tmp_path / "quarterdeck.toml"
            write(Path(file), "[part" + lines.replace("{}", "part"))
    assert load(tmp_path, **flags).values.rates == RATES


def test_a_loaded_table_cannot_be_changed(tmp_path):
    """Neither in place, nor by changing what it was made from."""
    given = {"a": 1}
    rates = load(tmp_path, rates=given).values.rates
    given["b"] = 2
    with pytest.raises(TypeError, match="does not support item assignment"):
        rates["b"] = 2  # type: ignore[index]
    assert rates == {"a": 1}


def test_a_table_is_replaced_as_a_whole(tmp_path):
    """Like a list: one setting has one source."""
    write(Path(user_config_file()), "[part.rates]\na = 1\nb = 1\n")
    path = write(tmp_path / "quarterdeck.toml", "[part.rates]\na = 2\n")
    loaded = load(tmp_path)
    assert (loaded.values.rates, loaded.sources["rates"]) == ({"a": 2}, str(path))


def test_a_table_beside_the_settings_is_no_setting(tmp_path):
    """That one setting is a table does not make every table one."""
    write(tmp_path / "quarterdeck.toml", "[part.rate]\na = 1\n")
    error = refusal(tmp_path)
    assert "unknown setting part.rate" in error.message
    assert error.hint.startswith("did you mean rate")


def test_a_table_is_as_deep_as_it_may_be_and_no_deeper(tmp_path):
    """Tables and lists count alike; who walks a loaded table does not run out of stack."""
    deepest: object = 1
    for number in range(config.MAX_TABLE_DEPTH - 1):
        deepest = [deepest] if number % 2 else {"a": deepest}
    assert load(tmp_path, rates={"a": deepest}).values.rates == {"a": deepest}
    assert "rates must be a table of at most 16 levels" in refusal(tmp_path, rates={"a": [deepest]}).message


def test_a_key_of_a_table_is_a_string(tmp_path):
    """As in TOML and JSON; a program can get it wrong."""
    assert refusal(tmp_path, rates={1: "a"}).message.startswith("flag: part.rates must be a table")
    assert refusal(tmp_path, rates={"a": [{1: "a"}]}).message.startswith("flag: part.rates must be a table")


def test_a_wrong_flag_is_refused(tmp_path):
    """A program that hands over the wrong type hears it, too."""
    assert refusal(tmp_path, depth="7").message.startswith("flag: part.depth must be a whole number")


@pytest.mark.parametrize("place", ["file", "environment", "flag"])
def test_an_unknown_name_is_answered_with_the_nearest_one(tmp_path, monkeypatch, place: str):
    """A typing error is never silently ignored, wherever it stands."""
    flags = {}
    if place == "file":
        write(tmp_path / "quarterdeck.toml", "[part]\ndepht = 1\n")
    elif place == "environment":
        monkeypatch.setenv("QUARTERDECK_PART_DEPHT", "1")
    else:
        flags = {"depht": 1}
    error = refusal(tmp_path, **flags)
    assert "part.depht" in error.message
    assert error.hint.startswith("did you mean depth? ")
    assert error.hint.endswith("deep, depth, folders, name, rates, ratio")


def test_a_name_like_no_other_is_answered_with_all_names(tmp_path):
    """A suggestion that helps nobody is not made."""
    write(tmp_path / "quarterdeck.toml", "[part]\nzzz = 1\n")
    assert refusal(tmp_path).hint == "known settings of part: deep, depth, folders, name, rates, ratio"


@pytest.mark.parametrize(
    "content",
    [
        b"[part",
        b"\xff\xfe",
        b"[part]\ndepth = 1\ndepth = 2\n",
        b"[part]\nfolders = " + b"[" * 5000,
        b"[part]\ndepth = " + b"9" * 5000,
    ],
    ids=["no end", "not UTF-8", "given twice", "too deep", "a number without end"],
)
def test_what_is_not_toml_is_refused_with_its_file(tmp_path, content: bytes):
    """No file, however odd, is a traceback."""
    path = tmp_path / "quarterdeck.toml"
    path.write_bytes(content)
    assert refusal(tmp_path).message.startswith(f"{path} is not valid TOML: ")


@pytest.mark.parametrize(
    "file, text, table",
    [
        ("quarterdeck.toml", "part = 1", "part"),
        ("pyproject.toml", "tool = 'quarterdeck'", "tool"),
        ("pyproject.toml", "tool.quarterdeck = []", "tool.quarterdeck"),
        ("pyproject.toml", "[[tool.quarterdeck.part]]", "tool.quarterdeck.part"),
    ],
)
def test_what_is_not_a_table_is_refused(tmp_path, file: str, text: str, table: str):
    """The message says which part of the path is not one, the hint how to write it."""
    path = write(tmp_path / file, text)
    error = refusal(tmp_path)
    assert error.message == f"{path}: {table} is not a table"
    assert error.hint.startswith("write [")


def test_a_broken_pyproject_without_settings_of_ours_is_not_our_affair(tmp_path):
    """Other tools will say so; nothing of ours stands in it."""
    write(tmp_path / "pyproject.toml", "[tool.black")
    assert load(tmp_path).values == Settings()


@pytest.mark.parametrize("thing", ["folder", "pipe", "device", "too large"])
def test_what_no_settings_file_can_be_is_refused_unread(tmp_path, thing: str):
    """A link to an endless device, or a pipe nobody writes to, neither fills the memory nor hangs."""
    path = tmp_path / "quarterdeck.toml"
    match thing:
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case _:
            path.write_bytes(b"#" * (config.MAX_FILE_BYTES + 1))
    assert refusal(tmp_path).message == f"{path} is not a plain file of at most 1,000,000 bytes"


def test_an_unreadable_file_is_refused(tmp_path):
    """Settings that are there and cannot be read are not taken for defaults."""
    path = tmp_path / "quarterdeck.toml"
    path.symlink_to(path)  # a loop cannot be read, not even by root
    error = refusal(tmp_path)
    assert error.message.startswith(f"{path} cannot be read: ")
    assert error.hint == "check its permissions"


def test_a_project_that_is_a_file_has_no_settings(tmp_path):
    """It is for others to say that it is no folder."""
    assert load(write(tmp_path / "file", "")).values == Settings()


def test_a_toml_parser_is_not_loaded_for_a_pyproject_without_settings(tmp_path, monkeypatch):
    """Most projects have no settings of ours: they do not pay for the parser."""
    monkeypatch.delitem(sys.modules, "tomllib", raising=False)
    write(tmp_path / "pyproject.toml", "[tool.black]\n")
    load(tmp_path)
    assert "tomllib" not in sys.modules


@given(
    st.recursive(
        st.booleans() | st.integers() | st.floats() | st.text() | st.none(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ),
    st.sampled_from(Settings._fields),
)
def test_a_loaded_value_has_its_type_or_is_an_error(value: object, name: str):
    """Whatever is handed over: a value that was taken is finite and of the default's type."""
    with contextlib.suppress(ConfigError):
        loaded = config.load(Settings, "part", "/nowhere", {name: value})
        taken = getattr(loaded.values, name)
        assert type(taken) is type(getattr(Settings(), name))
        assert taken == taken
        assert taken not in (float("inf"), float("-inf"))


def test_a_setting_beside_the_sections_is_refused(tmp_path):
    """A setting that stands under [tool.quarterdeck] itself is read by nobody, so it is an error."""
    (tmp_path / "pyproject.toml").write_text("[tool.quarterdeck]\nratio = 1\n")
    with pytest.raises(ConfigError, match=r"tool\.quarterdeck\.ratio stands in no section"):
        load(tmp_path)


def test_no_setting_may_be_negative(tmp_path):
    """Counts, sizes and thresholds below zero mean nothing."""
    (tmp_path / "quarterdeck.toml").write_text("[part]\nratio = -1.5\n")
    with pytest.raises(ConfigError, match="must not be negative"):
        load(tmp_path)
