"""Errands that repeat themselves and get somewhere: what must not be taken for a loop.

The neighbours of `bench.loop_circles`: the same tools, and calls that look alike, but each brings something,
waits for something, or was asked for. Written for `bench.loop_afterwards`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.loop_refusals import call, clock, hexadecimal
from quarterdeck.loops.events.model import AgentEvent

if TYPE_CHECKING:
    import random
    from collections.abc import Callable


def rollout(dice: random.Random) -> list[AgentEvent]:
    """Pods come up one after the other; now and then nothing has changed yet but their age."""
    command, pods, up, age = "kubectl get pods -l app=web", dice.randint(3, 8), 0, dice.randint(3, 20)
    names = [f"web-{hexadecimal(dice, 5)}" for _ in range(pods)]
    events = []
    while up < pods:
        up = min(pods, up + dice.choice((0, 0, 1, 1, 2)))
        age += dice.randint(15, 60)
        states = ("Running" if n < up else "ContainerCreating" for n in range(pods))
        rows = [f"{name}  {state}  0  {age}s" for name, state in zip(names, states, strict=True)]
        events.append(
            call(
                "shell", {"command": command}, "\n".join(("NAME  STATUS  RESTARTS  AGE", *rows)), failed=False
            )
        )
    return [
        *events,
        call(
            "shell", {"command": "kubectl rollout status deploy/web"}, "successfully rolled out", failed=False
        ),
    ]


def waiting_for_a_job(dice: random.Random) -> list[AgentEvent]:
    """Asked every half minute or so, it is running; then it is done."""
    tool = dice.choice(("get_job_status", "check_build_status", "describe_query_execution"))
    given = {"id": hexadecimal(dice, 10)}
    running = dice.choice(({"state": "RUNNING"}, "Status: in progress", '{"status": "queued"}'))
    told = [call(tool, given, running, failed=False) for _ in range(dice.randint(5, 20))]
    return [*told, call(tool, given, {"state": "SUCCEEDED", "rows": dice.randint(10, 9999)}, failed=False)]


def paging(dice: random.Random) -> list[AgentEvent]:
    """Page after page of orders, by number or by cursor."""
    by_cursor, events, cursor = dice.random() < 0.5, [], ""
    for page in range(1, dice.randint(8, 25)):
        rows = [{"id": dice.randint(10_000, 99_999), "total": dice.randint(5, 900)} for _ in range(5)]
        given = {"cursor": cursor, "limit": 5} if by_cursor else {"page": page, "per_page": 5}
        cursor = hexadecimal(dice, 12)
        outcome = {"orders": rows, "next": cursor if by_cursor else page + 1}
        events.append(call("list_orders", given, outcome, failed=False))
    return events


def archiving(dice: random.Random) -> list[AgentEvent]:
    """One record after the other is changed, and each time that is all right."""
    tool, value = dice.choice(
        (("update_ticket", "closed"), ("crm_set_stage", "won"), ("archive_message", "archive"))
    )
    answer = dice.choice(({"ok": True}, "updated", "204 No Content"))
    first = dice.randint(100, 9000)
    ids = [first + step for step in range(dice.randint(8, 25))]
    return [call(tool, {"id": each, "to": value}, answer, failed=False) for each in ids]


def test_first(dice: random.Random) -> list[AgentEvent]:
    """A failing test, an edit that mends it, and the next one, in Rust."""
    events = []
    passed = dice.randint(3, 40)
    names = (
        "empty",
        "single",
        "nested",
        "escaped",
        "unicode",
        "overflow",
        "trailing",
        "comment",
        "crlf",
        "tabs",
    )
    for name in dice.sample(names, dice.randint(5, 9)):
        test = {"path": "tests/parse.rs", "append": f'#[test]\nfn parses_{name}() {{ check("{name}"); }}'}
        mend = {"path": "src/parse.rs", "find": f"// {name}", "replace": f"Token::{name.title()} => next(),"}
        red = f"test parses_{name} ... FAILED\nleft: None\nright: Some({dice.randrange(50)})\ntest result: "
        failed = f"{red}FAILED. {passed} passed; 1 failed; finished in {dice.uniform(0, 1):.2f}s"
        passed += 1
        green = f"test result: ok. {passed} passed; 0 failed; finished in {dice.uniform(0, 1):.2f}s"
        events += [
            call("edit_file", test, "saved", failed=False),
            call("run_command", {"cmd": "cargo test"}, failed, failed=True),
            call("edit_file", mend, "saved", failed=False),
            call("run_command", {"cmd": "cargo test"}, green, failed=False),
        ]
    return events


def sweep(dice: random.Random) -> list[AgentEvent]:
    """Hyperparameters, each with a score of its own."""
    events = []
    for _ in range(dice.randint(8, 25)):
        given = {
            "learning_rate": dice.choice((0.3, 0.1, 0.03, 0.01, 0.003)),
            "max_depth": dice.randint(2, 12),
            "seed": dice.randrange(1000),
        }
        outcome = f"fold 5/5 done\nval_auc={dice.uniform(0.7, 0.9):.4f} val_loss={dice.uniform(0.2, 0.6):.4f}"
        events.append(call("train_model", given, outcome, failed=False))
    return events


def reading_down(dice: random.Random) -> list[AgentEvent]:
    """A long page, one screen after the other; the call never changes."""
    words = (
        "harbour",
        "tariff",
        "minutes",
        "council",
        "budget",
        "ferry",
        "quay",
        "pilot",
        "tonnage",
        "berth",
    )
    tool, given = dice.choice((("scroll_down", {"pixels": 800}), ("browser_scroll", {"direction": "down"})))
    events, y = [], 0
    for _ in range(dice.randint(6, 25)):
        y += 800
        text = " ".join(dice.choices(words, k=30))
        events.append(call(tool, given, f"Scrolled to y={y}\n{text}", failed=False))
    return events


def impatient_customer(dice: random.Random) -> list[AgentEvent]:
    """Somebody asks again and again, and is told what there is to tell."""
    order, events = f"O-{dice.randint(10_000, 99_999)}", []
    for _ in range(dice.randint(6, 15)):
        asked = dice.choice(
            ("Any news?", "Where is my parcel?", "Still nothing?", "Is it there yet?", "And now?")
        )
        events += [
            AgentEvent.heard(asked),
            call("track_parcel", {"order": order}, {"state": "in transit", "at": "Leipzig"}, failed=False),
            AgentEvent.said("Your parcel is on its way; it was last seen in Leipzig."),
        ]
    return events


def migration(dice: random.Random) -> list[AgentEvent]:
    """File by file: read it, change the one call, check it."""
    events = []
    for name in dice.sample(
        ("auth", "cart", "mail", "feed", "jobs", "sync", "tags", "user", "zone", "rate"), dice.randint(5, 10)
    ):
        path, text = (
            f"pkg/{name}/{name}.go",
            f'package {name}\n\nfunc Run{name.title()}() {{ log.Printf("{name}") }}',
        )
        edit = {"path": path, "find": "log.Printf(", "replace": "slog.Info("}
        events += [
            call("view_file", {"path": path}, text, failed=False),
            call("edit_file", edit, "1 replacement made", failed=False),
            call("shell", {"command": f"go vet ./pkg/{name}"}, "", failed=False),
        ]
    return events


def dashboard(dice: random.Random) -> list[AgentEvent]:
    """The same query every minute, after a release; the figure moves, if only a little."""
    given = {"query": 'sum(rate(http_requests_total{code="500"}[5m]))', "range": "5m"}
    rate, events = dice.uniform(0.1, 4), []
    for _ in range(dice.randint(8, 25)):
        rate *= dice.uniform(0.8, 1.15)
        outcome = {"status": "success", "time": clock(dice), "value": round(rate, 3)}
        events.append(call("query_metrics", given, outcome, failed=False))
    return events


def backing_off(dice: random.Random) -> list[AgentEvent]:
    """A service that is busy: each request is answered after up to three refusals."""
    events = []
    for number in range(dice.randint(4, 8)):
        given = {"url": f"https://api.example.com/v2/reports/{dice.randint(100, 999)}-{number}"}
        for attempt in range(dice.randint(0, 3)):
            refusal = (
                f"429 Too Many Requests\nRetry-After: {2**attempt}\nx-request-id: {hexadecimal(dice, 16)}"
            )
            events.append(call("http_get", given, refusal, failed=True))
        report = {"rows": dice.randint(1, 500), "sum": dice.randint(1, 10**6), "etag": hexadecimal(dice, 8)}
        events.append(call("http_get", given, report, failed=False))
    return events


def bisecting(dice: random.Random) -> list[AgentEvent]:
    """Half of what is left, and half of that; the test says one of two things."""
    left, events = dice.randint(200, 2000), []
    while left:
        is_bad = dice.random() < 0.5
        outcome = "FAIL: test_export (expected 3 rows, got 2)" if is_bad else "ok: 41 passed"
        left //= 2
        told = f"Bisecting: {left} revisions left to test after this\n[{hexadecimal(dice, 40)}]"
        verdict = f"git bisect {'bad' if is_bad else 'good'}"
        events += [
            call("bash", {"command": "make test"}, outcome, failed=is_bad),
            call("bash", {"command": verdict}, told, failed=False),
        ]
    return events


def labelling(dice: random.Random) -> list[AgentEvent]:
    """The next review, its label; there are only three labels."""
    events = []
    things, views = (
        ("kettle", "lamp", "chair", "radio", "tent", "boots"),
        ("fine", "broken", "too loud", "lovely", "late"),
    )
    count = dice.randint(8, 25)
    for number in range(1, count + 1):
        text = f"The {dice.choice(things)} is {dice.choice(views)}, bought {dice.randint(1, 60)} days ago"
        label = {"label": dice.choice(("positive", "neutral", "negative"))}
        events += [
            call("next_item", {}, {"text": text, "id": hexadecimal(dice, 8)}, failed=False),
            call("submit_label", label, f"saved {number} of {count}", failed=False),
        ]
    return events


def plotting(dice: random.Random) -> list[AgentEvent]:
    """A notebook of plots: other code in each cell, and a figure is all that it says."""
    columns = (
        "price",
        "volume",
        "region",
        "age",
        "income",
        "clicks",
        "delay",
        "weight",
        "score",
        "rank",
        "size",
    )
    events = []
    for _ in range(dice.randint(6, 18)):
        x, y = dice.sample(columns, 2)
        drawn = dice.choice(
            (
                f"df.plot.scatter('{x}', '{y}')",
                f"df.boxplot('{x}', by='{y}')",
                f"df['{x}'].hist(bins={dice.randint(5, 60)})",
            )
        )
        events.append(
            call("execute_cell", {"code": drawn}, "<Figure size 640x480 with 1 Axes>", failed=False)
        )
    return events


def audit(dice: random.Random) -> list[AgentEvent]:
    """One package after the other is looked up, and nearly none is known to be weak."""
    names = ("attrs", "babel", "click", "dill", "flask", "gevent", "httpx", "idna", "jinja2", "kombu", "lxml",
             "numpy", "orjson", "pillow", "redis", "scipy", "tornado", "urllib3", "vine", "yarl")  # fmt: skip
    fine, weak = "No known vulnerabilities found", "1 advisory: CVE-2024-{number} (moderate)"
    return [
        call(
            "lookup_advisories",
            {"package": name, "version": f"{dice.randrange(9)}.{dice.randrange(30)}"},
            fine if dice.random() < 0.9 else weak.format(number=dice.randint(1000, 9999)),
            failed=False,
        )
        for name in dice.sample(names, dice.randint(8, len(names)))
    ]


def mailing(dice: random.Random) -> list[AgentEvent]:
    """An invitation to each of many; all texts but the name are the same."""
    names = (
        "Ada",
        "Ben",
        "Cleo",
        "Dan",
        "Eve",
        "Finn",
        "Gus",
        "Hana",
        "Ivo",
        "Jo",
        "Kai",
        "Lea",
        "Max",
        "Nia",
        "Ole",
    )
    return [
        call(
            "send_email",
            {
                "to": f"{name.lower()}@example.com",
                "subject": "Workshop",
                "body": f"Hi {name},\nyou are invited. Reply by Friday.",
            },
            dice.choice((f"Message sent (id {hexadecimal(dice, 16)})", "Message sent")),
            failed=False,
        )
        for name in dice.sample(names, dice.randint(6, len(names)))
    ]


ERRANDS: dict[str, Callable[[random.Random], list[AgentEvent]]] = {
    "pods coming up": rollout,
    "waiting for a job": waiting_for_a_job,
    "pages of orders": paging,
    "archiving records": archiving,
    "a test first, in Rust": test_first,
    "hyperparameters": sweep,
    "scrolling down a page": reading_down,
    "an impatient customer": impatient_customer,
    "a migration, file by file": migration,
    "a dashboard after a release": dashboard,
    "backing off": backing_off,
    "bisecting": bisecting,
    "labelling": labelling,
    "plots in a notebook": plotting,
    "an audit of packages": audit,
    "an invitation to many": mailing,
}
WAITING = ("pods coming up", "waiting for a job", "a dashboard after a release", "backing off")
"""Those in which time goes by between two calls."""
