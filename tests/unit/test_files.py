"""Private files, replacements that are whole or did not happen, and locks that die with their holder."""

from __future__ import annotations

import fcntl
import gc
import multiprocessing
import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from quarterdeck import files
from quarterdeck.errors import StoreBusy
from quarterdeck.files import Lease, open_plain, private_folder, write_atomically

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SIZE = 2_000_000
WRITE_FOREVER = f"""
import sys
from quarterdeck.files import write_atomically
while True:
    for letter in (b"a", b"b"):
        write_atomically(sys.argv[1], letter * {SIZE})
        print(flush=True)
"""
HOLD_FOREVER = """
import sys
from quarterdeck.files import Lease
lease = Lease.take(sys.argv[1])
print(lease is not None, flush=True)
sys.stdin.read()
"""


@pytest.fixture(params=[0o000, 0o022, 0o077, 0o777], ids=oct)
def umask(request):
    """Each of the masks people have, and two nobody should."""
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode(path: str | Path) -> int:
    return stat.S_IMODE(os.lstat(path).st_mode)


@pytest.mark.parametrize("rounds", range(4))
def test_a_killed_writer_leaves_the_old_file_or_the_new_one(tmp_path, rounds: int):
    """Kill -9 in the middle of a replacement never shows a part of a file."""
    path = tmp_path / "file"
    with subprocess.Popen([sys.executable, "-c", WRITE_FOREVER, str(path)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        for _ in range(1 + rounds):
            writer.stdout.readline()
        writer.kill()
    content = path.read_bytes()
    assert content in (b"a" * SIZE, b"b" * SIZE)


@pytest.mark.usefixtures("umask")
def test_a_file_is_the_owners_whatever_the_umask(tmp_path):
    """Nobody else reads it, and the owner always can."""
    path = tmp_path / "file"
    write_atomically(str(path), b"secret")
    assert mode(path) == 0o600
    write_atomically(str(path), b"public", mode=0o644)
    assert mode(path) == 0o644


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077], indirect=True)
@pytest.mark.usefixtures("umask")
def test_every_new_folder_is_the_owners(tmp_path):
    """Also those above it: a folder that others may write to is no safe place for a private one."""
    assert private_folder(str(tmp_path / "a" / "b" / "c")) == str(tmp_path / "a" / "b" / "c")
    assert [mode(tmp_path / name) for name in ("a", "a/b", "a/b/c")] == [0o700] * 3


def test_a_folder_that_is_there_keeps_its_mode(tmp_path):
    """It may be the user's own choice."""
    (tmp_path / "a").mkdir(mode=0o755)
    private_folder(str(tmp_path / "a"))
    assert mode(tmp_path / "a") == 0o755


def test_a_folder_may_be_named_relative_to_the_working_directory():
    """Its parent then has no name."""
    private_folder("a/b")
    assert os.path.isdir("a/b")


def test_a_file_where_a_folder_should_be_is_an_error(tmp_path):
    """Whether it stands there itself or further up."""
    (tmp_path / "a").touch()
    with pytest.raises(FileExistsError):
        private_folder(str(tmp_path / "a"))
    with pytest.raises(FileExistsError):
        private_folder(str(tmp_path / "a" / "b"))


def test_a_failed_replacement_leaves_nothing_behind(tmp_path):
    """The old content stands and the temporary file is gone."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "kept").touch()
    with pytest.raises(IsADirectoryError):
        write_atomically(str(tmp_path / "folder"), b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
    assert (tmp_path / "folder" / "kept").exists()


@pytest.mark.parametrize("failure", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_a_write_that_fails_half_way_leaves_nothing_behind(tmp_path, monkeypatch, failure):
    """A full disk or an interrupt costs the new content only."""
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail(_: int) -> None:
        raise failure

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(failure if isinstance(failure, type) else type(failure)):
        write_atomically(str(path), b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_but_a_plain_file_is_opened(tmp_path):
    """A pipe does not make us wait, a link does not lead elsewhere, and no descriptor stays open."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "plain").write_text("content")
    (tmp_path / "link").symlink_to("plain")
    descriptor = open_plain(str(tmp_path / "plain"))
    assert os.read(descriptor, 10) == b"content"
    assert not os.get_inheritable(descriptor)
    os.close(descriptor)
    gc.collect()  # what other tests have forgotten
    before = len(os.listdir("/dev/fd"))
    for name in ("pipe", ""):
        with pytest.raises(OSError, match="not a plain file"):
            open_plain(str(tmp_path / name))
    with pytest.raises(OSError, match="link"):
        open_plain(str(tmp_path / "link"))
    assert len(os.listdir("/dev/fd")) == before


