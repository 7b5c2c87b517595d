"""Which copies are still good: against masters that say what the test has them say, byte by byte."""

from __future__ import annotations

import contextlib
import errno
import gc
import itertools
import os
import select
import socket
import threading

import hiredis
import pytest

from quarterdeck.errors import MemoryUnavailable
from quarterdeck.memory.server import lines
from quarterdeck.memory.server.feed import IDLE_S, InvalidationFeed
from quarterdeck.memory.server.watch import RedisWatcher

OK = b"+OK\r\n"
MASTER = b"%2\r\n+server\r\n+redis\r\n+role\r\n+master\r\n"
REPLICA = b"%2\r\n+server\r\n+redis\r\n+role\r\n+replica\r\n"
FLUSHED = b">2\r\n$10\r\ninvalidate\r\n_\r\n"
IDLE_THREADS = b"$31\r\nio_threaded_reads_processed:0\r\n\r\n"
THREADS_AT_WORK = b"=36\r\ntxt:io_threaded_writes_processed:12\r\n\r\n"
NOT_ALLOWED = b"-NOPERM this user has no permissions to run the 'info' command\r\n"
NONSENSE = [
    b"garbage\r\n",
    b"\x00\xff\r\n",
    b"+OK\r\n",  # nobody has asked
    b"-ERR no\r\n",
    MASTER,
    b"*-5\r\n",
    b"%1\r\n*0\r\n+x\r\n",  # a list as a key
    b">1\r\n+invalidate\r\n",
    b">2\r\n+invalidate\r\n:5\r\n",
    b">2\r\n+invalidate\r\n*1\r\n:5\r\n",
    b">2\r\n+invalidate\r\n*1\r\n*0\r\n",
]


def changed(*names):
    """What a master says when these have changed."""
    words = b"".join(b"$%d\r\n%b\r\n" % (len(name.encode()), name.encode()) for name in names)
    return b">2\r\n$10\r\ninvalidate\r\n*%d\r\n%b" % (len(names), words)


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


class Master:
    """One end of a connection; `end` is what `quarterdeck` gets to see."""

    def __init__(self):
        self.socket, self.theirs = socket.socketpair()
        self.socket.settimeout(10)
        self.theirs.settimeout(0.2)
        self.end = Connection(self.theirs)
        self._reader = hiredis.Reader()

    def asked(self):
        """The next command; None at the end of the connection."""
        while (command := self._reader.gets()) is False:
            data = self.socket.recv(65536)
            if not data:
                return None
            self._reader.feed(data)
        return command

    def say(self, data):
        self.socket.sendall(data)

    def answer(self, data=MASTER):
        """Wait for a HELLO, and say *data*."""
        assert self.asked() == [b"HELLO"]
        self.say(data)

    def greet(self, answers):
        """Give these answers to what comes, then hang up if one is None."""
        for answer in answers:
            if self.asked() is None:
                return
            if answer is None:
                self.socket.close()
                return
            self.say(answer)


class LikeTLS:
    """A socket that gives no more than one record at a time."""

    def __init__(self, plain):
        self._plain = plain

    def __getattr__(self, name):
        return getattr(self._plain, name)

    def recv(self, count):
        return self._plain.recv(min(count, 16_384))


class Connection:
    def __init__(self, theirs):
        self._sock = theirs

    def disconnect(self):
        self._sock.close()


class World:
    """A feed, the masters it is connected to, and a clock that stands still."""

    def __init__(self):
        self.clock = Clock()
        self.answers = (OK, MASTER)
        self.count = 1
        self.is_down = False
        self.connects = 0
        self.masters = []
        self.feed = InvalidationFeed(self.connect, "{ns.", 1.0, self.clock)
        self._threads = []

    @property
    def master(self):
        return self.masters[-1]

    def connect(self):
        self.connects += 1
        if self.is_down:
            raise MemoryUnavailable("the memory server is down", hint="start it")
        new = [Master() for _ in range(self.count)]
        self.masters += new
        for master in new:
            thread = threading.Thread(target=master.greet, args=(self.answers,))
            thread.start()
            self._threads.append(thread)
        return [master.end for master in new]

    def begin(self, name):
        """A mark of a feed that is connected, whose master is done with its greeting."""
        mark = self.feed.begin(name)
        for thread in self._threads:
            thread.join()
        return mark

    def close(self):
        self.feed.close()
        for thread in self._threads:
            thread.join()
        for master in self.masters:
            master.socket.close()
            master.theirs.close()


