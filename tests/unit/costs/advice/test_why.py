"""Every dollar of a session can be followed back to a line."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.costs.advice.why import COPIED, COUNTED, EARLIER, REPEATED, charges, why
from quarterdeck.costs.importers import claude_code
from quarterdeck.costs.importers.importing import import_all
from quarterdeck.costs.ledger import Ledger
from quarterdeck.costs.model import Request, Usage
from quarterdeck.costs.pricing import Bracket, RateCard, cost_picousd
from quarterdeck.errors import NothingToRead, UsageError


def answer(number, output, session, *, cached=0):
    """One line of an answer."""
    usage = {"input_tokens": 10, "output_tokens": output, "cache_read_input_tokens": cached}
    message = {"id": f"msg_{number:024}", "model": "claude-opus-4-5-20251101", "usage": usage}
    entry = {"type": "assistant", "timestamp": f"2026-09-03T10:00:{number:02}Z", "sessionId": session}
    return json.dumps(entry | {"message": message}) + "\n"


@pytest.fixture
def ledger(tmp_path):
    """An empty one."""
    ledger = Ledger(str(tmp_path / "ledger"))
    yield ledger
    ledger.close()


@pytest.fixture
def folder(tmp_path):
    """Two sessions: the second begins with a copy of the first's second answer."""
    folder = tmp_path / "projects"
    folder.mkdir()
    first = answer(1, 2, "first") + answer(1, 40, "first", cached=900) + answer(1, 40, "first", cached=900)
    (folder / "a.jsonl").write_text("\n" + first + answer(2, 7, "first"))
    (folder / "b.jsonl").write_text(answer(2, 7, "second") + answer(3, 5, "second"))
    return folder


@pytest.fixture
def ask(ledger, folder):
    """Import, and ask why."""
    roots = {"claude-code": [str(folder)]}
    import_all(ledger, [claude_code.SOURCE], roots)
    return lambda session: why(ledger, session, roots=roots)


def test_each_line_of_an_answer_says_whether_it_counted(ask, folder):
    """And why it did not; empty lines count too."""
    found = ask("first")
    one, two = found.answers
    assert [(line.line, line.output_tokens, line.verdict) for line in one.lines] == [
        (2, 2, EARLIER),
        (3, 40, COUNTED),
        (4, 40, REPEATED),
    ]
    assert [(line.path, line.line, line.verdict) for line in two.lines] == [
        (str(folder / "a.jsonl"), 5, COUNTED),
        (str(folder / "b.jsonl"), 1, COPIED),
    ]


def test_lines_that_count_in_another_session_are_listed(ask, folder):
    """So that nobody looks for their cost here."""
    found = ask("second")
    assert [answer.record.output_tokens for answer in found.answers] == [5]
    assert [(line.path, line.line, line.verdict) for line in found.elsewhere] == [
        (str(folder / "b.jsonl"), 1, COPIED)
    ]


def test_the_charges_are_the_price_and_the_price_is_that_of_the_sums(ask, ledger):
    """Tokens by class, each at its rate, add up to the pico-dollar."""
    found = ask("first")
    for each in found.answers:
        assert sum(charge.cost_picousd for charge in each.charges) == each.record.cost_picousd
    assert [charge.what for charge in found.answers[0].charges] == ["input", "cache read", "output"]
    assert found.answers[0].charges[0].tokens == 10
    [session] = ledger.sessions(session="first")
    assert found.cost_picousd == session.total.cost_picousd > 0
    assert found.unpriced == 0


def test_a_session_is_found_by_the_beginning_of_its_name(ask):
    """If no other one begins so."""
    assert ask("fi").session == "first"
    with pytest.raises(NothingToRead, match="no session"):
        ask("third")


def test_several_sessions_that_begin_so_are_an_error(ledger):
    """Which is meant cannot be known."""
    for session in ("ab", "ac"):
        ledger.record(Request("gpt-5", Usage(1, 1), session=session))
    with pytest.raises(UsageError, match="2 sessions begin"):
        why(ledger, "a")
    with pytest.raises(UsageError, match="2 sessions begin"):
        why(ledger, "")


def test_requests_that_no_transcript_shows_are_there_too(ledger):
    """Recorded by a call, priced or not, with or without a name."""
    at = datetime(2026, 9, 3, tzinfo=UTC)
    ledger.record(Request("gpt-5", Usage(100, 10), at=at, session="s"))
    ledger.record(Request("no-such-model", Usage(5, 5), at=at, session="s", response_id="r"))
    ledger.record(Request("no-such-model", Usage(5, 9), at=at, session="s", response_id="r"))
    found = why(ledger, "s")
    assert [(each.record.output_tokens, each.lines, bool(each.charges)) for each in found.answers] == [
        (10, (), True),
        (9, (), False),
    ]
    assert (found.unpriced, found.cost_picousd > 0) == (1, True)
    places = [place for place, _ in ledger.records()]
    assert [each.place for each in found.answers] == [places[0], places[2]]


def test_a_record_that_was_corrected_counts_as_corrected(ledger):
    """The place it stood at does not count any more."""
    ledger.record(Request("no-such-model", Usage(5, 5), session="s"))
    [(place, _)] = ledger.records()
    ledger.record(Request("gpt-5", Usage(5, 5), session="s", replaces=place))
    found = why(ledger, "s")
    assert [each.record.model for each in found.answers] == ["gpt-5"]
    assert found.cost_picousd == ledger.totals()[0].cost_picousd


PARTS = st.integers(0, 1000)


@given(st.lists(st.integers(-50, 500), min_size=24, max_size=24), st.lists(PARTS, min_size=10, max_size=10))
def test_classes_that_do_not_overlap_add_up_to_the_price_of_any_usage(coefficients, parts):
    """Whatever the card charges, and whichever bracket the request falls in."""
    read, written, hour, reasoning, audio, spoken, cached_audio, images, drawn, searches = parts
    usage = Usage(
        2 * (read + written + audio + images),
        2 * (reasoning + spoken + drawn),
        read,
        written,
        min(hour, written),
        reasoning,
        audio,
        spoken,
        min(cached_audio, read, audio),
        images,
        drawn,
        searches,
    )
    brackets = (Bracket(0, tuple(coefficients[:12]), 7), Bracket(2000, tuple(coefficients[12:])))
    card = RateCard("c", "p", "m", brackets)
    found = charges(usage, card)
    assert sum(charge.cost_picousd for charge in found) == cost_picousd(usage, card)
    assert all(charge.tokens for charge in found)


def test_rates_finer_than_a_pico_dollar_are_exact():
    """A few cards are in fractions of one."""
    card = RateCard("c", "p", "m", (Bracket(0, (1,) + (0,) * 11),), scale=3)
    [charge] = charges(Usage(10), card)
    assert (charge.rate_picousd, charge.cost_picousd) == (Fraction(1, 3), Fraction(10, 3))
