"""How often the test map is right: its links against what a coverage run with contexts saw.

    python -m bench.coverage_links PROJECT…     each with a .coverage file made with contexts, for example by
                                          pytest --cov=src --cov-context=test --cov-report=

A test covers a file when lines of the file ran in a context of the test; lines that ran at import
time prove nothing. Only tests that ran and source files that were measured are compared. A pair that
several reasons name counts for the most confident one.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

from quarterdeck.index.coverage.matching import match
from quarterdeck.index.coverage.reports import read_report
from quarterdeck.index.graph.covers import FAINT, PROVEN, TRANSITIVE, TRANSITIVE_CONFIDENCE, Link
from quarterdeck.index.model import FileCategory
from quarterdeck.index.project_index import ProjectIndex

Pairs = dict[tuple[str, str], str]


def compare(root: str, report_path: str = "") -> tuple[Pairs, set[tuple[str, str]]]:
    """(test, file) -> how the map knows, and the pairs that the coverage run proved."""
    report_path = report_path or str(Path(root, ".coverage"))
    with ProjectIndex(root, use_cache=False) as index, index.frozen():
        records = {record.path: record for record in index.get_all_files()}
        taken = match(read_report(report_path), records, index.root, report_path)
        measured = [path for path in taken.percent if records[path].category is FileCategory.SOURCE]
        ran = {test for test, _ in taken.proven}
        named = {
            (link.test, path): label(link)
            for path in measured
            for link in index.get_tests_for([path])
            if link.test in ran
        }
    return named, {(test, path) for test, path in taken.proven if path in set(measured)}


def label(link: Link) -> str:
    """The reason, with the distance where there is one."""
    if link.how != TRANSITIVE:
        return link.how
    if link.confidence == FAINT:
        return f"{TRANSITIVE}, faint"
    distance = TRANSITIVE_CONFIDENCE.index(link.confidence) + 2
    return f"{TRANSITIVE}@{distance}{'+' if distance == len(TRANSITIVE_CONFIDENCE) + 1 else ''}"


def table(name: str, named: Pairs, proven: set[tuple[str, str]]) -> list[str]:
    """Markdown rows: project, reason, pairs, precision, recall."""
    pairs = Counter(named.values())
    right = Counter(how for pair, how in named.items() if pair in proven)
    return [
        f"| {name} | {how} | {count:,} | {right[how] / count:.2f} | {right[how] / max(len(proven), 1):.2f} |"
        for how, count in sorted(pairs.items())
        if how != PROVEN
    ]


def main(roots: list[str]) -> int:
    """Print one table of all projects, and the pooled rows last."""
    print("| Project | How | Pairs | Precision | Recall |\n|---|---|--:|--:|--:|")
    pooled: Pairs = {}
    truth: set[tuple[str, str]] = set()
    for root in roots:
        named, proven = compare(root)
        name = Path(root).resolve().name
        print(*table(name, named, proven), sep="\n")
        pooled |= {(f"{name}/{test}", f"{name}/{path}"): how for (test, path), how in named.items()}
        truth |= {(f"{name}/{test}", f"{name}/{path}") for test, path in proven}
    print(*table("**pooled**", pooled, truth), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
