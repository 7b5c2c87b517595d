"""The index on disk: what is found in it, who may write to it, and what is made of a damaged one."""

from __future__ import annotations

import json
import os
import random
import shutil
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from quarterdeck.errors import StateError
from quarterdeck.patterns.search.far import Far
from quarterdeck.patterns.search.near import Near
from quarterdeck.patterns.search.terms import FOREVER_S, Document, Gate, Query
from tests.index_worlds import run

if TYPE_CHECKING:
    from pathlib import Path

WORDS = [f"w{n}" for n in range(40)]


def document(number, *features, confidence=0.5, until_s=FOREVER_S, is_tried=False):
    return Document(
        number, {each: features.count(each) for each in features}, confidence, until_s, is_tried=is_tried
    )


def many(dice, numbers):
    """Documents of zipfian features, of all kinds of confidence and end."""
    weights = [1 / rank for rank in range(1, len(WORDS) + 1)]
    return [
        document(
            number,
            *dice.choices(WORDS, weights, k=dice.randint(1, 60)),
            dice.choice(["@conditional", "@temporal"]),
            confidence=dice.random(),
            until_s=dice.choice([FOREVER_S, FOREVER_S, 50, 0]),
            is_tried=dice.random() < 0.2,
        )
        for number in numbers
    ]


def numbers(hits):
    return [hit.number for hit in hits]


@dataclass
class Place:
    """A folder for an index, and what is done to it."""

    folder: Path

    def far(self, identity="truth", analysis="1"):
        return Far(str(self.folder), identity, analysis)

    def put(self, *documents, revision=1, remove=()):
        """Commit these; returns how far the index was before."""
        with self.far().write() as writer:
            before = writer.revision
            for each in documents:
                writer.put(each)
            for number in remove:
                writer.remove(number)
            writer.commit(revision)
        return before

    @property
    def manifest(self):
        return self.folder / "manifest.json"

    @property
    def generations(self):
        return [path for path in self.folder.iterdir() if path.is_dir()]

    def files(self, suffix):
        (generation,) = self.generations
        return sorted(generation.glob(f"*{suffix}"))


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path / "default.index")


