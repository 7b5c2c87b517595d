"""`./run demo`: Quarterdeck at its main jobs, through the commands a person would type.

    python -m quarterdeck.testing.demo FOLDER …     the working folder first, then each FOLDER

    real code ─────────────> qd scan, summary, hotspots, tests for, map
    generated transcripts ─> qd costs import, report, why, what-if, budget, verify
    three agents ──────────> qd memory put, get, push, pop, stage, promote, doctor
    what they have learned > qd patterns add, import, search, outcome, link, query, show, top, export
    agents in circles ─────> qd loops scan, hook, check, discover

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

from quarterdeck.testing import demo_loops
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

THE_LEDGER = f"""
━━━ the cost ledger ━━━

Not yours and not real: {TRANSCRIPT_BYTES // 1_000_000} MB of transcripts of Claude Code and Codex, generated
just now into a temporary home folder. The prices are the published ones."""

THE_MEMORY = """
━━━ the agents' memory ━━━

Three agents, each command a process of its own; what they share lies in one file of the project."""

THE_LIBRARY = """
━━━ what agents have learned ━━━

Lessons of three agents, and two skills in the format that other tools share; then one has a problem."""

THE_LOOPS = """
━━━ agents in circles ━━━

Three sessions of one agent, written just now as Claude Code writes them, and three histories of metrics."""

LESSONS: tuple[tuple[str, ...], ...] = (
    (
        *("--name", "Wait for a locked database"),
        *("--type", "conditional", "--tag", "sqlite", "--tag", "locks", "--agent", "reviewer"),
        "--description",
        "sqlite3.OperationalError: database is locked. Another process is writing: set busy_timeout before "
        "the first write, and begin with BEGIN IMMEDIATE.",
    ),
    (
        *("--name", "Retry when the database is locked"),
        *("--type", "conditional", "--tag", "sqlite", "--agent", "planner"),
        "--description",
        "sqlite3.OperationalError: database is locked. Catch it and try again three times.",
    ),
    (
        *("--name", "Setting clocks in tests by sleeping"),
        *("--type", "behavioral", "--lesson", "avoid", "--tag", "pytest", "--agent", "tester"),
        *("--context", "language=python"),
        "--description",
        "A test that sleeps is slow, and still fails on a busy machine. Hand in a clock instead.",
    ),
)
SKILLS = {
    "bisect-a-regression": (
        "Find the commit that broke something. Use when a test passed once and nobody knows what changed.",
        "Write a script that exits with 1 when it is broken, then: git bisect start HEAD GOOD; git bisect "
        "run ./script. Exit code 125 skips a commit that does not build.",
    ),
    "review-a-migration": (
        "Review a database migration. Use before a migration is merged.",
        "A column is added first, filled in batches, and made NOT NULL last, each in a release of its own. "
        "No lock is held for longer than a request may wait.",
    ),
}
"""By name: the description and the body of a SKILL.md."""

YOUR_TURN = """
━━━ yours ━━━

Your own code: cd there, and
  qd scan
  qd tests for --changed

Your own agents (Claude Code, Codex, Gemini CLI, OpenCode), in files only read:
  qd costs import
  qd costs
  qd costs sessions

Your own agents among themselves, in a shell or from Python (UnifiedMemory):
  qd memory put plan '{"next": "tests"}' --ttl 2h
  qd memory watch --all

What your own agents learn, for all of them to find (PatternLibrary in Python):
  qd patterns add --name "…" --description "…" --tag …
  qd patterns search "what the error says"

Where your own agents have gone in circles, and how to have one stopped that does:
  qd loops scan
  qd loops hook --print-settings

qd --help lists all commands, qd costs --help those of the ledger. Here, qd is .venv/bin/qd."""


QUESTION = "call.json"
AS_PLANNER = ("--agent", "planner")
AS_REVIEWER = ("--agent", "reviewer")


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

    def show(
        self,
        why: str,
        *command: str,
        ends_with: int = 0,
        head: int | None = None,
        notes: int | None = None,
        reads: str = "",
    ) -> None:
        """Run ``qd`` with *command* and let it print.

        Args:
            why: what it is for.
            command: the arguments.
            ends_with: the exit code it should have.
            head: show only so many lines; None: all.
            notes: of what it remarks, show only so many lines; None: all.
            reads: a file in the tour's folder that is its stdin; empty: none.
        """
        around = (f" < {reads}" if reads else "") + ("" if head is None else f" | head -n {head}")
        print(f"\n# {why}\n{self._prompt} qd {shlex.join(command)}{around}", flush=True)
        stdout, stderr = (None if most is None else subprocess.PIPE for most in (head, notes))
        done = self._run(command, stdout, stderr, reads)
        shown = (done.stdout or b"").decode().splitlines()[:head]
        remarks = (done.stderr or b"").decode().splitlines()
        for line in (*shown, *remarks[:notes]):
            print(line)
        if notes is not None and len(remarks) > notes:
            print(f"({len(remarks) - notes} more such notes are left out here)")
        sys.stdout.flush()
        self.failed |= done.returncode != ends_with

    def ask(self, *command: str) -> dict[str, Any]:
        """What ``qd`` answers to *command* in JSON."""
        answer: dict[str, Any] = json.loads(self._run((*command, "--json"), stdout=subprocess.PIPE).stdout)
        return answer

    def _run(
        self,
        command: tuple[str, ...],
        stdout: int | None = None,
        stderr: int | None = None,
        reads: str = "",
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(  # noqa: S603 - our own program
            [QD, *command],
            cwd=self._folder,
            env=self._env,
            input=(self._folder / reads).read_bytes() if reads else None,
            stdout=stdout,
            stderr=stderr,
            check=False,
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
        "Take in what agents have written down. Copies of an answer count once; what\n"
        "# cannot be read (some lines are damaged on purpose) is named by file and line.",
        *("costs", "import"),
        notes=2,
    )
    tour.show("Once more: only what is new is read.", "costs", "import")
    tour.show("Today and this week at a glance.", "costs")
    tour.show("The last 30 days by model.", "costs", "report", "--days", "30", "--by", "model")
    sessions = tour.ask("costs", "sessions", "--source", "claude-code", "-n0")["sessions"]
    dearest = max(sessions, key=lambda session: session["total"]["cost_picousd"])["session"]
    tour.show(
        "Why did the dearest session cost that? Lines, answers, tokens, prices.",
        *("costs", "why", dearest[:8]),
        head=12,
    )
    tour.show(
        "What if all of that had run on one model?",
        *("costs", "what-if", "claude-haiku-4-5", "--days", "30"),
        head=4,
    )
    month = f"{datetime.now().astimezone():%Y-%m}"
    spent_usd = tour.ask("costs", "report", "--month", month)["total"]["cost_usd"]
    limit = f"{spent_usd * 1.1:.2f}"
    tour.show(
        "Stay within a budget; this one is nearly used up.", "costs", "budget", "set", limit, "--per", "month"
    )
    tour.show("How does it stand?", "costs", "budget")
    tour.show(
        "Would a call for that much still fit? Exit code 1 says no; in Python,\n"
        "# tracker.reserve() says so before the call, for all processes together.",
        *("costs", "budget", "check", f"{spent_usd / 5:.2f}"),
        ends_with=1,
    )
    tour.show("Is every sum that of the journal, to the pico-dollar?", "costs", "verify")


def remember(tour: Tour) -> None:
    """What agents put down for each other: values, tasks, and what they have learned."""
    plan = json.dumps({"files": ["api.py", "db.py"], "by": "noon"})
    tour.show(
        "The planner puts down a plan, for two hours.",
        "memory",
        "put",
        "plan",
        plan,
        "--ttl",
        "2h",
        *AS_PLANNER,
    )
    tour.show(
        "The reviewer reads it, in another process.",
        "memory",
        "get",
        "plan",
        "--from",
        "planner",
        *AS_REVIEWER,
    )
    key = "sk" + "-ant-api03-" + "Zq7" * 31 + "AA"  # in pieces: it should not look like one of ours
    tour.show(
        "A note with a secret and an address in it: they are taken out before it is stored.",
        *("memory", "put", "note", f"ask ada@lovelace.dev; the key is {key}", "--text", *AS_REVIEWER),
    )
    tour.show("What is kept of it.", "memory", "get", "note", *AS_REVIEWER)
    for name in ("api.py", "db.py"):
        tour.show(
            "A task for whoever comes first.", "memory", "push", "reviews", json.dumps(name), *AS_PLANNER
        )
    tour.show("It goes to one of them only.", "memory", "pop", "reviews", *AS_REVIEWER)
    learned = json.dumps(
        {"name": "Migrations before models", "description": "run them first", "tags": ["db"]}
    )
    tour.show(
        "What the reviewer has learned waits for a second look.", "memory", "stage", learned, *AS_REVIEWER
    )
    staged = tour.ask("memory", "staged")["patterns"][0]["id"]
    tour.show(
        "Nobody has made the reviewer a validator, and its own word does not count.",
        *("memory", "promote", staged, *AS_REVIEWER),
        ends_with=1,
    )
    tour.show("Who has put down what.", "memory", "ls", "--all")
    tour.show("Is everything as it should be?", "memory", "doctor")


def learn(tour: Tour, skills: str) -> None:
    """What agents have learned: found by words, ranked by how it turned out, shared as files."""
    for lesson in LESSONS:
        tour.show("An agent has learned something.", "patterns", "add", *lesson)
    tour.show("Skills that people have written are patterns, too.", "patterns", "import", skills)
    problem = ("OperationalError:", "database", "is", "locked")
    tour.show("Another agent has a problem, and asks in its words.", "patterns", "search", *problem, "-n2")
    waiting, retrying = "wait-for-a-locked-database", "retry-when-the-database-is-locked"
    for pattern, how in ((waiting, "worked"), (retrying, "failed")) * 2:
        tour.ask("patterns", "outcome", pattern, how, "--agent", "fixer")
    tour.show(
        "Two agents have tried both; this one tells what came of it.",
        *("patterns", "outcome", retrying, "failed", "--note", "three more times locked", "--agent", "fixer"),
    )
    tour.show("What works is first from now on, for every agent.", "patterns", "search", *problem, "-n2")
    tour.show(
        "The one takes the place of the other: that is kept, but not found any more.",
        *("patterns", "link", waiting, retrying, "--kind", "supersedes", *AS_REVIEWER),
    )
    tour.show("All that is known of it.", "patterns", "show", waiting, "--outcomes", "2")
    tour.show(
        "As an agent asks, by its situation; cut to the tokens its prompt has left.",
        *("patterns", "query", "task=fix a slow test", "language=python", "--render", "150"),
        *("--no-explore", "-n1", "--agent", "fixer"),
    )
    tour.show("The best there are.", "patterns", "top")
    tour.show("For other tools: a folder with a SKILL.md for each.", "patterns", "export", "library")


def circle(tour: Tour, question: str) -> None:
    """Where an agent has gone in circles, how one is stopped that does, and spirals in what is measured.

    Args:
        tour: in the folder that the sessions are of.
        question: the file with what Claude Code asks before the session's next call.
    """
    tour.show(
        "Which of the sessions of this project went in circles, and for how much? The one\n"
        "# that waits for a build is none of them. Exit code 1: somebody should have stopped it.\n"
        "# What is certain is recorded in the pattern library.",
        *("loops", "scan", "--record"),
        ends_with=1,
    )
    tour.show(
        "Another agent is about to search for the same, and asks what is known.",
        *("patterns", "query", "task=grep RETRY_LIMIT", "--no-explore", "-n1"),
    )
    tour.show(
        "Had the hook been there: Claude Code asks it before every call. Only when a call comes\n"
        "# again does it look closer, so the first time it says nothing.",
        *("loops", "hook"),
        reads=question,
    )
    tour.show(
        "The same call again. Exit code 2: it is not made.", "loops", "hook", reads=question, ends_with=2
    )
    tour.show(
        "Metrics: does trust fall because it falls? Exit code 1: a vicious loop is at work.",
        *("loops", "check", "spiral.jsonl"),
        ends_with=1,
    )
    tour.show("Here something outside pulls it down: a trend, no loop.", "loops", "check", "ramp.jsonl")
    tour.show("A loop that nobody listed, out of the numbers alone.", "loops", "discover", "storm.jsonl")


def main(folders: list[str]) -> int:
    """Exit code 1 when a command failed; the tour goes on."""
    failed = False
    with tempfile.TemporaryDirectory(prefix="quarterdeck-demo.") as state:
        for folder in (Path.cwd(), *map(Path, folders)):
            print(f"\n━━━ {folder.name} ━━━", flush=True)
            tour = Tour(folder, {**os.environ, "QUARTERDECK_HOME": state}, f"$ cd {folder.name} &&")
            walk(tour)
            failed |= tour.failed
        print(THE_LEDGER, flush=True)
        tour = Tour(*generated(Path(state)))
        spend(tour)
        print(THE_MEMORY, flush=True)
        remember(tour)
        print(THE_LIBRARY, flush=True)
        learn(tour, written_skills(Path(state)))
        failed |= tour.failed
        print(THE_LOOPS, flush=True)
        tour = Tour(*in_circles(Path(state)))
        circle(tour, QUESTION)
        failed |= tour.failed
    print(YOUR_TURN)
    return int(failed)


def generated(state: Path) -> tuple[Path, dict[str, str]]:
    """A home folder below *state* with transcripts up to today, and an environment with that home."""
    home = state / "home"
    home.mkdir()
    eight = datetime.now().astimezone().replace(hour=8, minute=0, second=0, microsecond=0)
    first_day = (eight - timedelta(days=DAYS - 1)).astimezone(UTC)
    write_transcripts(str(home), seed=SEED, size_bytes=TRANSCRIPT_BYTES, first_day=first_day)
    kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return home, {**kept, "HOME": str(home), "QUARTERDECK_HOME": str(state / "ledger")}


def in_circles(state: Path) -> tuple[Path, dict[str, str]]:
    """A home folder below *state*, a project as well, with sessions and histories, and an environment."""
    home = state / "engine"
    home.mkdir()
    demo_loops.write_sessions(home, home)
    demo_loops.write_histories(home)
    demo_loops.write_question(home / QUESTION)
    kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return home, {**kept, "HOME": str(home), "QUARTERDECK_HOME": str(state / "loops")}


def written_skills(state: Path) -> str:
    """A folder below *state* with `SKILLS`, as other tools keep them."""
    for name, (description, body) in SKILLS.items():
        folder = state / "skills" / name
        folder.mkdir(parents=True)
        head = f"---\nname: {name}\ndescription: {description}\n---\n\n"
        (folder / "SKILL.md").write_text(f"{head}{body}\n", encoding="utf-8")
    return str(state / "skills")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
