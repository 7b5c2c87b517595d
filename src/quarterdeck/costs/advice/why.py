"""Why a session cost what it cost: raw lines -> each answer once -> tokens x rates = cost.

    the journal's records of the session   -> its answers, and which record of each counts
    the transcripts, read from their start -> every line that shows one of them, and why it does not count
    the card of each                       -> its tokens by class, each at its rate

Nothing is taken from the sums, so it can be held against them.
"""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.costs.importers import known
from quarterdeck.costs.importers.sightings import Sighting, sightings
from quarterdeck.costs.model import Usage
from quarterdeck.errors import NothingToRead, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from quarterdeck.costs.importers.source import Source
    from quarterdeck.costs.ledger import Ledger
    from quarterdeck.costs.pricing import RateCard
    from quarterdeck.costs.record import Record

COUNTED = "counted"
EARLIER = "an earlier state of the answer, with less output"
REPEATED = "the same answer again"
COPIED = "a copy in another session"


class Line(NamedTuple):
    """A line of a transcript that shows an answer.

    Attributes:
        path: of the transcript.
        line: counted from 1.
        session: of the line.
        output_tokens: as they stood there.
        verdict: `COUNTED`, or why it did not count.
    """

    path: str
    line: int
    session: str
    output_tokens: int
    verdict: str


class Charge(NamedTuple):
    """What one class of tokens cost; the classes of an answer do not overlap.

    Attributes:
        what: the class.
        tokens: of the class; or searches, or requests.
        rate_picousd: of each.
    """

    what: str
    tokens: int
    rate_picousd: Fraction

    @property
    def cost_picousd(self) -> Fraction:
        """Exact; together they are the answer's price."""
        return self.tokens * self.rate_picousd


class Answer(NamedTuple):
    """One answer that counts in the session.

    Attributes:
        response_id: empty where it has none.
        place: of its record in the journal, ``segment@offset``.
        record: what was charged.
        lines: that show it, in the order they are read; none when its transcript is gone or never was.
        charges: empty when there was no price, or one that the price list does not have any more.
    """

    response_id: str
    place: str
    record: Record
    lines: tuple[Line, ...]
    charges: tuple[Charge, ...]


class Why(NamedTuple):
    """A session, line by line.

    Attributes:
        session: its whole name.
        answers: that count in it, by time.
        elsewhere: lines of it that show answers which count in another session.
        cost_picousd: of the answers that have a price.
        unpriced: answers that have none.
    """

    session: str
    answers: tuple[Answer, ...]
    elsewhere: tuple[Line, ...]
    cost_picousd: int
    unpriced: int


