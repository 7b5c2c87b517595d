"""The cost ledger next to what else keeps such a ledger, and next to a bare `write`.

    logging          the same requests, call by call; the floor writes the very same bytes with os.write
    import           a fresh process, up to a tracker that is ready
    summary          seven days out of a long history: the first answer of a process, and the next one
    rebuild          every sum anew from the journal
    transcripts      Claude Code and Codex sessions: the first import, and the next one with nothing new

Each scenario runs in fresh processes that take turns. Where a part of a process is what counts, the program
times that part itself, wall and CPU.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench import peers
from bench.measure import Contender, measure, nothing
from bench.results import ScenarioResult, scenario_result
from quarterdeck.testing.transcripts import write_transcripts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SUBJECT = "Quarterdeck"
FLOOR = "floor (os.write)"
HEADLINE = (SUBJECT, peers.EMPATHY.label, peers.CCUSAGE.label, FLOOR)

WORK = peers.ROOT / ".run" / "bench" / "costs"
LOGGED = 50_000
FEW = 1_000
HISTORY_DAYS = 365
LONG, SHORT = 10_000_000, 1_000_000
TRANSCRIPT_MB = 100

_TIMER = """
import sys, time
def timed(work, times=1):
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    print("timed", (time.perf_counter() - wall) / times, (time.process_time() - cpu) / times)
"""
_CALLS = """
def calls():
    for number in range(count):
        log("claude-haiku-4-5", 1000 + number % 7, 500, "summarize")
"""
LOG = f"""{_TIMER}
from quarterdeck.costs import CostTracker
log, count = CostTracker(sys.argv[1]).log_request, int(sys.argv[2])
log("claude-haiku-4-5", 1000, 500, "summarize"){_CALLS}
timed(calls, count)
"""
PEER_LOG = f"""{_TIMER}
from empathy_os.cost_tracker import CostTracker
tracker, count = CostTracker(sys.argv[1]), int(sys.argv[2])
log = tracker.log_request
log("claude-haiku-4-5", 1000, 500, "summarize")
tracker.flush(){_CALLS}
def all_of_it():
    calls()
    tracker.flush()