def test_a_link_is_replaced_not_followed(tmp_path):
    """What it points to belongs to somebody else."""
    target = tmp_path / "target"
    target.write_bytes(b"theirs")
    link = tmp_path / "link"
    link.symlink_to(target)
    write_atomically(str(link), b"ours")
    assert target.read_bytes() == b"theirs"
    assert not link.is_symlink()
    assert link.read_bytes() == b"ours"


# leases ----------------------------------------------------------------------------------------------


pytestmark = pytest.mark.filterwarnings("ignore:.* is multi-threaded, use of fork:DeprecationWarning")
"""Python 3.12 and later say so of every fork; what a child does here needs no other thread."""


@pytest.fixture
def path(tmp_path: Path) -> Iterator[str]:
    """Where a lease's file is to be; what a test leaves held is given back."""
    yield str(tmp_path / "lock")
    for lease in list(files._OPEN):
        lease.release()


def taken(path: str) -> Lease:
    lease = Lease.take(path)
    assert lease is not None
    return lease


def holder(path: str) -> subprocess.Popen[bytes]:
    """Another process that holds *path* until its standard input is closed."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD_FOREVER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"True\n"
    return process


def in_a_child(ask: Callable[[], bool]) -> bool:
    """What *ask* says in a forked child of this process."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(int(ask()))
        finally:
            os._exit(2)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in {0, 1}
    return bool(code)


def leads_to(descriptor: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except OSError:  # not open
        return False


def test_one_process_holds_a_lease_at_a_time(path: str):
    """Others see that it is held, get none, and have the first one's end to wait for."""
    with holder(path) as other:
        assert Lease.held(path)
        assert Lease.take(path) is None
        with pytest.raises(StoreBusy, match="lock has been held by somebody else for 0 s"):
            Lease.wait(path, 0)
        assert other.stdin is not None
        other.stdin.close()
        with Lease.wait(path, 60):
            assert Lease.held(path)
    assert not Lease.held(path)


@pytest.mark.parametrize("end", ["kill", "terminate"])
def test_a_lease_dies_with_its_holder(path: str, end: str):
    """Kill -9 leaves nothing to clean up."""
    with holder(path) as other:
        getattr(other, end)()
    assert not Lease.held(path)
    assert taken(path).path == path


def test_a_process_cannot_hold_a_lease_twice(path: str):
    """The second one to ask in the same process is refused like anybody else, and costs the first nothing."""
    lease = taken(path)
    assert Lease.take(path) is None
    assert Lease.held(path)
    assert in_a_child(lambda: Lease.held(path))
    lease.release()
    assert not Lease.held(path)


def test_nobody_holds_a_file_that_is_not_there(path: str):
    """To ask does not make it."""
    assert not Lease.held(path)
    assert not os.path.exists(path)


def test_a_file_that_was_left_is_held_by_nobody(path: str):
    """It is the lock that counts, not the file."""
    taken(path).release()
    assert os.path.exists(path)
    assert not Lease.held(path)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077], indirect=True)
@pytest.mark.usefixtures("umask")
def test_a_lease_is_a_private_file(path: str):
    """Nobody else can open it, so nobody else can hold us up."""
    taken(path)
    assert mode(path) == 0o600


def test_a_lease_is_no_link(path: str):
    """What it points to belongs to somebody else."""
    os.symlink("elsewhere", path)
    for ask in (Lease.take, Lease.held):
        with pytest.raises(OSError, match="lock"):
            ask(path)
    assert not os.path.exists("elsewhere")


def test_a_pipe_in_the_place_of_a_lease_does_not_hang(path: str):
    """Whoever put it there gets no say in how long we wait."""
    os.mkfifo(path)
    taken(path).release()
    assert not Lease.held(path)


def test_a_lease_in_no_folder_is_an_error(path: str):
    """Its owner makes the folder."""
    with pytest.raises(FileNotFoundError):
        Lease.take(os.path.join(path, "lock"))


