"""What has changed, told from a log of changes, from facts and from sources."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.errors import UsageError
from quarterdeck.index.changes.since import (
    ADDED,
    MODIFIED,
    REMOVED,
    RENAMED,
    FileChange,
    check_name,
    classified,
    net,
)
from quarterdeck.index.changes.symbols import by_facts, by_source
from quarterdeck.index.facts.packed import outline_of, pack
from quarterdeck.index.facts.python import python_facts

PATHS = st.sampled_from(["a.py", "b.py", "d/a.py", "d/c.py"])
CONTENTS = st.sampled_from(["", "1", "2", "3"])


def outline(source):
    return outline_of(pack(python_facts(source.encode())).outline)


def compared(old, new):
    return by_source(outline(old), old.encode(), outline(new), new.encode())


@given(st.dictionaries(PATHS, CONTENTS), st.lists(st.dictionaries(PATHS, CONTENTS)))
def test_a_log_comes_to_the_difference_of_its_ends(start, edits):
    """Whatever happened in between: any edits, also ones that undo each other."""
    tree = dict(start)
    log = []
    for edit in edits:
        log += [
            (path, tree.get(path, ""), after) for path, after in edit.items() if tree.get(path, "") != after
        ]
        tree.update(edit)
    paths = start.keys() | tree.keys()
    ends = {path: (start.get(path, ""), tree.get(path, "")) for path in paths}
    assert net(log) == {path: pair for path, pair in ends.items() if pair[0] != pair[1]}


@given(st.dictionaries(PATHS, st.tuples(CONTENTS, CONTENTS).filter(lambda pair: pair[0] != pair[1])))
def test_every_file_is_classified_once(contents):
    """A rename takes two paths and one content; everything else takes one path."""
    found = classified(contents)
    named = [path for change in found for path in (change.path, change.old_path) if path]
    assert sorted(named) == sorted(contents)
    for change in found:
        before, after = contents[change.path]
        if change.status == RENAMED:
            assert contents[change.old_path] == (after, "")
            assert before == ""
        else:
            assert change.status == (MODIFIED if before and after else ADDED if after else REMOVED)


def test_from_a_to_b_and_back_nothing_has_changed():
    """What was undone does not count."""
    assert net([("x", "a", "b"), ("y", "", "c"), ("x", "b", "a"), ("y", "c", "")]) == {}


def test_a_copy_is_added_and_only_one_file_renamed():
    """The new place of the same name is where it went."""
    contents = {"old/a.py": ("1", ""), "new/a.py": ("", "1"), "new/b.py": ("", "1")}
    assert classified(contents) == [
        FileChange("new/a.py", RENAMED, "old/a.py"),
        FileChange("new/b.py", ADDED),
    ]


SOURCE = """class A:
    def same(self):
        return 1

    def other(self):
        return 2


def alone():
    return 3
"""


def test_what_only_moved_is_not_changed():
    """Neither by facts nor by source."""
    moved = f"# a comment\n\n{SOURCE}"
    assert compared(SOURCE, moved) == ((), (), (), True)
    assert by_facts(outline(SOURCE), outline(moved)) == ((), (), (), False)


def test_a_change_inside_a_method_is_the_methods_alone():
    """The class around it is what it was."""
    assert compared(SOURCE, SOURCE.replace("return 2", "return 20")).changed == ("A.other",)


def test_added_and_removed_symbols_are_named():
    """A renamed function is one of each."""
    found = compared(SOURCE, SOURCE.replace("def alone", "def together"))
    assert (found.added, found.removed, found.changed) == (("together",), ("alone",), ())


def test_facts_show_what_alters_them_and_say_that_they_may_miss_the_rest():
    """A longer body shows; another constant does not, and the answer is not exact."""
    longer = SOURCE.replace("return 3", "x = 3\n    return x")
    assert by_facts(outline(SOURCE), outline(longer)).changed == ("alone",)
    assert by_facts(outline(SOURCE), outline(SOURCE.replace("return 3", "return 4"))) == ((), (), (), False)


@pytest.mark.parametrize("name", ["", "git:main", "-x", "abcdef", "0123456789", "a\nb", "x" * 101])
def test_a_name_that_could_mean_something_else_is_refused(name):
    """A state's id, a commit, an option, or nothing anybody can type."""
    with pytest.raises(UsageError):
        check_name(name)


def test_an_ordinary_name_is_fine():
    """Words, versions, ticket numbers."""
    assert [check_name(name) for name in ("v1.2", "before refactoring", "abc")]
