"""`./run demo`: what Quarterdeck says about real code, through the commands a person would type.

    python -m quarterdeck.testing.demo FOLDER …     the working folder first, then each FOLDER

Its state goes into a folder of its own that is gone afterwards.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

QD = Path(sys.executable).parent / "qd"

TOUR = (
    (["scan"], "Read every file once. A second scan reads only what changed."),
    (["summary"], "What is in this code base."),
    (["hotspots"], "Where changes are most likely to hurt."),
)
"""Commands in order, each with what it shows."""


def show(folder: Path, command: list[str], why: str, env: dict[str, str]) -> int:
    """Run ``qd`` in *folder*, in plain sight; its exit code."""
    print(f"\n# {why}\n$ cd {folder.name} && qd {' '.join(command)}", flush=True)
    return subprocess.run([QD, *command], cwd=folder, env=env, check=False).returncode  # noqa: S603 - our own command


def main(folders: list[str]) -> int:
    """Exit code 1 when a command failed; the tour goes on."""
    failed = 0
    with tempfile.TemporaryDirectory(prefix="quarterdeck-demo.") as state:
        env = {**os.environ, "QUARTERDECK_HOME": state}
        for folder in (Path.cwd(), *map(Path, folders)):
            for command, why in TOUR:
                failed |= show(folder, command, why, env) != 0
    print("\nYour own code: cd there and type 'qd scan'; 'qd --help' lists the rest.")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
