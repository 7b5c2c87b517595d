"""kill -9 at any moment of a write to the index of patterns: no reader notices, the next writer mends it."""

from __future__ import annotations

import random
import signal
import time

from quarterdeck.patterns.search.far import Far
from quarterdeck.patterns.search.terms import FOREVER_S, Document, Query
from tests.index_worlds import start

KILLS = 12
NUMBERS = 3000
"""Revision r puts document r % NUMBERS, with the features ``a`` and ``v<r>``; every tenth removes it."""

WRITE = """
import random, sys, time
from quarterdeck.patterns.search.far import Far
from quarterdeck.patterns.search.terms import FOREVER_S, Document
folder, seed, numbers = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
dice, far = random.Random(seed), Far(folder, "truth", "1")
print("ready", flush=True)
while True:
    writer = far.write()
    if writer is None:
        time.sleep(0.001)
        continue
    with writer:
        for _ in range(dice.randint(1, 4)):
            until = writer.revision + dice.randint(1, 800)
            for revision in range(writer.revision + 1, until + 1):
                if revision % 10 == 9:
                    writer.remove(revision % numbers)
                else:
                    features = {"a": 1, f"v{revision}": 1}
                    writer.put(Document(revision % numbers, features, 0.5, FOREVER_S, False))
            writer.commit(until)
"""


def latest(number, revision):
    """The last revision up to *revision* that changed *number*; negative: none has."""
    return revision - (revision - number) % NUMBERS


def expected(revision):
    """The number and the version of each document as of *revision*."""
    versions = {number: latest(number, revision) for number in range(NUMBERS)}
    return {number: version for number, version in versions.items() if version >= 0 and version % 10 != 9}


def read(far, dice):
    """Search once; whatever is written meanwhile, all that was there up to the revision is found."""
    far.refresh()
    revision = far.revision
    found = {hit.number for hit in far.search(Query({"a": 1.0}), NUMBERS)}
    wanted = expected(revision)
    assert found >= wanted.keys()
    if wanted:
        number, version = dice.choice(list(wanted.items()))
        hits = far.search(Query({f"v{version}": 1.0}), 1)
        assert not hits or hits[0].number == number
    return revision


def finish(folder, revision):
    """What the next writer does, in this process: everything from where the index ends up to *revision*."""
    writer = Far(folder, "truth", "1").write()
    assert writer
    with writer:
        for each in range(writer.revision + 1, revision + 1):
            if each % 10 == 9:
                writer.remove(each % NUMBERS)
            else:
                writer.put(Document(each % NUMBERS, {"a": 1, f"v{each}": 1}, 0.5, FOREVER_S, is_tried=False))
        writer.commit(revision)


def test_killed_writers_never_disturb_a_reader_and_the_next_one_mends_the_index(tmp_path):
    """Two writers compete; one after the other is killed while all that they have committed is searched."""
    folder, dice, highest = str(tmp_path / "default.index"), random.Random(5), -1
    far = Far(folder, "truth", "1")
    for kill in range(KILLS):
        writers = [start(WRITE, folder, 2 * kill + each, NUMBERS) for each in range(2)]
        for writer in writers:
            assert writer.stdout.readline() == "ready\n"
        before = far.revision
        while kill % 2 and far.revision == before:
            read(far, dice)  # at least one commit before every other kill
        deadline = time.monotonic() + dice.uniform(0, 0.3)
        while time.monotonic() < deadline:
            highest = max(highest, read(far, dice))
        for writer in writers:
            writer.kill()
        for writer in writers:
            _, complaint = writer.communicate(timeout=60)
            assert (writer.returncode, complaint) == (-signal.SIGKILL, "")
        highest = max(highest, read(far, dice))
        if kill % 4 == 3:
            highest += NUMBERS // 2
            finish(folder, highest)
            far.refresh()
            assert far.revision == highest
            wanted = expected(far.revision)
            assert {hit.number for hit in far.search(Query({"a": 1.0}), NUMBERS)} == wanted.keys()
            for number, version in dice.sample(sorted(wanted.items()), 50):
                assert [hit.number for hit in far.search(Query({f"v{version}": 1.0}), 9)] == [number]
    assert sum(path.is_dir() for path in (tmp_path / "default.index").iterdir()) == 1
