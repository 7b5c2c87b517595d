"""Outlines: what is in them, what never is, and what they cost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.errors import NotIndexed, UsageError
from quarterdeck.index.graph.rank import page_rank, weights
from quarterdeck.index.outline.compose import Candidate, Symbol, compose
from quarterdeck.index.outline.gather import outline
from quarterdeck.index.outline.signatures import MAX_LINE, printable
from quarterdeck.index.outline.tokens import tokens_of
from quarterdeck.index.project_index import ProjectIndex

WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\n"), min_size=1, max_size=60).map(printable)


@st.composite
def candidates(draw):
    """Any files with any symbols, nested in any sound way."""
    found = []
    for number in range(draw(st.integers(1, 5))):
        symbols: list[Symbol] = []
        for place in range(draw(st.integers(0, 6))):
            parent = draw(st.integers(-1, place - 1))
            depth = symbols[parent].depth + 1 if parent >= 0 else 0
            symbols.append(Symbol(parent, depth, draw(WORDS), draw(st.floats(0.01, 1))))
        found.append(Candidate(f"{number}/{draw(WORDS)}", draw(st.floats(0, 1)), tuple(symbols)))
    return found


@given(candidates(), st.integers(1, 300), st.integers(0, 50))
def test_the_budget_is_never_exceeded(files, budget, more):
    """Either the whole text fits, or there is an error that says so."""
    try:
        found = compose(files, len(files) + more, budget)
    except UsageError:
        return
    assert found.tokens == tokens_of(found.text) <= budget
    assert found.left_out == len(files) + more - len(found.paths)


@given(st.lists(WORDS))
def test_a_texts_cost_is_the_sum_of_its_lines(lines):
    """Composing adds up lines; the sum must be what the text costs."""
    assert tokens_of("".join(f"{line}\n" for line in lines)) <= sum(tokens_of(f"{line}\n") for line in lines)


def test_an_outline_uses_most_of_its_budget():
    """At least 85 %, when there is enough to say."""
    symbols = tuple(Symbol(-1, 0, f"def function_{number}(argument)", 1.0) for number in range(50))
    files = [Candidate(f"package/module_{number}.py", 1.0, symbols) for number in range(50)]
    for budget in (100, 500, 2_000):
        assert compose(files, 50, budget).tokens >= 0.85 * budget


def test_a_method_brings_its_class_and_what_is_left_out_is_marked():
    """A signature never stands under the wrong heading."""
    symbols = (
        Symbol(-1, 0, "class Useless", 0.01),
        Symbol(0, 1, "def useful(self)", 1.0),
        Symbol(-1, 0, f"def long({'argument, ' * 30})", 0.5),
    )
    text = compose([Candidate("a.py", 1.0, symbols)], 1, 40).text
    assert text == "a.py\n  class Useless\n    def useful(self)\n  …\n"


CORE = '''class Core:
    """The core."""
    def run(
        self,  # a comment
        n: int = 1,
    ) -> dict[str, int]:
        return {}


def start() -> None:
    def inner():
        pass
'''


@pytest.fixture
def index(tmp_path):
    """A core that everything imports, an edge that nothing does, and a file full of traps."""
    root = tmp_path / "project"
    files = {
        "core.py": CORE,
        "edge.py": "from core import Core\n\ndef edge(): return Core()\n",
        "other.py": "from core import start\n\ndef other(): return start()\n",
        "trap.py": f"def trap(a='\x1b[31m', b='\u202e', c='{'1' * 5000}'):\n    pass\n",
    }
    root.mkdir()
    for path, text in files.items():
        (root / path).write_text(text, encoding="utf-8")
    with ProjectIndex(str(root)) as opened:
        yield opened


def test_the_most_imported_file_comes_first_with_its_signatures(index):
    """A signature over several lines becomes one; functions inside functions are details."""
    text = outline(index, 500).text
    assert text.startswith(
        "core.py\n  class Core\n    def run(self, n: int = 1) -> dict[str, int]\n  def start() -> None\n"
    )
    assert "inner" not in text


def test_a_focus_comes_first(index):
    """With what it imports close behind."""
    assert outline(index, 500, focus=["edge.py"]).paths[:2] == ("edge.py", "core.py")


def test_paths_narrow_the_outline(index):
    """Only what they name is in it; what names nothing is said."""
    assert outline(index, 500, ["edge.py"]).paths == ("edge.py",)
    with pytest.raises(NotIndexed):
        outline(index, 500, ["nowhere"])


def test_hostile_sources_become_harmless_lines(index):
    """No control character, no reversal of direction, no endless line."""
    text = outline(index, 2_000, ["trap.py"]).text
    assert all(line.isprintable() and len(line) <= MAX_LINE + 20 for line in text.splitlines())
    assert "\\x1b" in text


def test_the_same_tree_gives_the_same_outline(index):
    """Byte for byte."""
    assert outline(index, 100) == outline(index, 100)


def test_a_budget_for_nothing_is_refused(index):
    """An empty outline would be no answer."""
    with pytest.raises(UsageError, match="hold no file"):
        outline(index, 3)


@given(st.sets(st.tuples(st.sampled_from("abcdef"), st.sampled_from("abcdef"))))
def test_ranks_add_up_to_one(edges):
    """Whatever the graph: ends, cycles, islands."""
    ranks = page_rank(dict.fromkeys("abcdef", 1.0), weights(edges, ()))
    assert sum(ranks.values()) == pytest.approx(1.0, abs=1e-6)


def test_a_definition_passes_on_more_than_an_import():
    """`from pkg import name` matters more to the file that defines the name."""
    ranks = page_rank(dict.fromkeys("apd", 1.0), weights([("a", "p")], [("a", "d")]))
    assert ranks["d"] > ranks["p"] > ranks["a"]
