"""What `python_facts` says about small sources, hostile ones included."""

import sysconfig
import warnings
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.index.facts.facts import DYNAMIC, LAZY, RUNTIME, TYPE_CHECKING, Facts, Import
from quarterdeck.index.facts.python import python_facts

LIBRARY = Path(sysconfig.get_paths()["stdlib"])


def facts_of(source: str) -> Facts:
    facts = python_facts(source.encode())
    assert not facts.error
    return facts


def complexities(source: str) -> dict[str, tuple[int, int]]:
    """By name: cyclomatic and cognitive."""
    return {f.name: (f.complexity, f.cognitive) for f in facts_of(source).functions}


def body(*lines: str) -> str:
    return "def f(a):\n" + "".join(f"    {line}\n" for line in lines)


class TestDefinitions:
    def test_names_are_qualified_and_in_source_order(self):
        """Names read as __qualname__ without <locals>; a lambda is no function."""
        facts = facts_of(
            "def outer():\n"
            "    def inner():\n"
            "        class Local:\n"
            "            def method(self): ...\n"
            "if sys:\n"
            "    class A:\n"
            "        class B:\n"
            "            async def m(self): ...\n"
            "g = lambda: 0\n"
        )
        assert [f.name for f in facts.functions] == [
            "outer",
            "outer.inner",
            "outer.inner.Local.method",
            "A.B.m",
        ]
        assert [c.name for c in facts.classes] == ["outer.inner.Local", "A", "A.B"]

    def test_lines_run_from_def_to_the_end_of_the_body(self):
        """Decorators stand above the line; the last line is inclusive."""
        (function,) = facts_of("@one\n@two(\n  3)\ndef f():\n  x = (1,\n    2)\n\n# after\n").functions
        assert (function.line, function.end_line) == (4, 6)

    @pytest.mark.parametrize(
        "signature, is_hinted",
        [
            ("def f() -> int", True),
            ("def f()", False),
            ("def f(a: int)", False),
            ("def f(a: int, b) -> int", False),
            ("def f(self, a: int) -> int", True),
            ("def f(cls, /, *, a: int) -> int", True),
            ("def f(a: int, /, b: int, *c: int, d: int, **e: int) -> int", True),
            ("def f(*c) -> int", False),
            ("def f(**c) -> int", False),
            ("def f(*, c) -> int", False),
            ("async def f(a: int) -> int", True),
        ],
    )
    def test_a_function_is_hinted_when_all_its_parameters_and_its_result_are(self, signature, is_hinted):
        """Only self and cls need no type."""
        assert facts_of(f"{signature}: ...\n").functions[0].hinted is is_hinted

    def test_only_public_things_are_documentable(self):
        """The module, and what can be reached by names without a leading underscore."""
        facts = facts_of(
            '"""module"""\n'
            "def public():\n"
            '    """yes"""\n'
            "    def local(): ...\n"
            "def _private(): ...\n"
            "class A:\n"
            "    def m(self): ...\n"
            "    def __init__(self): ...\n"
            "class _B:\n"
            '    def m(self): "no"\n'
        )
        assert (facts.documented, facts.documentable) == (2, 4)
        assert [f.name for f in facts.functions if f.documented] == ["public", "_B.m"]

    def test_bytes_and_formatted_strings_are_no_docstrings(self):
        """Only a plain string literal documents."""
        facts = facts_of("def f():\n    b'x'\ndef g():\n    f'x'\n")
        assert not any(f.documented for f in facts.functions)

    def test_tests_are_counted_where_a_runner_collects_them(self):
        """At module level and in test classes, but not in functions, mixins or other classes."""
        facts = facts_of(
            "def test_a(): \n    def test_no(): ...\n"
            "async def test_b(): ...\n"
            "class TestC:\n    def test_c(self): ...\n    def helper(self): ...\n"
            "class Db(unittest.TestCase):\n    def test_d(self): ...\n"
            "class More(Db):\n    def test_e(self): ...\n"
            "class Mixin:\n    def test_no(self): ...\n"
        )
        assert facts.tests == 5


