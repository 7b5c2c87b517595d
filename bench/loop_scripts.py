"""Twenty ways to go in circles, each drawn anew by dice.

A script is what an agent does from the moment on at which a person who sees everything would say that it
is stuck; one round of it is the smallest piece that comes back. What varies in real ones varies here: ids,
times, durations, the order of keys, spaces, what is said in between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.loops.events.model import AgentEvent, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench.loop_stage import Stage

PICO = 1_000_000_000_000


class Script(NamedTuple):
    """One loop.

    Attributes:
        events: in order.
        rounds: how many events have been when each round is complete, rising; the last is all of them.
        kinds: what it may rightly be called.
    """

    events: list[AgentEvent]
    rounds: list[int]
    kinds: frozenset[Kind]


def _script(rounds: Sequence[Sequence[AgentEvent]], *kinds: Kind) -> Script:
    events: list[AgentEvent] = []
    ends = []
    for each in rounds:
        events += each
        ends.append(len(events))
    return Script(events, ends, frozenset(kinds))


def identical(stage: Stage) -> Script:
    """One call, and what comes of it is always the same."""
    event = stage.look()()
    return _script([[event]] * stage.dice.randint(6, 20), Kind.REPETITION)


def same_but_for_the_clock(stage: Stage) -> Script:
    """One failing command; only times, ids, addresses and durations of its output differ."""
    dice, name = stage.dice, stage.word(stage.file())
    line = dice.randint(10, 300)
    output = stage.one_of(
        (
            lambda: (
                f"F\nE   assert <{name} object at 0x{stage.hexadecimal(12)}> == None\n"
                f"tests/test_{name}.py:{line}\n1 failed, 12 passed in {dice.uniform(0.1, 9):.2f}s"
            ),
            lambda: f"[{stage.clock()}] pid={dice.randint(300, 99999)} ERROR {name}: handler crashed\nexit 1",
        ),
        (
            lambda: (
                f"request_id={stage.hexadecimal(12)} at {stage.clock()}: upstream {name} unavailable "
                f"(took {dice.randint(3, 900)} ms)"
            ),
            lambda: (
                f'  File "/tmp/tmp{stage.hexadecimal(8)}/{name}.py", line {line}\n'
                f"RuntimeError: {name} (pid {dice.randint(300, 99999)})"
            ),
        ),
    )
    command = f"python -m pytest tests/test_{name}.py -q"
    rounds = [[stage.shell(command, output(), failed=True)] for _ in range(dice.randint(6, 16))]
    return _script(rounds, Kind.REPETITION, Kind.SAME_ERROR)


def same_but_for_an_id(stage: Stage) -> Script:
    """One call, with a number of its own or the time among its arguments."""
    dice = stage.dice
    tool, key = stage.one_of(
        (("db_query", "request_id"), ("http_get", "timestamp")),
        (("search_index", "trace_id"), ("call_api", "nonce")),
    )
    word = stage.word(stage.file())
    outcome = stage.one_of(("0 rows", "[]"), ("no results", '{"items": []}'))
    rounds = []
    for number in range(dice.randint(7, 16)):
        noise: str | int = 1_794_000_000 + 7 * number if key == "timestamp" else stage.hexadecimal(32)
        rounds.append([AgentEvent.call(tool, {"query": word, key: noise}, outcome, failed=False)])
    return _script(rounds, Kind.REPETITION, Kind.LOW_NOVELTY)


def failing_edit(stage: Stage) -> Script:
    """The text to replace is not there; now and then the file is read in between."""
    dice, file = stage.dice, stage.file()
    start = dice.randrange(1, len(file.lines) - 60)
    old, new = f"def {stage.word(file)}(self):  # stale", "def renamed(self):"
    reads = dice.random() < 0.4
    rounds = []
    for _ in range(dice.randint(5, 12)):
        wanted = old + " " * dice.choice((0, 0, 1))
        before = [stage.read(file, start, 40)] if reads else []
        rounds.append([*before, stage.edit(file.path, wanted, new, missing=True)])
    return _script(rounds, Kind.REPETITION, Kind.SAME_ERROR, Kind.CYCLE)


def same_error(stage: Stage) -> Script:
    """Whatever it runs, one thing is missing."""
    dice = stage.dice
    error = stage.one_of(
        (
            "ModuleNotFoundError: No module named 'yaml'",
            "psycopg.OperationalError: connection failed: server at 127.0.0.1, port 5432 refused",
            "Error: Cannot find module 'left-pad'",
        ),
        (
            "ImportError: libGL.so.1: cannot open shared object file: No such file or directory",
            "error: linker `cc` not found",
            "openai.RateLimitError: Error code: 429 - insufficient_quota",
        ),
    )
    commands = [
        "make test", "python -m app", "python -m pytest", "./run check", "tox -e py311", "npm start", "nox",
        "cargo build", "python setup.py build", "bash scripts/start.sh", "python -c 'import app'",
        "flask run", "docker compose up", "make -B all", "uv run app", "python manage.py migrate",
    ]  # fmt: skip
    dice.shuffle(commands)
    rounds = []
    for command in commands[: dice.randint(6, 14)]:
        file = stage.file()
        frames = "\n".join(
            f'  File "/app/{file.path}", line {dice.randint(1, 900)}, in {stage.word(file)}'
            for _ in range(dice.randint(0, 3))
        )
        trace = f"Traceback (most recent call last):\n{frames}\n" if frames else ""
        rounds.append([stage.shell(command, trace + error, failed=True)])
    return _script(rounds, Kind.SAME_ERROR)


def alternation(stage: Stage) -> Script:
    """Two calls in turn."""
    pair = stage.looks(2)
    rounds = [[look() for look in pair] for _ in range(stage.dice.randint(5, 10))]
    return _script(rounds, Kind.CYCLE, Kind.ALTERNATION)


def edit_and_undo(stage: Stage) -> Script:
    """A change, then back again; sometimes with the tests in between, which fail now here, now there."""
    dice, file = stage.dice, stage.file()
    one, two = (f"{stage.word(file)} = {dice.randint(1, 99)}" for _ in range(2))
    there, back = stage.edit(file.path, one, two), stage.edit(file.path, two, one)
    if dice.random() < 0.5:
        return _script([[there, back]] * dice.randint(4, 8), Kind.ALTERNATION, Kind.CYCLE)
    names = stage.word(file), stage.word(file)
    rounds = []
    for _ in range(dice.randint(4, 7)):
        runs = [
            stage.shell(
                "pytest -q",
                f"FAILED tests/test_{name}.py\n1 failed, 40 passed in {dice.uniform(1, 9):.2f}s",
                failed=True,
            )
            for name in names
        ]
        rounds.append([there, runs[0], back, runs[1]])
    return _script(rounds, Kind.ALTERNATION, Kind.CYCLE)


def _cycle(stage: Stage, shortest: int, longest: int, rounds: tuple[int, int]) -> Script:
    looks = stage.looks(stage.dice.randint(shortest, longest))
    made = [[look() for look in looks] for _ in range(stage.dice.randint(*rounds))]
    return _script(made, Kind.CYCLE, Kind.LOW_NOVELTY)


def cycle_of_3(stage: Stage) -> Script:
    """Three calls, over and over."""
    return _cycle(stage, 3, 3, (4, 8))


def cycle_of_4_or_5(stage: Stage) -> Script:
    """Four or five calls, over and over."""
    return _cycle(stage, 4, 5, (4, 7))


def cycle_of_6_to_8(stage: Stage) -> Script:
    """Six to eight calls, over and over."""
    return _cycle(stage, 6, 8, (4, 6))


def searching_in_vain(stage: Stage) -> Script:
    """One thing is looked for, spelled a little differently each time; it is nowhere."""
    dice = stage.dice
    one, two = stage.word(stage.file()), stage.word(stage.file())
    spellings = [
        f"{one}_{two}", f"{one}{two.title()}", f"{one.title()}{two.title()}", f"def {one}_{two}",
        f"{one}.*{two}", f"{one}_?{two}", f"class {one.title()}", f"{one}-{two}", f"{two}_{one}",
        f"'{one}_{two}'", f'"{one}_{two}"', f"{one} {two}", f"self.{one}_{two}", f"import {one}_{two}",
        f"{one.upper()}_{two.upper()}", f"{one}{two}",
    ]  # fmt: skip
    chosen = [dice.choice(spellings) for _ in range(dice.randint(18, 32))]
    return _script(
        [[stage.search(each, None)] for each in chosen], Kind.LOW_NOVELTY, Kind.SAME_ERROR, Kind.REPETITION
    )


_ANY_ORDER = Kind.LOW_NOVELTY, Kind.CYCLE, Kind.REPETITION


def same_windows(stage: Stage) -> Script:
    """A few pieces of one or two files, read again and again in any order."""
    dice = stage.dice
    pieces = [
        stage.read(file, start, 40)
        for file in dice.sample(stage.files, dice.randint(1, 2))
        for start in dice.sample(range(1, len(file.lines) - 40, 40), 3)
    ]
    return _script([[dice.choice(pieces)] for _ in range(dice.randint(26, 44))], *_ANY_ORDER)


def monologue(stage: Stage) -> Script:
    """It talks, and does nothing."""
    phrases = (
        (
            "I apologize for the confusion. Let me fix {thing} now.", "Let me check {thing} first.",
            "You're right, I'm sorry. I will look at {thing}.", "I'll now go ahead and check {thing}.",
            "Sorry about that! Let me try {thing}.", "Okay, I need to look at {thing} before I continue.",
            "Let me start by looking at {thing}.",
        ),
        (
            "My apologies, I will correct {thing}.", "Understood. I am going to examine {thing}.",
            "Before anything else I should examine {thing}.", "I realise I have not looked at {thing} yet.",
            "Right. Examining {thing} now.", "One moment while I review {thing}.",
            "I will review {thing} right away.",
        ),
    )[stage.is_held_out]  # fmt: skip
    thing = stage.word(stage.file())
    messages = [
        AgentEvent.said(stage.dice.choice(phrases).format(thing=thing))
        for _ in range(stage.dice.randint(7, 16))
    ]
    return _script([[message] for message in messages], Kind.MONOLOGUE, Kind.LOW_NOVELTY)


def chanting(stage: Stage) -> Script:
    """One message that says one thing over and over."""
    dice, thing = stage.dice, stage.word(stage.file())
    line = stage.one_of(
        (
            f"I will now update {thing} and run the tests. ",
            f"Wait, {thing} is wrong, let me reconsider {thing}. ",
        ),
        (
            f"Actually the value of {thing} should be checked first; ",
            f"So {thing}, and then {thing}, and so on\n",
        ),
    )
    opening = stage.said().text + " " if dice.random() < 0.5 else ""
    messages = [AgentEvent.said(opening + line * dice.randint(14, 60)) for _ in range(dice.randint(1, 2))]
    return _script([[message] for message in messages], Kind.MONOLOGUE)


def retry_in_other_clothes(stage: Stage) -> Script:
    """A command that fails, with other spaces, another order of its options, another end of its pipe."""
    dice, name = stage.dice, stage.word(stage.file())
    program, options, target, error = stage.one_of(
        (
            (
                "pytest",
                ["-x", "-q", "--tb=short"],
                f"tests/test_{name}.py",
                f"E   AssertionError: {name} is None",
            ),
            ("npm run build --", ["--verbose", "--force"], "", f"TS2304: Cannot find name '{name}'."),
        ),
        (
            ("go test", ["-v", "-count=1", "-race"], f"./{name}/...", f"undefined: {name}"),
            (
                "mypy",
                ["--strict", "--pretty", "--no-incremental"],
                f"src/{name}.py",
                f'error: Name "{name}" is not defined',
            ),
        ),
    )
    rounds = []
    for _ in range(dice.randint(7, 14)):
        chosen = dice.sample(options, len(options))
        command = f"{program} {(' ' * dice.randint(1, 2)).join(chosen)} {target}".strip()
        command = (
            dice.choice(("", "", "cd /app && "))
            + command
            + dice.choice(("", "", " 2>&1", " 2>&1 | tail -20"))
        )
        rounds.append([stage.shell(command, f"{error}\nfailed", failed=True)])
    return _script(rounds, Kind.REPETITION, Kind.SAME_ERROR)


def rewriting_the_list(stage: Stage) -> Script:
    """The list of things to do is written again and again; nothing on it is ever done."""
    dice = stage.dice
    things = [
        f"{verb} {stage.word(stage.file())}"
        for verb in dice.sample(("Fix", "Test", "Move", "Document", "Check"), 4)
    ]
    order = dice.choice((False, True))
    rounds = []
    for _ in range(dice.randint(7, 14)):
        written = dice.sample(things, len(things)) if order else things
        rounds.append([stage.todo([(text, "pending") for text in written])])
    return _script(rounds, Kind.REPETITION, Kind.LOW_NOVELTY, Kind.CYCLE, Kind.ALTERNATION)


def spending(stage: Stage) -> Script:
    """Every try is another one and fails in another way; by the end it has cost 6 dollars or more."""
    dice = stage.dice
    knows = dice.random() < 0.5
    rounds = []
    spent = 0
    while spent < 6 * PICO:
        file = stage.file()
        name = stage.word(file)
        cost = int(dice.uniform(0.2, 0.7) * PICO)
        spent += cost
        error = dice.choice(("TypeError", "KeyError", "ValueError", "AttributeError", "OSError"))
        tries = (
            stage.shell(f"python -m {name}", f"{error}: {stage.word(file)} in {name}", failed=True),
            stage.edit(file.path, stage.word(file), name, missing=True),
            stage.shell(
                f"./{name} --{stage.word(file)}", f"{name}: unknown option {stage.word(file)}", failed=True
            ),
        )
        rounds.append([dice.choice(tries)._replace(cost_picousd=cost, progress=False if knows else None)])
    return _script(rounds, Kind.SPEND, Kind.SAME_ERROR)


def after_compaction(stage: Stage) -> Script:
    """Its memory is cut, and it reads everything again that it had read; and again."""
    dice = stage.dice
    block = stage.looks(dice.randint(10, 16))
    resumes = stage.one_of(
        ("This session continues from a summary. I'll get my bearings.",),
        ("Context was condensed; reading up again.",),
    )
    rounds = [[AgentEvent.said(resumes), *(look() for look in block)] for _ in range(dice.randint(3, 4))]
    return _script(rounds, Kind.LOW_NOVELTY, Kind.CYCLE)


def the_same_failure_again(stage: Stage) -> Script:
    """The tests fail as before; it reads this and that, changes nothing, and runs them again."""
    dice, name = stage.dice, stage.word(stage.file())
    error = f"FAILED tests/test_{name}.py::test_{stage.word(stage.file())} - assert {dice.randint(2, 9)} == 1"
    rounds = []
    for _ in range(dice.randint(7, 12)):
        summary = f"{error}\n1 failed, 30 passed in {dice.uniform(1, 9):.2f}s"
        reading = [look() for look in stage.looks(dice.randint(1, 3))]
        rounds.append([stage.shell(f"pytest tests/test_{name}.py", summary, failed=True), *reading])
    return _script(rounds, Kind.REPETITION, Kind.SAME_ERROR)


def not_allowed(stage: Stage) -> Script:
    """A tool that is not there, or may not be used, is called with this and that."""
    dice = stage.dice
    tool = f"{stage.word(stage.file())}_tool"
    error = stage.one_of(
        (
            f"Error: No such tool available: {tool}",
            "Permission to use this tool has been denied by the user.",
        ),
        (
            f'Tool "{tool}" not found in registry.',
            "EACCES: permission denied, operation not permitted by policy",
        ),
    )
    rounds = [
        [
            AgentEvent.call(
                tool, {"query": stage.word(stage.file()), "limit": dice.randint(1, 50)}, error, failed=True
            )
        ]
        for _ in range(dice.randint(6, 12))
    ]
    return _script(rounds, Kind.SAME_ERROR, Kind.REPETITION)


SCRIPTS: dict[str, Callable[[Stage], Script]] = {
    "identical call": identical,
    "same but for the clock": same_but_for_the_clock,
    "same but for an id": same_but_for_an_id,
    "failing edit": failing_edit,
    "same error, other calls": same_error,
    "alternation": alternation,
    "edit and undo": edit_and_undo,
    "cycle of 3": cycle_of_3,
    "cycle of 4 or 5": cycle_of_4_or_5,
    "cycle of 6 to 8": cycle_of_6_to_8,
    "searching in vain": searching_in_vain,
    "the same windows": same_windows,
    "monologue": monologue,
    "chanting": chanting,
    "retry in other clothes": retry_in_other_clothes,
    "rewriting the list": rewriting_the_list,
    "spending": spending,
    "after compaction": after_compaction,
    "not allowed": not_allowed,
    "same failure, reading": the_same_failure_again,
}
