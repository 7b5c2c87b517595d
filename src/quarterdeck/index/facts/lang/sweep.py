"""From the captures of one query to the facts of one file, in a single pass.

    query captures -> spans, sorted by where they start -> one sweep with three stacks -> Facts
                                                            nesting · names · open functions

The query runs inside the parser's library and hands over only what counts (about one node for two
lines); walking the whole tree from Python would cost ten times as much. What encloses what follows
from the spans alone, so no node is ever asked for its parent.

Two figures, as for Python: *cyclomatic* complexity is 1 + branches (``if``, loops, ``catch``, each
``case`` but the default); ``&&``, ``||`` and ``?:`` are not counted, as ruff's C901 does not count
``and``, ``or`` and conditional expressions. *Cognitive* complexity counts them by its own rules.
A closure's branches belong to the function around it, as a lambda's do; a closure outside every
function is listed as ``<anonymous>`` if it has a block. Unlike C901, a named function's branches are
never added to the function around it: in JavaScript one function can hold a whole library.

Source: G. Ann Campbell, "Cognitive Complexity", SonarSource, 2018 (recursion is not charged).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.index.facts.facts import DYNAMIC, LAZY, RUNTIME, Class, Facts, Function, Import
from quarterdeck.index.facts.facts import TYPE_CHECKING as FOR_TYPES
from quarterdeck.index.facts.text import source_lines

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tree_sitter import Node

    from quarterdeck.index.facts.lang.tables import Grammar

ANONYMOUS = "<anonymous>"

_ORDER = (
    "nest",
    "name",
    "function",
    "closure",
    "class",
    "scope",
    "elif",
    "if",
    "loop",
    "switch",
    "catch",
    "ternary",
)
"""Which of two captures of the same span comes first: what encloses before what is enclosed."""
_RANK = {kind: rank for rank, kind in enumerate(_ORDER)}
_NOT_SWEPT = {"comment", "prefix", "error", "test"}

_BRANCHES = {"if", "elif", "loop", "catch", "case"}
_GROWS_WITH_DEPTH = {"if", "loop", "switch", "catch", "ternary"}
_FLAT = {"else": 1, "jump": 1, "logical": 1, "same": -1}
_IMPORTS = {"import": RUNTIME, "typing": FOR_TYPES, "require": RUNTIME, "dynamic": DYNAMIC, "mod": RUNTIME}

_MEMBER_PREFIX = re.compile(
    r"^(?:module\.exports|exports|this|self|window|globalThis)\.(?=.)|\.prototype(?=\.)"
)
_NAME = re.compile(r"[\w$#.~]+|.*\boperator\b.*")
_GENERIC = re.compile(r"<[^<>]*>|\s+")
_MISREAD = {"if", "for", "while", "switch", "return", "else", "do"}
_DECLARATOR_DEPTH = 32
_HEAD_BYTES = 400
_NAME_CHARS = 300
_INDENT_BYTES = 200


class _Span(NamedTuple):
    """One capture, ordered as the sweep meets it: outer before inner."""

    start: int
    minus_end: int
    rank: int
    kind: str
    node: Node


class _Open:
    """A function that the sweep is inside of, and what it has met there so far."""

    __slots__ = ("branches", "depth", "end", "held", "held_deep", "name", "node", "own", "own_deep", "slot")

    def __init__(self, end: int, depth: int, name: str, node: Node | None, slot: int) -> None:
        self.end, self.depth, self.name, self.node, self.slot = end, depth, name, node, slot
        self.branches = 0
        # own: of itself and its closures; held: of the named functions in it. deep: how many of the
        # increments grow when the function stands deeper.
        self.own = self.own_deep = self.held = self.held_deep = 0

    def close_into(self, outer: _Open) -> None:
        """Charge *outer* for what was found here, as deep as it stands there."""
        shift = self.depth - outer.depth
        own, held = self.own + self.own_deep * shift, self.held + self.held_deep * shift
        if self.name:
            outer.held += own + held
            outer.held_deep += self.own_deep + self.held_deep
        else:
            outer.branches += self.branches
            outer.own += own
            outer.own_deep += self.own_deep
            outer.held += held
            outer.held_deep += self.held_deep


class Sweep:
    """One pass over one file's captures; use it once."""

    def __init__(self, source: bytes, grammar: Grammar, captures: dict[str, list[Node]]) -> None:
        self.source = source
        self.grammar = grammar
        self.captures = captures
        self.functions: list[Function | None] = []
        self.classes: list[Class] = []
        self.imports: list[Import] = []
        self.exports: list[str] = []
        self.bindings: list[str] = []
        self.documented = self.documentable = self.tests = 0
        self._nests: list[int] = []
        self._scopes: list[tuple[int, str]] = []
        self._open = [_Open(len(source) + 1, 0, "", None, -1)]
        self._bound = ""
        self._doc_rows, self._prefixes = _rows_above(source, grammar, captures)

    def facts(self, language: str) -> Facts:
        """Everything the captures say; the file's lines are counted here too."""
        for span in _ordered(self.captures):
            self._meet(span)
        self._leave(len(self.source) + 1)
        comments = sorted((node.start_byte, node.end_byte) for node in self.captures.get("comment", ()))
        lines, sloc = source_lines(self.source, comments)
        exports = tuple(dict.fromkeys(self.exports))
        if language == "go":
            exports = tuple(name for name in dict.fromkeys(self.bindings) if name[:1].isupper())
        return Facts(
            language,
            lines,
            sloc,
            tuple(function for function in self.functions if function is not None),
            tuple(self.classes),
            tuple(self.imports),
            exports or None,
            tuple(dict.fromkeys(self.bindings)),
            self.documented,
            self.documentable,
            self.tests + len(self.captures.get("test", ())),
            _first_error(self.captures.get("error", ()), self.grammar.mistake),
        )

    def _meet(self, span: _Span) -> None:
        start, kind, node = span.start, span.kind, span.node
        self._leave(start)
        here = self._open[-1]
        if kind in _BRANCHES:
            here.branches += 1
        if kind in _GROWS_WITH_DEPTH:
            here.own += 1 + len(self._nests) - here.depth
            here.own_deep += 1
        elif kind in _FLAT:
            here.own += _FLAT[kind]
        elif kind == "nest":
            self._nests.append(-span.minus_end)
        elif kind in ("function", "closure"):
            self._enter_function(span)
        elif kind in ("class", "scope"):
            self._enter_scope(span)
        elif kind in _IMPORTS:
            self._import(kind, node)
        elif kind in ("export", "binding"):
            self._public_name(kind, _text(node))
        if kind == "name":
            self._bound = _bound_name(node)
        elif kind not in ("binding", "export"):
            self._bound = ""

    def _leave(self, position: int) -> None:
        """Close everything that ends at or before *position*, innermost first."""
        while self._nests and self._nests[-1] <= position:
            self._nests.pop()
        while self._scopes and self._scopes[-1][0] <= position:
            self._scopes.pop()
        while len(self._open) > 1 and self._open[-1].end <= position:
            closed = self._open.pop()
            closed.close_into(self._open[-1])
            if closed.node is not None:
                self.functions[closed.slot] = self._function(closed, closed.node)

    def _qualified(self, name: str) -> str:
        """*name* behind the names around it; alone, where those are longer than anyone would write."""
        around = self._scopes[-1][1] if self._scopes else ""
        return f"{around}.{name}" if 0 < len(around) < _NAME_CHARS else name

    def _enter_function(self, span: _Span) -> None:
        node, end = span.node, -span.minus_end
        name = self._bound or _declared_name(node)
        if not name and len(self._open) == 1 and _has_block(node):
            name = ANONYMOUS
        self._nests.append(end)
        if not name or name in _MISREAD:
            self._open.append(_Open(end, len(self._nests), "", None, -1))
            return
        if len(self._open) == 1 and not self._scopes and name != ANONYMOUS and "." not in name:
            self.bindings.append(name)
        qualified = self._qualified(name) if name != ANONYMOUS else name
        self._open.append(_Open(end, len(self._nests), qualified, node, len(self.functions)))
        self.functions.append(None)
        if name != ANONYMOUS:
            self._scopes.append((end, qualified))

    def _function(self, closed: _Open, node: Node) -> Function:
        grammar = self.grammar
        start, documented = self._above(node)
        if closed.name != ANONYMOUS:
            head = self._head(start, node)
            self._count_documentable(head, documented)
            self.tests += grammar.test.search(head) is not None
        held = 0 if grammar.gathers and not closed.own else closed.held
        return Function(
            closed.name,
            _line(node),
            _end_line(node),
            1 + closed.branches,
            closed.own + held,
            documented,
            _all_typed(node) if grammar.hints == "written" else grammar.hints == "always",
        )

    def _enter_scope(self, span: _Span) -> None:
        node = span.node
        name = self._bound or _declared_name(node)
        if not name:
            return
        qualified = self._qualified(name)
        if span.kind == "class":
            start, documented = self._above(node)
            self.classes.append(Class(qualified, _line(node), _end_line(node), documented))
            self._count_documentable(self._head(start, node), documented)
            if not self._scopes and len(self._open) == 1:
                self.bindings.append(name)
        self._scopes.append((-span.minus_end, qualified))

    def _public_name(self, kind: str, name: str) -> None:
        if kind == "binding":
            self.bindings.append(name)
        elif not self._scopes or self._scopes[-1][1] == name:
            self.exports.append(name)

    def _import(self, kind: str, node: Node) -> None:
        module = self.grammar.import_trim.sub("", " ".join(_text(node).split()))
        if not module:
            return
        if kind == "mod":
            module = f"mod {self._qualified(module)}".replace(".", "::")
        how = LAZY if kind == "require" and len(self._open) > 1 else _IMPORTS[kind]
        self.imports.append(Import(module, "", "", 0, how, node.start_point.row + 1))

    def _above(self, node: Node) -> tuple[int, bool]:
        """Where the declaration starts, with its attributes, and whether a doc comment stands above it."""
        row, start = node.start_point.row, node.start_byte
        while (prefix := self._prefixes.get(row - 1)) is not None and prefix[0] < row:
            row, start = prefix
        return start, row - 1 in self._doc_rows

    def _head(self, start: int, node: Node) -> bytes:
        """The declaration's text up to and including its name, cut at a length that no honest head has."""
        name = node.child_by_field_name("name")
        end = name.end_byte if name is not None else self.source.find(b"(", node.start_byte, node.end_byte)
        if end < 0:
            end = node.end_byte
        return self.source[max(start, end - _HEAD_BYTES) : end]

    def _count_documentable(self, head: bytes, documented: bool) -> None:
        if self.grammar.private.search(head) is None and self.grammar.public.search(head) is not None:
            self.documentable += 1
            self.documented += documented


