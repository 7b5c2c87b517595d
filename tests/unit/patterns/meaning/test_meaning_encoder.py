"""The real model, against what its authors publish."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from quarterdeck.errors import MissingExtra, StateError
from quarterdeck.patterns import meaning
from quarterdeck.patterns.meaning import encoder as encoder_module
from quarterdeck.patterns.meaning.encoder import Encoder, the_encoder
from tests.index_worlds import run
from tests.truth_worlds import PROJECT


def similarities(*texts):
    directions = the_encoder().encode(texts)
    return directions @ directions.T


def test_it_says_what_the_model_card_says():
    """Sentences and figures are those of Sentence Transformers; int8 costs a hundredth."""
    found = similarities("The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium.")
    expected = [[1.0, 0.6660, 0.1046], [0.6660, 1.0, 0.1411], [0.1046, 0.1411, 1.0]]
    assert found == pytest.approx(np.array(expected), abs=0.01)


def test_it_does_not_matter_what_else_is_encoded():
    """Long and short texts go in batches of their own, and come back in the order they were given."""
    texts = [f"{'sqlite is locked ' * (number % 40)}{number}" for number in range(100)]
    encoder = the_encoder()
    alone = np.stack([encoder.encode([text])[0] for text in texts[::9]])
    assert encoder.encode(texts)[::9] == pytest.approx(alone, abs=1e-5)


@pytest.mark.parametrize(
    "text",
    ["", " ", "\ud800", "\x00", "漢字", "x" * 100_000, "e\u0301", "[CLS] [SEP] [PAD]"],
    ids=["empty", "space", "half", "nul", "unspaced", "long", "marks", "tokens"],
)
def test_every_text_has_a_direction(text):
    """Whatever a stranger asks."""
    (direction,) = the_encoder().encode([text])
    assert np.linalg.norm(direction) == pytest.approx(1, abs=1e-5)


def test_the_end_of_a_long_text_does_not_count():
    """It takes no more time than a text of some hundred words."""
    start = "wait for the lock " * 50
    found = similarities(start, start + "and then bake bread " * 100_000)
    assert found[0, 1] == pytest.approx(1, abs=1e-6)


def test_nothing_to_encode_gives_nothing():
    """Not even the model is loaded for it."""
    encoder = Encoder()
    assert encoder.encode([]).shape == (0, encoder.dimensions)


def test_a_forked_child_encodes_as_well():
    """Though its parent had used it, in another thread too, and without a word on the terminal."""
    done = run(
        """
import os, sys, threading
from quarterdeck.patterns.meaning.encoder import the_encoder

texts = ["a lock", "a database that is locked", "bread"] * 40
before = the_encoder().encode(texts)
threads = [threading.Thread(target=the_encoder().encode, args=(texts,)) for _ in range(2)]
for thread in threads:
    thread.start()
child = os.fork()
if not child:
    print(abs(the_encoder().encode(texts) - before).max() < 1e-5, flush=True)
    os._exit(0)
os.waitpid(child, 0)
for thread in threads:
    thread.join()
"""
    )
    assert done == (0, "True\n", "")


@pytest.mark.parametrize("content", [b"", b"junk", None], ids=["empty", "junk", "none"])
def test_a_model_that_is_not_the_one_is_never_run(content, tmp_path, monkeypatch):
    """A file is data of strangers until its digest is the one that is known."""
    package = tmp_path / "another_model"
    package.mkdir()
    (package / "__init__.py").write_text("raise AssertionError('code of the package is run')")
    if content is not None:
        (package / "model.onnx").write_bytes(content)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(encoder_module, "_PACKAGE", "another_model")
    with pytest.raises(StateError, match="missing, damaged or another one") as caught:
        Encoder().encode(["text"])
    assert "reinstall" in caught.value.hint


def test_what_is_missing_is_said(monkeypatch):
    """With the command that installs it."""
    monkeypatch.setattr(meaning, "find_spec", lambda name: None if name == "onnxruntime" else object())
    with pytest.raises(MissingExtra, match="needs onnxruntime") as caught:
        _ = meaning.Meaning
    assert caught.value.hint == "pip install 'quarterdeck[semantic]'"


def test_with_the_extra_all_of_it_is_there():
    """By the names that are published."""
    assert (meaning.Meaning.__name__, meaning.Encoder) == ("Meaning", Encoder)


def test_a_name_that_is_not_there_is_an_attribute_error():
    """As of any module."""
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = meaning.Nothing


def test_fusing_needs_none_of_it():
    """Who does not search by meaning does not pay for it."""
    code = (
        "import sys, quarterdeck.patterns.meaning; "
        "print({'numpy', 'onnxruntime', 'tokenizers', 'sqlite3'} & sys.modules.keys())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PROJECT, env=os.environ
    )
    assert done.stdout == "set()\n"
