"""The engines of part ``patterns``, each used as its own documentation says, behind the same verbs.

Runs inside each contender's environment, so an engine is imported only when it is made. What a verb returns
is what the engine itself does: Quarterdeck and empathy-framework whole patterns with reasons, the others ids.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import sqlite3
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bench.programs.pattern_corpus import Made, Question

BEST = 10
_BATCH = 2_000
_PATIENCE_S = 60.0


class Engine:
    """One way to keep and find patterns, in a folder; a verb that is not there is one that it has not.

    Attributes:
        filters: it can be asked for more than words.
        by_meaning: it compares meanings, too.
    """

    filters = True
    by_meaning = False

    def __init__(self, place: str) -> None:
        """In folder *place*, which is there."""
        self.place = place

    def build(self, made: Iterable[Made]) -> None:
        """Keep all of them, ready to be searched."""
        for each in made:
            self.write(each)

    def write(self, made: Made) -> object:
        """Keep one: when this returns it survives a kill, where anything does, and is found."""
        raise NotImplementedError

    def ask(self, question: Question) -> Sequence[object]:
        """The best ten."""
        raise NotImplementedError

    def situation(self, context: dict[str, str], pattern_type: str | None) -> Sequence[object]:
        """The best ten for the situation of an agent; for who knows only words, for what it says."""
        from bench.programs.pattern_corpus import Question

        return self.ask(Question(" ".join(context.values()), pattern_type))

    def close(self) -> None:
        """Give back what is open."""


class Quarterdeck(Engine):
    """`PatternLibrary`, with the settings it has when nobody says anything."""

    def __init__(self, place: str) -> None:
        """Opens nothing yet."""
        super().__init__(place)
        from quarterdeck.patterns.library import PatternLibrary
        from quarterdeck.patterns.settings import PatternSettings

        settings = PatternSettings(semantic=self.by_meaning)
        self.library = PatternLibrary(os.path.join(place, "library.sqlite"), settings=settings)

    def build(self, made: Iterable[Made]) -> None:
        """In transactions of its own choice; then the index."""
        self.library.contribute_many("bench", map(self._pattern, made))
        self.library.reindex()

    def write(self, made: Made) -> None:
        """One transaction."""
        self.library.contribute_pattern("bench", self._pattern(made))

    def ask(self, question: Question) -> Sequence[object]:
        """With its filters."""
        words, pattern_type, tag, confidence = question
        tags = [] if tag is None else [tag]
        return self.library.search(words, tags=tags, type=pattern_type, min_confidence=confidence, limit=BEST)

    def situation(self, context: dict[str, str], pattern_type: str | None) -> Sequence[object]:
        """By `query_patterns`."""
        return self.library.query_patterns("bench", context, pattern_type)

    def close(self) -> None:
        """Close the library."""
        self.library.close()

    @staticmethod
    def _pattern(made: Made) -> Any:  # noqa: ANN401  imported in one environment only
        from quarterdeck.patterns.model import Pattern

        return Pattern(
            made.id,
            "bench",
            made.type,
            made.name,
            description=made.description,
            context=made.context,
            confidence=made.confidence,
            tags=made.tags,
        )


class Semantic(Quarterdeck):
    """The same, and by meaning."""

    by_meaning = True

    def build(self, made: Iterable[Made]) -> None:
        """With directions drawn by lot: to encode so many takes long, and a search costs the same."""
        import numpy as np

        from quarterdeck.patterns.meaning.encoder import the_encoder
        from quarterdeck.patterns.meaning.meaning import Meaning
        from quarterdeck.patterns.ranking import until_s

        class _ByLot:
            name, dimensions, unrelated = the_encoder().name, the_encoder().dimensions, -1.0
            _dice = np.random.default_rng(5)

            def encode(self, texts: Sequence[str]) -> Any:  # noqa: ANN401  an array
                drawn = self._dice.standard_normal((len(texts), self.dimensions), dtype=np.float32)
                return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)

        self.library.meaning = None
        super().build(made)
        folder = os.path.join(self.place, "library.index")
        directions = Meaning(self.library.truth, folder, until_s, _ByLot())
        directions.sync()
        directions.close()


class Empathy(Engine):
    """The library of empathy-framework: in this process only."""

    def __init__(self, place: str) -> None:
        """An empty one."""
        super().__init__(place)
        self._package = import_module("empathy_os.pattern_library")
        self._library = self._package.PatternLibrary()

    def write(self, made: Made) -> object:
        """Into its memory."""
        pattern = self._package.Pattern(
            id=made.id,
            agent_id="bench",
            pattern_type=made.type,
            name=made.name,
            description=made.description,
            context=made.context,
            confidence=made.confidence,
            tags=made.tags,
        )
        return self._library.contribute_pattern("bench", pattern)

    def situation(self, context: dict[str, str], pattern_type: str | None) -> Sequence[object]:
        """By its `query_patterns`."""
        found: Sequence[object] = self._library.query_patterns("bench", context, pattern_type)
        return found


class Rows(Engine):
    """A floor: a bare table of SQLite, with the settings that our file has; to ask is to read ten rows."""

    filters = False

    SCHEMA: tuple[str, ...] = (
        "CREATE TABLE IF NOT EXISTS patterns (number INTEGER PRIMARY KEY, data TEXT NOT NULL) STRICT",
    )

    def __init__(self, place: str) -> None:
        """Opens the file."""
        super().__init__(place)
        path = os.path.join(place, "bare.sqlite")
        self.database = sqlite3.connect(path, timeout=_PATIENCE_S, isolation_level=None)
        self.database.execute("PRAGMA journal_mode=WAL")
        self.database.execute("PRAGMA synchronous=NORMAL")
        self.database.execute("PRAGMA wal_autocheckpoint=16000")
        for statement in self.SCHEMA:
            self.database.execute(statement)
        (self._count,) = self.database.execute("SELECT count(*) FROM patterns").fetchone()
        self._dice = random.Random(5)

    def build(self, made: Iterable[Made]) -> None:
        """In transactions of some thousand."""
        rest = iter(made)
        while chunk := list(itertools.islice(rest, _BATCH)):
            self.database.execute("BEGIN IMMEDIATE")
            for each in chunk:
                self.insert(each)
            self.database.execute("COMMIT")

    def write(self, made: Made) -> None:
        """One transaction."""
        self.database.execute("BEGIN IMMEDIATE")
        self.insert(made)
        self.database.execute("COMMIT")

    def insert(self, made: Made) -> None:
        """Into the table, in the transaction that is open."""
        self.database.execute("INSERT INTO patterns (data) VALUES (?)", (json.dumps(made),))

    def ask(self, question: Question) -> Sequence[object]:
        """Ten of them, as they are."""
        numbers = [self._dice.randint(1, self._count) for _ in range(BEST)]
        select = f"SELECT data FROM patterns WHERE number IN ({','.join('?' * BEST)})"
        return [json.loads(data) for (data,) in self.database.execute(select, numbers)]

    def close(self) -> None:
        """Close the file."""
        self.database.close()


class Fts5(Rows):
    """SQLite's own full-text index, with its Porter stemmer; filters by joining the tables beside it."""

    filters = True

    SCHEMA = (
        "CREATE VIRTUAL TABLE IF NOT EXISTS texts USING fts5(text, tokenize = 'porter unicode61')",
        "CREATE TABLE IF NOT EXISTS patterns "
        "(number INTEGER PRIMARY KEY, id TEXT UNIQUE, type TEXT, confidence REAL)",
        "CREATE TABLE IF NOT EXISTS tags (tag TEXT, number INTEGER, PRIMARY KEY (tag, number)) WITHOUT ROWID",
    )

    def insert(self, made: Made) -> None:
        """Into all three tables."""
        execute = self.database.execute
        number = execute(
            "INSERT INTO patterns (id, type, confidence) VALUES (?, ?, ?)",
            (made.id, made.type, made.confidence),
        ).lastrowid
        execute("INSERT INTO texts (rowid, text) VALUES (?, ?)", (number, made.text))
        for tag in made.tags:
            execute("INSERT INTO tags VALUES (?, ?)", (tag, number))

    def ask(self, question: Question) -> Sequence[object]:
        """Any of the words, ranked by its bm25; what else a pattern must be is looked up for each of them."""
        where, given = "texts MATCH ?", [" OR ".join(f'"{word}"' for word in question.words.split())]
        if question.type is not None:
            where += " AND (SELECT type FROM patterns WHERE number = texts.rowid) = ?"
            given.append(question.type)
        if question.tag is not None:
            where += " AND EXISTS (SELECT 1 FROM tags WHERE tag = ? AND number = texts.rowid)"
            given.append(question.tag)
        if question.confidence:
            where += (
                f" AND (SELECT confidence FROM patterns WHERE number = texts.rowid) >= {question.confidence}"
            )
        ask = f"SELECT rowid FROM texts WHERE {where} ORDER BY rank LIMIT {BEST}"
        return self.database.execute(ask, given).fetchall()


