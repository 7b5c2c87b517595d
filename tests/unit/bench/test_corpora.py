"""A corpus is the pinned one, whole, or not there at all."""

from __future__ import annotations

import hashlib
import io
import tarfile

import pytest

from bench import corpora
from bench.corpora import Corpus, CorpusUnavailable, fetch


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A package index of one file, as a folder."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        content = b"x = 1\n"
        member = tarfile.TarInfo("thing-1.0/thing/__init__.py")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    page = tmp_path / "index" / "thing"
    page.mkdir(parents=True)
    (page / "thing-1.0.tar.gz").write_bytes(archive.getvalue())
    (page / "index.html").write_text('<a href="../thing/thing-1.0.tar.gz#sha256=0">thing-1.0.tar.gz</a>')
    digest = hashlib.sha256(archive.getvalue()).hexdigest()
    monkeypatch.setitem(
        corpora.CORPORA, "thing", Corpus("thing", "1.0", digest, "thing", "thing/__init__.py")
    )
    monkeypatch.setattr(corpora, "_find", lambda name, filename: (page / filename).as_uri())
    return page


def test_a_corpus_is_fetched_once(index, tmp_path):
    """The second time needs no index, and the folder ends the rules of any checkout around it."""
    folder = fetch("thing", tmp_path / "corpora")
    assert (folder / "thing" / "__init__.py").read_text() == "x = 1\n"
    assert (folder / ".git" / "HEAD").exists()
    (index / "thing-1.0.tar.gz").unlink()
    assert fetch("thing", tmp_path / "corpora") == folder


def test_other_bytes_than_the_pinned_ones_are_refused(index, tmp_path):
    """What the index serves is believed only when its digest is the pinned one."""
    (index / "thing-1.0.tar.gz").write_bytes(b"something else")
    with pytest.raises(CorpusUnavailable, match="not the pinned file"):
        fetch("thing", tmp_path / "corpora")
    assert not (tmp_path / "corpora" / "thing-1.0").exists()


def test_an_index_that_cannot_be_read_is_said(index, tmp_path):
    """No corpus, no traceback."""
    (index / "thing-1.0.tar.gz").unlink()
    with pytest.raises(CorpusUnavailable, match="cannot fetch thing"):
        fetch("thing", tmp_path / "corpora")
    with pytest.raises(CorpusUnavailable, match="no corpus named 'nothing'"):
        fetch("nothing", tmp_path / "corpora")


@pytest.mark.parametrize("variable", ["UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"])
def test_the_index_of_uv_and_pip_is_used(monkeypatch, variable):
    """A mirror that is set for one of them serves the corpora too."""
    monkeypatch.setenv(variable, "https://mirror.example/simple")
    assert corpora.index_url() == "https://mirror.example/simple"
