"""``qd memory``, as it is typed, on every kind of memory there is: each command a process of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.memory_servers import find_servers

if TYPE_CHECKING:
    from collections.abc import Iterator

QD = [sys.executable, "-c", "from quarterdeck.cli import main; main()", "memory"]
SERVERS = {program.name: program for program in find_servers()}
HOSTILE = ["a:b", "*", "k[1]?", "a b\n\x1b[2J\u202e", "{x}", "%41", "-k", "é😀", "'; DROP TABLE entries; --"]
PATIENCE_S = 60


@pytest.fixture(autouse=True)
def compiled_once(tmp_path_factory, monkeypatch) -> None:
    """A hundred processes are started here: compiling all imports each time would take most of it."""
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path_factory.getbasetemp() / "compiled"))


@pytest.fixture(params=["embedded", *SERVERS])
def memory(request, tmp_path, monkeypatch) -> str:
    """What kind of memory every command uses from now on."""
    kind: str = request.param
    if kind == "embedded":
        monkeypatch.setenv("QUARTERDECK_MEMORY_PATH", str(tmp_path / "memory.sqlite"))
    else:
        server = request.getfixturevalue("redis_fleet").shared("server", SERVERS[kind])
        server.flush()
        monkeypatch.setenv("QUARTERDECK_MEMORY_URL", server.url)
    return kind


@pytest.fixture
def started() -> Iterator[Any]:
    """Starts commands that go on; whatever happens, they end with the test."""
    processes: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*QD, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def qd(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run ``qd memory ARGUMENTS`` to its end."""
    return subprocess.run(
        [*QD, *arguments], input=given, capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )


def answer(*arguments: str) -> dict[str, Any]:
    """What it says with ``--json``."""
    ran = qd(*arguments, "--json")
    assert (ran.returncode, ran.stderr) == (0, "")
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def test_a_value_goes_from_one_process_to_another(memory):
    """And is listed, counted and removed there."""
    qd("put", "plan", '{"files": ["a.py"]}', "--ttl", "2h", "--agent", "planner")
    assert qd("get", "plan", "--from", "planner").stdout == '{"files":["a.py"]}\n'
    got = answer("get", "plan", "--from", "planner")
    assert (got["backend"], got["value"]) == (
        "embedded" if memory == "embedded" else "redis",
        {"files": ["a.py"]},
    )
    (key,) = answer("ls", "pl", "--all")["keys"]
    assert (key["agent"], key["key"], key["size_bytes"]) == ("planner", "plan", 18)
    assert key["expires_at"] is not None
    assert answer("stats")["agents"] == [{"agent": "planner", "keys": 1, "size_bytes": 18}]
    assert answer("rm", "plan", "--agent", "planner")["removed"] == 1
    assert qd("get", "plan", "--from", "planner").returncode == 3


def test_a_healthy_memory_has_no_problem(memory):
    """As far as a test's server is healthy: it keeps nothing on disk."""
    found = json.loads(qd("doctor", "--json").stdout)
    assert found["health"]["state"] in {"ok", "degraded"}
    assert found["health"]["latency_ms"] > 0
    assert [each["what"] for each in found["checks"]][-4:] == ["entries", "audit", "rights", "patterns"]
    if memory == "embedded":
        assert found["problems"] == []


def test_of_several_that_put_if_absent_one_does(memory, started):
    """And everybody agrees which."""
    racers = {name: started("put", "leader", name, "--text", "--if-absent") for name in "abcd"}
    codes = {name: process.wait(PATIENCE_S) for name, process in racers.items()}
    assert sorted(codes.values()) == [0, 1, 1, 1]
    (winner,) = [name for name, code in codes.items() if code == 0]
    assert qd("get", "leader", "--text").stdout == winner


def test_of_several_that_pop_one_gets_the_task(memory, started):
    """Two wait for it, and one of them goes home with nothing."""
    poppers = [started("pop", "reviews", "--wait", "1500ms") for _ in range(2)]
    assert qd("push", "reviews", "[7]").returncode == 0
    ended = [process.communicate(timeout=PATIENCE_S)[0] for process in poppers]
    assert sorted(ended) == ["", "[7]\n"]
    assert sorted(process.returncode for process in poppers) == [0, 3]