class Tantivy(Engine):
    """Tantivy itself: its own analyser, a text field, and fields to filter by."""

    def __init__(self, place: str) -> None:
        """Opens the index, or makes it."""
        super().__init__(place)
        import tantivy

        self._tantivy = tantivy
        builder = tantivy.SchemaBuilder()
        builder.add_text_field("text", tokenizer_name="en_stem")
        for name in ("id", "type", "tag"):
            builder.add_text_field(name, stored=name == "id", tokenizer_name="raw", index_option="basic")
        builder.add_float_field("confidence", indexed=True, fast=True)
        self._schema = builder.build()
        folder = os.path.join(place, "tantivy")
        os.makedirs(folder, exist_ok=True)
        self._index = tantivy.Index(self._schema, path=folder)
        self._index.config_reader("manual")
        self._searcher = self._index.searcher()
        self._writer: Any = None

    def build(self, made: Iterable[Made]) -> None:
        """One commit; its threads then merge."""
        writer = self._index.writer()
        for each in made:
            writer.add_document(self._document(each))
        writer.commit()
        writer.wait_merging_threads()

    def write(self, made: Made) -> None:
        """One commit."""
        if self._writer is None:
            self._writer = self._index.writer(num_threads=1)
        self._writer.add_document(self._document(made))
        self._writer.commit()

    def ask(self, question: Question) -> Sequence[object]:
        """Any of the words, as it is on disk now."""
        self._index.reload()
        searcher = self._index.searcher()
        query = self._query(question)
        return [
            searcher.doc(address)["id"][0] for _, address in searcher.search(query, BEST, count=False).hits
        ]

    def _query(self, question: Question) -> Any:  # noqa: ANN401  imported in one environment only
        tantivy = self._tantivy
        query = self._index.parse_query(question.words, ["text"])
        must = []
        for name, value in (("type", question.type), ("tag", question.tag)):
            if value is not None:
                must.append(tantivy.Query.term_query(self._schema, name, value, index_option="basic"))
        if question.confidence:
            kind = tantivy.FieldType.Float
            least = tantivy.Query.range_query(
                self._schema, "confidence", kind, lower_bound=question.confidence
            )
            must.append(least)
        if not must:
            return query
        filters = [(tantivy.Occur.Must, tantivy.Query.const_score_query(each, 0.0)) for each in must]
        return tantivy.Query.boolean_query([(tantivy.Occur.Must, query), *filters])

    def _document(self, made: Made) -> Any:  # noqa: ANN401
        return self._tantivy.Document(
            text=made.text, id=made.id, type=made.type, tag=made.tags, confidence=made.confidence
        )


