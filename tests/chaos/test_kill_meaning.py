"""kill -9 of those that encode a library, and several of them at once: none is lost, few are done twice."""

from __future__ import annotations

from collections import Counter

from tests.index_worlds import run, start
from tests.meaning_worlds import Letters, fill, numbers_found, open_meaning
from tests.truth_worlds import PROJECT, open_truth

PATTERNS = 1000
BATCH = 16
ASKED = "asked"

ENCODE = f"""
import os, signal, sys
from quarterdeck.patterns.meaning import meaning as meaning_module
from tests.meaning_worlds import Letters, numbers_found, open_meaning
from tests.truth_worlds import open_truth

library, folder, log, dies_after = *sys.argv[1:4], int(sys.argv[4])
meaning_module._STEP = {BATCH}


class Logged(Letters):
    def encode(self, texts):
        with open(log, "a") as file:
            file.writelines(f"{{text}}\\n" for text in texts)
        if dies_after and len(self.texts) >= dies_after:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().encode(texts)


meaning = open_meaning(open_truth(library), folder, Logged())
while len(numbers_found(meaning, "{ASKED}")) < {PATTERNS}:
    meaning.sync()
"""


def test_after_kills_the_next_goes_on_from_there(tmp_path):
    """What was kept is not encoded again: a kill costs one batch."""
    library, folder, log = tmp_path / "a.sqlite", tmp_path / "a.index", tmp_path / "log"
    truth = open_truth(library)
    fill(truth, PATTERNS)
    kills = 5
    for _ in range(kills):
        assert run(ENCODE, library, folder, log, 10 * BATCH, PYTHONPATH=PROJECT)[0] == -9
    encoder = Letters()
    meaning = open_meaning(truth, folder, encoder)
    encoded = Counter(log.read_text().split())
    assert meaning.sync() == PATTERNS - len(encoded.keys() - {ASKED}) + BATCH
    assert sum(encoded.values()) - encoded[ASKED] + len(encoder.texts) == PATTERNS + kills * BATCH
    assert numbers_found(meaning) == list(range(1, PATTERNS + 1))
    meaning.close()
    truth.close()


def test_several_processes_encode_each_pattern_once(tmp_path):
    """One at a time is at work; the others use what is there."""
    library, folder, log = tmp_path / "a.sqlite", tmp_path / "a.index", tmp_path / "log"
    truth = open_truth(library)
    fill(truth, PATTERNS)
    children = [start(ENCODE, library, folder, log, 0, PYTHONPATH=PROJECT) for _ in range(4)]
    for child in children:
        _, problems = child.communicate(timeout=120)
        assert (child.returncode, problems) == (0, "")
    times = Counter(log.read_text().split())
    del times[ASKED]
    assert len(times) == PATTERNS
    assert set(times.values()) == {1}
    truth.close()
