"""Sessions of an agent and histories of metrics, with loops and without, for the tour and the documentation.

    write_sessions(home, project)   ~/.claude     retry-limit   searches again and again what is not there
                                                  timeouts      undoes what it has just done
                                                  release       waits for a build, then reads: no loop
    write_histories(folder)         spiral.jsonl  trust and success that fall because they have fallen
                                    ramp.jsonl    the same two, pulled down by something outside
                                    storm.jsonl   a service in which retries make the queue longer
    write_question(path)            what Claude Code asks a hook before retry-limit searches once more

All of it is made up, and the same always.
"""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from quarterdeck.loops.events import AgentEvent
from quarterdeck.loops.transcripts import Format
from quarterdeck.testing.sessions import session_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHOSEN = "retry-limit"
"""The session in which the question is asked."""

_PLACE = Path(".claude", "projects", "engine")
_MODEL = "claude-sonnet-4-5-20250929"
_CONTEXT_TOKENS = 42_000
"""What each answer reads again out of the cache: all that was said before."""

_SEARCH = {"pattern": "RETRY_LIMIT", "path": "engine"}
_TESTS = {"command": "pytest -q"}
_BUILD = {"command": "gh run view 4711"}

Snapshot = dict[str, float]


def write_sessions(home: Path, project: Path) -> None:
    """Three sessions of Claude Code in *project*, where Claude Code keeps them below *home*."""
    folder = home / _PLACE
    folder.mkdir(parents=True)
    for name, script in _SESSIONS.items():
        lines = session_lines(Format.CLAUDE_CODE, list(script()))
        for line in lines:
            line |= {"cwd": str(project), "sessionId": name}
            if line.get("type") == "assistant":
                line["message"]["model"] = _MODEL
                line["message"]["usage"]["cache_read_input_tokens"] = _CONTEXT_TOKENS
        text = "".join(f"{json.dumps(line)}\n" for line in lines)
        for own in ("toolu_", "msg_01", "req_011"):  # ids are never those of another session
            text = text.replace(own, f"{own}{name}-")
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")


def write_question(path: Path) -> None:
    """What the hook is asked; paths in it begin where the home folder is."""
    question = {
        "hook_event_name": "PreToolUse",
        "session_id": CHOSEN,
        "transcript_path": str(_PLACE / f"{CHOSEN}.jsonl"),
        "tool_name": "Grep",
        "tool_input": _SEARCH,
    }
    path.write_text(f"{json.dumps(question, indent=2)}\n", encoding="utf-8")


def write_histories(folder: Path) -> None:
    """One file for each of the histories."""
    for name, history in (("spiral", spiral()), ("ramp", ramp()), ("storm", storm())):
        text = "".join(f"{json.dumps(snapshot)}\n" for snapshot in history)
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")


def spiral(length: int = 30) -> Iterator[Snapshot]:
    """Below two thirds, each of the two pulls the other one down."""
    dice = _dice()
    trust, success = 0.62, 0.6
    for _ in range(length):
        yield {"trust": round(trust, 2), "success_rate": round(success, 2)}
        trust, success = (
            _share(trust + 0.5 * (success - 0.66) * trust * (1 - trust) + dice.gauss(0, 0.01)),
            _share(success + 0.5 * (trust - 0.66) * success * (1 - success) + dice.gauss(0, 0.01)),
        )


def ramp(length: int = 30) -> Iterator[Snapshot]:
    """Both fall by the same amount every day, whatever they are at."""
    dice = _dice()
    for day in range(length):
        trust, success = 0.62 - 0.4 * day / length, 0.6 - 0.4 * day / length
        yield {
            "trust": round(trust + dice.gauss(0, 0.02), 2),
            "success_rate": round(success + dice.gauss(0, 0.02), 2),
        }


def _dice() -> Random:
    return Random(1)  # noqa: S311 - nothing secret is drawn


def _share(value: float) -> float:
    return min(1.0, max(0.0, value))


def storm(length: int = 240) -> Iterator[Snapshot]:
    """A longer queue answers later, late answers are asked for again, and what is asked again queues."""
    dice = _dice()
    queue, latency, retries, hits = 20.0, 120.0, 3.0, 0.7
    for _ in range(length):
        yield {
            "queue": round(queue, 1),
            "latency_ms": round(latency),
            "retries": round(retries, 1),
            "cache_hit_ratio": round(hits, 2),
        }
        queue, latency, retries, hits = (
            20 + 0.55 * (queue - 20) + 1.2 * (retries - 3) + dice.gauss(0, 3),
            120 + 0.3 * (latency - 120) + 2.2 * (queue - 20) + dice.gauss(0, 8),
            3 + 0.3 * (retries - 3) + 0.035 * (latency - 120) + dice.gauss(0, 0.8),
            0.7 + 0.8 * (hits - 0.7) + dice.gauss(0, 0.03),
        )


def _searches() -> Iterator[AgentEvent]:
    yield AgentEvent.heard("Where is the limit of retries? Make it 5.")
    client = "class Client:\n    def get(self, url):\n        return self._send(url)"
    yield AgentEvent.call("Read", {"file_path": "engine/http.py"}, client)
    for _ in range(40):
        yield AgentEvent.call("Grep", _SEARCH, "No matches found")


def _undoes() -> Iterator[AgentEvent]:
    yield AgentEvent.heard("One test fails. Make all of them pass.")
    yield AgentEvent.call("Bash", _TESTS, _failing("test_gives_up", 0), failed=True)
    short, long = "TIMEOUT_S = 10", "TIMEOUT_S = 60"
    for time in range(1, 10):
        before, after, fails = (
            (long, short, "test_slow_server") if time % 2 else (short, long, "test_gives_up")
        )
        edit = {"file_path": "engine/http.py", "old_string": before, "new_string": after}
        yield AgentEvent.call("Edit", edit, "The file engine/http.py has been updated.", failed=False)
        yield AgentEvent.call("Bash", _TESTS, _failing(fails, time), failed=True)


def _failing(test: str, time: int) -> str:
    return f"FAILED tests/test_http.py::{test}\n1 failed, 41 passed in {2.1 + time / 10:.2f}s"


def _waits() -> Iterator[AgentEvent]:
    yield AgentEvent.heard("When the build is through, say what is new in the modules.")
    for _ in range(20):
        yield AgentEvent.call("Bash", _BUILD, "status: in_progress", failed=False)
    yield AgentEvent.call("Bash", _BUILD, "status: completed, success", failed=False)
    for name in ("http", "cache", "queue", "store", "retry", "clock"):
        yield AgentEvent.call("Read", {"file_path": f"engine/{name}.py"}, f'"""The {name}."""')
    yield AgentEvent.said("The build is through. Only the clock is new.")


_SESSIONS: dict[str, Callable[[], Iterator[AgentEvent]]] = {
    "release": _waits,
    "timeouts": _undoes,
    CHOSEN: _searches,
}
