"""kill -9 of writers of the memory in mid-work: what was acknowledged is there, and no half of anything."""

from __future__ import annotations

import json

from tests.index_worlds import run

KILLS = 40

CHAOS = """
import json, os, random, signal, sys, time
from quarterdeck.memory.backend import Put
from quarterdeck.memory.embedded import EmbeddedBackend

path, kills = sys.argv[1], int(sys.argv[2])
dice = random.Random(40)
SPACE = "{n.a.0}:entry:"
backend = EmbeddedBackend(path)


def write(name, acknowledge):
    # Round by round: one entry, two that always agree, an item, a batch; acknowledged when all have returned.
    one, left, right, log = (f"{SPACE}{name}.{what}" for what in ("one", "left", "right", "log"))
    seen = backend.get_many([left, right, one])
    number = max(int(each.data or 0) for each in seen)
    while True:
        number += 1
        data = b"%d" % number
        before = backend.get(left).data
        backend.put(one, data)
        if not backend.transact({left: before}, [Put(left, data), Put(right, data)]):
            os._exit(3)
        backend.add(log, [data], keep=50)
        backend.put_many([Put(f"{SPACE}{name}.many{i}", data, 60_000) for i in range(20)])
        os.write(acknowledge, b"%8d" % number)


def acknowledged(readable):
    said = b""
    while part := os.read(readable, 1 << 16):
        said += part
    return int(said[-8:] or 0)


def look(name, at_least):
    names = [f"{SPACE}{name}.{what}" for what in ("one", "left", "right")]
    one, left, right = (int(each.data or 0) for each in backend.get_many(names))
    many = {each.data for each in backend.get_many([f"{SPACE}{name}.many{i}" for i in range(20)])}
    log = [int(item.data) for item in backend.items(f"{SPACE}{name}.log")]
    if one < at_least or left < at_least or (many != {None} and int(max(many)) < at_least):
        wrong.append(f"lost: {name} {at_least} {one} {left} {many}")
    if left != right or len(many) != 1:
        wrong.append(f"half: {name} {left} {right} {many}")
    if at_least and (max(log) < at_least or len(log) > 50 or log != sorted(set(log))):
        wrong.append(f"log: {name} {at_least} {log}")


wrong, rounds, done = [], 0, 0
backend.put(SPACE + "first", b"1")
while done < kills:
    children = []
    for name in range(3):
        readable, writable = os.pipe()
        child = os.fork()
        if not child:
            os.close(readable)
            write(name, writable)
        os.close(writable)
        children.append((name, child, readable))
    for name, child, readable in children:
        os.read(readable, 8)  # at work
    time.sleep(dice.uniform(0, 0.05))
    for name, child, readable in children:
        os.kill(child, signal.SIGKILL)
        if os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL:
            done += 1
        last = acknowledged(readable)
        os.close(readable)
        rounds += last
        look(name, last)
print(json.dumps({"wrong": wrong, "kills": done, "rounds": rounds, "damage": backend.verify()}))
"""


def test_what_was_acknowledged_survives_the_death_of_its_writer(tmp_path):
    """Three writers at a time are killed at any moment; the next ones go on with what they find."""
    code, out, err = run(CHAOS, str(tmp_path / "memory.sqlite"), str(KILLS))
    assert code == 0, err
    found = json.loads(out)
    assert found["wrong"] == []
    assert found["damage"] == []
    assert found["kills"] >= KILLS
    assert found["rounds"] > KILLS
