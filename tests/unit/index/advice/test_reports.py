"""Reports: what each kind says, and that no file name, however hostile, becomes markup in any format."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

from quarterdeck.index.advice.evidence import Evidence
from quarterdeck.index.advice.health import health_of
from quarterdeck.index.advice.history import Churn, History
from quarterdeck.index.advice.reports import FORMATS, KINDS, build, render
from quarterdeck.index.advice.reports.document import Code, Column, Document, Paragraph, Section, Table
from quarterdeck.index.advice.sprint import CAPACITY_DAYS, plan
from quarterdeck.index.advice.staleness import BEFORE, COMMIT, MTIME, Changed, last_changed, stale_files
from quarterdeck.index.facts.facts import Function
from quarterdeck.index.model import FileCategory, FileRecord, State, TestRequirement
from quarterdeck.index.settings import IndexConfig

NOW = datetime(2026, 6, 1, tzinfo=UTC)
HOSTILE = (
    "<script>alert(1)</script>.py",
    '"><img src=x onerror=alert(1)>.py',
    "a|b`c``d.py",
    "`tick`.py",
    "new\nline\r# heading.py",
    "[link](http://x.example)![i](y).py",
    "bad\udcff\u202e.py",
    "&lt;b&gt;*bold*_x_.py",
)


def record(path: str, **fields: object) -> FileRecord:
    given = {
        "category": FileCategory.SOURCE,
        "language": "python",
        "test_requirement": TestRequirement.REQUIRED,
        "lines_of_code": 80,
        "functions": 4,
        "max_complexity": 3,
        "complexity_score": 9.0,
        "documented_ratio": 0.5,
        "hinted_ratio": 0.5,
        "import_count": 1,
        "last_modified": NOW,
        **fields,
    }
    return FileRecord(path=path, name=path, **given)  # type: ignore[arg-type]


def evidence(
    *records: FileRecord, cycles: tuple[tuple[str, ...], ...] = (), history: bool = True
) -> Evidence:
    config = IndexConfig()
    past = History("abc", NOW) if history else History("", NOW, reason="it is not in a git repository")
    changed = {each.path: Changed(each.last_modified, COMMIT) for each in records if each.last_modified}
    stale = stale_files(records, changed, config.staleness_threshold_days)
    return Evidence(
        root="/somewhere/<b>shop</b>",
        state=State("f" * 64, NOW, len(records), 0),
        config=config,
        records=records,
        worst={
            each.path: Function("worst_one", 7, 60, each.max_complexity, 1, True, True)
            for each in records
            if each.max_complexity > 15
        },
        cycles=cycles,
        history=past,
        churn={each.path: Churn(2, 1, 5, 3, NOW) for each in records} if history else None,
        stale=tuple(stale),
        health=health_of(records, cycles, stale, config),
    )


def everything(paths: tuple[str, ...] = HOSTILE) -> Evidence:
    """Evidence in which every path turns up in every report that could name it."""
    old = NOW.replace(month=1)
    test = "tests/test_all.py"
    tested = {"tests_exist": True, "test_files": (test,), "test_count": 1}
    sources = [
        record(
            path,
            max_complexity=30 + number,
            coverage_percent=20.0,
            impact_score=9.0,
            **(tested if number % 2 else {}),
        )
        for number, path in enumerate(paths)
    ]
    broken = [record(f"broken/{path}", error="line 1: <b>", coverage_percent=None) for path in paths]
    tests = record(
        test, category=FileCategory.TEST, last_modified=old, test_requirement=TestRequirement.NOT_APPLICABLE
    )
    return evidence(*sources, *broken, tests, cycles=(paths[:3],))


class Seen(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.codes: list[str] = []
        self._in_code = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)
        if tag == "code":
            self._in_code = True
            self.codes.append("")

    def handle_endtag(self, tag: str) -> None:
        self._in_code = self._in_code and tag != "code"

    def handle_data(self, data: str) -> None:
        if self._in_code:
            self.codes[-1] += data


def one_table(path: str) -> Document:
    table = Table(
        "files", (Column("path", "File"), Column("n", "N")), ((Code(path), 1), (Code("next.py", 3), None)), 5
    )
    sections = (Section("Part", (Paragraph(f"about {path}"), table)),)
    return Document("health", f"Title {path}", "/x", State("a" * 64, NOW, 1, 0), (), sections)


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_holds_only_the_tags_of_its_own_and_asks_nobody_for_anything(kind: str):
    """Every hostile name stays text; there is no script, no link, no image, no inline style or handler."""
    page = render(build(kind, everything()), "html")
    seen = Seen(page)
    body = {"h1", "h2", "p", "code", "dl", "div", "dt", "dd", "section", "ul", "li", "main"}
    table = {"table", "thead", "tbody", "tr", "th", "td"}
    assert seen.tags <= {"html", "head", "meta", "title", "style", "body"} | body | table
    assert seen.attributes <= {
        "lang",
        "charset",
        "http-equiv",
        "content",
        "name",
        "class",
        "scope",
        "tabindex",
    }


@pytest.mark.parametrize("path", HOSTILE)
def test_a_page_shows_a_hostile_name_as_it_is(path: str):
    """Read back by an HTML parser, the name is the name, with control characters as escapes."""
    codes = Seen(render(one_table(path), "html")).codes
    shown = path.replace("\n", "\\n").replace("\r", "\\r").replace("\udcff\u202e", "\\udcff\\u202e")
    assert shown in codes


def test_the_policy_of_a_page_allows_its_own_style_sheet_and_nothing_else():
    """The hash in the policy is that of the style sheet in the page."""
    page = render(one_table("a.py"), "html")
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'" in page
    assert "prefers-color-scheme: dark" in style[1]
    assert 'name="viewport"' in page


@pytest.mark.parametrize("path", HOSTILE)
def test_markdown_shows_a_hostile_name_as_it_is(path: str):
    """Read by a Markdown parser of its own, the table keeps its columns and the name is one code span."""
    text = render(one_table(path), "md")
    page = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    seen = Seen(page)
    assert seen.tags <= {"h1", "h2", "p", "code", "table", "thead", "tbody", "tr", "th", "td"}
    shown = path.replace("\n", "\\n").replace("\r", "\\r").replace("\udcff\u202e", "\\udcff\\u202e")
    assert shown in seen.codes
    assert page.count("<td") == 4
    assert "… and 5 more." in text


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", FORMATS)
def test_every_report_of_everything_can_be_encoded(kind: str, form: str):
    """Names with broken bytes end no report."""
    assert render(build(kind, everything()), form).encode()


@pytest.mark.parametrize("kind", KINDS)
def test_json_rows_have_the_columns_as_keys(kind: str):
    """Tables are lists of objects with one set of keys; the names in them are whole."""
    answer = json.loads(render(build(kind, everything()), "json"))
    assert answer["schema"] == "quarterdeck.report/1"
    for table in answer["tables"].values():
        assert table["rows"]
        assert len({frozenset(row) for row in table["rows"]}) == 1
    if kind == "coverage":
        assert {row["path"] for row in answer["tables"]["gaps"]["rows"]} == set(HOSTILE)


@pytest.mark.parametrize("kind", KINDS)
def test_a_project_without_code_gets_a_report_that_says_so(kind: str):
    """Words instead of empty tables, and no score."""
    made = build(
        kind,
        evidence(
            record(
                "README.md",
                category=FileCategory.DOCS,
                language="markdown",
                test_requirement=TestRequirement.NOT_APPLICABLE,
            )
        ),
    )
    assert not [block for section in made.sections for block in section.blocks if isinstance(block, Table)]
    assert made.sections
    if kind == "health":
        assert made.value("score") is None


def test_a_missing_history_is_noted_in_every_report():
    """The reader learns why there are no commits in it."""
    made = build("tests", evidence(record("a.py"), history=False))
    assert made.notes == ("there is no history to go by: it is not in a git repository",)
    assert json.loads(render(made, "json"))["tables"]["untested"]["rows"][0]["commits"] is None


def test_the_test_gap_puts_first_what_most_depends_on():
    """Then the more complex."""
    files = [
        record("low.py"),
        record("knotty.py", complexity_score=50.0),
        record("wide.py", impact_score=30.0),
    ]
    rows = json.loads(render(build("tests", evidence(*files)), "json"))["tables"]["untested"]["rows"]
    assert [row["path"] for row in rows] == ["wide.py", "knotty.py", "low.py"]


def test_a_sprint_fits_its_days_and_sizes_its_items():
    """Larger and knottier files take longer; what does not fit is left for later, not dropped."""
    small = record("small.py", lines_of_code=20, complexity_score=3.0)
    large = record("large.py", lines_of_code=900, complexity_score=90.0)
    made = plan(evidence(small, large, *(record(f"f{number}.py", lines_of_code=400) for number in range(20))))
    days = {item.path: item.days for item in (*made.chosen, *made.later)}
    assert days["small.py"] == 0.5
    assert days["large.py"] == 3.0
    assert sum(item.days for item in made.chosen) <= CAPACITY_DAYS
    assert len(made.chosen) + len(made.later) == 22


def test_a_sprint_holds_every_kind_of_work_there_is():
    """Each need of a project becomes an item, with the numbers behind it."""
    old = NOW.replace(month=1)
    tested = {"tests_exist": True, "test_files": ("test_b.py",)}
    made = plan(
        evidence(
            record("a.py", max_complexity=40),
            record("b.py", **tested),
            record("c.py", **tested, coverage_percent=5.0, error="line 2: no"),
            record("test_b.py", category=FileCategory.TEST, last_modified=old),
            cycles=(("a.py", "b.py"),),
        ),
        capacity_days=100,
    )
    assert {item.kind for item in made.chosen} == {
        "mend", "write tests", "raise coverage", "split function", "update tests", "break cycle",
    }  # fmt: skip
    split = next(item for item in made.chosen if item.kind == "split function")
    assert split.why.startswith("worst_one at line 7: ")


def test_a_file_that_rests_since_before_the_window_is_not_stale():
    """Neither is one whose tests rest as long; a lower bound is told as one."""
    since = datetime(2026, 1, 1, tzinfo=UTC)
    churn = {"moved.py": Churn(1, 1, 1, 0, datetime(2026, 3, 1, tzinfo=UTC))}
    files = [
        record("moved.py", test_files=("test_x.py",)),
        record("rests.py", test_files=("test_x.py",)),
        record("edited.py", test_files=("test_x.py",)),
        record("test_x.py", category=FileCategory.TEST),
    ]
    changed = last_changed(files, churn, {"moved.py", "rests.py", "test_x.py"}, since)
    assert {path: how for path, (_, how) in changed.items()} == {
        "moved.py": COMMIT, "rests.py": BEFORE, "edited.py": MTIME, "test_x.py": BEFORE,
    }  # fmt: skip
    found = stale_files(files, changed, 7)
    assert [(each.path, each.days, each.at_least) for each in found] == [
        ("edited.py", 151, True),
        ("moved.py", 59, True),
    ]
    assert stale_files(files, changed, 0) == []
