"""A segment has one owner at most, and what a killed one leaves behind is made whole."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import time

import pytest

from quarterdeck.files import open_plain
from quarterdeck.journal import Journal, lease
from quarterdeck.journal.segments import listed, path_of, stamp
from tests.index_worlds import run
from tests.journal_worlds import age, all_lines, crash, files, files_no_longer_than, numbered


@pytest.fixture
def folder(tmp_path):
    """Where the journal is."""
    return tmp_path / "journal"


def journal_at(folder, **settings):
    return contextlib.closing(Journal(str(folder), **settings))


def torn(folder):
    """What was set aside: name -> content."""
    return {path.name: path.read_bytes() for path in (folder / "quarantine").glob("*")}


def orphaned(folder, content):
    """An open segment with *content* that no writer holds; its name."""
    with journal_at(folder) as journal:
        journal.append(b"{}\n")
        crash(journal)
    (file,) = files(folder, ".open")
    (folder / file).write_bytes(content)
    return file.partition(".")[0]


class TestAdoption:
    @pytest.mark.parametrize(
        "tail",
        [b'{"half', b'{"whole":1}', b"\0" * 5000, b"x" * 200_000, b"\xff"],
        ids=["half a line", "a line but for its newline", "nothing, after a power cut", "long", "no text"],
    )
    def test_a_torn_tail_is_set_aside_and_cut_off(self, folder, tail):
        """It was never acknowledged: it is kept for people to look at, and no reader ever sees it."""
        name = orphaned(folder, b"[1]\n[2]\n" + tail)
        with journal_at(folder) as journal:
            journal.append(b"[3]\n")
        assert files(folder, ".open") == [f"{name}.open"]
        assert all_lines(folder) == [b"[1]\n", b"[2]\n", b"[3]\n"]
        ((file, content),) = torn(folder).items()
        assert file.startswith(f"{name}@8-")
        assert content == tail

    def test_a_segment_of_nothing_but_a_torn_line(self, folder):
        """The first write of a writer may be the one that is cut short."""
        orphaned(folder, b'{"half')
        with journal_at(folder) as journal:
            journal.append(b"[1]\n")
        assert all_lines(folder) == [b"[1]\n"]
        assert list(torn(folder).values()) == [b'{"half']

    def test_two_writers_killed_at_one_place_leave_two_tails(self, folder):
        """The second does not take the first one's place in quarantine; the same one twice is one."""
        name = orphaned(folder, b"[1]\n")
        for tail in (b"first", b"second", b"first"):
            with open(folder / f"{name}.open", "ab") as file:
                file.write(tail)
            with journal_at(folder) as journal:
                journal._idle.append(journal._lease())
        assert sorted(torn(folder).values()) == [b"first", b"second"]

    def test_a_tail_is_on_disk_before_it_is_cut_off(self, folder, monkeypatch):
        """A kill in between leaves both: the next writer does the same again."""
        orphaned(folder, b"[1]\nhalf")
        with monkeypatch.context() as patch:

            def killed(descriptor, size):
                raise KeyboardInterrupt

            patch.setattr(os, "ftruncate", killed)
            with journal_at(folder) as journal, pytest.raises(KeyboardInterrupt):
                journal.append(b"[2]\n")
        assert list(torn(folder).values()) == [b"half"]
        with journal_at(folder) as journal:
            journal.append(b"[2]\n")
        assert list(torn(folder).values()) == [b"half"]
        assert all_lines(folder) == [b"[1]\n", b"[2]\n"]
        assert len(files(folder, ".open")) == 1

    def test_a_tail_that_cannot_be_set_aside_stays_where_it_is(self, folder):
        """The disk is full: nothing is cut off that is not kept elsewhere."""
        name = orphaned(folder, b"[1]\n" + b"x" * 2000)
        with files_no_longer_than(1000), journal_at(folder) as journal:
            journal.append(b"[2]\n")
        assert (folder / f"{name}.open").stat().st_size == 2004
        assert all_lines(folder) == [b"[1]\n", b"[2]\n"]

    def test_a_segment_that_is_held_is_left_alone(self, folder):
        """As many segments as writers, and none that two of them write to."""
        with journal_at(folder) as first, journal_at(folder) as second:
            for line in numbered(10):
                first.append(line)
                second.append(line)
            assert len(files(folder)) == 2
            assert len({one.name for one in (*first._leases, *second._leases)}) == 2
        assert sorted(all_lines(folder)) == sorted(numbered(10) * 2)

    def test_the_oldest_orphan_is_gone_on_with_first(self, folder):
        """So that it is full some day."""
        with journal_at(folder) as first, journal_at(folder) as second:
            first.append(b"[1]\n")
            second.append(b"[2]\n")
        with journal_at(folder) as third:
            third.append(b"[3]\n")
        oldest = folder / files(folder)[0]
        assert oldest.read_bytes() == b"[1]\n[3]\n"

    @pytest.mark.parametrize("kind", ["symlink", "folder", "pipe", "dangling"])
    def test_something_else_in_the_place_of_a_segment_is_not_written_to(self, folder, tmp_path, kind):
        """Nor followed, nor waited for: the writer takes a segment of its own."""
        folder.mkdir()
        place = folder / f"{stamp(time.time())}000000-00000000.open"
        (tmp_path / "elsewhere").write_bytes(b"")
        match kind:
            case "symlink":
                place.symlink_to(tmp_path / "elsewhere")
            case "dangling":
                place.symlink_to(tmp_path / "nowhere")
            case "folder":
                place.mkdir()
            case _:
                os.mkfifo(place)
        with journal_at(folder) as journal:
            journal.append(b"[1]\n")
        assert (tmp_path / "elsewhere").read_bytes() == b""
        assert not (tmp_path / "nowhere").exists()
        assert len(files(folder)) == 2

    def test_a_file_that_is_no_segment_is_left_alone(self, folder):
        """Whatever people keep in the folder."""
        folder.mkdir()
        for name in ("notes.open", "notes.jsonl", "20261122T204858583123-1f0c54d6.bak", ".open"):
            (folder / name).write_bytes(b"mine")
        with journal_at(folder) as journal:
            journal.append(b"[1]\n")
        assert all_lines(folder) == [b"[1]\n"]
        assert len(files(folder)) == 5


