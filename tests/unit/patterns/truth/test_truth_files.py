"""The file of a library that was deleted, replaced, damaged or edited, that many use, or that cannot grow."""

from __future__ import annotations

import os
import sqlite3
import threading

import pytest

from quarterdeck.errors import StateError, StoreBusy, StoreCorrupt, StoreTooNew
from quarterdeck.patterns.model import LinkKind
from quarterdeck.patterns.truth import database, writing
from quarterdeck.sqlite import IN_MEMORY
from tests.index_worlds import run
from tests.truth_worlds import NOW, PROJECT, a_pattern, an_outcome, contribute, open_truth


@pytest.fixture(autouse=True)
def no_glances(monkeypatch):
    """A test is quicker than any ``rm -rf``."""
    monkeypatch.setattr(database, "_GLANCE_S", 0.0)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "library.sqlite"


@pytest.fixture
def opened(path):
    made = []

    def open_one(where=path):
        made.append(open_truth(where))
        return made[-1]

    yield open_one
    for truth in made:
        truth.close()


def remove(path):
    for suffix in ("", "-wal", "-shm"):
        if os.path.exists(f"{path}{suffix}"):
            os.unlink(f"{path}{suffix}")


def edit(path, statement, *given):
    """As another program does it."""
    connection = sqlite3.connect(path)
    connection.execute(statement, given)
    connection.commit()
    connection.close()


def test_the_stamp_tells_whether_anybody_has_committed(opened):
    """Others and we, each write of any kind; reading does not."""
    one, other = opened(), opened()
    contribute(one, a_pattern("a"), a_pattern("b"))
    for write in (
        lambda: contribute(other, a_pattern("c")),
        lambda: contribute(one, a_pattern("d")),
        lambda: other.record([an_outcome("a")]),
        lambda: other.record([an_outcome("a")]),
        lambda: one.absorb("log", "1", []),
        lambda: one.reset(),
    ):
        stamps = one.stamp(), other.stamp()
        one.stats(), other.get("a")
        assert (one.stamp(), other.stamp()) == stamps
        write()
        assert one.stamp() != stamps[0]
        assert other.stamp() != stamps[1]


def test_a_reset_file_has_another_identity(opened):
    """So that nobody goes on with what was made from the patterns that are removed."""
    truth = opened()
    contribute(truth, a_pattern())
    identity, mark = truth.identity(), truth.mark(1)
    truth.reset()
    assert truth.identity() != identity
    assert truth.mark(1) != mark


def test_files_have_identities(opened, tmp_path):
    """A file keeps its own; no other has it."""
    assert opened().identity() == opened().identity()
    assert opened().identity() != opened(tmp_path / "other.sqlite").identity()


@pytest.mark.parametrize("write", [True, False], ids=["writer", "reader"])
def test_a_deleted_file_is_made_anew(opened, path, write):
    """What is said to be written everybody reads, also who had the old file open."""
    one, other = opened(), opened()
    contribute(one, a_pattern("a"))
    stamp, identity = other.stamp(), other.identity()
    remove(path)
    if write:
        contribute(one, a_pattern("b"))
        assert other.get("b") is not None
    else:
        assert one.count() == 0
    assert other.get("a") is None
    assert other.stamp() != stamp
    assert other.identity() != identity


def test_a_replaced_file_is_read(opened, path, tmp_path):
    """A restored backup, for example; its revisions may be lower."""
    truth = opened()
    contribute(truth, a_pattern("old"))
    stamp = truth.stamp()
    backup = tmp_path / "backup.sqlite"
    contribute(opened(backup), a_pattern("new"))
    opened(backup).close()
    for each in list(tmp_path.glob("backup*")):
        os.replace(each, str(each).replace("backup", "library"))
    assert truth.stamp() != stamp
    assert [each.id for each in truth.find()] == ["new"]


