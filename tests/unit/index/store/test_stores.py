"""A place that cannot be written to stops nothing: it is said, and the work goes on in memory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from quarterdeck import sqlite
from quarterdeck.errors import StateError, StoreCorrupt, StoreFull
from quarterdeck.index.facts.fact_store import FactStore, NewFact
from quarterdeck.index.facts.packed import NOTHING
from quarterdeck.index.store.stores import Stores
from quarterdeck.workspace import open_workspace

FACT = NewFact("ab" * 16, "python", NOTHING._replace(lines=7), 10)
KEY = (FACT.hash, FACT.language)


@pytest.fixture
def workspace(tmp_path):
    """Of an empty project."""
    return open_workspace(str(tmp_path))


@pytest.fixture
def stores(workspace):
    """Open on disk."""
    stores = Stores(workspace)
    yield stores
    stores.close()


def kept_files(workspace):
    return sorted(path.name for path in Path(os.environ["QUARTERDECK_HOME"]).rglob("*.sqlite"))


def full(*_):
    raise StoreFull("no space left", hint="free some")


def test_the_fact_store_is_opened_when_it_is_first_needed(workspace, stores):
    """A warm query needs none."""
    assert kept_files(workspace) == ["index.sqlite"]
    assert stores.facts.is_empty()
    assert kept_files(workspace) == ["facts.sqlite", "index.sqlite"]


def test_stores_that_are_not_kept_leave_the_disk_alone(workspace):
    """All work, none of it on disk; the notes alone would be."""
    stores = Stores(workspace, keep=False)
    stores.keep_facts([FACT])
    assert stores.facts.get(*KEY)
    assert stores.tree.in_memory
    stores.close()
    assert kept_files(workspace) == []
    assert stores.problems == []


def test_kept_facts_are_there_for_the_next(workspace, stores):
    """In another object, as in another process."""
    stores.keep_facts([FACT])
    other = Stores(workspace)
    assert other.facts.get(*KEY) == (FACT.packed, FACT.cost_us)
    other.close()


def test_facts_that_cannot_be_written_live_in_memory(stores, monkeypatch):
    """They are found all the same, and it is said once why they are not kept."""
    with monkeypatch.context() as patch:
        patch.setattr(stores.facts, "put_many", full)
        stores.keep_facts([FACT])
    assert stores.facts.get(*KEY) == (FACT.packed, FACT.cost_us)
    assert stores.problems == ["extracted facts are not kept: no space left"]
    stores.keep_facts([FACT._replace(language="go")])
    assert len(stores.problems) == 1


def test_a_fact_store_that_fails_in_memory_is_an_error(workspace, monkeypatch):
    """There is nowhere left to go."""
    stores = Stores(workspace, keep=False)
    monkeypatch.setattr(stores.facts, "put_many", full)
    with pytest.raises(StoreFull):
        stores.keep_facts([FACT])
    stores.close()


def test_a_damaged_fact_store_is_made_anew(workspace, stores):
    """On disk: from then on facts are kept again."""
    stores.keep_facts([FACT])
    stores.facts.damaged = True
    stores.keep_facts([FACT._replace(language="go")])
    assert not stores.facts.damaged
    assert stores.facts.path
    assert stores.facts.get(*KEY) is None
    assert stores.facts.get(FACT.hash, "go")
    assert stores.problems == []


def test_damage_that_is_found_while_writing_loses_no_new_fact(stores, monkeypatch):
    """The store is made anew and the facts go there."""
    corrupt = [StoreCorrupt("damaged", hint="none")]
    put_many = FactStore.put_many

    def once(self, facts):
        if corrupt:
            raise corrupt.pop()
        put_many(self, facts)

    monkeypatch.setattr(FactStore, "put_many", once)
    stores.keep_facts([FACT])
    assert stores.facts.get(*KEY)
    assert stores.problems == []


def test_a_damaged_tree_is_made_anew_once(stores):
    """A second time there is something else wrong, and it goes on in memory."""
    damaged = StoreCorrupt("damaged", hint="none")
    with sqlite.transaction(stores.tree.connection):
        stores.tree.put_meta({"k": "v"})
    stores.give_up_tree(damaged)
    assert (stores.tree.in_memory, stores.tree.meta(), stores.problems) == (False, {}, [])
    stores.give_up_tree(damaged)
    assert (stores.tree.in_memory, stores.problems) == (True, ["the index is not kept: damaged"])


def test_a_tree_that_cannot_be_written_is_left_on_disk(workspace, stores):
    """A full disk is no reason to throw away what is there."""
    with sqlite.transaction(stores.tree.connection):
        stores.tree.put_meta({"k": "v"})
    stores.give_up_tree(StateError("it failed", hint="none"))
    assert (stores.tree.in_memory, stores.problems) == (True, ["the index is not kept: it failed"])
    other = Stores(workspace)
    assert other.tree.meta() == {"k": "v"}
    other.close()


def test_a_place_where_nothing_can_be_kept_is_said(workspace):
    """A file where the folder should be: index, facts and notes each say so, and all but the notes work."""
    Path(os.environ["QUARTERDECK_HOME"]).write_text("in the way")
    stores = Stores(workspace)
    stores.keep_facts([FACT])
    assert stores.facts.get(*KEY)
    assert stores.annotations.revision() == 0
    assert [problem.partition(":")[0] for problem in stores.problems] == [
        "the index is not kept",
        "notes cannot be kept",
        "extracted facts are not kept",
    ]
    stores.close()