class TestFinding:
    def test_what_is_committed_is_found_by_everybody_after_a_refresh(self, place):
        """Nobody sees half of a write; a refresh says whether there is anything new."""
        reader = place.far()
        assert (reader.revision, reader.search(Query({"a": 1.0}), 5)) == (-1, [])
        with reader.write() as writer:
            writer.put(document(3, "a", "b"))
            assert not place.far().refresh()
            writer.commit(7)
        assert (reader.refresh(), reader.revision, reader.refresh()) == (True, 7, False)
        (hit,) = reader.search(Query({"a": 1.0}), 5)
        assert (hit.number, hit.confidence, hit.is_tried) == (3, 0.5, False)

    def test_several_commits_of_one_writer_follow_each_other(self, place):
        """Each is one state of the index, with its own revision."""
        reader = place.far()
        with reader.write() as writer:
            for number in range(1, 4):
                writer.put(document(number, "a"))
                writer.commit(number)
                assert (reader.refresh(), reader.revision) == (True, number)
                assert len(reader.search(Query({"a": 1.0}), 9)) == number

    @pytest.mark.parametrize("seed", range(6))
    def test_the_answer_is_that_of_near(self, place, seed):
        """Same documents, same statistics: the same hits in the same order, and the same scores."""
        dice = random.Random(seed)
        near, documents = Near(), many(dice, range(600))
        for each in documents:
            near.put(each)
        place.put(*documents[:300])
        place.put(*documents[200:], revision=2)
        far = place.far()
        for _ in range(30):
            query = Query(
                {each: dice.choice([0.5, 1.0, 2.0]) for each in dice.sample(WORDS, dice.randint(0, 4))},
                tuple(tuple(dice.sample([*WORDS, "@temporal"], 2)) for _ in range(dice.randint(0, 2))),
                dice.choice([Gate(), Gate(dice.random(), 40), Gate(0.99, 60)]),
            )
            k = dice.choice([1, 5, 50])
            without = frozenset(dice.sample(range(600), dice.choice([0, 100, 400])))
            wanted = [hit for hit in near.search(query, 600, far) if hit.number not in without]
            found = far.search(query, k, without=without)
            assert [hit.score for hit in found] == pytest.approx([hit.score for hit in wanted[:k]], rel=1e-5)
            assert {hit.number for hit in found} <= {hit.number for hit in wanted}
            assert len(found) == min(k, len(wanted))

    def test_its_statistics_are_those_its_scores_come_from(self, place):
        """Documents, mean length and frequencies, while none has been removed."""
        place.put(document(1, "a", "a", "b"), document(2, "a"), document(3, "c", "d"))
        far = place.far()
        assert (far.documents, far.mean_length) == (3, 2.0)
        assert [far.frequency(each) for each in ("a", "b", "nothing", "\ud800")] == [2, 1, 0, 0]

    def test_an_index_whose_documents_are_all_removed_has_no_statistics_but_answers(self, place):
        """Nothing is left that they could be learned from."""
        place.put(document(1, "a"))
        place.put(remove=[1], revision=2)
        far = place.far()
        assert (far.revision, far.search(Query({}), 5), far.search(Query({"a": 1.0}), 5)) == (2, [], [])

    def test_what_is_put_again_replaces_what_was_there(self, place):
        """Also within one commit, and in any order of the numbers."""
        place.put(document(5, "old"), document(2, "old"), document(5, "older"), document(5, "a"))
        assert set(numbers(place.far().search(Query({"old": 1.0, "older": 1.0}), 9))) == {2}
        assert numbers(place.far().search(Query({"a": 1.0}), 9)) == [5]
        place.put(document(2, "a"), revision=2)
        assert numbers(place.far().search(Query({"old": 1.0}), 9)) == []
        assert numbers(place.far().search(Query({"a": 1.0}), 9)) == [2, 5]

    def test_what_is_removed_is_not_found_any_more(self, place):
        """Whether it was committed before or not; of what is not there nothing happens."""
        place.put(document(1, "a"), document(2, "a"), document(3, "a"), remove=[2, 9])
        assert numbers(place.far().search(Query({"a": 1.0}), 9)) == [1, 3]
        place.put(remove=[3], revision=2)
        assert numbers(place.far().search(Query({"a": 1.0}), 9)) == [1]

    def test_without_weights_the_newest_come_first(self, place):
        """The greatest numbers, with no score."""
        place.put(*(document(number, "@temporal") for number in (4, 9, 1, 7)), document(8, "@other"))
        hits = place.far().search(Query({}, (("@temporal",),)), 3)
        assert [(hit.number, hit.score) for hit in hits] == [(9, 0.0), (7, 0.0), (4, 0.0)]
        assert numbers(place.far().search(Query({}), 9)) == [9, 8, 7, 4, 1]

    def test_of_equal_scores_the_smaller_number_comes_first(self, place):
        """In whatever order they were put."""
        place.put(*(document(number, "a") for number in (4, 9, 1, 7)))
        assert numbers(place.far().search(Query({"a": 1.0}), 9)) == [1, 4, 7, 9]

    def test_many_that_are_equal_are_told_apart_by_their_numbers(self, place):
        """Also those that are in segments which tantivy reads last."""
        place.put(*(document(number, "a") for number in range(300, 900)))
        place.put(*(document(number, "a") for number in range(300)), revision=2)
        assert numbers(place.far().search(Query({"a": 1.0}), 5)) == [0, 1, 2, 3, 4]

    def test_few_that_pass_are_found_behind_many_that_do_not(self, place):
        """However good those are that are not let pass, or left out."""
        poor = [document(number, "a", *["x"] * 40, confidence=0.9) for number in range(2000, 2003)]
        place.put(*(document(number, "a", "a", confidence=0.1) for number in range(2000)), *poor)
        far = place.far()
        assert numbers(far.search(Query({"a": 1.0}, gate=Gate(0.8)), 2)) == [2000, 2001]
        assert numbers(far.search(Query({"a": 1.0}), 2, without=set(range(2001)))) == [2001, 2002]
        assert numbers(far.search(Query({"a": 1.0}), 2)) == [0, 1]

    def test_what_has_been_tried_passes_any_confidence(self, place):
        """But not beyond its end."""
        place.put(
            document(1, "a", confidence=0.1, is_tried=True),
            document(2, "a", confidence=0.1),
            document(3, "a", confidence=0.1, until_s=100, is_tried=True),
        )
        hits = place.far().search(Query({"a": 1.0}, gate=Gate(1.0, 100)), 9)
        assert [(hit.number, hit.confidence, hit.is_tried) for hit in hits] == [(1, 0.1, True)]

    def test_half_a_character_is_in_no_document(self, place):
        """A query may come from a command line that is not UTF-8."""
        place.put(document(1, "a"))
        far = place.far()
        assert numbers(far.search(Query({"a": 1.0, "\udcff": 1.0}), 9)) == [1]
        assert far.search(Query({"a": 1.0}, (("\udcff",),)), 9) == []
        assert far.revision == 1