class Bm25s(Engine):
    """bm25s, with its English stop words and the stemmer that it proposes; its index mapped into memory."""

    filters = False

    def __init__(self, place: str) -> None:
        """Opens the index, if there is one."""
        super().__init__(place)
        self._package = import_module("bm25s")
        self._analyser: dict[str, Any] = {
            "stopwords": "en",
            "stemmer": import_module("Stemmer").Stemmer("english"),
            "show_progress": False,
        }
        self._folder = os.path.join(place, "bm25s")
        self._retriever: Any = None
        if os.path.exists(self._folder):
            self._retriever = self._package.BM25.load(self._folder, mmap=True)

    def build(self, made: Iterable[Made]) -> None:
        """All at once: it knows no other way."""
        retriever = self._package.BM25()
        retriever.index(
            self._package.tokenize([each.text for each in made], **self._analyser), show_progress=False
        )
        retriever.save(self._folder)
        self._retriever = retriever

    def ask(self, question: Question) -> Sequence[object]:
        """The numbers of the best."""
        asked = self._package.tokenize([question.words], **self._analyser)
        numbers, _ = self._retriever.retrieve(asked, k=BEST, show_progress=False)
        found: Sequence[object] = numbers[0]
        return found


class Line(Engine):
    """A floor: one os.write at the end of a file."""

    def __init__(self, place: str) -> None:
        """Opens the file."""
        super().__init__(place)
        self._file = os.open(
            os.path.join(place, "lines"), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600
        )

    def write(self, made: Made) -> int:
        """A line of JSON."""
        return os.write(self._file, json.dumps(made).encode() + b"\n")


class Stamp(Rows):
    """A floor: an answer out of a dict, as long as nobody else has committed to a file."""

    def __init__(self, place: str) -> None:
        """Knows no answer yet."""
        super().__init__(place)
        self._answers: dict[object, Sequence[object]] = {}

    def situation(self, context: dict[str, str], pattern_type: str | None) -> Sequence[object]:
        """What was answered before."""
        self.database.execute("PRAGMA data_version").fetchone()
        key = (*context.values(), pattern_type)
        answer = self._answers.get(key)
        if answer is None:
            answer = self._answers[key] = list(range(BEST))
        return list(answer)


ENGINES: dict[str, Callable[[str], Engine]] = {
    "quarterdeck": Quarterdeck,
    "quarterdeck-without-meaning": Quarterdeck,
    "quarterdeck-semantic": Semantic,
    "empathy": Empathy,
    "fts5": Fts5,
    "tantivy": Tantivy,
    "bm25s": Bm25s,
    "rows": Rows,
    "line": Line,
    "stamp": Stamp,
}


def status(name: str) -> int:
    """A field of this process's own memory account, in bytes, such as ``VmHWM``: its peak."""
    with open("/proc/self/status", encoding="ascii", errors="replace") as lines:
        for line in lines:
            if line.startswith(name + ":"):
                return int(line.split()[1]) * 1024
    return 0
