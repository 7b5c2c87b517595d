"""What has changed since an agent last looked.

    the store's log of states ──net──┐
    git, for a commit ───────────────┴─> path -> (content before, content now) ──> FileChange
        + outlines of both contents ──> which classes and functions  (symbols)

What was undone meanwhile does not count: from A to B and back to A nothing has changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from quarterdeck.errors import UnknownSnapshot, UsageError
from quarterdeck.index.changes.affected import affected_tests
from quarterdeck.index.changes.symbols import SymbolChanges, by_facts, by_source
from quarterdeck.index.facts.examine import facts_of
from quarterdeck.index.facts.grammars import fact_key
from quarterdeck.index.facts.packed import Packed, outline_of
from quarterdeck.index.graph.reach import ImportGraph
from quarterdeck.index.graph.resolve import Edge

if TYPE_CHECKING:
    from quarterdeck.index.graph.covers import Link
    from quarterdeck.index.store.stores import Scan

ADDED, REMOVED, MODIFIED, RENAMED = "added", "removed", "modified", "renamed"
GIT = "git:"
SHORTEST_ID = 6
"""How many digits of a state's id are enough to name it."""

Contents = Mapping[str, tuple[str, str]]
"""Path -> ids of its content before and now; an empty id is a file that is not there."""


class FileChange(NamedTuple):
    """One file that is not what it was.

    Attributes:
        path: its path now; of a removed file, the one it had.
        status: added, removed, modified or renamed.
        old_path: of a renamed file, else empty.
        symbols: which classes and functions changed; None where the contents cannot be compared.
    """

    path: str
    status: str
    old_path: str = ""
    symbols: SymbolChanges | None = None

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {**self._asdict(), "symbols": None if self.symbols is None else self.symbols._asdict()}


class Changes(NamedTuple):
    """The difference between a state and now.

    Attributes:
        since: what was asked for: a snapshot's name, the id of a state, or ``git:`` and a revision.
        files: by path.
        dependents: unchanged files that import a changed one, directly or through others.
        tests: the tests to run, most confident first.
    """

    since: str
    files: tuple[FileChange, ...]
    dependents: tuple[str, ...]
    tests: tuple[Link, ...]


class Snapshot(NamedTuple):
    """A named state.

    Attributes:
        name: as it was given.
        state: id of the state.
        recorded: the state is still in the log, so that changes since can be told.
    """

    name: str
    state: str
    recorded: bool


def changes_since(scan: Scan, since: str) -> Changes:
    """What differs now from *since*; the stores have just been verified.

    Raises:
        UnknownSnapshot: no snapshot and no recorded state is called *since*.
        UsageError: the start of an id fits several states; git knows no such revision.
    """
    if since.startswith(GIT):
        from quarterdeck.index.changes.git import Git

        git = Git(scan.root)
        indexed = set(scan.stores.tree.paths())
        found = git.changes_since(since.removeprefix(GIT))
        contents = {
            each.path: (each.blob, each.content) for each in found if not each.content or each.path in indexed
        }
        modified = [path for path, (before, now) in contents.items() if before and now]
        known = git.contents([contents[path][0] for path in modified if _has_outline(path)])
        compare = _Compare(scan, known)
    else:
        name, state = _state_of(scan, since)
        contents = net(scan.stores.tree.changes_after(state))
        since = name
        compare = _Compare(scan, {})
    files = tuple(
        change._replace(symbols=compare(change.path, contents[change.path][0]))
        if change.status == MODIFIED
        else change
        for change in classified(contents)
    )
    paths = [path for change in files for path in (change.path, change.old_path) if path]
    graph = ImportGraph((), (Edge(*row) for row in scan.stores.tree.edges()))
    dependents = {each for path in paths for each in graph.all_dependents(path)} - set(paths)
    return Changes(since, files, tuple(sorted(dependents)), tuple(affected_tests(scan, paths)))


def net(log: Iterable[tuple[str, str, str]]) -> dict[str, tuple[str, str]]:
    """What a log of (path, content before, content after), oldest first, comes to."""
    found: dict[str, tuple[str, str]] = {}
    for path, before, after in log:
        found[path] = (found[path][0] if path in found else before, after)
    return {path: (before, after) for path, (before, after) in found.items() if before != after}


