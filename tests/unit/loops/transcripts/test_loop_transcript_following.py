"""A session at work is read on from where it was left, whatever happens to its file."""

from __future__ import annotations

import json
import os

import pytest

from quarterdeck.errors import NothingToRead, UsageError
from quarterdeck.loops.events import AgentEvent
from quarterdeck.loops.transcripts import Follower, Format, Problem, Step, read_events
from quarterdeck.testing.sessions import session_lines
from quarterdeck.testing.transcripts.books import write_lines

SCRIPT = [
    AgentEvent.heard("Go."),
    *(AgentEvent.call("Bash", {"command": f"make {number}"}, "ok", failed=False) for number in range(40)),
]


def written(form=Format.CLAUDE_CODE, script=SCRIPT):
    """The lines of the session."""
    return [f"{json.dumps(line)}\n" for line in session_lines(form, script)]


@pytest.fixture
def path(tmp_path):
    """Where the session is written; nothing is there yet."""
    return tmp_path / "session.jsonl"


def commands(found):
    """Of the calls among the steps."""
    arguments = [one.event.arguments for one in found if isinstance(one, Step) and one.event.tool]
    return [called["command"] for called in arguments if isinstance(called, dict)]


def said(found):
    """In the messages among the steps."""
    return [one.event.text for one in found if isinstance(one, Step) and one.event.text]


def test_before_there_is_a_file_there_is_nothing(path):
    """A hook may be asked before the first line is written."""
    follower = Follower(path)
    assert list(follower.read()) == []
    path.touch()
    assert list(follower.read()) == []
    assert (follower.pending, follower.restarts) == ((), 0)


def test_only_what_has_come_since_is_handed_out(path):
    """Also by another process, which knows only the state."""
    lines = written()
    path.write_text("".join(lines[:50]))
    first = Follower(path)
    before = commands(first.read())
    assert commands(first.read()) == []
    with path.open("a") as file:
        file.writelines(lines[50:])
    second = Follower(path, state=first.state)
    after = commands(second.read())
    assert before
    assert after
    assert before + after == [f"make {number}" for number in range(40)]
    assert second.restarts == 0


def test_what_was_read_is_not_read_again(path):
    """A session of 200 MB must not be read before each call: nobody looks at what happens in its middle."""
    lines = written()
    path.write_text("".join(lines[:-3]))
    follower = Follower(path)
    list(follower.read())
    with path.open("r+b") as file:
        file.seek(8192)
        file.write(b"\0not JSON any more\n")
        file.seek(0, os.SEEK_END)
        file.write("".join(lines[-3:]).encode())
    (step,) = Follower(path, state=follower.state).read()
    assert commands([step]) == ["make 39"]


def test_the_call_at_work_is_pending(path):
    """The last one is what a hook is asked about."""
    path.write_text("".join(written(script=[*SCRIPT, AgentEvent.call("Bash", {"command": "sleep"})])))
    follower = Follower(path)
    assert commands(follower.read())[-1] == "make 39"
    assert commands(follower.pending) == ["sleep"]
    assert commands(Follower(path, state=follower.state).pending) == ["sleep"]


def test_a_line_without_its_end_is_waited_for(path):
    """It may go on, even where it is a value already."""
    lines = written()
    path.write_text("".join(lines)[:-1])
    follower = Follower(path)
    assert len(commands(follower.read())) == 39
    with path.open("a") as file:
        file.write("\n")
    assert len(commands(follower.read())) == 1
    assert commands(follower.read()) == []


@pytest.mark.parametrize("how", ["cut short", "written anew", "replaced"])
def test_another_file_in_its_place_is_begun_anew(path, how):
    """And whoever remembers something of the old one is told."""
    path.write_text("".join(written()))
    follower = Follower(path)
    list(follower.read())
    other = "".join(written(script=[AgentEvent.heard("Else."), *SCRIPT[:5]]))
    if how == "replaced":
        new = path.with_suffix(".new")
        new.write_text(other * 9)
        new.replace(path)
    elif how == "written anew":
        path.write_text(other.ljust(path.stat().st_size + 10))
    else:
        path.write_text(other)
    follower = Follower(path, state=follower.state)
    assert commands(follower.read()) == [f"make {number}" for number in range(4)]
    assert follower.restarts == 1
    list(follower.read())
    assert follower.restarts == 1


@pytest.mark.parametrize(
    "state",
    ["", "null", "{", "[]", '{"v": 99}', '{"v": 1, "layout": 3}', "[" * 10_000, '{"v":1,"offset":-1}'],
)
def test_a_state_that_cannot_be_used_is_none(path, state):
    """The file is read from its start."""
    path.write_text("".join(written()))
    assert len(commands(Follower(path, state=state).read())) == 40


def test_whoever_stops_in_the_middle_has_read_nothing(path):
    """Then nothing is lost when reading fails half-way."""
    path.write_text("".join(written()))
    follower = Follower(path)
    next(iter(follower.read()))
    assert len(commands(follower.read())) == 40


