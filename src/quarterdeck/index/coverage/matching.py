"""From a coverage report to what the index keeps: percent by file, and which test ran which file.

    Report ──PathMatcher──> project paths ──> percent
           ──TestFinder───> test files ─────> proven (test, file) pairs

A path of a report may come from another machine, another checkout or an installed copy. It counts
only when it can be matched with a file of the index, so nothing outside the project is ever meant.
Lines that ran at import time (no context, or the empty one) prove nothing.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.errors import MissingExtra
from quarterdeck.index.coverage.reports import FileLines, Report, read_report
from quarterdeck.index.model import FileCategory, FileRecord, moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from quarterdeck.index.project_index import ProjectIndex

PHASES = frozenset({"setup", "run", "teardown"})
"""What pytest-cov appends to a context, after a bar."""


class Taken(NamedTuple):
    """What was taken from one report.

    Attributes:
        percent: by project path, 0 to 100; files in which nothing can run are left out.
        proven: (test file, file whose lines it ran), sorted.
        unknown: paths of the report that are no file of the index, or cannot be measured, sorted.
        changed_since: taken files that are newer than the report.
        unknown_contexts: how many contexts belong to no test file of the index.
    """

    percent: dict[str, float]
    proven: list[tuple[str, str]]
    unknown: tuple[str, ...]
    changed_since: tuple[str, ...]
    unknown_contexts: int

    @property
    def average_percent(self) -> float | None:
        """Mean over the files taken in; None without any."""
        return sum(self.percent.values()) / len(self.percent) if self.percent else None


def take_in(index: ProjectIndex, path: str) -> Taken:
    """Read the report at *path* and note what it says in *index*.

    Raises:
        NothingToRead: it cannot be read as a coverage report.
        MissingExtra: it is a ``.coverage`` file and the ``coverage`` library is not installed.
    """
    report = read_report(path)
    with index.frozen():
        records = {record.path: record for record in index.get_all_files()}
    taken = match(report, records, index.root, path)
    index.update_coverage(taken.percent, taken.proven)
    return taken


def match(report: Report, records: Mapping[str, FileRecord], root: str, report_path: str) -> Taken:
    """What *report* says about the files of the index. Reads the sources of a ``.coverage`` report.

    Args:
        report: as `read_report` gives it.
        records: every file of the index, by path.
        root: absolute folder of the project.
        report_path: where the report lies; relative paths may start there.

    Raises:
        MissingExtra: as `take_in`.
    """
    paths = match_paths(report, records, root, os.path.dirname(os.path.abspath(report_path)))
    merged: dict[str, FileLines] = {}
    for raw, path in paths.items():
        merged[path] = _merged(merged.get(path), report.files[raw])
    percent = _percentages(root, merged, records)
    finder = TestFinder(record.path for record in records.values() if record.category is FileCategory.TEST)
    proven = {
        (test, path)
        for path, lines in merged.items()
        if records[path].category is not FileCategory.TEST
        for test in map(finder.find, lines.contexts)
        if test
    }
    lost = {raw for raw in report.files if raw not in paths}
    lost |= {raw for raw, path in paths.items() if merged[path].executable is None and path not in percent}
    contexts = {context for lines in report.files.values() for context in lines.contexts}
    return Taken(
        percent,
        sorted(proven),
        tuple(sorted(lost)),
        _newer(report_path, percent, records),
        sum(not finder.find(context) for context in contexts),
    )


def _merged(known: FileLines | None, more: FileLines) -> FileLines:
    if known is None:
        return more
    executable = known.executable
    if executable is not None and more.executable is not None:
        executable |= more.executable
    return FileLines(known.executed | more.executed, executable, known.contexts | more.contexts)


def _newer(report_path: str, paths: Iterable[str], records: Mapping[str, FileRecord]) -> tuple[str, ...]:
    measured_at = moment(os.stat(report_path).st_mtime_ns)
    modified = ((path, records[path].last_modified) for path in paths)
    return tuple(sorted(path for path, at in modified if at is not None and at > measured_at))


# percent -----------------------------------------------------------------------------------------


def _percentages(
    root: str, files: Mapping[str, FileLines], records: Mapping[str, FileRecord]
) -> dict[str, float]:
    """Executed among executable lines, in percent; coverage.py finds the latter if need be."""
    raw = {
        path: lines for path, lines in files.items() if lines.executable is None and _is_python(records[path])
    }
    counted = {path: lines for path, lines in files.items() if lines.executable is not None}
    counted.update(_with_executable(root, raw))
    return {
        path: round(100 * len(lines.executed & lines.executable) / len(lines.executable), 2)
        for path, lines in counted.items()
        if lines.executable
    }


def _is_python(record: FileRecord) -> bool:
    return record.language == "python" and not record.error


def _with_executable(root: str, files: Mapping[str, FileLines]) -> dict[str, FileLines]:
    """*files* with their executable lines as coverage.py sees them; it parses the sources and runs nothing.

    The project's own coverage settings are not loaded: they can name plug-ins, which are code.
    """
    if not files:
        return {}
    try:
        from coverage import Coverage
        from coverage.exceptions import CoverageException
    except ImportError:
        raise MissingExtra(
            "a .coverage file can be read only with coverage.py",
            hint="install `coverage` beside quarterdeck, or run `coverage json` and hand over coverage.json",
        ) from None
    tool = Coverage(data_file=None, config_file=False)
    names = {path: os.path.join(root, path) for path in files}
    tool.get_data().add_lines({names[path]: lines.executed for path, lines in files.items()})
    found = {}
    for path, lines in files.items():
        try:
            _, executable, _, missing, _ = tool.analysis2(names[path])
        except (CoverageException, OSError, ValueError, RecursionError):
            continue  # it is gone or cannot be parsed: not measured
        found[path] = lines._replace(
            executed=frozenset(executable) - frozenset(missing), executable=frozenset(executable)
        )
    return found


# paths -------------------------------------------------------------------------------------------


def match_paths(report: Report, known: Iterable[str], root: str, folder: str) -> dict[str, str]:
    """Path as the report has it -> path in the index, for those that can be matched.

    A path inside *root* is taken as it is; a relative one may start at *root*, at *folder* (where the
    report lies) or at the report's own roots. Others come from another root: the two prefixes that
    most of them agree on (``/ci/build`` stands for the project, ``…/site-packages`` for ``src``) are
    exchanged; a single file that happens to have a familiar name is not enough.
    """
    indexed = set(known)
    found: dict[str, str] = {}
    foreign: dict[str, str] = {}
    for raw in report.files:
        plain = _posix(raw)
        starts = (root, folder, *map(_posix, report.roots))
        absolute = [plain] if _is_absolute(plain) else [f"{start}/{plain}" for start in starts]
        inside = [path for path in (_inside(root, each) for each in absolute) if path in indexed]
        if inside:
            found[raw] = inside[0]
        else:
            foreign[raw] = os.path.normpath(absolute[-1] if report.roots else absolute[0]).replace(
                os.sep, "/"
            )
    found.update(_other_root(foreign, indexed))
    return found


def _posix(path: str) -> str:
    windows = "\\" in path and ("/" not in path or path[1:3] == ":\\")
    return path.replace("\\", "/") if windows else path


def _is_absolute(path: str) -> bool:
    return path.startswith("/") or path[1:3] == ":/"


def _inside(root: str, path: str) -> str:
    """*path* relative to *root*; empty where it lies elsewhere."""
    if "\0" in path:
        return ""
    for candidate in (os.path.normpath(path), os.path.realpath(path)):
        if candidate.startswith(f"{root}{os.sep}"):
            return candidate[len(root) + 1 :].replace(os.sep, "/")
    return ""


def _other_root(foreign: Mapping[str, str], indexed: set[str]) -> dict[str, str]:
    by_name: dict[str, list[str]] = {}
    for path in indexed:
        by_name.setdefault(path.rpartition("/")[2], []).append(path)
    votes: Counter[tuple[str, str]] = Counter()
    for path in foreign.values():
        ends = {(_shared_end(path, each), each) for each in by_name.get(path.rpartition("/")[2], ())}
        longest = max((length for length, _ in ends), default=0)
        best = [each for length, each in ends if length == longest]
        if longest > 1 and len(best) == 1:
            votes[_prefixes(path, best[0], longest)] += 1
    found: dict[str, str] = {}
    for (theirs, ours), count in sorted(votes.items(), key=lambda vote: (-vote[1], vote[0])):
        if count == 1 and len(votes) > 1:
            break
        for raw, path in foreign.items():
            if raw not in found and path.startswith(theirs):
                candidate = ours + path[len(theirs) :]
                if candidate in indexed:
                    found[raw] = candidate
    return found


def _shared_end(a: str, b: str) -> int:
    """How many last parts the two paths have in common."""
    count = 0
    for left, right in zip(reversed(a.split("/")), reversed(b.split("/")), strict=False):
        if left != right:
            break
        count += 1
    return count


def _prefixes(theirs: str, ours: str, shared: int) -> tuple[str, str]:
    """What stands before the last *shared* parts of either, with its slash."""
    tail = "/".join(ours.split("/")[-shared:])
    return theirs[: -len(tail)], ours[: -len(tail)]


# contexts ----------------------------------------------------------------------------------------


class TestFinder:
    """Finds the test file that a coverage context names.

    Contexts come as ``tests/test_x.py::test_y[1]|run`` (pytest-cov), ``test_x.TestC.test_y`` and
    ``pkg.tests.test_x.test_y`` (coverage's ``test_function``), with a static context in front or not
    (``py311|…``). A name that fits several files finds none.

    Args:
        tests: paths of all test files.
    """

    __test__ = False  # not a test class, whatever its name

    def __init__(self, tests: Iterable[str]) -> None:
        self._by_end: dict[str, list[str]] = {}
        for path in tests:
            stem, suffix = os.path.splitext(path)
            if suffix == ".py":
                parts = stem.split("/")
                for start in range(len(parts)):
                    self._by_end.setdefault(".".join(parts[start:]), []).append(path)
        self._known: dict[str, str] = {}

    def find(self, context: str) -> str:
        """The test file that *context* names; empty when there is none or more than one."""
        head = context.partition("::")[0] if "::" in context else context
        key = head if "::" in context else context
        if key not in self._known:
            pieces = [piece for piece in head.split("|") if piece not in PHASES]
            self._known[key] = next(filter(None, map(self._module, reversed(pieces))), "")
        return self._known[key]

    def _module(self, name: str) -> str:
        """The test file of a path or a dotted name, whose last parts may be classes and functions."""
        dotted = name.removesuffix(".py").replace("\\", "/").replace("/", ".").strip(".")
        while dotted:
            paths = self._by_end.get(dotted, [])
            exact = [path for path in paths if path[:-3].replace("/", ".") == dotted]
            if len(paths) == 1 or exact:
                return (exact or paths)[0]
            if paths or name.endswith(".py"):
                return ""
            dotted = dotted.rpartition(".")[0]
        return ""
