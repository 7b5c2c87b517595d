"""The unread part of one file, as lines."""

from __future__ import annotations

import io

import pytest
from backports import zstd

from quarterdeck.costs.importers import transcript as module
from quarterdeck.costs.importers.transcript import Transcript


def lines_of(content: bytes, *having: bytes, path: str = "a.jsonl") -> list[tuple[int, bytes]]:
    transcript = Transcript(path, io.BytesIO(content))
    return [(line.number, line.content) for line in transcript.lines(*having)]


def test_only_the_lines_that_hold_a_needle_are_handed_out_with_their_numbers():
    """The others are never looked at, but they are counted."""
    content = b'{"a":1}\n{"usage":1}\n\n{"b":2}\n{"other":1}\n{"usage":2}\n'
    assert lines_of(content, b'"usage"', b'"other"') == [
        (2, b'{"usage":1}'),
        (5, b'{"other":1}'),
        (6, b'{"usage":2}'),
    ]


def test_a_line_that_holds_several_needles_is_handed_out_once():
    """However often they stand in it."""
    assert lines_of(b"xx y x\nx\n", b"x", b"y") == [(1, b"xx y x"), (2, b"x")]


def test_without_a_needle_every_line_is_handed_out():
    """Empty ones too: they count."""
    assert lines_of(b"a\n\nb\n") == [(1, b"a"), (2, b""), (3, b"b")]


def test_marks_of_editors_and_holes_of_file_systems_are_no_part_of_a_line():
    """A byte order mark, a carriage return, zeros after a power cut."""
    content = b'\xef\xbb\xbf{"a":1}\r\n\0\0\0\0{"a":2}\r\n'
    assert lines_of(content, b'"a"') == [(1, b'{"a":1}'), (2, b'{"a":2}')]


def test_a_torn_last_line_is_waited_for():
    """It is not handed out, and reading goes on at its start."""
    transcript = Transcript("a", io.BytesIO(b'{"a":1}\n{"a":'))
    assert [line.number for line in transcript.lines(b'"a"')] == [1]
    assert (transcript.offset, transcript.line, transcript.unfinished) == (8, 1, True)


def test_a_last_line_without_its_end_is_handed_out_when_it_is_complete():
    """And again when its end is written: what was noted while it was read is forgotten."""
    transcript = Transcript("a", io.BytesIO(b'{"a":1}\n{"a":2}'), state={"seen": []})
    for line in transcript.lines(b'"a"'):
        transcript.state["seen"].append(line.number)
    assert transcript.state == {"seen": [1]}
    assert (transcript.offset, transcript.unfinished) == (8, False)


def test_reading_goes_on_where_it_was_left():
    """Lines are counted on."""
    transcript = Transcript("a", io.BytesIO(b"one\ntwo\n"), offset=4, line=1)
    assert [tuple(line) for line in transcript.lines()] == [(2, b"two")]
    assert (transcript.offset, transcript.line) == (8, 2)


@pytest.fixture
def small(monkeypatch):
    """Blocks of 16 bytes and lines of 64, so that small files have many blocks."""
    monkeypatch.setattr(module, "BLOCK_BYTES", 16)
    monkeypatch.setattr(module, "MAX_LINE_BYTES", 64)


def test_lines_are_the_same_however_the_file_is_cut_into_blocks(small):
    """A block boundary may fall anywhere."""
    content = b"".join(b'{"usage":%d,"pad":"%s"}\n' % (number, b"p" * number) for number in range(30))
    whole = list(enumerate(content.split(b"\n")[:-1], start=1))
    assert lines_of(content, b'"usage"') == whole


def test_offset_and_state_belong_together_at_each_mark(small):
    """What was noted is exactly what the lines up to the offset said."""
    content = b"".join(b"%d\n" % number for number in range(100))
    seen = []

    def mark():
        seen.append((transcript.offset, transcript.line, transcript.state["last"]))

    transcript = Transcript("a", io.BytesIO(content), mark=mark)
    for line in transcript.lines():
        transcript.state["last"] = int(line.content)
    assert len(seen) > 5
    for offset, lines, last in seen:
        assert content[:offset].count(b"\n") == lines == last + 1


def test_a_line_beyond_all_bounds_costs_that_line_alone(small):
    """It is reported where it may have held something, and what follows is read."""
    content = b"x\n" + b"z" * 200 + b'"usage"' + b"z" * 200 + b"\nx usage\nx\n"
    transcript = Transcript("a", io.BytesIO(content))
    assert [tuple(line) for line in transcript.lines(b"x", b'"usage"')] == [
        (1, b"x"),
        (3, b"x usage"),
        (4, b"x"),
    ]
    assert [(problem.line, problem.reason) for problem in transcript.problems] == [
        (2, "longer than 64 bytes")
    ]


def test_an_endless_line_without_a_needle_is_no_problem(small):
    """Nothing of it was wanted."""
    transcript = Transcript("a", io.BytesIO(b"z" * 500 + b"\nx\n"))
    assert [tuple(line) for line in transcript.lines(b"x")] == [(2, b"x")]
    assert transcript.problems == []


def test_a_compressed_file_reads_as_what_it_was():
    """Its name says that it is one."""
    packed = zstd.compress(b'{"a":1}\n{"a":2}\n')
    assert [number for number, _ in lines_of(packed, b'"a"', path="a.jsonl.zst")] == [1, 2]


@pytest.mark.parametrize("damage", [lambda packed: packed[:-6], lambda packed: b"no zstd at all"])
def test_a_damaged_compressed_file_is_an_error_of_the_file(damage):
    """And of nothing else: the caller handles it as it handles a failing disk."""
    packed = damage(zstd.compress(b"abc\n" * 1000))
    with pytest.raises(OSError, match="compressed data is damaged"):
        lines_of(packed, path="a.zst")


def test_a_compressed_file_that_unpacks_without_end_is_given_up(small, monkeypatch):
    """A small file must not keep a machine busy."""
    monkeypatch.setattr(module, "MAX_UNPACKED_BYTES", 1000)
    with pytest.raises(OSError, match="unpacks to more than"):
        lines_of(zstd.compress(b"abc\n" * 10_000), path="a.zst")


def test_a_whole_file_is_handed_out_up_to_a_bound():
    """Beyond it there is nothing, and a problem says so."""
    assert Transcript("a", io.BytesIO(b"12345")).content(5) == b"12345"
    transcript = Transcript("a", io.BytesIO(b"123456"))
    assert transcript.content(5) == b""
    assert transcript.problems == [(0, "longer than 5 bytes")]
