"""Requests on their way into the ledger: each response once, with the most output that was seen of it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from quarterdeck.costs.line import timestamp
from quarterdeck.costs.model import MAX_COST_PICOUSD, MAX_LABEL_CHARS, MAX_TAGS, Request, checked, label
from quarterdeck.errors import UsageError

if TYPE_CHECKING:
    from quarterdeck.costs.importers.progress import Mark, Progress
    from quarterdeck.costs.importers.source import Replay
    from quarterdeck.costs.ledger import Ledger

FULL_REQUESTS = 10_000


class Batch:
    """Requests of one source that are not written yet, and the marks to set once they are.

    Attributes:
        marks: by path, how far the files have been read that these requests are from.
        shown: names of answers that replays may speak of.
        seen: requests that were put in, ever.
        written: records that went into the ledger, ever.
    """

    def __init__(self, source: str) -> None:
        self.marks: dict[str, Mark] = {}
        self.seen = 0
        self.written = 0
        self._source = source
        self._by_response: dict[str, Request] = {}
        self._also: dict[str, str] = {}
        self._others: list[Request] = []
        self.shown: set[str] = set()
        self._replays: list[Replay] = []

    @property
    def is_full(self) -> bool:
        """Whether it is time to write."""
        return len(self._by_response) + len(self._others) + len(self._replays) >= FULL_REQUESTS

    def add_replay(self, replay: Replay) -> None:
        """Put in a request that may be none.

        Raises:
            UsageError: as `add`.
        """
        _check(replay.request)
        self.seen += 1
        self._replays.append(replay)

    def add(self, request: Request, also: str = "") -> None:
        """Put in one request, its labels made to fit.

        Args:
            request: an answer, or the part of it that one line has.
            also: the name that telemetry has for it; of several lines the first one's counts, for later ones
                may be copies made for other requests.

        Raises:
            UsageError: its model, counts, price or time cannot be meant; names the field.
        """
        _check(request)
        self.seen += 1
        self._keep(request)
        if also and request.response_id:
            self._also.setdefault(identity_of(request.response_id), identity_of(also))

    def _keep(self, request: Request) -> None:
        response_id = identity_of(request.response_id)
        before = self._by_response.get(response_id)
        if not response_id:
            self._others.append(_fitting(request, self._source, response_id))
        elif before is None or before.usage.output_tokens < request.usage.output_tokens:
            self._by_response[response_id] = _fitting(request, self._source, response_id)

    def write(self, ledger: Ledger, progress: Progress) -> None:
        """Record what the ledger does not know yet, then note how far the files have been read.

        Raises:
            StoreFull, StateError: it could not be written; nothing is lost, for no mark was set.
        """
        if not (self.marks or self._by_response or self._others or self._replays):
            return
        spoken_of = {replay.of for replay in self._replays}
        repeated = self.shown | progress.shown(self._source, spoken_of - self.shown)
        for replay in self._replays:
            if replay.of not in repeated:
                self._keep(replay.request)
        names = self._names(ledger, progress)
        counted = ledger.counted(names.values()) if names else {}
        news = [
            request._replace(response_id=names[response_id])
            for response_id, request in self._by_response.items()
            if request.usage.output_tokens > counted.get(names[response_id], -1)
        ]
        self.written += ledger.record_many(self._others + news)
        progress.save(self._source, self.marks, self.shown)
        self.marks, self.shown = {}, set()
        self._by_response, self._also, self._others, self._replays = {}, {}, [], []

    def _names(self, ledger: Ledger, progress: Progress) -> dict[str, str]:
        """The name under which each response is to be recorded: the one that came into the ledger first.

        What is decided here holds for telemetry that comes later, also if nothing gets recorded now.
        """
        with progress.exclusively():
            names = {name: name for name in self._by_response} | progress.names(self._also)
            counted = ledger.counted({*self._also, *self._also.values()}) if self._also else {}
            pairs = {}
            for response_id, also in self._also.items():
                if names[response_id] == response_id and response_id not in counted:
                    if also in counted:
                        names[response_id] = also
                    pairs[also if names[response_id] == response_id else response_id] = names[response_id]
            progress.pair(pairs)
        return names


def _check(request: Request) -> None:
    checked(request.usage)
    if not request.model:
        raise UsageError("it names no model", hint="this source must skip it")
    if request.cost_picousd is not None and not 0 <= request.cost_picousd <= MAX_COST_PICOUSD:
        raise UsageError("it states a price that cannot be meant", hint="this source must leave it out")
    if request.at is not None:
        timestamp(request.at)


def _fitting(request: Request, source: str, response_id: str) -> Request:
    """*request* as the ledger takes it: no label is a reason to lose what was spent."""
    tags = list(request.tags.items())[:MAX_TAGS]
    return request._replace(
        model=label(request.model),
        provider=label(request.provider),
        task_type=label(request.task_type),
        tier=label(request.tier),
        service_tier=label(request.service_tier),
        session=label(request.session),
        project=label(request.project),
        user=label(request.user),
        source=source,
        response_id=response_id,
        tags={label(name): label(value) for name, value in tags},
    )


def identity_of(response_id: str) -> str:
    """*response_id*, or a digest of one that is too long to be kept or cannot be encoded."""
    if len(response_id) <= MAX_LABEL_CHARS and response_id.isascii():
        return response_id
    return hashlib.sha256(response_id.encode(errors="surrogatepass")).hexdigest()
