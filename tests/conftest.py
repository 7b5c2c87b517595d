"""Every test alone: a home, a working folder and settings of its own, and no way to the network."""

from __future__ import annotations

import os
import signal
import sys
import sysconfig
from pathlib import Path

import pytest
from hypothesis import settings

pytest.register_assert_rewrite("quarterdeck.testing.memory")

from tests.memory_servers import Fleet, find_servers  # noqa: E402  after what it may import is rewritten

if (
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN
):  # a job in the background of a shell: children would be deaf
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("untimed", settings.default, deadline=None)
settings.load_profile("untimed")  # a timing never decides a test

LOOPBACK = frozenset({"", "localhost", "127.0.0.1", "::1", "0.0.0.0", "::"})
INHERITED = ("PATH", "LANG", "LC_ALL", "TMPDIR", "TZ", "PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED", "CI")
"""What a test may see of the caller's environment; everything else would make it pass here and fail there."""


class NetworkUsed(BaseException):
    """A test reached for another machine; not an Exception, so that no code under test swallows it."""


def _refuse_network(event: str, arguments: tuple[object, ...]) -> None:
    """An audit hook: it sees every connection, however it is made, and cannot be taken off."""
    if event == "socket.connect":
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else ""  # anything else is a Unix socket's path
    elif event == "socket.getaddrinfo":
        host = arguments[0] or ""
    else:
        return
    name = host.decode() if isinstance(host, bytes) else str(host)
    if name not in LOOPBACK and not name.startswith("127."):
        raise NetworkUsed(f"a test wants to reach {name}")


sys.addaudithook(_refuse_network)


class Corpora(dict[str, Path]):
    """Folders by name; asking for one that is not here fails in CI and skips the test elsewhere."""

    def __missing__(self, name: str) -> Path:
        said = f"no {name} here: ./run test fetches it and sets QUARTERDECK_CORPORA"
        if os.environ.get("CI"):
            pytest.fail(said)
        pytest.skip(said)


@pytest.fixture(scope="session")
def corpora() -> Corpora:
    """The real code bases there are, by name: ``stdlib`` always; the others through ./run test.

    The folders are shared by all tests: read them, never write in them.
    """
    fetched = filter(None, os.environ.get("QUARTERDECK_CORPORA", "").split(os.pathsep))
    by_name = {Path(folder).name.partition("-")[0]: Path(folder) for folder in fetched}
    return Corpora({"stdlib": Path(sysconfig.get_path("stdlib")), **by_name})


@pytest.fixture(autouse=True)
def alone(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the caller's environment, home or working folder reaches the test."""
    home = tmp_path_factory.mktemp("home")
    kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
    kept |= {name: value for name, value in os.environ.items() if name.startswith(("COVERAGE_", "PYTEST_"))}
    kept["QUARTERDECK_CORPORA"] = os.environ.get("QUARTERDECK_CORPORA", "")
    for name in set(os.environ) - set(kept):
        monkeypatch.delenv(name)
    settings = {
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_DATA_HOME": str(home / ".local" / "share"),
        "XDG_STATE_HOME": str(home / ".local" / "state"),
        "QUARTERDECK_HOME": str(home / "quarterdeck"),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "A. Tester",
        "GIT_AUTHOR_EMAIL": "tester@localhost",
        "GIT_COMMITTER_NAME": "A. Tester",
        "GIT_COMMITTER_EMAIL": "tester@localhost",
        "NO_COLOR": "1",
        "COLUMNS": "100",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path_factory.mktemp("cwd"))


@pytest.fixture(scope="session")
def redis_fleet():
    """Starts memory servers when a test wants them; all are gone with this process."""
    with Fleet() as fleet:
        yield fleet


@pytest.fixture(params=find_servers(), ids=lambda program: program.name)
def redis_program(request):
    """Each server there is to test with: Redis from a wheel always, Redis and Valkey if on PATH."""
    return request.param


@pytest.fixture
def redis_server(redis_fleet, redis_program):
    """A server alone, empty; the tests of this process share it and leave its settings alone."""
    return _flushed(redis_fleet.shared("server", redis_program))


@pytest.fixture
def redis_with_user(redis_fleet, redis_program):
    """A server that only one user may use, with a password; empty and shared."""
    return _flushed(redis_fleet.shared("server_with_user", redis_program))


@pytest.fixture
def redis_behind_tls(redis_fleet, redis_program):
    """A server behind a proxy that speaks TLS (``.tls.authority`` is to be trusted); empty and shared."""
    return _flushed(redis_fleet.shared("server_behind_tls", redis_program))


@pytest.fixture
def redis_cluster(redis_fleet, redis_program):
    """Three masters and a replica each; empty and shared. A test may kill nodes."""
    return _flushed(redis_fleet.shared("cluster", redis_program))


@pytest.fixture
def redis_sentinel(redis_fleet, redis_program):
    """A master and a replica of the test's own, watched by one Sentinel."""
    return redis_fleet.sentinel(redis_program)


@pytest.fixture
def own_redis_server(redis_fleet, redis_program):
    """A server of the test's own, to be killed, frozen and set as it likes."""
    server = redis_fleet.server(redis_program)
    yield server
    server.kill()


def _flushed(server):
    server.flush()
    return server