@pytest.fixture
def world():
    with contextlib.closing(World()) as made:
        yield made


class TestMarks:
    def test_a_copy_is_fresh_until_its_name_changes(self, world):
        """Other names, and pushes that are about something else, leave it alone."""
        mark, other = world.begin("{ns.a}:k"), world.begin("{ns.a}:other")
        world.master.say(changed("{ns.a}:kk", "{ns.a}:") + b">3\r\n+message\r\n+c\r\n+x\r\n>0\r\n")
        assert world.feed.is_fresh(mark)
        world.master.say(changed("{ns.a}:k"))
        assert not world.feed.is_fresh(mark)
        assert not world.feed.is_fresh(mark)
        assert world.feed.is_fresh(other)

    def test_a_change_that_overtakes_the_answer_of_a_read_is_not_missed(self, world):
        """The mark is made before the read is sent, so it is dead when the answer comes."""
        mark = world.begin("k")
        world.master.say(changed("k"))
        later = world.begin("k")
        assert not world.feed.is_fresh(mark)
        assert world.feed.is_fresh(later)

    def test_what_changed_before_a_mark_was_made_does_not_kill_it(self, world):
        """What lies unread is read first."""
        world.begin("other")
        world.master.say(changed("k"))
        assert world.feed.is_fresh(world.begin("k"))

    def test_two_reads_of_one_name_at_a_time_both_learn_of_its_change(self, world):
        """As when two threads read it."""
        first, second = world.begin("k"), world.begin("k")
        world.master.say(changed("k"))
        assert not world.feed.is_fresh(first)
        assert not world.feed.is_fresh(second)

    def test_what_we_have_written_needs_no_telling(self, world):
        """Whatever was read before is stale; what is read after is fresh, until the late news of it comes."""
        before, other = world.begin("k"), world.begin("other")
        world.feed.wrote(["k", "never read"])
        after = world.feed.begin("k")
        assert [world.feed.is_fresh(mark) for mark in (before, after, other)] == [False, True, True]
        world.master.say(changed("k"))
        assert [world.feed.is_fresh(mark) for mark in (after, other)] == [False, True]

    def test_a_flush_makes_every_copy_stale(self, world):
        """Also those of names that have never been written."""
        marks = [world.begin(f"k{number}") for number in range(10)]
        world.master.say(FLUSHED)
        assert not any(map(world.feed.is_fresh, marks))
        assert world.feed.is_fresh(world.begin("k0"))

    def test_a_batch_gets_a_mark_for_each_name(self, world):
        """None for each while no copies can be kept."""
        world.is_down = True
        assert world.feed.begin_many(["a", "b"]) == [None, None]
        world.is_down = False
        world.clock.now += 1
        world.begin("x")
        marks = world.feed.begin_many(["a", "b", "a"])
        world.master.say(changed("a"))
        assert [world.feed.is_fresh(mark) for mark in marks] == [False, True, False]

    def test_marks_that_nobody_keeps_take_no_memory(self, world):
        """Reading a million names and keeping no copy leaves nothing behind."""
        kept = world.begin("kept")
        for number in range(100):
            world.begin(f"k{number}")
        gc.collect()
        assert list(world.feed._marks) == ["kept"]
        assert world.feed.is_fresh(kept)

    def test_names_that_are_not_utf8_are_nobodys(self, world):
        """Others may write anything under our prefix."""
        mark = world.begin("k")
        world.master.say(b">2\r\n+invalidate\r\n*1\r\n$3\r\n\xff\xfe\x00\r\n")
        assert world.feed.is_fresh(mark)


