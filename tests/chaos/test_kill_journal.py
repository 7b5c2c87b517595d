"""kill -9 at any moment of eight writers: what was acknowledged is read, once, and nothing else is."""

from __future__ import annotations

import json
from collections import Counter

from quarterdeck.journal import inspect
from tests.index_worlds import run
from tests.journal_worlds import Follower, files

WRITERS = 8
KILLS = 240

CHAOS = """
import fcntl, json, os, random, signal, sys
from quarterdeck.journal import Journal, JournalReader, compact

folder, writers, kills = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
dice = random.Random(20)


def write(name, acknowledge):
    # Numbered records of many sizes, each acknowledged once append has returned; now and then many at once.
    journal = Journal(folder, rotate_bytes=60_000)
    dice = random.Random(name)
    deadly = dice.randrange(5, 100) if name % 2 else None
    number = 0
    while True:
        lines = [
            b'{"writer":%d,"number":%d,"padding":"%s"}\\n' % (name, number + more, b"x" * dice.choice(SIZES))
            for more in range(dice.choice((1, 1, 1, 1, 7)))
        ]
        if deadly is not None and number > deadly:  # dies in mid-write, as a write does that is cut by a kill
            torn = lines[0][: dice.randrange(1, len(lines[0]) - 1)]
            os.write(journal._idle[0].descriptor, torn)
            os.kill(os.getpid(), signal.SIGKILL)
        if len(lines) == 1:
            journal.append(lines[0])
        else:
            journal.append_many(lines)
        number += len(lines)
        os.write(acknowledge, b"%d %d".ljust(70) % (name, number - 1) + b"\\n")


SIZES = (*[100] * 19, 6000)


def spawn(name):
    readable, writable = os.pipe()
    fcntl.fcntl(writable, fcntl.F_SETPIPE_SZ, 4096)  # a writer waits when nobody listens
    pid = os.fork()
    if not pid:
        os.close(readable)
        write(name, writable)
    os.close(writable)
    os.set_blocking(readable, False)
    return pid, readable


def drain(readable):
    try:
        said = os.read(readable, 1 << 16)  # all there is, and whole: a pipe keeps short writes together
    except BlockingIOError:
        return
    for line in said.splitlines():
        name, number = map(int, line.split())
        acknowledged[name] = number


def follow():
    duplicates = 0
    for chunk in reader.chunks(places, max_bytes=dice.choice((500, 5_000, 1 << 20))):
        for line in chunk.lines.splitlines():
            try:
                record = json.loads(line)
                key = record["writer"], record["number"]
            except (ValueError, TypeError, KeyError):
                garbage.append(line[:200].decode(errors="replace"))
                continue
            duplicates += key in seen
            seen.add(key)
        places[chunk.segment] = chunk.place
    return duplicates


acknowledged, places, seen, garbage = {}, {}, set(), []
reader = JournalReader(folder)
alive = [spawn(name) for name in range(writers)]
duplicates = 0
for name in range(writers, writers + kills):
    duplicates += follow()
    if dice.random() < 0.1:
        compact(folder, older_than_days=-1)
    victim = dice.randrange(writers)
    pid, readable = alive[victim]
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    for _, pipe in alive:
        drain(pipe)
    os.close(readable)
    alive[victim] = spawn(name)
for pid, readable in alive:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    drain(readable)
duplicates += follow()
json.dump([acknowledged, sorted(seen), duplicates, garbage, places], sys.stdout)
"""


def test_what_is_acknowledged_is_read_once(tmp_path):
    """Through hundreds of kills, rotations, adoptions and compactions, by a reader that is always there."""
    folder = tmp_path / "journal"
    exit_code, out, err = run(CHAOS, folder, WRITERS, KILLS)
    assert (exit_code, err) == (0, "")
    acknowledged, seen, duplicates, garbage, places = json.loads(out)
    read = Counter(name for name, _ in seen)
    assert garbage == []
    assert duplicates == 0
    for name, last in acknowledged.items():
        numbers = [number for writer, number in seen if writer == int(name)]
        assert numbers == list(range(len(numbers)))
        assert last < len(numbers) <= last + 8  # its last write may not have come to be acknowledged
    assert set(read) >= {int(name) for name in acknowledged}
    assert len(acknowledged) > WRITERS

    follower = Follower(folder)
    fresh = follower.read()
    assert sorted((record["writer"], record["number"]) for record in map(json.loads, fresh)) == [
        (writer, number) for writer, number in seen
    ]
    assert set(follower.places) == set(places)
    report = inspect(str(folder))
    assert report.unreadable == ()
    assert len(report.quarantined) > 10
    assert len(report.segments) > 100
    assert len(files(folder, ".open")) <= 2 * WRITERS
