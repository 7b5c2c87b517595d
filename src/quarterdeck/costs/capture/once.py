"""Telemetry and transcripts tell of the same answers of Claude Code, under names of their own: counted once.

    event first       the import finds its request id in the ledger, and uses that name for the answer
    import first      it has noted the answer's request id; an event is recorded under the answer's name

Then they are one answer by the ledger's own rule. Looking up and recording is one step here, looking up and
noting is one step there, so that it does not matter how the two fall between each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from quarterdeck.costs.capture.reading import CLAUDE_CODE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from quarterdeck.costs.ledger import Ledger
    from quarterdeck.costs.model import Request


class Once:
    """A recorder that knows what has been imported."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def record_many(self, requests: Iterable[Request], /) -> int:
        """As the ledger does.

        Raises:
            StoreBusy: an import was looking up names for too long; besides as `Ledger.record_many`.
        """
        taken = list(requests)
        named = {one.response_id for one in taken if one.source == CLAUDE_CODE and one.response_id}
        if not named:
            return self._ledger.record_many(taken)
        from quarterdeck.costs.importers.progress import opened

        with opened(self._ledger) as progress, progress.exclusively():
            names = progress.names(named)
            return self._ledger.record_many(
                one._replace(response_id=names.get(one.response_id, one.response_id)) for one in taken
            )