class TestBytes:
    def test_news_may_be_cut_anywhere(self, world):
        """While only a part is here nothing is fresh, for the rest may be about any name."""
        news = changed("k", "x")
        for cut in range(1, len(news)):
            mark, other = world.begin("k"), world.begin("other")
            assert world.feed.is_fresh(other)
            world.master.say(news[:cut])
            assert not world.feed.is_fresh(other)
            assert not world.feed.is_fresh(mark)
            world.master.say(news[cut:])
            assert not world.feed.is_fresh(mark)
            assert world.feed.is_fresh(other)

    def test_much_news_at_once_is_all_heeded(self, world):
        """A hundred thousand names, far more than fit in one read, while we read."""
        marks = [world.begin(f"k{number}") for number in range(0, 100_000, 1000)]
        other = world.begin("other")
        news = changed(*(f"k{number}" for number in range(100_000)))
        thread = threading.Thread(target=world.master.say, args=(news,))
        thread.start()
        while thread.is_alive():
            world.feed.is_fresh(other)
        thread.join()
        assert not any(map(world.feed.is_fresh, marks))
        world.master.answer()  # we were far behind, so there was a question
        assert world.feed.is_fresh(other)

    def test_much_news_at_once_in_small_pieces_is_followed_by_a_question(self, world, monkeypatch):
        """As with TLS: more may be on the way, however little each read gives."""
        monkeypatch.setattr(lines, "_socket_of", lambda connection: LikeTLS(connection._sock))
        mark = world.begin("k")
        world.master.say(changed("x" * 60_000))
        assert world.feed.is_fresh(mark)
        world.master.say(changed("x" * 70_000))
        assert not world.feed.is_fresh(mark)
        world.master.answer()
        assert world.feed.is_fresh(mark)

    @pytest.mark.parametrize("said", NONSENSE)
    def test_what_makes_no_sense_makes_all_stale(self, world, said):
        """The next read connects anew; nothing is raised."""
        mark = world.begin("k")
        world.master.say(said)
        assert not world.feed.is_fresh(mark)
        assert "memory server" in world.feed.problem()
        again = world.begin("k")
        assert world.connects == 2
        assert world.feed.is_fresh(again)
        assert not world.feed.is_fresh(mark)
        assert world.feed.problem() == ""

    @pytest.mark.parametrize("heard", range(len(changed("k")) + 1))
    def test_a_connection_may_end_anywhere(self, world, heard):
        """All is stale then."""
        mark, other = world.begin("k"), world.begin("other")
        world.master.say(changed("k")[:heard])
        world.master.socket.close()
        assert not world.feed.is_fresh(other)
        assert not world.feed.is_fresh(mark)
        assert world.feed.is_fresh(world.begin("k"))