class TestWriting:
    def test_there_is_one_writer_at_a_time(self, place):
        """The second is not kept waiting; when the first has left, another may."""
        far, other = place.far(), place.far()
        with far.write():
            assert far.write() is None
            assert other.write() is None
        with other.write() as writer:
            assert writer is not None

    def test_a_writer_begins_where_the_last_one_ended(self, place):
        """Whether or not its far has looked since."""
        old = place.far()
        assert place.put(document(1, "a"), revision=5) == -1
        with old.write() as writer:
            assert writer.revision == 5

    def test_leaving_without_a_commit_throws_away(self, place):
        """Of a first write nothing is left."""
        far = place.far()
        with far.write() as writer:
            writer.put(document(1, "a"))
        assert (far.refresh(), far.revision, place.generations) == (False, -1, [])
        place.put(document(1, "a"))
        with far.write() as writer:
            writer.put(document(2, "a"))
            writer.remove(1)
        assert numbers(place.far().search(Query({"a": 1.0}), 9)) == [1]

    def test_an_index_can_be_made_anew(self, place):
        """What there is goes on to be found until the new one is committed, and then is gone."""
        place.put(document(1, "a"), revision=5)
        far = place.far()
        with far.write(anew=True) as writer:
            assert writer.revision == -1
            writer.put(document(2, "a"))
            assert (far.refresh(), numbers(far.search(Query({"a": 1.0}), 9))) == (False, [1])
            writer.commit(6)
        assert (far.refresh(), numbers(far.search(Query({"a": 1.0}), 9))) == (True, [2])
        assert len(place.generations) == 1

    def test_an_exception_throws_away_and_lets_others_write(self, place):
        """Also one in the middle."""
        with pytest.raises(ZeroDivisionError), place.far().write() as writer:
            writer.put(document(1, 1 / 0))
        assert place.put(document(1, "a")) == -1

    def test_changes_that_are_there_already_are_put_again_to_no_effect(self, place):
        """As after a crash between tantivy's commit and the manifest."""
        place.put(document(1, "a"), document(2, "b"), revision=1)
        before = place.manifest.read_bytes()
        place.put(document(1, "c"), remove=[2], revision=2)
        place.manifest.write_bytes(before)
        assert place.put(document(1, "c"), remove=[2], revision=2) == 1
        assert numbers(place.far().search(Query({"a": 1.0, "b": 1.0, "c": 1.0}), 9)) == [1]

    def test_only_its_owner_can_look_into_it(self, place):
        """What tantivy makes has the mode that the umask leaves; so the folders are closed."""
        place.put(document(1, "a"))
        (generation,) = place.generations
        modes = [stat.S_IMODE(path.stat().st_mode) for path in (place.folder, generation, place.manifest)]
        assert modes == [0o700, 0o700, 0o600]

    def test_what_a_killed_writer_has_left_is_removed(self, place):
        """Generations that no manifest has named; nothing else that lies there."""
        place.put(document(1, "a"))
        orphan, foreign = place.folder / "0123456789abcdef", place.folder / "notes"
        for each in (orphan, foreign):
            each.mkdir()
            (each / "file").write_text("x")
        place.put(document(2, "a"), revision=2)
        assert not orphan.exists()
        assert (foreign / "file").exists()

    def test_an_index_that_kills_its_writers_is_made_anew(self, place):
        """Tantivy ends the process when it merges files that are damaged in some ways."""
        place.put(document(1, "a"))
        (generation,) = place.generations
        (generation / "unfinished").write_bytes(b".")
        assert place.put(document(2, "a"), revision=2) == 1
        assert not (generation / "unfinished").exists()
        (generation / "unfinished").write_bytes(b"..")
        assert place.put(document(3, "a"), revision=3) == -1
        assert place.generations != [generation]

    def test_a_folder_that_cannot_be_used_says_so(self, place):
        """A file in its place, for example."""
        place.folder.write_text("")
        with pytest.raises(StateError, match=r"default\.index"):
            place.far().write()

    def test_a_folder_that_is_deleted_while_it_is_written_says_so(self, place, tmp_path):
        """Nothing of it comes back; the next one who writes makes it anew."""
        place.put(document(1, "a"))
        far = place.far()
        with far.write() as writer:
            writer.put(document(2, "a"))
            place.folder.rename(tmp_path / "away")  # and deleted there: tantivy's threads are at work in it
            with pytest.raises(StateError, match="cannot be"):
                writer.commit(2)
        assert not place.folder.exists()
        assert place.put(document(1, "a"), revision=3) == -1

    def test_a_full_disk_says_so_and_loses_nothing(self, place):
        """What was committed is found; when there is space again, writing goes on."""
        place.put(*(document(number, "a") for number in range(100)))
        code = """
import resource, signal, sys
from quarterdeck.errors import StoreFull
from quarterdeck.patterns.search.far import Far
from quarterdeck.patterns.search.terms import Document, FOREVER_S, Query
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
far = Far(sys.argv[1], "truth", "1")
try:
    with far.write() as writer:
        for number in range(100, 9000):
            writer.put(Document(number, {f"w{number}": 1, f"v{number}": 1}, 0.5, FOREVER_S, False))
        writer.commit(2)
except StoreFull as error:
    print(far.refresh(), far.revision, len(far.search(Query({"a": 1.0}), 200)))
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
with far.write() as writer:
    print(writer.revision)
    writer.put(Document(100, {"a": 1}, 0.5, FOREVER_S, False))
    writer.commit(2)
far.refresh()
print(len(far.search(Query({"a": 1.0}), 200)))
"""
        assert run(code, place.folder) == (0, "False 1 100\n1\n101\n", "")


