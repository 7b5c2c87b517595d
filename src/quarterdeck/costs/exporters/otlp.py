"""Mirroring the records that count to whoever takes OpenTelemetry's spans, each at least once.

    counting(ledger), after the checkpoint ──> spans ── some hundreds ──> POST ── taken ──> checkpoint

The checkpoint is a file in the ledger's folder, one for each endpoint, written after the answer: a crash
between the two sends some spans again, with the same ids.
"""

from __future__ import annotations

import contextlib
import os
import time
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from quarterdeck.costs.exporters.delivery import Delivery
from quarterdeck.costs.exporters.identity import ledger_id
from quarterdeck.costs.exporters.otlp_spans import export_of, span_of
from quarterdeck.costs.ledger.counted import counting
from quarterdeck.errors import StoreBusy, StoreCorrupt, StoreTooNew
from quarterdeck.files import Lease, failure, write_atomically
from quarterdeck.journal import Place
from quarterdeck.words import harmless

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from quarterdeck.costs.ledger import Ledger

PATH = "/v1/traces"
SPANS_PER_POST = 500
BYTES_PER_POST = 1_000_000
_CHUNK_BYTES = 262_144
_VERSION = 1


class MirrorReport(NamedTuple):
    """What one `mirror` did.

    Attributes:
        endpoint: where to, without credentials.
        spans: sent and taken.
        rejected: of them, those the receiver says it has not kept; they are not sent again.
        problems: what was amiss, for people.
    """

    endpoint: str
    spans: int
    rejected: int
    problems: tuple[str, ...]


class _Checkpoint(msgspec.Struct):
    """The file: how far each segment has been mirrored."""

    version: int
    places: dict[str, Place]


def mirror(
    ledger: Ledger,
    endpoint: str,
    *,
    headers: Mapping[str, str] | None = None,
    progress: Callable[[int, int], None] | None = None,
    wait: Callable[[float], None] = time.sleep,
) -> MirrorReport:
    """Send what *ledger* has gained since the last time to *endpoint*, as OTLP over HTTP in JSON.

    May be interrupted at any time, also killed, and run again. A record that was sent and no longer counts
    cannot be called back: the one that counts instead has the same trace and span id, and comes later.

    Args:
        ledger: whose records.
        endpoint: URL of the receiver of traces; one without a path gets ``/v1/traces``.
        headers: sent with each request, for example a token; never shown or logged.
        progress: called with the bytes of the journal mirrored so far and those there are to mirror.
        wait: how to wait before a receiver is asked again.

    Raises:
        UsageError: *endpoint* or a header cannot be meant.
        NothingToRead: nothing has ever been recorded.
        StateError: the receiver cannot be reached, or refuses.
        StoreBusy: another process is mirroring to the same endpoint.
    """
    delivery = Delivery(endpoint, headers or {}, default_path=PATH, wait=wait)
    identity = ledger_id(ledger.folder)
    name = blake2b(endpoint.encode(errors="replace"), digest_size=6).hexdigest()
    checkpoint = os.path.join(ledger.folder, f"mirror-{name}.json")
    encode = msgspec.json.Encoder().encode
    spans = rejected = done = 0
    with contextlib.closing(delivery), _alone(checkpoint, delivery.place), counting(ledger) as state:
        problems = list(ledger.problems)
        places = _load(checkpoint)
        lost = ledger.reader.missing(places)
        if lost:
            problems.append(f"the journal has lost records of {', '.join(sorted(lost))} that were mirrored")
        after = places | {segment: places[segment]._replace(final=True) for segment in lost}
        total = state.left(after)
        for chunk in state.chunks(after, max_bytes=_CHUNK_BYTES, problems=problems):
            told = (
                encode(span_of(record, f"{chunk.segment}@{offset}", identity))
                for offset, record in chunk.records
            )
            for portion in _portions(told):
                count, reason = _rejected(delivery.post(export_of(portion)))
                spans += len(portion)
                rejected += count
                if reason and reason not in problems:
                    problems.append(reason)
            places[chunk.segment] = chunk.place
            _save(checkpoint, places)
            done += chunk.size_bytes
            if progress is not None:
                progress(done, total)
    return MirrorReport(delivery.place, spans, rejected, tuple(problems))


def _portions(spans: Iterable[bytes]) -> Iterator[list[bytes]]:
    """*spans* in what is posted at once: neither too many nor too long."""
    portion: list[bytes] = []
    size_bytes = 0
    for span in spans:
        if portion and (len(portion) == SPANS_PER_POST or size_bytes + len(span) > BYTES_PER_POST):
            yield portion
            portion, size_bytes = [], 0
        portion.append(span)
        size_bytes += len(span)
    if portion:
        yield portion


def _rejected(answer: bytes) -> tuple[int, str]:
    """How many spans the receiver has not kept, and what it says; what is no OTLP answer says nothing."""
    try:
        partial = msgspec.json.decode(answer)["partialSuccess"]
        count = int(partial.get("rejectedSpans") or 0)
        message = str(partial.get("errorMessage") or "")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return 0, ""
    said = f"the receiver says: {harmless(message):.200}" if message else ""
    return max(0, count), said


@contextlib.contextmanager
def _alone(checkpoint: str, place: str) -> Iterator[None]:
    """Nobody else mirrors to the same endpoint meanwhile."""
    lock = f"{checkpoint}.lock"
    try:
        lease = Lease.take(lock)
    except OSError as error:
        raise failure(error, lock) from error
    if lease is None:
        raise StoreBusy(f"another process is mirroring to {place}", hint="wait until it has ended")
    with lease:
        yield


def _load(checkpoint: str) -> dict[str, Place]:
    try:
        with open(checkpoint, "rb") as file:
            found = msgspec.json.decode(file.read(), type=_Checkpoint)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise failure(error, checkpoint) from error
    except (ValueError, RecursionError) as error:
        raise StoreCorrupt(
            f"{checkpoint} is damaged: {error!s:.100}", hint="delete it to send everything once more"
        ) from error
    if found.version != _VERSION:
        raise StoreTooNew(f"{checkpoint} has version {found.version}", hint="upgrade quarterdeck")
    return found.places


def _save(checkpoint: str, places: dict[str, Place]) -> None:
    try:
        write_atomically(checkpoint, msgspec.json.encode(_Checkpoint(_VERSION, places)) + b"\n")
    except OSError as error:
        raise failure(error, checkpoint) from error
