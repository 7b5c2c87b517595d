"""Facts of files in other languages, against values counted by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterdeck.errors import MissingExtra
from quarterdeck.index.facts import lang
from quarterdeck.index.facts.facts import Import
from quarterdeck.index.facts.lang import lang_facts, missing, supported
from quarterdeck.index.facts.lang.resolve import resolve_local
from quarterdeck.index.facts.lang.tables import GRAMMARS

SAMPLES = Path(__file__).parents[3] / "data" / "lang"


def sample(name, language):
    return lang_facts((SAMPLES / name).read_bytes(), language)


# name, line, last line, cyclomatic, cognitive, documented
COUNTED = {
    ("sample.js", "javascript"): [
        ("sort", 8, 25, 7, 16, True),
        ("Shelf.size", 30, 32, 1, 0, True),
        ("Shelf.load", 34, 41, 2, 1, False),
        ("pick", 44, 44, 1, 1, False),
        ("<anonymous>", 46, 49, 1, 0, False),
    ],
    ("sample.ts", "typescript"): [
        ("Base.constructor", 13, 13, 1, 0, False),
        ("Base.find", 16, 23, 3, 4, True),
        ("Base.guess", 25, 28, 2, 1, False),
        ("inner.twice", 32, 34, 1, 0, False),
    ],
    ("sample.go", "go"): [
        ("Shelf.Sum", 18, 36, 6, 8, True),
        ("helper", 38, 45, 2, 2, False),
        ("TestSum", 47, 47, 1, 0, False),
    ],
    ("sample.rs", "rust"): [
        ("Shelf.best", 13, 29, 6, 8, True),
        ("apply", 32, 35, 2, 3, False),
        ("tests.adds", 40, 40, 1, 0, False),
    ],
    ("Sample.java", "java"): [
        ("Sample.Sample", 11, 13, 1, 0, False),
        ("Sample.count", 19, 40, 8, 11, True),
        ("Sample.countsNothing", 43, 43, 1, 0, False),
    ],
    ("sample.c", "c"): [("shelf_count", 5, 27, 6, 9, True), ("name", 34, 34, 1, 0, False)],
    ("sample.cpp", "cpp"): [
        ("shelf.List.List", 10, 10, 1, 0, False),
        ("shelf.List.~List", 11, 11, 1, 0, False),
        ("shelf.List.operator==", 12, 12, 1, 0, False),
        ("shelf.List.size", 18, 33, 5, 10, True),
        ("TEST", 37, 37, 1, 0, False),
    ],
}


@pytest.mark.parametrize("source, functions", COUNTED.items(), ids=lambda value: value[1] if value else "")
def test_functions_have_the_figures_a_person_counts(source, functions):
    """Name, lines, both complexities and the doc comment are those counted by hand."""
    assert [function[:6] for function in sample(*source).functions] == functions


@pytest.mark.parametrize(
    "name, language, lines, sloc, tests, classes",
    [
        ("sample.js", "javascript", 49, 39, 2, ["Shelf"]),
        ("sample.ts", "typescript", 35, 28, 0, ["Shape", "Colour", "Base"]),
        ("sample.go", "go", 47, 36, 1, ["Shelf", "reader"]),
        ("sample.rs", "rust", 41, 34, 1, ["Shelf"]),
        ("Sample.java", "java", 48, 38, 1, ["Sample", "Sample.Reader"]),
        ("sample.c", "c", 34, 30, 0, ["shelf"]),
        ("sample.cpp", "cpp", 37, 30, 1, ["shelf.List"]),
    ],
)
def test_lines_tests_and_classes_are_counted(name, language, lines, sloc, tests, classes):
    """A comment-only line is no source line, a comment behind code is; only declared tests count."""
    facts = sample(name, language)
    assert (facts.lines, facts.sloc, facts.tests) == (lines, sloc, tests)
    assert [each.name for each in facts.classes] == classes
    assert facts.error == ""


@pytest.mark.parametrize(
    "name, language, imports",
    [
        (
            "sample.js",
            "javascript",
            [
                ("./base.js", "runtime", 1),
                ("./again.js", "runtime", 2),
                ("path", "runtime", 3),
                ("./late.js", "dynamic", 35),
                ("./lazy.js", "lazy", 37),
            ],
        ),
        ("sample.ts", "typescript", [("./row", "type_checking", 1), ("./store", "runtime", 2)]),
        ("sample.go", "go", [("fmt", "runtime", 5), ("example.org/shelf/store", "runtime", 7)]),
        (
            "sample.rs",
            "rust",
            [("crate::store::{Row, Table as T}", "runtime", 2), ("mod lines", "runtime", 3)],
        ),
        (
            "Sample.java",
            "java",
            [
                ("java.util.List", "runtime", 3),
                ("org.example.Rows.first", "runtime", 4),
                ("org.example.store.*", "runtime", 5),
            ],
        ),
        ("sample.c", "c", [("<stdio.h>", "runtime", 1), ('"shelf.h"', "runtime", 2)]),
    ],
)
def test_imports_are_what_the_file_says(name, language, imports):
    """The module as written, how it comes about, and its line; C keeps quotes and brackets apart."""
    found = sample(name, language).imports
    assert [(each.module, each.kind, each.line) for each in found] == imports


def test_exports_are_given_where_the_language_says_them():
    """JavaScript by its export statements, Go by capitals; a nested namespace exports nothing."""
    assert sample("sample.js", "javascript").exports == ("sort",)
    assert sample("sample.ts", "typescript").exports == ("Shape", "Colour", "Base")
    assert sample("sample.go", "go").exports == ("Limit", "Shelf", "TestSum")
    assert sample("sample.c", "c").exports is None


def test_only_typescript_is_asked_for_its_hints():
    """JavaScript has none, Go and its like always have them, TypeScript where they are written."""
    assert [function.hinted for function in sample("sample.ts", "typescript").functions] == [
        True,
        True,
        False,
        True,
    ]
    assert not any(function.hinted for function in sample("sample.js", "javascript").functions)
    assert all(function.hinted for function in sample("sample.go", "go").functions)


def test_a_syntax_error_has_a_line_and_the_rest_is_still_read():
    """The parser reads on behind a mistake."""
    facts = lang_facts(b"function a() {}\nlet = = 3;\nfunction b() { if (a) {} }\n", "javascript")
    assert facts.error == "line 2: syntax error"
    assert [(each.name, each.complexity) for each in facts.functions] == [("a", 1), ("b", 2)]


def test_a_function_that_only_gathers_others_is_not_charged_for_them():
    """A JavaScript module pattern has no cognitive complexity of its own."""
    facts = lang_facts(b"function wrap() { function f() { if (a) { if (b) {} } } }", "javascript")
    assert [(each.name, each.complexity, each.cognitive) for each in facts.functions] == [
        ("wrap", 1, 0),
        ("wrap.f", 3, 3),
    ]


def test_a_minified_or_huge_file_is_counted_and_says_so():
    """Parsing it would take long and tell nobody anything."""
    minified = lang_facts(b"var a=1;" * 5000, "javascript")
    assert (minified.lines, minified.sloc, minified.functions) == (1, 1, ())
    assert minified.error == "line 1: not parsed: minified (40000 bytes in 1 lines)"
    huge = lang_facts(b"var a = 1;\n" * (lang.MAX_BYTES // 11 + 1), "javascript")
    assert huge.error.startswith("line 1: not parsed: ")


@pytest.mark.parametrize("language", GRAMMARS)
@pytest.mark.parametrize(
    "source",
    [
        b"(" * 15_000,
        b"{\n" * 30_000,
        b"if(a){\n" * 5_000,
        b"void f(){if(a){}" + b"else if(a){}\n" * 5_000 + b"}",
    ],
    ids=["parentheses", "braces", "ifs", "else-ifs"],
)
def test_endless_nesting_is_survived(language, source):
    """However deep, the answer is facts about the right number of lines."""
    assert lang_facts(source, language).lines == source.count(b"\n") + (not source.endswith(b"\n"))


WORDS = ["if", "else", "{", "}", "(", ")", "fn", "func", "function", "class", "x", "=", "=>", ";", "import"]
WORDS += ["'", "&&", "?", ":", "case", "/*", "*/", "//"]


@pytest.mark.parametrize("language", GRAMMARS)
@settings(max_examples=30, deadline=None)
@given(
    source=st.binary(max_size=300)
    | st.lists(
        st.sampled_from([*WORDS, "\n"]),
        max_size=60,
    ).map(lambda words: " ".join(words).encode())
)
def test_no_bytes_raise(language, source):
    """Any bytes give facts that fit the file."""
    facts = lang_facts(source, language)
    assert all(1 <= each.line <= each.end_line <= facts.lines for each in facts.functions)
    assert 0 <= facts.sloc <= facts.lines


def test_a_missing_grammar_is_said_with_what_to_install(monkeypatch):
    """Known but not installed has a hint; unknown has none; asking for facts is an error with the hint."""
    monkeypatch.setattr(lang, "find_spec", lambda _name: None)
    supported.cache_clear()
    try:
        assert not supported("go")
        assert missing("go") == "pip install 'quarterdeck[lang]'"
        assert missing("cobol") == ""
        with pytest.raises(MissingExtra, match=r"quarterdeck\[lang\]"):
            lang_facts(b"package p", "go")
    finally:
        monkeypatch.undo()
        supported.cache_clear()
    assert supported("go")
    assert missing("go") == ""


KNOWN = frozenset(
    {
        *("web/app.ts", "web/lib/index.ts", "web/lib/row.tsx", "web/data.json", "web/plain.js"),
        *("c/src/a.c", "c/src/a.h", "c/include/pub/b.h", "top.h"),
        *("r/src/lib.rs", "r/src/store.rs", "r/src/net/mod.rs", "r/src/net/tcp.rs", "r/src/store/row.rs"),
        *("j/src/main/java/org/x/A.java", "j/src/main/java/org/x/B.java", "k/src/main/java/org/y/C.java"),
        *("g/go.mod", "g/main.go", "g/store/a.go", "g/store/b.go", "g/store/b_test.go"),
    }
)


@pytest.mark.parametrize(
    "path, module, targets",
    [
        ("web/app.ts", "./lib", ["web/lib/index.ts"]),
        ("web/app.ts", "./lib/row.js", ["web/lib/row.tsx"]),
        ("web/app.ts", "./lib/row", ["web/lib/row.tsx"]),
        ("web/lib/row.tsx", "../plain", ["web/plain.js"]),
        ("web/lib/row.tsx", ".", ["web/lib/index.ts"]),
        ("web/app.ts", "./data.json", ["web/data.json"]),
        ("web/app.ts", "react", []),
        ("web/app.ts", "../../web/app", []),
        ("web/app.ts", "../../../etc/passwd", []),
        ("c/src/a.c", '"a.h"', ["c/src/a.h"]),
        ("c/src/a.c", '"pub/b.h"', ["c/include/pub/b.h"]),
        ("c/src/a.c", '"top.h"', ["top.h"]),
        ("c/src/a.c", "<a.h>", []),
        ("c/src/a.c", '"../../../../top.h"', []),
        ("r/src/lib.rs", "mod store", ["r/src/store.rs"]),
        ("r/src/lib.rs", "mod net", ["r/src/net/mod.rs"]),
        ("r/src/net/mod.rs", "mod tcp", ["r/src/net/tcp.rs"]),
        ("r/src/store.rs", "mod row", ["r/src/store/row.rs"]),
        ("r/src/net/tcp.rs", "crate::store::Row", ["r/src/store.rs"]),
        ("r/src/net/tcp.rs", "crate::store::row::{A, B}", ["r/src/store/row.rs"]),
        ("r/src/net/tcp.rs", "std::fmt", []),
        ("j/src/main/java/org/x/A.java", "org.x.B", ["j/src/main/java/org/x/B.java"]),
        ("j/src/main/java/org/x/A.java", "org.y.C.member", ["k/src/main/java/org/y/C.java"]),
        ("j/src/main/java/org/x/A.java", "org.y.*", []),
        ("g/main.go", "example.org/g/store", ["g/store/a.go", "g/store/b.go"]),
        ("g/store/a.go", "example.org/g", ["g/main.go"]),
        ("g/main.go", "example.org/gg/store", []),
        ("notes.md", "./lib", []),
    ],
)
def test_an_import_means_the_file_it_names_or_nothing(path, module, targets):
    """Only what the text alone decides is an edge; nothing leads out of the root."""
    edges = resolve_local(
        path, [Import(module, "", "", 0, "runtime", 7)], KNOWN, go_modules={"g": "example.org/g"}
    )
    assert edges == [(target, "runtime", 7) for target in targets]


def test_a_target_is_listed_once_per_kind():
    """Two imports of one file are one edge, at the first line."""
    imports = [
        Import("./lib", "", "", 0, kind, line) for line, kind in enumerate(["runtime", "runtime", "lazy"], 1)
    ]
    assert resolve_local("web/app.ts", imports, KNOWN) == [
        ("web/lib/index.ts", "runtime", 1),
        ("web/lib/index.ts", "lazy", 3),
    ]
