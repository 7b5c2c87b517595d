"""``rankings.py ENGINE``: what a search finds first.

Reads ``{"tools": [[name, description, parameters], …], "questions": […]}`` as JSON from its input. Prints,
for each question, the numbers of the ten tools that ENGINE finds first, as JSON: a list of lists.

Every engine is used as its own documentation says, with what it has for English and otherwise its defaults.
A question is any of its words.
"""

from __future__ import annotations

import json
import re
import sys
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

BEST = 10

Tool = tuple[str, str, dict[str, str]]
"""Name, description, and parameters: name -> description."""


def text_of(tool: Tool) -> str:
    """All of it, for an engine that knows only texts."""
    name, description, parameters = tool
    return "\n".join((name, description, *(f"{key}: {value}" for key, value in parameters.items())))


def quarterdeck(
    tools: Sequence[Tool], questions: Sequence[str], *, semantic: bool = False
) -> list[list[int]]:
    """As patterns, the parameters as their context."""
    from quarterdeck.patterns.library import PatternLibrary
    from quarterdeck.patterns.model import Pattern
    from quarterdeck.patterns.settings import PatternSettings

    found = []
    with PatternLibrary(":memory:", settings=PatternSettings(semantic=semantic)) as library:
        for number, (name, description, parameters) in enumerate(tools):
            context = {"parameters": parameters}
            pattern = Pattern(str(number), "bench", "tool", name, description=description, context=context)
            library.contribute_pattern("bench", pattern)
        for question in questions:
            matches = library.search(question, limit=BEST)
            found.append([int(match.pattern.id) for match in matches])
    return found


def fts5(tools: Sequence[Tool], questions: Sequence[str]) -> list[list[int]]:
    """SQLite's, with its Porter stemmer, ranked by its bm25()."""
    import sqlite3

    database = sqlite3.connect(":memory:")
    database.execute("CREATE VIRTUAL TABLE texts USING fts5(text, tokenize = 'porter unicode61')")
    database.executemany("INSERT INTO texts (rowid, text) VALUES (?, ?)", enumerate(map(text_of, tools)))
    ask = "SELECT rowid FROM texts WHERE texts MATCH ? ORDER BY bm25(texts) LIMIT ?"
    found = []
    for question in questions:
        any_word = " OR ".join(f'"{word}"' for word in re.findall(r"\w+", question))
        found.append([number for (number,) in database.execute(ask, (any_word, BEST))])
    database.close()
    return found


def tantivy(tools: Sequence[Tool], questions: Sequence[str]) -> list[list[int]]:
    """With its own analyser ``en_stem``."""
    import tantivy

    schema = tantivy.SchemaBuilder()
    schema.add_text_field("text", tokenizer_name="en_stem")
    schema.add_integer_field("number", stored=True)
    index = tantivy.Index(schema.build())
    writer = index.writer()
    for number, tool in enumerate(tools):
        writer.add_document(tantivy.Document(text=text_of(tool), number=number))
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    searcher = index.searcher()
    found = []
    for question in questions:
        words = " ".join(re.findall(r"\w+", question)).lower()  # no signs and no AND of its query language
        hits = searcher.search(index.parse_query(words, ["text"]), BEST).hits
        found.append([searcher.doc(address)["number"][0] for _, address in hits])
    return found


def bm25s(tools: Sequence[Tool], questions: Sequence[str]) -> list[list[int]]:
    """With its English stop words and the stemmer that it proposes."""
    package, stemmer = import_module("bm25s"), import_module("Stemmer")
    analyser: dict[str, Any] = {
        "stopwords": "en",
        "stemmer": stemmer.Stemmer("english"),
        "show_progress": False,
    }
    retriever = package.BM25()
    retriever.index(package.tokenize([text_of(tool) for tool in tools], **analyser), show_progress=False)
    asked = package.tokenize(list(questions), **analyser)
    numbers, _ = retriever.retrieve(asked, k=BEST, show_progress=False)
    return [list(map(int, row)) for row in numbers]


def empathy(tools: Sequence[Tool], questions: Sequence[str]) -> list[list[int]]:
    """It compares contexts and tags: all words are tags, and one key that all share lets it answer."""
    package = import_module("empathy_os.pattern_library")

    def tags(text: str) -> list[str]:
        return sorted(set(re.findall(r"[a-z0-9]+", text.lower())))

    library = package.PatternLibrary()
    for number, tool in enumerate(tools):
        pattern = package.Pattern(
            id=str(number),
            agent_id="bench",
            pattern_type="tool",
            name=tool[0],
            description=tool[1],
            context={"kind": "tool"},
            tags=tags(text_of(tool)),
        )
        library.contribute_pattern("bench", pattern)
    found = []
    for question in questions:
        situation = {"kind": "tool", "tags": tags(question)}
        matches = library.query_patterns("bench", situation, min_confidence=0.0, limit=BEST)
        found.append([int(match.pattern.id) for match in matches])
    return found


ENGINES: dict[str, Callable[[Sequence[Tool], Sequence[str]], list[list[int]]]] = {
    "quarterdeck": quarterdeck,
    "quarterdeck-semantic": partial(quarterdeck, semantic=True),
    "fts5": fts5,
    "tantivy": tantivy,
    "bm25s": bm25s,
    "empathy": empathy,
}


if __name__ == "__main__":
    given = json.load(sys.stdin)
    json.dump(ENGINES[sys.argv[1]](given["tools"], given["questions"]), sys.stdout)
