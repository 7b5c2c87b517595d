"""What agents have written down about their own requests becomes records of the ledger.

    places -> files -> new bytes of each -> lines -> requests -> record, unless it is known
    [-------------- a Source ------]  [transcript]  [Source]    [importing]

    source.py        what a source is, and what it may answer
    transcript.py    the part of one file that has not been read yet, as lines or whole
    progress.py      imports.sqlite: how far each file has been read; can be deleted at any time
    known.py         the sources there are
    importing.py     `import_all`: reads what is new, once
    sightings.py     where answers stand, line by line, for those who ask why
    batch.py         requests that are not written yet, each response once
    claude_code.py, codex.py, gemini.py, opencode.py    one source each
    legacy.py        the files of the specification's CostTracker, taken in once

Nothing is ever written where a source keeps its files. A crash costs no record: what was written to the
journal but not yet noted in imports.sqlite is read again, and an answer that the ledger knows is left out.
"""
