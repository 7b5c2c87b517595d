"""What ccusage says of the same transcripts: per day and model, the same tokens to the last one.

Its answers are recorded beside the transcripts (``tests/data/costs/ccusage``; ``record.py`` there says how to
ask again). Where we differ on purpose, both answers are written down here, with the reason.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from quarterdeck.costs.importers import claude_code, codex
from quarterdeck.costs.importers.importing import import_all
from quarterdeck.costs.ledger import Choices, Ledger
from quarterdeck.testing.transcripts import Billed, write_transcripts

DATA = Path(__file__).parents[1] / "data" / "costs" / "ccusage"
RECORDED: dict[str, Any] = json.loads((DATA / "answers.json").read_text())
OPUS, GPT, GATEWAY = "claude-opus-4-5-20251101", "gpt-5-codex", "kimi-k2-0905-preview"
SOURCES = {"claude": claude_code.SOURCE, "codex": codex.SOURCE}


class Tokens(NamedTuple):
    """Input with its cache, of it read and written; output, of it reasoning."""

    went_in: int = 0
    read: int = 0
    written: int = 0
    came_out: int = 0
    reasoning: int = 0


Cells = dict[tuple[str, str], Tokens]
"""By day and model."""


def from_ccusage(answer: Any) -> Cells:
    """Its input is without the cache; Claude's reasoning is not told."""
    cells = {}
    for day in answer["daily"]:
        models = day.get("models") or {one["modelName"]: one for one in day["modelBreakdowns"]}
        for model, one in models.items():
            cached, written = one["cacheReadTokens"], one["cacheCreationTokens"]
            tokens = (cached, written, one["outputTokens"], one.get("reasoningOutputTokens", 0))
            cells[day["date"], model] = Tokens(one["inputTokens"] + cached + written, *tokens)
    return {key: tokens for key, tokens in cells.items() if any(tokens)}


def from_us(folder: Path, agent: str, environment: dict[str, str]) -> tuple[Cells, dict[Any, Billed]]:
    """Fast mode is a model of its own in ccusage; also what was billed, as the generator's truth says it."""
    ledger = Ledger(str(folder / "ledger"))
    ledger.choose(Choices("UTC"))
    import_all(ledger, [SOURCES[agent]], environment=environment)
    totals = ledger.totals(by=("source", "day", "model", "service_tier"))
    ledger.close()
    cells: Cells = {}
    for total in totals:
        _, day, model, tier = map(str, total.key)
        usage = total.usage
        key = day, f"{model}-fast" if tier == "fast" else model
        told = Tokens(
            usage.input_tokens,
            usage.cache_read_input_tokens,
            usage.cache_write_input_tokens,
            usage.output_tokens,
            usage.reasoning_output_tokens,
        )
        cells[key] = Tokens(*map(sum, zip(cells.get(key, Tokens()), told, strict=True)))
    return cells, {total.key: Billed(total.requests, total.usage) for total in totals}


@pytest.fixture
def both(tmp_path):
    """What ccusage and we say of a situation."""

    def both(situation: str) -> tuple[Cells, Cells]:
        folder = DATA / "situations" / situation
        environment = {"CLAUDE_CONFIG_DIR": str(folder / "claude"), "CODEX_HOME": str(folder / "codex")}
        ours, _ = from_us(tmp_path, situation.partition("-")[0], environment)
        return from_ccusage(RECORDED["situations"][situation]), ours

    return both


def of(model: str, *tokens: int) -> Cells:
    """That, on the day of the situations; nothing for no tokens."""
    return {("2026-09-01", model): Tokens(*tokens)} if tokens else {}


DIFFERENT = {
    "claude-byte-order-mark", "claude-cache-split-less-than-total", "claude-compaction", "claude-counts-null",
    "claude-half-a-surrogate-pair", "claude-invalid-utf8", "claude-no-message-id",
    "claude-no-request-ids-and-blocks", "claude-no-request-ids-and-resumed", "claude-packed",
    "claude-python-spaced", "claude-same-message-two-requests", "codex-compaction",
    "codex-compaction-without-its-item", "codex-event-lost", "codex-forked-parent-gone",
    "codex-imported-turns", "codex-last-only-repeated", "codex-no-model", "codex-packed",
    "codex-python-spaced",
}  # fmt: skip


