"""A full disk: the error says so, nothing has happened, and all goes on once there is room again."""

from __future__ import annotations

import os
import subprocess
from contextlib import closing

import pytest

from quarterdeck.errors import StoreFull
from quarterdeck.memory.backend import Put
from quarterdeck.memory.embedded import EmbeddedBackend
from tests.index_worlds import run

UNDER_A_LIMIT = """
import resource, signal, sys
from quarterdeck.errors import StoreFull
from quarterdeck.memory.backend import Put
from quarterdeck.memory.embedded import EmbeddedBackend

path, limit = sys.argv[1], int(sys.argv[2])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
backend = EmbeddedBackend(path)
if sys.argv[3] == "open":
    backend.put("{n.a.0}:entry:kept", b"1")
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
full = 0
for number in range(200):
    big = Put("{n.a.0}:entry:big%d" % number, b"x" * 100_000)
    try:
        backend.put_many([Put("{n.a.0}:entry:left", b"%d" % number), big])
    except StoreFull as error:
        assert error.hint
        full += 1
        break
if sys.argv[3] == "open":
    kept = backend.get("{n.a.0}:entry:kept")
    assert kept.data == b"1"
    left = backend.get("{n.a.0}:entry:left").data
    assert left == (b"%d" % (number - 1) if number else None), (left, number)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
backend.put("{n.a.0}:entry:kept", b"2")
copy = backend.get("{n.a.0}:entry:kept")
assert copy.data == b"2" and backend.is_fresh(copy.mark)
assert backend.verify() == []
print(full)
"""


@pytest.mark.parametrize(
    "limit_bytes, begun", [(1_000_000, "open"), (40_000, "open"), (20_000, "new"), (1_000, "new")]
)
def test_a_limit_on_the_size_of_files_is_a_full_disk(tmp_path, limit_bytes: int, begun: str):
    """Whichever file it stops: the database, its log, the shared index, the slots."""
    code, out, err = run(UNDER_A_LIMIT, str(tmp_path / "memory.sqlite"), str(limit_bytes), begun)
    assert (code, out.strip()) == (0, "1"), err


@pytest.fixture
def small_disk(tmp_path):
    """A file system with 1 MiB, where this user may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root can mount a small disk")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)  # a mark may hold the slots mapped


def test_a_full_disk_stops_writers_and_not_readers(small_disk):
    """Entries, batches, transactions and logs: all or nothing; what is removed makes room again."""
    space = "{n.a.0}:"
    name = space + "entry:one"
    filler = small_disk / "filler"
    with closing(EmbeddedBackend(str(small_disk / "memory.sqlite"))) as backend:
        backend.put(name, b"1")
        [number] = backend.add(space + "log:one", [b"1"])
        with filler.open("wb", buffering=0) as file:
            while True:
                try:
                    file.write(b"x" * 4096)
                except OSError:
                    break
        big = b"x" * 100_000
        for write in (
            lambda: backend.put(name, big),
            lambda: backend.put_many([Put(name, b"2"), Put(name + "2", big)]),
            lambda: backend.transact({name: b"1"}, [Put(name, big)]),
            lambda: backend.add(space + "log:one", [big]),
        ):
            with pytest.raises(StoreFull) as caught:
                write()
            assert "free some space" in caught.value.hint
        assert backend.get(name).data == b"1"
        assert [each.name for each in backend.listing(space)] == [name]
        assert [item.id for item in backend.items(space + "log:one")] == [number]
        filler.unlink()
        backend.put(name, big)
        copy = backend.get(name)
        assert copy.data == big
        assert backend.is_fresh(copy.mark)
        assert backend.verify() == []


def test_a_disk_without_room_for_the_slots_is_full(small_disk):
    """The file is never made with a hole in it, which would kill whoever writes there."""
    name = "{n.a.0}:entry:one"
    path = str(small_disk / "memory.sqlite")
    with closing(EmbeddedBackend(path)) as backend:
        backend.put(name, b"1")
        slots = small_disk / "memory.sqlite-slots"
        slots.unlink()
        (small_disk / "filler").write_bytes(b"x" * 4096)
        with (small_disk / "filler").open("ab", buffering=0) as file:
            while file.write(b"x" * 4096) == 4096 and os.statvfs(small_disk).f_bavail > 8:
                pass
        with closing(EmbeddedBackend(path)) as other:
            assert other.get(name)[::2] == (b"1", None)
            with pytest.raises(StoreFull):
                other.put(name, b"2")
            assert not slots.exists()
            assert sorted(file.name for file in small_disk.iterdir() if "tmp" in file.name) == []
            (small_disk / "filler").unlink()
            other.put(name, b"3")
        assert backend.get(name).data == b"3"
