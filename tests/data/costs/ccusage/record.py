"""Ask ccusage about every situation here and about a generated home; writes answers.json anew.

npm install ccusage@20.0.24
python record.py node_modules/.bin/ccusage
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from quarterdeck.testing.transcripts import write_transcripts

FOLDER = Path(__file__).parent
GENERATED = {"seed": 1, "size_bytes": 1_000_000}


def ask(program: str, agent: str, claude: Path, codex: Path) -> Any:
    """What ccusage says of *agent*, day by day in UTC, with the prices it brings along."""
    environment = {
        "PATH": os.environ["PATH"], "HOME": "/nonexistent", "TZ": "UTC",
        "CLAUDE_CONFIG_DIR": str(claude), "CODEX_HOME": str(codex),
    }  # fmt: skip
    command = [program, agent, "daily", "--json", "--offline"]
    said = subprocess.run(command, env=environment, capture_output=True, check=True, text=True).stdout
    return json.loads(said)


def main() -> None:
    """Every question, one after the other."""
    [_, program] = sys.argv
    version = subprocess.run([program, "--version"], capture_output=True, check=True, text=True).stdout
    situations = {
        folder.name: ask(program, folder.name.partition("-")[0], folder / "claude", folder / "codex")
        for folder in sorted((FOLDER / "situations").iterdir())
    }
    with tempfile.TemporaryDirectory() as home:
        write_transcripts(home, seed=GENERATED["seed"], size_bytes=GENERATED["size_bytes"])
        folders = Path(home, ".claude"), Path(home, ".codex")
        generated = {agent: ask(program, agent, *folders) for agent in ("claude", "codex")}
    answers = {
        "ccusage": version.split()[-1], "situations": situations, "recipe": GENERATED, "generated": generated
    }  # fmt: skip
    (FOLDER / "answers.json").write_text(json.dumps(answers, indent=1) + "\n")


if __name__ == "__main__":
    main()
