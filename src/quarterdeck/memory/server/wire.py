"""Commands to whoever has the data they are about, in one round trip for each server.

A command that a server has sent elsewhere, or whose script it does not know, has not been done; it is sent
again to where it belongs. Nothing else is ever sent twice.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from redis.exceptions import AskError, MovedError, NoScriptError, ReadOnlyError, ResponseError, TryAgainError

from quarterdeck.errors import ConfigError, QuarterdeckError
from quarterdeck.memory.server import failures
from quarterdeck.memory.server.address import Address, Place
from quarterdeck.memory.server.connect import Node, Reply, ask_nodes
from quarterdeck.memory.server.masters import Masters, masters_of
from quarterdeck.memory.server.scripts import SOURCES, Command

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_ROUNDS = 8
"""How often a command may be sent elsewhere before we give up."""
_PAUSE_S = 0.01

Asked = tuple[str, Command]
"""A name (whoever has it is asked) and what is asked."""


class Wire:
    """All servers of one address, as one; may be shared by threads.

    Attributes:
        address: theirs.
        masters: who of them has what.
        sense: with it, whoever asks takes the reply apart.
    """

    def __init__(self, address: Address, on_outage: Callable[[], None]) -> None:
        """Connects to nothing yet; *on_outage* is called after every failure of a connection."""
        self.address = address
        self.sense = failures.Sense(str(address))
        self._on_outage = on_outage
        self.masters: Masters = masters_of(address, on_outage)

    def ask(self, name: str, command: Command, *, write: bool = False) -> Reply:
        """The reply to one command about *name*; one round trip.

        Raises:
            MemoryUnavailable: the server is down, or has not answered in time.
            QuarterdeckError: the server refuses; see `failures.refused`.
        """
        return self.ask_each([(name, command)], write=write)[0]

    def ask_each(self, asked: Sequence[Asked], *, write: bool = False) -> list[Reply]:
        """The replies to several commands, in their order; one round trip, to all servers at a time.

        Raises:
            MemoryUnavailable: a server is down, or has not answered in time; others may have done their part.
            QuarterdeckError: a server refuses one of them; the others have been done.
        """
        replies: list[Reply] = [None] * len(asked)
        commands = [command for _, command in asked]
        asking: dict[int, Node] = {}  # who has been named by ASK, and for which of them
        again = list(range(len(asked)))
        for attempt in range(_ROUNDS):
            if attempt > 1:
                time.sleep(_PAUSE_S * attempt)
            batches: dict[Node, list[int]] = {}
            for index in again:
                node = asking.get(index) or self.masters.of(asked[index][0])
                batches.setdefault(node, []).append(index)
            again = []
            for index, reply in self._round(batches, commands, asking, write=write):
                replies[index] = reply
                if isinstance(reply, ResponseError) and self._redirected(index, reply, commands, asking):
                    again.append(index)
            if not again:
                break
            again.sort()
        for index, reply in enumerate(replies):
            if isinstance(reply, ResponseError):
                raise self._refused(reply, asking.get(index) or self.masters.of(asked[index][0])) from reply
        return replies

    def close(self) -> None:
        """Close all connections."""
        self.masters.close()

    @staticmethod
    def _round(
        batches: dict[Node, list[int]], commands: list[Command], asking: dict[int, Node], *, write: bool
    ) -> list[tuple[int, Reply]]:
        """One round trip; pairs of a command's index and its reply."""
        lines: dict[Node, list[Command]] = {}
        for node, indexes in batches.items():
            line: list[Command] = []
            lines[node] = line
            for index in indexes:
                if index in asking:
                    line.append(("ASKING",))
                line.append(commands[index])
        found = []
        for node, replies in ask_nodes(lines, write=write).items():
            kept = iter(replies)
            for index in batches[node]:
                if index in asking:
                    next(kept)
                found.append((index, next(kept)))
        return found

    def _redirected(
        self, index: int, error: ResponseError, commands: list[Command], asking: dict[int, Node]
    ) -> bool:
        """Whether a command that has been answered with *error* shall be sent again, and where."""
        if isinstance(error, NoScriptError):
            _, digest, *rest = commands[index]
            commands[index] = ("EVAL", SOURCES[str(digest)], *rest)
            return True
        asking.pop(index, None)
        if self.address.kind != "cluster":
            return False
        if isinstance(error, TryAgainError):
            return True
        if isinstance(error, MovedError):
            self._moved()
            return True
        if isinstance(error, AskError):
            self._on_outage()  # what lies there already nobody tells us of
            asking[index] = self.masters.at(Place(error.host, error.port))
            return True
        return False

    def _refused(self, error: ResponseError, node: Node) -> QuarterdeckError:
        if isinstance(error, AskError) and self.address.kind != "cluster":  # also MovedError
            return ConfigError(
                f"the memory server at {node.name} is one of a cluster, and the data is elsewhere in it",
                hint="write redis+cluster:// in its URL",
            )
        if isinstance(error, ReadOnlyError):
            self._moved()
        return failures.refused(error, node.name)

    def _moved(self) -> None:
        self.masters.forget()
        self._on_outage()