def test_a_change_is_seen_by_another_process(memory, started):
    """What is put, what is removed, and what expires though nobody does anything."""
    watcher = started("watch", "--all", "--json", "--count", "3")
    assert watcher.stderr.readline() == "watching; Ctrl-C ends it\n"
    qd("put", "k", "[1]", "--agent", "bob", "--ttl", "700ms")
    put = json.loads(watcher.stdout.readline())
    assert (put["change"], put["agent"], put["key"], put["value"]) == ("put", "bob", "k", [1])
    assert 0 < put["ttl_ms"] <= 700
    assert json.loads(watcher.stdout.readline())["change"] == "expired"
    qd("put", "l", "1")
    out, err = watcher.communicate(timeout=PATIENCE_S)
    assert (json.loads(out)["key"], watcher.returncode, err) == ("l", 0, "")


def test_a_get_waits_for_another_process(memory, started):
    """And ends as soon as there is something."""
    waiting = started("get", "late", "--from", "bob", "--wait", "60s")
    signals = started("receive", "--agent", "ann", "--wait", "60s", "--json")
    qd("put", "late", "1", "--agent", "bob")
    qd("send", "done", "2", "--to", "ann")
    assert waiting.communicate(timeout=PATIENCE_S) == ("1\n", "")
    assert json.loads(signals.communicate(timeout=PATIENCE_S)[0])["data"] == 2


def test_what_was_put_survives_the_death_of_its_process(memory):
    """Kill -9, as soon as the command has said that it is done: nothing is closed, nothing is flushed."""
    program = (
        "import os, sys\n"
        "from quarterdeck.cli import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "except SystemExit as stop:\n    os.kill(os.getpid(), 9 if stop.code == 0 else 15)"
    )
    for number in range(3):
        ran = subprocess.run(
            [sys.executable, "-c", program, "memory", "put", f"k{number}", "1"],
            check=False,
            capture_output=True,
        )
        assert ran.returncode == -signal.SIGKILL
    assert len(answer("ls")["keys"]) == 3
    assert "damaged" not in qd("doctor").stdout


def test_any_name_is_just_a_name(memory):
    """None of them is a pattern, an address, an option or a command of the store."""
    for agent in HOSTILE:
        assert qd("put", "--agent", agent, "--", agent, agent, given="").returncode == 0
    keys = answer("ls", "--all")["keys"]
    assert sorted((each["agent"], each["key"]) for each in keys) == sorted((name, name) for name in HOSTILE)
    for agent in HOSTILE[:3]:
        (key,) = answer("ls", "--from", agent)["keys"]
        assert key["key"] == agent
    for agent in HOSTILE[3:]:
        assert qd("get", "--text", "--from", agent, "--", agent).stdout == agent
    assert qd("get", "*").returncode == 3


def test_a_value_of_any_size_up_to_the_limit_comes_back(memory, monkeypatch):
    """Piped in and piped out, byte by byte."""
    text = "line\r\n\t\x00é😀\n" * 20_000
    ran = subprocess.run([*QD, "put", "big", "--text"], input=text.encode(), capture_output=True, check=False)
    assert ran.returncode == 0, ran.stderr
    got = subprocess.run([*QD, "get", "big", "--text"], capture_output=True, check=True).stdout
    assert got.decode() == text
    monkeypatch.setenv("QUARTERDECK_MEMORY_MAX_VALUE_BYTES", "1000")
    assert qd("put", "big", "--text", given=text).returncode == 2
    assert qd("put", "small", "1").returncode == 0


def test_tokens_and_promotions_work_from_a_shell(memory, monkeypatch):
    """With the token in a variable, as the help shows it."""
    token = qd("grant", "boss", "steward").stdout.strip()
    monkeypatch.setenv("QUARTERDECK_AGENT", "boss")
    assert qd("put", "k", "1").returncode == 1
    monkeypatch.setenv("QUARTERDECK_AGENT_TOKEN", token)
    staged = qd("stage", '{"name": "retry", "description": "retry reads"}')
    assert qd("promote", staged.stdout.strip()).returncode == 0
    assert [act["act"] for act in answer("audit")["acts"]] == ["grant", "promote"]
    assert answer("audit", "--verify")["is_whole"]


