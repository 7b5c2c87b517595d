"""A session at work, looked at again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quarterdeck.costs.importers.source import Problem
from quarterdeck.loops.events import Level
from quarterdeck.loops.sessions.following import Following
from quarterdeck.loops.sessions.watch import POLL_S, Began, Seen, watch
from quarterdeck.loops.settings import LoopSettings
from tests.session_worlds import Transcript

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from quarterdeck.loops.sessions.actors import Loop


class Over(Exception):
    """The world of a test has ended."""


def told(path: Path, *steps: Callable[[], object]) -> list[Began | Seen | Problem]:
    """What is told of *path*, while between two looks one of *steps* is done."""
    left = list(steps)
    news: list[Began | Seen | Problem] = []

    def sleep(seconds: float) -> None:
        assert seconds == POLL_S
        if not left:
            raise Over
        left.pop(0)()

    following = watch(str(path), LoopSettings(), sleep=sleep)
    try:
        while True:
            news.append(next(following))
    except Over:
        return news


def levels(news: list[Began | Seen | Problem]) -> list[Level]:
    """Of the alarms among them."""
    return [each.loop.alarm.level for each in news if isinstance(each, Seen)]


def test_alarms_come_when_they_are_raised(tmp_path):
    """Each level once."""
    transcript = Transcript(tmp_path / "a.jsonl").asked()
    news = told(transcript.path, lambda: transcript.called(4), lambda: transcript.called(20))
    assert news[0] == Began(str(transcript.path), 1)
    assert levels(news) == [Level.NUDGE, Level.PAUSE, Level.STOP]


def test_what_was_before_is_told_only_if_it_goes_on(tmp_path):
    """A loop that is over is for a scan."""
    over = Transcript(tmp_path / "a.jsonl").asked().called(6).asked("stop that")
    assert levels(told(over.path)) == []
    at_work = over.called(6, tool="Read")
    assert len(levels(told(at_work.path))) == 1


def test_a_file_is_read_only_when_it_has_changed(tmp_path, monkeypatch):
    """Looking is cheap, reading is not."""
    transcript = Transcript(tmp_path / "a.jsonl").asked()
    reads: list[str] = []
    real = Following.read

    def counted(session: Following) -> Iterator[Loop | Problem]:
        reads.append(session.path)
        return real(session)

    monkeypatch.setattr(Following, "read", counted)
    told(transcript.path, *[lambda: None] * 5, lambda: transcript.called(1), *[lambda: None] * 5)
    assert len(reads) == 2


def test_a_file_that_is_not_there_yet_is_waited_for(tmp_path):
    """Silently."""
    transcript = Transcript(tmp_path / "a.jsonl")
    news = told(transcript.path, lambda: None, lambda: transcript.asked().called(2))
    assert news == [Began(str(transcript.path), 3)]


def test_one_that_is_cut_short_is_begun_anew(tmp_path):
    """What was repeated before does not count."""
    transcript = Transcript(tmp_path / "a.jsonl").asked().called(3)
    rest = lambda: (transcript.path.write_text(""), transcript.asked().called(2))  # noqa: E731
    assert levels(told(transcript.path, rest)) == []
    assert levels(told(transcript.path, lambda: transcript.called(2))) == [Level.NUDGE]


def test_a_problem_is_told_once(tmp_path):
    """Not every second."""
    path = tmp_path / "a.jsonl"
    path.write_text("no transcript\n")
    grows = lambda: path.write_text(path.read_text() + "nor this\n")  # noqa: E731
    news = told(path, *[grows] * 5)
    assert len(news) == 1
    assert isinstance(news[0], Problem)
