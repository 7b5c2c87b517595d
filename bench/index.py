"""The project index next to tools that read the same code bases.

    corpus -> a working copy with a git history of one commit -> cold · warm · one file changed

Cold: no state at all, as on the first day. Warm: nothing changed since the last run, which every tool
but Quarterdeck, git and a cached ruff or grimp answers by starting again. One file changed: one module
got a line more. The floor is what no tool can go below: a bare interpreter that looks at every file once.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from bench import corpora, peers
from bench.measure import Contender, measure, nothing
from bench.results import ScenarioResult, scenario_result

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    Arguments: TypeAlias = Sequence[str | Path]
    Preparation: TypeAlias = Callable[[], object]

SUBJECT = "Quarterdeck"
COMMAND = "qd summary --json"
HEADLINE = (SUBJECT, peers.EMPATHY.label)

WORK = peers.ROOT / ".run" / "bench"
STANDARD_LIBRARY = "standard library"
PACKAGE = "django package"
"""The import package alone, without its tests and documentation: the scale of a usual project."""

CODE_BASES = (PACKAGE, "django", "sympy", "homeassistant", STANDARD_LIBRARY)
QUICK_CODE_BASES = (PACKAGE,)

SCAN = "from quarterdeck.index import ProjectScanner; ProjectScanner('.').scan()"
PEER_SCAN = "from empathy_os.project_index import ProjectScanner; ProjectScanner('.').scan()"
GRIMP_BUILD = "import grimp, sys; grimp.build_graph(sys.argv[1], cache_dir=sys.argv[2] or None)"
FLOOR = "import os, sys\nfor path in open(sys.argv[1], 'rb').read().split(b'\\0'): os.lstat(path)"
RUFF_BOTH = (
    '"$1" analyze graph --quiet . & "$1" check --quiet --exit-zero --isolated --select C901 $2 .; wait $!'
)


@dataclass(frozen=True, slots=True)
class CodeBase:
    """A working copy to measure on; only `changed_file` is ever written to.

    Attributes:
        name: of the corpus.
        package: its import package; empty where there is no single one.
        root: the working copy.
        files: how many it has, without ``.git``.
        file_list: a file that names them all, NUL between them.
        changed_file: the module that gets a line more in the scenario "one file changed".
    """

    name: str
    package: str
    root: Path
    files: int
    file_list: Path
    changed_file: Path


@dataclass(frozen=True, slots=True)
class Tools:
    """The ``bin`` folders of the contenders."""

    quarterdeck: Path
    empathy: Path
    ruff: Path
    grimp: Path


def run(*, rounds: int, quick: bool, say: Callable[[str], None]) -> list[ScenarioResult]:
    """Every scenario on every code base (on one, when *quick*)."""
    say("preparing the contenders")
    tools = Tools(
        peers.install_quarterdeck(),
        peers.install(peers.EMPATHY),
        peers.install(peers.RUFF),
        peers.install(peers.GRIMP),
    )
    results = []
    for name in QUICK_CODE_BASES if quick else CODE_BASES:
        say(f"preparing {name}")
        code_base = working_copy(name)
        for scenario, contenders in scenarios(code_base, tools).items():
            progress = partial(_progress, say, f"{scenario}, {name}")
            measured = measure(contenders, rounds=rounds, progress=progress)
            results.append(scenario_result(scenario, name, code_base.files, measured))
    return results


def scenarios(code_base: CodeBase, tools: Tools) -> dict[str, Sequence[Contender]]:
    """The contenders of each scenario, the subject first."""
    state = WORK / "state" / code_base.root.name
    shutil.rmtree(state, ignore_errors=True)
    root = str(code_base.root)

    def contender(name: str, argv: Arguments, prepare: Preparation = nothing, **env: str) -> Contender:
        return Contender(name, [str(argument) for argument in argv], root, env, prepare)

    def quarterdeck(name: str, argv: Arguments, home: str, prepare: Preparation = nothing) -> Contender:
        return contender(name, argv, prepare, QUARTERDECK_HOME=str(state / home))

    def ruff(cache: str, prepare: Preparation = nothing) -> Contender:
        argv: Arguments = ["sh", "-c", RUFF_BOTH, "sh", tools.ruff / "ruff", "" if cache else "--no-cache"]
        return contender(
            f"{peers.RUFF.label} (graph and C901)", argv, prepare, RUFF_CACHE_DIR=str(state / cache)
        )

    def grimp(cache: str, prepare: Preparation = nothing) -> list[Contender]:
        argv: Arguments = [
            tools.grimp / "python",
            "-c",
            GRIMP_BUILD,
            code_base.package,
            state / cache if cache else "",
        ]
        return [contender(peers.GRIMP.label, argv, prepare, PYTHONPATH=root)] if code_base.package else []

    scan: Arguments = [tools.quarterdeck / "python", "-c", SCAN]
    summary: Arguments = [tools.quarterdeck / "qd", "summary", "--json"]
    peer: Arguments = [tools.empathy / "python", "-c", PEER_SCAN]
    status: list[Arguments] = [["git", "status", "--porcelain"]] if shutil.which("git") else []
    floor = contender(
        "floor (start, lstat)", [tools.quarterdeck / "python", "-IS", "-c", FLOOR, code_base.file_list]
    )
    edit = _editor(code_base.changed_file)
    return {
        "cold": [
            quarterdeck(SUBJECT, scan, "cold", _remover(state / "cold")),
            contender(peers.EMPATHY.label, peer),
            ruff(""),
            *grimp(""),
            floor,
        ],
        "warm": [
            quarterdeck(SUBJECT, scan, "warm"),
            quarterdeck(COMMAND, summary, "warm"),
            contender(peers.EMPATHY.label, peer),
            ruff("ruff-warm"),
            *grimp("grimp-warm"),
            *(contender("git status", argv) for argv in status),
            floor,
        ],
        "one file changed": [
            quarterdeck(SUBJECT, scan, "changed", edit),
            quarterdeck(COMMAND, summary, "changed-command", edit),
            contender(peers.EMPATHY.label, peer, edit),
            ruff("ruff-changed", edit),
            *grimp("grimp-changed", edit),
            *(contender("git status", argv, edit) for argv in status),
            floor,
        ],
    }


def working_copy(name: str) -> CodeBase:
    """A copy of the corpus that may be changed; made the first time, put back in order each time."""
    source, package, module = _source(name)
    root = WORK / source.name
    if not root.exists():
        unfinished = WORK / f"{source.name}.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        leave_out = shutil.ignore_patterns(".git", "site-packages", "__pycache__")
        shutil.copytree(source, unfinished, symlinks=True, ignore=leave_out)
        _commit_all(unfinished)
        unfinished.rename(root)
    paths = [os.path.join(folder, file) for folder, _, files in _walk(root) for file in files]
    file_list = WORK / f"{source.name}.files"
    file_list.write_bytes(b"\0".join(map(os.fsencode, paths)))
    shutil.copy2(source / module, root / module)
    return CodeBase(name, package, root, len(paths), file_list, root / module)


def _source(name: str) -> tuple[Path, str, str]:
    """Where a code base comes from, its import package (if it has one), and the module that changes."""
    if name == STANDARD_LIBRARY:
        return corpora.standard_library(), "", "argparse.py"
    if name == PACKAGE:
        return corpora.fetch("django") / "django", "", "db/models/query.py"
    pinned = corpora.CORPORA[name]
    return corpora.fetch(name), pinned.package, pinned.module


def _progress(say: Callable[[str], None], title: str, text: str) -> None:
    say(f"{title}: {text}")


def _walk(root: Path) -> list[tuple[str, list[str], list[str]]]:
    """Like os.walk, without ``.git``."""
    found = []
    for folder, folders, files in os.walk(root):
        if ".git" in folders:
            folders.remove(".git")
        found.append((folder, folders, files))
    return found


def _commit_all(root: Path) -> None:
    """Give *root* a git history of one commit, where there is git."""
    if not shutil.which("git"):
        return
    who = ["-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c", "commit.gpgsign=false"]
    for arguments in (
        ["init", "--quiet"],
        ["add", "--all", "--force"],
        [*who, "commit", "--quiet", "-m", "corpus"],
    ):
        subprocess.run(["git", *arguments], cwd=root, check=True, stdout=sys.stderr)


def _editor(path: Path) -> Preparation:
    """A preparation that puts one more line at the end of *path*."""

    def edit() -> None:
        with open(path, "a", encoding="utf-8") as file:
            file.write("# one line more\n")

    return edit


def _remover(folder: Path) -> Preparation:
    """A preparation that removes *folder*."""
    return lambda: shutil.rmtree(folder, ignore_errors=True)
