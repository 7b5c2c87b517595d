"""Several processes index, edit, clear, note and ask at once: nobody gets a wrong answer."""

from __future__ import annotations

import os
from pathlib import Path

from quarterdeck.index import ProjectIndex
from tests.index_worlds import assert_right, grow, start

FILES = 130
ROUNDS = 25

ASK = """
import sys
from quarterdeck.index import ProjectIndex
root, rounds = sys.argv[1], int(sys.argv[2])
for number in range(rounds):
    with ProjectIndex(root) as index:
        with index.frozen() as state:
            records = {record.path: record for record in index.get_all_files()}
            summary = index.get_summary()
            edges = index.get_edges()
        assert summary.total_files == len(records), (summary.total_files, len(records))
        assert {edge.source for edge in edges} <= set(records), "an edge from nowhere"
        for edge in edges:
            assert edge.target in records[edge.source].imports, edge
        print(state.id, index.problems or "")
"""
EDIT = """
import os, random, sys
root, rounds, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
dice = random.Random(seed)
for number in range(rounds):
    path = os.path.join(root, "pkg", f"m{dice.randrange(130)}.py")
    if dice.random() < 0.2 and os.path.exists(path):
        os.rename(path, path + ".away") if dice.random() < 0.5 else os.unlink(path)
    else:
        with open(path, "a") as file:
            file.write(f"import pkg.m{dice.randrange(130)}\\nx{number} = {seed}\\n")
"""
NOTE = """
import sys
from quarterdeck.index import ProjectIndex
from quarterdeck.errors import NotIndexed
root, rounds, who = sys.argv[1], int(sys.argv[2]), sys.argv[3]
for number in range(rounds):
    with ProjectIndex(root) as index:
        record = index.update_file("keep.py", **{f"{who}-{number}": number})
        assert record.metadata[f"{who}-{number}"] == number, record.metadata
        document = index.update_file("keep.md", **{f"{who}-{number}": number})
        assert document.metadata[f"{who}-{number}"] == number, document.metadata
"""
CLEAR = """
import sys
from quarterdeck.index import ProjectScanner
for number in range(int(sys.argv[2])):
    scanner = ProjectScanner(sys.argv[1])
    scanner.clear_cache()
    scanner.scan()
    assert not scanner.problems, scanner.problems
"""


def finished(children):
    """What every child printed; all of them have ended well and without a complaint."""
    answers = [child.communicate(timeout=120) for child in children]
    assert "".join(err for _, err in answers) == ""
    assert [child.returncode for child in children] == [0] * len(children)
    return [out for out, _ in answers]


def project_at(root):
    grow(root, FILES, functions=2)
    (root / "keep.py").write_text("import pkg.m0\n")
    (root / "keep.md").write_text("# Kept\n")
    return root


def test_processes_of_all_kinds_share_one_index(tmp_path):
    """No traceback, no contradiction, every note kept, and the last answer equals a clean one."""
    root = project_at(tmp_path / "project")
    children = [
        start(ASK, root, ROUNDS),
        start(ASK, root, ROUNDS),
        start(EDIT, root, 4000, 1),
        start(NOTE, root, ROUNDS, "first"),
        start(NOTE, root, ROUNDS, "second"),
        start(CLEAR, root, 6),
    ]
    finished(children)
    assert assert_right(root) == ()
    expected = {f"{who}-{number}": number for who in ("first", "second") for number in range(ROUNDS)}
    with ProjectIndex(str(root)) as index:
        assert index.require_file("keep.py").metadata == expected
        assert index.require_file("keep.md").metadata == expected


def test_a_state_is_never_of_a_tree_that_never_was(tmp_path):
    """While whole trees are swapped under them, readers name only states that one of the trees has."""
    root = project_at(tmp_path / "project")
    states = set()
    for number in range(3):
        (root / "keep.py").write_text(f"x = {number}\n")
        with ProjectIndex(str(root), use_cache=False) as index:
            states.add(index.state.id)
    code = (
        "import os, sys\nfor number in range(3000):\n"
        "    new = sys.argv[2] + f'-{number % 3}'\n"
        "    with open(new, 'w') as file:\n        file.write(f'x = {number % 3}\\n')\n"
        "    os.replace(new, os.path.join(sys.argv[1], 'keep.py'))\n"
    )
    readers = [start(ASK, root, ROUNDS) for _ in range(3)]
    answers = finished([start(code, root, tmp_path / "new"), *readers])
    seen = {line.split()[0] for out in answers for line in out.splitlines()}
    assert seen
    assert seen <= states


def test_many_processes_may_build_the_same_index_from_nothing(tmp_path):
    """All of them open, create and fill the same new stores at the same moment."""
    root = project_at(tmp_path / "project")
    for _ in range(3):
        home = Path(os.environ["QUARTERDECK_HOME"])
        answers = finished([start(ASK, root, 2) for _ in range(6)])
        assert len({line for out in answers for line in out.splitlines()}) == 1
        for path in sorted(home.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()


def test_two_settings_at_once_do_not_mix(tmp_path):
    """Two processes with different settings take turns: each gets the answer of its own settings."""
    root = project_at(tmp_path / "project")
    (root / "skip").mkdir()
    (root / "skip" / "one.py").write_text("import keep\n")
    code = (
        "import sys\nfrom quarterdeck.index import ProjectIndex\n"
        "for number in range(20):\n"
        "    with open(sys.argv[1] + '/keep.md', 'a') as file:\n        file.write('x')\n"
        "    with ProjectIndex(sys.argv[1]) as index:\n"
        "        high = index.config.low_coverage_threshold\n"
        "        index.update_coverage({'keep.py': 60})\n"
        "        record = index.require_file('keep.py')\n"
        "        assert any('cover' in why for why in record.attention_reasons) == (high > 60), record\n"
    )
    finished(
        [
            start(code, root, QUARTERDECK_INDEX_LOW_COVERAGE_THRESHOLD=threshold)
            for threshold in (50, 90, 50, 90)
        ]
    )
    assert assert_right(root) == ()
