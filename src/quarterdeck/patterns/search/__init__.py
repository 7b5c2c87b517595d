"""Finding patterns by features: one BM25 over what lies in this process and what lies on disk.

    truth ── changes since the revision in hand ──> index (`SearchIndex`): up to date before each answer
                                                      │
              few patterns: all of them ──────────────┼── near: postings in this process
              many: what far does not have yet ───────┘      │
                       │                                     ├── bm25: the same formula, and far's statistics
                       └── carrying, in the background ─> far: patterns/<namespace>.index/
                                                             │
                                      hits of both, without what is out of date in far, best first

Nothing here knows what a feature means, nor how it is spelt: `terms` is all that goes in and comes out.
Everything here can be lost at any time, and is made again from the truth.
"""

from __future__ import annotations
