"""Real output for the README: `python -m docs.samples`, after a change to what the commands print.

    qd on the pinned Django                ->  docs/images/summary.svg
                                           ->  the region <!-- sample:tests --> of README.md
    qd costs on generated transcripts      ->  docs/images/costs.svg
      (the same ones always), at `NOON`    ->  the region <!-- sample:costs --> of README.md
    qd memory in an empty project          ->  the regions of `MEMORY` in docs/how-to/share-memory.md,
                                           ->  the first of them in README.md, too
    qd patterns in an empty project        ->  the regions of `PATTERNS` in learn-from-patterns.md there,
                                           ->  the first of them in README.md, too
    qd loops on made-up sessions and       ->  the regions of `LOOPS` in stop-agents-in-loops.md there,
      histories (the same ones always)     ->  some of them in README.md, too

Tests make all regions again and compare.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from bench import corpora
from quarterdeck.testing import demo_loops
from quarterdeck.testing.demo import SEED, TRANSCRIPT_BYTES
from quarterdeck.testing.transcripts import write_transcripts

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
README = ROOT / "README.md"
MEMORY_PAGE = ROOT / "docs" / "how-to" / "share-memory.md"
PATTERNS_PAGE = ROOT / "docs" / "how-to" / "learn-from-patterns.md"
LOOPS_PAGE = ROOT / "docs" / "how-to" / "stop-agents-in-loops.md"
TESTS_FOR = ("tests", "for", "django/utils/html.py", "-n", "8")
WIDTH = 112
TIMEOUT_S = 120
"""Of one command: `qd loops watch` would wait for ever if there were no loop."""

NOON = "2026-10-30T12:00:00+00:00"
"""Of the last day of the generated transcripts; the sample is taken as if it were now."""

MEMORY = {
    "memory-put": (
        """qd memory put plan '{"files": ["a.py", "b.py"], "by": "planner"}' --ttl 2h""",
        "qd memory get plan",
        "echo 'look at a.py first' | qd memory put note --agent reviewer",
        "qd memory get note --from reviewer --text",
        "qd memory ls --all",
    ),
    "memory-if": (
        "qd memory put leader worker-1 --if-absent --ttl 30s",
        "qd memory put leader worker-2 --if-absent --ttl 30s",
    ),
    "memory-queue": (
        """qd memory push reviews '{"pull": 7}'""",
        "qd memory pop reviews",
        "qd memory pop reviews",
    ),
    "memory-secret": (
        """qd memory put access '{"mail": "ada@example.com", "password": "correct horse 7"}'""",
        "qd memory get access",
    ),
}
"""By region: commands, one after the other in one project."""

PATTERNS = {
    "patterns-search": (
        'qd patterns add --name "Wait for a locked database" --tag sqlite '
        '--description "Set busy_timeout before the first write."',
        'qd patterns add --name "Retrying writes" --lesson avoid --tag sqlite '
        '--description "What timed out may have happened."',
        "qd patterns search sqlite database is locked",
    ),
    "patterns-outcome": (
        "qd patterns outcome wait-for-a-locked-database worked --agent fixer",
        "qd patterns outcome wait-for-a-locked-database worked",
        "qd patterns outcome wait-for-a-locked-database failed --note 'held for ten minutes'",
        "qd patterns search locked",
    ),
    "patterns-filters": ("qd patterns search sqlite writes --lesson avoid",),
    "patterns-query": (
        "qd patterns query task='sqlite is locked' language=python --no-explore --render 150",
    ),
    "patterns-share": (
        "qd patterns export skills",
        "qd patterns import skills --namespace team",
        "qd patterns top --namespace team",
    ),
}
"""By region: commands, one after the other in one project."""

LOOPS = {
    "loops-scan": ("qd loops scan",),
    "loops-record": ("qd loops scan --record | tail -n 1", "qd patterns search RETRY_LIMIT"),
    "loops-watch": ('qd loops watch --session retry --exit-on stop; echo "exit code $?"',),
    "loops-hook": (
        "cat call.json",
        'qd loops hook < call.json; echo "exit code $?"',
        'qd loops hook < call.json; echo "exit code $?"',
    ),
    "loops-check": ("qd loops check spiral.jsonl", "qd loops check ramp.jsonl"),
    "loops-discover": ("qd loops discover storm.jsonl",),
}
"""By region: commands, one after the other in one project with sessions and histories."""

AT_NOON = f"""
import sys
from datetime import datetime
from quarterdeck.costs.ledger.calendar import Calendar

Calendar.now = lambda self: datetime.fromisoformat("{NOON}").astimezone(self.zone)
Calendar.today = lambda self: self.now().date()

