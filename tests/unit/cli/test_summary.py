"""``qd summary``: one screen for people, one object for programs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from quarterdeck.index.model import ProjectSummary
from quarterdeck.index.project_index import ProjectIndex


def test_one_screen_tells_numbers_languages_health_and_what_to_look_at(qd, project: Path):
    """A reader who has never seen the project learns its size, its state and where to begin."""
    result = qd("summary")
    assert result.code == 0
    for words in (
        "7: 4 source, 1 test, 1 config, 1 docs",
        "python",
        "health",
        "of 100",
        "coverage never measured",
    ):
        assert words in result.out
    assert "shop/knot.py" in result.out
    assert len(result.out.splitlines()) <= 24


def test_the_json_answer_has_the_envelope_the_summary_and_the_health(qd, project: Path):
    """Every field of the summary, under a versioned schema, with the state it was checked against."""
    answer = qd("summary", "--json").json
    assert answer["schema"] == "quarterdeck.summary/1"
    assert set(answer) == {"schema", "project", "state", "summary", "health"}
    assert set(answer["summary"]) == set(ProjectSummary._fields)
    assert set(answer["health"]) == {"score", "confidence", "parts"}
    assert answer["state"]["files"] == answer["summary"]["total_files"] == 7


def test_the_health_is_never_older_than_the_question(qd, project: Path):
    """An edit, a new measurement and a mended file each show at once, though the score is kept."""
    first = qd("summary", "--json").json["health"]
    assert qd("summary", "--json").json["health"] == first
    (project / "tests" / "test_knot.py").write_text(
        "from shop.knot import knot\n\n\ndef test_knot():\n    knot(1)\n"
    )
    second = qd("summary", "--json").json["health"]
    assert second["score"] > first["score"]
    with ProjectIndex(str(project)) as index:
        index.update_coverage({"shop/knot.py": 10.0})
    third = qd("summary", "--json").json["health"]
    assert third["confidence"] > second["confidence"]
    assert third["score"] < second["score"]
    assert qd("report", "health", "--json").json["figures"]["score"] == third["score"]


def test_a_damaged_kept_score_is_made_anew(qd, project: Path):
    """It is a cache like any other."""
    expected = qd("summary", "--json").json["health"]
    (kept,) = Path(os.environ["QUARTERDECK_HOME"]).glob("projects/*/health.json")
    for damage in ("", "[]", "null", '{"made_from": 1}', '{"health": {"parts": 3}, "made_from": []}', "\0"):
        kept.write_text(damage)
        assert qd("summary", "--json").json["health"] == expected


def test_an_empty_folder_is_said_to_hold_nothing(qd, empty: Path):
    """Exit code 3, in words and in JSON."""
    assert qd("summary").code == 3
    result = qd("summary", "--json")
    assert result.code == 3
    assert result.json["code"] == "nothing-to-read"


def test_json_loads_nothing_that_is_only_for_people(project: Path):
    """Rich and the reports stay out of a program's way."""
    code = (
        "import sys\nfrom quarterdeck.cli import main\n"
        "try:\n    main(['summary', '--json'])\nexcept SystemExit:\n    pass\n"
        "people = ('rich', 'quarterdeck.index.advice.reports')\n"
        "bad = [name for name in sys.modules if name.startswith(people)]\n"
        "sys.exit(f'loaded {bad}' if bad else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
