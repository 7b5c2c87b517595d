"""Where answers stand in the transcripts: every line, also those that an import would leave out."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.costs.importers.batch import identity_of
from quarterdeck.costs.importers.importing import listed
from quarterdeck.costs.importers.source import Replay, Traced
from quarterdeck.costs.importers.transcript import Transcript, open_plain
from quarterdeck.costs.model import Request, label

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from quarterdeck.costs.importers.source import Source


class Sighting(NamedTuple):
    """A line that shows an answer; the labels as the ledger has them.

    Attributes:
        also: the name under which telemetry may have told of it; empty: none.
    """

    path: str
    line: int
    response_id: str
    session: str
    output_tokens: int
    also: str = ""


def sightings(
    sources: Sequence[Source],
    roots: Mapping[str, Sequence[str]] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Sighting]:
    """Every answer on every line, in the order an import reads them; what cannot be read is passed over.

    Args:
        sources: whose transcripts.
        roots: by a source's name, where to look instead of its usual places.
        environment: in which the usual places are looked up; this process's when left out.
    """
    for source in sources:
        usual = source.places(os.environ if environment is None else environment)
        for path in listed(source, (roots or {}).get(source.name, usual), lambda _: None):
            with contextlib.suppress(OSError), open_plain(path) as file:
                transcript = Transcript(path, file)
                for item in source.read(transcript):
                    found = item.request if isinstance(item, Replay | Traced) else item
                    if isinstance(found, Request):
                        yield Sighting(
                            path,
                            transcript.reading,
                            identity_of(found.response_id),
                            label(found.session),
                            found.usage.output_tokens,
                            identity_of(item.also) if isinstance(item, Traced) else "",
                        )
