"""``simulated_calls.py DATA``: make the reference calls of conversations, print what comes of them.

    DATA/possible_answer -> calls -> the leaderboard's simulators of programs -> one run a line, as JSON

Whoever drives the same programs counts as one agent. Conversations that need the calculator are left out: it
needs a package that we do not.
"""

from __future__ import annotations

import ast
import copy
import importlib
import inspect
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CATEGORIES = ("multi_turn_base", "multi_turn_long_context")
MODULES = "bfcl_eval.eval_checker.multi_turn_eval.func_source_code"
PROGRAMS = {
    "GorillaFileSystem": "gorilla_file_system",
    "MessageAPI": "message_api",
    "TicketAPI": "ticket_api",
    "TradingBot": "trading_bot",
    "TravelAPI": "travel_booking",
    "TwitterAPI": "posting_api",
    "VehicleControlAPI": "vehicle_control",
}


def main(data: Path) -> None:
    """One line for each conversation that can be had."""
    sys.path.insert(0, str(data.parent.parent))
    for category in CATEGORIES:
        answers = {row["id"]: row["ground_truth"] for row in _rows(data / "possible_answer", category)}
        for row in _rows(data, category):
            if all(name in PROGRAMS for name in row["involved_classes"]):
                steps = list(_steps(row, answers[row["id"]], is_long=category.endswith("long_context")))
                agent = " and ".join(sorted(row["involved_classes"]))
                print(json.dumps({"agent": agent, "task": category, "steps": steps, "undisturbed": True}))


def _steps(row: Mapping[str, Any], turns: list[list[str]], *, is_long: bool) -> Iterator[dict[str, Any]]:
    methods: dict[str, Any] = {}
    for name in row["involved_classes"]:
        program = getattr(importlib.import_module(f"{MODULES}.{PROGRAMS[name]}"), name)()
        program._load_scenario(copy.deepcopy(row["initial_config"].get(name, {})), long_context=is_long)  # noqa: SLF001
        methods |= {
            key: method for key, method in inspect.getmembers(program, inspect.ismethod) if key[0] != "_"
        }
    for messages, calls in zip(row["question"], turns, strict=True):
        said = "\n".join(message["content"] for message in messages if message["role"] == "user")
        yield {"who": "user", "text": said or "Go on."}
        for call in calls:
            yield from _made(call, methods)


def _made(call: str, methods: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The call, as it is written in Python with literal arguments; a call of anything else is left out."""
    node = ast.parse(call, mode="eval").body
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id not in methods:
        return
    method = methods[node.func.id]
    try:
        given = inspect.signature(method).bind(
            *map(ast.literal_eval, node.args),
            **{word.arg or "": ast.literal_eval(word.value) for word in node.keywords},
        )
        outcome = method(*given.args, **given.kwargs)
    except (TypeError, ValueError, KeyError, AttributeError) as error:  # what a stranger's program may raise
        outcome = {"error": str(error)}
        given = None
    yield {
        "who": "tool",
        "tool": node.func.id,
        "arguments": dict(given.arguments) if given else {},
        "outcome": outcome if outcome is None else json.dumps(outcome, default=str),
        "failed": isinstance(outcome, dict) and "error" in outcome,
    }


def _rows(folder: Path, category: str) -> list[dict[str, Any]]:
    lines = (folder / f"BFCL_v4_{category}.json").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.strip()]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
