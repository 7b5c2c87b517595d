"""The vectors of a library: up to date with it, whatever happens to their file; no model is needed."""

from __future__ import annotations

import os
import sqlite3
import threading

import pytest

from quarterdeck.errors import StateError
from quarterdeck.files import Lease
from quarterdeck.patterns.meaning import meaning as meaning_module
from quarterdeck.patterns.model import LinkKind, Outcome
from quarterdeck.patterns.search.terms import Gate, Query
from tests.index_worlds import run
from tests.meaning_worlds import Letters, fill, numbers_found, open_meaning, plain
from tests.truth_worlds import NOW, PROJECT, contribute, open_truth


@pytest.fixture
def truth(tmp_path):
    truth = open_truth(tmp_path / "library.sqlite")
    yield truth
    truth.close()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "library.index"


@pytest.fixture
def opened(truth, folder):
    """``opened(encoder)``: another one on the same library and folder; all are closed in the end."""
    made = []

    def opened(encoder=None, *, folder=folder, truth=truth):
        made.append(open_meaning(truth, folder, encoder))
        return made[-1]

    yield opened
    for meaning in made:
        meaning.close()


@pytest.mark.parametrize("in_memory", [False, True], ids=["file", "memory"])
def test_what_is_contributed_is_found_at_once(truth, opened, folder, in_memory):
    """Also what is changed, and no longer what is deleted."""
    meaning = opened(folder=None if in_memory else folder)
    assert meaning.nearest("lock", 5) == []
    assert meaning.similarities("lock", [1]) == {}
    contribute(truth, plain("a", "the lock"), plain("b", "the bread"))
    ((first, _), (second, _)) = meaning.nearest("lock", 5)
    assert (first, second) == (1, 2)
    truth.update("b", lambda pattern: plain("b", "lock lock"), agent_id="ada")
    assert [number for number, _ in meaning.nearest("lock", 5)] == [2, 1]
    truth.delete("b", agent_id="ada")
    assert [number for number, _ in meaning.nearest("lock", 5)] == [1]
    assert meaning.similarities("the lock.", [1, 2]) == {1: pytest.approx(1, abs=1e-3)}
    assert folder.exists() is not in_memory


@pytest.mark.parametrize(
    "query, expected",
    [
        (Query({}), [1, 2, 3, 4, 5]),
        (Query({}, gate=Gate(at_s=int(NOW.timestamp()))), [1, 2, 4, 5]),
        (Query({}, gate=Gate(confidence=0.7)), [2, 5]),
        (Query({}, (("#locks",),)), [2, 3]),
        (Query({}, (("#locks",), ("!avoid", "@behavioral"))), [3]),
        (Query({}, (("#nowhere",),)), []),
    ],
    ids=["all", "live", "sure", "tag", "labels", "none"],
)
def test_only_what_passes_the_filters_is_found(query, expected, truth, opened):
    """So what does not pass takes nobody's place; it is kept beside the directions, and up to date."""
    contribute(
        truth,
        plain("p1", "word1", confidence=0.6),
        plain("p2", "word2", tags=["locks"], confidence=0.8),
        plain("p3", "word3", tags=["Locks", "web"], lesson="avoid"),
        plain("p4", "word4"),
        plain("p5", "word5"),
    )
    first = opened()
    first.sync()
    truth.record([Outcome("p5", False, NOW, "", "")])  # what has been tried is judged by its outcomes
    truth.link("p4", "p3", LinkKind.SUPERSEDES, agent_id="ada")
    for meaning in (first, opened()):
        assert [number for number, _ in sorted(meaning.nearest("word1", 5, query))] == expected


def test_what_has_nothing_to_do_with_the_question_is_not_found(truth, opened):
    """How small a cosine says so depends on the encoder."""
    encoder = Letters()
    encoder.unrelated = 0.5
    contribute(truth, plain("a", "lock the database"), plain("b", "bake the bread"))
    assert [number for number, _ in opened(encoder).nearest("lock a database", 5)] == [1]


def test_each_text_is_encoded_once_for_all(truth, opened):
    """Another process, or the next run, reads what is there."""
    fill(truth, 10)
    first, second = Letters(), Letters()
    assert opened(first).sync() == 10
    assert opened(second).sync() == 0
    assert numbers_found(opened(second)) == list(range(1, 11))
    assert (len(first.texts), second.texts) == (10, ["word0"])


def test_what_does_not_change_the_text_costs_nothing(truth, opened):
    """Outcomes, for example, or another confidence."""
    fill(truth, 3)
    encoder = Letters()
    meaning = opened(encoder)
    meaning.sync()
    encoder.texts.clear()
    truth.record([Outcome("p1", True, NOW, "", "")])
    truth.update("p2", lambda pattern: plain("p2", pattern.name, confidence=0.9), agent_id="ada")
    assert meaning.sync() == 2
    assert encoder.texts == []
    assert numbers_found(meaning) == [1, 2, 3]


