"""Readers in processes of their own never see what a write they know of has replaced."""

from __future__ import annotations

import mmap
import struct
import subprocess
import sys
import time

import pytest

READERS = 4
SECONDS = 1.2

# The writer puts version 1, 2, 3, … and, once the server has said so, the version into shared memory. A
# reader takes it from there, then reads: an older one is stale, for the write was done before the read began.
READ = """
import mmap, struct, sys, time
from quarterdeck.memory.server import RedisBackend
from quarterdeck.memory.near import LocalTier
from quarterdeck.memory.settings import RedisConfig
url, shared, ca, seconds = sys.argv[1:]
with open(shared, "r+b") as file:
    versions = mmap.mmap(file.fileno(), 8)
backend = RedisBackend(RedisConfig(url=url, ssl_ca_certs=ca))
near = LocalTier(backend, 100)
read = stale = 0
name = "{default.a.0}:entry:k"
until = time.monotonic() + float(seconds)
while time.monotonic() < until:
    for _ in range(100):
        (acknowledged,) = struct.unpack("<q", versions[:])
        copy = near.get(name)
        if copy is None:
            stored = backend.get(name)
            near.keep(name, *stored)
            copy = (stored.data,)
        read += 1
        if int(copy[0]) < acknowledged:
            stale += 1
backend.close()
print(read, stale, near.stats().hits)
"""


def start(url, shared, ca):
    arguments = [url, shared, ca, SECONDS]
    return subprocess.Popen(
        [sys.executable, "-c", READ, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def race(server, tmp_path, pause_s=0.0):
    """(reads, stale reads, hits, writes) of four readers and one writer."""
    from quarterdeck.memory.server import RedisBackend
    from quarterdeck.memory.settings import RedisConfig

    shared = tmp_path / "versions"
    shared.write_bytes(bytes(8))
    ca = server.tls.authority if server.url.startswith("rediss") else ""
    writer = RedisBackend(RedisConfig(url=server.url, ssl_ca_certs=ca, local_cache_enabled=False))
    version = 0
    with open(shared, "r+b") as file, mmap.mmap(file.fileno(), 8) as versions:
        writer.put("{default.a.0}:entry:k", b"0")
        readers = [start(server.url, shared, ca) for _ in range(READERS)]
        while any(reader.poll() is None for reader in readers):
            version += 1
            writer.put("{default.a.0}:entry:k", b"%d" % version)
            versions[:] = struct.pack("<q", version)
            time.sleep(pause_s)
    writer.close()
    totals = [0, 0, 0]
    for reader in readers:
        said, complaint = reader.communicate(timeout=30)
        assert complaint == ""
        totals = [a + b for a, b in zip(totals, map(int, said.split()), strict=True)]
    return (*totals, version)


@pytest.mark.parametrize("pause_s", [0.0, 0.002], ids=["hurried", "calm"])
def test_no_reader_sees_what_an_acknowledged_write_has_replaced(redis_server, tmp_path, pause_s):
    """Four readers and a writer; calm enough, most reads are hits of the local tier."""
    read, stale, hits, written = race(redis_server, tmp_path, pause_s)
    assert read > 1000
    assert written > 100
    assert stale == 0
    if pause_s:
        assert hits > read / 2