class TestSealingOrphans:
    def test_an_orphan_of_yesterday_is_sealed(self, folder, monkeypatch):
        """So that it becomes final for readers, and is compacted some day."""
        name = orphaned(folder, b"[1]\n")
        monkeypatch.setattr("quarterdeck.journal.lease._ADOPTABLE_S", -2.0)
        with journal_at(folder) as journal:
            journal.append(b"[2]\n")
        assert files(folder, ".jsonl") == [f"{name}.jsonl"]
        assert len(files(folder, ".open")) == 1

    def test_an_orphan_from_before_the_machine_started_is_sealed(self, folder):
        """A power cut may have shortened it below what a reader has seen: it must not grow again."""
        name = orphaned(folder, b"[1]\n[2]\n")
        age(folder / f"{name}.open", days=4000)
        with journal_at(folder) as journal:
            journal.append(b"[3]\n")
        assert files(folder, ".jsonl") == [f"{name}.jsonl"]
        assert all_lines(folder) == [b"[1]\n", b"[2]\n", b"[3]\n"]

    def test_a_full_orphan_is_sealed_its_tail_cut(self, folder):
        """Readers take a sealed segment for final."""
        name = orphaned(folder, b"[1]\n" * 100 + b"torn")
        with journal_at(folder, rotate_bytes=300) as journal:
            journal.append(b"[2]\n")
        assert (folder / f"{name}.jsonl").read_bytes() == b"[1]\n" * 100

    def test_an_empty_orphan_is_gone_on_with_however_old(self, folder):
        """Empty files do not pile up."""
        name = orphaned(folder, b"")
        age(folder / f"{name}.open", days=4000)
        with journal_at(folder) as journal:
            journal.append(b"[1]\n")
        assert files(folder) == [f"{name}.open"]


