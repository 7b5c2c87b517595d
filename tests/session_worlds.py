"""Transcripts as Claude Code writes them, made up call by call."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

GREP = {"pattern": "TODO", "path": "src"}
NOTHING = "No matches found"


class Transcript:
    """A session's file that grows."""

    def __init__(self, path: Path, *, cwd: str = "/home/ada/engine", agent: str = "") -> None:
        """The file is there as soon as something is written; *agent* is the subagent whose file it is."""
        self.path = path
        self.cwd = cwd
        self.agent = agent
        self.at = datetime(2026, 3, 1, 12, tzinfo=UTC)
        self.lines = 0

    def asked(self, text: str = "find it") -> Transcript:
        """A person says something."""
        return self._put({"type": "user", "message": {"role": "user", "content": text}})

    def called(
        self,
        times: int = 1,
        tool: str = "Grep",
        arguments: object = None,
        outcome: object = NOTHING,
        *,
        failed: bool = False,
    ) -> Transcript:
        """The agent calls *tool* so many times, with one outcome."""
        for _ in range(times):
            name = f"toolu_{self.path.stem}_{self.agent}_{self.lines:08d}"
            call = {"type": "tool_use", "id": name, "name": tool, "input": arguments or GREP}
            result = {"type": "tool_result", "tool_use_id": name, "content": outcome, "is_error": failed}
            usage = {"input_tokens": 10, "output_tokens": 200, "cache_read_input_tokens": 50_000}
            answer = {"id": f"msg_{name}_of_the_api", "role": "assistant", "model": "claude-sonnet-4-5"}
            self._put({"type": "assistant", "message": {**answer, "content": [call], "usage": usage}})
            self._put({"type": "user", "message": {"role": "user", "content": [result]}})
        return self

    def _put(self, line: dict[str, Any]) -> Transcript:
        self.lines += 1
        self.at += timedelta(seconds=2)
        whole: dict[str, Any] = {
            "uuid": f"{self.path.stem}-{self.agent}-{self.lines}",
            "sessionId": self.path.stem,
            "cwd": self.cwd,
            "timestamp": self.at.isoformat().replace("+00:00", "Z"),
            "isSidechain": bool(self.agent),
            **line,
        }
        if self.agent:
            whole["agentId"] = self.agent
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a") as file:
            file.write(json.dumps(whole) + "\n")
        return self


def question(transcript: Path, **said: object) -> dict[str, object]:
    """What Claude Code says to a hook before a call of Grep."""
    return {
        "session_id": transcript.stem,
        "transcript_path": str(transcript),
        "cwd": str(transcript.parent),
        "hook_event_name": "PreToolUse",
        "tool_name": "Grep",
        "tool_input": GREP,
        **said,
    }
