"""Functions, classes, imports and tests of a Python tree, in one traversal of its statements.

Cyclomatic complexity needs statements only. Expressions, nine tenths of a tree, are looked into
only on lines with a word that can matter there: ``and``, ``or``, ``else``, ``lambda`` (cognitive
complexity) and the two functions that import by name. Statements nest at most 100 deep, for the
tokenizer allows no more, so recursion is safe there; elifs and expressions know no such bound, so
these are loops.

Cyclomatic complexity is ruff's (C901): 1, plus 1 for each if, elif, for, while, except, else of a
try, nested function (and all it holds) and case, but for a last case that always matches.

Cognitive complexity is Campbell's ("Cognitive Complexity", SonarSource 2018, appendix B):

- 1 plus the depth of nesting for each if, conditional expression, for, while, except and match;
- 1 for each elif, each else of an if, each run of one logical operator (redundant parentheses do
  not end it) and for a function that calls itself by its name;
- all these but the operators, lambdas and nested functions deepen what they hold; a decorator, that
  is a function with nothing but a nested function and its return, does not.

Where the paper is silent: the else of a loop or a try, finally, with and comprehensions add nothing,
and a local class counts for the function around it, which its methods deepen as nested functions do.
"""

from __future__ import annotations

import _ast as ast
import re
import sys
from collections.abc import Callable  # noqa: TC003  an if for types would hide our own TYPE_CHECKING

from quarterdeck.index.facts.facts import LAZY, RUNTIME, TYPE_CHECKING, Class, Function, Import
from quarterdeck.index.facts.python.dynamic_imports import IMPORTERS, dynamic_import
from quarterdeck.index.facts.python.nodes import (
    Node,
    always_matches,
    children,
    descendants,
    is_call_of,
    is_decorator,
    is_hinted,
)

# One search a word is half the cost of one search for all: each can skip to its first letters.
_WORDS = [
    (word, re.compile(rb"%b\b%b(?<!\w%b)" % (word, after, word)))
    for word, after in [
        (b"and", b""),
        (b"or", b""),
        (b"else", rb"(?!\s*:)"),
        (b"lambda", b""),
        (b"import_module", b""),
        (b"__import__", b""),
    ]
]


