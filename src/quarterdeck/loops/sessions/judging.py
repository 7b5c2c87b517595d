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
from quarterdeck.costs.money import format_usd
from quarterdeck.errors import NothingToRead
from quarterdeck.files import open_plain, write_atomically
from quarterdeck.loops.events.model import AgentEvent, Level
from quarterdeck.loops.sessions.following import Following
from quarterdeck.loops.sessions.prices import prices_of
from quarterdeck.loops.sessions.protocol import Answer, asking, blocking, said, telling
from quarterdeck.loops.sessions.wording import how_often, since_when
from quarterdeck.loops.settings import LoopSettings
from quarterdeck.words import count, harmless
from quarterdeck.workspace import find_root

if TYPE_CHECKING:
    from quarterdeck.loops.events.model import Alarm
    from quarterdeck.loops.sessions.protocol import Question

MARK = "quarterdeck loops:"
"""What every reason begins with; by it a call that was blocked is known in the transcript."""

KEPT_DAYS = 30
"""How long the state of a session is kept that nobody goes on with."""

LAST_BYTES = 8_000_000
"""So much of a transcript is read at most where nothing is remembered of it: some thousand calls."""

MAX_STATE_BYTES = 64_000_000

_MARKED_CHARS = 400
_ENDINGS = (".asked", ".json", ".tmp")


def judged(question: Question, folder: str) -> Answer:
    """What to say to the call that *question* is about; the state of its session lies in *folder*.

    Raises:
        QuarterdeckError, OSError: the settings are wrong, or the transcript cannot be read.
    """
    root = find_root(question.folder or ".")
    settings = load(LoopSettings, "loops", root).values
    state = _state_of(question, folder)
    session = _followed(question, root, settings, state)
    alarm = session.consider(AgentEvent.call(question.tool, question.arguments), question.agent)
    is_news = False
    if alarm is not None:
        loop = (alarm.start, int(alarm.level))
        is_news = session.told.get(question.agent) != loop
        session.told[question.agent] = loop
    note = _kept(session, state, _state_path(question, folder))
    if alarm is None:
        return Answer(err=note)
    if alarm.level is Level.STOP:
        reason = _blocked(alarm, session.left_out.get(question.agent, 0))
        return blocking(reason) if settings.hook_blocks else asking(reason, note)
    if not is_news:
        return Answer(err=note)
    return (asking if alarm.level is Level.PAUSE else telling)(_reason(alarm), note)


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

    session = _followed(question, root, settings, "")
    certain = [each for each in session.loops() if is_certain(each.alarm)]
    if certain:
        with PatternLibrary(root=root) as library:
            for alarm, actor in certain:
                record_loop(alarm, library, source=source_of(session.path, actor))
    return Answer()


def _followed(question: Question, root: str, settings: LoopSettings, state: str) -> Following:
    """The session of *question*, read to its end."""
    path = _transcript(question)
    if not os.path.exists(path):
        raise NothingToRead(f"there is no transcript {path:.200}", hint="it is there after the first answer")
    session = Following(
        path,
        settings,
        state=state,
        prices=prices_of(root),
        last_bytes=LAST_BYTES,
        folder=question.folder,
        leave_out=_was_blocked,
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


def _was_blocked(event: AgentEvent) -> bool:
    """Whether it is a call that was not made, because of us."""
    if event.failed is False or event.outcome is None:
        return False
    outcome = event.outcome if isinstance(event.outcome, str) else str(event.outcome)[: 2 * _MARKED_CHARS]
    return MARK in outcome[:_MARKED_CHARS]


def _state_path(question: Question, folder: str) -> str:
    return os.path.join(folder, f"{question.key}.json")


def _state_of(question: Question, folder: str) -> str:
    """What was remembered of the session; empty: nothing that can be used."""
    try:
        with open(open_plain(_state_path(question, folder)), "rb") as file:
            return file.read(MAX_STATE_BYTES).decode()
    except (OSError, UnicodeDecodeError):
        return ""


def _kept(session: Following, before: str, path: str) -> str:
    """Remember *session* at *path*, if it is not as *before*; a note where that cannot be done."""
    now = session.state
    if now == before:
        return ""
    try:
        write_atomically(path, now.encode())
        if not before:
            _forget_old(os.path.dirname(path))
    except OSError as error:
        return f"note: the place in the session is not kept: {said(error)}"
    return ""


def _forget_old(folder: str) -> None:
    """Remove what is left of sessions that nobody has gone on with for `KEPT_DAYS`."""
    before = time.time() - KEPT_DAYS * 86_400
    with os.scandir(folder) as listing:
        for entry in listing:
            if entry.name.endswith(_ENDINGS) and entry.stat(follow_symlinks=False).st_mtime < before:
                with contextlib.suppress(FileNotFoundError):  # another hook was faster
                    os.unlink(entry.path)


def _reason(alarm: Alarm) -> str:
    """What goes in circles, how often, since when and for how much, and what to do instead."""
    wasted = "" if alarm.cost_picousd is None else f", for {format_usd(alarm.cost_picousd)}"
    told = f"{how_often(alarm)} with this call, {since_when(alarm)}{wasted}"
    return harmless(f"{MARK} {alarm.kind}: {alarm.what}. {told}. {alarm.advice}")


def _blocked(alarm: Alarm, times: int) -> str:
    again = f", {count(times, 'time')} already" if times else ""
    return f"{_reason(alarm)} This very call is blocked{again}. Do something else, or say what is in the way."
