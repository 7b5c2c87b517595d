"""Circles in which everything is tried and one error is all that comes of it.

A query, a cell, a command, an invitation or a line of code is another one each time; what it is refused for
is not. Written for `bench.loop_afterwards`, as is `bench.loop_circles`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.loops.events.model import AgentEvent, Kind

if TYPE_CHECKING:
    import random

FEWEST, MOST = 6, 25

call = AgentEvent.call


class Circle(NamedTuple):
    """A loop, round by round.

    Attributes:
        rounds: each with at least one event.
        kinds: what it may rightly be called.
    """

    rounds: list[list[AgentEvent]]
    kinds: frozenset[Kind]


def hexadecimal(dice: random.Random, digits: int) -> str:
    """An id as machines make them."""
    return f"{dice.getrandbits(4 * digits):0{digits}x}"


def clock(dice: random.Random) -> str:
    """A moment, as logs write it."""
    hour, minute, second = (dice.randrange(each) for each in (24, 60, 60))
    return f"2026-10-{dice.randint(1, 28):02}T{hour:02}:{minute:02}:{second:02}.{dice.randrange(1000):03}Z"


def wrong_column(dice: random.Random) -> Circle:
    """Queries of all shapes, and in each the column that there is not."""
    table = dice.choice(("orders", "invoices", "shipments"))
    column = dice.choice(("customer_name", "total_amount", "created_on"))
    error = dice.choice(
        (
            'ERROR:  column "{column}" does not exist\nLINE {line}: {query}\n{gap}^',
            "sqlite3.OperationalError: no such column: {column}",
            "(1054, \"Unknown column '{column}' in 'field list'\")",
            "400 Unrecognized name: {column} at [{line}:{at}]; Job ID: {job}",
        )
    )
    rounds = []
    for _ in range(dice.randint(FEWEST, MOST)):
        shown = ", ".join(dice.sample((column, "id", "status", "region", "count(*)"), dice.randint(2, 4)))
        shown = shown if column in shown else f"{column}, {shown}"
        query = f"SELECT {shown} FROM {dice.choice(('', 'public.', 'sales.'))}{table}"
        query += dice.choice(
            ("", f" WHERE id > {dice.randrange(9000)}", " WHERE status = 'open'", " ORDER BY 1")
        )
        query += f" LIMIT {dice.choice((1, 5, 10, 50, 100))}"
        said = error.format(
            column=column, line=dice.randint(1, 3), query=query, gap=" " * dice.randint(8, 40),
            at=dice.randint(8, 40), job=hexadecimal(dice, 12),
        )  # fmt: skip
        rounds.append([call("run_sql", {"query": query, "database": "analytics"}, said, failed=True)])
    return Circle(rounds, frozenset({Kind.SAME_ERROR}))


def broken_cell(dice: random.Random) -> Circle:
    """A notebook's cell is rewritten and run, and fails where it failed before."""
    error = dice.choice(
        (
            "ModuleNotFoundError: No module named 'lightgbm'",
            "FileNotFoundError: [Errno 2] No such file or directory: 'data/sales_2025.parquet'",
            "ValueError: Found array with 0 sample(s) (shape=(0, 14)) while a minimum of 1 is required.",
            "MemoryError: Unable to allocate 11.4 GiB for an array with shape (39000, 39000)",
        )
    )
    rounds = []
    for number in range(dice.randint(FEWEST, MOST)):
        name = dice.choice(("df", "frame", "data", "train", "sales"))
        code = f"{name} = load({dice.choice(('True', 'False', ''))})\n" + dice.choice(
            (
                f"model.fit({name})",
                f"print({name}.shape)",
                f"{name}.head({dice.randint(2, 20)})",
                f"X = {name}.drop(columns=['y'])\nmodel = make(seed={dice.randrange(99)}).fit(X)",
            )
        )
        cell = dice.randint(4, 9) + number
        trace = (
            f"Traceback (most recent call last)\nCell In[{cell}], line {dice.randint(1, 6)}\n"
            f"----> {code.splitlines()[-1]}\n\n{error}"
        )
        rounds.append(
            [call("execute_cell", {"code": code, "cell_id": hexadecimal(dice, 6)}, trace, failed=True)]
        )
    return Circle(rounds, frozenset({Kind.SAME_ERROR}))


