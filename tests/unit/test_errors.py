"""The error tree is as drawn, and every error says how to mend it."""

from __future__ import annotations

import ast
import builtins
import copy
import inspect
import pickle
import re
from pathlib import Path

import pytest

from quarterdeck import errors
from quarterdeck.errors import QuarterdeckError

SOURCE = Path(errors.__file__).parent
CLASSES: list[type[QuarterdeckError]] = [
    kind for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, QuarterdeckError)
]
HINTLESS = {"""StoreBusy("busy")""", """errors.StoreBusy("busy")""", """StoreBusy("busy", hint="")"""}


def drawn() -> list[tuple[str, str, int]]:
    """(class, class it stands under, exit code), from the module's docstring."""
    above: list[tuple[int, str]] = [(-1, "QuarterdeckError")]
    found = []
    for match in re.finditer(r"^([ │]*)[├└]── (\w+) +\((\d)\)", errors.__doc__ or "", re.MULTILINE):
        indent, name, code = match.groups()
        while above[-1][0] >= len(indent):
            above.pop()
        found.append((name, above[-1][1], int(code)))
        above.append((len(indent), name))
    return found


def errors_without_hint(source: str) -> list[int]:
    """Lines on which one of our errors is made without a hint."""
    tree = ast.parse(source)
    ours = {kind.__name__ for kind in CLASSES}
    known = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "quarterdeck.errors"
        for alias in node.names
        if alias.name in ours
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and any(getattr(base, "id", "") in known for base in node.bases):
            known.add(node.name)
    lines = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        match node.func:
            case ast.Name(id=name):
                is_ours = name in known
            case ast.Attribute(value=ast.Name(id="errors"), attr=name):
                is_ours = name in ours
            case _:
                is_ours = False
        hints = [keyword.value for keyword in node.keywords if keyword.arg == "hint"]
        if is_ours and (not hints or (isinstance(hints[0], ast.Constant) and not hints[0].value)):
            lines.append(node.lineno)
    return lines


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes():
    """Names, places, exit codes and their order."""
    defined = [(kind.__name__, kind.__bases__[0].__name__, kind.exit_code) for kind in CLASSES]
    assert defined == [("QuarterdeckError", "Exception", 1), *drawn()]


def test_every_class_has_a_code_of_its_own():
    """A program can tell any two of them apart, by a word that is kebab-case."""
    codes = [vars(kind)["code"] for kind in CLASSES]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", code) for code in codes)


def test_no_class_shadows_a_builtin():
    """``except NotIndexed`` never means something of Python's own."""
    assert not {kind.__name__ for kind in CLASSES} & set(dir(builtins))


def test_an_error_cannot_be_made_without_a_hint():
    """The type checker and the interpreter both refuse it."""
    with pytest.raises(TypeError, match="hint"):
        QuarterdeckError("something is wrong")  # type: ignore[call-arg]


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_every_error_raised_carries_a_hint(path: Path):
    """Whoever meets an error is told how to mend it."""
    assert errors_without_hint(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("call", sorted(HINTLESS))
def test_the_search_for_errors_without_hint_finds_them(call: str):
    """However the class is reached."""
    imports = "from quarterdeck import errors\nfrom quarterdeck.errors import StoreBusy\n"
    assert errors_without_hint(f"{imports}raise {call}") == [3]


def test_an_error_reads_as_message_and_hint():
    """A traceback or a log shows both."""
    assert str(errors.StoreBusy("it is busy", hint="wait")) == "it is busy\n  hint: wait"


@pytest.mark.parametrize("kind", CLASSES)
def test_an_error_crosses_processes(kind: type[QuarterdeckError]):
    """Pickled or copied it is the same error."""
    error = kind("it is busy", hint="wait")
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert (type(twin), twin.message, twin.hint) == (kind, "it is busy", "wait")