class TestConnecting:
    @pytest.mark.parametrize(
        "answers",
        [
            (None,),
            (OK, None),
            (b"-NOPERM you may not\r\n",),
            (b"-ERR unknown subcommand\r\n",),
            (b"garbage\r\n",),
            (OK + MASTER,),
            (OK, REPLICA),
            (OK, b"-ERR no\r\n"),
            (OK, b"+PONG\r\n"),
            (b"",),
            (OK, b"%2\r\n+ro"),
        ],
    )
    def test_a_master_that_does_not_do_as_it_should_means_no_copies(self, world, answers):
        """No mark, no error, a problem; it is not tried again at once, and works when the master does."""
        world.answers = answers
        assert world.begin("k") is None
        assert world.begin("k") is None
        assert not world.feed.usable()
        assert world.connects == 1
        assert "memory server" in world.feed.problem()
        world.answers = (OK, MASTER)
        world.clock.now += 0.2
        assert world.feed.usable()
        assert world.connects == 2
        assert world.feed.problem() == ""

    def test_what_is_said_during_the_greeting_is_no_answer(self, world):
        """Others go on writing."""
        world.answers = (changed("a") + OK, FLUSHED + MASTER + changed("b")[:9])
        mark = world.begin("k")
        assert not world.feed.is_fresh(mark)
        world.master.say(changed("b")[9:])
        assert world.feed.is_fresh(mark)

    @pytest.mark.skipif(not hasattr(select, "epoll"), reason="only an epoll takes a file descriptor")
    def test_without_a_file_descriptor_no_copies_are_kept(self, world, monkeypatch):
        """The connections are given back, and nothing is raised."""

        def refuse():
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

        with monkeypatch.context() as patch:
            patch.setattr(select, "epoll", refuse)
            assert world.begin("k") is None
        assert "ulimit -n" in world.feed.problem()
        assert world.master.asked() is None
        world.clock.now += 0.2
        assert world.feed.usable()

    def test_a_server_that_is_down_is_tried_more_and_more_rarely(self, world):
        """The pause doubles, up to a limit; a try that works makes it short again."""
        world.is_down = True
        tries = []
        for _ in range(400):
            before = world.connects
            assert world.begin("k") is None
            if world.connects > before:
                tries.append(world.clock.now)
            world.clock.now += 0.1
        pauses = [later - earlier for earlier, later in itertools.pairwise(tries)]
        assert pauses[0] < 0.3
        assert max(pauses) > 2
        assert max(pauses) < 5.3
        assert world.feed.problem() == "the memory server is down: start it"

    def test_no_master_at_all_means_no_copies(self, world):
        """A cluster without slots."""
        world.count = 0
        assert world.begin("k") is None
        assert "no master" in world.feed.problem()

    def test_one_master_lost_makes_the_copies_of_all_stale(self, world):
        """All are connected anew: who has what may have changed."""
        world.count = 3
        mark = world.begin("k")
        world.masters[1].say(changed("other"))
        assert world.feed.is_fresh(mark)
        world.masters[2].socket.close()
        assert not world.feed.is_fresh(mark)
        assert world.feed.is_fresh(world.begin("k"))
        assert [master.socket.fileno() == -1 or master.asked() for master in world.masters[:3]] == [
            None,
            None,
            True,
        ]
        assert len(world.masters) == 6

    def test_who_drops_while_another_thread_connects_does_not_wait(self, world):
        """And what that one has made is not used."""
        begun, go_on = threading.Event(), threading.Event()
        connect = world.connect

        def slow():
            begun.set()
            assert go_on.wait(10)
            return connect()

        world.feed._connect = slow
        marks = []
        thread = threading.Thread(target=lambda: marks.append(world.feed.begin("k")))
        thread.start()
        assert begun.wait(10)
        assert world.feed.begin("k") is None
        world.feed.drop()
        go_on.set()
        thread.join()
        assert marks == [None]
        assert world.feed.is_fresh(world.begin("k"))

    def test_who_drops_or_writes_never_waits_for_a_lock_that_whoever_connects_wants(self, world):
        """The caller may hold what connecting needs."""
        masters, at_it = threading.Lock(), threading.Event()
        connect = world.connect

        def locked():
            at_it.set()
            with masters:
                return connect()

        world.feed._connect = locked
        thread = threading.Thread(target=world.feed.begin, args=("k",))
        with masters:
            thread.start()
            assert at_it.wait(10)
            world.feed.drop()
            world.feed.wrote(["k"])
        thread.join()
        assert world.feed.is_fresh(world.begin("k"))

    def test_a_connect_that_had_to_look_around_is_used(self, world):
        """A failure on its way drops the feed, from within."""
        connect = world.connect
        world.feed._connect = lambda: (world.feed.drop(), connect())[1]
        assert world.feed.is_fresh(world.begin("k"))

    def test_drop_makes_all_stale_and_connects_anew(self, world):
        """At once, without a pause: it is called when things have moved."""
        mark = world.begin("k")
        world.feed.drop()
        assert not world.feed.is_fresh(mark)
        assert world.feed.is_fresh(world.begin("k"))
        assert not world.feed.is_fresh(mark)
        assert world.connects == 2