@pytest.mark.parametrize("kind", list(SERVERS))
class TestServer:
    """What only a server can do: go away, come back, ask for a password."""

    def test_one_that_goes_and_comes_back_is_watched_on(self, kind, redis_fleet, started, monkeypatch):
        """It is said when it goes and when it is back, and what has changed in between is found."""
        server = redis_fleet.server(SERVERS[kind])
        monkeypatch.setenv("QUARTERDECK_MEMORY_URL", server.url)
        watcher = started("watch", "--json", "--count", "1")
        assert watcher.stderr.readline() == "watching; Ctrl-C ends it\n"
        server.kill()
        assert "trying again" in watcher.stderr.readline()
        server.restart(keep=False)
        qd("put", "k", "1")
        out, err = watcher.communicate(timeout=PATIENCE_S)
        assert json.loads(out)["key"] == "k"
        assert err == "note: the server answers again\n"
        server.kill()

    def test_one_that_is_frozen_is_said_to_be(self, kind, redis_fleet, monkeypatch):
        """In a time that nobody minds, with exit code 1; the doctor has no more to say."""
        server = redis_fleet.server(SERVERS[kind])
        monkeypatch.setenv("QUARTERDECK_MEMORY_URL", server.url)
        qd("put", "k", "1")
        server.freeze()
        ran = qd("get", "k", "--json")
        assert (ran.returncode, json.loads(ran.stdout)["code"]) == (1, "memory-unavailable")
        found = json.loads(qd("doctor", "--json").stdout)
        assert (found["health"]["state"], len(found["checks"])) == ("down", 1)
        server.thaw()
        assert qd("get", "k").stdout == "1\n"
        server.kill()

    def test_a_password_is_never_shown(self, kind, redis_fleet, monkeypatch):
        """Neither that of a URL that works nor that of one that does not."""
        server = redis_fleet.shared("server_with_user", SERVERS[kind])
        server.flush()
        monkeypatch.setenv("QUARTERDECK_MEMORY_URL", server.url)
        secret = server.url.partition("@")[0].rpartition(":")[2]
        wrong = server.url.replace(secret, "a-wrong-password")
        said = ""
        for arguments in (("put", "k", "1"), ("doctor",), ("stats", "--json"), ("ls", "--url", wrong)):
            ran = qd(*arguments)
            said += ran.stdout + ran.stderr
        assert "k is kept" in said
        assert secret not in said
        assert "a-wrong-password" not in said


@pytest.mark.parametrize("buckets", ["1", "4"])
def test_a_cluster_is_a_memory_like_any_other(redis_fleet, monkeypatch, started, buckets: str):
    """What is spread over its masters is found, listed and watched as a whole."""
    cluster = redis_fleet.shared("cluster", SERVERS["wheel"])
    cluster.flush()
    monkeypatch.setenv("QUARTERDECK_MEMORY_URL", cluster.url)
    monkeypatch.setenv("QUARTERDECK_MEMORY_BUCKETS", buckets)
    watcher = started("watch", "--all", "--json", "--count", "4")
    assert watcher.stderr.readline() == "watching; Ctrl-C ends it\n"
    waiting = started("get", "k3", "--from", "ann", "--wait", "60s")
    for number in range(4):
        assert qd("put", f"k{number}", str(number), "--agent", "ann" if number % 2 else "bob").returncode == 0
    out, _ = watcher.communicate(timeout=PATIENCE_S)
    seen = {each["key"]: each["value"] for each in map(json.loads, out.splitlines())}
    assert seen == {"k0": 0, "k1": 1, "k2": 2, "k3": 3}
    assert waiting.communicate(timeout=PATIENCE_S)[0] == "3\n"
    assert [each["key"] for each in answer("ls", "--all")["keys"]] == ["k1", "k3", "k0", "k2"]
    assert [each["keys"] for each in answer("stats")["agents"]] == [2, 2]
    assert answer("rm", "--all", "--agent", "ann")["removed"] == 2