def test_a_file_that_is_deleted_in_the_middle_of_a_write_is_written_to_the_end(opened, path):
    """The next one goes to the new file."""
    truth = opened()
    contribute(truth, a_pattern("a"))

    def change(old):
        remove(path)
        return a_pattern("a", name="new")

    truth.update("a", change, agent_id="eve")
    contribute(truth, a_pattern("b"))
    assert [each.id for each in truth.find()] == ["b"]


def text_is_left(path):
    """Whether there is anything of a typical pattern in the file, or in its log."""
    return any(b"SQLITE_BUSY" in each.read_bytes() for each in path.parent.glob(f"{path.name}*"))


@pytest.mark.parametrize("removal", ["delete", "reset"])
def test_of_what_is_removed_no_text_is_left(opened, path, removal):
    """Neither in the file nor in its log, while it is open."""
    truth = opened()
    contribute(truth, a_pattern())
    assert text_is_left(path)
    truth.delete("p", agent_id="eve") if removal == "delete" else truth.reset()
    assert not text_is_left(path)


def test_a_reader_keeps_text_in_the_log(opened, path, monkeypatch):
    """A pattern is deleted all the same; who resets all of them is told."""
    monkeypatch.setattr(writing, "_PATIENCE_S", 0.0)
    truth, other = opened(), opened()
    contribute(truth, a_pattern("a"), a_pattern("b"))
    with other._database.snapshot():
        assert other.count() == 2
        assert truth.delete("a", agent_id="eve")
        with pytest.raises(StoreBusy, match="its log still has their text"):
            truth.reset()
        assert text_is_left(path)
    assert truth.count() == 0
    assert truth.reset() == 0
    assert not text_is_left(path)


@pytest.mark.parametrize(
    "content",
    [b"", b"not a database, but long enough to be looked at" * 50, b"SQLite format 3\0" + b"\xff" * 8000],
    ids=["empty", "text", "header"],
)
def test_a_file_that_is_no_library_is_left_as_it_is(path, content):
    """But an empty one is as good as none."""
    path.write_bytes(content)
    truth = open_truth(path)
    if not content:
        assert truth.count() == 0
        truth.close()
        return
    for use in (truth.count, truth.reset, truth.stamp, lambda: truth.get("a")):
        with pytest.raises(StoreCorrupt):
            use()
    truth.close()
    assert path.read_bytes() == content


