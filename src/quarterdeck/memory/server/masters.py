"""Who has an entry: one server, the one that Sentinel names, or one of a cluster."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from bisect import bisect_right
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, Protocol

from redis.crc import key_slot
from redis.exceptions import ResponseError

from quarterdeck.errors import ConfigError, MemoryUnavailable
from quarterdeck.memory.server import failures
from quarterdeck.memory.server.address import Address, Place
from quarterdeck.memory.server.connect import Node, Reply

if TYPE_CHECKING:
    from collections.abc import Callable

SLOTS = 16_384


class Masters(Protocol):
    """The servers that have the data; may be shared by threads."""

    def of(self, name: str) -> Node:
        """The server that has the entry or log *name*; may cost a round trip to find it.

        Raises:
            MemoryUnavailable: nobody has it, or nobody knows.
        """

    def at(self, place: Place) -> Node:
        """The server at *place*, which another one has named."""

    def all(self) -> list[Node]:
        """All of them, in a fixed order."""

    def forget(self) -> None:
        """It has turned out that things have changed: look anew before the next use."""

    def close(self) -> None:
        """Close all connections."""


def masters_of(address: Address, on_outage: Callable[[], None]) -> Masters:
    """The masters that *address* leads to; nothing is connected yet."""
    if address.kind == "sentinel":
        return Watched(address, on_outage)
    if address.kind == "cluster":
        return Cluster(address, on_outage)
    return Alone(address, on_outage)


class Alone:
    """One server, always the same."""

    def __init__(self, address: Address, on_outage: Callable[[], None]) -> None:
        self._node = Node(address, address.places[0] if address.places else None, on_outage)

    def of(self, name: str) -> Node:
        """The server."""
        return self._node

    def at(self, place: Place) -> Node:
        """The server."""
        return self._node

    def all(self) -> list[Node]:
        """The server."""
        return [self._node]

    def forget(self) -> None:
        """Nothing is known that could have changed."""

    def close(self) -> None:
        """Close its connections."""
        self._node.close()


class _Found(ABC):
    """Nodes that others have named, and the lock for what is known of them."""

    def __init__(self, address: Address, on_outage: Callable[[], None]) -> None:
        self._address = address
        self._on_outage = on_outage
        self._nodes: dict[Place, Node] = {}
        self._lock = threading.Lock()

    def at(self, place: Place) -> Node:
        """The server at *place*; always the same object, so that its breaker is remembered."""
        node = self._nodes.get(place)
        if node is None:
            node = self._nodes.setdefault(place, Node(self._address, place, self._changed))
        return node

    @abstractmethod
    def forget(self) -> None:
        """Look anew before the next use."""

    def close(self) -> None:
        """Close all connections."""
        for node in list(self._nodes.values()):
            node.close()

    def _changed(self) -> None:
        self.forget()
        self._on_outage()


class Watched(_Found):
    """The master that Sentinel names."""

    def __init__(self, address: Address, on_outage: Callable[[], None]) -> None:
        super().__init__(address, on_outage)
        stranger = replace(address, db=0, username="", password="")
        self._sentinels = {place: Node(stranger, place, _nothing) for place in address.places}
        self._master: Node | None = None

    def of(self, name: str) -> Node:
        """The master; one round trip to a sentinel if it has been forgotten."""
        return self._master or self._find()

    def all(self) -> list[Node]:
        """The master."""
        return [self._master or self._find()]

    def forget(self) -> None:
        """Ask a sentinel before the next use."""
        self._master = None

    def close(self) -> None:
        """Close all connections."""
        super().close()
        for node in self._sentinels.values():
            node.close()

    def _find(self) -> Node:
        problem = None
        for place in self._address.places:
            try:
                reply = self._ask(place)
            except MemoryUnavailable as error:
                problem = error
                continue
            if isinstance(reply, ResponseError):
                raise failures.refused(reply, str(place)) from reply
            if reply is not None:
                with failures.Sense(str(place)):
                    host, port = reply
                    master = self.at(Place(host.decode(), int(port)))
                self._master = master
                return master  # not what another thread may have forgotten meanwhile
        raise MemoryUnavailable(
            f"no sentinel at {self._address} "
            + ("can be reached" if problem else "knows that service")
            + "; nothing was sent",
            hint=problem.hint if problem else "check the name of the service in the URL",
        )

    def _ask(self, place: Place) -> Reply:
        """Where the master is, as the sentinel at *place* says."""
        question = ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._address.service)
        try:
            return self._sentinels[place].ask(question)
        except ConfigError:  # it wants to know who we are, which few sentinels do
            if not self._address.password:
                raise
            self._sentinels[place] = Node(replace(self._address, db=0), place, _nothing)
            return self._sentinels[place].ask(question)


class Span(NamedTuple):
    """Slots from *first* to *last*, and who has them."""

    first: int
    last: int
    node: Node


class Cluster(_Found):
    """The masters of a cluster, each with its slots."""

    def __init__(self, address: Address, on_outage: Callable[[], None]) -> None:
        super().__init__(address, on_outage)
        self._spans: list[Span] = []

    def of(self, name: str) -> Node:
        """Who has the slot of *name*."""
        slot = key_slot(name.encode())
        spans = self._spans or self._find()
        span = spans[bisect_right(spans, slot, key=_first) - 1]
        if not span.first <= slot <= span.last:
            self.forget()
            raise MemoryUnavailable(
                f"no server of the cluster {self._address} has slot {slot}; nothing was sent",
                hint="mend the cluster: redis-cli --cluster check",
            )
        return span.node

    def all(self) -> list[Node]:
        """All masters with slots, in the order of these."""
        return list(dict.fromkeys(span.node for span in self._spans or self._find()))

    def forget(self) -> None:
        """Ask one of them before the next use."""
        self._spans = []

    def covered(self) -> int:
        """How many of the `SLOTS` slots somebody has."""
        return sum(span.last - span.first + 1 for span in self._spans or self._find())

    def _find(self) -> list[Span]:
        with self._lock:
            if spans := self._spans:
                return spans
            places = dict.fromkeys((*self._nodes, *self._address.places))
            candidates = sorted(map(self.at, places), key=lambda node: node.breaker.outage() is not None)
            problem: MemoryUnavailable | None = None
            for node in candidates:
                try:
                    reply = node.ask(("CLUSTER", "SLOTS"))
                except MemoryUnavailable as error:
                    problem = error
                    continue
                if isinstance(reply, ResponseError):
                    raise failures.refused(reply, node.name) from reply
                with failures.Sense(node.name):
                    spans = sorted(self._spans_of(reply, node), key=_first)
                if spans:
                    self._spans = spans
                    return spans
        raise MemoryUnavailable(
            f"no server of the cluster {self._address} "
            + ("can be reached" if problem else "has any slot")
            + "; nothing was sent",
            hint=problem.hint if problem else "mend the cluster: redis-cli --cluster check",
        )

    def _spans_of(self, reply: Reply, asked: Node) -> list[Span]:
        assert asked.place
        spans = []
        for first, last, (host, port, *_), *_ in reply:
            place = Place(host.decode() if host else asked.place.host, int(port))
            spans.append(Span(int(first), int(last), self.at(place)))
        return spans


def _first(span: Span) -> int:
    return span.first


def _nothing() -> None:
    """What an outage of a sentinel means for the copies of entries."""
