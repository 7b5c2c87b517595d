"""The promises of conftest.py: a test that broke one would pass on one machine and fail on another."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest


def test_another_machine_cannot_be_reached():
    """A connection to another machine ends the test, by name as well as by address."""
    with socket.socket() as client, pytest.raises(BaseException, match="wants to reach"):
        client.connect(("192.0.2.1", 80))
    with pytest.raises(BaseException, match="wants to reach"):
        socket.getaddrinfo("example.org", 80)


def test_this_machine_can_be_reached():
    """Servers on the loopback interface and Unix sockets are part of what is tested."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
    ours, theirs = socket.socketpair()
    ours.close()
    theirs.close()


def test_nothing_of_the_person_who_runs_the_tests_is_seen():
    """Home, working folder and state are empty folders of this test alone."""
    assert not list(Path.home().iterdir())
    assert not list(Path.cwd().iterdir())
    assert not os.path.exists(os.environ["QUARTERDECK_HOME"])