class TestComplexity:
    @pytest.mark.parametrize(
        "source, cyclomatic, cognitive",
        [
            (body("pass"), 1, 0),
            (body("if a: b", "elif c: d", "else: e"), 3, 3),
            (body("if a: b", "else:", "    if c: d"), 3, 4),
            (body("for b in a:", "    if b: c", "else:", "    if d: e"), 4, 4),
            (body("while a and b: c"), 2, 2),
            (body("try: a", "except A: b", "except B:", "    if c: d", "else: e", "finally: g"), 5, 4),
            (body("try: a", "except* A: b"), 2, 1),
            (body("with a or b:", "    if c: d"), 2, 2),
            (
                body(
                    "match a:", "    case 1: b", "    case 2 if c and d: e", "    case _:", "        if g: h"
                ),
                4,
                4,
            ),
            (body("match a:", "    case 1 | _: b"), 1, 1),
            (body("match a:", "    case [_]: b"), 2, 1),
            (body("return [b for b in a if b]"), 1, 0),
            (body("return b if a else c if d else e"), 1, 3),
            (body("return g(k=a or b)[c and d].e"), 1, 2),
            (body("return a or b and c or d"), 1, 2),
            (body("return a and (b and c)"), 1, 1),
            (body("return a and not (b and c)"), 1, 2),
            (body("if a:", "    return lambda: b if c else d"), 2, 4),
            (body("def g():", "    if a: b", "g()"), 3, 2),
            (body("def g():", "    if a: b", "return g"), 3, 1),
            (body("'doc'", "def g():", "    if a: b", "return g"), 3, 1),
            (body("if a:", "    def g(x=b or c):", "        if a: b", "return g"), 4, 5),
            (body("class C:", "    def g(self):", "        if a: b", "    if c: d"), 4, 3),
            (body("return f(f(a))"), 1, 1),
            (body("return a.f(a)"), 1, 0),
            (body("# and or lambda", "'''and or'''", "return brand(order)"), 1, 0),
            (body("x = 1; y = a or b; z = c or d"), 1, 2),
            ("@d(a or b)\ndef f(a=b and c): return a or b", 1, 1),
            ("def f(a): return (\n    a\n    or\n    b\n)", 1, 1),
        ],
    )
    def test_one_function(self, source, cyclomatic, cognitive):
        """Cyclomatic by ruff's rule, cognitive by Campbell's."""
        assert complexities(source)["f"] == (cyclomatic, cognitive)

    def test_a_method_recurs_through_its_object_or_class(self):
        """A call of a global function of the same name is no recursion."""
        found = complexities(
            "class A:\n"
            "    def m(self): return self.m()\n"
            "    def n(self): return n() + super().n()\n"
            "    @staticmethod\n    def s(x): return A.s(x)\n"
        )
        assert found == {"A.m": (1, 1), "A.n": (1, 0), "A.s": (1, 1)}

    def test_a_nested_function_counts_by_itself_and_for_the_one_around_it(self):
        """Inside, nesting starts at zero; outside, the nested function is one level of it."""
        found = complexities(body("if a:", "    def g():", "        if b: c"))
        assert found == {"f": (4, 4), "f.g": (2, 1)}