def test_a_lease_can_be_released_again_and_again(path: str):
    """And a later holder loses nothing by it."""
    first = taken(path)
    with first:
        pass
    second = taken(path)
    first.release(remove=True)
    assert Lease.held(path)
    second.release(remove=True)
    assert os.listdir(os.path.dirname(path)) == []


def test_a_released_descriptor_is_closed_once(path: str):
    """The number may have become somebody else's."""
    lease = taken(path)
    lease.release()
    with open(path, "wb") as other:
        lease.release()
        other.write(b"still open")


def test_only_its_own_file_is_removed(path: str):
    """A file that has taken its place meanwhile is another lease."""
    first = taken(path)
    os.unlink(path)
    second = taken(path)
    first.release(remove=True)
    assert Lease.take(path) is None
    second.release()


@pytest.mark.parametrize("remains", ["nothing", "another file"])
def test_a_lock_on_a_file_that_was_removed_is_not_a_lease(path: str, monkeypatch, remains: str):
    """Between opening a file and locking it, its last holder may remove it: the next one starts anew."""
    flock = fcntl.flock

    def removed_first(descriptor: int, how: int) -> None:
        monkeypatch.setattr(fcntl, "flock", flock)
        os.unlink(path)
        if remains == "another file":
            Path(path).touch()
        flock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", removed_first)
    taken(path)
    assert Lease.take(path) is None


def test_who_asks_at_the_same_moment_does_not_stand_in_the_way(path: str, monkeypatch):
    """A lease is had by the first to take it, though another looks whether it is held."""
    Path(path).touch()
    with open(path, "rb") as glance:
        fcntl.flock(glance, fcntl.LOCK_SH)
        monkeypatch.setattr(time, "sleep", lambda _: fcntl.flock(glance, fcntl.LOCK_UN))
        taken(path)


def race(path: str, rounds: int) -> None:
    """Count in a file, under the lease alone; half of the time the lease's file is removed."""
    counter = Path(f"{path}.count")
    for number in range(rounds):
        lease = Lease.wait(path, 60)
        counter.write_text(str(int(counter.read_text()) + 1))
        lease.release(remove=number % 2 == 0)
        Lease.held(path)


def test_no_two_processes_are_ever_inside(path: str):
    """Every count is kept, though the file comes and goes, and everybody also looks."""
    Path(f"{path}.count").write_text("0")
    spawned = multiprocessing.get_context("fork")
    workers = [spawned.Process(target=race, args=(path, 50)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * 4
    assert Path(f"{path}.count").read_text() == "200"


def test_a_child_does_not_inherit_a_lease(path: str):
    """It does not hold it, cannot release it, and gets a descriptor of its own for what it takes."""
    lease = taken(path)

    def child() -> bool:
        own = taken(f"{path}.child")
        lease.release(remove=True)
        refused = Lease.take(path) is None
        return refused and Lease.held(f"{path}.child") and own.path != lease.path

    assert in_a_child(child)
    assert os.path.exists(path)
    assert Lease.held(path)


def test_a_child_does_not_keep_its_parents_lease(path: str):
    """The holder dies, its child lives: the lease is free."""
    code = HOLD_FOREVER.replace("print(", "import os\nchild = os.fork()\nif child: os._exit(0)\nprint(")
    with subprocess.Popen(
        [sys.executable, "-c", code, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"True\n"  # said by the child
        assert parent.wait() == 0
        assert not Lease.held(path)
        assert Lease.take(path) is not None


def test_a_thread_may_fork_while_another_takes(path: str):
    """Whatever the moment: no child has the file open."""
    Path(path).touch()

    def none_is_open() -> bool:
        return not any(leads_to(descriptor, path) for descriptor in range(256))

    enough = threading.Event()

    def take_and_release() -> None:
        while not enough.is_set():
            taken(path).release()

    thread = threading.Thread(target=take_and_release)
    thread.start()
    try:
        assert all(in_a_child(none_is_open) for _ in range(40))
    finally:
        enough.set()
        thread.join()
    assert not Lease.held(path)


def test_another_program_does_not_inherit_a_lease(path: str):
    """Neither open nor locked, also where a program leaves all its files open to its children."""
    lease = taken(path)
    with subprocess.Popen(
        [sys.executable, "-c", "print(flush=True); input()"],
        close_fds=False,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        lease.release()
        assert not Lease.held(path)
        other.communicate(b"\n")