def test_every_situation_has_an_answer():
    """And every answer its situation; nearly all of them are agreed on."""
    situations = {folder.name for folder in (DATA / "situations").iterdir()}
    assert situations == RECORDED["situations"].keys() > DIFFERENT
    assert RECORDED["ccusage"] == "20.0.24"
    assert len(situations - DIFFERENT) >= 50


@pytest.mark.parametrize("situation", sorted(RECORDED["situations"].keys() - DIFFERENT))
def test_we_say_what_ccusage_says(both, situation):
    """Per day and model, each kind of token."""
    theirs, ours = both(situation)
    assert ours == theirs != {}


@pytest.mark.parametrize(
    "situation,theirs,ours",
    [
        ("claude-python-spaced", (), (2420, 2000, 400, 200)),
        ("claude-byte-order-mark", (1210, 1000, 200, 100), (2420, 2000, 400, 200)),
        ("claude-invalid-utf8", (2420, 2000, 400, 200), (3630, 3000, 600, 300)),
        ("claude-half-a-surrogate-pair", (2420, 2000, 400, 200), (3630, 3000, 600, 300)),
        ("claude-counts-null", (1210, 1000, 200, 100), (1220, 1000, 200, 200)),
        ("claude-packed", (), (2420, 2000, 400, 200)),
        ("codex-python-spaced", (), (2500, 1400, 0, 120, 50)),
        ("codex-packed", (), (2500, 1400, 0, 120, 50)),
    ],
)
def test_lines_that_ccusage_passes_over_in_silence_count_here(both, situation, theirs, ours):
    """It looks for the bytes that Claude Code and Codex themselves write, in files that are not packed.

    Tools that rewrite transcripts put spaces after colons; a cut emoji or a count that is null makes nothing
    else on its line wrong; rollouts that Codex has packed were paid for as well.
    """
    model = OPUS if situation.startswith("claude") else GPT
    assert both(situation) == (of(model, *theirs), of(model, *ours))


@pytest.mark.parametrize(
    "situation,theirs,ours",
    [
        ("claude-no-request-ids-and-blocks", (4840, 4000, 800, 801), (2420, 2000, 400, 450)),
        ("claude-no-request-ids-and-resumed", (3630, 3000, 600, 300), (2420, 2000, 400, 200)),
        ("claude-no-message-id", (3630, 3000, 600, 175), (2420, 2000, 400, 170)),
        ("claude-same-message-two-requests", (2420, 2000, 400, 200), (1210, 1000, 200, 100)),
    ],
)
def test_one_of_two_ids_is_enough_to_know_an_answer_again(both, situation, theirs, ours):
    """Ccusage wants the message's and the request's, and without the latter the same time.

    Behind a proxy there is no request id, and an answer has as many lines, each with its usage and a time of
    its own, as elsewhere (ccusage #976, raine/claude-code-proxy #104). An id that the API has made for a
    message is that of one answer, whichever request shows it.
    """
    assert both(situation) == (of(OPUS, *theirs), of(OPUS, *ours))


def test_what_a_compaction_by_the_api_used_counts(both):
    """Its iteration is billed and not part of the message's usage, says Anthropic (BerriAI/litellm #27065).

    Of all iterations ccusage takes only the advisors'.
    """
    theirs, ours = both("claude-compaction")
    assert theirs == of(OPUS, 1210, 1000, 200, 100)
    assert ours == of(OPUS, 1210 + 70_000, 1000, 200, 100 + 800)


def test_a_total_of_cache_writes_is_not_made_less_by_its_parts(both):
    """They are documented to add up to it (claude-code #95555 shows rows that do not); ccusage adds them."""
    theirs, ours = both("claude-cache-split-less-than-total")
    assert theirs == of(OPUS, 1050, 1000, 40, 100)
    assert ours == of(OPUS, 1210, 1000, 200, 100)