class TestImports:
    def test_every_name_is_one_import_as_written(self):
        """Module, name, alias and level are kept apart; a line belongs to its alias."""
        facts = facts_of(
            "import a.b as c, d\nfrom ..e import (\n  f as g,\n  h,\n)\nfrom . import i\nfrom j import *\n"
        )
        assert facts.imports == (
            Import("a.b", "", "c", 0, RUNTIME, 1),
            Import("d", "", "", 0, RUNTIME, 1),
            Import("e", "f", "g", 2, RUNTIME, 3),
            Import("e", "h", "", 2, RUNTIME, 4),
            Import("", "i", "", 1, RUNTIME, 6),
            Import("j", "*", "", 0, RUNTIME, 7),
        )

    @pytest.mark.parametrize(
        "source, kinds",
        [
            ("import a\nclass B:\n    import c\nif False:\n    import d", [RUNTIME] * 3),
            ("def f():\n    import a\n    class B:\n        import b", [LAZY] * 2),
            (
                "if TYPE_CHECKING:\n    import a\nelse:\n    import b\nimport c",
                [TYPE_CHECKING, RUNTIME, RUNTIME],
            ),
            ("if t.TYPE_CHECKING:\n    import a\nelif x:\n    import b", [TYPE_CHECKING, RUNTIME]),
            ("if not TYPE_CHECKING:\n    import a\nelse:\n    import b", [RUNTIME, TYPE_CHECKING]),
            ("from typing import TYPE_CHECKING as T\nif T:\n    import a", [RUNTIME, TYPE_CHECKING]),
            ("def f():\n    if TYPE_CHECKING:\n        import a\n    import b", [TYPE_CHECKING, LAZY]),
        ],
    )
    def test_the_kind_says_when_an_import_happens(self, source, kinds):
        """Guards for type checkers hold for one branch, functions for all they contain."""
        assert [found.kind for found in facts_of(source).imports] == kinds

    @pytest.mark.parametrize(
        "call, module, level",
        [
            ('importlib.import_module("a.b")', "a.b", 0),
            ('import_module(name="a.b")', "a.b", 0),
            ('import_module("..a", __package__)', "a", 2),
            ('import_module(".a", package=__name__)', "a", 1),
            ('import_module(".a", "p.q")', "p.q.a", 0),
            ('import_module("..a", "p.q")', "p.a", 0),
            ('import_module("..a", "p")', None, 0),
            ('__import__("a.b")', "a.b", 0),
            ('__import__("a", globals(), locals(), ["x"], 1)', "a", 1),
            ('__import__("a", level=2)', "a", 2),
            ("import_module(name)", None, 0),
            ('import_module(".a", package)', None, 0),
            ('import_module(".a")', None, 0),
            ('import_module("")', None, 0),
            ("import_module()", None, 0),
            ("import_module(*names)", None, 0),
            ('x = "import_module(y)"', None, 0),
        ],
    )
    def test_a_literal_name_is_a_dynamic_import(self, call, module, level):
        """Only what is written out counts; a relative name needs a package that is known."""
        expected = () if module is None else (Import(module, "", "", level, DYNAMIC, 1),)
        assert facts_of(f"{call}\n").imports == expected

    def test_dynamic_imports_stand_in_source_order(self):
        """Also within one statement."""
        facts = facts_of('x = [\n  import_module("a"),\n  __import__("b"),\n]\nimport c\n')
        assert [(found.module, found.line) for found in facts.imports] == [("a", 2), ("b", 3), ("c", 5)]


class TestModuleNames:
    def test_bindings_are_module_level_names_once_each(self):
        """Definitions and assignments bind, also conditional ones; imports and bare annotations do not."""
        facts = facts_of(
            "import z\n"
            "a = b = 1\n"
            "c, (d, *e) = x\n"
            "f: int\n"
            "g: int = 1\n"
            "h.i = j[0] = 1\n"
            "try:\n    def k(): inner = 1\n"
            "except E:\n    k = None\n"
            "else:\n    class L: m = 1\n"
            "finally:\n    n += 1\n"
            "for o in x:\n    with y as p: q = 1\n"
            "match x:\n    case 1: r = 1\n"
            "if x: s = 1\nelif y: t = 1\nelse: u = 1\n"
        )
        assert facts.bindings == tuple("abcdegkLnopqrstu")

    @pytest.mark.parametrize(
        "source, exports",
        [
            ("x = 1", None),
            ("__all__ = []", ()),
            ("__all__ = ['a', 'b']", ("a", "b")),
            ("__all__: list[str] = ['a']", ("a",)),
            ("__all__ = ('a',) + ('b',) + m.__all__", ("a", "b")),
            ("__all__ = ['a']\n__all__ += ['b']\n__all__.extend(('c',))\n__all__.append('d')", tuple("abcd")),
            ("if x:\n    __all__ = ['a']\nelse:\n    __all__ = ['b']", ("a", "b")),
            ("__all__ = m.__all__", None),
            ("__all__ = [n for n in dir()]", None),
            ("def f():\n    __all__ = ['a']", None),
        ],
    )
    def test_exports_are_the_literal_names_of_all(self, source, exports):
        """None says that there is no list that can be read."""
        assert facts_of(source).exports == exports


