"""What the page about learning from patterns shows is what happens."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from docs import samples

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "learn-from-patterns.md").read_text(encoding="utf-8")
SAMPLE = re.compile(r"<!-- sample:(patterns-\S+) -->\n```\n(.*?)\n```\n<!-- /sample:\1 -->", re.DOTALL)


def test_the_samples_are_what_the_commands_print():
    """`python -m docs.samples` would write nothing new."""
    made = samples.patterns()
    assert dict(SAMPLE.findall(PAGE)) == made
    readme = dict(SAMPLE.findall((ROOT / "README.md").read_text(encoding="utf-8")))
    assert readme == {"patterns-search": made["patterns-search"]}


def test_the_python_of_the_page_runs(tmp_path, monkeypatch):
    """Its blocks one after the other, as a reader would type them."""
    (tmp_path / "quarterdeck.toml").touch()
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert blocks
    for block in blocks:
        exec(compile(block, "learn-from-patterns.md", "exec"), names)
    assert names["match"].pattern.id == "sqlite-busy-timeout"
    assert "Wait for a locked database" in names["prompt"]