def test_an_answer_waits_only_for_some(truth, opened, monkeypatch):
    """After an import questions are answered from what is known, and each knows more."""
    monkeypatch.setattr(meaning_module, "_STEP", 4)
    fill(truth, 10)
    meaning = opened()
    assert [len(numbers_found(meaning)) for _ in range(4)] == [4, 8, 10, 10]


def test_progress_is_told(truth, opened, monkeypatch):
    """How many are done, and of how many."""
    monkeypatch.setattr(meaning_module, "_STEP", 4)
    fill(truth, 10)
    said = []
    opened().sync(lambda done, total: said.append((done, total)))
    assert said == [(4, 10), (8, 10), (10, 10)]


def test_while_another_encodes_answers_come_from_what_is_there(truth, opened, folder, monkeypatch):
    """Nobody waits, nothing is encoded twice; afterwards all is there."""
    monkeypatch.setattr(meaning_module, "_PATIENCE_S", 0.0)
    fill(truth, 3)
    opened().sync()
    fill(truth, 3, start=3)
    encoder = Letters()
    meaning = opened(encoder)
    with Lease.wait(str(folder / "vectors.lock"), timeout_s=0):
        assert numbers_found(meaning) == [1, 2, 3]
        assert meaning.sync() == 0
        assert encoder.texts == ["word0"]
    assert numbers_found(meaning) == [1, 2, 3, 4, 5, 6]


def test_what_another_process_encodes_is_taken_in(truth, opened):
    """Two of them on one file, in turns."""
    one, other = opened(), opened()
    for turn in range(4):
        fill(truth, 2, start=2 * turn)
        (one, other)[turn % 2].sync()
        truth.delete(f"p{2 * turn}", agent_id="ada")
        assert numbers_found(one) == numbers_found(other)
    assert len(numbers_found(other)) == 4


@pytest.mark.parametrize("what", ["encoder", "library"])
def test_vectors_of_something_else_are_made_anew(what, truth, opened, folder, tmp_path):
    """Directions of two encoders have nothing to do with each other, nor numbers of two libraries."""
    fill(truth, 3)
    opened().sync()
    encoder = Letters()
    if what == "encoder":
        encoder.name = "others"
        again = opened(encoder)
    else:
        other = open_truth(tmp_path / "other.sqlite")
        fill(other, 3)
        again = opened(encoder, truth=other)
    assert again.sync() == 3
    assert numbers_found(again) == [1, 2, 3]
    assert len(encoder.texts) == 4


def test_a_library_that_was_set_back_is_read_again(truth, opened, tmp_path):
    """Somebody has restored a backup: what came after it has other numbers now, or none."""
    fill(truth, 2)
    truth.close()
    backup = (tmp_path / "library.sqlite").read_bytes()
    fill(truth, 3, start=2)
    meaning = opened()
    meaning.sync()
    assert numbers_found(meaning) == [1, 2, 3, 4, 5]
    truth.close()
    (tmp_path / "library.sqlite").unlink()
    (tmp_path / "library.sqlite").write_bytes(backup)
    assert numbers_found(meaning) == [1, 2]
    contribute(truth, plain("new", "word0 again"))
    assert numbers_found(opened()) == [1, 2, 3]


def test_revisions_that_are_given_out_again_are_of_another_history(truth, opened, tmp_path):
    """After a power cut or from a backup: then the newest revision alone says nothing."""
    fill(truth, 2)
    truth.close()
    backup = (tmp_path / "library.sqlite").read_bytes()
    contribute(truth, plain("lost", "unicorn"), plain("lost2", "dragon"))
    meaning = opened()
    meaning.sync()
    truth.close()
    (tmp_path / "library.sqlite").unlink()
    (tmp_path / "library.sqlite").write_bytes(backup)
    contribute(truth, plain("new", "bread"), plain("newer", "cake"), plain("newest", "pie"))
    for each in (meaning, opened()):
        assert numbers_found(each) == [1, 2, 3, 4, 5]
        assert each.similarities("bread.", [3]) == {3: pytest.approx(1, abs=1e-3)}


def test_a_library_that_goes_back_while_some_are_encoded_is_not_mixed_with_what_was(truth, opened, tmp_path):
    """What was read of one history is not kept as if it were of the other."""
    fill(truth, 2)
    truth.close()
    backup = (tmp_path / "library.sqlite").read_bytes()
    contribute(truth, plain("lost", "unicorn"))

    class Restorer(Letters):
        def encode(self, texts):
            if "unicorn." in texts:
                truth.close()
                (tmp_path / "library.sqlite").unlink()
                (tmp_path / "library.sqlite").write_bytes(backup)
                contribute(truth, plain("new", "bread"))
            return super().encode(texts)

    meaning = opened(Restorer())
    meaning.sync()
    for each in (meaning, opened()):
        each.sync()
        assert each.similarities("bread.", [3]) == {3: pytest.approx(1, abs=1e-3)}