@pytest.mark.parametrize("situation", ["codex-compaction", "codex-compaction-without-its-item"])
def test_what_a_compaction_by_codex_used_counts(both, situation):
    """It has a record of its own and is in no totals (openai/codex #47003); this ccusage knows only totals.

    Later ones count it where a compacted item names it; it was paid for without one, too.
    """
    theirs, ours = both(situation)
    assert theirs == of(GPT, 2500, 1400, 0, 120, 50)
    assert ours == of(GPT, 2500 + 90_000, 1400, 0, 120 + 900, 50)


def test_totals_make_up_for_an_event_that_was_lost(both):
    """They tell what was used since the event that could be read; ccusage takes the last request only."""
    theirs, ours = both("codex-event-lost")
    assert theirs == of(GPT, 1800, 500, 0, 80, 30)
    assert ours == of(GPT, 3300, 1500, 0, 150, 60)


def test_what_is_known_only_from_a_copy_counts(both):
    """A fork whose parent is gone is all that tells what the parent used; ccusage passes it over.

    Here the copy has the parent's name for it: should the parent turn up, it counts once.
    """
    theirs, ours = both("codex-forked-parent-gone")
    assert theirs == of(GPT, 500, 100, 0, 30, 0)
    assert ours == of(GPT, 3000, 1500, 0, 150, 50)


def test_an_event_without_totals_that_repeats_the_one_before_is_not_a_request(both):
    """Codex shows an event again when its rate limits change (ccusage #1288), also one without totals."""
    theirs, ours = both("codex-last-only-repeated")
    assert theirs == of(GPT, 3500, 1800, 0, 170, 70)
    assert ours == of(GPT, 2500, 1400, 0, 120, 50)


def test_what_was_imported_from_another_agent_was_not_used_by_codex(both):
    """Codex takes over chats of others (openai/codex #19895); they count where they were held."""
    assert both("codex-imported-turns") == (of(GPT, 1000, 400, 0, 50, 20), {})


def test_a_request_without_a_model_is_not_given_one(both):
    """It is gpt-5 in ccusage, with its price; here it is unpriced, and shown as that."""
    theirs, ours = both("codex-no-model")
    known = of(GPT, 1500, 1000, 0, 70, 30)
    assert theirs == known | of("gpt-5", 1000, 400, 0, 50, 20)
    assert ours == known | of(codex.UNKNOWN_MODEL, 1000, 400, 0, 50, 20)


GENERATED_DIFFERENT: dict[str, dict[tuple[str, str], str]] = {
    "claude": {
        ("2026-09-05", "claude-opus-4-5-20251101"): "lines with spaces",
        ("2026-09-05", "claude-opus-4-5-20251101-fast"): "lines with spaces",
        ("2026-09-07", "claude-sonnet-4-5-20250929"): "lines with spaces",
        ("2026-10-03", GATEWAY): "no request ids",
        ("2026-10-11", "claude-haiku-4-5-20251001"): "lines with spaces, torn emoji",
    },
    "codex": {
        ("2026-09-10", GPT): "compactions",
        ("2026-09-26", "gpt-5"): "a parent that is packed",
        ("2026-09-26", codex.UNKNOWN_MODEL): "a parent that is packed, and no model",
        ("2026-10-08", "gpt-5"): "a compaction",
        ("2026-10-11", GPT): "a compaction",
        ("2026-10-22", GPT): "lines with spaces",
        ("2026-10-30", "gpt-5"): "compactions",
    },
}


@pytest.mark.parametrize("agent", ["claude", "codex"])
def test_a_generated_home_agrees_but_for_the_same_reasons(tmp_path, agent):
    """Only days and models differ that hold a situation from above; and ours are the writer's truth."""
    home = tmp_path / "home"
    home.mkdir()
    truth = write_transcripts(str(home), **RECORDED["recipe"])
    ours, billed = from_us(tmp_path, agent, {"HOME": str(home)})
    theirs = from_ccusage(RECORDED["generated"][agent])
    source = SOURCES[agent].name
    assert billed == {key: each for key, each in truth.billed.items() if key[0] == source}
    different = {key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key)}
    assert different == GENERATED_DIFFERENT[agent].keys()
    assert len(ours) > len(different)