class TestLines:
    @pytest.mark.parametrize(
        "source, lines, sloc",
        [
            ("", 0, 0),
            ("x", 1, 1),
            ("x\n", 1, 1),
            ("\n\n", 2, 0),
            ("# a\n  # b\n\t\n", 3, 0),
            ('"""doc"""\nx = 1\n', 2, 1),
            ('def f():\n    """one\n\n    # two\n    """\n    return 1\n', 6, 2),
            ('def f(): "doc"\n', 1, 1),
            ('def f(\n    a\n): "doc"\n', 3, 3),
            ('"doc"; x = 1\n', 1, 1),
            ('"""do\nc"""; x = 1\n', 2, 1),
            ('x = """\n# code\n\n  # code\n"""\n# comment\n', 6, 4),
            ("x = 'a\\\n# code'\n# comment\n", 3, 2),
            ("x = '''\n# \"\"\" code\n'''\n# '''\n", 4, 3),
            ('x = ("a"\n     # comment\n     "b")\n', 3, 2),
            ('def f():\n    """doc"""\n    x = r"""\n    # code \\"\n"""\n', 5, 4),
            ('"""doc # """\n# "\n# \'\'\'\nx = 1\n', 4, 1),
            ("\fx = 1\n\f# comment\n\f\n", 3, 1),
            ("x = 1\ry = 2\r\n\r# comment", 4, 2),
            ("\ufeff# comment\nx = 1\n", 2, 1),
        ],
    )
    def test_blank_lines_comments_and_docstrings_are_no_source_lines(self, source, lines, sloc):
        """All other lines of a string are, also those that look like comments."""
        facts = facts_of(source)
        assert (facts.lines, facts.sloc) == (lines, sloc)


