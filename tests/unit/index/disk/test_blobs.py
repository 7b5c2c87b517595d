"""git's own names for contents; git itself is the oracle."""

from __future__ import annotations

import subprocess

import pytest

from quarterdeck.index.disk.blobs import blob_id


@pytest.mark.parametrize("kind, digits", [("sha1", 40), ("sha256", 64)])
@pytest.mark.parametrize("content", [b"", b"one\r\ntwo\0"])
def test_a_content_has_the_name_that_git_gives_it(tmp_path, kind: str, digits: int, content: bytes):
    """In both kinds of repository."""
    subprocess.run(["git", "init", "-q", f"--object-format={kind}", tmp_path], check=True)
    git = ["git", "hash-object", "--no-filters", "--stdin"]
    told = subprocess.run(git, cwd=tmp_path, input=content, stdout=subprocess.PIPE, check=True)
    assert blob_id(content, digits) == told.stdout.decode().strip()
