"""How often each file changed: git's history, read once and then only where it is new.

    HEAD, shallow boundary ── same as kept? ── yes ─> rows
            │ no
            ▼
    git log old..HEAD (all of it when history was rewritten) ──> commit and touch rows ──> Churn by path

One row per commit and file, not a total, so that the window can move on without reading anything.
A renamed file keeps its churn: rows keep the name of their time, and `churn_by_path` walks them from
the newest to the oldest, carrying names back through every rename that git detects (``-M``, half of
the content alike). Merges are left out: what they bring in is counted where it was made. Times
are committer times, as in ``git log --since``.

Everything here can be deleted; it is read again. A folder without history has an empty one, with a reason.
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck import sqlite
from quarterdeck.errors import StateError
from quarterdeck.index.disk.git import GitRefused, GitSilent, Repository, answer, find_git, locate
from quarterdeck.index.model import DAY_S, moment
from quarterdeck.index.store.tree_store import from_db, to_db

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from datetime import datetime
    from sqlite3 import Connection

    from quarterdeck.workspace import Workspace

FILE = "history.sqlite"
READ_TIMEOUT_S = 30.0
"""How long the history may be read; the newest commits come first, so what is cut off is the oldest."""

_HEADER = "\x01"
_LOG = (
    "-c", "log.showRoot=true", "log", "-z", "--numstat", "-M", "-l1000", "--no-merges", "--no-ext-diff",
    "--no-textconv", "--no-color", "--no-show-signature", "--no-notes", "--relative", "--full-history",
    "--date-order", "--encoding=UTF-8", "--format=tformat:%x01%H%x00%ct%x00%aE%x00",
)  # fmt: skip

_SCHEMA = """
CREATE TABLE author (id INTEGER PRIMARY KEY, email NOT NULL UNIQUE);
CREATE TABLE touched_commit (       -- no merges; a later seq is never an ancestor of an earlier one
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL, at INTEGER NOT NULL, author INTEGER NOT NULL);
CREATE INDEX touched_commit_by_time ON touched_commit (at);
CREATE TABLE touch (
    seq INTEGER NOT NULL, path NOT NULL,
    old_path,                       -- what it was called before this commit; NULL when it was not renamed
    added INTEGER NOT NULL, removed INTEGER NOT NULL,
    PRIMARY KEY (seq, path)) WITHOUT ROWID;