def _ordered(captures: dict[str, list[Node]]) -> list[_Span]:
    """The spans that the sweep has to meet, each once, in its order."""
    continues = {node.start_byte for node in captures.get("elif", ())}
    for_types = {node.start_byte for node in captures.get("typing", ())}
    spans: dict[tuple[int, int, str], _Span] = {}
    for kind, nodes in captures.items():
        if kind in _NOT_SWEPT or kind.startswith("_"):
            continue
        rank = _RANK.get(kind, len(_RANK))
        replaced = continues if kind in ("if", "nest") else for_types if kind == "import" else ()
        for node in nodes:
            start, end = node.start_byte, node.end_byte
            if start not in replaced:
                spans[start, end, kind] = _Span(start, -end, rank, kind, node)
    return sorted(spans.values(), key=lambda span: span[:3])


def _rows_above(
    source: bytes, grammar: Grammar, captures: dict[str, list[Node]]
) -> tuple[set[int], dict[int, tuple[int, int]]]:
    """The rows that a doc comment ends on; and for each row that a prefix ends on, where it starts."""
    doc_rows = set()
    for node in captures.get("comment", ()):
        start, column = node.start_byte, node.start_point.column
        if (
            column <= _INDENT_BYTES
            and grammar.doc.match(source, start)
            and not source[start - column : start].strip()
        ):
            doc_rows.add(_end_line(node) - 1)
    prefixes = {
        _end_line(node) - 1: (node.start_point.row, node.start_byte) for node in captures.get("prefix", ())
    }
    return doc_rows, prefixes


