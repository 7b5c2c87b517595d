"""``pattern_asking.py ENGINE PLACE VERB FILE``: keep patterns, or ask for them, and say how long it took.

    build     keep all patterns of FILE
    few       keep them, and ask for what fits the situation of an agent, as agents do again and again
    many      open what ``build`` has made, and ask different questions, none of them twice
    meaning   the same with fewer questions, and what it costs to encode a pattern

The last line is JSON: ``times``, the wall and CPU seconds of each operation, and bytes of memory: the peak,
and what the process has of its own at the end, without files that are mapped.
"""

from __future__ import annotations

import itertools
import json
import sys
import time
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from bench.programs.pattern_corpus import FREQUENT_TAG, RARE_TAG, TYPES, Question, asked_of, read
from bench.programs.pattern_engines import ENGINES, status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from bench.programs.pattern_engines import Engine

Answer = TypeVar("Answer")
Asked = TypeVar("Asked")
Times = dict[str, tuple[float, float]]
"""Operation -> wall and CPU seconds of one."""

QUESTIONS, FILTERED = 500, 200
SITUATIONS = 20
PIECE = 20
ENOUGH_S = 0.7
ENOUGH_OF_MANY_S = 4.0
"""After so long a slow engine has shown enough."""
WRITES = 50
ENCODED = 64


class Span(NamedTuple):
    """Seconds that one call has taken."""

    wall_s: float
    cpu_s: float


def build(engine: Engine, file: str) -> Times:
    """All of them, read from the file meanwhile."""
    _, span = timed(engine.build, read(file))
    return {"build": span}


def few(engine: Engine, file: str) -> Times:
    """Typed and untyped: the same questions again, another each time, and after a write."""
    *kept, last = read(file)
    engine.build(kept)
    types = itertools.cycle(TYPES)
    asked = [_situation(words) for words in asked_of(file)]
    ways: dict[str, Callable[[dict[str, str]], object]] = {
        "typed": lambda context: engine.situation(context, next(types)),
        "untyped": lambda context: engine.situation(context, None),
    }
    times: Times = {}
    for name, ask in ways.items():
        for _ in TYPES:
            for context in asked[:SITUATIONS]:
                ask(context)
        times[f"{name} question, the same again"] = rate(ask, itertools.cycle(asked[:SITUATIONS]), 400_000)
        times[f"{name} question, another"] = rate(ask, asked[SITUATIONS:])
    spans = []
    for number, context in enumerate(asked[:WRITES]):
        try:
            engine.write(last._replace(id=f"new-{number}"))
        except NotImplementedError:
            return times
        spans.append(timed(engine.situation, context, None)[1])
    times["untyped question, after a write"] = middle(spans)
    return times


def many(make: Callable[[], Engine], file: str) -> tuple[Engine, Times]:
    """Opened and asked once; then words alone and with each filter."""
    words = iter(asked_of(file))
    first = Question(next(words))

    def opened() -> Engine:
        engine = make()
        engine.ask(first)
        return engine

    engine, span = timed(opened)
    times: Times = {"import, open, first question": span}
    types = itertools.cycle(TYPES)
    kinds: dict[str, Callable[[str], Question]] = {
        "words": Question,
        "words and a type": lambda text: Question(text, type=next(types)),
        "words and a frequent tag": lambda text: Question(text, tag=FREQUENT_TAG),
        "words and a rare tag": lambda text: Question(text, tag=RARE_TAG),
        "words and a confidence of 0.5": lambda text: Question(text, confidence=0.5),
    }
    for name, kind in kinds.items():
        asked = [kind(text) for text in itertools.islice(words, QUESTIONS if kind is Question else FILTERED)]
        _add(times, name, each_of(engine.ask, asked))
        if not engine.filters:
            return engine, times
    situations = [_situation(text) for text in itertools.islice(words, FILTERED)]
    _add(times, "situation", each_of(lambda context: engine.situation(context, None), situations))
    return engine, times


def meaning(make: Callable[[], Engine], file: str) -> tuple[Engine, Times]:
    """Words and meaning; how long one pattern takes to be encoded, of many at once."""
    asked = [Question(text) for text in asked_of(file)[: FILTERED + ENCODED + 1]]

    def opened() -> Engine:
        engine = make()
        engine.ask(asked.pop())
        return engine

    engine, span = timed(opened)
    times: Times = {"import, open, first question": span}
    _add(times, "words", each_of(engine.ask, asked[:FILTERED]))
    if engine.by_meaning:
        from quarterdeck.patterns.meaning.encoder import the_encoder

        texts = [
            f"{each.words}. " + " ".join(other.words for other in asked[:8]) for each in asked[FILTERED:]
        ]
        _, span = timed(the_encoder().encode, texts)
        times["encode a pattern"] = Span(span.wall_s / len(texts), span.cpu_s / len(texts))
    return engine, times


def _situation(words: str) -> dict[str, str]:
    """What an agent says of itself; a third of the patterns have something of it beside words."""
    return {"language": "python", "framework": "framework-3", "task": words}


def timed(call: Callable[..., Answer], *arguments: object) -> tuple[Answer, Span]:
    """What it returns, and what that took."""
    wall, cpu = time.perf_counter(), time.process_time()
    answer = call(*arguments)
    return answer, Span(time.perf_counter() - wall, time.process_time() - cpu)


def rate(ask: Callable[[Asked], object], asked: Iterable[Asked], most: int = 10**9) -> Span:
    """Of one call, over as many as *most* and `ENOUGH_S` allow."""
    left: Iterator[Asked] = itertools.islice(asked, most)
    done = 0
    wall, cpu = time.perf_counter(), time.process_time()
    while piece := list(itertools.islice(left, PIECE)):
        for each in piece:
            ask(each)
        done += len(piece)
        if time.perf_counter() - wall > ENOUGH_S:
            break
    return Span((time.perf_counter() - wall) / done, (time.process_time() - cpu) / done)


def _add(times: Times, name: str, spans: Sequence[Span]) -> None:
    times[name], times[f"{name}, p99"] = middle(spans), last_percent(spans)


def each_of(ask: Callable[[Asked], object], asked: Sequence[Asked]) -> list[Span]:
    """Of each call, over as many as `ENOUGH_OF_MANY_S` allows."""
    spans: list[Span] = []
    until = time.perf_counter() + ENOUGH_OF_MANY_S
    for question in asked:
        spans.append(timed(ask, question)[1])
        if time.perf_counter() > until:
            break
    return spans


def middle(spans: Sequence[Span]) -> Span:
    """The median of each."""
    return _at(spans, 0.5)


def last_percent(spans: Sequence[Span]) -> Span:
    """What one in a hundred exceeds."""
    return _at(spans, 0.99)


def _at(spans: Sequence[Span], share: float) -> Span:
    columns = [sorted(column) for column in zip(*spans, strict=True)]
    return Span(*(column[min(len(column) - 1, int(share * len(column)))] for column in columns))


def main(name: str, place: str, verb: str, file: str) -> None:
    """Do it and say it."""
    if verb in ("many", "meaning"):
        engine, times = (many if verb == "many" else meaning)(lambda: ENGINES[name](place), file)
    else:
        engine = ENGINES[name](place)
        times = {"build": build, "few": few}[verb](engine, file)
    memory = {"peak_bytes": status("VmHWM"), "own_bytes": status("RssAnon")}
    engine.close()
    print(json.dumps({"times": times, **memory}))


if __name__ == "__main__":
    main(*sys.argv[1:5])
