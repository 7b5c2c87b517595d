"""What three coding agents call a loop, by what they say of it in public, in our own words.

    OpenHands     four times the same action with the same observation; three times the same action, an error
                  each time; three messages of the agent in a row; six steps to and fro between two pairs of
                  action and observation
    gemini-cli    one to five calls in a row, five times over; in a text, 50 characters that come back ten
                  times, 250 characters apart at most on average and with at most five different texts between
                  them (not in code, tables, lists and headings, and no further than the next call); what it
                  asks a model after thirty turns is left out
    opencode      the same call three times in a row

All three look no further back than to the last message of the user. Where a description leaves room, they get
the kinder reading: that an agent says something between two calls does not tell them apart.

Source: https://docs.openhands.dev/sdk/guides/agent-stuck-detector and
https://github.com/OpenHands/software-agent-sdk/issues/762 (thresholds);
https://opencode.ai/docs/permissions (doom_loop). The thresholds of gemini-cli were not taken from its own
repository: they come from third-party mirrors of it and from a write-up of v0.55.1.
"""

from __future__ import annotations

import json
import re
from collections import deque
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from quarterdeck.loops.events.model import AgentEvent


class Rule(Protocol):
    """Something that is told event by event what an agent does."""

    def observe(self, event: AgentEvent) -> str:
        """What kind of loop the agent is in now; empty: none."""
        ...


class _Step(NamedTuple):
    """A call, as far as it can be the same as another one."""

    action: str
    observation: str
    failed: bool


def _step(event: AgentEvent) -> _Step:
    given = event.arguments
    if isinstance(given, str):  # the peers read it before they compare
        try:
            given = json.loads(given)
        except ValueError:
            given = event.arguments
    return _Step(f"{event.tool}:{json.dumps(given)}", json.dumps(event.outcome), event.failed is True)


class OpenHands:
    """The rules of its stuck detector."""

    SAME, FAILING, MESSAGES, ALTERNATING = 4, 3, 3, 6

    def __init__(self) -> None:
        self._steps: deque[_Step] = deque(maxlen=self.ALTERNATING)
        self._messages = 0

    def observe(self, event: AgentEvent) -> str:
        """A user's message ends everything."""
        if event.by_user:
            self._steps.clear()
            self._messages = 0
        elif event.tool:
            self._steps.append(_step(event))
            self._messages = 0
        else:
            self._messages += 1
        return self._verdict()

    def _verdict(self) -> str:
        steps = list(self._steps)
        if self._messages >= self.MESSAGES:
            return "monologue"
        if len(steps) >= self.SAME and len(set(steps[-self.SAME :])) == 1:
            return "same action and observation"
        failing = steps[-self.FAILING :]
        if (
            len(failing) == self.FAILING
            and all(step.failed for step in failing)
            and len({step.action for step in failing}) == 1
        ):
            return "same action, an error each time"
        if len(steps) == self.ALTERNATING and len(set(steps[::2])) == len(set(steps[1::2])) == 1:
            return "alternating" if steps[0] != steps[1] else ""
        return ""


class GeminiCli:
    """The rules of its loop detection that need no model."""

    TIMES, LONGEST = 5, 5
    CHUNK, CHUNK_TIMES, APART, DIFFERENT = 50, 10, 250, 5
    _STRUCTURE = re.compile(r"^\s*(?:```|\||[*+-]\s|\d+\.\s|#+\s|>)", re.MULTILINE)

    def __init__(self) -> None:
        self._calls: deque[str] = deque(maxlen=self.TIMES * self.LONGEST)
        self._text = ""
        self._places: dict[str, list[int]] = {}
        self._is_chanting = False

    def observe(self, event: AgentEvent) -> str:
        """A user's message ends everything; a call ends a text."""
        if event.by_user:
            self.__init__()  # type: ignore[misc]
        elif event.tool:
            self._forget_text()
            self._calls.append(_step(event).action)
        else:
            self._is_chanting = self._is_chanting or self._chants(event.text)
        if self._is_chanting:
            return "chanting"
        calls = list(self._calls)
        repeats = any(_repeats(calls, period, self.TIMES) for period in range(1, self.LONGEST + 1))
        return "repeated calls" if repeats else ""

    def _chants(self, text: str) -> bool:
        if self._STRUCTURE.search(text):
            self._forget_text()
            return False
        seen = max(0, len(self._text) - self.CHUNK + 1)
        self._text += text
        for start in range(seen, len(self._text) - self.CHUNK + 1):
            places = self._places.setdefault(self._text[start : start + self.CHUNK], [])
            places.append(start)
            if len(places) >= self.CHUNK_TIMES and self._is_regular(places[-self.CHUNK_TIMES :]):
                return True
        return False

    def _is_regular(self, places: Sequence[int]) -> bool:
        apart = (places[-1] - places[0]) / (len(places) - 1)
        between = {self._text[start:end] for start, end in pairwise(places)}
        return apart <= self.APART and len(between) <= self.DIFFERENT

    def _forget_text(self) -> None:
        self._text, self._places, self._is_chanting = "", {}, False


class OpenCode:
    """Its doom loop."""

    TIMES = 3

    def __init__(self) -> None:
        self._calls: deque[str] = deque(maxlen=self.TIMES)

    def observe(self, event: AgentEvent) -> str:
        """A user's message ends everything."""
        if event.by_user:
            self._calls.clear()
        elif event.tool:
            self._calls.append(_step(event).action)
        return "doom loop" if _repeats(list(self._calls), 1, self.TIMES) else ""


def _repeats(calls: Sequence[str], period: int, times: int) -> bool:
    """Whether *calls* end with *times* rounds of *period* calls."""
    length = period * times
    last = calls[-length:]
    return len(last) == length and last[period:] == last[:-period]


RULES: dict[str, Callable[[], Rule]] = {
    "rule of OpenHands": OpenHands,
    "rule of gemini-cli": GeminiCli,
    "rule of opencode": OpenCode,
}
