"""What `bench.measure` says about a command is what the command did."""

from __future__ import annotations

import sys

from bench.measure import Contender, measure, process_tree, run

HUNDRED_MB = 100_000_000


def python(code: str, name: str = "python", **options) -> Contender:
    """A contender that runs *code* in a fresh interpreter."""
    return Contender(name, [sys.executable, "-IS", "-c", code], "/", **options)


def test_memory_of_a_child_counts():
    """The peak is that of the whole tree, and the largest process is told apart."""
    hold = f"import sys; held = b'x' * {HUNDRED_MB}; sys.stdin.read(1)"
    parent = (
        f"import subprocess, sys, time; held = b'y' * {HUNDRED_MB}\n"
        f"child = subprocess.Popen([sys.executable, '-IS', '-c', {hold!r}], stdin=subprocess.PIPE)\n"
        "peak = lambda: int(open(f'/proc/{child.pid}/statm').read().split()[1]) * 4096\n"
        f"while peak() < {HUNDRED_MB}: time.sleep(0.001)\n"
        "time.sleep(0.05); child.communicate(b'x')"
    )
    result = run(python(parent), watch_memory=True)
    assert result.exit_code == 0, result.output_tail
    assert result.rss_bytes > 2 * HUNDRED_MB
    assert HUNDRED_MB < result.largest_rss_bytes < 2 * HUNDRED_MB
    assert 2 * HUNDRED_MB < result.pss_bytes <= result.rss_bytes


def test_cpu_time_of_a_child_counts():
    """Work done by a process that the command started and waited for is the command's own."""
    burn = "import time\nwhile time.process_time() < 0.2: pass"
    result = run(python(f"import subprocess, sys; subprocess.run([sys.executable, '-IS', '-c', {burn!r}])"))
    assert result.cpu_s >= 0.2


def test_contenders_take_turns():
    """Each round runs every contender once, in order, after one warm-up."""
    started: list[str] = []

    def logged(name: str) -> Contender:
        return python("pass", name, prepare=lambda: started.append(name))

    results = measure([logged("a"), logged("b")], rounds=2, memory_rounds=1)
    assert started == ["a", "b"] * 4
    assert [(len(result.timed), len(result.watched)) for result in results] == [(2, 1), (2, 1)]


def test_a_contender_that_crashes_is_reported_and_the_others_go_on():
    """A crash is a result: its reason is kept, and it is not run again."""
    crash, fine = measure(
        [python("raise RecursionError('too deep')", "crash"), python("pass", "fine")],
        rounds=1,
        memory_rounds=0,
    )
    assert crash.failure == "exit code 1: RecursionError: too deep"
    assert not crash.timed
    assert len(fine.timed) == 1


def test_a_process_that_is_gone_has_no_tree():
    """Looking at a process that has ended is not an error."""
    assert process_tree(2**22 + 1) == []