def scribble(path):
    path.write_bytes(b"no database at all" * 1000)


def cut(path):
    path.write_bytes(path.read_bytes()[:5000])


def spoil_pages(path):
    content = bytearray(path.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    path.write_bytes(content)


def change(statement):
    def change(path):
        connection = sqlite3.connect(path)
        connection.execute(statement)
        connection.commit()
        connection.close()

    return change


@pytest.mark.parametrize(
    "damage",
    [
        scribble,
        cut,
        spoil_pages,
        change("UPDATE vectors SET vector = x'00' WHERE number = 2"),
        change("DELETE FROM source"),
        change("DROP TABLE vectors"),
    ],
    ids=["scribbled", "cut", "spoiled", "vector", "source", "table"],
)
def test_a_damaged_file_is_made_anew(damage, truth, opened, folder):
    """It holds nothing that cannot be computed again, so nobody is told."""
    fill(truth, 200)
    meaning = opened()
    meaning.sync()
    meaning.close()
    damage(folder / "vectors.sqlite")
    contribute(truth, plain("new", "something new"))
    encoder = Letters()
    again = opened(encoder)
    again.sync()
    assert numbers_found(again) == list(range(1, 202))
    assert len(encoder.texts) == 202


def test_a_file_that_is_removed_meanwhile_is_made_anew(truth, opened, folder):
    """Whoever deletes the folder loses time and nothing else."""
    fill(truth, 3)
    meaning = opened()
    meaning.sync()
    for each in folder.iterdir():
        each.unlink()
    folder.rmdir()
    assert numbers_found(meaning) == [1, 2, 3]
    fill(truth, 1, start=3)
    assert numbers_found(meaning) == [1, 2, 3, 4]
    assert numbers_found(opened()) == [1, 2, 3, 4]


def test_a_place_that_cannot_be_used_is_said(truth, opened, folder):
    """And not taken for an empty library."""
    folder.write_text("in the way")
    fill(truth, 1)
    with pytest.raises(StateError, match=r"library\.index"):
        opened().nearest("word0", 1)


def test_the_file_is_for_its_owner_only(truth, opened, folder):
    """What an agent has learned can be guessed from where it points."""
    fill(truth, 1)
    opened().sync()
    assert {oct(each.stat().st_mode & 0o777) for each in folder.iterdir()} == {"0o600"}
    assert oct(folder.stat().st_mode & 0o777) == "0o700"


def test_threads_share_it(truth, opened):
    """Questions, and patterns that come meanwhile: in the end everything is known, each text encoded once."""
    encoder = Letters()
    meaning = opened(encoder)
    problems = []

    def work(name):
        try:
            for number in range(10):
                contribute(truth, plain(f"{name}.{number}", f"{name} {number}"))
                numbers_found(meaning, question="same")
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test says it
            problems.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert len(numbers_found(meaning, question="same")) == 40
    assert len(encoder.texts) == 41


CHILD = """
import os, sys
from tests.meaning_worlds import fill, numbers_found, open_meaning
from tests.truth_worlds import open_truth
truth = open_truth(sys.argv[1])
meaning = open_meaning(truth, sys.argv[2] or None)
fill(truth, 3)
print(numbers_found(meaning), flush=True)
child = os.fork()
if not child:
    if sys.argv[2]:
        fill(truth, 2, start=3)
    print(numbers_found(meaning), flush=True)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
print(numbers_found(meaning), flush=True)
"""


def test_parent_and_child_go_on_with_it(tmp_path):
    """Each with a connection of its own to the same file."""
    code, said, problems = run(
        CHILD, tmp_path / "library.sqlite", tmp_path / "library.index", PYTHONPATH=PROJECT
    )
    assert (code, problems) == (0, "")
    assert said.splitlines() == ["[1, 2, 3]", "[1, 2, 3, 4, 5]", "[1, 2, 3, 4, 5]"]


def test_a_child_has_its_own_copy_of_what_is_in_memory(tmp_path):
    """As it has of the library itself."""
    code, said, problems = run(CHILD, ":memory:", "", PYTHONPATH=PROJECT)
    assert (code, problems) == (0, "")
    assert said.splitlines() == ["[1, 2, 3]"] * 3


def test_a_file_that_is_replaced_while_some_are_encoded_is_not_taken_for_the_old_one(truth, opened, folder):
    """It would seem complete up to where the old one was, and lack all that came before."""

    class Remover(Letters):
        def encode(self, texts):
            if "word5." in texts:
                for each in folder.glob("vectors.sqlite*"):
                    each.unlink()
            return super().encode(texts)

    fill(truth, 3)
    meaning = opened(Remover())
    meaning.sync()
    fill(truth, 3, start=3)
    meaning.sync()
    assert numbers_found(meaning) == [1, 2, 3, 4, 5, 6]
    assert numbers_found(opened()) == [1, 2, 3, 4, 5, 6]
