"""The longer look at a call: what the session did so far, and whether this call goes in a circle with it.

A call that is blocked is in the transcript as well, with our reason as its outcome. It is shown to no
detector: so the same call is blocked again, and every other goes by what the session did before.

What is remembered between two calls follows from the transcript, but for what the agent has been told. So two
hooks at once do no harm, whoever writes last: at worst it is told twice. A state that is damaged, old or gone
costs the time to read the transcript again.
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING

from quarterdeck.config import load
from quarterdeck.errors import NothingToRead
from quarterdeck.files import PRIVATE_FILE, open_plain
from quarterdeck.loops.events.model import AgentEvent, Level
from quarterdeck.loops.sessions.asked import checksum
from quarterdeck.loops.sessions.following import Following
from quarterdeck.loops.sessions.prices import prices_of
from quarterdeck.loops.sessions.protocol import Answer, asking, blocking, said, telling
from quarterdeck.loops.sessions.wording import reason
from quarterdeck.loops.settings import LoopSettings
from quarterdeck.words import count
from quarterdeck.workspace import find_root

if TYPE_CHECKING:
    from quarterdeck.loops.events.model import Alarm
    from quarterdeck.loops.sessions.protocol import Question

KEPT_DAYS = 30
"""How long the state of a session is kept that nobody goes on with."""

LAST_BYTES = 8_000_000
"""So much of a transcript is read at most where nothing is remembered of it: some thousand calls."""

MAX_STATE_BYTES = 64_000_000

_CUT_EVENTS = 32  # what begins so soon where a transcript is cut may have begun before
_ENDINGS = (".asked", ".json", ".tmp")


def judged(question: Question, folder: str) -> Answer:
    """What to say to the call that *question* is about; the state of its session lies in *folder*.

    Raises:
        QuarterdeckError, OSError: the settings are wrong, or the transcript cannot be read.
    """
    root = find_root(question.folder or ".")
    settings = load(LoopSettings, "loops", root).values
    before = _state_of(question, folder)
    session = _followed(question, root, settings, before)
    actor = session.actors[question.agent]
    alarm = actor.detector.consider(AgentEvent.call(question.tool, question.arguments))
    is_news = alarm is not None and actor.is_news(alarm.level, _names(alarm, question))
    note = _kept(session, before, _state_path(question, folder))
    if alarm is None:
        return Answer(err=note)
    if alarm.level is Level.STOP and settings.hook_blocks:
        return blocking(_blocked(alarm, actor.blocked))
    if (
        question.attended
        and settings.hook_asks
        and (alarm.level is Level.STOP or (alarm.level is Level.PAUSE and is_news))
    ):
        return asking(reason(alarm), note)
    return telling(reason(alarm), note) if is_news else Answer(err=note)


def recorded(question: Question) -> Answer:
    """At the end of a turn: loops of its session that are certain become lessons, if the settings say so.

    It never keeps the agent from ending. What has been recorded before is not recorded again.

    Raises:
        QuarterdeckError, OSError: the settings are wrong, or something cannot be read or written.
    """
    root = find_root(question.folder or ".")
    settings = load(LoopSettings, "loops", root).values
    if not settings.hook_records:
        return Answer()
    from quarterdeck.loops.sessions.lesson import is_certain, record_loop, source_of
    from quarterdeck.patterns import PatternLibrary

    session = _followed(question, root, settings, b"")
    is_cut = os.path.getsize(session.path) > LAST_BYTES
    certain = [each for each in session.actors.loops() if is_certain(each.alarm)]
    if certain:
        with PatternLibrary(root=root) as library:
            for alarm, actor in certain:
                if is_cut and alarm.start <= _CUT_EVENTS:  # it seems to begin at another event each time
                    alarm = alarm._replace(first="before")
                record_loop(alarm, library, source=source_of(session.path, actor))
    return Answer()


def _followed(question: Question, root: str, settings: LoopSettings, state: bytes) -> Following:
    """The session of *question*, read to its end."""
    path = _transcript(question)
    if not os.path.exists(path):
        named = f"there is no transcript {path:.200}" if path else "the question names no transcript"
        raise NothingToRead(named, hint="it is there after the first answer")
    session = Following(
        path,
        settings,
        state=state,
        prices=prices_of(root),
        last_bytes=LAST_BYTES,
        folder=question.folder,
    )
    for _ in session.read():
        pass  # an alarm is raised when the call is made; what counts here is the next one
    return session


def _transcript(question: Question) -> str:
    """The file that the events of the asking agent are in; a subagent has its own, beside the session's."""
    if not question.agent:
        return question.transcript
    above = os.path.splitext(question.transcript)[0]
    own = os.path.join(above, "subagents", f"agent-{os.path.basename(question.agent)}.jsonl")
    return own if os.path.isfile(own) else question.transcript


def _names(alarm: Alarm, question: Question) -> tuple[str, str]:
    """What a loop is known by: where it began, and the call, for it may begin anew with that."""
    return f"{alarm.kind} {alarm.start}", f"{checksum(question):08x}"


def _state_path(question: Question, folder: str) -> str:
    return os.path.join(folder, f"{question.key}.json")


def _state_of(question: Question, folder: str) -> bytes:
    """What was remembered of the session; empty: nothing that can be used."""
    try:
        with open(open_plain(_state_path(question, folder)), "rb") as file:
            return file.read(MAX_STATE_BYTES)
    except OSError:
        return b""


def _kept(session: Following, before: bytes, path: str) -> str:
    """Remember *session* at *path*, if it is not as *before*; a note where that cannot be done."""
    now = session.state
    if now == before:
        return ""
    try:
        _replace(path, now)
        if not before:
            _forget_old(os.path.dirname(path))
    except OSError as error:
        return f"note: the place in the session is not kept: {said(error)}"
    return ""


def _replace(path: str, content: bytes) -> None:
    """Put *content* at *path*, for its owner, whole or not at all.

    The disk is not waited for: what a crash of the machine leaves damaged is as none.
    """
    temporary = f"{path}.{os.getpid()}.tmp"
    descriptor = os.open(
        temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, PRIVATE_FILE
    )
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _forget_old(folder: str) -> None:
    """Remove what is left of sessions that nobody has gone on with for `KEPT_DAYS`."""
    before = time.time() - KEPT_DAYS * 86_400
    with os.scandir(folder) as listing:
        for entry in listing:
            with contextlib.suppress(FileNotFoundError):  # another hook was faster
                if entry.name.endswith(_ENDINGS) and entry.stat(follow_symlinks=False).st_mtime < before:
                    os.unlink(entry.path)


def _blocked(alarm: Alarm, times: int) -> str:
    again = f", {count(times, 'time')} already" if times else ""
    return f"{reason(alarm)} This very call is blocked{again}. Do something else, or say what is in the way."
