"""The README's sample is what the command prints, and what it points to is there."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_sample_is_what_the_command_prints(corpora):
    """`python docs/samples.py` would write nothing new."""
    django = corpora["django"]
    spec = importlib.util.spec_from_file_location("samples", ROOT / "docs" / "samples.py")
    assert spec is not None
    assert spec.loader is not None
    samples = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(samples)
    shown = re.search(r"<!-- sample:tests -->\n(.*?)\n<!-- /sample:tests -->", README, re.DOTALL)
    assert shown is not None
    assert samples.sample(django) == shown[1]


def test_every_link_and_picture_leads_somewhere():
    """Relative links of the README name files of this repository."""
    targets = re.findall(r"\]\(([^)#]+)", README)
    assert targets
    assert [target for target in targets if "://" not in target and not (ROOT / target).exists()] == []


def test_the_picture_loads_nothing():
    """The SVG refers to no other host, but for the names of its own format and of its maker."""
    picture = (ROOT / "docs" / "images" / "summary.svg").read_text(encoding="utf-8")
    assert "url(http" not in picture
    assert "@import" not in picture
    assert "href" not in picture
