"""What is written as a line is read as it was meant, whatever stands in the labels."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone, tzinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.costs.line import EARLIEST, LATEST, encode, timestamp
from quarterdeck.costs.model import Request, Usage
from quarterdeck.costs.record import Record, decode
from quarterdeck.errors import UsageError

AT = "2026-11-22T20:28:28.583+00:00"
TEXT = st.text(st.characters() | st.sampled_from('"\\\n\r\0\u2028\ud800'), max_size=20)
LABELS = (
    "task_type", "service_tier", "session", "project", "user", "source", "response_id", "replaces",
)  # fmt: skip


def as_text(value):
    """*value* as UTF-8 can hold it."""
    return value.encode(errors="replace").decode()


@given(
    labels=st.fixed_dictionaries({}, optional=dict.fromkeys(LABELS, TEXT)),
    tags=st.dictionaries(TEXT, TEXT, max_size=4),
    counts=st.lists(st.integers(0, 10**9), min_size=12, max_size=12),
    cost=st.none() | st.integers(0, 1 << 62),
    requests=st.integers(1, 10**9),
)
def test_a_line_reads_as_the_request_it_was_written_from(labels, tags, counts, cost, requests):
    """One line, and no field lost; half a surrogate pair is no text and becomes a question mark."""
    request = Request("m", Usage(*counts), tags=tags, requests=requests, **labels)
    line = encode(request, at=AT, provider="p", tier="t", card="c", cost_picousd=cost)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    record = decode(line)
    assert (record.at, record.provider, record.tier, record.card) == (AT, "p", "t", "c")
    assert (record.usage, record.cost_picousd, record.requests) == (request.usage, cost, requests)
    assert record.tags == {as_text(name): as_text(tags[name]) for name in tags}
    for name in LABELS:
        meant = "unknown" if name == "task_type" and not request.task_type else getattr(request, name)
        assert getattr(record, name) == as_text(meant)


def test_what_is_empty_is_left_out():
    """A line is short, and the two totals always stand in it."""
    line = encode(Request("m", Usage()), at=AT, provider="", tier="", card="", cost_picousd=None)
    assert json.loads(line) == {"v": 1, "at": AT, "model": "m", "input_tokens": 0, "output_tokens": 0}


def test_a_record_has_every_field_of_a_request_and_of_its_usage():
    """Nothing that can be recorded is lost on the way."""
    assert set(Request._fields) - {"usage"} | set(Usage._fields) <= set(Record.__struct_fields__)


@pytest.mark.parametrize(
    "line",
    [
        b"", b"{", b"null", b"[]", b'"x"', b"{}", b"\xff", b"[" * 100_000,
        b'{"v":2,"at":"x","model":"m","input_tokens":1,"output_tokens":1}',
        b'{"v":1,"at":"x","model":"m","input_tokens":1}',
        b'{"v":1,"at":"x","model":"m","input_tokens":1.5,"output_tokens":1}',
        b'{"v":1,"at":"x","model":null,"input_tokens":1,"output_tokens":1}',
        b'{"v":1,"at":"x","model":"m","input_tokens":1,"output_tokens":1,"tags":{"a":1}}',
        b'{"v":1,"at":"x","model":"m","input_tokens":99999999999999999999999,"output_tokens":1}{}',
        b'{"v":1,"at":"x","model":"m","input_tokens":1,"output_tokens":1,"new":' + b"[" * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_record_is_a_value_error(line):
    """And nothing else, whatever the bytes."""
    with pytest.raises(ValueError):  # noqa: PT011 - the reader's own words
        decode(line)


def test_a_field_of_a_later_version_does_no_harm():
    """It is passed over as long as the line says version 1."""
    line = b'{"v":1,"at":"x","model":"m","input_tokens":1,"output_tokens":2,"new":[{}]}'
    assert decode(line).output_tokens == 2


@pytest.mark.parametrize(
    "at,text",
    [
        (datetime(2026, 1, 2, 3, 4, 5, 678_999, UTC), "2026-01-02T03:04:05.678+00:00"),
        (
            datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=5, minutes=45))),
            "2025-12-31T18:15:00.000+00:00",
        ),
        (EARLIEST, "2000-01-01T00:00:00.000+00:00"),
        (LATEST - timedelta(microseconds=1), "2099-12-31T23:59:59.999+00:00"),
    ],
)
def test_a_time_is_written_in_utc_to_the_millisecond(at, text):
    """Whatever zone it came in."""
    assert timestamp(at) == text


class Nowhere(tzinfo):
    """A time zone that does not know its offset: Python takes such a time for a naive one."""

    def utcoffset(self, _):
        return None

    dst = tzname = utcoffset


@pytest.mark.parametrize(
    "at",
    [
        datetime(2026, 1, 1),  # noqa: DTZ001 - naive: the test
        datetime(2026, 1, 1, tzinfo=Nowhere()), "2026-01-01T00:00:00+00:00", 0,
        EARLIEST - timedelta(microseconds=1), LATEST,
        datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-14))),
    ],
)  # fmt: skip
def test_a_time_that_cannot_be_meant_is_refused(at):
    """Without a zone, in the wrong unit, at the ends of the calendar."""
    with pytest.raises(UsageError, match=r"^at "):
        timestamp(at)
