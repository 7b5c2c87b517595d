"""What may be imported, and what importing it must not load."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import quarterdeck
import quarterdeck.cli
import quarterdeck.costs
import quarterdeck.index
import quarterdeck.loops
import quarterdeck.memory
import quarterdeck.patterns

if TYPE_CHECKING:
    from pathlib import Path

RUN = """
import json, sys
from quarterdeck.cli import main
try:
    main(sys.argv[1:])
except SystemExit as stop:
    assert not stop.code, stop.code
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""
SETTLED = """
from quarterdeck.index.disk import signature
signature.RACY_WINDOW_NS = 0  # as if the files had been left alone for a while
"""
IMPORT = "import json, sys, quarterdeck; print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
NOTHING = "import json, sys; print(json.dumps(sorted(sys.modules)), file=sys.stderr)"


def loaded(code: str, *arguments: str, cwd: Path | None = None) -> set[str]:
    """What a fresh interpreter has loaded after *code*, besides what every interpreter loads."""
    ran = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False, cwd=cwd
    )
    assert ran.returncode == 0, ran.stderr
    modules = set(json.loads(ran.stderr.splitlines()[-1]))
    return modules if code == NOTHING else modules - loaded(NOTHING)


def among(modules: set[str], *unwanted: str) -> set[str]:
    """Those of *modules* that are, or lie in, one of *unwanted*."""
    return {name for name in modules if name.startswith(tuple(f"{each}." for each in unwanted))} | (
        modules & set(unwanted)
    )


@pytest.mark.parametrize(
    "module",
    [
        quarterdeck,
        quarterdeck.costs,
        quarterdeck.index,
        quarterdeck.loops,
        quarterdeck.memory,
        quarterdeck.patterns,
    ],
    ids=lambda module: module.__name__,
)
class TestNames:
    def test_every_public_name_can_be_imported(self, module):
        """From where it is promised, and it is what its home has under that name."""
        for name in module.__all__:
            found = getattr(module, name)
            if name in module._HOMES:
                home = importlib.import_module(f"{module.__name__}.{module._HOMES[name]}")
                assert found is getattr(home, name)

    def test_the_list_of_names_is_complete_and_sorted(self, module):
        """What is imported lazily, and nothing else but the version."""
        assert list(module.__all__) == sorted(module.__all__)
        assert set(module.__all__) - {"__version__"} == set(module._HOMES)

    def test_a_public_name_is_seen_by_completion(self, module):
        """`dir` tells what there is before it is loaded."""
        assert set(module.__all__) <= set(dir(module))

    def test_a_name_that_is_not_there_is_an_attribute_error(self, module):
        """As Python's own modules have it: hasattr and star imports rely on it."""
        with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
            module.nonsense  # noqa: B018 - to look is the test


def test_importing_the_package_loads_no_part():
    """Not even what every part needs."""
    modules = loaded(IMPORT)
    assert {name for name in modules if name.startswith("quarterdeck")} == {"quarterdeck"}
    unwanted = ("click", "rich", "sqlite3", "ignore", "tree_sitter", "asyncio", "dataclasses", "subprocess")
    assert not among(modules, *unwanted)


def test_help_loads_no_part():
    """The list of commands is a table; no command is imported to be listed."""
    modules = loaded(RUN, "--help")
    ours = {name for name in modules if name.startswith("quarterdeck")}
    assert ours == {
        "quarterdeck",
        "quarterdeck.errors",
        "quarterdeck.cli",
        "quarterdeck.cli.lazy",
        "quarterdeck.cli.program",
    }
    assert not among(modules, "rich", "sqlite3", "tree_sitter", "subprocess", "asyncio", "dataclasses")


def test_importing_the_command_line_loads_no_command_line():
    """The hook of agents is called through it, before every call of theirs."""
    modules = loaded(IMPORT.replace("quarterdeck;", "quarterdeck.cli;"))
    assert {name for name in modules if name.startswith("quarterdeck")} == {"quarterdeck", "quarterdeck.cli"}
    assert not among(modules, "click", "json", "dataclasses", "inspect")
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        quarterdeck.cli.nonsense  # noqa: B018 - to look is the test