class TestConfirmation:
    def test_a_silent_server_is_trusted_no_longer_than_the_time_that_is_set(self, world):
        """When its answer comes, copies that nothing was said of are fresh again."""
        mark = world.begin("k")
        world.clock.now += 0.999
        assert world.feed.is_fresh(mark)
        world.clock.now += 0.001
        assert not world.feed.is_fresh(mark)
        world.master.answer()
        assert world.feed.is_fresh(mark)
        world.clock.now += 0.999
        assert world.feed.is_fresh(mark)

    def test_the_time_counts_from_the_question_not_from_its_answer(self, world):
        """An answer that was long on its way says nothing of now."""
        mark = world.begin("k")
        world.clock.now += 1.0
        assert not world.feed.is_fresh(mark)
        world.clock.now += 0.8
        world.master.answer()
        assert world.feed.is_fresh(mark)
        world.clock.now += 0.2
        assert not world.feed.is_fresh(mark)

    def test_nothing_is_fresh_while_an_answer_is_outstanding(self, world):
        """In that turn the server may speak to a writer before it speaks to us."""
        mark = world.begin("k")
        world.clock.now += 1.0
        assert not world.feed.is_fresh(mark)
        world.master.say(changed("other"))
        assert not world.feed.is_fresh(mark)
        world.master.answer(MASTER + changed("k"))
        assert not world.feed.is_fresh(mark)
        assert world.feed.is_fresh(world.begin("k"))

    def test_every_master_must_have_answered(self, world):
        """The slowest one says how old the news is."""
        world.count = 2
        mark = world.begin("k")
        world.clock.now += 1.0
        assert not world.feed.is_fresh(mark)
        world.masters[0].answer()
        assert not world.feed.is_fresh(mark)
        world.masters[1].answer()
        assert world.feed.is_fresh(mark)

    def test_who_does_not_answer_at_all_is_given_up(self, world):
        """The next read connects anew."""
        mark = world.begin("k")
        world.clock.now += 1.0
        assert not world.feed.is_fresh(mark)
        world.clock.now += 1.1
        assert not world.feed.is_fresh(mark)
        assert "does not answer" in world.feed.problem()
        assert world.feed.is_fresh(world.begin("k"))
        assert world.connects == 2

    def test_an_answer_that_came_while_we_slept_counts(self, world):
        """Only the question must be put once more."""
        mark = world.begin("k")
        world.clock.now += 1.0
        assert not world.feed.is_fresh(mark)
        world.master.answer()
        world.clock.now += 3600
        assert not world.feed.is_fresh(mark)
        world.master.answer()
        assert world.feed.is_fresh(mark)
        assert world.connects == 1

    def test_a_server_that_has_cut_us_off_while_we_slept_is_found_out(self, world):
        """What it had sent until then does not matter."""
        mark = world.begin("k")
        world.master.say(changed("x"))
        world.master.socket.close()
        world.clock.now += 3600
        assert not world.feed.is_fresh(mark)

    def test_a_master_that_has_become_a_replica_is_given_up(self, world):
        """It hears of changes late."""
        mark = world.begin("k")
        world.clock.now += 1.0
        assert not world.feed.is_fresh(mark)
        world.master.answer(REPLICA)
        assert not world.feed.is_fresh(mark)
        assert "no master" in world.feed.problem()

    @pytest.mark.parametrize("info", [IDLE_THREADS, NOT_ALLOWED])
    def test_a_master_whose_threads_have_begun_to_work_is_given_up(self, world, info):
        """It is asked at each confirmation; that somebody may not ask is no reason."""
        world.feed = InvalidationFeed(world.connect, "{ns.", 1.0, world.clock, shuns_threads=True)
        world.answers = (OK, info, MASTER)
        mark = world.begin("k")
        for said in (info, THREADS_AT_WORK):
            assert world.feed.is_fresh(mark)
            world.clock.now += 1.0
            assert not world.feed.is_fresh(mark)
            assert world.master.asked() == [b"INFO", b"stats"]
            world.master.say(said)
            world.master.answer()
        assert not world.feed.is_fresh(mark)
        assert not mark.alive
        assert "uses io-threads" in world.feed.problem()

    def test_whoever_reads_nothing_for_long_leaves(self, world):
        """The server would have to keep all that others write; the next read connects anew."""
        mark = world.begin("k")
        world.clock.now += IDLE_S
        world.feed.leave_if_idle()
        assert mark.alive
        world.clock.now += 1
        world.feed.leave_if_idle()
        assert world.master.asked() is None
        assert not world.feed.is_fresh(mark)
        assert world.feed.problem() == ""
        assert world.feed.is_fresh(world.begin("k"))

    def test_it_leaves_by_itself(self, world):
        """A thread sees to it, as long as there is a connection."""
        world.feed._idle_s = 0.01
        mark = world.begin("k")
        world.clock.now += 1
        assert world.master.asked() is None
        assert not world.feed.is_fresh(mark)


