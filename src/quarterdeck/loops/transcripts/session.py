"""One transcript while it is read: what its lines have told so far, whichever format they are in."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import msgspec

from quarterdeck.costs.importers.source import Problem
from quarterdeck.errors import UsageError
from quarterdeck.loops.transcripts.joining import Joining, Kept
from quarterdeck.loops.transcripts.price import Counted, Meter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from quarterdeck.costs.importers.source import Found
    from quarterdeck.costs.importers.transcript import Transcript
    from quarterdeck.costs.pricing import PriceBook


class Memory(msgspec.Struct):
    """What a `Session` keeps from one process to the next.

    Attributes:
        notes: what the reader of the format wants to know; JSON values only.
    """

    joining: Kept = msgspec.field(default_factory=Kept)
    counted: Counted = msgspec.field(default_factory=Counted)
    notes: dict[str, Any] = {}


class Session:
    """What has been read of one transcript.

    Attributes:
        transcript: it, at the line that is being read.
        joining: calls without an outcome.
        is_priced: whether anybody wants to know what answers cost.
        notes: as of `Memory`; the transcript's state.
        held: what the reader of the format wants to know as long as this process reads.
    """

    def __init__(
        self, transcript: Transcript, *, prices: PriceBook | None = None, memory: Memory | None = None
    ) -> None:
        """Go on at *memory*, with *prices* for what answers cost."""
        self.transcript = transcript
        self.joining = Joining(memory.joining if memory else None)
        self.notes = transcript.state
        self.held: object = None
        self._problems: list[Problem] = []
        self.is_priced = prices is not None
        self._meter = Meter(prices, memory.counted if memory else None)
        self._file = os.path.basename(transcript.path)

    def memory(self) -> Memory:
        """What the next process needs."""
        return Memory(self.joining.kept(), self._meter.counted(), self.notes)

    def name(self, line: int) -> str:
        """Where something stands."""
        return f"{self._file}:{line}"

    def problem(self, line: int, reason: str) -> None:
        """Something on *line* could not be understood."""
        self._problems.append(Problem(self.transcript.path, line, reason))

    def taken_problems(self) -> list[Problem]:
        """What could not be understood since the last time this was asked."""
        taken, self._problems = self._problems, []
        return taken

    def pay(self, requests: Iterable[Found], line: int, actor: str = "") -> None:
        """What *requests* finds on *line* is paid for the next event of *actor*."""
        try:
            for found in requests:
                if isinstance(found, Problem):
                    self.problem(line, found.reason)
                self.joining.pay(self._meter.gained(found), actor)
        except UsageError as error:
            self.problem(line, error.message)
        except ValueError as error:
            self.problem(line, str(error))
