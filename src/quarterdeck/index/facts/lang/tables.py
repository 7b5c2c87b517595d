"""What each language calls a function, a branch, an import: one query and a few patterns per language.

The queries share one vocabulary of captures, which `sweep` understands:

    @function    a function or method with a body         @import   what is imported, as written
    @closure     a function without a name of its own     @typing   an import for the type checker only
    @name        what the function that comes next is     @require  an import by a call: lazy in a function
                 bound to                                 @dynamic  an import that is an expression
    @class       a class, struct, enum, interface, trait  @mod      a module that lives in another file
    @scope       qualifies the names inside it            @export   an exported name
    @if @loop @catch @case                                @binding  a name bound at the top of the file
                 a branch; @elif: an @if that only        @test     the name of a call that declares a test
                 continues the one before it              @comment  any comment
    @switch @ternary @else @jump                          @prefix   between a doc comment and its subject
                 felt by the reader, but no new path      @error    what the parser could not read
    @nest        what it holds is one level deeper
    @logical     a chain of && or ||; @same one that
                 only lengthens the chain it stands in

A new language is a new entry in `GRAMMARS`; nothing else has to change.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Grammar(NamedTuple):
    """How one language is read.

    Attributes:
        package: the wheel's import name.
        factory: the function in it that returns the language.
        query: captures of the vocabulary above.
        doc: how a doc comment starts.
        import_trim: removed from an imported name; what is left is what the file says.
        private: found in the head of a declaration (its text up to its name, inclusive) that is not public.
        public: has to be found in the head of a public declaration.
        test: found in the head of a test function, the attributes before it included.
        hints: whether parameters carry types: ``always``, ``never``, or where ``written``.
        gathers: a function without a branch of its own that holds named functions is a module in disguise.
        mistake: what to call what the parser could not read; unexpanded macros are no errors in C.
    """

    package: str
    factory: str
    query: str
    doc: re.Pattern[bytes]
    import_trim: re.Pattern[str] = re.compile(r"^[\"'`]|[\"'`]$")
    private: re.Pattern[bytes] = re.compile(rb"(?!)")
    public: re.Pattern[bytes] = re.compile(rb"")
    test: re.Pattern[bytes] = re.compile(rb"(?!)")
    hints: str = "always"
    gathers: bool = False
    mistake: str = "syntax error"


def _chains(node: str, operators: tuple[str, ...]) -> str:
    """Captures for chains of *operators*: ``a && b && c`` is one chain, ``a && b || c`` two."""
    return "\n".join(
        f'({node} operator: "{sign}") @logical\n'
        f'({node} left: ({node} operator: "{sign}") @same operator: "{sign}")'
        for sign in operators
    )


_EVERYWHERE = "(ERROR) @error (MISSING) @error\n"

_ECMASCRIPT = (
    _EVERYWHERE
    + _chains("binary_expression", ("&&", "||", "??"))
    + """
[(function_declaration) (generator_function_declaration) (method_definition)] @function
[(arrow_function) (function_expression) (generator_function)] @closure
(variable_declarator name: (identifier) @name
  value: [(arrow_function) (function_expression) (generator_function) (class)])
(assignment_expression left: (_) @name right: [(arrow_function) (function_expression) (generator_function)])
(pair key: (_) @name value: [(arrow_function) (function_expression) (generator_function)])
(export_statement "default" @name [(function_expression) (arrow_function) (generator_function)])
[(class_declaration) (class)] @class
(if_statement consequence: (_) @nest) @if
(else_clause (if_statement) @elif)
(else_clause (_) @nest) @else
[(for_statement body: (_) @nest) (for_in_statement body: (_) @nest)
 (while_statement body: (_) @nest) (do_statement body: (_) @nest)] @loop
