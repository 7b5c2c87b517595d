"""The hook: what is done before every call that Claude Code makes.

    stdin ──> protocol.Question ──> has the like been asked in this session?
                                          │ no: exit 0, nothing said         nearly always
                                          ▼ yes                                 judging
                              the transcript as far as it was read ── what is new in it ──> consider
                                          │
        no loop      exit 0, nothing said │
        NUDGE        exit 0, JSON with what the agent should know          ◄── once for each loop
        PAUSE        exit 0, JSON that has a person asked                  ◄── once for each loop
        STOP         exit 2, the reason on stderr: the call is not made    ◄── whenever it is the same

Whoever goes in circles asks for the same again. So the answer to a call that is new in its session needs
nothing but a look into a small file of checksums, and nothing but that is imported for it.

Whatever goes wrong, the session goes on: exit 0, and a line on stderr. Only a loop at STOP exits with 2.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import zlib
from typing import TYPE_CHECKING

from quarterdeck.errors import UsageError
from quarterdeck.files import PRIVATE_FILE, private_folder
from quarterdeck.loops.sessions.protocol import MAX_BYTES, Answer, question_of, said
from quarterdeck.workspace import user_state_folder

if TYPE_CHECKING:
    from quarterdeck.loops.sessions.protocol import Question

FOLDER = "loops"
"""Of the user's state: a session belongs to whoever runs it, and to no file of the project."""

_ASKED_BYTES = 90_000  # ten thousand calls
_REMARKS = frozenset(("description", "explanation"))


def main() -> int:
    """Answer the question on stdin; the exit code.

    Raises:
        OSError: the answer cannot be written.
    """
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
        if not _asked_before(question, folder):
            return Answer()
        from quarterdeck.loops.sessions.judging import judged

        return judged(question, folder)
    if question.event in {"Stop", "SubagentStop"}:
        from quarterdeck.loops.sessions.judging import recorded

        return recorded(question)
    return Answer()


def _content() -> bytes:
    if sys.stdin.isatty():
        raise UsageError("Claude Code calls this", hint="see qd loops hook --help")
    return sys.stdin.buffer.read(MAX_BYTES + 1)


def _asked_before(question: Question, folder: str) -> bool:
    """Whether the like of its call has been asked for in this session; from now on it has.

    Where that cannot be known, it may have been.
    """
    own = b"%08x\n" % _sum(question)
    path = os.path.join(folder, f"{question.key}.asked")
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        descriptor = os.open(path, flags, PRIVATE_FILE)
        try:
            size = os.fstat(descriptor).st_size
            before = os.pread(descriptor, _ASKED_BYTES, max(0, size - _ASKED_BYTES))
            os.write(descriptor, own)
        finally:
            os.close(descriptor)
    except OSError:
        return True
    return own in before


def _sum(question: Question) -> int:
    """The same for calls that a detector takes for one: space, the project's folder, remarks do not count.

    That two others have the same sum costs a longer look, and nothing else.
    """
    arguments = question.arguments
    if isinstance(arguments, dict):
        arguments = {key: value for key, value in arguments.items() if key not in _REMARKS}
    text = "".join(json.dumps(arguments, sort_keys=True, ensure_ascii=False).split())
    folder = "".join(question.folder.rstrip("/").split())
    if folder:
        text = text.replace(f"cd{folder}&&", "").replace(f"{folder}/", "")
    return zlib.crc32(f"{question.tool.casefold()}\0{text}".encode(errors="surrogatepass"))
