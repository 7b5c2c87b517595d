"""The hook: what is done before every call that Claude Code makes.

    stdin ──> protocol.Question ──> has the like been asked in this session?    asked
                                          │ no: exit 0, nothing said         nearly always
                                          ▼ yes                                 judging
                              the transcript as far as it was read ── what is new in it ──> consider
                                          │
        no loop      exit 0, nothing said │
        NUDGE        exit 0, JSON with what the agent should know          ◄── once for each loop
        PAUSE        exit 0, JSON that has a person asked                  ◄── once for each loop
                     where nobody can be asked: as NUDGE
        STOP         exit 2, the reason on stderr: the call is not made    ◄── whenever it is the same

Whoever goes in circles asks for the same again. So the answer to a call that is new in its session needs
nothing but a look into a small file of checksums, and nothing but that is imported for it.

Whatever goes wrong, the session goes on: exit 0, and a line on stderr. Only a loop at STOP exits with 2.
"""

from __future__ import annotations

import contextlib
import gc
import sys

from quarterdeck.errors import UsageError
from quarterdeck.files import private_folder
from quarterdeck.loops.sessions.asked import asked_before
from quarterdeck.loops.sessions.protocol import MAX_BYTES, Answer, question_of, said
from quarterdeck.workspace import user_state_folder

FOLDER = "loops"
"""Of the user's state: a session belongs to whoever runs it, and to no file of the project."""


def main() -> int:
    """Answer the question on stdin; the exit code.

    Raises:
        OSError: the answer cannot be written.
    """
    gc.disable()  # the process ends at once, and this is a seventh of its time
    try:
        answer = answered(_content())
    except Exception as error:  # noqa: BLE001 - no mistake of ours may cost somebody their session
        answer = Answer(err=f"note: the call was not looked at: {said(error)}")
    for text, stream in ((answer.out, sys.stdout), (answer.err, sys.stderr)):
        if text:
            stream.write(f"{text}\n")
            stream.flush()
    return answer.code


def answered(content: bytes) -> Answer:
    """The answer to the question that *content* is.

    Raises:
        Exception: anything; `main` makes an answer of it.
    """
    question = question_of(content)
    folder = user_state_folder(FOLDER)
    with contextlib.suppress(OSError):  # where nothing can be remembered, the whole is looked at each time
        private_folder(folder)
    if question.event == "PreToolUse":
        if not asked_before(question, folder):
            return Answer()
        from quarterdeck.loops.sessions.judging import judged

        return judged(question, folder)
    if question.event in {"Stop", "SubagentStop"}:
        from quarterdeck.loops.sessions.judging import recorded

        return recorded(question)
    return Answer()


def _content() -> bytes:
    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError(
            "there is no question on stdin", hint="Claude Code asks it; see qd loops hook --help"
        )
    return sys.stdin.buffer.read(MAX_BYTES + 1)
