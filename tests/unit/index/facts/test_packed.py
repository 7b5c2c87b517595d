"""Facts as a row, and back."""

from __future__ import annotations

import pytest

from quarterdeck.index.facts.facts import Class, Facts, Function, Import
from quarterdeck.index.facts.packed import NOTHING, Packed, Wiring, outline_of, pack, wiring_of

FACTS = Facts(
    "python",
    lines=90,
    sloc=70,
    functions=(
        Function("f", 1, 9, 3, 2, True, True),
        Function("C.ü", 12, 40, 8, 11, False, False),
        Function("g", 50, 51, 1, 0, True, True),
    ),
    classes=(Class("C", 11, 41, True),),
    imports=(Import("a.b", "", "c", 0, "runtime", 1), Import("", "\udce9", "", 2, "lazy", 13)),
    exports=("f", "C"),
    bindings=("f", "C", "g"),
    documented=3,
    documentable=5,
    tests=4,
    error="line 3: ü",
)


def test_numbers_are_counted_summed_and_topped():
    """What the view needs of every file stands in columns of its own."""
    assert pack(FACTS)._replace(outline="", wiring="") == Packed(
        lines=90,
        sloc=70,
        documented=3,
        documentable=5,
        tests=4,
        functions=3,
        classes=1,
        hinted=2,
        complexity=12,
        max_complexity=8,
        cognitive=13,
        error="line 3: ü",
        outline="",
        wiring="",
    )


def test_outline_and_wiring_come_back_as_they_were():
    """In source order, with their types."""
    packed = pack(FACTS)
    assert repr(outline_of(packed.outline)) == repr((FACTS.functions, FACTS.classes))
    assert repr(wiring_of(packed.wiring)) == repr(Wiring(FACTS.imports, FACTS.exports, FACTS.bindings))


def test_a_row_is_plain_ascii():
    """So that no name in a source file can keep it out of a database."""
    assert (pack(FACTS).outline + pack(FACTS).wiring).isascii()


def test_a_file_that_says_nothing_is_an_empty_row():
    """And an empty text is read as nothing."""
    assert pack(Facts("python")) == NOTHING
    assert (outline_of(""), wiring_of("")) == (((), ()), Wiring())


@pytest.mark.parametrize("exports", [None, (), ("a",)])
def test_no_list_of_exports_is_not_an_empty_one(exports):
    """An empty ``__all__`` passes nothing on; without one, everything is."""
    assert wiring_of(pack(Facts("python", exports=exports)).wiring).exports == exports


@pytest.mark.parametrize("part", [{"functions": FACTS.functions}, {"classes": FACTS.classes}])
def test_either_half_of_an_outline_is_kept_alone(part):
    """A file of classes only has an outline, too."""
    functions, classes = outline_of(pack(Facts("python", **part)).outline)
    assert (functions, classes) == (part.get("functions", ()), part.get("classes", ()))


@pytest.mark.parametrize("part", [{"imports": FACTS.imports}, {"bindings": ("x",)}])
def test_either_part_of_the_wiring_is_kept_alone(part):
    """A file without imports still defines names."""
    assert wiring_of(pack(Facts("python", **part)).wiring) == Wiring(**part)