class TestAbsence:
    @pytest.mark.parametrize("identity, analysis", [("another", "1"), ("truth", "2")])
    def test_an_index_of_another_truth_or_analysis_counts_as_absent(self, place, identity, analysis):
        """Whoever writes then makes another one beside it, which takes its place."""
        place.put(document(1, "a"))
        other = place.far(identity, analysis)
        assert (other.revision, other.documents, other.search(Query({"a": 1.0}), 9)) == (-1, 0, [])
        with other.write() as writer:
            assert writer.revision == -1
            writer.put(document(2, "a"))
            writer.commit(1)
        assert (other.refresh(), numbers(other.search(Query({"a": 1.0}), 9))) == (True, [2])
        assert len(place.generations) == 1
        assert place.far().revision == -1

    @pytest.mark.parametrize(
        "changed",
        [
            {"format": 0},
            {"format": "1"},
            {"revision": -2},
            {"revision": 2**63},
            {"generation": "../../etc/passwd"},
            {"generation": "."},
            {"generation": ""},
            {"generation": "0123456789abcdef"},
            {"identity": None},
            {"mark": None},
        ],
        ids=str,
    )
    def test_a_manifest_that_cannot_be_meant_counts_as_none(self, place, changed):
        """Whoever wrote it."""
        place.put(document(1, "a"))
        place.manifest.write_text(json.dumps(json.loads(place.manifest.read_text()) | changed))
        assert place.far().revision == -1
        assert place.put(document(1, "a"), revision=2) == -1
        assert place.far().revision == 2

    @pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"null", b"[" * 9000, b"{}"], ids=repr)
    def test_a_torn_manifest_counts_as_none(self, place, content):
        """It is replaced by the next writer."""
        place.put(document(1, "a"))
        place.manifest.write_bytes(content[:60] if len(content) < 60 else content)
        assert place.far().revision == -1
        assert place.put(document(1, "a"), revision=2) == -1

    def test_a_manifest_that_is_a_link_or_a_pipe_is_not_read(self, place, tmp_path):
        """Nor is it waited for."""
        place.put(document(1, "a"))
        elsewhere = tmp_path / "elsewhere"
        place.manifest.rename(elsewhere)
        place.manifest.symlink_to(elsewhere)
        assert place.far().revision == -1
        place.manifest.unlink()
        os.mkfifo(place.manifest)
        assert place.far().revision == -1

    def test_a_folder_deleted_while_open_counts_as_absent_after_a_refresh(self, place):
        """Until then the state that was seen still answers: its files are mapped."""
        place.put(document(1, "a"))
        far = place.far()
        shutil.rmtree(place.folder)
        assert numbers(far.search(Query({"a": 1.0}), 9)) == [1]
        assert (far.refresh(), far.revision, far.search(Query({"a": 1.0}), 9)) == (True, -1, [])
        place.put(document(2, "a"))
        assert (far.refresh(), numbers(far.search(Query({"a": 1.0}), 9))) == (True, [2])

    def test_a_reader_keeps_its_state_while_others_build_another(self, place):
        """Files that are removed under it stay as long as it looks at them."""
        place.put(*many(random.Random(1), range(500)))
        reader = place.far()
        before = reader.search(Query({"w1": 1.0}), 20)
        with place.far("another").write() as writer:
            writer.commit(1)
        assert reader.search(Query({"w1": 1.0}), 20) == before

    def test_what_is_closed_is_opened_by_the_next_refresh(self, place):
        """As if it were new."""
        place.put(document(1, "a"))
        far = place.far()
        far.close()
        assert (far.revision, far.refresh(), far.revision) == (-1, True, 1)

    @pytest.mark.parametrize("suffix", [".term", ".idx", ".fast", ".fieldnorm", ".store", "meta.json"])
    @pytest.mark.parametrize("how", ["cut", "gone", "empty"])
    def test_an_index_with_a_cut_or_missing_file_counts_as_absent(self, place, suffix, how):
        """It is made anew, and says so by the revision of its writer."""
        place.put(*many(random.Random(1), range(200)))
        path = place.files(suffix)[0]
        if how == "gone":
            path.unlink()
        else:
            path.write_bytes(path.read_bytes()[: -3 if how == "cut" else 0])
        assert place.far().revision == -1
        assert place.put(document(1, "a"), revision=2) == -1
        assert numbers(place.far().search(Query({"a": 1.0}), 9)) == [1]

    @pytest.mark.parametrize("seed", range(12))
    def test_no_damage_makes_a_reader_raise(self, place, seed, capfd):
        """Either it finds something, or the index counts as absent."""
        dice = random.Random(seed)
        place.put(*many(dice, range(800)))
        path = place.files(dice.choice([".term", ".idx", ".fast", ".fieldnorm"]))[0]
        content = bytearray(path.read_bytes())
        for _ in range(dice.choice([1, 5, 200])):
            content[dice.randrange(len(content) - 150)] ^= 1 << dice.randrange(8)
        path.write_bytes(content)
        far = place.far()
        for word in WORDS:
            far.search(Query({word: 1.0}, (("@temporal",),), Gate(dice.random(), 40)), 5)
            far.frequency(word)
        capfd.readouterr()  # Rust tells on stderr of what is caught here
        assert far.revision in {-1, 1}

    def test_damage_that_is_found_while_searching_has_the_index_made_anew(self, place, monkeypatch):
        """The answer is empty, the revision says why, and whoever writes then begins from nothing."""
        place.put(document(1, "a"))
        (generation,) = place.generations
        far = place.far()
        column = place.files(".fast")[0]
        monkeypatch.setattr("quarterdeck.patterns.search.far_reader.CONFIDENCE", "no_such_column")
        assert far.search(Query({"a": 1.0}), 9) == []
        monkeypatch.undo()
        assert (far.revision, far.refresh(), column.exists()) == (-1, False, True)
        with far.write() as writer:
            assert writer.revision == -1
            writer.put(document(2, "a"))
            writer.commit(1)
        assert (far.refresh(), numbers(far.search(Query({"a": 1.0}), 9))) == (True, [2])
        assert not generation.exists()

    def test_too_many_open_files_say_nothing_about_the_index(self, place):
        """It cannot be opened now; it is neither taken for damaged nor made anew."""
        place.put(document(1, "a"))
        code = """
import resource, sys
from quarterdeck.errors import StateError
from quarterdeck.patterns.search import far_reader, far_writer
from quarterdeck.patterns.search.far import Far
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
refused = 0
for most in range(3, 12):
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    far = Far(sys.argv[1], "truth", "1")
    try:
        with far.write() as writer:
            assert writer.revision == 1, writer.revision
    except StateError as error:
        assert "open files" in str(error), error
        refused += 1
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    far.refresh()
    assert far.revision == 1
print(refused > 1)
"""
        assert run(code, place.folder) == (0, "True\n", "")


