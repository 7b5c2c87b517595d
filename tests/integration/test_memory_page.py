"""What the page about shared memory shows is what happens."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from docs import samples
from quarterdeck.memory import server

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "share-memory.md").read_text(encoding="utf-8")


def test_the_samples_are_what_the_commands_print():
    """`python -m docs.samples` would write nothing new."""
    shown = dict(re.findall(r"<!-- sample:(\S+) -->\n```\n(.*?)\n```\n<!-- /sample:\1 -->", PAGE, re.DOTALL))
    assert shown == samples.memory()


def test_the_rights_of_a_user_are_those_that_the_server_part_needs():
    """Said in two places, the same in both; its own tests hold the server part to it."""
    shown, needed = (
        [rule.split() for rule in re.findall(r"^ *ACL SETUSER.*\n.*$", text, re.MULTILINE)]
        for text in (PAGE, server.__doc__ or "")
    )
    assert len(needed) == 1
    assert shown == needed


def test_the_python_of_the_page_runs(tmp_path, monkeypatch):
    """Its blocks one after the other, as a reader would type them."""
    (tmp_path / "quarterdeck.toml").touch()
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert blocks
    for block in blocks:
        exec(compile(block, "share-memory.md", "exec"), names)
    memory = names["memory"]
    assert memory.retrieve_batch(["count", "open", "done"]) == {"count": 1, "open": 4, "done": 1}
    assert memory.queue_stats("reviews").due == memory.queue_stats("reviews").later == 0
    assert list(memory.get_session("review-7").participants) == ["planner", "reviewer"]
    memory.close()
