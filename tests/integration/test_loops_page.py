"""What the page about agents in loops shows is what happens."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from docs import samples
from quarterdeck.config import load
from quarterdeck.loops import LoopType
from quarterdeck.loops.events import findings
from quarterdeck.loops.settings import LoopSettings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "stop-agents-in-loops.md").read_text(encoding="utf-8")
SAMPLE = re.compile(r"<!-- sample:(loops-\S+) -->\n```\n(.*?)\n```\n<!-- /sample:\1 -->", re.DOTALL)


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    """What the commands of the samples print."""
    return samples.loops()


def test_the_samples_are_what_the_commands_print(made):
    """`python -m docs.samples` would write nothing new."""
    assert dict(SAMPLE.findall(PAGE)) == made
    readme = dict(SAMPLE.findall((ROOT / "README.md").read_text(encoding="utf-8")))
    assert readme == {name: made[name] for name in ("loops-scan", "loops-check")}


def test_the_samples_show_what_the_page_says(made):
    """Two of three sessions are in a loop; the hook blocks at the second question; a ramp is no loop."""
    assert "2 loops in 2 of 3 sessions" in made["loops-scan"]
    assert "exit code 1" in made["loops-watch"]
    first, second = re.findall(r"exit code (\d)", made["loops-hook"])
    assert (first, second) == ("0", "2")
    assert made["loops-hook"].count("quarterdeck loops:") == 1
    spiral, ramp = made["loops-check"].split("$ qd loops check ramp.jsonl\n")
    assert "vicious, confirmed" in spiral
    assert ramp.startswith("no loop")
    assert "reinforcing" in made["loops-discover"]
    assert "cache_hit_ratio" not in made["loops-discover"]


def test_the_settings_of_the_page_are_settings(tmp_path):
    """Each name is one that is known, and has a value of its type."""
    blocks = re.findall(r"^```toml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    (tmp_path / "pyproject.toml").write_text("".join(blocks))
    loaded = load(LoopSettings, "loops", str(tmp_path))
    assert {*loaded.sources.values()} != {"default"}
    assert [name for name, source in loaded.sources.items() if source == "default"] == []


def test_the_limits_that_are_told_are_those_in_force():
    """The table of the explanation has the numbers that the rules go by."""
    told = (ROOT / "docs" / "explanation" / "loops.md").read_text(encoding="utf-8")
    for what, limits in {
        "one call with one outcome": findings.SAME_CALL,
        "the same, with others in between": findings.SCATTERED,
        "the same, while somebody waits": findings.POLLING,
        "rounds of calls": findings.ROUNDS,
        "one error": findings.SAME_ERROR,
        "returns to a state that was left": findings.RETURNS,
        "messages without a call": findings.MESSAGES,
    }.items():
        assert f"| {what} | {limits.nudge} | {limits.pause} | {limits.stop} |" in told


def test_the_python_of_the_page_runs(tmp_path, monkeypatch, capsys):
    """Its blocks one after the other, as a reader would type them."""
    (tmp_path / "quarterdeck.toml").touch()
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert blocks
    for block in blocks:
        exec(compile(block, "stop-agents-in-loops.md", "exec"), names)
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in printed[:3]] == ["NUDGE", "PAUSE", "STOP"]
    assert printed[3].startswith("not again: grep(pattern=RETRY_LIMIT)")
    assert printed[4] == "True"
    assert names["found"]["dominant_loop"] == "R2_trust_erosion"
    assert json.loads(json.dumps(names["found"])) == names["found"]
    assert "['limit_work_in_progress']" in printed
    (loop,) = names["answer"].loops
    assert loop.loop_type is LoopType.BALANCING