_BUILDS = (
    (
        "terraform apply", ("-auto-approve", "-lock-timeout=30s", "-refresh=false", "-no-color"),
        "Acquiring state lock. This may take a few moments...\n\nError: Error acquiring the state lock\n\n"
        "Error message: ConditionalCheckFailedException: The conditional request failed\nLock Info:\n"
        "  ID:        9db590f1-b6fe-c5f2-2678-8804f089deba\n  Who:       ci@runner-14",
    ),
    (
        "./gradlew build", ("clean", "--no-daemon", "--stacktrace", "-x test", "--info"),
        "> Task :compileJava FAILED\n\nFAILURE: Build failed with an exception.\n\n* What went wrong:\n"
        "> Could not resolve com.acme:ledger-core:2.3.1.\n\nBUILD FAILED in {took}s",
    ),
    (
        "docker build .", ("--no-cache", "--pull", "-t api:dev", "--progress=plain", "--network=host"),
        "#4 [internal] load metadata for docker.io/library/python:3.11-slimm\n#4 ERROR: manifest unknown\n"
        "------\nERROR: failed to solve: python:3.11-slimm: not found ({took}s)",
    ),
    (
        "npm install", ("--force", "--no-audit", "--verbose", "--prefer-offline", "--omit=dev"),
        "npm error code ERESOLVE\nnpm error ERESOLVE unable to resolve dependency tree\n"
        "npm error Found: react@19.1.0\n"
        "npm error A complete log of this run can be found in: /root/.npm/_logs/{at}-debug-0.log",
    ),
)  # fmt: skip


def stubborn_command(dice: random.Random) -> Circle:
    """A command with one option more or less, and the same refusal."""
    command, options, error = dice.choice(_BUILDS)
    tool = dice.choice(("run_command", "terminal", "execute"))
    rounds = []
    for _ in range(dice.randint(FEWEST, MOST)):
        chosen = dice.sample(options, dice.randint(0, 3))
        line = dice.choice(("", "cd /srv/app && ", "CI=1 ")) + " ".join((command, *chosen))
        line += dice.choice(("", "", " 2>&1", " 2>&1 | tail -40"))
        outcome = error.format(took=dice.randint(2, 90), at=clock(dice).replace(":", "_"))
        rounds.append([call(tool, {"cmd": line}, outcome, failed=True)])
    return Circle(rounds, frozenset({Kind.SAME_ERROR}))


def not_allowed(dice: random.Random) -> Circle:
    """Another hour, another guest, another title; but nobody may write to this calendar."""
    refusal = dice.choice(
        (
            'HttpError 403: {{"reason": "insufficientPermissions", "requestId": "{id}"}}',
            "Error: you do not have write access to calendar team@example.com (trace {id})",
            "PERMISSION_DENIED: The caller does not have permission [correlation-id={id}]",
        )
    )
    rounds = []
    for _ in range(dice.randint(FEWEST, MOST)):
        given = {
            "title": dice.choice(("Sync", "Project sync", "Weekly sync", "Catch-up")),
            "start": f"2026-11-{dice.randint(1, 28):02}T{dice.randint(8, 17):02}:{dice.choice(('00', '30'))}",
            "attendees": dice.sample(
                ("ana@example.com", "bo@example.com", "cy@example.com"), dice.randint(1, 3)
            ),
        }
        tool = dice.choice(("create_event", "create_event", "update_event", "add_attendees"))
        rounds.append([call(tool, given, refusal.format(id=hexadecimal(dice, 16)), failed=True)])
    return Circle(rounds, frozenset({Kind.SAME_ERROR}))


def same_assertion(dice: random.Random) -> Circle:
    """Go code is changed here and there, and the test says what it said."""
    test, got, want = dice.choice(
        (("TestParse", 3, 4), ("TestMerge", "[]", "[1 2]"), ("TestTTL", "1m0s", "59s"))
    )
    line = dice.randint(20, 200)
    rounds = []
    for _ in range(dice.randint(FEWEST, MOST)):
        name = dice.choice(("i", "n", "next", "limit", "off"))
        given = {
            "file": "internal/parse.go",
            "old": f"{name} := {dice.randrange(20)}",
            "new": f"{name} := {dice.choice(('len(b)', 'cap(b)', '0'))} // {hexadecimal(dice, 3)}",
        }
        failure = (
            f"--- FAIL: {test} ({dice.uniform(0, 0.4):.2f}s)\n"
            f"    parse_test.go:{line}: got {got}, want {want}\n"
            f"FAIL\nFAIL\texample.com/app/internal\t{dice.uniform(0.1, 3):.3f}s"
        )
        rounds.append(
            [
                call("apply_edit", given, "ok", failed=False),
                call("bash", {"command": f"go test ./internal/... -run {test}"}, failure, failed=True),
            ]
        )
    return Circle(rounds, frozenset({Kind.SAME_ERROR, Kind.REPETITION, Kind.LOW_NOVELTY}))