def test_a_truncated_file_is_a_clear_error(path):
    """Nothing of it is touched."""
    truth = open_truth(path)
    contribute(truth, *(a_pattern(f"p{number}") for number in range(200)))
    truth.close()
    half = path.read_bytes()[: path.stat().st_size // 2]
    path.write_bytes(half)
    truth = open_truth(path)
    with pytest.raises(StoreCorrupt):
        truth.find()
    with pytest.raises(StoreCorrupt):
        contribute(truth, *(a_pattern(f"q{number}") for number in range(200)))
    truth.close()
    assert path.read_bytes() == half


def test_another_programs_database_is_left_as_it_is(path):
    """And so is one of a newer version of ours."""
    edit(path, "CREATE TABLE theirs (a)")
    truth = open_truth(path)
    with pytest.raises(StoreCorrupt, match="another program's database"):
        truth.count()
    edit(path, "DROP TABLE theirs")
    assert truth.count() == 0
    truth.close()
    edit(path, "PRAGMA user_version=99")
    with pytest.raises(StoreTooNew):
        truth.count()


@pytest.mark.parametrize("stands_there", ["symlink", "folder", "pipe"])
def test_what_is_not_a_plain_file_is_not_opened(path, tmp_path, stands_there):
    """Whatever a link points to is left alone."""
    target = tmp_path / "target"
    match stands_there:
        case "symlink":
            os.symlink(target, path)
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
    truth = open_truth(path)
    with pytest.raises(StateError, match="not a plain file"):
        truth.count()
    assert not target.exists()


def test_a_missing_folder_is_a_clear_error(tmp_path):
    """The library makes folders, not the truth."""
    with pytest.raises(StateError, match="cannot be opened"):
        open_truth(tmp_path / "missing" / "library.sqlite").count()


@pytest.mark.parametrize(
    "change",
    [
        "tags = '[\"a\"'",
        "tags = '{}'",
        "tags = '[1]'",
        "tags = '[\" \"]'",
        "tags = '[null]'",
        "tags = ''",
        "context = '[]'",
        "context = 'x'",
        "context = '{\"a\": 1e999}'",
        "context = '{\"a\": 99999999999999999999}'",
        'context = \'{"a": "\\u001b"}\'',
        "context = '{\"a\": ' || replace(hex(zeroblob(5000)), '00', '[') || '}'",
        "confidence = 1.5",
        "confidence = -9e999",
        "lesson = 'maybe'",
        "name = ''",
        "name = ' '",
        "name = 'a' || char(10) || 'b'",
        "name = char(27) || '[2J'",
        "agent_id = char(0)",
        "pattern_type = replace(hex(zeroblob(5000)), '00', 'x')",
        "description = char(27)",
        "description = replace(hex(zeroblob(2000000)), '00', 'x')",
        "id = '../../etc'",
        "superseded_by = '..'",
        "discovered_us = 9223372036854775807",
        "expires_us = -9223372036854775807",
        "name = CAST(x'ff' AS TEXT)",
    ],
)
def test_a_row_that_was_edited_to_nonsense_is_named(opened, path, change):
    """It is left out wherever there are others, and counted; who asks for it is told, and can delete it."""
    truth = opened()
    contribute(truth, a_pattern("bad", tags=["bad"], review_at=NOW), a_pattern("good", review_at=NOW))
    bad, good = (each.number for each in truth.changes(0, 9))
    edit(path, f"UPDATE patterns SET {change} WHERE number = ?", bad)
    assert truth.read([bad, good]).keys() == {good}
    assert truth.get_many(["bad", "good"]).keys() == {"good"}
    assert [each.id for each in (*truth.find(), *truth.top(9, "recent"), *truth.due(NOW, 9))] == ["good"] * 3
    assert [each.pattern and each.pattern.id for each in truth.changes(0, 9)] == [None, "good"]
    assert truth.stats().damaged == 1
    if not change.startswith("id"):
        with pytest.raises(StoreCorrupt) as caught:
            truth.get("bad")
        assert "\x1b" not in str(caught.value)
        assert f"(number {bad}) is damaged" in caught.value.message
        assert truth.delete("bad", agent_id="eve")
        assert [each.pattern and each.pattern.id for each in truth.changes(0, 9)] == ["good", None]
        assert truth.find(tag="bad") == []
        assert truth.stats().damaged == 0


def test_a_row_that_was_edited_with_sense_is_read(opened, path):
    """Whoever mends a typing error with an SQLite tool need not ask us."""
    truth = opened()
    contribute(truth, a_pattern())
    edit(
        path,
        """UPDATE patterns SET name = 'Wait', context = '{"a": [1, {"b": "\\u00e9"}]}', tags = '[ "x" ]'""",
    )
    found = truth.get("p")
    assert (found.name, found.context, found.tags) == ("Wait", {"a": [1, {"b": "é"}]}, ["x"])


@pytest.mark.parametrize(
    "statement, use",
    [
        ("UPDATE tallies SET at_us = 9223372036854775807", lambda truth: truth.get("a")),
        ("UPDATE tallies SET failures = -1", lambda truth: truth.get("a")),
        ("UPDATE outcomes SET at_us = 9223372036854775807", lambda truth: truth.outcomes("a", 9)),
        ("UPDATE origins SET details = '[]'", lambda truth: truth.origins("a")),
        ("UPDATE links SET kind = 'hates'", lambda truth: truth.links(["a"])),
        ("DELETE FROM eras", lambda truth: truth.identity()),
        ("DELETE FROM eras", lambda truth: truth.mark(truth.revision())),
        ("DROP TABLE tallies", lambda truth: truth.get("a")),
        ("DROP TABLE origins", lambda truth: contribute(truth, a_pattern("c"))),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_other_rows_that_were_edited_to_nonsense_are_clear_errors(opened, path, statement, use):
    """No matter which table."""
    truth = opened()
    contribute(truth, a_pattern("a"), a_pattern("b"))
    truth.record([an_outcome("a")])
    truth.link("a", "b", LinkKind.RELATED, agent_id="eve")
    edit(path, statement)
    with pytest.raises(StoreCorrupt):
        use(truth)


def test_a_row_in_the_way_is_no_taken_id(opened, path):
    """What another program has put where the next one belongs is an error of the file."""
    truth = opened()
    contribute(truth, a_pattern("a"))
    edit(
        path,
        "INSERT INTO origins SELECT number + 1, step, at_us, act, agent_id, source, details FROM origins",
    )
    with pytest.raises(StateError, match="UNIQUE constraint failed: origins"):
        contribute(truth, a_pattern("b"))
    assert truth.count() == 1


def test_threads_and_forked_children_share_a_truth(opened):
    """Nothing is lost, nobody gets an error, and a child does not take the parent's connections down."""
    truth = opened()
    failures = []

    def work(name):
        try:
            for number in range(30):
                contribute(truth, a_pattern(f"{name}.{number}"))
                truth.record([an_outcome(f"{name}.{number}")])
                assert truth.get(f"{name}.{number}").usage_count == 1
                truth.find(limit=3)
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=work, args=(f"thread{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    children = []
    for number in range(8):
        child = os.fork()
        if not child:
            try:
                work(f"child{number}")
            finally:
                os._exit(1 if failures else 0)
        children.append(child)
    for thread in threads:
        thread.join()
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 8
    assert failures == []
    assert truth.count() == 16 * 30
    assert len(truth.changes(0, 10**4)) == 16 * 30
    assert truth.stats().outcomes == 16 * 30


def test_a_forked_child_keeps_what_is_in_memory(opened):
    """As a copy of its own."""
    truth = opened(IN_MEMORY)
    contribute(truth, a_pattern("a"))
    child = os.fork()
    if not child:
        try:
            contribute(truth, a_pattern("b"))
            os._exit(truth.count())
        finally:
            os._exit(99)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2
    assert truth.count() == 1


UNDER_A_LIMIT = """
import resource, signal, sys
from quarterdeck.errors import StoreFull
from tests.truth_worlds import a_pattern, contribute, open_truth

path, limit = sys.argv[1], int(sys.argv[2])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
truth = open_truth(path)
if sys.argv[3] == "open":
    contribute(truth, a_pattern("kept"))
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
full, done = 0, []
for number in range(200):
    try:
        contribute(truth, a_pattern(f"p{number}", description="x" * 100_000), a_pattern(f"q{number}"))
        done.append(f"p{number}")
    except StoreFull as error:
        assert error.hint
        full += 1
        break
if sys.argv[3] == "open":
    assert {each.id for each in truth.find()} == {"kept", *done, *(each.replace("p", "q") for each in done)}
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
contribute(truth, a_pattern("next"))
assert truth.get("next") and truth.count() == len(truth.find())
print(full)
"""


@pytest.mark.parametrize(
    "limit_bytes, begun", [(1_000_000, "open"), (40_000, "open"), (20_000, "new"), (1_000, "new")]
)
def test_a_full_disk_is_a_clear_error_and_nothing_is_lost(path, limit_bytes, begun):
    """Whichever file it stops; the next write works when there is room again."""
    code, out, err = run(
        UNDER_A_LIMIT, str(path), str(limit_bytes), begun, PYTHONPATH=PROJECT, PYTHONDONTWRITEBYTECODE=1
    )
    assert (code, out.strip()) == (0, "1"), err