def classified(contents: Contents) -> list[FileChange]:
    """One change for each file, by path; a removed file whose content stands elsewhere is renamed.

    Where several files could be its new place, one of the same name is, else the first by path.
    """
    gone: dict[str, list[str]] = {}
    for path in sorted(contents):
        before, after = contents[path]
        if before and not after:
            gone.setdefault(before, []).append(path)
    came = sorted(path for path, (before, after) in contents.items() if after and not before)
    origin: dict[str, str] = {}
    for same_name in (True, False):
        for path in came:
            candidates = gone.get(contents[path][1], [])
            fitting = [old for old in candidates if not same_name or _name(old) == _name(path)]
            if path not in origin and fitting:
                origin[path] = fitting[0]
                candidates.remove(fitting[0])
    moved = set(origin.values())
    found = []
    for path, (before, after) in sorted(contents.items()):
        if path in origin:
            found.append(FileChange(path, RENAMED, origin[path]))
        elif path not in moved:
            found.append(FileChange(path, MODIFIED if before and after else ADDED if after else REMOVED))
    return found


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _has_outline(path: str) -> bool:
    return path.endswith((".py", ".pyi"))


class _Compare:
    """Which classes and functions of a file changed, from whatever is known of its two contents.

    Args:
        scan: for the facts.
        sources: content id -> bytes, where the old ones can still be had.
    """

    def __init__(self, scan: Scan, sources: Mapping[str, bytes]) -> None:
        self._scan = scan
        self._sources = sources

    def __call__(self, path: str, before: str) -> SymbolChanges | None:
        rows = self._scan.stores.tree.records_at([path])
        if not rows or not rows[0].language:
            return None
        record = rows[0]
        now = self._facts(record.content_hash, record.language)
        if before in self._sources:
            from quarterdeck.index.disk.signature import read_stable

            old = self._sources[before]
            new = read_stable(f"{self._scan.root}/{path}", self._scan.config.max_file_bytes)
            if new.content is None or new.digest != record.content_hash:
                return None
            now = now or facts_of(new.content, record.language)
            then = facts_of(old, record.language)
            if then.error or now.error:
                return None
            return by_source(outline_of(then.outline), old, outline_of(now.outline), new.content)
        then_known = self._facts(before, record.language)
        if now is None or then_known is None or now.error or then_known.error:
            return None
        return by_facts(outline_of(then_known.outline), outline_of(now.outline))

    def _facts(self, content_hash: str, language: str) -> Packed | None:
        known = self._scan.stores.facts.get(content_hash, fact_key(language))
        return known.packed if known else None


# states ------------------------------------------------------------------------------------------


def _state_of(scan: Scan, asked: str) -> tuple[str, int]:
    """What *asked* is called, and the number of the newest state of that id."""
    wanted = scan.stores.annotations.snapshots().get(asked, "")
    ids = scan.stores.tree.states(wanted or asked) if wanted or _may_be_id(asked) else {}
    if len(ids) > 1:
        raise UsageError(
            f"{asked!r} is the start of {len(ids)} states", hint=f"add digits: {', '.join(sorted(ids)[:3])}"
        )
    if not ids:
        what = f"no snapshot or state is called {asked!r}"
        raise UnknownSnapshot(
            f"the state of snapshot {asked!r} is no longer recorded" if wanted else what,
            hint="`qd snapshot NAME` names the present state; `qd snapshot` lists the names",
        )
    return (asked if wanted else next(iter(ids))), next(iter(ids.values()))


def _may_be_id(text: str) -> bool:
    """Whether *text* is the start of a state's id, if there is such a state."""
    return len(text) >= SHORTEST_ID and all(digit in "0123456789abcdef" for digit in text)


def check_name(name: str) -> str:
    """*name*, if a snapshot can have it.

    Raises:
        UsageError: it could be taken for something else, or is not printable.
    """
    taken = name.startswith((GIT, "-")) or _may_be_id(name)
    if taken or not name or not name.isprintable() or len(name) > 100:
        raise UsageError(
            f"a snapshot cannot be called {name[:100]!r}",
            hint="use up to 100 printable characters that are neither git: nor the start of a state's id",
        )
    return name