class Walk:
    """What one traversal has found, and where it stands.

    Attributes:
        functions, classes, imports: in source order.
        docstrings: first and last line of each, without a last line that holds code too.
        documented, documentable, tests: as in `Facts`.
    """

    def __init__(self, text: bytes) -> None:
        self.functions: list[Function] = []
        self.classes: list[Class] = []
        self.imports: list[Import] = []
        self.docstrings: list[tuple[int, int]] = []
        self.documented = self.documentable = self.tests = 0

        self._lines = text.split(b"\n")
        self._word_lines = _word_lines(text)
        self._word = 0  # index of the first line with a word that can still come
        self._word_line = self._word_lines[0]
        self._guards = {"TYPE_CHECKING"}
        self._test_classes: set[str] = set()

        # Where the traversal stands: what a definition changes for its body and restores after it.
        self._prefix = ""  # of qualified names
        self._class = ""  # whose body this is
        self._kind = RUNTIME
        self._is_public = True
        self._collects_tests = True
        # What the innermost function has so far; `_structures` of its costs grow with outer nesting.
        self._depth = self._cyclomatic = self._cognitive = self._structures = 0

    def module(self, node: ast.Module) -> None:
        """Visit the whole tree; once."""
        self._document(self._docstring(node.body))
        self._block(node.body)

    def _block(self, body: list[Node]) -> None:
        for node in body:
            visit = _VISIT.get(type(node))
            if visit is not None:
                visit(self, node)
            elif node.end_lineno >= self._word_line:
                self._look_into(node.lineno, node.end_lineno, [node])

    def _nested(self, body: list[Node]) -> None:
        self._depth += 1
        self._block(body)
        self._depth -= 1

    def visit_function(self, node: Node) -> None:
        """Count the function by itself, then for the one around it, which it nests in."""
        name, body = node.name, node.body
        self._look_into_header(node, [*node.decorator_list, node.args, node.returns])
        has_docstring = self._docstring(body)
        if self._is_public and name[0] != "_":
            self._document(has_docstring)
        if self._collects_tests and name.startswith("test_"):
            self.tests += 1
        place = (self._prefix, self._class, self._kind, self._is_public, self._collects_tests)
        outer = (self._depth, self._cyclomatic, self._cognitive, self._structures)

        slot = len(self.functions)
        self.functions.append(_PENDING)
        qualified = self._prefix + name
        self._prefix = qualified + "."
        if self._kind is RUNTIME:
            self._kind = LAZY
        self._is_public = self._collects_tests = False
        self._cyclomatic, self._cognitive, self._structures = 1, 0, 0
        self._depth = -1 if is_decorator(body) else 0
        if self._calls_itself(node):
            self._cognitive = 1
        self._class = ""
        self._block(body)
        cyclomatic, cognitive, structures = self._cyclomatic, self._cognitive, self._structures
        self.functions[slot] = Function(
            qualified, node.lineno, node.end_lineno, cyclomatic, cognitive, has_docstring, is_hinted(node)
        )

        self._prefix, self._class, self._kind, self._is_public, self._collects_tests = place
        self._depth, self._cyclomatic, self._cognitive, self._structures = outer
        self._cyclomatic += cyclomatic
        self._cognitive += cognitive + structures * (self._depth + 1)
        self._structures += structures

    def visit_class(self, node: Node) -> None:
        """A class counts for the function around it as if its body stood there."""
        name = node.name
        self._look_into_header(node, [*node.decorator_list, *node.bases, *node.keywords])
        has_docstring = self._docstring(node.body)
        place = (self._prefix, self._class, self._is_public, self._collects_tests)
        self.classes.append(Class(self._prefix + name, node.lineno, node.end_lineno, has_docstring))
        self._is_public = self._is_public and name[0] != "_"
        if self._is_public:
            self._document(has_docstring)
        self._collects_tests = self._collects_tests and self._is_test_class(node)
        self._prefix += name + "."
        self._class = name
        self._block(node.body)
        self._prefix, self._class, self._is_public, self._collects_tests = place

    def _is_test_class(self, node: Node) -> bool:
        bases = [base.attr if type(base) is ast.Attribute else getattr(base, "id", "") for base in node.bases]
        is_test_class = (
            node.name.startswith("Test")
            or any(base.endswith("TestCase") for base in bases)
            or not self._test_classes.isdisjoint(bases)
        )
        if is_test_class:
            self._test_classes.add(node.name)
        return is_test_class

    def _document(self, has_docstring: bool) -> None:
        self.documentable += 1
        self.documented += has_docstring

    def _docstring(self, body: list[Node]) -> bool:
        """Whether *body* begins with a docstring; its lines are kept."""
        if not body or type(body[0]) is not ast.Expr:
            return False
        first: Node = body[0]
        value = first.value
        if type(value) is not ast.Constant or type(value.value) is not str:
            return False
        shares_last_line = len(body) > 1 and body[1].lineno == first.end_lineno
        self.docstrings.append((first.lineno, first.end_lineno - shares_last_line))
        return True

    def _calls_itself(self, node: Node) -> bool:
        """Whether *node* calls its own name: a method on self, cls or its class, a function as it is."""
        name = node.name
        if self._class:
            arguments = node.args.posonlyargs or node.args.args
            owners = {self._class, arguments[0].arg if arguments else ""}
            calls = [f"{owner}.{name}(".encode() for owner in owners]
        else:
            owners = set()
            calls = [f"{name}(".encode()]
        # The text rules out nearly all functions for a twentieth of the cost of looking at their nodes.
        body = b"\n".join(self._lines[node.body[0].lineno - 1 : node.end_lineno])
        if not any(call in body for call in calls):
            return False
        return any(is_call_of(name, owners, inner) for inner in descendants(node.body))

    def visit_if(self, node: Node) -> None:
        """An elif is an if in the else of an if; a chain of them is one loop here."""
        kind = self._kind
        self._cyclomatic += 1
        self._cognitive += 1 + self._depth
        self._structures += 1
        while True:
            test, orelse = node.test, node.orelse
            self._look_into_expression(test)
            then_kind, else_kind = self._kinds_under(test)
            self._kind = then_kind
            self._nested(node.body)
            self._kind = else_kind
            if not orelse:
                break
            self._cognitive += 1
            if type(orelse[0]) is not ast.If or orelse[0].col_offset != node.col_offset:
                self._nested(orelse)
                break
            node = orelse[0]  # an elif: it stands where its if stands
            self._cyclomatic += 1
        self._kind = kind

    def _kinds_under(self, test: Node) -> tuple[str, str]:
        """Of the imports where *test* holds, and where it does not."""
        is_negated = type(test) is ast.UnaryOp and type(test.op) is ast.Not
        subject = test.operand if is_negated else test
        kind = type(subject)
        if (kind is ast.Name and subject.id in self._guards) or (
            kind is ast.Attribute and subject.attr == "TYPE_CHECKING"
        ):
            return (self._kind, TYPE_CHECKING) if is_negated else (TYPE_CHECKING, self._kind)
        return self._kind, self._kind

    def visit_loop(self, node: Node) -> None:
        """For, async for and while; their else is on the loop's own level."""
        self._look_into_expression(node.test if type(node) is ast.While else node.iter)
        self._cyclomatic += 1
        self._cognitive += 1 + self._depth
        self._structures += 1
        self._nested(node.body)
        self._block(node.orelse)

    def visit_try(self, node: Node) -> None:
        """Only handlers nest; the else is a branch to C901 and none to Campbell."""
        self._block(node.body)
        for handler in node.handlers:
            if handler.type is not None:
                self._look_into_expression(handler.type)
            self._cyclomatic += 1
            self._cognitive += 1 + self._depth
            self._structures += 1
            self._nested(handler.body)
        if node.orelse:
            self._cyclomatic += 1
            self._block(node.orelse)
        self._block(node.finalbody)

    def visit_with(self, node: Node) -> None:
        """A with decides nothing."""
        for item in node.items:
            self._look_into_expression(item.context_expr)
        self._block(node.body)

    def visit_match(self, node: Node) -> None:
        """One decision to Campbell; to C901 as many as there are cases that may fail."""
        self._look_into_expression(node.subject)
        self._cognitive += 1 + self._depth
        self._structures += 1
        for case in node.cases:
            if case.guard is not None:
                self._look_into_expression(case.guard)
            self._cyclomatic += 1
            self._nested(case.body)
        last = node.cases[-1]
        if last.guard is None and always_matches(last.pattern):
            self._cyclomatic -= 1

    def visit_import(self, node: Node) -> None:
        """``import a, b as c``."""
        for alias in node.names:
            self.imports.append(Import(alias.name, "", alias.asname or "", 0, self._kind, alias.lineno))

    def visit_import_from(self, node: Node) -> None:
        """``from a import b as c``."""
        module, level = node.module or "", node.level or 0
        for alias in node.names:
            name, local = alias.name, alias.asname or ""
            if name == "TYPE_CHECKING" and local:
                self._guards.add(local)
            self.imports.append(Import(module, name, local, level, self._kind, alias.lineno))

    def _look_into_header(self, node: Node, parts: list[Node]) -> None:
        last = node.body[0].lineno
        if last >= self._word_line:
            first = node.decorator_list[0].lineno if node.decorator_list else node.lineno
            self._look_into(first, last, parts)

    def _look_into_expression(self, node: Node) -> None:
        if node.end_lineno >= self._word_line:
            self._look_into(node.lineno, node.end_lineno, [node])

    def _look_into(self, first: int, last: int, roots: list[Node]) -> None:
        """Count what is in the expressions below *roots* if a word stands on their lines.

        Calls come in the order of *first*, so words on earlier lines can be forgotten.
        """
        while self._word_lines[self._word] < first:
            self._word += 1
        self._word_line = self._word_lines[self._word]
        if self._word_line > last:
            return
        imports = []
        stack = [(root, self._depth) for root in roots]
        while stack:
            node, depth = stack.pop()
            kind = type(node)
            if kind is ast.BoolOp:
                operator = type(node.op)
                same_run = [type(value) is kind and type(value.op) is operator for value in node.values]
                self._cognitive += 1 - sum(same_run)
            elif kind is ast.IfExp:
                self._cognitive += 1 + depth
                self._structures += 1
                depth += 1
            elif kind is ast.Lambda:
                depth += 1
            elif kind is ast.Call:
                called = node.func
                importer = called.attr if type(called) is ast.Attribute else getattr(called, "id", "")
                if importer in IMPORTERS and (imported := dynamic_import(node, importer)):
                    imports.append(imported)
            stack += [(child, depth) for child in children(node)]
        self.imports += sorted(imports, key=_line)


