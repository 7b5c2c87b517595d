"""kill -9 of contributors in mid-work: what was acknowledged is there, and tallies are right."""

from __future__ import annotations

import json

from tests.index_worlds import run
from tests.truth_worlds import PROJECT

KILLS = 40

CHAOS = """
import json, os, random, signal, sqlite3, sys, time
from quarterdeck.patterns.evidence import NO_OUTCOMES
from tests.truth_worlds import HALF_LIFE_S, a_pattern, an_outcome, contribute, open_truth

path, kills = sys.argv[1], int(sys.argv[2])
dice = random.Random(40)
truth = open_truth(path)


def write(name, acknowledge):
    # Round by round: one pattern, a batch, outcomes of both; acknowledged when all have returned.
    number = 0
    while True:
        number += 1
        one = f"{name}.{number}"
        batch = [f"{one}.{each}" for each in range(5)]
        contribute(truth, a_pattern(one))
        contribute(truth, *map(a_pattern, batch))
        worked, days = number % 2 > 0, number - 9_999
        truth.record([an_outcome(each, success=worked, days=days) for each in (one, one, batch[0])])
        if number % 3 == 0:
            truth.delete(batch[1], agent_id="eve")
        os.write(acknowledge, b"%8d" % number)


def acknowledged(readable):
    said = b""
    while part := os.read(readable, 1 << 16):
        said += part
    return int(said[-8:] or 0)


def look(name, last):
    for number in range(1, last + 1):
        one = f"{name}.{number}"
        batch = [f"{one}.{each}" for each in range(5)]
        found = truth.get_many([one, *batch])
        missing = {one, *batch} - set(found)
        if missing != ({batch[1]} if number % 3 == 0 else set()):
            wrong.append(f"lost: {one} {missing}")
        elif (found[one].usage_count, found[batch[0]].usage_count) != (2, 1):
            wrong.append(f"outcomes: {one}")
    half = [each for each in truth.get_many([f"{name}.{last + 1}.{each}" for each in range(5)])]
    if len(half) not in {0, 5} and not ((last + 1) % 3 == 0 and len(half) == 4):
        wrong.append(f"half: {half}")


def agree():
    connection = sqlite3.connect(path)
    if (said := connection.execute("PRAGMA integrity_check").fetchall()) != [("ok",)]:
        wrong.append(said)
    sums = {}
    rows = connection.execute("SELECT number, success, at_us FROM outcomes ORDER BY id")
    for number, success, at_us in rows:
        sums[number] = sums.get(number, NO_OUTCOMES).after(bool(success), at_us / 1e6, HALF_LIFE_S)
    kept = truth.tallies([number for (number,) in connection.execute("SELECT number FROM patterns")])
    if kept.keys() != sums.keys() or any(kept[number][:2] != sums[number][:2] for number in kept):
        wrong.append("tallies")
    elif any(abs(a - b) > 1e-6 for number in kept for a, b in zip(kept[number], sums[number])):
        wrong.append("weights")
    for question in (
        "SELECT count(*) - ? FROM patterns",
        "SELECT count(*) - ? FROM changes WHERE number IN (SELECT number FROM patterns)",
        "SELECT count(*) - ? FROM patterns JOIN changes USING (number, revision)",
        "SELECT count(*) / 2 - ? FROM tags",
        "SELECT count(*) - ? FROM origins",
    ):
        if connection.execute(question, (truth.count(),)).fetchone() != (0,):
            wrong.append(question)
    connection.close()


wrong, rounds, done, name = [], 0, 0, 0
contribute(truth, a_pattern("first"))
while done < kills:
    children = []
    for _ in range(3):
        name += 1
        readable, writable = os.pipe()
        child = os.fork()
        if not child:
            os.close(readable)
            write(name, writable)
        os.close(writable)
        children.append((name, child, readable))
    for _, child, readable in children:
        os.read(readable, 8)  # at work
    time.sleep(dice.uniform(0, 0.05))
    for each, child, readable in children:
        os.kill(child, signal.SIGKILL)
        if os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL:
            done += 1
        last = acknowledged(readable)
        os.close(readable)
        rounds += last
        look(each, last)
    agree()
print(json.dumps({"wrong": wrong, "kills": done, "rounds": rounds}))
"""


def test_what_was_contributed_survives_the_death_of_its_contributor(tmp_path):
    """Three writers at a time are killed at any moment; others go on with what they find."""
    code, out, err = run(CHAOS, str(tmp_path / "library.sqlite"), str(KILLS), PYTHONPATH=PROJECT)
    assert code == 0, err
    found = json.loads(out)
    assert found["wrong"] == []
    assert found["kills"] >= KILLS
    assert found["rounds"] > KILLS
