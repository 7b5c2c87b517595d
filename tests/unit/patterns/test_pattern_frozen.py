"""Lists and dicts of a pattern: what they seem, equal to plain ones, and never changed."""

from __future__ import annotations

import copy
import json
import pickle

import msgspec
import pytest

from quarterdeck.patterns.frozen import FrozenDict, FrozenList, frozen, thawed

PLAIN = {"a": [1, {"b": [2.5, None, True]}], "c": {}, "d": "text"}


def changes_of(kind, thing):
    """Every public way to change such a thing, that the plain kind has."""
    given = {
        "__setitem__": (0, 1), "__delitem__": (0,), "pop": (), "clear": (), "append": (1,), "extend": ([1],),
        "insert": (0, 1), "remove": (1,), "reverse": (), "sort": (), "__iadd__": ([1],), "__imul__": (2,),
        "popitem": (), "setdefault": ("x", 1), "update": ({"x": 1},), "__ior__": ({"x": 1},),
    }  # fmt: skip
    return [
        (name, getattr(thing, name), arguments) for name, arguments in given.items() if hasattr(kind, name)
    ]


@pytest.mark.parametrize(
    "kind, thing", [(list, frozen([1, 2])), (dict, frozen({"x": 2}))], ids=["list", "dict"]
)
def test_no_way_to_change_it_is_open(kind, thing):
    """Each says how to make a copy, and it is as it was."""
    before = kind(thing)
    ways = changes_of(kind, thing)
    assert len(ways) > 7
    for _, change, arguments in ways:
        with pytest.raises(TypeError, match="cannot be changed; make a copy"):
            change(*arguments)
    assert thing == before


@pytest.mark.parametrize("kind", [list, dict], ids=["list", "dict"])
def test_every_method_that_changes_the_plain_kind_is_refused(kind):
    """Whatever a later Python may add: what is neither known to read nor refused fails here."""
    closed = FrozenList if kind is list else FrozenDict
    reading = {
        "copy", "count", "index", "get", "items", "keys", "values", "fromkeys", "__class_getitem__",
        "__contains__", "__getitem__", "__iter__", "__len__", "__reversed__", "__add__", "__mul__",
        "__rmul__",
        "__or__", "__ror__", "__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__repr__",
        "__sizeof__", "__init__", "__new__", "__getattribute__", "__hash__", "__doc__",
    }  # fmt: skip
    for name in set(vars(kind)) - reading:
        assert name in vars(closed), name


def test_it_equals_and_reads_as_plain_json():
    """Also deep inside, and for whoever encodes it."""
    made = frozen(PLAIN)
    assert made == PLAIN
    assert isinstance(made, dict)
    assert isinstance(made["a"], list)
    assert json.loads(json.dumps(made)) == msgspec.json.decode(msgspec.json.encode(made)) == PLAIN


def test_it_is_frozen_all_the_way_down():
    """The list in the dict in the list, too."""
    made = frozen(PLAIN)
    for inner in (made, made["a"], made["a"][1], made["a"][1]["b"], made["c"]):
        assert type(inner) in {FrozenList, FrozenDict}


def test_tuples_count_as_lists():
    """As JSON has it."""
    assert frozen({"a": (1, (2,))}) == {"a": [1, [2]]}


def test_what_it_was_made_of_is_its_own():
    """Later changes of it do not reach the frozen copy."""
    given = {"a": [1]}
    made = frozen(given)
    given["a"].append(2)
    assert made == {"a": [1]}


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, thawed], ids=["copy", "deepcopy", "thawed"])
def test_a_copy_can_be_changed(way):
    """It is a plain one; the original stays."""
    made = frozen(PLAIN)
    other = way(made)
    assert type(other) is dict
    other["new"] = 1
    if way is not copy.copy:
        other["a"][1]["b"].append(3)
    assert made == PLAIN


def test_a_pickled_one_comes_back_frozen():
    """As it goes to another process."""
    back = pickle.loads(pickle.dumps(frozen(PLAIN)))
    assert back == PLAIN
    assert type(back["a"][1]["b"]) is FrozenList