def _word_lines(text: bytes) -> list[int]:
    """The lines with a word that can matter in an expression, ascending, then one that is never reached."""
    lines = []
    line, counted_to = 1, 0
    found = [place.start() for word, search in _WORDS if word in text for place in search.finditer(text)]
    for at in sorted(found):
        line += text.count(b"\n", counted_to, at)
        counted_to = at
        lines.append(line)
    lines.append(sys.maxsize)
    return lines


def _line(found: Import) -> int:
    return found.line


_PENDING = Function("", 0, 0, 0, 0, documented=False, hinted=False)
_VISIT: dict[type, Callable[[Walk, Node], None]] = {
    ast.FunctionDef: Walk.visit_function,
    ast.AsyncFunctionDef: Walk.visit_function,
    ast.ClassDef: Walk.visit_class,
    ast.If: Walk.visit_if,
    ast.For: Walk.visit_loop,
    ast.AsyncFor: Walk.visit_loop,
    ast.While: Walk.visit_loop,
    ast.Try: Walk.visit_try,
    ast.TryStar: Walk.visit_try,
    ast.With: Walk.visit_with,
    ast.AsyncWith: Walk.visit_with,
    ast.Match: Walk.visit_match,
    ast.Import: Walk.visit_import,
    ast.ImportFrom: Walk.visit_import_from,
}