def test_a_warm_answer_loads_nothing_that_reads_files(tmp_path):
    """When nothing has changed there is nothing to parse, no process to start, no table to draw."""
    (tmp_path / "a.py").write_text("import b\n")
    (tmp_path / "b.py").write_text("")
    loaded(SETTLED + RUN, "summary", "--json", cwd=tmp_path)
    modules = loaded(SETTLED + RUN, "summary", "--json", cwd=tmp_path)
    assert "sqlite3" in modules
    assert not among(modules, "rich", "ignore", "tree_sitter", "subprocess", "dataclasses", "asyncio")


def test_a_warm_record_loads_no_database_and_no_price_list(tmp_path):
    """Nor what importers read with; the price is in the cache file."""
    record = "tracker.log_request('claude-haiku-4-5', 1, 1, 't', session='s'); "
    code = IMPORT.replace(
        "quarterdeck;",
        "quarterdeck.costs; from quarterdeck.costs import CostTracker; tracker = CostTracker(sys.argv[1]); "
        + record * 2,
    )
    assert "genai_prices" in loaded(code, str(tmp_path))
    modules = loaded(code, str(tmp_path))
    assert "quarterdeck.journal.writer" in modules
    assert not among(
        modules, "sqlite3", "msgspec", "genai_prices", "decimal", "dataclasses", "subprocess", "tzlocal",
        "quarterdeck.sqlite", "quarterdeck.costs.importers", "quarterdeck.costs.budgets",
    )  # fmt: skip


def test_importing_the_memory_loads_no_database_and_no_client():
    """Its names are a table, too."""
    modules = loaded(IMPORT.replace("quarterdeck;", "quarterdeck.memory;"))
    ours = {name for name in modules if name.startswith("quarterdeck")}
    assert ours == {"quarterdeck", "quarterdeck.memory"}
    assert not among(
        modules, "sqlite3", "redis", "asyncio", "msgspec", "dataclasses", "subprocess", "threading"
    )


def test_memory_in_a_file_loads_no_server_and_no_event_loop(tmp_path):
    """Who stashes and retrieves waits for what that takes, and no more."""
    code = IMPORT.replace(
        "quarterdeck;",
        "quarterdeck.memory as m; memory = m.UnifiedMemory('ann', m.MemoryConfig(path=sys.argv[1])); "
        "memory.stash('k', 1); assert memory.retrieve('k') == 1; memory.keys(); memory.close();",
    )
    modules = loaded(code, str(tmp_path / "memory.sqlite"))
    assert "quarterdeck.memory.embedded.backend" in modules
    assert not among(
        modules, "redis", "quarterdeck.memory.server", "asyncio", "concurrent", "cryptography", "subprocess",
        "socket", "ssl", "multiprocessing", "tomllib",
    )  # fmt: skip


def test_importing_the_patterns_loads_no_database_and_no_engine():
    """Its names are a table, too."""
    modules = loaded(IMPORT.replace("quarterdeck;", "quarterdeck.patterns;"))
    ours = {name for name in modules if name.startswith("quarterdeck")}
    assert ours == {"quarterdeck", "quarterdeck.patterns"}
    assert not among(modules, "sqlite3", "tantivy", "msgspec", "numpy", "Stemmer", "yaml", "threading")


def test_a_small_library_loads_no_engine_and_no_model(tmp_path):
    """Who contributes, asks and reports waits for what that takes, and no more."""
    code = IMPORT.replace(
        "quarterdeck;",
        "quarterdeck.patterns as p; library = p.PatternLibrary(sys.argv[1]); "
        "pattern = p.Pattern(id='a', agent_id='ann', pattern_type='temporal', name='a lock'); "
        "library.contribute_pattern('ann', pattern); "
        "(match,) = library.query_patterns('ben', {'task': 'locks'}); match.factors; "
        "library.record_pattern_outcome('a', True); library.render([match], 500); library.close();",
    )
    modules = loaded(code, str(tmp_path / "own.sqlite"))
    assert {"quarterdeck.patterns.truth", "Stemmer"} <= modules
    assert not among(
        modules, "tantivy", "numpy", "onnxruntime", "tokenizers", "yaml", "quarterdeck.patterns.exchange",
        "quarterdeck.patterns.meaning.encoder", "asyncio", "subprocess", "concurrent", "multiprocessing",
    )  # fmt: skip
