"""The ledger: what is recorded goes into the journal, what is asked comes from the rollup."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, TypeVar, cast

from quarterdeck.costs.line import REPORTED, encode, timestamp
from quarterdeck.costs.model import MAX_COST_PICOUSD, MAX_LABEL_CHARS, MAX_TAGS, MAX_TOKENS, Request, checked
from quarterdeck.costs.pricing import PriceBook, cost_picousd, tier_of
from quarterdeck.costs.settings import CostsConfig
from quarterdeck.errors import StateError, StoreBusy, StoreCorrupt, UsageError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Sequence
    from datetime import date

    from quarterdeck.costs.ledger.calendar import Calendar, Choices
    from quarterdeck.costs.ledger.rollup import Rollup
    from quarterdeck.costs.ledger.totals import SessionTotal, Total
    from quarterdeck.costs.pricing import RateCard
    from quarterdeck.costs.record import Record
    from quarterdeck.journal import Journal, JournalReader
    from quarterdeck.journal.model import Durability

Answer = TypeVar("Answer")

LINES_PER_WRITE = 500
_LABELS = (
    "model", "provider", "task_type", "tier", "service_tier", "session", "project", "user", "source",
    "response_id", "replaces", "card",
)  # fmt: skip


class Priced(NamedTuple):
    """A request with its price, as its line says it.

    Attributes:
        at: UTC, ISO 8601 with milliseconds.
        card: the card's id, `REPORTED`, or empty.
        cost_picousd: None: it has no price.
    """

    at: str
    provider: str
    tier: str
    card: str
    cost_picousd: int | None


class _Opened(NamedTuple):
    """What answers questions.

    Attributes:
        version: of the ``ledger.json`` that *choices* stand in.
        is_settled: False while nothing is recorded.
        note: why the sums are in memory; empty: they are not, or nothing is recorded.
    """

    choices: Choices
    calendar: Calendar
    rollup: Rollup
    version: tuple[int, int]
    is_settled: bool
    note: str


class Ledger:
    """One folder with everything that was spent; any number of processes and threads may share it.

    Recording touches only the journal. Every question first takes in what the journal has gained.

    Attributes:
        folder: absolute path.
        config: its settings.
        prices: what turns usage into money.
        problems: what was amiss at the last question, for people; empty when all was well.
    """

    def __init__(
        self, folder: str, *, prices: PriceBook | None = None, config: CostsConfig | None = None
    ) -> None:
        """Touches no disk: the folder is made by the first record.

        Args:
            folder: where it lies.
            prices: published prices, and those of *config*, when left out.
            config: the settings; their defaults when left out.

        Raises:
            ConfigError: *config* has an own price that cannot be meant.
        """
        self.folder = os.path.abspath(folder)
        self.config = config or CostsConfig()
        self.prices = prices or PriceBook(None, self.config.prices)
        self.problems: list[str] = []
        self._aliases = {name: getattr(self.config, name) for name in ("cheap", "capable", "premium")}
        self._journal: Journal | None = None
        self._opened: _Opened | None = None

    @property
    def journal_folder(self) -> str:
        """Where the segments lie."""
        return os.path.join(self.folder, "journal")

    @property
    def journal(self) -> Journal:
        """The journal, to append to."""
        if self._journal is None:
            from quarterdeck.journal import Journal

            self._journal = Journal(
                self.journal_folder,
                durability=cast("Durability", self.config.durability),  # the journal refuses another
                sync_interval_s=self.config.sync_interval_s,
                rotate_bytes=self.config.rotate_bytes,
                compact_after_days=self.config.compact_after_days,
            )
        return self._journal

    @property
    def reader(self) -> JournalReader:
        """The journal, to read from."""
        from quarterdeck.journal import JournalReader

        return JournalReader(self.journal_folder)

    def price(self, request: Request) -> Priced:
        """What *request* costs, and what else its line will say; writes nothing.

        Raises:
            UsageError: a count, a label or the time cannot be meant; names the field.
        """
        checked(request.usage)
        _check_labels(request)
        at = datetime.now(UTC) if request.at is None else request.at
        stamp = timestamp(at)
        card, _ = self.card_until(
            request.model,
            provider=request.provider,
            service_tier=request.service_tier,
            at_s=at.timestamp(),
        )
        tier = request.tier or (tier_of(card) if card else "")
        provider = request.provider or (card.provider if card else "")
        stated = request.cost_picousd
        if stated is not None and (card is None or request.card):
            return Priced(stamp, provider, tier, request.card or REPORTED, stated)
        if card is None:
            return Priced(stamp, provider, tier, "", None)
        return Priced(stamp, provider, tier, card.id, cost_picousd(request.usage, card))

    def card_until(
        self, model: str, *, provider: str = "", service_tier: str = "", at_s: float | None = None
    ) -> tuple[RateCard | None, float]:
        """The rates of *model*, or of the model it is an alias for, and until when they hold.

        The first three are as a `Request` has them; *at_s* is in seconds after 1970, None: now.
        """
        return self.prices.card_until(
            self._aliases.get(model, model),
            provider=provider,
            service_tier=service_tier,
            at_s=time.time() if at_s is None else at_s,
        )

    def record(self, request: Request) -> Priced:
        """Price *request* and write it down; when this returns, a kill -9 does not lose it.

        Raises:
            UsageError: as `price`; nothing is written.
            StoreFull, StateError: it could not be written; nothing that was there before is touched.
        """
        priced = self.price(request)
        self.journal.append(encode(request, **priced._asdict()))
        return priced

    def record_many(self, requests: Iterable[Request]) -> int:
        """Price and write *requests*, some hundreds with each write; how many were written.

        Raises:
            UsageError, StoreFull, StateError: as `record`; those before it are written.
        """
        written = 0
        remaining = iter(requests)
        while batch := list(islice(remaining, LINES_PER_WRITE)):
            self.journal.append_many([encode(request, **self.price(request)._asdict()) for request in batch])
            written += len(batch)
        return written

    @property
    def choices(self) -> Choices:
        """The time zone of its days, and the tags that have sums of their own."""
        return self._open().choices

    @property
    def calendar(self) -> Calendar:
        """What a day is."""
        return self._open().calendar

    @property
    def rollup(self) -> Rollup:
        """The sums, as they were at the last `refresh`."""
        return self._open().rollup

    def refresh(self, progress: Callable[[int, int], None] | None = None) -> None:
        """Bring the sums up to date; every question does so itself.

        A rollup that cannot be written (full disk, read-only folder) is kept in memory; `problems` says so.

        Raises:
            StoreBusy: another process has been writing for too long.
            StoreCorrupt, StoreTooNew: ``ledger.json`` cannot be used.
            StateError: the journal cannot be read.
        """
        opened = self._open()
        try:
            problems = opened.rollup.refresh(progress)
        except StoreBusy:
            raise
        except (StateError, OSError) as error:
            if opened.note or not opened.is_settled:
                raise
            opened.rollup.close()
            opened = self._open_rollup(opened.choices, note=_note(error))
            problems = opened.rollup.refresh(progress)
        self.problems = [opened.note, *problems] if opened.note else problems

    def choose(self, choices: Choices) -> None:
        """Set the ledger's time zone and the tags that have sums; the next question makes the sums anew.

        Raises:
            UsageError: no such time zone, or an impossible tag.
        """
        from quarterdeck.costs.ledger.calendar import check_choices, save_choices

        save_choices(self.folder, check_choices(choices))
        self.close()

    def totals(
        self,
        since: date | None = None,
        until: date | None = None,
        *,
        by: Sequence[str] = (),
        where: Mapping[str, str] | None = None,
    ) -> list[Total]:
        """Sums of the days from *since* to *until*, both included.

        Args:
            since: a day of the ledger's calendar; None: the first.
            until: likewise; None: the last.
            by: of ``day``, ``month``, ``provider``, ``model``, ``task_type``, ``tier``, ``service_tier``,
                ``project``, ``source``, ``bracket``, ``tag:NAME`` (a chosen tag); in their order.
                None given: exactly one total of everything.
            where: by the same names, the value wanted.

        Raises:
            UsageError: there are no sums by that name.
        """
        from quarterdeck.costs.ledger.totals import totals

        tags = self.choices.tags  # not inside: whoever opens a rollup may hold no other's lock
        return self._answer(
            lambda connection: totals(
                connection, since=since, until=until, by=by, where=where or {}, tags=tags
            )
        )

    def sessions(
        self, *, session: str | None = None, since: datetime | None = None, limit: int = 0
    ) -> list[SessionTotal]:
        """The sessions, the latest first: all, or only *session*, or only those seen from *since* on."""
        from quarterdeck.costs.ledger.totals import sessions

        stamp = timestamp(since) if since else None
        return self._answer(
            lambda connection: sessions(connection, session=session, since=stamp, limit=limit)
        )

    def counted(self, response_ids: Iterable[str]) -> dict[str, int]:
        """Of those response ids that are in the sums already: the output tokens they count with."""
        from quarterdeck.costs.ledger.batch import known_outputs

        return self._answer(lambda connection: known_outputs(connection, response_ids))

    def dropped(self) -> dict[str, int]:
        """How many records were dropped because their response was counted already, by source."""
        return self._answer(
            lambda connection: dict(
                connection.execute("SELECT source, requests FROM dropped ORDER BY source")
            )
        )

    def rejected(self, limit: int = 100) -> list[tuple[str, int, str]]:
        """Lines of the journal that are no records: segment, offset, reason."""
        query = "SELECT segment, offset, reason FROM rejected ORDER BY segment, offset LIMIT ?"
        return self._answer(lambda connection: list(connection.execute(query, (limit or -1,))))

    def records(self) -> Iterator[tuple[str, Record]]:
        """Every record of the journal, duplicates included, with its place: ``segment@offset``; reads all."""
        from quarterdeck.costs.record import decode

        for chunk in self.reader.chunks({}):
            offset = chunk.offset
            for line in chunk.lines.split(b"\n")[:-1]:
                with contextlib.suppress(ValueError):  # `rejected` lists them
                    yield f"{chunk.segment}@{offset}", decode(line)
                offset += len(line) + 1

    def close(self) -> None:
        """Give back every file; the next call opens them again."""
        if self._journal is not None:
            self._journal.close()
            self._journal = None
        if self._opened is not None:
            self._opened.rollup.close()
            self._opened = None

    def _answer(self, ask: Callable[[sqlite3.Connection], Answer]) -> Answer:
        """What *ask* finds in the sums, brought up to date; again if they were damaged or made anew."""
        from quarterdeck import sqlite

        while True:
            self.refresh()
            rollup = self.rollup
            with rollup.lock:
                try:
                    with sqlite.snapshot(rollup.connection) as connection:
                        if rollup.is_whole():
                            return ask(connection)
                except StoreCorrupt:
                    if not rollup.discard_if_damaged():
                        raise

    def _open(self) -> _Opened:
        """The sums by the present choices; in memory while nothing is recorded: asking makes no files."""
        from quarterdeck.costs.ledger.calendar import Choices, load_choices, local_zone, version_of_choices

        opened, version = self._opened, version_of_choices(self.folder)
        if opened is not None:
            if opened.version == version and (opened.is_settled or not os.path.isdir(self.journal_folder)):
                return opened
            opened.rollup.close()
        recorded = os.path.isdir(self.journal_folder)
        try:
            choices = load_choices(self.folder) if recorded or any(version) else Choices(local_zone())
        except OSError as error:
            return self._open_rollup(Choices(local_zone()), note=_note(error))
        return self._open_rollup(choices, in_memory=not recorded)

    def _open_rollup(self, choices: Choices, *, in_memory: bool = False, note: str = "") -> _Opened:
        """Sums by *choices*, in memory with a *note* of why."""
        from quarterdeck import sqlite
        from quarterdeck.costs.ledger.calendar import Calendar, version_of_choices
        from quarterdeck.costs.ledger.rollup import FILE, Rollup

        path = sqlite.IN_MEMORY if in_memory or note else os.path.join(self.folder, FILE)
        calendar = Calendar(choices.timezone)
        rollup = Rollup(path, self.reader, calendar, choices)
        version = version_of_choices(self.folder)
        self._opened = _Opened(choices, calendar, rollup, version, not in_memory, note)
        return self._opened


def _note(error: StateError | OSError) -> str:
    return f"sums are kept in memory this time: {getattr(error, 'message', error)}"


def _check_labels(request: Request) -> None:
    for name in _LABELS:
        value: object = getattr(request, name)
        if not isinstance(value, str) or len(value) > MAX_LABEL_CHARS:
            raise UsageError(
                f"{name} must be a string of at most {MAX_LABEL_CHARS} characters, got {value!r:.60}",
                hint="shorten it, or leave it out",
            )
    if not request.model:
        raise UsageError("model is empty", hint="pass the model's name as the provider writes it")
    tags: object = request.tags
    if not isinstance(tags, Mapping) or len(tags) > MAX_TAGS or not all(map(_is_tag, tags.items())):
        raise UsageError(
            f"tags must be at most {MAX_TAGS} strings by name", hint='pass tags={"team": "search"}'
        )
    if type(request.requests) is not int or not 1 <= request.requests <= MAX_TOKENS:
        raise UsageError(f"requests must be 1 or more, got {request.requests!r:.40}", hint="leave it out")
    stated = request.cost_picousd
    if stated is not None and (type(stated) is not int or not 0 <= stated <= MAX_COST_PICOUSD):
        raise UsageError(
            f"cost_picousd must be a whole number from 0 to {MAX_COST_PICOUSD:,}, got {stated!r:.40}",
            hint="give it in pico-dollars: parse_usd() makes them of dollars",
        )


def _is_tag(pair: tuple[object, object]) -> bool:
    return all(isinstance(part, str) and len(part) <= MAX_LABEL_CHARS for part in pair)