class TestHostileSources:
    @pytest.mark.parametrize(
        "source, error",
        [
            (b"x = 1\ndef f(:\n", "line 2: invalid syntax"),
            (b"x = 1\ny\0\n", "line 2: source code string cannot contain null bytes"),
            ("x = 1\n".encode("utf-16"), "line 1: "),
            (b"x = '\xe9'\n", "line 1: "),
            (b"# coding: no-such-codec\n", "line 1: "),
            (b"# coding: rot13\nx = 1\n", "line 1: "),
            (b"x = " + b"(" * 100_000, "line 1: too many nested parentheses"),
            (b"x = " + b"-" * 100_000 + b"1", "line 1: nested too deeply for the parser"),
            (b"x = " + b"9" * 5_000, "line 1: "),
            (bytes(range(256)), "line "),
            (b'x = "\\N{' + b"x" * 5_000 + b'}"', "line 1: "),
        ],
        ids=[
            "syntax",
            "nul",
            "utf-16",
            "undecodable",
            "no codec",
            "no text codec",
            "parentheses",
            "unary",
            "digits",
            "binary",
            "name",
        ],
    )
    def test_what_does_not_parse_is_an_error_with_its_line(self, source, error):
        """The message is one printable line of bounded length, and the lines are still counted."""
        facts = python_facts(source)
        assert facts.error.startswith(error)
        assert facts.error.isprintable()
        assert len(facts.error) < 250
        assert facts.lines >= 1
        assert facts.functions == ()

    def test_an_unparsed_file_still_has_source_lines(self):
        """Blank lines and comments are left out as ever."""
        facts = python_facts(b"# a\n\ndef f(:\n    pass\n")
        assert (facts.lines, facts.sloc) == (4, 2)

    @pytest.mark.parametrize("source", [b"\xef\xbb\xbfx = 'a'\n", b"# coding: latin-1\nx = '\xe9'\n"])
    def test_marks_and_cookies_say_how_to_decode(self, source):
        """A byte order mark and a PEP 263 cookie are honoured."""
        facts = python_facts(source)
        assert (facts.error, facts.bindings) == ("", ("x",))

    def test_a_warning_of_the_parser_is_neither_shown_nor_raised(self, recwarn):
        """An invalid escape is no error, even where the caller makes warnings errors."""
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert python_facts(b"x = '\\d'\n").error == ""
        assert not recwarn.list

    @pytest.mark.parametrize("depth", [600, 100_000])
    @pytest.mark.parametrize(
        "start, repeated, end",
        [
            (b"", b" elif a: b\n", b""),
            (b"  return a or x", b".a", b"\n"),
            (b"  return a or f", b"()", b"\n"),
            (b"  return a or ", b"-", b"1\n"),
            (b"  return a or 1", b"+1", b"\n"),
            (b"  return ", b"b if a else ", b"c\n"),
            (b"  return ", b"lambda: ", b"0\n"),
            (b"  return f(", b"f().a or ", b"f())\n"),
        ],
        ids=["elif", "attribute", "call", "unary", "sum", "condition", "lambda", "or"],
    )
    def test_deep_trees_are_walked_or_refused_but_never_raise(self, start, repeated, end, depth):
        """Only the parser's own limits make an error."""
        facts = python_facts(b"def f():\n if a: b\n" + start.replace(b"  ", b" ") + repeated * depth + end)
        if depth == 600 or not facts.error:
            assert [f.name for f in facts.functions] == ["f"]
        else:
            assert facts.error == "line 1: nested too deeply for the parser"

    def test_the_librarys_own_bad_files_are_reported(self):
        """Files made to break parsers have an error or facts, and always lines."""
        paths = [
            *LIBRARY.glob("test/**/bad*.py"),
            *LIBRARY.glob("test/tokenizedata/*"),
            *LIBRARY.glob("lib2to3/tests/data/**/*.py"),
        ]
        for path in filter(Path.is_file, paths):
            source = path.read_bytes()
            facts = python_facts(source)
            assert facts.lines == simple_lines(source)
            assert facts.error or facts.lines >= facts.sloc


def simple_lines(source: bytes) -> int:
    """Line ends, and one more for a last line without; all line ends of Python are line ends."""
    return len(source.removeprefix(b"\xef\xbb\xbf").splitlines())


REAL = Path(__file__).read_bytes()
MUTATIONS = [
    b'"""',
    b"'",
    b"#",
    b"\\",
    b"\n",
    b"\r",
    b"(",
    b":",
    b"def f(",
    b" and ",
    b"lambda",
    b"if a else b",
]


class TestAnyBytes:
    @given(st.binary() | st.text("\r\n\f #'\"\\\tdefx:=()").map(str.encode))
    def test_never_raise(self, source):
        """Bytes in, facts out."""
        assert_sound(source)

    @given(
        st.integers(0, len(REAL)), st.integers(0, 200), st.binary(max_size=20) | st.sampled_from(MUTATIONS)
    )
    def test_never_raise_when_real_source_is_mutated(self, at, removed, inserted):
        """Nor does a file that is half edited."""
        assert_sound(REAL[:at] + inserted + REAL[at + removed :])


def assert_sound(source: bytes) -> None:
    facts = python_facts(source)
    assert facts.lines == simple_lines(source)
    assert 0 <= facts.sloc <= facts.lines
    assert 0 <= facts.documented <= facts.documentable
    assert all(1 <= f.line <= f.end_line <= facts.lines for f in facts.functions)
