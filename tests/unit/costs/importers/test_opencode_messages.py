"""OpenCode's answers: in the databases of two versions and in the files of older ones, each counted once."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from quarterdeck.costs.importers import opencode
from quarterdeck.costs.importers.source import Problem
from quarterdeck.costs.importers.transcript import Transcript
from quarterdeck.costs.model import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AT = 1_788_000_000_000
COUNTS = {"input": 100, "output": 20, "reasoning": 5, "cache": {"read": 1000, "write": 300}}


def version_1(**changes: object) -> dict[str, Any]:
    """What a row of ``message`` holds."""
    return {
        "role": "assistant",
        "modelID": "claude-sonnet-4-5",
        "providerID": "anthropic",
        "path": {"cwd": "/home/me/app", "root": "/"},
        "cost": 0.0123,
        "tokens": COUNTS,
        "time": {"created": AT, "completed": AT + 4000},
    } | changes


def version_2(**changes: object) -> dict[str, Any]:
    """What a row of ``session_message`` holds."""
    return {
        "agent": "build",
        "model": {"id": "claude-sonnet-4-5", "providerID": "anthropic"},
        "content": [{"type": "text", "text": "words"}],
        "cost": 0.0123,
        "tokens": COUNTS,
        "time": {"created": AT, "completed": AT + 4000},
    } | changes


class Store:
    """A database as OpenCode keeps it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.execute("PRAGMA journal_mode=WAL")
        columns = "id TEXT PRIMARY KEY, session_id TEXT, time_created INT, time_updated INT, data TEXT"
        self.connection.execute(f"CREATE TABLE message ({columns})")
        self.connection.execute(f"CREATE TABLE session_message ({columns}, type TEXT, seq INT)")
        for table in ("session", "session_v2"):
            self.connection.execute(
                f"CREATE TABLE {table} (id TEXT PRIMARY KEY, directory TEXT, parent_id TEXT)"
            )
        self.rows = 0

    def add(self, data: object, *, updated: object = AT, session: str = "ses_1") -> None:
        """A row of version 1."""
        self.rows += 1
        text = data if isinstance(data, str | bytes) else json.dumps(data)
        row = (f"msg_{self.rows}", session, AT, updated, text)
        self.connection.execute("INSERT INTO message VALUES (?, ?, ?, ?, ?)", row)

    def add_2(self, data: object, *, session: str = "ses_1", kind: str = "assistant") -> None:
        """A row of version 2."""
        self.rows += 1
        row = (f"msg_{self.rows}", session, AT, AT, json.dumps(data), kind, self.rows)
        self.connection.execute("INSERT INTO session_message VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def close(self) -> None:
        self.connection.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with contextlib.closing(Store(tmp_path / "opencode.db")) as store:
        yield store


def read(path: Path, state: dict[str, Any] | None = None) -> list[Any]:
    """Everything that is found in the file at *path*."""
    with path.open("rb") as file:
        transcript = Transcript(str(path), file, state=state)
        return [*opencode.SOURCE.read(transcript), *transcript.problems]


def test_input_is_without_the_cache_which_is_added(store):
    """OpenCode keeps what was read from and written to the cache apart from the input."""
    store.add(version_1(tokens=COUNTS | {"total": 1425}))
    [request] = read(store.path)
    assert request.usage == Usage(
        1400, 25, cache_read_input_tokens=1000, cache_write_input_tokens=300, reasoning_output_tokens=5
    )
    assert (request.model, request.provider, request.project) == (
        "claude-sonnet-4-5",
        "anthropic",
        "/home/me/app",
    )
    assert (request.session, request.cost_picousd) == ("ses_1", 12_300_000_000)
    assert request.at.timestamp() == AT / 1000 + 4


@pytest.mark.parametrize(
    "provider, counts, output",
    [
        ("openai", {"output": 20, "reasoning": 5, "total": 1425}, 25),
        ("openai", {"output": 20, "reasoning": 5, "total": 1420}, 20),
        ("google", {"output": 20, "reasoning": 5, "total": 1420}, 20),
        ("openai", {"output": 20, "reasoning": 5}, 20),
        ("google", {"output": 20, "reasoning": 5}, 25),
        ("openai", {"output": 5, "reasoning": 20}, 25),
        ("openai", {"output": 20, "reasoning": 5, "total": 99}, 20),
    ],
)
def test_reasoning_counts_once(store, provider: str, counts: dict[str, int], output: int):
    """Newer versions keep it apart from the output, older ones do not: the total tells, or the provider."""
    store.add(version_1(providerID=provider, tokens=COUNTS | counts))
    [request] = read(store.path)
    assert request.usage.output_tokens == output


def test_version_2_keeps_reasoning_apart(store):
    """It writes no total; the session's folder stands in a table of its own."""
    store.connection.execute("INSERT INTO session_v2 VALUES ('ses_1', '/home/me/app', NULL)")
    store.connection.execute("INSERT INTO session_v2 VALUES ('ses_2', '/home/me/app', 'ses_1')")
    store.add_2(version_2())
    store.add_2(version_2(tokens=COUNTS | {"output": 21}), session="ses_2")
    store.add_2(version_2(), kind="compaction")
    main, child = read(store.path)
    assert (main.usage.output_tokens, child.usage.output_tokens) == (25, 26)
    assert (main.project, main.task_type, child.task_type) == ("/home/me/app", "unknown", "subagent")


def test_copies_of_an_answer_have_one_name(store, tmp_path):
    """A fork copies messages into a new session; an upgrade copies them into rows, and into other rows."""
    store.add(version_1())
    store.add(version_1(), session="ses_fork")
    store.add_2(version_2())
    file = tmp_path / "storage" / "message" / "ses_1" / "msg_1.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(version_1(id="msg_1", sessionID="ses_1")))
    found = read(store.path) + read(file)
    assert len(found) == 4
    assert len({request.response_id for request in found}) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"time": {"created": AT + 1, "completed": AT + 4000}},
        {"modelID": "claude-haiku-4-5"},
        {"tokens": COUNTS | {"output": 21}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_answers_that_differ_have_names_of_their_own(store, change: dict[str, object]):
    """In their beginning, their model or any of their counts."""
    store.add(version_1())
    store.add(version_1(**change))
    assert len({request.response_id for request in read(store.path)}) == 2


@pytest.mark.parametrize(
    "message",
    [
        version_1(role="user"),
        version_1(time={"created": AT}),
        version_1(tokens=None),
        version_1(tokens={"input": 0, "output": 0, "reasoning": 0, "cache": {"read": 0, "write": 0}}),
        {"role": "assistant"},
        [],
    ],
    ids=["user", "unfinished", "no tokens", "all zero", "empty", "a list"],
)
def test_what_is_no_finished_answer_is_left_out(store, message: object):
    """An answer that is being written has counts that are not final."""
    store.add(message)
    assert read(store.path) == []


def test_an_answer_that_was_cut_off_counts_when_it_says_how_it_ended(store):
    """After an error there may be no time of completion; what was used was charged."""
    store.add(version_1(time={"created": AT}, error={"name": "MessageAbortedError"}))
    [request] = read(store.path)
    assert request.at.timestamp() == AT / 1000


@pytest.mark.parametrize("cost", [0, 0.0, None, "1", -1, 1e300, True, [1]], ids=repr)
def test_a_cost_of_nothing_is_no_price(store, cost: object):
    """OpenCode writes 0 where it knows no price, too; what is impossible is no price either."""
    store.add(version_1(cost=cost))
    assert read(store.path)[0].cost_picousd is None


def test_only_what_changed_is_read_again(store):
    """But for a day before it, in case a clock was set; what is read twice has the same name."""
    state: dict[str, Any] = {}
    store.add(version_1(), updated=AT)
    store.add(version_1(modelID="b"), updated=AT + 3 * opencode.AGAIN_MS)
    assert len(read(store.path, state)) == 2
    assert [request.model for request in read(store.path, state)] == ["b"]
    store.add(version_1(modelID="c"), updated=AT + 3 * opencode.AGAIN_MS - 1000)
    assert [request.model for request in read(store.path, json.loads(json.dumps(state)))] == ["b", "c"]


def test_an_answer_is_taken_when_it_has_been_finished(store):
    """The row was seen before, without its counts."""
    state: dict[str, Any] = {}
    store.add(version_1(time={"created": AT}, tokens={"input": 0}))
    assert read(store.path, state) == []
    store.connection.execute(
        "UPDATE message SET data = ?, time_updated = ?", (json.dumps(version_1()), AT + 4000)
    )
    assert len(read(store.path, state)) == 1


def tree(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every file in *folder*, with its inode and content; but not the index that SQLite's users share."""
    files = (path for path in folder.iterdir() if not path.name.endswith("-shm"))
    return {path.name: (path.stat().st_ino, path.read_bytes()) for path in files}


@pytest.mark.parametrize("owner", ["alive", "gone"])
def test_reading_leaves_no_trace(store, tmp_path, owner: str):
    """Not one file more, not one byte changed, whether somebody has the database open or nobody."""
    store.add(version_1())
    if owner == "gone":
        store.close()
    names, before = set(os.listdir(tmp_path)), tree(tmp_path)
    assert len(read(store.path)) == 1
    assert (set(os.listdir(tmp_path)), tree(tmp_path)) == (names, before)


def test_what_only_the_log_holds_is_read(store, tmp_path):
    """The owner was killed: the answers of the last minutes are in the log beside the database."""
    store.add(version_1())
    for name in ("opencode.db", "opencode.db-wal", "opencode.db-shm"):
        (tmp_path / "copy").mkdir(exist_ok=True)
        (tmp_path / "copy" / name).write_bytes((tmp_path / name).read_bytes())
    assert len(read(tmp_path / "copy" / "opencode.db")) == 1


def test_reading_does_not_wait_for_a_writer_nor_make_it_wait(store):
    """The owner is in the middle of a transaction, and goes on after we have read."""
    store.add(version_1())
    store.connection.execute("BEGIN IMMEDIATE")
    store.add(version_1(modelID="b"))
    assert [request.model for request in read(store.path)] == ["claude-sonnet-4-5"]
    store.connection.execute("COMMIT")
    assert len(read(store.path)) == 2


@pytest.mark.parametrize(
    "content", [b"x" * 5000, b"SQLite format 3\0" + b"\xff" * 5000], ids=["text", "garbage"]
)
def test_a_database_that_cannot_be_read_is_tried_again(tmp_path, content: bytes):
    """It is an error of the file, so that the import does not take it for read."""
    path = tmp_path / "opencode.db"
    path.write_bytes(content)
    with pytest.raises(OSError, match="SQLite says"):
        read(path)
    assert os.listdir(tmp_path) == ["opencode.db"]


def test_a_locked_database_is_tried_again(tmp_path, monkeypatch):
    """Its owner holds it for itself alone, as some do while they repair it."""
    monkeypatch.setattr(opencode, "_TIMEOUT_S", 0)
    path = tmp_path / "opencode.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as owner:
        owner.execute("PRAGMA locking_mode=EXCLUSIVE")
        owner.execute("PRAGMA journal_mode=WAL")
        owner.execute("CREATE TABLE message (session_id, time_updated, data)")
        owner.execute("BEGIN EXCLUSIVE")
        with pytest.raises(OSError, match="locked"):
            read(path)


def test_a_broken_row_costs_only_itself(store):
    """It is a problem that names the row and quotes nothing of it."""
    store.add(version_1())
    broken = [
        '{"role": "assistant", "tokens": {',
        version_1(tokens=COUNTS | {"input": -5}),
        version_1(tokens=COUNTS | {"input": 1e400}),
        version_1(tokens=COUNTS | {"cache": 3}),
        version_1(tokens="many"),
        version_1(modelID=None),
        version_1(time={"created": AT, "completed": "now"}),
        version_1(time={"created": AT, "completed": 1e300}),
        "[" * 100_000,
    ]
    for message in broken:
        store.add(message)
    store.add(version_1(modelID="b"))
    found = read(store.path)
    problems = [entry for entry in found if isinstance(entry, Problem)]
    assert [request.model for request in found if request not in problems] == ["claude-sonnet-4-5", "b"]
    assert [problem.reason.partition(":")[0] for problem in problems] == [
        f"row {number} of message" for number in range(2, len(broken) + 2)
    ]


def test_columns_can_hold_anything(store, monkeypatch):
    """SQLite does not keep to the types of columns."""
    monkeypatch.setattr(opencode, "MAX_MESSAGE_BYTES", 2000)
    store.connection.execute("INSERT INTO message VALUES ('a', 7, 7, 'x', 7)")
    store.connection.execute("INSERT INTO message VALUES ('b', NULL, NULL, ?, NULL)", (AT,))
    store.add(version_1())
    store.add(" " * 3000)
    assert [type(entry).__name__ for entry in read(store.path)].count("Request") == 1


def test_a_database_of_another_version_is_a_problem(tmp_path):
    """Found, and not understood: that is said."""
    path = tmp_path / "opencode.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE conversations (id)")
    [problem] = read(path)
    assert "version" in problem.reason


def test_an_empty_database_holds_nothing(tmp_path):
    """OpenCode was started and never used."""
    path = tmp_path / "opencode.db"
    path.touch()
    assert read(path) == []


def test_databases_of_all_channels_and_the_old_files_are_found(tmp_path):
    """And the one that ``OPENCODE_DB`` names, if it is a file."""
    for name in (
        "opencode.db",
        "opencode-dev.db",
        "opencode.db-wal",
        "auth.json",
        "storage/message/s/m.json",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = [os.path.relpath(str(path), tmp_path) for path in opencode.SOURCE.files(str(tmp_path))]
    assert found == ["opencode-dev.db", "opencode.db", "storage/message/s/m.json"]


@pytest.mark.parametrize(
    "environment, places",
    [
        ({"HOME": "/h"}, ["/h/.local/share/opencode"]),
        ({"HOME": "/h", "XDG_DATA_HOME": "/d"}, ["/d/opencode"]),
        ({"HOME": "/h", "XDG_DATA_HOME": "relative"}, ["/h/.local/share/opencode"]),
        ({"HOME": "/h", "OPENCODE_DB": "/x/my.db"}, ["/h/.local/share/opencode", "/x/my.db"]),
        (
            {"HOME": "/h", "OPENCODE_DB": "my.db"},
            ["/h/.local/share/opencode", "/h/.local/share/opencode/my.db"],
        ),
        ({"HOME": "/h", "OPENCODE_DB": ":memory:"}, ["/h/.local/share/opencode"]),
    ],
)
def test_places(environment: dict[str, str], places: list[str]):
    """As OpenCode itself looks for them."""
    assert opencode.SOURCE.places(environment) == places


def test_a_view_in_place_of_the_table_is_not_asked(tmp_path):
    """It could compute for ever."""
    path = tmp_path / "opencode.db"
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS session_id"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(f"CREATE VIEW message AS {endless}, i AS time_updated, i AS data FROM n")
    [problem] = read(path)
    assert "version" in problem.reason