timed(all_of_it, count)
"""
FLOOR_LOG = f"""{_TIMER}
import os
from quarterdeck.costs.ledger import Ledger
from quarterdeck.costs.line import encode
from quarterdeck.costs.model import Request, Usage
folder, count = sys.argv[1], int(sys.argv[2])
requests = [Request("claude-haiku-4-5", Usage(1000 + n % 7, 500), task_type="summarize") for n in range(7)]
ledger = Ledger(folder)
lines = [encode(request, **ledger.price(request)._asdict()) for request in requests]
os.makedirs(folder, exist_ok=True)
file = os.open(os.path.join(folder, "lines"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
def calls():
    write = os.write
    for number in range(count):
        write(file, lines[number % 7])
timed(calls, count)
"""
READY = "import sys; from quarterdeck.costs import CostTracker; CostTracker(sys.argv[1])"
PEER_READY = "import sys; from empathy_os.cost_tracker import CostTracker; CostTracker(sys.argv[1])"
BARE = "import sys"
FIRST_ANSWER = f"""{_TIMER}
from quarterdeck.costs import CostTracker
tracker = CostTracker(sys.argv[1])
timed(lambda: tracker.get_summary(7))
"""
NEXT_ANSWER = f"""{_TIMER}
from quarterdeck.costs import CostTracker
tracker = CostTracker(sys.argv[1])
assert tracker.get_summary(7)["requests"]
timed(lambda: tracker.get_summary(7))
"""
PEER_ANSWER = f"""{_TIMER}
from empathy_os.cost_tracker import CostTracker
tracker = CostTracker(sys.argv[1])
timed(lambda: tracker.get_summary(7))
"""
REBUILD = f"""{_TIMER}
from quarterdeck.costs.ledger import Ledger
ledger = Ledger(sys.argv[1])
timed(ledger.refresh)
"""
FLOOR_REBUILD = f"""{_TIMER}
import glob, json
def calls():
    for path in glob.glob(sys.argv[1] + "/journal/*.jsonl") + glob.glob(sys.argv[1] + "/journal/*.open"):
        for line in open(path, "rb"):
            json.loads(line)
timed(calls)
"""
HISTORY = """
import datetime, random, sys
from quarterdeck.journal import Journal
folder, count, days = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
rng = random.Random(7)
now = datetime.datetime.now(datetime.UTC)
at = [(now - datetime.timedelta(days=d, hours=h)).isoformat(timespec="milliseconds")
      for d in range(days) for h in range(0, 24, 6)]
models = ["claude-haiku-4-5", "claude-sonnet-4-5", "claude-opus-4-5", "gpt-5", "gpt-5-mini", "gemini-2.5-pro"]
labels = [(model, task, project) for model in models for task in ("review", "generate", "summarize", "plan")
          for project in ("/srv/a", "/srv/b", "/srv/c")]
journal = Journal(folder + "/journal")
def line(number):
    model, task, project = labels[number % len(labels)]
    tokens = rng.randrange(200, 60_000)
    name = f'"response_id":"r{number}",' if number % 10 == 0 else ""
    return (f'{{"v":1,"at":"{at[number * len(at) // count]}","model":"{model}","provider":"p",'
            f'"task_type":"{task}","tier":"capable","project":"{project}",{name}"card":"0123456789ab",'
            f'"input_tokens":{tokens},'
            f'"output_tokens":{tokens // 9},"cost_picousd":{tokens * 3_000_000}}}\\n').encode()
for begin in range(0, count, 5000):
    journal.append_many([line(number) for number in range(begin, begin + 5000)])
journal.close()
"""
PEER_HISTORY = """
import datetime, json, random, sys
folder, count, days = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
rng = random.Random(7)
now = datetime.datetime.now()
totals = {}
with open(folder + "/costs.jsonl", "w") as file:
    for number in range(count):
        at = (now - datetime.timedelta(days=number * days // count)).isoformat()
        tokens = rng.randrange(200, 60_000)
        cost = round(tokens * 3e-6, 6)
        file.write(json.dumps({"timestamp": at, "model": "claude-sonnet-4-5", "tier": "capable",
            "task_type": ("review", "generate", "summarize", "plan")[number % 4], "input_tokens": tokens,
            "output_tokens": tokens // 9, "actual_cost": cost, "baseline_cost": cost,
            "savings": 0.0}) + "\\n")
        day = totals.setdefault(at[:10], {"requests": 0, "input_tokens": 0, "output_tokens": 0,
            "actual_cost": 0, "baseline_cost": 0, "savings": 0})
        day["requests"] += 1
        day["input_tokens"] += tokens
json.dump({"daily_totals": totals}, open(folder + "/costs_summary.json", "w"))
"""


@dataclass(frozen=True, slots=True)
class Tools:
    """The Python interpreters of the contenders."""

    quarterdeck: str
    empathy: str


def run(*, rounds: int, quick: bool, say: Callable[[str], None]) -> list[ScenarioResult]:
    """Every scenario; *quick* leaves out the long history and most of the transcripts."""
    say("preparing the contenders")
    tools = Tools(str(peers.install_quarterdeck() / "python"), str(peers.install(peers.EMPATHY) / "python"))
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    (WORK / "pyproject.toml").write_text(
        "[project]\nname = 'anybody'\n"
    )  # a project like most: no settings of ours
    results = []
    try:
        for scenario, corpus, size, unit, contenders in _scenarios(tools, quick=quick, say=say):
            progress = partial(_progress, say, scenario)
            measured = measure(contenders, rounds=rounds, progress=progress)
            results.append(scenario_result(scenario, corpus, size, measured, unit=unit))
    finally:
        shutil.rmtree(WORK, ignore_errors=True)  # gigabytes
    return results


def _scenarios(
    tools: Tools, *, quick: bool, say: Callable[[str], None]
) -> Iterator[tuple[str, str, int, str, Sequence[Contender]]]:
    """Name, data, their size and unit, and the contenders, subject first; data are made when asked for."""
    for count in (FEW, LOGGED):
        yield "log_request", "one call of many", count, "calls", _logging(tools, count)
    yield "import and open", "a fresh process", 1, "process", _opening(tools)
    for count in (SHORT // 10,) if quick else (SHORT, LONG):
        say(f"writing a history of {count:,} requests")
        ours, theirs = _history(tools, count)
        yield (
            "get_summary(7), first answer",
            "history",
            count,
            "requests",
            _answers(tools, FIRST_ANSWER, ours, theirs),
        )
        yield (
            "get_summary(7), next answer",
            "history",
            count,
            "requests",
            _answers(tools, NEXT_ANSWER, ours, ""),
        )
        if count <= SHORT:
            yield "rebuild of every sum", "history", count, "requests", _rebuilding(tools, ours)
        shutil.rmtree(ours)
    megabytes = TRANSCRIPT_MB // 10 if quick else TRANSCRIPT_MB
    say(f"writing {megabytes} MB of transcripts")
    yield from _transcripts(tools, megabytes)


def _logging(tools: Tools, count: int) -> list[Contender]:
    def contender(name: str, python: str, program: str, folder: str) -> Contender:
        place = WORK / folder
        argv = [python, "-c", program, str(place), str(count)]
        return Contender(name, argv, str(WORK), _home("log"), _remover(place), times_itself=True)

    power = {**_home("log"), "QUARTERDECK_COSTS_DURABILITY": "power"}
    ours = contender(SUBJECT, tools.quarterdeck, LOG, "ours")
    return [
        ours,
        replace(ours, name=f"{SUBJECT}, durability power", env=power),
        contender(peers.EMPATHY.label, tools.empathy, PEER_LOG, "theirs"),
        contender(FLOOR, tools.quarterdeck, FLOOR_LOG, "floor"),
    ]


def _opening(tools: Tools) -> list[Contender]:
    def contender(name: str, python: str, program: str) -> Contender:
        return Contender(name, [python, "-c", program, str(WORK / "opened")], str(WORK), _home("opening"))

    return [
        contender(SUBJECT, tools.quarterdeck, READY),
        contender(peers.EMPATHY.label, tools.empathy, PEER_READY),
        contender("floor (bare interpreter)", tools.quarterdeck, BARE),
    ]


def _history(tools: Tools, count: int) -> tuple[str, str]:
    """A ledger of *count* requests with its sums; and the peer's, empty where it would take too long."""
    ours = str(WORK / f"history-{count}")
    _run(tools.quarterdeck, HISTORY, ours, str(count), str(HISTORY_DAYS))
    _run(tools.quarterdeck, REBUILD, ours)
    theirs = ""
    if count <= SHORT:
        theirs = str(WORK / f"peer-history-{count}")
        os.makedirs(theirs)
        _run(tools.empathy, PEER_HISTORY, theirs, str(count), str(HISTORY_DAYS))
    return ours, theirs


def _answers(tools: Tools, program: str, ours: str, theirs: str) -> list[Contender]:
    found = [
        Contender(
            SUBJECT, [tools.quarterdeck, "-c", program, ours], str(WORK), _home("answers"), times_itself=True
        )
    ]
    if theirs:
        argv = [tools.empathy, "-c", PEER_ANSWER, theirs]
        found.append(Contender(peers.EMPATHY.label, argv, str(WORK), times_itself=True))
    return found


def _rebuilding(tools: Tools, ours: str) -> list[Contender]:
    def forget() -> None:
        for path in Path(ours).glob("rollup.sqlite*"):
            path.unlink()

    return [
        Contender(
            SUBJECT,
            [tools.quarterdeck, "-c", REBUILD, ours],
            str(WORK),
            _home("answers"),
            forget,
            times_itself=True,
        ),
        Contender(
            "floor (json.loads of each line)",
            [tools.quarterdeck, "-c", FLOOR_REBUILD, ours],
            str(WORK),
            times_itself=True,
        ),
    ]


def _transcripts(tools: Tools, megabytes: int) -> Iterator[tuple[str, str, int, str, Sequence[Contender]]]:
    """The first import, the next one with nothing new, and the next one after one session went on."""
    home = WORK / "person"
    home.mkdir()
    write_transcripts(str(home), seed=7, size_bytes=megabytes * 1_000_000)
    session = max((home / ".claude").rglob("*.jsonl"), key=lambda path: path.stat().st_size)
    one_more = session.read_bytes().splitlines(keepends=True)[-2]
    ccusage = peers.install_ccusage()
    qd = [str(Path(tools.quarterdeck).with_name("qd")), "costs", "import", "--json"]

    def ours(state: str, prepare: Callable[[], object] = nothing) -> Contender:
        return Contender(SUBJECT, qd, str(home), {"HOME": str(home), **_home(state)}, prepare)

    def theirs(prepare: Callable[[], object] = nothing) -> list[Contender]:
        argv = [str(ccusage), "daily", "--json", "--offline"]
        return (
            [Contender(peers.CCUSAGE.label, argv, str(home), {"HOME": str(home)}, prepare)] if ccusage else []
        )

    def go_on() -> None:
        with open(session, "ab") as file:
            file.write(one_more)

    plan = {
        "first import": [ours("first", _remover(WORK / "homes" / "first")), *theirs()],
        "import again, nothing new": [ours("again"), *theirs()],
        "import again, one session went on": [ours("went-on", go_on), *theirs(go_on)],
    }
    for scenario, contenders in plan.items():
        yield scenario, "transcripts", megabytes, "MB", contenders


def _run(python: str, program: str, *arguments: str) -> None:
    env = {**os.environ, **_home("making")}
    subprocess.run(
        [python, "-c", program, *arguments], check=True, cwd=WORK, env=env, stdout=subprocess.DEVNULL
    )


def _home(name: str) -> dict[str, str]:
    """An environment in which nothing of the person's own is read or written."""
    return {"QUARTERDECK_HOME": str(WORK / "homes" / name)}


def _remover(folder: Path) -> Callable[[], object]:
    return partial(shutil.rmtree, folder, ignore_errors=True)


def _progress(say: Callable[[str], None], title: str, text: str) -> None:
    say(f"{title}: {text}")