class TestProcesses:
    def test_an_absent_index_costs_no_import(self, place):
        """A small library has no index on disk; tantivy is loaded with the first one."""
        code = (
            "import sys\nfrom quarterdeck.patterns.search.far import Far\n"
            "Far(sys.argv[1], 'truth', '1').refresh()\n"
            "print('tantivy' in sys.modules, 'shutil' in sys.modules)"
        )
        assert run(code, place.folder) == (0, "False False\n", "")

    def test_a_forked_child_searches_and_writes_but_not_with_its_parents_writer(self, place):
        """What the parent was writing stays the parent's."""
        place.put(document(1, "a"))
        code = """
import os, sys, warnings
from quarterdeck.errors import StateError
from quarterdeck.patterns.search.far import Far
from quarterdeck.patterns.search.terms import Document, FOREVER_S, Query
warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads: they are tantivy's
far = Far(sys.argv[1], "truth", "1")
put = lambda writer, number: writer.put(Document(number, {"a": 1}, 0.5, FOREVER_S, False))
find = lambda: (far.refresh(), [hit.number for hit in far.search(Query({"a": 1.0}), 9)])
with far.write() as writer:
    put(writer, 2)
    pid = os.fork()
    if not pid:
        try:
            put(writer, 3)
        except StateError as error:
            print("child:", error.hint, find(), far.write(), flush=True)
        with writer:
            pass
        sys.exit()
    assert os.waitpid(pid, 0)[1] == 0
    writer.commit(2)
print(find(), flush=True)
pid = os.fork()
if not pid:
    with far.write() as writer:
        put(writer, 4)
        writer.commit(3)
    sys.exit()
assert os.waitpid(pid, 0)[1] == 0
print(find(), far.revision)
"""
        child = "child: write it in the parent, or ask for it anew here (False, [1]) None\n"
        assert run(code, place.folder) == (0, f"{child}(True, [1, 2])\n(True, [1, 2, 4]) 3\n", "")

    def test_a_child_forked_in_the_middle_of_a_write_keeps_nobody_from_writing(self, place):
        """Tantivy's lock files are open in it, too, for as long as it lives."""
        place.put(document(1, "a"))
        code = """
import os, sys, warnings
from quarterdeck.patterns.search.far import Far
from quarterdeck.patterns.search.terms import Document, FOREVER_S, Query
warnings.simplefilter("ignore", DeprecationWarning)
far, (reading, writing) = Far(sys.argv[1], "truth", "1"), os.pipe()
put = lambda writer, number: writer.put(Document(number, {"a": 1}, 0.5, FOREVER_S, False))
with far.write() as writer:
    put(writer, 2)
    pid = os.fork()
    if not pid:
        os.close(writing)
        os.read(reading, 1)
        os._exit(0)
    put(writer, 3)
    writer.commit(2)
    put(writer, 4)
    writer.commit(3)
with Far(sys.argv[1], "truth", "1").write() as writer:
    put(writer, 5)
    writer.commit(4)
far.refresh()
print(far.revision, len(far.search(Query({"a": 1.0}), 9)))
os.close(writing)
print(os.waitpid(pid, 0)[1])
"""
        assert run(code, place.folder) == (0, "4 5\n0\n", "")