class TestRaces:
    def test_a_segment_renamed_between_opening_and_locking_is_not_taken(self, folder, monkeypatch):
        """Its owner has sealed it in that moment: what is written to it now, a reader would never see."""
        name = orphaned(folder, b"[1]\nhalf")

        def slow_to_open(path, flags):
            descriptor = open_plain(path, flags)
            os.rename(path_of(str(folder), name, "open"), path_of(str(folder), name, "sealed"))
            return descriptor

        monkeypatch.setattr(lease, "open_plain", slow_to_open)
        with journal_at(folder) as journal:
            journal.append(b"[2]\n")
        assert (folder / f"{name}.jsonl").read_bytes() == b"[1]\nhalf"
        assert all_lines(folder) == [b"[1]\n", b"[2]\n"]

    def test_a_new_segment_that_somebody_is_quicker_to_adopt_is_not_taken(self, folder, monkeypatch):
        """Between the creation and the lock of a segment it looks like an orphan."""
        flock = fcntl.flock
        thieves: list[int] = []

        def beaten(descriptor, kind):
            if not thieves:
                ((name, _),) = listed(str(folder)).items()
                thieves.append(os.open(path_of(str(folder), name, "open"), os.O_RDWR))
                flock(thieves[0], kind)
            flock(descriptor, kind)

        monkeypatch.setattr("fcntl.flock", beaten)
        with journal_at(folder) as journal:
            journal.append(b"[1]\n")
        os.close(thieves[0])
        assert sorted((folder / name).read_bytes() for name in files(folder)) == [b"", b"[1]\n"]

    def test_many_processes_adopt_many_orphans_at_once(self, folder):
        """Each orphan has one new owner, each torn tail is set aside once, and no line is lost."""
        orphans = [Journal(str(folder)) for _ in range(12)]
        for number, orphan in enumerate(orphans):
            orphan.append(b"orphan %d\n" % number)
        for number, orphan in enumerate(orphans):
            crash(orphan, b"torn %d" % number)
        code = (
            "import os, sys\nfrom quarterdeck.journal import Journal\n"
            "start, go = os.pipe()\nend, stay = os.pipe()\nready, tell = os.pipe()\n"
            "for child in range(6):\n"
            "    if not os.fork():\n"
            "        os.close(go); os.close(stay); os.read(start, 1)\n"
            "        journals = [Journal(sys.argv[1]) for _ in range(3)]\n"
            "        for number, journal in enumerate(journals):\n"
            "            journal.append(b'writer %d %d\\n' % (child, number))\n"
            "        names = [lease.name for journal in journals for lease in journal._leases]\n"
            "        os.write(1, (' '.join(names) + '\\n').encode())\n"
            "        os.write(tell, b'.'); os.read(end, 1)\n        os._exit(0)\n"
            "os.close(go)\n"
            "for child in range(6):\n    os.read(ready, 1)\n"
            "os.close(stay)\n"
            "print({os.wait()[1] for child in range(6)})\n"
        )
        exit_code, out, err = run(code, folder)
        assert (exit_code, err) == (0, "")
        *rows, ends = out.splitlines()
        assert ends == "{0}"
        owned = " ".join(rows).split()
        assert len(owned) == len(set(owned)) == 18
        assert sorted(torn(folder).values()) == sorted(b"torn %d" % number for number in range(12))
        expected = [b"orphan %d\n" % number for number in range(12)]
        expected += [b"writer %d %d\n" % (child, number) for child in range(6) for number in range(3)]
        assert sorted(all_lines(folder)) == sorted(expected)

    def test_kill_9_gives_the_lease_back(self, folder):
        """At once: nobody waits for a time-out."""
        code = (
            "import os, signal, sys\nfrom quarterdeck.journal import Journal\n"
            "journal = Journal(sys.argv[1])\njournal.append(b'[1]\\n')\n"
            "os.kill(os.getpid(), signal.SIGKILL)\n"
        )
        assert run(code, folder) == (-signal.SIGKILL, "", "")
        with journal_at(folder) as journal:
            journal.append(b"[2]\n")
        assert len(files(folder)) == 1
