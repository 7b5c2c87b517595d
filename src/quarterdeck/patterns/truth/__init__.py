"""The truth of a pattern library: one SQLite file, shared by all processes of this machine.

    Truth                        one method, one transaction
      │ patterns         │ outcomes, links, origins       │ what is there
      ▼                  ▼                                ▼
    writing           outcomes, links                  reading, counting
      └─────────┬─────────┴───────────────────────────────┘
                │ past: patterns with all of that, out of one file and into another
                rows: a pattern as a row, and back
                 database: one connection reads, one writes
                 schema

Every change of a pattern has a revision of its own, one more than that of the change before, whoever made
it: so what is derived from the file asks for the `changes` since the revision that it knows. Outcomes after
the first one of a pattern are no change of it, but change the `stamp` all the same.

The file may go back, with a power cut or a restored backup, and then give out the same revisions again. So
what is derived from it keeps the `mark` of its revision as well: another history has other marks.
"""

from __future__ import annotations

from quarterdeck.patterns.truth.counting import LibraryCounts as LibraryCounts
from quarterdeck.patterns.truth.past import Record as Record
from quarterdeck.patterns.truth.reading import Change as Change
from quarterdeck.patterns.truth.truth import Truth as Truth