def why(
    ledger: Ledger,
    session: str,
    *,
    sources: Sequence[Source] | None = None,
    roots: Mapping[str, Sequence[str]] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Why:
    """Follow every dollar of *session* back to the lines it came from; reads all transcripts of its sources.

    Args:
        ledger: where it was recorded.
        session: its name, or a beginning that no other session has.
        sources: whose transcripts to read; those that the records name when left out.
        roots: by a source's name, where to look instead of its usual places.
        environment: in which the usual places are looked up; this process's when left out.

    Raises:
        NothingToRead: no session is called so.
        UsageError: several begin so.
    """
    name = _session(ledger, session)
    records = _counting(ledger, name)
    if sources is None:
        named = {record.source for _, record in records}
        sources = [known.source(each) for each in known.MODULES if each in named]
    ids = {record.response_id for _, record in records if record.response_id}
    seen: dict[str, list[Sighting]] = {}
    elsewhere = []
    for sighting in sightings(sources, roots, environment):
        recorded = sighting.also if sighting.also in ids else sighting.response_id
        if recorded in ids:
            seen.setdefault(recorded, []).append(sighting)
        elif sighting.session == name:
            elsewhere.append(_line(sighting, COPIED))
    answers = [
        Answer(
            record.response_id,
            place,
            record,
            _judged(seen.get(record.response_id, []), record),
            charges_of(record, ledger),
        )
        for place, record in sorted(records, key=lambda found: found[1].at)
    ]
    costs = [record.cost_picousd for _, record in records]
    return Why(
        name, tuple(answers), tuple(elsewhere), sum(filter(None, costs)), sum(cost is None for cost in costs)
    )


def charges_of(record: Record, ledger: Ledger) -> tuple[Charge, ...]:
    """The classes of *record* at the rates of its card; empty where that card is not to be had."""
    card, _ = ledger.card_until(
        record.model,
        provider=record.provider,
        service_tier=record.service_tier,
        at_s=datetime.fromisoformat(record.at).timestamp(),
    )
    if card is None or card.id != record.card:
        return ()
    return charges(record.usage, card)


def charges(usage: Usage, card: RateCard) -> tuple[Charge, ...]:
    """*usage* in classes that do not overlap, each at its whole rate.

    A card's coefficients say what a part costs more than the total it is counted in: the rate of a class is
    the sum of those of all totals it lies in.
    """
    in_force = [each for each in card.brackets if each.above_input_tokens < usage.input_tokens]
    bracket = in_force[-1] if in_force else card.brackets[0]
    coefficients = Usage(*bracket.coefficients)
    found = [
        Charge(what, count, Fraction(sum(getattr(coefficients, name) for name in totals), card.scale))
        for what, count, *totals in _classes(usage)
        if count
    ]
    if bracket.per_request:
        found.append(Charge("request", 1, Fraction(bracket.per_request, card.scale)))
    return tuple(found)


def _classes(usage: Usage) -> Iterable[tuple[str, int, *tuple[str, ...]]]:
    """Name, count, and the fields of `Usage` that it is counted in."""
    read, written, hour = usage[2:5]
    cached_audio = usage.cache_read_audio_tokens
    audio = usage.input_audio_tokens - cached_audio
    images = usage.input_image_tokens
    reasoning, spoken, drawn = (
        usage.reasoning_output_tokens,
        usage.output_audio_tokens,
        usage.output_image_tokens,
    )
    into, out = "input_tokens", "output_tokens"
    cache, keep = "cache_read_input_tokens", "cache_write_input_tokens"
    return (
        ("input", usage.input_tokens - read - written - audio - images, into),
        ("cache read", read - cached_audio, into, cache),
        ("cache write, 5 minutes", written - hour, into, keep),
        ("cache write, 1 hour", hour, into, keep, "cache_write_1h_input_tokens"),
        ("audio input", audio, into, "input_audio_tokens"),
        ("cached audio", cached_audio, into, cache, "input_audio_tokens", "cache_read_audio_tokens"),
        ("image input", images, into, "input_image_tokens"),
        ("output", usage.output_tokens - reasoning - spoken - drawn, out),
        ("reasoning", reasoning, out, "reasoning_output_tokens"),
        ("audio output", spoken, out, "output_audio_tokens"),
        ("image output", drawn, out, "output_image_tokens"),
        ("web search", usage.web_searches, "web_searches"),
    )


def _session(ledger: Ledger, named: str) -> str:
    """The one session that *named* means."""
    sessions = {total.session for total in ledger.sessions()}
    if named in sessions:
        return named
    candidates = sorted(session for session in sessions if session.startswith(named))
    if not candidates:
        raise NothingToRead(
            f"the ledger has no session {named!r}",
            hint="the session is the name of its transcript, without .jsonl",
        )
    if len(candidates) > 1:
        raise UsageError(
            f"{len(candidates)} sessions begin with {named!r}", hint=f"one of them is {candidates[0]}"
        )
    return candidates[0]


def _counting(ledger: Ledger, session: str) -> list[tuple[str, Record]]:
    """The records of *session* that count, with their places: of one answer the one the sums have."""
    corrected: set[str] = set()
    ids: set[str] = set()
    for _, record in ledger.records():
        if record.replaces:
            corrected.add(record.replaces)
        if record.session == session and record.response_id:
            ids.add(record.response_id)
    best: dict[str, tuple[str, Record]] = {}
    for place, record in ledger.records():
        if record.response_id:
            key = record.response_id if record.response_id in ids else ""
        else:
            key = record.replaces or place if record.session == session and place not in corrected else ""
        if key and (key not in best or record.rank > best[key][1].rank):
            best[key] = place, record
    return [(place, record) for place, record in best.values() if record.session == session]


def _judged(seen: Sequence[Sighting], record: Record) -> tuple[Line, ...]:
    """The lines of one answer; the first of its session with the output that was charged is what counted."""
    counted = next(
        (
            sighting
            for sighting in seen
            if (sighting.session, sighting.output_tokens) == (record.session, record.output_tokens)
        ),
        None,
    )
    lines = []
    for sighting in seen:
        if sighting is counted:
            verdict = COUNTED
        elif sighting.output_tokens < record.output_tokens:
            verdict = EARLIER
        else:
            verdict = REPEATED if sighting.session == record.session else COPIED
        lines.append(_line(sighting, verdict))
    return tuple(lines)


def _line(sighting: Sighting, verdict: str) -> Line:
    return Line(sighting.path, sighting.line, sighting.session, sighting.output_tokens, verdict)
