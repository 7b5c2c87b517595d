"""Nineteen ways to repeat oneself with good reason, each drawn anew by dice.

None of them is a loop: something moves each time, or somebody outside wants it so.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bench.loop_stage import SourceFile
from quarterdeck.loops.events.model import AgentEvent

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.loop_stage import Look, Stage

Work = list[AgentEvent]


def polling(stage: Stage) -> Work:
    """A build or a queue is asked until it is done; often it says the same several times in a row."""
    dice = stage.dice
    number = dice.randint(1000, 99999)
    waits = dice.randint(4, 14)
    done = {"status": "completed", "conclusion": dice.choice(("success", "failure"))}
    if dice.random() < 0.6:
        command = stage.one_of(
            (
                f"gh run view {number} --json status",
                f"sleep 30 && kubectl get pods -l job={number}",
                f"squeue -j {number}",
            ),
            (
                f"sleep 60; curl -s localhost:8080/builds/{number}",
                f"aws batch describe-jobs --jobs {number}",
                f"tail -n 1 train-{number}.log",
            ),
        )
        texts = ['{"status": "in_progress"}'] * waits + [json.dumps(done)]
        sleeps = [stage.shell("sleep 45", "")] if "sleep" not in command and dice.random() < 0.7 else []
        return [event for text in texts for event in (*sleeps, stage.shell(command, text))]
    tool = stage.one_of(("get_build_status", "BashOutput"), ("check_job_status", "wait_for_run"))
    events = []
    for step in range(waits):
        outcome = {"status": "running", "id": number}
        if dice.random() < 0.5:
            outcome["percent"] = 100 * step // waits
        events.append(AgentEvent.call(tool, {"id": number}, json.dumps(outcome), failed=False))
    return [*events, AgentEvent.call(tool, {"id": number}, json.dumps(done | {"id": number}), failed=False)]


def paging(stage: Stage) -> Work:
    """A long file, or a long answer, is read piece by piece."""
    dice, file = stage.dice, stage.file()
    if dice.random() < 0.6:
        step = dice.choice((20, 25, 40))
        return [stage.read(file, first, step) for first in range(1, min(len(file.lines), 18 * step), step)]
    tool = stage.one_of(("list_issues", "search_customers"), ("list_tickets", "query_orders"))
    events = []
    for page in range(1, dice.randint(8, 18)):
        items = [{"id": 100 * page + n, "title": stage.word(file)} for n in range(5)]
        events.append(AgentEvent.call(tool, {"page": page, "per_page": 5}, json.dumps(items), failed=False))
    return events


def same_edit_everywhere(stage: Stage) -> Work:
    """One name is replaced in many files."""
    old, new = stage.word(stage.file()), stage.word(stage.file())
    files = stage.dice.sample(stage.files, stage.dice.randint(8, 20))
    return [stage.edit(file.path, old, new) for file in files]


def tests_and_edits(stage: Stage) -> Work:
    """The tests are run, something is mended, the tests are run: fewer fail, though not each time."""
    dice, file = stage.dice, stage.file()
    failing, total = dice.randint(5, 14), dice.randint(40, 200)
    command = stage.one_of(("pytest -q", "npm test"), ("go test ./...", "cargo test"))
    names = [f"FAILED tests/test_{stage.word(file)}.py" for _ in range(failing)]
    events: Work = []
    while failing:
        summary = f"{failing} failed, {total - failing} passed in {dice.uniform(1, 30):.2f}s"
        events.append(stage.shell(command, "\n".join([*names[:failing], summary]), failed=True))
        events.append(stage.edit(file.path, stage.word(file), stage.word(file)))
        failing = max(0, failing - dice.choice((0, 1, 1, 2, 3)))
    return [*events, stage.shell(command, f"{total} passed in {dice.uniform(1, 30):.2f}s")]


def batch(stage: Stage) -> Work:
    """The same is done with many things, and works the same with each."""
    dice = stage.dice
    tool = stage.one_of(
        ("send_invoice", "update_customer", "resize_image"), ("close_ticket", "convert_file", "tag_photo")
    )
    first, by = dice.randint(1, 9000), dice.randint(1, 7)
    outcome = stage.one_of(('{"ok": true}', "done"), ('{"result": "success"}', "200 OK"))
    return [
        AgentEvent.call(tool, {"id": first + by * step, "notify": False}, outcome, failed=False)
        for step in range(dice.randint(8, 30))
    ]


def backing_off(stage: Stage) -> Work:
    """Two or three tries fail, with longer waits between them; the next one works."""
    dice, name = stage.dice, stage.word(stage.file())
    command, error = stage.one_of(
        (
            (f"curl -fsS https://api.test/{name}", "curl: (22) 503 Service Unavailable"),
            ("npm ci", "ETIMEDOUT registry"),
        ),
        (
            (f"pip install {name}", "ReadTimeoutError: timed out"),
            (f"git push origin {name}", "remote: 502 Bad Gateway"),
        ),
    )
    events: Work = []
    for attempt in range(dice.randint(2, 3)):
        events += [stage.shell(command, error, failed=True), stage.shell(f"sleep {5 * 2**attempt}", "")]
    return [*events, stage.shell(command, f"{name}: ok"), stage.look()()]


def looking_between_edits(stage: Stage) -> Work:
    """After each change ``git status``, or the folder, or the tests of one file; it often says the same."""
    dice = stage.dice
    file = stage.file()
    status = f"On branch main\nChanges not staged for commit:\n\tmodified:   {file.path}"
    checks: tuple[Look, ...] = (
        lambda: stage.shell("git status", status),
        lambda: stage.folder("src", [file.path]),
        lambda: stage.shell(f"python -m py_compile {file.path}", ""),
    )
    check = dice.choice(checks)
    events: Work = []
    for _ in range(dice.randint(5, 12)):
        events += [stage.edit(file.path, stage.word(file), stage.word(file)), check()]
    return events


def chores(stage: Stage) -> Work:
    """Between one new piece of work and the next the same small thing, of which nothing is to be seen."""
    dice = stage.dice
    if dice.random() < 0.3:
        tool = stage.one_of(("screenshot", "browser_snapshot"), ("take_screenshot", "observe_screen"))
        seen = AgentEvent.call(tool, {}, "[image]", failed=False)
        return [event for _ in range(dice.randint(6, 14)) for event in (_visit(stage), seen)]
    chore = stage.one_of(("cd packages", "git add -A"), ("source .venv/bin/activate", "git fetch --quiet"))
    after = [stage.shell("cd -", "")] if dice.random() < 0.3 else []
    events: Work = []
    for _ in range(dice.randint(6, 14)):
        target = stage.word(stage.file())
        built = f"cc -o {target} {target}.c\n{dice.randint(9, 999)} bytes"
        events += [stage.shell(chore, ""), stage.shell(f"make {target}", built), *after]
    return events


def _visit(stage: Stage) -> AgentEvent:
    word = stage.word(stage.file())
    given = {"url": f"https://site.test/{word}/{stage.dice.randrange(9999)}"}
    return AgentEvent.call("navigate", given, f"Title: {word} {stage.word(stage.file())}", failed=False)


def step_by_step(stage: Stage) -> Work:
    """A debugger or a prompt: the same short command, and the next line each time, through a loop as well."""
    dice, file = stage.dice, stage.file()
    start, body = dice.randrange(1, len(file.lines) - 60), dice.choice((3, 4, 60))
    tool, command = stage.one_of(
        (("debugger", "next"), ("python_repl", "step()")), (("pdb_send", "n"), ("notebook_run", "next(it)"))
    )
    events = []
    for step in range(dice.randint(8, 24)):
        turn, place = divmod(step, body)
        line = f"> {file.path}({start + place})  i = {turn}\n-> {file.lines[start + place]}"
        events.append(AgentEvent.call(tool, {"input": command}, line, failed=False))
    return events


def in_parallel(stage: Stage) -> Work:
    """Helpers are sent out with almost the same words, or the web is searched; each brings something else."""
    dice = stage.dice
    if dice.random() < 0.5:
        return [_review(stage) for _ in range(dice.randint(4, 8))]
    return [
        AgentEvent.call(
            stage.tools.web,
            {"query": f"{stage.word(stage.file())} {stage.word(stage.file())} example"},
            "\n".join(f"https://site{dice.randrange(999)}.test/{stage.word(stage.file())}" for _ in range(4)),
            failed=False,
        )
        for _ in range(dice.randint(5, 10))
    ]


def _review(stage: Stage) -> AgentEvent:
    file = stage.file()
    prompt = "Review the code for errors. Report findings only."
    if stage.dice.random() < 0.5:
        prompt += f" Module: {file.path}"
    found = f"Findings in {file.path}: {stage.word(file)} shadows {stage.word(file)}."
    given = {"prompt": prompt, "description": "Review"}
    return AgentEvent.call(stage.tools.helper, given, found, failed=False)


def asked_again(stage: Stage) -> Work:
    """A person wants the same run again and again."""
    dice, look = stage.dice, stage.look()
    words = stage.one_of(("Again, please.", "Run it once more."), ("And again?", "Same thing again."))
    events: Work = []
    for _ in range(dice.randint(4, 9)):
        events += [AgentEvent.heard(words), look()]
    return events


def reading_up(stage: Stage) -> Work:
    """Many files, before anything is changed."""
    return [look() for look in stage.looks(stage.dice.randint(25, 45))]


def reading_logs(stage: Stage) -> Work:
    """One error is looked up in many logs; that they tell of it is what was wanted."""
    dice, word = stage.dice, stage.word(stage.file())
    error = stage.one_of(
        ("ERROR: connection refused", f"ModuleNotFoundError: No module named '{word}'"),
        ("fatal: repository not found", f"error[E0432]: unresolved import `{word}`"),
    )
    ways: tuple[Callable[[str], AgentEvent], ...] = (
        lambda name: stage.shell(f"grep -i error logs/{name}.log", error),
        lambda name: stage.read(SourceFile(f"logs/{name}.log", ("Build", "failed:", error), ()), 1, 40),
    )
    way = dice.choice(ways)
    return [way(f"{stage.word(stage.file())}-{number}") for number in range(dice.randint(6, 14))]


def searching_widely(stage: Stage) -> Work:
    """Many different things are looked for; some are nowhere."""
    dice = stage.dice
    events: Work = []
    for _ in range(dice.randint(12, 25)):
        file = stage.file()
        is_there = dice.random() < 0.6
        word = stage.word(file) if is_there else f"{stage.word(file)}_{stage.word(stage.file())}"
        events.append(stage.search(word, file if is_there else None))
    return events


def scrolling(stage: Stage) -> Work:
    """A page is scrolled, or a key is pressed some times; what is seen then is not always written down."""
    dice = stage.dice
    tool, given = stage.one_of(
        (("browser_scroll", {"direction": "down"}), ("press_key", {"key": "ArrowDown"})),
        (("computer", {"action": "scroll", "delta": 3}), ("browser_press_key", {"key": "Tab"})),
    )
    if dice.random() < 0.5:
        return [AgentEvent.call(tool, given, "ok", failed=False)] * dice.randint(3, 6)
    return [
        AgentEvent.call(tool, given, f"Now in view: {stage.word(stage.file())}", failed=False)
        for _ in range(dice.randint(5, 12))
    ]


def list_that_moves(stage: Stage) -> Work:
    """The list of things to do is written again after each thing done."""
    dice = stage.dice
    things = [
        f"{verb} {stage.word(stage.file())}"
        for verb in ("Read", "Change", "Test", "Document", "Commit", "Tidy")
    ]
    events: Work = []
    for done in range(len(things) + 1):
        statuses = ["completed"] * done + ["in_progress"] * (done < len(things))
        items = [(text, (statuses + ["pending"] * 6)[place]) for place, text in enumerate(things)]
        events.append(stage.todo(items))
        events += [stage.look()() for _ in range(dice.randint(0, 2))]
    return events


def heartbeat(stage: Stage) -> Work:
    """A scheduler has a service looked at; it is well each time."""
    dice, port = stage.dice, stage.dice.randint(3000, 9000)
    wakes, is_terse = dice.random() < 0.6, dice.random() < 0.5
    tool = stage.one_of(("health_check", "heartbeat"), ("healthcheck", "ping_service"))
    events: Work = []
    for _ in range(dice.randint(6, 20)):
        outcome = f'{{"status": "ok", "latency_ms": {dice.randint(1, 90)}, "at": "{stage.clock()}"}}'
        outcome = "ok" if is_terse else outcome
        events += [AgentEvent.heard("Scheduled check.")] * wakes
        events.append(AgentEvent.call(tool, {"port": port}, outcome, failed=False))
    return events


def reading_after_writing(stage: Stage) -> Work:
    """A piece of a file is read after each change to it: the same call, and another text."""
    dice, file = stage.dice, stage.file()
    lines = list(file.lines[:60])
    events: Work = []
    for _ in range(dice.randint(5, 10)):
        place, word = dice.randrange(len(lines)), stage.word(file)
        events.append(stage.read(file._replace(lines=tuple(lines)), 1, 60))
        events.append(stage.edit(file.path, lines[place], word))
        lines[place] = word
    return events


def looking_twice(stage: Stage) -> Work:
    """Among other things it looks at one thing twice and at another one three times; a person would, too."""
    looks = stage.looks(stage.dice.randint(8, 14))
    twice, thrice = stage.dice.sample(looks, 2)
    events = [look() for look in looks]
    for look in (twice, thrice, thrice):
        events.insert(stage.dice.randrange(len(events)), look())
    return events


WORKS: dict[str, Callable[[Stage], Work]] = {
    "polling": polling,
    "paging": paging,
    "same edit in many files": same_edit_everywhere,
    "tests and edits": tests_and_edits,
    "batch": batch,
    "backing off": backing_off,
    "looking between edits": looking_between_edits,
    "chores": chores,
    "step by step": step_by_step,
    "helpers and searches": in_parallel,
    "asked again": asked_again,
    "reading up": reading_up,
    "reading logs": reading_logs,
    "searching widely": searching_widely,
    "scrolling": scrolling,
    "list that moves": list_that_moves,
    "heartbeat": heartbeat,
    "reading after writing": reading_after_writing,
    "looking twice": looking_twice,
}
