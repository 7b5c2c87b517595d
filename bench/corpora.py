"""Pinned code bases to measure and to test on: real, large, and the same for everyone.

    package index -> sdist, by SHA-256 -> .run/corpora/NAME-VERSION/

    python -m bench.corpora django sympy     fetch what is missing; print one folder a line

The source distributions are taken as files. Asking pip for them would run their build back ends.
"""

from __future__ import annotations

import configparser
import fcntl
import hashlib
import html
import os
import re
import shutil
import sys
import sysconfig
import tarfile
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / ".run" / "corpora"
TIMEOUT_S = 60
CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Corpus:
    """One source distribution, pinned to its bytes.

    Attributes:
        package: the import package inside it, for tools that want one.
        module: a large module that much of the rest needs, to be the one that changes.
    """

    name: str
    version: str
    sha256: str
    package: str
    module: str

    @property
    def folder_name(self) -> str:
        """``NAME-VERSION``, which is also what the archive unpacks to."""
        return f"{self.name}-{self.version}"


CORPORA = {
    corpus.name: corpus
    for corpus in (
        Corpus(
            "django",
            "5.2.19",
            "ad03d8abc51dbff95ebf34b27123cf0c26a3b62db7ba0cd520783686362533d1",
            "django",
            "django/db/models/query.py",
        ),
        Corpus(
            "sympy",
            "1.14.0",
            "d3d3fe8df1e5a0b42f0e7bdf50541697dbe7d23746e894990c030e2b05e72517",
            "sympy",
            "sympy/core/basic.py",
        ),
        Corpus(
            "homeassistant",
            "2024.3.3",
            "f62f2c9efa330ca82f70441f93d29361fa87c506c3065baf02b5d85559cdbe70",
            "homeassistant",
            "homeassistant/core.py",
        ),
        Corpus(
            "pluggy",
            "1.6.0",
            "7dcc130b76258d33b90f61b658791dede3486c3e6bfb003ee5c9bfb396dd22f3",
            "pluggy",
            "src/pluggy/_manager.py",
        ),
    )
}


class CorpusUnavailable(Exception):
    """A code base cannot be had, or is not the one that was pinned."""


def standard_library() -> Path:
    """The folder of the running Python's standard library; it holds ``site-packages`` too."""
    return Path(sysconfig.get_path("stdlib"))


def fetch(name: str, folder: Path = FOLDER) -> Path:
    """The folder of a pinned code base; downloads and unpacks it the first time.

    Whole or not at all: the folder has its name only when it is complete. A download that broke off
    goes on where it ended.

    Raises:
        CorpusUnavailable: the index cannot be reached or serves other bytes, or *name* is not pinned.
    """
    if name not in CORPORA:
        raise CorpusUnavailable(f"no corpus named {name!r}; there are: {', '.join(CORPORA)}")
    corpus = CORPORA[name]
    target = folder / corpus.folder_name
    if target.exists():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / f"{corpus.folder_name}.lock", "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            archive = download(corpus, folder)
            _unpack(archive, corpus, target)
            archive.unlink()
    return target


def download(corpus: Corpus, folder: Path) -> Path:
    """The verified archive, in *folder*; what broke off goes on where it ended.

    Raises:
        CorpusUnavailable: the index cannot be reached, or serves other bytes.
    """
    filename = f"{corpus.folder_name}.tar.gz"
    partial = folder / f"{filename}.part"
    try:
        url = _find(corpus.name, filename)
        _resume(url, partial)
    except (OSError, ValueError) as error:
        raise CorpusUnavailable(f"cannot fetch {filename}: {error}") from error
    with open(partial, "rb") as archive:
        digest = hashlib.file_digest(archive, "sha256").hexdigest()
    if digest != corpus.sha256:
        partial.unlink()
        raise CorpusUnavailable(f"{url} is not the pinned file: SHA-256 {digest}")
    return partial


def _find(name: str, filename: str) -> str:
    """The address of *filename*, from the index's page of links (PEP 503).

    Raises:
        OSError: the index cannot be reached, or does not list the file.
    """
    page_url = f"{index_url().rstrip('/')}/{name}/"
    request = urllib.request.Request(page_url, headers={"Accept": "text/html"})
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as page:
        text: str = page.read().decode()
    for href in re.findall(r'href\s*=\s*["\']([^"\']+)', text):
        url = urllib.parse.urljoin(page_url, html.unescape(href)).partition("#")[0]
        if urllib.parse.unquote(url).endswith(f"/{filename}"):
            return url
    raise FileNotFoundError(f"{page_url} does not list it")


def index_url() -> str:
    """The package index in force: what uv's or pip's variables or pip's files name, else PyPI."""
    for variable in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"):
        if os.environ.get(variable):
            return os.environ[variable]
    files = configparser.ConfigParser(interpolation=None, strict=False)
    files.read([
        "/etc/pip.conf",
        os.path.expanduser("~/.pip/pip.conf"),
        os.path.expanduser("~/.config/pip/pip.conf"),
        os.environ.get("PIP_CONFIG_FILE", os.devnull),
    ])  # fmt: skip
    return files.get("global", "index-url", fallback="https://pypi.org/simple")


def _resume(url: str, partial: Path) -> None:
    """Append to *partial* what is still missing of *url*."""
    have = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        with (
            urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer,
            open(partial, "ab" if answer.status == 206 else "wb") as out,
        ):
            shutil.copyfileobj(answer, out, CHUNK_BYTES)
    except urllib.error.HTTPError as error:
        if error.code != 416:  # nothing is missing: it was complete, only not yet verified
            raise


def _unpack(archive: Path, corpus: Corpus, target: Path) -> None:
    """Unpack *archive* beside *target*, then give it its name."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f"{corpus.folder_name}.") as unfinished:
        with tarfile.open(archive) as tar:
            if hasattr(tarfile, "data_filter"):  # not in Python 3.11.2; the pin holds there too
                tar.extraction_filter = tarfile.data_filter
            for member in tar:  # the archive's owner means nothing here, and git refuses a foreign one's work
                member.uid, member.gid, member.uname, member.gname = os.getuid(), os.getgid(), "", ""
            tar.extractall(unfinished)
        unpacked = Path(unfinished) / corpus.folder_name
        _mark_as_repository(unpacked)
        unpacked.rename(target)


def _mark_as_repository(folder: Path) -> None:
    """Make *folder* an empty git repository, with no need for git.

    It lies inside a folder that this checkout ignores; without an end to the checkout's own rules,
    every tool that obeys .gitignore would see nothing in it.
    """
    git = folder / ".git"
    for name in ("objects", "refs"):
        (git / name).mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")


def main(names: list[str]) -> int:
    """Print the folder of each named corpus, in order."""
    for name in names:
        try:
            print(fetch(name))
        except CorpusUnavailable as error:
            print(f"bench.corpora: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