from quarterdeck.cli import main
main(sys.argv[1:])
"""


def told(folder: Path, *command: str) -> str:
    """What ``qd`` prints in *folder*, with a state of its own."""
    with tempfile.TemporaryDirectory(prefix="quarterdeck-samples.") as state:
        env = {**os.environ, "QUARTERDECK_HOME": state, "NO_COLOR": "1", "COLUMNS": str(WIDTH)}
        return _printed([str(Path(sys.executable).parent / "qd"), *command], folder, env)


def costs() -> str:
    """What ``qd costs`` prints at `NOON` of generated transcripts."""
    with tempfile.TemporaryDirectory(prefix="quarterdeck-samples.") as home:
        write_transcripts(home, seed=SEED, size_bytes=TRANSCRIPT_BYTES)
        env = {"PATH": os.environ["PATH"], "HOME": home, "QUARTERDECK_HOME": f"{home}/state", "TZ": "UTC"}
        qd = [sys.executable, "-c", AT_NOON]
        _printed([*qd, "costs", "import"], Path(home), env)
        _printed([*qd, "costs", "budget", "set", "10", "--per", "week"], Path(home), env)
        return f"$ qd costs\n{_printed([*qd, 'costs'], Path(home), env)}"


def memory() -> dict[str, str]:
    """What the commands of `MEMORY` print, with them, by region."""
    return _in_an_empty_project(MEMORY)


def patterns() -> dict[str, str]:
    """What the commands of `PATTERNS` print, with them, by region."""
    return _in_an_empty_project(PATTERNS)


def loops() -> dict[str, str]:
    """What the commands of `LOOPS` print, with them, by region."""
    with tempfile.TemporaryDirectory(prefix="quarterdeck-samples.") as home:
        project = Path(home)
        demo_loops.write_sessions(project, project)
        demo_loops.write_histories(project)
        demo_loops.write_question(project / "call.json")
        return _in_project(project, LOOPS)


def _in_an_empty_project(regions: dict[str, tuple[str, ...]]) -> dict[str, str]:
    with tempfile.TemporaryDirectory(prefix="quarterdeck-samples.") as home:
        return _in_project(Path(home), regions)


def _in_project(home: Path, regions: dict[str, tuple[str, ...]]) -> dict[str, str]:
    """What commands print, with them, by region; a word goes to stderr as to stdout."""
    (home / "pyproject.toml").touch()
    env = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(home),
        "QUARTERDECK_HOME": str(home / "state"),
        "TZ": "UTC",
    }
    return {
        name: "\n".join(f"$ {command}\n{_said(command, home, env)}".rstrip() for command in commands)
        for name, commands in regions.items()
    }


def _said(command: str, folder: Path, env: dict[str, str]) -> str:
    return _printed(["sh", "-c", f"{{ {command}; }} 2>&1 || true"], folder, env)


def _printed(command: list[str], folder: Path, env: dict[str, str]) -> str:
    done = subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, check=True, timeout=TIMEOUT_S
    )
    return "\n".join(line.rstrip() for line in done.stdout.splitlines()).strip("\n")


def summary(folder: Path) -> str:
    """What ``qd summary`` prints in *folder*."""
    return f"$ qd summary\n{told(folder, 'summary')}".replace(str(folder), f"~/{folder.name}")


def picture(text: str, name: str) -> str:
    """A command, the first line of *text*, and what it prints, as an SVG that loads nothing from anywhere."""
    from rich.console import Console
    from rich.text import Text

    command, _, output = text.partition("\n")
    width = max(map(len, text.splitlines())) + 1
    console = Console(record=True, width=width, file=io.StringIO(), force_terminal=True)
    console.print(Text(command, style="bold green"))
    console.print(Text(output), highlight=False, soft_wrap=True)
    svg = console.export_svg(title="Quarterdeck", unique_id=name)
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)


def sample(folder: Path) -> str:
    """The README's sample of the index: a command and what it prints."""
    return f"~/{folder.name}$ qd {' '.join(TESTS_FOR)}\n{told(folder, *TESTS_FOR)}"


def put(name: str, text: str, page: Path = README) -> None:
    """Make *text* the region *name* of *page*."""
    region = re.compile(rf"(<!-- sample:{name} -->\n).*?(<!-- /sample:{name} -->)", re.DOTALL)
    page.write_text(region.sub(lambda match: f"{match[1]}```\n{text}\n```\n{match[2]}", page.read_text()))


def write() -> None:
    """Write all of it."""
    django = corpora.fetch("django")
    IMAGES.mkdir(exist_ok=True)
    (IMAGES / "summary.svg").write_text(picture(summary(django), "summary"))
    (IMAGES / "costs.svg").write_text(picture(costs(), "costs"))
    put("tests", sample(django))
    put("costs", costs())
    for page, regions in ((MEMORY_PAGE, memory()), (PATTERNS_PAGE, patterns()), (LOOPS_PAGE, loops())):
        for name, text in regions.items():
            put(name, text, page)
            put(name, text)  # where README.md has it


if __name__ == "__main__":
    write()
