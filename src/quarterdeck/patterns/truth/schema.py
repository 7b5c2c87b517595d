"""The tables of a library: a file that any SQLite tool can open and read."""

from __future__ import annotations

MIGRATIONS = (
    """
-- Times are microseconds since the epoch, in UTC; tags, contexts and details are JSON.

-- What agents have learned.
CREATE TABLE patterns (
    number INTEGER NOT NULL PRIMARY KEY,      -- the revision that made it; never another pattern's
    id TEXT NOT NULL UNIQUE,
    revision INTEGER NOT NULL,                -- of its newest change, see changes
    agent_id TEXT NOT NULL,
    pattern_type TEXT NOT NULL,
    lesson TEXT NOT NULL,                     -- 'do' or 'avoid'
    confidence REAL NOT NULL,                 -- of its author, 0 to 1; outcomes are in tallies
    discovered_us INTEGER NOT NULL,
    expires_us INTEGER,                       -- NULL: never
    review_us INTEGER,
    superseded_by TEXT,                       -- id of the pattern that took its place; the newest such link
    name TEXT NOT NULL,
    tags TEXT NOT NULL,                       -- ["sqlite", "locks"], as given; to look up: table tags
    context TEXT NOT NULL,                    -- {"language": "python"}
    source TEXT NOT NULL,
    description TEXT NOT NULL,
    code TEXT
) STRICT;
CREATE INDEX patterns_by_agent ON patterns (agent_id);
CREATE INDEX patterns_by_type ON patterns (pattern_type);
CREATE INDEX patterns_to_avoid ON patterns (lesson) WHERE lesson <> 'do';
CREATE INDEX patterns_by_expiry ON patterns (expires_us) WHERE expires_us IS NOT NULL;
CREATE INDEX patterns_by_review ON patterns (review_us) WHERE review_us IS NOT NULL;

CREATE TABLE tags (
    tag TEXT NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (tag, number)
) STRICT, WITHOUT ROWID;

-- The newest change of each number; of one that is not in patterns, that it was deleted.
CREATE TABLE changes (
    revision INTEGER NOT NULL PRIMARY KEY,    -- grows over all patterns; the highest is never removed
    number INTEGER NOT NULL,
    patterns INTEGER NOT NULL                 -- how many there were after this change
) STRICT;

-- What came of using a pattern, one by one ...
CREATE TABLE outcomes (
    id INTEGER NOT NULL PRIMARY KEY,          -- in the order they were recorded
    number INTEGER NOT NULL,
    success INTEGER NOT NULL,                 -- 0 or 1
    at_us INTEGER NOT NULL,
    agent_id TEXT NOT NULL,
    note TEXT NOT NULL
) STRICT;
CREATE INDEX outcomes_by_number ON outcomes (number);

-- ... and all together, with what was known of it when it was contributed.
CREATE TABLE tallies (
    number INTEGER NOT NULL PRIMARY KEY,
    successes INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    good REAL NOT NULL,                       -- successes and failures weighted by their age at at_us
    bad REAL NOT NULL,
    at_us INTEGER NOT NULL                    -- of the latest outcome
) STRICT;

CREATE TABLE links (
    source INTEGER NOT NULL,                  -- numbers
    target INTEGER NOT NULL,
    kind TEXT NOT NULL,                       -- 'related', 'supersedes', 'contradicts'
    at_us INTEGER NOT NULL,
    agent_id TEXT NOT NULL,
    PRIMARY KEY (source, target, kind)
) STRICT, WITHOUT ROWID;
CREATE INDEX links_by_target ON links (target, source, kind);

-- Where a pattern comes from and who did what to it.
CREATE TABLE origins (
    number INTEGER NOT NULL,
    step INTEGER NOT NULL,                    -- from 0 up
    at_us INTEGER NOT NULL,
    act TEXT NOT NULL,                        -- 'contributed', 'updated', ...
    agent_id TEXT NOT NULL,
    source TEXT NOT NULL,                     -- '': not said
    details TEXT NOT NULL,
    PRIMARY KEY (number, step)
) STRICT, WITHOUT ROWID;

-- All that is left of a deleted pattern. source: that of its first origin.
CREATE TABLE deleted (
    number INTEGER NOT NULL PRIMARY KEY,
    id TEXT NOT NULL,
    source TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    agent_id TEXT NOT NULL
) STRICT;
CREATE INDEX deleted_by_id ON deleted (id);

-- How far other logs have been taken in.
CREATE TABLE absorbed (
    source TEXT NOT NULL PRIMARY KEY,
    cursor TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What is derived from this file keeps the mark of the era that its revision is of. After a power cut or
-- from a restored backup the same revisions are given out again, but in another era: it is worthless then.
CREATE TABLE eras (
    revision INTEGER NOT NULL PRIMARY KEY,    -- the first of this era; 0: drawn when the file was made
    mark TEXT NOT NULL                        -- drawn by each who writes after somebody else, or first
) STRICT;
INSERT INTO eras VALUES (0, lower(hex(randomblob(16))));
""",
)