def _text(node: Node) -> str:
    return (node.text or b"").decode(errors="replace")


def _line(node: Node) -> int:
    """Where the name stands, or the declaration starts: attributes stand above it."""
    return (node.child_by_field_name("name") or _declarator(node) or node).start_point.row + 1


def _end_line(node: Node) -> int:
    """Line of the last character; a node may include the line break behind it."""
    row, column = node.end_point
    return row + 1 if column else max(row, node.start_point.row + 1)


def _bound_name(node: Node) -> str:
    """The name an assignment or an object literal gives a function; empty for a computed one."""
    name = _MEMBER_PREFIX.sub("", _text(node).strip("\"'"))
    return name if _NAME.fullmatch(name) else ""


def _declared_name(node: Node) -> str:
    """The name in the declaration itself, with the type it belongs to where that is written there."""
    if node.type == "impl_item":
        return _plain(node.child_by_field_name("type"))
    receiver = node.child_by_field_name("receiver")
    named = node.child_by_field_name("name") or _declarator(node)
    if receiver is not None:
        kind = _text(receiver).strip("()").split("[")[0].split()
        return f"{kind[-1].lstrip('*')}.{_plain(named)}" if kind else _plain(named)
    return _plain(named)


def _declarator(node: Node) -> Node | None:
    """The innermost declarator of a C function: its name, without pointers, parameters and parentheses."""
    found = node.child_by_field_name("declarator") if node.type == "function_definition" else None
    for _ in range(_DECLARATOR_DEPTH):
        if found is None or found.type in ("identifier", "qualified_identifier", "operator_cast"):
            break
        inner = found.child_by_field_name("declarator")
        if inner is None and found.type in ("parenthesized_declarator", "reference_declarator"):
            inner = found.named_children[-1] if found.named_children else None
        if inner is None:
            break
        found = inner
    return found


def _plain(node: Node | None) -> str:
    """A name without its type arguments, with dots between its parts."""
    if node is None:
        return ""
    text = _text(node).strip("\"'")
    if "operator" in text:
        return " ".join(text.split("(")[0].split()).replace("::", ".") or text
    text = _GENERIC.sub("", _GENERIC.sub("", text)).replace("::", ".").strip("&*.")
    return text if _NAME.fullmatch(text) else ""


def _has_block(node: Node) -> bool:
    body = node.child_by_field_name("body")
    return body is not None and body.type in ("statement_block", "block", "compound_statement")


def _all_typed(node: Node) -> bool:
    """Whether every parameter carries a type (TypeScript); the result may be inferred."""
    if node.child_by_field_name("parameter") is not None:
        return False
    parameters = node.child_by_field_name("parameters")
    if parameters is None:
        return False
    return all(
        parameter.child_by_field_name("type") is not None
        for parameter in parameters.named_children
        if parameter.type != "comment"
    )


def _first_error(nodes: Iterable[Node], mistake: str) -> str:
    first = min((node.start_point.row for node in nodes), default=None)
    return "" if first is None else f"line {first + 1}: {mistake}"
