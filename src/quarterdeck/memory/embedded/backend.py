"""A memory in a file, in one piece: its entries and its logs, and how it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quarterdeck.errors import StoreCorrupt
from quarterdeck.memory.embedded.checkup import check
from quarterdeck.memory.embedded.entries import Entries
from quarterdeck.memory.embedded.logs import Logs
from quarterdeck.memory.embedded.watch import ClockWatcher

if TYPE_CHECKING:
    from quarterdeck.memory.backend import Health, Watcher


class EmbeddedBackend(Entries, Logs):
    """Agent memory in one SQLite file, for all processes of this machine; see `quarterdeck.memory.backend`.

    Opens on first use; the folder must be there. A file that was deleted or replaced meanwhile is left, at
    the next write or read that asks it, for the one that is there then.
    """

    kind = "embedded"

    def watch(self, prefix: str) -> Watcher:
        """See `Backend.watch`; wakes for every change, whatever its name."""
        return ClockWatcher(self._reader)

    def health(self) -> Health:
        """See `Backend.health`."""
        return check(self, self.path, self._slots)

    def durability_problem(self) -> str:
        """None: what is in a file stays there."""
        return ""

    def verify(self) -> list[str]:
        """What is damaged, in SQLite's words; reads the whole file. Empty when nothing is."""
        try:
            rows = self._reader.all("PRAGMA quick_check")
        except StoreCorrupt as error:  # it cannot even be read
            return [error.message]
        return [said.decode(errors="replace") for (said,) in rows if said != b"ok"]