CREATE TABLE meta (key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID
"""


class Churn(NamedTuple):
    """What happened to one file within the window.

    Attributes:
        commits: that changed it, merges left out.
        authors: distinct author e-mail addresses, after ``.mailmap``.
        added: lines; a binary file has none.
        removed: lines.
        last_commit_at: of the newest of the commits.
    """

    commits: int
    authors: int
    added: int
    removed: int
    last_commit_at: datetime


class Touch(NamedTuple):
    """One file in one commit."""

    path: str
    old_path: str | None
    added: int
    removed: int


class Commit(NamedTuple):
    """One commit that is not a merge; ``at`` in seconds since 1970."""

    id: str
    at: int
    author: str
    touches: tuple[Touch, ...]


class History(NamedTuple):
    """What is known about the past of a project.

    Attributes:
        head: id of the commit it ends at; empty when there is no history.
        since: the window's start; nothing older is counted.
        commits: within the window, newest first.
        reason: why there is no history, a clause; empty when there is one.
        notes: what makes it incomplete, a sentence each.
    """

    head: str
    since: datetime
    commits: tuple[Commit, ...] = ()
    reason: str = ""
    notes: tuple[str, ...] = ()

    @property
    def known(self) -> bool:
        """There is a history, be it one in which nothing happened within the window."""
        return not self.reason


def read_history(workspace: Workspace, days: int, *, now_s: float | None = None) -> History:
    """The last *days* of the history of *workspace*, kept in its state folder.

    One ``git rev-parse`` when HEAD stands where it stood; otherwise the new commits are read too.

    Args:
        workspace: its root may be a subfolder of the repository; paths are relative to the root.
        days: length of the window, >= 0.
        now_s: the present, seconds since 1970; None to ask the clock.
    """
    since_s = max(0, int(time.time() if now_s is None else now_s) - days * DAY_S)
    git = find_git()
    repository = locate(workspace.root)
    if repository is None or not git:
        reason = "git is not installed" if repository else "it is not in a git repository"
        return History("", moment(since_s * 10**9), reason=reason)
    try:
        with _opened(workspace) as connection:
            head = _refresh(connection, git, workspace.root, repository, since_s)
            return _stored(connection, head, since_s)
    except GitRefused as refused:
        reason = "there is no commit yet" if "unknown revision" in str(refused) else f"git refused: {refused}"
        return History("", moment(since_s * 10**9), reason=reason)


def head_of(root: str) -> str:
    """The id of the commit that is checked out at *root*; empty where there is none. One run of git."""
    git = find_git()
    if not git or locate(root) is None:
        return ""
    try:
        return _head(git, root)
    except GitRefused:
        return ""


def churn_by_path(commits: Iterable[Commit], present: Collection[str]) -> dict[str, Churn]:
    """What happened to every file under the name it has now.

    Args:
        commits: newest first.
        present: the files there are; a name that is gone is followed to where its file went, and
            left out of the answer when that is gone too.
    """
    totals: dict[str, _Total] = {}
    names: dict[str, str | None] = {}  # what a name of then is called now; None for a file that is gone
    latest: dict[str, str] = {}  # the newest rename away from a name, whatever happened to it before
    for commit in commits:
        for touch in commit.touches:
            name = names.get(touch.path, touch.path)
            if name is not None:
                totals.setdefault(name, _Total()).add(commit, touch)
        renamed = [(touch.path, touch.old_path) for touch in commit.touches if touch.old_path is not None]
        now_called = [(old, names.get(path, path)) for path, old in renamed]
        names.update((path, None) for path, _ in renamed)  # before the rename that name was another file's
        names.update(now_called)
        for old, name in now_called:
            if name is not None:
                latest.setdefault(old, name)
    for path in [path for path in totals if path not in present]:
        gone = totals.pop(path)
        # Changed on one branch while another renamed it: the change was met before the rename.
        heir = latest.get(path)
        if heir is not None and heir in present:
            totals.setdefault(heir, _Total()).merge(gone)
    return {path: total.churn() for path, total in totals.items()}


class _Total:
    """A `Churn` in the making."""

    __slots__ = ("added", "authors", "commits", "last_at", "removed")

    def __init__(self) -> None:
        self.commits: set[str] = set()
        self.authors: set[str] = set()
        self.added = self.removed = self.last_at = 0

    def add(self, commit: Commit, touch: Touch) -> None:
        self.commits.add(commit.id)
        self.authors.add(commit.author)
        self.added += touch.added
        self.removed += touch.removed
        self.last_at = max(self.last_at, commit.at)

    def merge(self, other: _Total) -> None:
        self.commits |= other.commits
        self.authors |= other.authors
        self.added += other.added
        self.removed += other.removed
        self.last_at = max(self.last_at, other.last_at)

    def churn(self) -> Churn:
        last_commit_at = moment(self.last_at * 10**9)
        return Churn(len(self.commits), len(self.authors), self.added, self.removed, last_commit_at)


def parse_log(output: bytes, *, cut: bool = False) -> list[Commit]:
    """The commits of a ``git log -z --numstat``, as they come (newest first).

    Args:
        output: as `_LOG` formats it.
        cut: the output breaks off somewhere; its last commit is left out.
    """
    tokens = iter(os.fsdecode(output).split("\0"))
    commits: list[Commit] = []
    touches: list[Touch] = []
    with contextlib.suppress(StopIteration, ValueError):  # only output that breaks off ends in mid-record
        for token in tokens:
            if token.startswith(_HEADER):
                touches = []
                commits.append(Commit(token[1:], int(next(tokens)), next(tokens), ()))
            elif token:
                added, removed, path = token.lstrip("\n").split("\t", 2)
                old_path = None if path else next(tokens)
                touches.append(Touch(path or next(tokens), old_path, _lines(added), _lines(removed)))
                commits[-1] = commits[-1]._replace(touches=tuple(touches))
    return commits[:-1] if cut else commits


def _lines(count: str) -> int:
    return 0 if count == "-" else int(count)


@contextlib.contextmanager
def _opened(workspace: Workspace) -> Iterator[Connection]:
    """The kept rows; rows in memory where none can be kept."""
    try:
        connection = sqlite.connect(workspace.state_file(FILE), (_SCHEMA,), holds="cache")
    except (StateError, OSError):
        connection = sqlite.connect(sqlite.IN_MEMORY, (_SCHEMA,), holds="cache")
    try:
        yield connection
    finally:
        connection.close()


def _refresh(connection: Connection, git: str, root: str, repository: Repository, since_s: int) -> str:
    """Bring the rows up to HEAD, and back to *since_s*; the id of HEAD."""
    head = _head(git, root)
    boundary = _shallow_boundary(repository)
    made_with = f"{boundary}\n{os.path.relpath(root, repository.top)!r}"
    meta = _meta(connection)
    usable = meta.get("made_with") == made_with and int(meta["since"]) <= since_s
    if usable and meta["head"] == head:
        return head
    news = usable and _is_ancestor(git, root, meta["head"], head)
    where = (f"{meta['head']}..{head}",) if news else (head,)
    pathspec = () if root == repository.top else (".",)
    log, is_cut = _log(git, root, (f"--max-age={since_s}", *where, "--", *pathspec))
    if is_cut and news:  # what is missing would lie in the middle, between the new and the known
        news = False
        log, is_cut = _log(git, root, (f"--max-age={since_s}", head, "--", *pathspec))
    commits = [commit for commit in parse_log(log, cut=is_cut) if commit.id not in boundary]
    kept = {"head": head, "made_with": made_with}
    if not news:
        cut_at = min((commit.at for commit in commits), default=since_s) if is_cut else 0
        kept |= {"since": str(since_s), "cut_at": str(cut_at), "shallow": "yes" if boundary else ""}
    with sqlite.transaction(connection):
        if not news:
            for table in ("author", "touched_commit", "touch", "meta"):
                connection.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names
        elif _meta(connection).get("head") != meta["head"]:
            return head  # another process was quicker; its rows are as good
        _insert(connection, reversed(commits))
        connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", list(kept.items()))
    return head


def _head(git: str, root: str) -> str:
    return answer(git, ("rev-parse", "HEAD"), root).decode("ascii", "replace").strip()


def _log(git: str, root: str, what: tuple[str, ...]) -> tuple[bytes, bool]:
    """What git printed of the log of *what*, and whether time ran out over it."""
    try:
        return answer(git, (*_LOG, *what), root, timeout_s=READ_TIMEOUT_S), False
    except GitSilent as late:
        return late.output, True


def _insert(connection: Connection, commits: Iterable[Commit]) -> None:
    """Append *commits*, oldest first; call inside a transaction."""
    (seq,) = connection.execute("SELECT coalesce(max(seq), 0) FROM touched_commit").fetchone()
    authors = {from_db(email): number for number, email in connection.execute("SELECT id, email FROM author")}
    for number, commit in enumerate(commits, seq + 1):
        author = authors.setdefault(commit.author, len(authors) + 1)
        connection.execute("INSERT OR IGNORE INTO author VALUES (?, ?)", (author, to_db(commit.author)))
        connection.execute(
            "INSERT INTO touched_commit VALUES (?, ?, ?, ?)", (number, commit.id, commit.at, author)
        )
        connection.executemany(
            "INSERT OR REPLACE INTO touch VALUES (?, ?, ?, ?, ?)",
            [
                (
                    number,
                    to_db(touch.path),
                    None if touch.old_path is None else to_db(touch.old_path),
                    *touch[2:],
                )
                for touch in commit.touches
            ],
        )


def _stored(connection: Connection, head: str, since_s: int) -> History:
    """The rows of the window, as one value."""
    touches: dict[int, list[Touch]] = {}
    with sqlite.snapshot(connection):
        meta = _meta(connection)
        for seq, path, old_path, added, removed in connection.execute(
            "SELECT touch.* FROM touch JOIN touched_commit USING (seq) WHERE at >= ?", (since_s,)
        ):
            old = None if old_path is None else from_db(old_path)
            touches.setdefault(seq, []).append(Touch(from_db(path), old, added, removed))
        commits = tuple(
            Commit(commit, at, from_db(email), tuple(touches.get(seq, ())))
            for seq, commit, at, email in connection.execute(
                "SELECT seq, touched_commit.id, at, email FROM touched_commit"
                " JOIN author ON author.id = author WHERE at >= ? ORDER BY seq DESC",
                (since_s,),
            )
        )
    return History(head, moment(since_s * 10**9), commits, notes=tuple(_notes(meta, since_s)))


def _notes(meta: Mapping[str, str], since_s: int) -> Iterator[str]:
    cut_at = int(meta.get("cut_at", "0"))
    if cut_at > since_s:
        yield (
            f"the history is long: reading it was stopped after {READ_TIMEOUT_S:.0f} s, "
            f"and commits before {moment(cut_at * 10**9):%Y-%m-%d} are not counted"
        )
    if meta.get("shallow"):
        yield "this is a shallow clone: only the commits it holds are counted (git fetch --unshallow)"


def _meta(connection: Connection) -> dict[str, str]:
    return dict(connection.execute("SELECT key, value FROM meta"))


def _is_ancestor(git: str, root: str, old: str, head: str) -> bool:
    """Whether *head* only adds to *old*; False also when *old* is no longer there."""
    try:
        return not answer(git, ("rev-list", "-n", "1", f"{head}..{old}"), root)
    except GitRefused:
        return False


def _shallow_boundary(repository: Repository) -> str:
    """The commits whose parents a shallow clone has left behind: they seem to add every file there is."""
    try:
        with open(os.path.join(repository.common_dir, "shallow"), encoding="ascii", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
