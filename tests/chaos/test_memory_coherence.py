"""Four processes with local tiers read what a fifth one writes: no answer is older than acknowledged."""

from __future__ import annotations

import json

from tests.index_worlds import run

COHERENCE = """
import json, mmap, os, random, sys, time
from quarterdeck.memory.backend import Put
from quarterdeck.memory.embedded import EmbeddedBackend
from quarterdeck.memory.near import LocalTier

path, readers, writes = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
NAMES = [f"{{n.a.0}}:entry:{number}" for number in range(8)]
shared = memoryview(mmap.mmap(-1, 8 * (len(NAMES) + 1))).cast("Q")  # acknowledged, by name; the end
STOP = len(NAMES)


def write(backend):
    dice = random.Random(1)
    for number in range(1, writes + 1):
        at = dice.randrange(len(NAMES))
        if number % 7 == 0:
            if not backend.transact({}, [Put(NAMES[at], b"%d" % number)]):
                os._exit(3)
        elif number % 11 == 0:
            backend.put_many([Put(NAMES[at], b"%d" % number), Put("{n.a.0}:entry:other", b"0")])
        else:
            backend.put(NAMES[at], b"%d" % number, 60_000 if number % 2 else None)
        shared[at] = number
        if number % 10 == 0:
            try:
                with backend._writer as change:  # one that is announced, written and given up
                    change.announce(NAMES)
                    change.execute("UPDATE entries SET data = '0'")
                    raise KeyError
            except KeyError:
                pass
        if number % 3 == 0:
            time.sleep(0.0002)
    shared[STOP] = 1


def read(backend, seed):
    near = LocalTier(backend, 100)
    dice = random.Random(seed)
    reads = stale = back = 0
    last = [0] * len(NAMES)
    while not shared[STOP]:
        at = dice.randrange(len(NAMES))
        name = NAMES[at]
        at_least = shared[at]
        copy = near.get(name)
        if copy is None:
            stored = backend.get(name) if dice.random() < 0.5 else backend.get_many([name])[0]
            near.keep(name, *stored)
            copy = (stored.data,)
        found = int(copy[0] or 0)
        stale += found < at_least
        back += found < last[at]
        last[at] = found
        reads += 1
    hits = near.stats().hits
    return {"reads": reads, "hits": hits, "stale": stale, "back": back}


answers = []
for seed in range(readers):
    readable, writable = os.pipe()
    if not os.fork():
        backend = EmbeddedBackend(path)
        backend.get(NAMES[0])
        os.write(writable, b"r")
        os.write(writable, json.dumps(read(backend, seed)).encode())
        os._exit(0)
    os.read(readable, 1)
    answers.append(readable)
write(EmbeddedBackend(path))
print(json.dumps([json.loads(os.read(readable, 10_000)) for readable in answers]))
"""


def test_no_reader_is_ever_behind_what_was_acknowledged(tmp_path):
    """Most answers are copies, so one that is kept for too long would be seen; none goes back either."""
    code, out, err = run(COHERENCE, str(tmp_path / "memory.sqlite"), "4", "8000")
    assert code == 0, err
    answers = json.loads(out)
    assert [(answer["stale"], answer["back"]) for answer in answers] == [(0, 0)] * 4
    reads = sum(answer["reads"] for answer in answers)
    assert reads > 20_000
    assert sum(answer["hits"] for answer in answers) > reads / 2
