"""PCMCI as a second opinion: it confirms loops, and the library is asked for by name where it is missing."""

from __future__ import annotations

import sys

import pytest

from bench.loop_models import MODELS
from quarterdeck.errors import MissingExtra
from quarterdeck.loops.discovery import discover, links, pcmci, table

HISTORY = {model.name: model.history(2_000, 300) for model in MODELS}


def test_without_the_library_it_says_what_to_install(monkeypatch):
    """Only who asks for a confirmation needs it."""
    monkeypatch.setitem(sys.modules, "tigramite.pcmci", None)
    with pytest.raises(MissingExtra, match=r"quarterdeck\[causal\]"):
        discover(HISTORY["guardrails"], confirm="pcmci")
    assert discover(HISTORY["guardrails"]).loops


def test_without_a_loop_there_is_nothing_to_confirm(monkeypatch):
    """Then the library is not loaded."""
    monkeypatch.setitem(sys.modules, "tigramite.pcmci", None)
    assert discover([], confirm="pcmci").abstained


class TestWithTigramite:
    """Where the extra ``causal`` is installed."""

    @pytest.fixture(autouse=True)
    def _installed(self):
        pytest.importorskip("tigramite.pcmci")

    def test_it_confirms_a_strong_loop(self):
        """Both links of it, with gaps in the history as well."""
        holes = [
            each | ({"errors": None} if not row % 25 else {})
            for row, each in enumerate(HISTORY["guardrails"])
        ]
        for history in (HISTORY["guardrails"], holes):
            assert discover(history, confirm="pcmci").loops == discover(history).loops != ()

    def test_what_it_does_not_find_is_doubtful(self):
        """A link that is turned round is none that it finds."""
        metrics = table.read(HISTORY["guardrails"], needed=200)
        between = links.find(metrics, max_lag=3, false_discovery_rate=0.01)
        turned = between._replace(links=[link._replace(sign=-link.sign) for link in between.links])
        assert pcmci.confirmed(metrics, between, max_lag=3) == {*between.links}
        assert pcmci.confirmed(metrics, turned, max_lag=3) == set()

    def test_a_loop_without_its_blessing_says_so(self, monkeypatch):
        """It is doubtful, and not gone."""
        monkeypatch.setattr(pcmci, "confirmed", lambda *_, **__: set())
        found = discover(HISTORY["guardrails"], confirm="pcmci")
        assert found.loops == ()
        assert [loop.doubt.split(" that ")[0] for loop in found.doubtful] == ["PCMCI does not find"]
