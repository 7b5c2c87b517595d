"""Whatever writers, kills and compactions come in whatever order: the journal is what was appended."""

from __future__ import annotations

import tempfile

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from quarterdeck.journal import Journal, compact, inspect
from quarterdeck.journal.segments import stamp
from tests.journal_worlds import Follower, crash

ROTATE_BYTES = 120
texts = st.binary(max_size=90).map(lambda text: text.replace(b"\n", b"\\"))
torn_tails = st.binary(max_size=60).map(lambda text: text.replace(b"\n", b"\0"))


class JournalMachine(RuleBasedStateMachine):
    """Several writers, one reader that remembers, and a plain list."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.model = []
        self.torn = []
        self.writers = []
        self.follower = Follower(self.folder.name)

    def teardown(self):
        for writer in self.writers:
            writer.close()
        self.folder.cleanup()

    journals = Bundle("journals")

    def line(self, text):
        """*text* as a line that is like no other."""
        return b"%d " % len(self.model) + text + b"\n"

    @rule(target=journals)
    def start(self):
        """One more writer; it leases a segment when it appends."""
        self.writers.append(Journal(self.folder.name, rotate_bytes=ROTATE_BYTES))
        return self.writers[-1]

    @rule(journal=journals, text=texts)
    def append(self, journal, text):
        """One line."""
        line = self.line(text)
        journal.append(line)
        self.model.append(line)

    @rule(journal=journals, many=st.lists(texts, max_size=8))
    def append_many(self, journal, many):
        """Some lines at once."""
        lines = []
        for text in many:
            lines.append(self.line(text))
            self.model.append(lines[-1])
        journal.append_many(lines)

    @rule(journal=journals)
    def close(self, journal):
        """Its segment is an orphan then."""
        journal.close()

    @rule(journal=journals, tail=torn_tails)
    def kill(self, journal, tail):
        """In the middle of a write."""
        if journal._leases and tail:
            self.torn.append(tail)
        crash(journal, tail)

    @rule()
    def compact(self):
        """All that is sealed."""
        compact(self.folder.name, older_than_days=-1)

    @rule(max_bytes=st.integers(1, 300))
    def read(self, max_bytes):
        """What is new."""
        self.follower.read(max_bytes)
        assert sorted(self.follower.lines) == sorted(self.model)

    @invariant()
    def what_was_read_is_known(self):
        """Nothing is handed out twice, nothing that was not appended, and no segment is missed."""
        assert len(self.follower.lines) == len(set(self.follower.lines))
        assert set(self.follower.lines) <= set(self.model)
        assert self.follower.reader.missing(self.follower.places) == []

    @rule()
    def read_from_the_beginning(self):
        """A reader with no memory sees the same; each line is found at its place."""
        fresh = Follower(self.folder.name)
        assert sorted(fresh.read()) == sorted(self.model)
        for line, (segment, offset) in fresh.where.items():
            assert fresh.reader.line(segment, offset) == line
        for name in fresh.places:
            assert name < stamp(4e9)

    @rule()
    def inspect(self):
        """Every torn tail is where it was left or in quarantine."""
        report = inspect(self.folder.name)
        assert report.unreadable == ()
        found = set()
        for tail in (*report.torn, *report.quarantined):
            with open(tail.path, "rb") as file:
                file.seek(tail.offset if tail in report.torn else 0)
                found.add(file.read(tail.size_bytes))
        assert found == set(self.torn)


TestJournal = JournalMachine.TestCase
TestJournal.settings = settings(
    max_examples=100, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
