"""``pattern_once.py ENGINE PLACE FILE``: open what is kept, ask for what fits a situation, and leave.

Who keeps nothing is given the patterns of FILE first. Nothing is imported here but what an engine needs.
"""

import sys

SITUATION = {"language": "python", "framework": "framework-3", "task": "database locked while writing"}
WORDS = " ".join(SITUATION.values())


def quarterdeck(place: str, file: str) -> int:  # noqa: ARG001
    """By `query_patterns`."""
    from quarterdeck.patterns import PatternLibrary

    with PatternLibrary(f"{place}/library.sqlite") as library:
        return len(library.query_patterns("bench", SITUATION))


def empathy(place: str, file: str) -> int:  # noqa: ARG001
    """By its `query_patterns`, of what it has been given."""
    import json

    from empathy_os.pattern_library import Pattern, PatternLibrary  # type: ignore[import-not-found]

    library = PatternLibrary()
    with open(file, encoding="utf-8") as lines:
        for line in lines:
            identity, kind, name, description, tags, context, confidence = json.loads(line)
            pattern = Pattern(
                id=identity,
                agent_id="bench",
                pattern_type=kind,
                name=name,
                description=description,
                context=context,
                confidence=confidence,
                tags=tags,
            )
            library.contribute_pattern("bench", pattern)
    return len(library.query_patterns("bench", SITUATION))


def fts5(place: str, file: str) -> int:  # noqa: ARG001
    """By its words."""
    import sqlite3

    database = sqlite3.connect(f"{place}/bare.sqlite")
    ask = "SELECT rowid FROM texts WHERE texts MATCH ? ORDER BY rank LIMIT 10"
    found = database.execute(ask, (" OR ".join(f'"{word}"' for word in WORDS.split()),)).fetchall()
    database.close()
    return len(found)


def tantivy(place: str, file: str) -> int:  # noqa: ARG001
    """By its words."""
    from tantivy import Index

    index = Index.open(f"{place}/tantivy")
    searcher = index.searcher()
    hits = searcher.search(index.parse_query(WORDS, ["text"]), 10, count=False).hits
    return len([searcher.doc(address)["id"][0] for _, address in hits])


ENGINES = {"quarterdeck": quarterdeck, "empathy": empathy, "fts5": fts5, "tantivy": tantivy}

if __name__ == "__main__":
    ENGINES[sys.argv[1]](sys.argv[2], sys.argv[3])
