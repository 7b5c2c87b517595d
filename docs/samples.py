"""Real output for the README: `python docs/samples.py`, after a change to what the commands print.

    qd on the pinned Django  ->  docs/images/summary.svg
                             ->  the region <!-- sample:tests --> of README.md

A test runs the second command again and compares.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from bench import corpora

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "images" / "summary.svg"
README = ROOT / "README.md"
TESTS_FOR = ("tests", "for", "django/utils/html.py", "-n", "8")
WIDTH = 112


def told(folder: Path, *command: str) -> str:
    """What ``qd`` prints in *folder*, with a state of its own."""
    qd = Path(sys.executable).parent / "qd"
    with tempfile.TemporaryDirectory(prefix="quarterdeck-samples.") as state:
        env = {**os.environ, "QUARTERDECK_HOME": state, "NO_COLOR": "1", "COLUMNS": str(WIDTH)}
        done = subprocess.run([qd, *command], cwd=folder, env=env, capture_output=True, text=True, check=True)
    return "\n".join(line.rstrip() for line in done.stdout.splitlines()).strip("\n")


def picture(folder: Path) -> str:
    """``qd summary`` in *folder* as an SVG that loads nothing from anywhere."""
    from rich.console import Console
    from rich.text import Text

    text = told(folder, "summary").replace(str(folder), f"~/{folder.name}")
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(Text("$ qd summary", style="bold green"))
    console.print(Text(text), highlight=False, soft_wrap=True)
    svg = console.export_svg(title="Quarterdeck", unique_id="summary")
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)


def sample(folder: Path) -> str:
    """The README's sample: a command and what it prints."""
    command = " ".join(TESTS_FOR)
    return f"```\n~/{folder.name}$ qd {command}\n{told(folder, *TESTS_FOR)}\n```"


def write() -> None:
    """Write both."""
    django = corpora.fetch("django")
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(picture(django))
    region = re.compile(r"(<!-- sample:tests -->\n).*?(<!-- /sample:tests -->)", re.DOTALL)
    README.write_text(region.sub(lambda match: f"{match[1]}{sample(django)}\n{match[2]}", README.read_text()))


if __name__ == "__main__":
    write()
