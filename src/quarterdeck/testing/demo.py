"""`./run demo`: what Quarterdeck says about real code, through the commands a person would type.

    python -m quarterdeck.testing.demo FOLDER …     the working folder first, then each FOLDER

Its state goes into a folder of its own that is gone afterwards.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

QD = Path(sys.executable).parent / "qd"


class Tour:
    """Commands run one after the other in one folder, each in plain sight.

    Attributes:
        failed: some command ended with an error.
    """

    def __init__(self, folder: Path, state: str) -> None:
        self.failed = False
        self._folder = folder
        self._env = {**os.environ, "QUARTERDECK_HOME": state}

    def show(self, why: str, *command: str) -> None:
        """Run ``qd`` with *command* and let it print."""
        print(f"\n# {why}\n$ cd {self._folder.name} && qd {' '.join(command)}", flush=True)
        self.failed |= self._run(command).returncode != 0

    def ask(self, *command: str) -> dict[str, Any]:
        """What ``qd`` answers to *command* in JSON."""
        answer: dict[str, Any] = json.loads(self._run((*command, "--json"), stdout=subprocess.PIPE).stdout)
        return answer

    def _run(self, command: tuple[str, ...], stdout: int | None = None) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run([QD, *command], cwd=self._folder, env=self._env, stdout=stdout, check=False)  # noqa: S603


def walk(tour: Tour) -> None:
    """What one code base has to tell: what is in it, where the trouble is, what a change calls for."""
    tour.show("Read every file once. The next scan reads only what has changed.", "scan")
    tour.show("What is in this code base, and what needs attention first.", "summary")
    tour.show(
        "Where the trouble is: complex code that changes often or that much depends on.", "hotspots", "-n8"
    )
    for path in (spot["path"] for spot in tour.ask("hotspots", "-n20")["files"]):
        if any(test["how"] == "import" for test in tour.ask("tests", "for", path)["tests"]):
            tour.show(
                "You have changed one of them. Which tests should you run?", "tests", "for", path, "-n12"
            )
            break
    tour.show("What an agent should see before it starts, in at most 400 tokens.", "map", "--tokens", "400")


def main(folders: list[str]) -> int:
    """Exit code 1 when a command failed; the tour goes on."""
    failed = False
    with tempfile.TemporaryDirectory(prefix="quarterdeck-demo.") as state:
        for folder in (Path.cwd(), *map(Path, folders)):
            print(f"\n━━━ {folder.name} ━━━", flush=True)
            tour = Tour(folder, state)
            walk(tour)
            failed |= tour.failed
    print("\nYour own code: cd there and type 'qd scan'; 'qd --help' lists the rest.")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