(switch_statement body: (_) @nest) @switch
(switch_case) @case
(catch_clause body: (_) @nest) @catch
(ternary_expression consequence: (_) @nest alternative: (_) @nest) @ternary
(break_statement label: (_)) @jump
(continue_statement label: (_)) @jump
(import_statement source: (string (string_fragment) @import))
(export_statement source: (string (string_fragment) @import))
(call_expression function: (import) arguments: (arguments . (string (string_fragment) @dynamic)))
(call_expression function: (identifier) @_require
  arguments: (arguments . (string (string_fragment) @require) .)
  (#eq? @_require "require"))
(export_statement declaration: (_ name: (_) @export))
(export_statement declaration: (_ (variable_declarator name: (identifier) @export)))
(export_specifier name: (_) @export !alias)
(export_specifier alias: (_) @export)
(export_statement "default" @export)
(program [(lexical_declaration (variable_declarator name: (identifier) @binding))
          (variable_declaration (variable_declarator name: (identifier) @binding))
          (export_statement (_ (variable_declarator name: (identifier) @binding)))])
(call_expression function: (identifier) @test arguments: (arguments . [(string) (template_string)])
  (#any-of? @test "it" "test"))
(call_expression
  function: (member_expression object: (identifier) @test property: (property_identifier) @_how)
  (#any-of? @test "it" "test") (#any-of? @_how "only" "skip" "each" "concurrent" "failing" "fails" "serial"))
(decorator) @prefix
(comment) @comment
"""
)

_JAVASCRIPT = Grammar(
    "tree_sitter_javascript",
    "language",
    _ECMASCRIPT
    + """
(field_definition property: (_) @name value: [(arrow_function) (function_expression)])
(html_comment) @comment
""",
    doc=re.compile(rb"/\*\*"),
    private=re.compile(rb"(?:^|[\s*])[_#][\w$]*$"),
    hints="never",
    gathers=True,
)

_TYPESCRIPT = Grammar(
    "tree_sitter_typescript",
    "language_typescript",
    _ECMASCRIPT
    + """
(public_field_definition name: (_) @name value: [(arrow_function) (function_expression)])
[(abstract_class_declaration) (interface_declaration) (enum_declaration)] @class
[(internal_module) (module)] @scope
(import_statement "type" source: (string (string_fragment) @typing))
(export_statement "type" source: (string (string_fragment) @typing))
(import_require_clause source: (string (string_fragment) @import))
""",
    doc=re.compile(rb"/\*\*"),
    private=re.compile(rb"\b(?:private|protected)\s|(?:^|[\s*])[_#][\w$]*$"),
    hints="written",
    gathers=True,
)

_GO = Grammar(
    "tree_sitter_go",
    "language",
    _EVERYWHERE
    + _chains("binary_expression", ("&&", "||"))
    + """
[(function_declaration body: (_)) (method_declaration body: (_))] @function
(func_literal) @closure
(var_spec name: (identifier) @name value: (expression_list . (func_literal) .))
(type_spec type: [(struct_type) (interface_type)]) @class
(if_statement consequence: (_) @nest) @if
(if_statement alternative: (if_statement) @elif)
(if_statement "else" @else)
(if_statement alternative: (_) @nest)
(for_statement body: (_) @nest) @loop
[(expression_switch_statement) (type_switch_statement) (select_statement)] @switch
[(expression_case) (type_case) (communication_case)] @case
[(expression_case (statement_list) @nest) (type_case (statement_list) @nest)
 (communication_case (statement_list) @nest) (default_case (statement_list) @nest)]
(break_statement (label_name)) @jump
(continue_statement (label_name)) @jump
(goto_statement) @jump
(import_spec path: (_) @import)
(source_file [(const_declaration (const_spec name: (identifier) @binding))
              (var_declaration (var_spec name: (identifier) @binding))
              (var_declaration (var_spec_list (var_spec name: (identifier) @binding)))
              (type_declaration [(type_spec name: (_) @binding) (type_alias name: (_) @binding)])])
(comment) @comment
""",
    doc=re.compile(rb"/[/*]"),
    public=re.compile(rb"\b[A-Z]\w*$"),
    test=re.compile(rb"^func\s+(?:Test|Benchmark|Fuzz|Example)(?![a-z])\w*$"),
)

_RUST = Grammar(
    "tree_sitter_rust",
    "language",
    _EVERYWHERE
    + _chains("binary_expression", ("&&", "||"))
    + """
(function_item) @function
(closure_expression) @closure
[(struct_item) (enum_item) (union_item) (trait_item)] @class
[(impl_item) (mod_item body: (_))] @scope
(if_expression consequence: (_) @nest) @if
(else_clause (if_expression) @elif)
(else_clause (_) @nest) @else
(let_declaration alternative: (block) @nest) @if
[(loop_expression body: (_) @nest) (while_expression body: (_) @nest) (for_expression body: (_) @nest)] @loop
(match_expression body: (_) @nest) @switch
((match_arm pattern: (match_pattern) @_pattern) @case (#not-eq? @_pattern "_"))
[(break_expression (label)) (continue_expression (label))] @jump
(use_declaration argument: (_) @import)
(extern_crate_declaration name: (_) @import)
(mod_item name: (_) @mod !body)
(source_file
  [(const_item name: (_) @binding) (static_item name: (_) @binding) (type_item name: (_) @binding)])
(attribute_item) @prefix
[(line_comment) (block_comment)] @comment
""",
    doc=re.compile(rb"///(?!/)|/\*\*(?!\*)"),
    public=re.compile(rb"\bpub\b"),
    test=re.compile(rb"#\[\s*(?:\w+::)*(?:test|rstest|test_case)\b"),
)

_JAVA = Grammar(
    "tree_sitter_java",
    "language",
    _EVERYWHERE
    + _chains("binary_expression", ("&&", "||"))
    + """
[(method_declaration body: (_)) (constructor_declaration) (compact_constructor_declaration)] @function
(lambda_expression) @closure
(field_declaration (variable_declarator name: (identifier) @name value: (lambda_expression)))
[(class_declaration) (interface_declaration) (enum_declaration) (record_declaration)
 (annotation_type_declaration)] @class
(if_statement consequence: (_) @nest) @if
(if_statement alternative: (if_statement) @elif)
(if_statement "else" @else)
(if_statement alternative: (_) @nest)
[(for_statement body: (_) @nest) (enhanced_for_statement body: (_) @nest)
 (while_statement body: (_) @nest) (do_statement body: (_) @nest)] @loop
(switch_expression body: (_) @nest) @switch
(switch_label [(_) (pattern)]) @case
(catch_clause body: (_) @nest) @catch
(ternary_expression consequence: (_) @nest alternative: (_) @nest) @ternary
(break_statement (identifier)) @jump
(continue_statement (identifier)) @jump
(import_declaration) @import
[(line_comment) (block_comment)] @comment
""",
    doc=re.compile(rb"/\*\*"),
    import_trim=re.compile(r"^import (?:static )?|\s*;$"),
    private=re.compile(rb"\bprivate\b"),
    test=re.compile(rb"@(?:\w+\.)*(?:Test|ParameterizedTest|RepeatedTest|TestFactory|TestTemplate)\b"),
)

_C_FAMILY = (
    _EVERYWHERE
    + _chains("binary_expression", ("&&", "||"))
    + """
(function_definition body: (compound_statement)) @function
[(struct_specifier body: (_)) (union_specifier body: (_)) (enum_specifier body: (_))] @class
(if_statement consequence: (_) @nest) @if
(else_clause (if_statement) @elif)
(else_clause (_) @nest) @else
[(for_statement body: (_) @nest) (while_statement body: (_) @nest) (do_statement body: (_) @nest)] @loop
(switch_statement body: (_) @nest) @switch
(case_statement "case") @case
(conditional_expression consequence: (_)? @nest alternative: (_) @nest) @ternary
(goto_statement) @jump
(preproc_include path: (_) @import)
(comment) @comment
"""
)

_C = Grammar(
    "tree_sitter_c",
    "language",
    _C_FAMILY,
    doc=re.compile(rb"/[/*]"),
    import_trim=re.compile(r"(?!)"),
    private=re.compile(rb"\bstatic\b"),
    mistake="cannot be read without the preprocessor, or a syntax error",
)

_CPP = Grammar(
    "tree_sitter_cpp",
    "language",
    _C_FAMILY
    + _chains("binary_expression", ("and", "or"))
    + """
(lambda_expression) @closure
(class_specifier body: (_)) @class
(namespace_definition) @scope
(for_range_loop body: (_) @nest) @loop
(catch_clause body: (_) @nest) @catch
(template_parameter_list) @prefix
""",
    doc=re.compile(rb"/[/*]"),
    import_trim=re.compile(r"(?!)"),
    private=re.compile(rb"\bstatic\b"),
    mistake="cannot be read without the preprocessor, or a syntax error",
    test=re.compile(rb"\bTEST(?:_[FP])?$"),
)

GRAMMARS: dict[str, Grammar] = {
    "javascript": _JAVASCRIPT,
    "typescript": _TYPESCRIPT,
    "tsx": _TYPESCRIPT._replace(factory="language_tsx"),
    "go": _GO,
    "rust": _RUST,
    "java": _JAVA,
    "c": _C,
    "cpp": _CPP,
}
"""By the name that `classify.language_of` gives the language."""