class TestSharing:
    def test_no_thread_sees_a_copy_fresh_that_another_has_read_the_news_of(self, world):
        """Threads that look at one copy; as soon as the news has been said, it is fresh for none."""
        said = threading.Event()
        barrier = threading.Barrier(5)
        wrong: list[object] = []
        marks: list[object] = []

        def look():
            for _ in range(200):
                barrier.wait()
                (mark,) = marks
                while not said.is_set():
                    world.feed.is_fresh(mark)
                if world.feed.is_fresh(mark):
                    wrong.append(mark)
                barrier.wait()

        threads = [threading.Thread(target=look) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(200):
            marks[:] = [world.begin("k")]
            barrier.wait()
            world.master.say(changed("k"))
            said.set()
            barrier.wait()
            said.clear()
        for thread in threads:
            thread.join()
        assert wrong == []

    def test_an_interrupt_in_the_middle_makes_all_stale(self, world):
        """What has been taken from the socket and not been heeded is lost."""
        mark, other = world.begin("k"), world.begin("other")
        heed = world.feed._heed

        def interrupted(names):
            raise KeyboardInterrupt

        world.feed._heed = interrupted
        world.master.say(changed("k"))
        with pytest.raises(KeyboardInterrupt):
            world.feed.is_fresh(mark)
        world.feed._heed = heed
        assert not world.feed.is_fresh(mark)
        assert not world.feed.is_fresh(other)

    def test_a_read_from_within_is_refused(self, world):
        """A finaliser or a signal's handler may read while we heed what has come in."""
        mark = world.begin("k")
        heed = world.feed._heed
        seen = []

        def reading(names):
            seen.append(world.feed.is_fresh(mark))
            heed(names)

        world.feed._heed = reading
        world.master.say(changed("k"))
        assert not world.feed.is_fresh(mark)
        assert seen == [False]

    def test_a_forked_child_has_connections_of_its_own(self, world):
        """It reads nothing that is the parent's, and closes nothing for it."""
        mark = world.begin("k")
        pid = os.fork()
        if not pid:
            good = not world.feed.is_fresh(mark)
            again = world.feed.begin("k")
            os._exit(0 if good and world.connects == 2 and world.feed.is_fresh(again) else 1)
        assert os.waitpid(pid, 0)[1] == 0
        assert world.feed.is_fresh(mark)
        world.master.say(changed("k"))
        assert not world.feed.is_fresh(mark)
        assert world.connects == 1

    def test_close_gives_back_the_connections_and_the_next_use_opens_them_anew(self, world):
        """Twice does no harm."""
        mark = world.begin("k")
        world.feed.close()
        world.feed.close()
        assert world.master.asked() is None
        assert not world.feed.is_fresh(mark)
        assert world.feed.usable()


class TestWatcher:
    @pytest.fixture
    def watcher(self, world):
        with RedisWatcher(world.connect, "{ns.", world.clock) as made:
            for thread in world._threads:
                thread.join()
            yield made

    def test_it_wakes_for_every_change(self, world, watcher):
        """And for a flush; several changes at once are one."""
        assert not watcher.wait(0)
        world.master.say(changed("a") + changed("b"))
        assert watcher.wait(10)
        assert not watcher.wait(0)
        world.master.say(FLUSHED)
        assert watcher.wait(10)
        world.master.say(b">3\r\n+message\r\n+c\r\n+x\r\n")
        assert not watcher.wait(0)

    def test_it_wakes_when_news_comes_while_it_waits(self, world, watcher):
        """From another thread."""
        timer = threading.Timer(0.05, world.master.say, [changed("a")])
        timer.start()
        assert watcher.wait(10)
        timer.join()

    @pytest.mark.parametrize("said", [None, *NONSENSE])
    def test_after_a_lost_connection_it_wakes_at_once(self, world, watcher, said):
        """Who knows what has happened meanwhile; then it waits on a new one."""
        if said is None:
            world.master.socket.close()
        else:
            world.master.say(said)
        assert watcher.wait(10)
        assert world.connects == 2
        for thread in world._threads:
            thread.join()
        assert not watcher.wait(0)

    def test_a_server_that_cannot_be_reached_is_an_error(self, world, watcher):
        """Until it can be."""
        world.is_down = True
        world.master.socket.close()
        for _ in range(2):
            with pytest.raises(MemoryUnavailable, match="is down"):
                watcher.wait(10)
        world.is_down = False
        assert watcher.wait(10)

    def test_a_server_that_has_become_silent_is_given_up(self, world, watcher):
        """It is asked every few seconds, and has a second to answer."""
        world.clock.now += 10
        assert not watcher.wait(0)
        world.master.answer()
        assert not watcher.wait(0)
        world.clock.now += 10
        assert not watcher.wait(0)
        world.clock.now += 10
        assert watcher.wait(0)
        assert world.connects == 2

    def test_a_forked_child_waits_on_connections_of_its_own(self, world, watcher):
        """The parent's go on."""
        pid = os.fork()
        if not pid:
            os._exit(0 if watcher.wait(0) and world.connects == 2 else 1)
        assert os.waitpid(pid, 0)[1] == 0
        world.master.say(changed("a"))
        assert watcher.wait(10)
        assert world.connects == 1
