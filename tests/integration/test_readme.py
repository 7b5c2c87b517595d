"""What README and documentation show is what the program does, and what they point to is there."""

from __future__ import annotations

import re
import shlex
import sys
import types
from pathlib import Path
from typing import Any

import click
import pytest

from docs import samples
from quarterdeck.cli import cli

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = ["README.md", *(str(path.relative_to(ROOT)) for path in sorted((ROOT / "docs").rglob("*.md")))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
GENERATED = "docs/reference/"


def fenced(page: str, language: str) -> list[str]:
    """The blocks of *page* that are in *language*."""
    found = FENCE.findall((ROOT / page).read_text(encoding="utf-8"))
    return [text for named, text in found if named == language]


def shown(name: str) -> str:
    """What the README shows as the sample *name*."""
    found = re.search(rf"<!-- sample:{name} -->\n```\n(.*?)\n```\n<!-- /sample:{name} -->", README, re.DOTALL)
    assert found is not None
    return found[1]


def commands() -> list[tuple[str, str]]:
    """Every command line of ours that a page shows, with the page."""
    lines = [
        (page, line)
        for page in PAGES
        if not page.startswith(GENERATED)
        for block in fenced(page, "")
        for line in block.splitlines()
    ]
    parts = [(page, part.strip()) for page, line in lines for part in re.split(r"[|&]+", line)]
    return [(page, part) for page, part in parts if part.startswith("qd ")]


def test_the_sample_of_the_index_is_what_the_command_prints(corpora):
    """`python -m docs.samples` would write nothing new."""
    assert samples.sample(corpora["django"]) == shown("tests")


def test_the_sample_of_the_ledger_is_what_the_command_prints():
    """It is made of transcripts that are the same always, at a fixed moment and at pinned prices."""
    assert samples.costs() == shown("costs")


def test_every_link_and_picture_leads_somewhere():
    """Relative links of the README name files of this repository."""
    targets = re.findall(r"\]\(([^)#]+)", README)
    assert targets
    assert [target for target in targets if "://" not in target and not (ROOT / target).exists()] == []


@pytest.mark.parametrize("name", ["summary", "costs"])
def test_the_pictures_load_nothing(name):
    """An SVG refers to no other host, but for the names of its own format and of its maker."""
    picture = (ROOT / "docs" / "images" / f"{name}.svg").read_text(encoding="utf-8")
    assert "url(http" not in picture
    assert "@import" not in picture
    assert "href" not in picture


@pytest.mark.parametrize("page,line", commands())
def test_every_command_that_a_page_shows_is_understood(page, line):
    """The command exists, and takes what it is given; whether its files exist is another matter."""
    words = shlex.split(line, comments=True)[1:]
    command: click.Command = cli
    context = click.Context(cli, info_name="qd")
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        name = words.pop(0)
        found = command.get_command(context, name)
        assert found is not None, f"{page}: {line}: there is no {name}"
        command, context = found, click.Context(found, context, info_name=name)
    try:
        command.make_context(command.name, words, parent=context.parent, resilient_parsing=False)
    except click.BadParameter as error:
        if not isinstance(error.param, click.Argument) or "does not exist" not in error.message:
            raise


@pytest.mark.parametrize("page", ["README.md", "docs/how-to/track-costs.md"])
def test_the_python_that_a_page_shows_runs(page, tmp_path, monkeypatch):
    """Its blocks one after the other, as a reader would type them; the provider answers from memory."""
    answer = {
        "id": "msg_01abcdefghijklmnopqrst",
        "model": "claude-haiku-4-5",
        "usage": {"input_tokens": 10, "output_tokens": 5},
    }
    client = types.SimpleNamespace(messages=types.SimpleNamespace(create=lambda *_: answer))
    monkeypatch.setitem(sys.modules, "litellm", types.ModuleType("litellm"))
    (tmp_path / "quarterdeck.toml").touch()
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"client": client, "response": answer}
    blocks = fenced(page, "python")
    assert blocks
    for block in blocks:
        exec(compile(block, page, "exec"), names)
    assert names["tracker"].get_today()["requests"] >= 2
