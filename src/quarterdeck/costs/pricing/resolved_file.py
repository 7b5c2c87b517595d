"""What was resolved before, on disk, so that a new process need not import the price library.

A line is a checksum, a key and a schedule, separated by tabs:

    5d0a81c3  ["genai_prices-0.2.3 quarterdeck-0.1.0 1","claude-haiku-4-5","",""]  {"cards":[…],…}

It is a cache: lines that are torn, foreign or of other data are passed over, and where nothing can be
read or written everything works without. Many processes may append; each writes a line at once.
"""

from __future__ import annotations

import binascii
import contextlib
import json
import os
from typing import TYPE_CHECKING

from quarterdeck.costs.pricing.rate_card import Bracket, RateCard
from quarterdeck.costs.pricing.schedule import Period, Schedule
from quarterdeck.files import PRIVATE_FILE, private_folder, write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_BYTES = 1_000_000
"""A few thousand models; a larger file is begun anew."""

FORMAT = 1
"""Raise it when the same data resolves to something else than before, between two releases too."""


class ResolvedFile:
    """The schedules at *path*; read whole, once, at the first question.

    Args:
        path: of the file; its folder is made when there is something to keep.
        data: the name of the data that schedules are resolved from; those of other data are passed over.
    """

    def __init__(self, path: str, data: str) -> None:
        self._path = path
        self._data = data
        self._lines: Mapping[bytes, tuple[bytes, bytes]] | None = None
        self._full = False

    def get(self, model: str, provider: str, service_tier: str) -> Schedule | None:
        """What was resolved under that name from the data installed now; None: nothing yet."""
        key = self._key(model, provider, service_tier)
        if self._lines is None:
            self._lines = self._read()
        line = self._lines.get(key)
        if line is None or line[0] != _checksum(key, line[1]):
            return None
        return _decoded(line[1])

    def put(self, model: str, provider: str, service_tier: str, schedule: Schedule) -> None:
        """Append *schedule*; where that fails, the next process resolves it again."""
        key, body = self._key(model, provider, service_tier), _encoded(schedule)
        # The first newline ends what a killed writer may have left; the reader passes over empty lines.
        line = b"\n%s\t%s\t%s\n" % (_checksum(key, body), key, body)
        with contextlib.suppress(OSError):
            private_folder(os.path.dirname(os.path.abspath(self._path)))
            if self._full:
                write_atomically(self._path, line)
                self._full = False
                return
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
            descriptor = os.open(self._path, flags, PRIVATE_FILE)
            try:
                os.write(descriptor, line)
            finally:
                os.close(descriptor)

    def _read(self) -> dict[bytes, tuple[bytes, bytes]]:
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            try:
                content = os.read(descriptor, MAX_BYTES + 1)
            finally:
                os.close(descriptor)
        except OSError:
            return {}
        self._full = len(content) > MAX_BYTES
        parts = (line.split(b"\t") for line in content.split(b"\n"))
        return {part[1]: (part[0], part[2]) for part in parts if len(part) == 3}

    def _key(self, *name: str) -> bytes:
        return json.dumps([self._data, *name], separators=(",", ":")).encode()


def data_version() -> str:
    """The names of the installed price data and of what resolves it; empty where they cannot be told.

    Not by importlib.metadata: that import alone costs thirty milliseconds.
    """
    import importlib.util

    spec = importlib.util.find_spec("genai_prices")
    if spec is None or not spec.origin:
        return ""
    place = os.path.dirname(os.path.dirname(spec.origin))
    try:
        names = [name.removesuffix(".dist-info") for name in os.listdir(place) if name.endswith(".dist-info")]
    except OSError:
        return ""
    data = [name for name in names if name.startswith("genai_prices-")]
    ours = [name for name in names if name.startswith("quarterdeck-")]
    return " ".join([*data, *ours, str(FORMAT)]) if data else ""


def _checksum(key: bytes, body: bytes) -> bytes:
    return b"%08x" % binascii.crc32(body, binascii.crc32(key))


def _encoded(schedule: Schedule) -> bytes:
    """Each card once: the periods name it by its place in the list."""
    cards = list(dict.fromkeys(card for period in schedule.periods for _, card in period.parts if card))
    periods = [
        [period.from_s, [[second, cards.index(card) if card else None] for second, card in period.parts]]
        for period in schedule.periods
    ]
    return json.dumps({"cards": cards, "periods": periods}, separators=(",", ":")).encode()


def _decoded(body: bytes) -> Schedule:
    """The schedule that `_encoded` wrote as *body*: the checksum has matched."""
    fields = json.loads(body)
    cards = [
        RateCard(
            card_id,
            provider,
            model,
            tuple(
                Bracket(above, tuple(coefficients), per_request)
                for above, coefficients, per_request in brackets
            ),
            scale,
            tuple(notes),
        )
        for card_id, provider, model, brackets, scale, notes in fields["cards"]
    ]
    return Schedule(
        tuple(
            Period(
                from_s, tuple((second, None if place is None else cards[place]) for second, place in parts)
            )
            for from_s, parts in fields["periods"]
        )
    )
