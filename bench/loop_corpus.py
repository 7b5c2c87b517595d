"""What agents really did, call by call, with what really came of it: the ground that loops are laid into.

    package index -> the archive of agentdojo, by SHA-256 -> .run/agent-runs/ -> `Corpus`
    the wheel of bfcl-eval (`tool_questions`) -> `programs.simulated_calls` -> `Corpus`

    agentdojo    what 22 pipelines of 17 models did for a user in an office, a chat, a bank and on a journey;
                 the calls and their outcomes as they were written down
    bfcl-eval    the reference calls of conversations about files, cars, journeys, shares, tickets and
                 messages; the outcomes are of the leaderboard's own programs, run here

Some of agentdojo's models went in circles all by themselves. Which of its runs did is settled by counting,
before any detector is asked: in a loop one call had byte for byte one outcome five times or more; in a quiet
run no call had the same outcome more than twice, no tool failed more than three times, and no message shrank
to a quarter when it was compressed. What lies between is left out.

Source: E. Debenedetti et al., "AgentDojo" (2024), under the MIT licence; S. Patil et al., "The Berkeley
Function Calling Leaderboard" (2025), under Apache-2.0.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import tempfile
import zlib
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from bench import corpora, tool_questions
from quarterdeck.loops.events.model import AgentEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

FOLDER = Path(__file__).resolve().parent.parent / ".run" / "agent-runs"

ARCHIVE = corpora.Corpus(
    "agentdojo",
    "0.1.29",  # the last one whose archive holds the runs
    "f072b82b1229b1ea966b7da3b486292e685efc2b1e936566a94c1728789ba3be",
    "src/agentdojo",
    "src/agentdojo/task_suite/task_suite.py",
)

CIRCLES = 5
"""One outcome of one call so often is a loop."""
QUIET_CALLS, QUIET_FAILURES = 2, 3
"""At most so often may a call have one outcome, and a tool fail, in a run that is no loop."""
CHANT = 0.25
"""A message that can be compressed to less of its size says one thing again and again. One message can, to
0.12; the next one only to 0.30."""


class Run(NamedTuple):
    """What an agent did for one message of a user, or for a few.

    Attributes:
        agent: who it was, such as a model's name.
        task: what it was about; runs with the same tools share it.
        events: in order; the first is the user's message.
    """

    agent: str
    task: str
    events: tuple[AgentEvent, ...]


class RealLoop(NamedTuple):
    """A run that went in circles by itself.

    Attributes:
        start, end: numbers of the events, from 0, at which the repeated call is first and last made.
        tool: what is called.
    """

    run: Run
    start: int
    end: int
    tool: str


class Corpus(NamedTuple):
    """Runs without loops, and runs with one."""

    quiet: list[Run]
    looping: list[RealLoop]


def fetch(folder: Path = FOLDER) -> Corpus:
    """Everything; downloads and runs what it needs the first time.

    Raises:
        CorpusUnavailable: an archive cannot be had, or is not the one that was pinned.
    """
    office = _kept(folder / f"{ARCHIVE.folder_name}.jsonl", _of_agentdojo)
    simulated = _kept(folder / f"{tool_questions.NAME}-{tool_questions.VERSION}.jsonl", _of_bfcl)
    runs = [(_run(row), bool(row["undisturbed"])) for row in office]
    loops = [loop for run, _ in runs if (loop := real_loop(run)) is not None]
    quiet = [run for run, undisturbed in runs if undisturbed and is_quiet(run)]
    return Corpus(quiet + [run for row in simulated if is_quiet(run := _run(row))], loops)


def real_loop(run: Run) -> RealLoop | None:
    """The call that had the same outcome most often; None: less than `CIRCLES` times."""
    places: dict[tuple[str, str, str], list[int]] = {}
    for number, event in enumerate(run.events):
        if event.tool:
            places.setdefault(_identity(event), []).append(number)
    most = max(places.values(), key=len, default=[])
    if len(most) < CIRCLES:
        return None
    return RealLoop(run, most[0], most[-1], run.events[most[0]].tool)


def is_quiet(run: Run) -> bool:
    """Whether nothing in it comes back so often that somebody might call it a loop."""
    calls = [event for event in run.events if event.tool]
    same = Counter(map(_identity, calls))
    failures = Counter(event.tool for event in calls if event.failed)
    return (
        max(same.values(), default=0) <= QUIET_CALLS
        and max(failures.values(), default=0) <= QUIET_FAILURES
        and not any(_chants(event.text.encode()) for event in run.events if event.text)
    )


def _chants(text: bytes) -> bool:
    return len(zlib.compress(text)) < CHANT * len(text)


def _identity(event: AgentEvent) -> tuple[str, str, str]:
    return event.tool, json.dumps(event.arguments, sort_keys=True), str(event.outcome)


def _run(row: Mapping[str, Any]) -> Run:
    return Run(row["agent"], row["task"], tuple(_event(step) for step in row["steps"]))


def _event(step: Mapping[str, Any]) -> AgentEvent:
    if step["who"] == "user":
        return AgentEvent.heard(step["text"])
    if step["who"] == "agent":
        return AgentEvent.said(step["text"])
    return AgentEvent.call(step["tool"], step["arguments"], step["outcome"], failed=step["failed"])


def _kept(path: Path, make: Callable[[Path], Iterable[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """The rows of *path*, made the first time. Whole or not at all."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part")
        with open(unfinished, "w", encoding="utf-8") as out:
            out.writelines(json.dumps(row) + "\n" for row in make(path.parent))
        unfinished.rename(path)
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _of_agentdojo(folder: Path) -> Iterable[dict[str, Any]]:
    """Runs that nobody attacked, and those of the others in which a call was made `CIRCLES` times."""
    archive = corpora.download(ARCHIVE, folder)  # a file: nobody needs its 22,000 folders
    with tarfile.open(archive) as tar:
        for member in tar:
            _, _, inside = member.name.partition("/")
            is_run = inside.startswith("runs/") and inside.endswith(".json")
            file = tar.extractfile(member) if is_run else None
            if file is None:
                continue
            _, agent, suite, *_ = inside.split("/")
            steps = list(_steps(json.load(file)["messages"]))
            row = {
                "agent": agent,
                "task": suite,
                "steps": steps,
                "undisturbed": inside.endswith("none/none.json"),
            }
            if row["undisturbed"] or real_loop(_run(row)) is not None:
                yield row
    archive.unlink()


def _steps(messages: Sequence[Mapping[str, Any]]) -> Iterable[dict[str, Any]]:
    """The user's message once: one pipeline says it again after each call, and no user did."""
    heard = set()
    for message in messages:
        if message["role"] == "user" and message["content"] not in heard:
            heard.add(message["content"])
            yield {"who": "user", "text": message["content"]}
        elif message["role"] == "assistant" and message["content"]:
            yield {"who": "agent", "text": message["content"]}
        elif message["role"] == "tool":
            call = message["tool_call"]
            outcome = message["error"] or message["content"]
            yield {
                "who": "tool", "tool": call["function"], "arguments": call["args"], "outcome": outcome,
                "failed": message["error"] is not None,
            }  # fmt: skip


def _of_bfcl(_: Path) -> Iterable[dict[str, Any]]:
    data = tool_questions.fetch()
    program = Path(__file__).parent / "programs" / "simulated_calls.py"
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            [sys.executable, "-P", str(program), str(data)],
            cwd=home,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise corpora.CorpusUnavailable(
            f"the simulators of {tool_questions.NAME} failed: {done.stderr[-200:]}"
        )
    return map(json.loads, done.stdout.splitlines())
