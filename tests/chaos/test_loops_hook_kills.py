"""Hooks that are killed while they write, and many at once: no answer changes, and no session is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.session_worlds import Transcript, question

HOOK = [sys.executable, "-c", "from quarterdeck.cli import main; main()", "loops", "hook"]

KILLED = """
import os, signal, sys

real = getattr(os, sys.argv[1])

def deadly(*arguments):
    if sys.argv[2] == "after":
        real(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(os, sys.argv[1], deadly)
from quarterdeck.cli import main
main(["loops", "hook"])
"""


@pytest.fixture
def transcript(tmp_path: Path) -> Transcript:
    """A session in which the same was done twenty times."""
    return Transcript(tmp_path / "22222222-bbbb-4bbb-8bbb-222222222222.jsonl").asked().called(20)


def asked(transcript: Transcript, **said: object) -> tuple[int, str, str]:
    """Code, stdout and stderr of a hook that nobody kills."""
    given = json.dumps(question(transcript.path, **said))
    ran = subprocess.run(HOOK, input=given, capture_output=True, text=True, check=False)
    return ran.returncode, ran.stdout, ran.stderr


def kept() -> list[Path]:
    """Every file that hooks have left."""
    return sorted(Path(os.environ["QUARTERDECK_HOME"], "loops").iterdir())


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("call", ["replace", "write"])
def test_a_hook_that_is_killed_while_it_writes_changes_no_answer(transcript, call: str, when: str):
    """Neither for a session that is new nor for one that goes on."""
    asked(transcript)
    for _ in range(2):
        transcript.called(1)  # else there is nothing to write
        ran = subprocess.run(
            [sys.executable, "-c", KILLED, call, when],
            input=json.dumps(question(transcript.path)).encode(),
            capture_output=True,
            check=False,
        )
        assert ran.returncode == -signal.SIGKILL
    code, out, err = asked(transcript)
    assert (code, out) == (2, "")
    assert err.startswith("quarterdeck loops:")
    assert asked(transcript, tool_input={"pattern": "other"}) == (0, "", "")


def test_many_hooks_at_once_all_get_their_answer(transcript):
    """Agents make several calls in one breath; each is asked about by a process of its own."""
    asked(transcript)
    same, other = question(transcript.path), question(transcript.path, tool_input={"pattern": "FIXME"})
    running = []
    for number in range(12):
        said = json.dumps(other if number % 3 == 2 else same).encode()
        hook = subprocess.Popen(HOOK, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert hook.stdin is not None
        hook.stdin.write(said)
        hook.stdin.close()
        running.append(hook)
    for number, hook in enumerate(running):
        assert hook.stdout is not None
        assert hook.stderr is not None
        out, err = hook.stdout.read(), hook.stderr.read()
        assert hook.wait(60) == (0 if number % 3 == 2 else 2), err
        assert out == b""
        hook.stdout.close()
        hook.stderr.close()
    asked_for, state = kept()
    assert len(asked_for.read_bytes().split()) == 13, "no checksum is lost, none is torn"
    assert json.loads(state.read_bytes())[0] == 2


def test_a_session_that_goes_on_meanwhile_is_read_to_its_end(transcript):
    """Whoever writes its state last, the next hook reads what the others have not."""
    hooks = []
    for _ in range(6):
        transcript.called(1)
        hook = subprocess.Popen(
            HOOK, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        assert hook.stdin is not None
        hook.stdin.write(json.dumps(question(transcript.path)).encode())
        hook.stdin.close()
        hooks.append(hook)
    for hook in hooks:
        assert hook.wait(60) in {0, 2}
    code, _, err = asked(transcript)
    assert code == 2
    assert "27 times" in err, "26 that were made, and this one"
