"""The server of the bench is there for as long as it is needed, and empty."""

from __future__ import annotations

import socket

import pytest

from bench import servers


def test_a_server_runs_for_as_long_as_the_block(tmp_path):
    """It says what it is; afterwards nobody listens there any more."""
    with servers.redis_server(tmp_path) as server:
        assert server is not None
        host, port = server.url.removeprefix("redis://").removesuffix("/0").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as client:
            client.sendall(b"SET a 1\r\nQUIT\r\n")
            assert client.recv(3) == b"+OK"
        server.empty()
        assert server.used_bytes() > 0
        assert int(server.version.split(".")[0]) >= 6
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), timeout=10)


def test_a_program_that_is_no_server_is_named(tmp_path, monkeypatch):
    """The bench stops with what was started."""
    monkeypatch.setenv(servers.NEWER, "/bin/false")
    with pytest.raises(servers.ServerFailed, match="/bin/false"), servers.redis_server(tmp_path):
        pass


@pytest.mark.parametrize(
    "version,can", [("7.2.9", False), ("7.4.0", True), ("8.0.2", True), ("10.0.0", True)]
)
def test_client_side_caching_is_asked_of_those_that_can(version, can, monkeypatch):
    """redis-py refuses all older ones."""
    monkeypatch.setattr(servers.Server, "_said", lambda *_: version)
    assert servers.Server(1).can_cache is can
