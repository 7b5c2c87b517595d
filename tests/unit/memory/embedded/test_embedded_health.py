"""The health of a store in a file: it is used, and looked at from outside."""

from __future__ import annotations

import json
import os
from contextlib import closing

import pytest

from quarterdeck.memory.embedded import EmbeddedBackend, checkup

MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:50 / /home rw shared:2 - nfs4 server:/home rw
31 30 8:2 / /home/a\\040b rw - xfs /dev/sdb rw
32 22 0:51 / /tmp rw - tmpfs tmpfs rw
33 32 8:3 / /tmp rw - btrfs /dev/sdc rw
"""


@pytest.fixture
def backend(tmp_path):
    with closing(EmbeddedBackend(str(tmp_path / "memory.sqlite"))) as backend:
        yield backend


@pytest.fixture
def mounts(tmp_path, monkeypatch):
    """Another list of mounts than this machine's."""

    def have(text):
        path = tmp_path / "mountinfo"
        path.write_text(text)
        monkeypatch.setattr(checkup, "_MOUNTS", str(path))

    return have


def test_a_store_that_works_is_ok(backend, tmp_path):
    """What is known of it can be written as JSON, and nothing is left behind."""
    health = backend.health()
    assert (health.backend, health.state, health.problems) == ("embedded", "ok", ())
    assert health.latency_ms is not None
    assert health.latency_ms > 0
    assert list(backend.listing("")) == []
    details = json.loads(json.dumps(health.details))
    assert details["path"] == str(tmp_path / "memory.sqlite")
    assert details["size_bytes"]["memory.sqlite-slots"] == 65_536
    assert details["local_copies"] is True


def test_a_file_that_others_can_read_is_a_problem(backend, tmp_path):
    """Somebody has opened it up."""
    backend.put("a", b"1")
    os.chmod(tmp_path / "memory.sqlite", 0o644)
    health = backend.health()
    assert health.state == "degraded"
    assert len(health.problems) == 1
    assert "memory.sqlite" in health.problems[0]
    assert "chmod 600" in health.problems[0]


def test_a_network_file_system_is_a_problem(backend, mounts):
    """Neither the log nor the slots work there."""
    mounts("22 1 0:50 / / rw - nfs4 server:/home rw\n")
    health = backend.health()
    assert health.state == "degraded"
    assert "nfs4" in health.problems[0]


def test_a_store_that_cannot_be_opened_is_down(tmp_path):
    """And says why and what to do."""
    health = EmbeddedBackend(str(tmp_path / "missing" / "memory.sqlite")).health()
    assert (health.state, health.latency_ms) == ("down", None)
    assert "folder" in health.problems[0]
    json.dumps(health.details)


@pytest.mark.parametrize(
    "folder, kind",
    [
        ("/", "ext4"),
        ("/homeless", "ext4"),
        ("/home", "nfs4"),
        ("/home/c", "nfs4"),
        ("/home/a b", "xfs"),
        ("/home/a b/c", "xfs"),
        ("/tmp", "btrfs"),
    ],
)
def test_the_file_system_is_that_of_the_innermost_and_latest_mount(mounts, folder: str, kind: str):
    """Names of folders may hold blanks, and one may lie over another."""
    mounts(MOUNTS)
    assert checkup.file_system(folder) == kind


def test_where_nobody_tells_the_file_system_is_unknown(monkeypatch, tmp_path):
    """As on a Mac."""
    monkeypatch.setattr(checkup, "_MOUNTS", str(tmp_path / "none"))
    assert checkup.file_system("/") is None
