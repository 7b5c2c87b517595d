"""Lines of files that have no grammar."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.index.disk import classify
from quarterdeck.index.facts import text
from quarterdeck.index.facts.facts import Facts
from quarterdeck.index.facts.text import source_lines, text_facts


@pytest.mark.parametrize(
    "language, source, lines, sloc",
    [
        ("", b"", 0, 0),
        ("", b"one", 1, 1),
        ("", b"one\n\n \t\ntwo\n", 4, 2),
        ("", b"# kept\r\n\r\nx\r\n", 3, 2),
        ("yaml", b"# gone\na: 1 # kept\n  # gone\n", 3, 1),
        ("yaml", b"\xef\xbb\xbf# gone\na: 1\n", 2, 1),
        ("vimscript", b'" gone\nset list " kept\n', 2, 1),
        ("css", b"/* gone\n gone */\na { }\n/* gone */ b { }\n", 4, 2),
        ("sql", b"-- gone\nselect 1; -- kept\n", 2, 1),
        ("html", b"<!-- gone\n-->\n<p>\n", 3, 1),
        ("css", b"/* never closed\na { }\n", 2, 2),
        ("scss", b"// gone\n$a: 'http://kept';\n", 2, 1),
    ],
)
def test_blank_lines_and_comment_lines_are_no_source_lines(language, source, lines, sloc):
    """A comment behind code leaves its line counted; without known comments every other line counts."""
    assert text_facts(source, language) == Facts(language, lines, sloc)


def test_a_binary_file_has_no_lines():
    """A NUL in the first 8 KiB decides."""
    assert text_facts(b"\x7fELF\0\n\n", "") == Facts("")
    assert text_facts(b"a\n" * 4096 + b"\0", "").lines == 4097


@given(st.text(alphabet="ab \t\n", max_size=60))
def test_without_comments_it_agrees_with_counting_line_by_line(text):
    """Lines and non-blank lines as a plain loop counts them."""
    rows = text.splitlines()
    assert source_lines(text.encode(), ()) == (len(rows), sum(bool(row.strip()) for row in rows))


@given(st.binary(max_size=200), st.sampled_from(["", "css", "sql", "html", "ini", "php", "bat"]))
def test_no_bytes_raise(source, language):
    """Any bytes have a number of lines, and no more source lines than that."""
    facts = text_facts(source, language)
    assert 0 <= facts.sloc <= facts.lines


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20))))
def test_overlapping_comments_never_make_lines(spans):
    """A broken parse may give nested comments: the count stays within the file."""
    lines, sloc = source_lines(b"a\nbb\nccc\ndddd\neeee", sorted((min(span), max(span)) for span in spans))
    assert sloc <= lines == 5


def test_every_language_whose_comments_are_known_is_one_that_files_are_told_to_be():
    """A name that no file is ever given would be a line of the table that does nothing."""
    told = {*classify._LANGUAGE_OF_SUFFIX.values(), *classify._LANGUAGE_OF_NAME.values()}
    assert not text._PATTERN_SOURCES.keys() - told