def test_the_end_of_a_long_session_may_be_enough(path):
    """From the first line that begins there; only a file that nothing is known of."""
    path.write_text("".join(written()))
    follower = Follower(path, last_bytes=5000, known_as=Format.CLAUDE_CODE)
    found = list(follower.read())
    assert not [one for one in found if isinstance(one, Problem)]
    assert commands(found)[-1] == "make 39"
    assert 1 <= len(commands(found)) < 10
    assert len(commands(Follower(path, last_bytes=1 << 30).read())) == 40


@pytest.mark.parametrize("name", ["messages.json", "session.jsonl.zst"])
def test_a_file_that_is_read_as_a_whole_tells_only_what_is_new(tmp_path, name):
    """Whatever is written anew, or packed, holds what was there before."""
    path = tmp_path / name

    def write(count):
        lines = session_lines(Format.MESSAGES, SCRIPT[:count])
        if name.endswith(".zst"):
            write_lines(str(path), lines)
        else:
            path.write_text(json.dumps(lines, indent=1))

    write(4)
    follower = Follower(path)
    assert len(commands(follower.read())) == 3
    assert commands(follower.read()) == []
    write(6)
    follower = Follower(path, state=follower.state)
    assert commands(follower.read()) == ["make 3", "make 4"]
    assert follower.restarts == 0


@pytest.mark.parametrize("more", [2, 6])
def test_a_chat_that_was_taken_back_some_way_is_begun_anew(tmp_path, more):
    """Whether it is shorter then than it was, or has gone on in another way meanwhile."""
    path = tmp_path / "chat.json"

    def write(*texts):
        script = [AgentEvent.said(text) for text in texts]
        path.write_text(json.dumps(session_lines(Format.MESSAGES, script), indent=1))

    old, new = [f"old {number}" for number in range(6)], [f"new {number}" for number in range(8)]
    write(*old)
    follower = Follower(path)
    list(follower.read())
    write(*old[:2], *new[:more])
    follower = Follower(path, state=follower.state)
    assert said(follower.read()) == [*old[:2], *new[:more]]
    assert follower.restarts == 1
    write(*old[:2], *new)
    assert said(follower.read()) == new[more:]
    assert follower.restarts == 1


@pytest.mark.parametrize("what", ["folder", "pipe", "link", "absent"])
def test_only_regular_files_are_opened(tmp_path, what):
    """A pipe would be waited for, for ever; a link may lead anywhere."""
    place = tmp_path / "session.jsonl"
    if what == "folder":
        place.mkdir()
    elif what == "pipe":
        os.mkfifo(place)
    elif what == "link":
        target = tmp_path / "other"
        target.write_text("".join(written()))
        place.symlink_to(target)
    with pytest.raises(NothingToRead):
        list(read_events(place))
    if what != "absent":
        with pytest.raises(NothingToRead):
            list(Follower(place).read())


def test_a_file_of_no_known_format_is_refused_until_its_format_is_given(path):
    """A session may begin with lines that no format is known by."""
    path.write_text('{"type": "file-history-snapshot"}\n')
    with pytest.raises(UsageError):
        list(Follower(path).read())
    assert list(Follower(path, known_as=Format.CLAUDE_CODE).read()) == []


def test_a_line_that_is_too_long_is_left_out(path):
    """And told; what stands after it is read."""
    lines = written()
    with path.open("w") as file:
        file.writelines(lines[:5])
        file.write('{"type": "user", "sessionId": "s", "message": "' + "x" * (33 << 20) + '"}\n')
        file.writelines(lines[5:])
    found = list(read_events(path))
    assert [one.line for one in found if isinstance(one, Problem)] == [6]
    assert len(commands(found)) == 40


def test_the_state_of_a_long_session_stays_small(path):
    """What is remembered of it has a bound."""
    script = [AgentEvent.call("Bash", {"command": f"make {number}"}, "ok") for number in range(3000)]
    path.write_text("".join(written(script=script)))
    follower = Follower(path)
    assert len(commands(follower.read())) == 3000
    assert len(follower.state) < 40_000


def test_calls_at_work_do_not_make_the_state_long(path):
    """Of long arguments a digest is kept: the same arguments are still the same."""
    script = [AgentEvent.call("Write", {"text": "x" * 200_000}) for _ in range(100)]
    script.append(AgentEvent.call("Write", {"text": "short"}))
    path.write_text("".join(written(Format.MESSAGES, script)))
    follower = Follower(path)
    list(follower.read())
    assert len(follower.state) < 400_000
    pending = Follower(path, state=follower.state).pending
    assert len(pending) == 101
    assert pending[-1].event.arguments == {"text": "short"}
    assert pending[0].event.arguments == pending[1].event.arguments != pending[-2].event.arguments
