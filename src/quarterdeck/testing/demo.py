"""`./run demo`: Quarterdeck at its main jobs, through the commands a person would type.

    python -m quarterdeck.testing.demo FOLDER …     the working folder first, then each FOLDER

    real code ─────────────> qd scan, summary, hotspots, tests for, map
    generated transcripts ─> qd costs import, report, why, what-if, budget, verify

Its state, and the home folder with the transcripts, lie in a folder of their own that is gone afterwards;
of the ledger's settings and transcripts of whoever runs it, nothing is read.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quarterdeck.testing.transcripts import DAYS, write_transcripts

if TYPE_CHECKING:
    from collections.abc import Mapping

QD = Path(sys.executable).parent / "qd"
SEED = 11
TRANSCRIPT_BYTES = 5_000_000
INHERITED = (
    "PATH", "LANG", "LC_ALL", "LC_CTYPE", "TERM", "COLORTERM", "COLUMNS", "LINES", "NO_COLOR", "TMPDIR", "TZ",
    "PYTHONDONTWRITEBYTECODE",
)  # fmt: skip
"""All that the ledger's commands see of the environment: agents and settings name folders in it."""

YOUR_TURN = """
━━━ yours ━━━

Your own code: cd there, and
  qd scan
  qd tests for --changed

Your own agents (Claude Code, Codex, Gemini CLI, OpenCode), whose transcripts are only read:
  qd costs import
  qd costs
  qd costs sessions

qd --help and qd costs --help list the rest. In this checkout qd is .venv/bin/qd."""


class Tour:
    """Commands run one after the other in one folder, each in plain sight.

    Attributes:
        failed: some command ended otherwise than it should.
    """

    def __init__(self, folder: Path, env: Mapping[str, str], prompt: str = "$") -> None:
        self.failed = False
        self._folder = folder
        self._env = env
        self._prompt = prompt

    def show(self, why: str, *command: str, ends_with: int = 0, notes: int | None = None) -> None:
        """Run ``qd`` with *command* and let it print.

        Args:
            why: what it is for.
            command: the arguments.
            ends_with: the exit code it should have.
            notes: of what it remarks, show only so many lines; None: all.
        """
        print(f"\n# {why}\n{self._prompt} qd {shlex.join(command)}", flush=True)
        done = self._run(command, stderr=None if notes is None else subprocess.PIPE)
        remarks = (done.stderr or b"").decode(errors="replace").splitlines()
        for line in remarks[:notes]:
            print(line)
        if len(remarks) > (notes or 0):
            print(f"({len(remarks) - (notes or 0)} more such notes are left out here)", flush=True)
        self.failed |= done.returncode != ends_with

    def ask(self, *command: str) -> dict[str, Any]:
        """What ``qd`` answers to *command* in JSON."""
        answer: dict[str, Any] = json.loads(self._run((*command, "--json"), stdout=subprocess.PIPE).stdout)
        return answer

    def _run(
        self, command: tuple[str, ...], stdout: int | None = None, stderr: int | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(  # noqa: S603 - our own program
            [QD, *command], cwd=self._folder, env=self._env, stdout=stdout, stderr=stderr, check=False
        )


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


def spend(tour: Tour) -> None:
    """What agents have spent: on what, why, whether it will last, and whether the sums are right."""
    tour.show(
        "Take in what agents have written down. Copies of an answer count once; a line that cannot be read\n"
        "# (some are damaged on purpose) is reported with its file and number.",
        "costs", "import", notes=2,
    )  # fmt: skip
    tour.show("Once more: only what is new is read.", "costs", "import")
    tour.show("Today and this week at a glance.", "costs")
    tour.show("The last 30 days by model.", "costs", "report", "--days", "30", "--by", "model")
    sessions = tour.ask("costs", "sessions", "--source", "claude-code", "-n0")["sessions"]
    dearest = max(sessions, key=lambda session: session["total"]["cost_picousd"])["session"]
    tour.show(
        "Why did the dearest session cost that? Lines, answers, tokens, prices.",
        "costs", "why", dearest[:8], "-n3",
    )  # fmt: skip
    tour.show(
        "What would the same requests have cost on other models?",
        "costs", "what-if", "claude-haiku-4-5", "gpt-5-mini", "--days", "30",
    )  # fmt: skip
    spent = tour.ask("costs", "report", "--month", f"{datetime.now().astimezone():%Y-%m}")["total"]
    limit = f"{float(spent['cost_usd']) * 1.1:.2f}"
    tour.show(
        "Stay within a budget; this one is nearly used up.", "costs", "budget", "set", limit, "--per", "month"
    )
    tour.show("How does it stand?", "costs", "budget")
    tour.show(
        "Would another run of that price fit? Exit code 1: no. (In Python: with tracker.reserve(…).)",
        "costs", "budget", "check", limit, ends_with=1,
    )  # fmt: skip
    tour.show("Is every sum that of the journal, to the pico-dollar?", "costs", "verify")


def main(folders: list[str]) -> int:
    """Exit code 1 when a command failed; the tour goes on."""
    failed = False
    with tempfile.TemporaryDirectory(prefix="quarterdeck-demo.") as state:
        for folder in (Path.cwd(), *map(Path, folders)):
            print(f"\n━━━ {folder.name} ━━━", flush=True)
            tour = Tour(folder, {**os.environ, "QUARTERDECK_HOME": state}, f"$ cd {folder.name} &&")
            walk(tour)
            failed |= tour.failed
        tour = Tour(*generated(Path(state)))
        spend(tour)
        failed |= tour.failed
    print(YOUR_TURN)
    return int(failed)


def generated(state: Path) -> tuple[Path, dict[str, str]]:
    """A home folder below *state* with transcripts of the weeks up to today, and an environment with that home."""
    home = state / "home"
    home.mkdir()
    print(
        "\n━━━ the cost ledger ━━━\n\n"
        f"Not yours and not real: {TRANSCRIPT_BYTES // 1_000_000} MB of transcripts of Claude Code and Codex, "
        f"generated for\nthis demo in a temporary home folder. Prices are the published ones.",
        flush=True,
    )
    eight = datetime.now().astimezone().replace(hour=8, minute=0, second=0, microsecond=0)
    first_day = (eight - timedelta(days=DAYS - 1)).astimezone(UTC)
    write_transcripts(str(home), seed=SEED, size_bytes=TRANSCRIPT_BYTES, first_day=first_day)
    kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return home, {**kept, "HOME": str(home), "QUARTERDECK_HOME": str(state / "ledger")}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
