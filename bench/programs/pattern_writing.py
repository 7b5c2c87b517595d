"""``pattern_writing.py ENGINE PLACE WRITERS COUNT``: processes that keep patterns, one at a time.

Each of WRITERS processes keeps COUNT patterns, or as many as it can in a few seconds; all begin together. The
last line is JSON as that of ``pattern_asking``: the median of one pattern, and what one in a hundred exceeds.

    pattern_writing.py ENGINE PLACE seen COUNT

One process keeps patterns with a word of their own, and as soon as that has returned another one asks for
the word. Prints how many the first answer did not have, and the median and the greatest number of seconds
from the return until the answer.
"""

from __future__ import annotations

import json
import mmap
import os
import pickle
import statistics
import struct
import sys
import time
from typing import TYPE_CHECKING

from bench.programs.pattern_asking import Span, last_percent, middle, timed
from bench.programs.pattern_corpus import Question, patterns
from bench.programs.pattern_engines import ENGINES, status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.programs.pattern_corpus import Made

ENOUGH_S = 3.0
WARM_UP = 20
SHARED = struct.Struct("<qd")
"""Of ``seen``: the newest pattern that is kept, and when that had returned."""
DONE = -1
PATIENCE_S = 2.0


def main(name: str, place: str, writers: int, count: int) -> None:
    """Start them, let them go, and say what they say."""
    made = list(patterns(writers * count))
    ENGINES[name](place).close()  # nobody has to make what all of them use
    ready, go = os.pipe(), os.pipe()
    answers = []
    for writer in range(writers):
        answer = os.pipe()
        if not os.fork():
            os.close(go[1])
            spans = _writer(name, place, made[writer::writers], ready[1], go[0])
            with os.fdopen(answer[1], "wb") as file:
                pickle.dump((spans, status("VmHWM"), status("RssAnon")), file)
            os._exit(0)
        os.close(answer[1])
        answers.append(answer[0])
    for _ in range(writers):
        os.read(ready[0], 1)
    os.close(go[0])
    os.close(go[1])
    spans, peaks, own = [], [], []
    for reading in answers:
        with os.fdopen(reading, "rb") as file:
            its_spans, peak, its_own = pickle.load(file)  # our own child's
        spans += its_spans
        peaks.append(peak)
        own.append(its_own)
    times = {"contribute": middle(spans), "contribute, p99": last_percent(spans)}
    print(json.dumps({"times": times, "peak_bytes": max(peaks), "own_bytes": max(own)}))


def _writer(name: str, place: str, made: Sequence[Made], ready: int, go: int) -> list[Span]:
    engine = ENGINES[name](place)
    for each in made[:WARM_UP]:
        engine.write(each)
    os.write(ready, b".")
    os.read(go, 1)  # until all are ready: then the other end is closed
    spans = []
    until = time.perf_counter() + ENOUGH_S
    for each in made[WARM_UP:]:
        _, span = timed(engine.write, each)
        spans.append(span)
        if time.perf_counter() > until:
            break
    engine.close()
    return spans


def seen(name: str, place: str, count: int) -> tuple[int, float, float]:
    """How many were missed at first, and the seconds until they were found: median, and most."""
    shared, turn = mmap.mmap(-1, SHARED.size), mmap.mmap(-1, 8)
    (template,) = patterns(1)
    ENGINES[name](place).close()
    reader, writer = os.getpid(), os.fork()
    if not writer:
        engine = ENGINES[name](place)
        for number in range(1, count + 1):
            while struct.unpack("<q", turn)[0] < number:
                if os.getppid() != reader:
                    os._exit(1)  # it has failed
                time.sleep(0)
            engine.write(template._replace(id=f"p{number}", name=_word(number)))
            shared[:] = SHARED.pack(number, time.perf_counter())
        engine.close()
        os._exit(0)
    engine = ENGINES[name](place)
    missed, took = 0, []
    for number in range(1, count + 1):
        turn[:] = struct.pack("<q", number)
        while SHARED.unpack(shared)[0] < number:
            if os.waitpid(writer, os.WNOHANG)[0]:
                raise ChildProcessError("the process that keeps patterns has failed")
            time.sleep(0)
        question = Question(_word(number))
        found, until = bool(engine.ask(question)), time.perf_counter() + PATIENCE_S
        missed += not found
        while not found and time.perf_counter() < until:
            found = bool(engine.ask(question))
        took.append(time.perf_counter() - SHARED.unpack(shared)[1])
    os.waitpid(writer, 0)
    engine.close()
    return missed, statistics.median(took), max(took)


def _word(number: int) -> str:
    """One that no other pattern has, and no stemmer shortens."""
    return "".join("bcdfghjklm"[int(digit)] for digit in f"{number:06}") + "zq"


if __name__ == "__main__":
    if sys.argv[3] == "seen":
        print(*seen(sys.argv[1], sys.argv[2], int(sys.argv[4])))
    else:
        main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
