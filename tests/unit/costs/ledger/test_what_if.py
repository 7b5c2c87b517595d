"""What the same tokens would have cost on another model: from the sums, equal to one by one."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime

import pytest

from quarterdeck.costs.ledger.calendar import Choices
from quarterdeck.costs.ledger.ledger import Ledger
from quarterdeck.costs.ledger.what_if import what_if
from quarterdeck.costs.model import Request, Usage
from quarterdeck.costs.pricing import cost_picousd
from quarterdeck.costs.settings import CostsConfig
from quarterdeck.errors import UsageError

MODELS = ("claude-haiku-4-5", "claude-sonnet-4-5", "gemini-2.5-pro", "gpt-4o", "no-such-model")


@pytest.fixture
def requests():
    """With caches, searches, and inputs on both sides of every step of a price."""
    dice = random.Random(5)
    made = []
    for number in range(400):
        tokens = dice.choice([0, 1, 32_000, 128_001, 199_999, 200_000, 200_001, 272_001, 900_000])
        cached = tokens // dice.choice([1, 2, 3])
        usage = Usage(
            tokens,
            dice.randrange(9000),
            cached // 2,
            cached // 2,
            cached // 4,
            web_searches=dice.randrange(2),
        )
        at = datetime(2026, 5, 1 + number % 5, tzinfo=UTC)
        made.append(Request(dice.choice(MODELS), usage, at=at, task_type=f"t{number % 2}"))
    return made


@pytest.fixture
def ledger(tmp_path, requests):
    config = CostsConfig(
        prices={"odd": {"input_per_mtok": 1, "output_per_mtok": 1, "above": {"1234": {"input_per_mtok": 2}}}}
    )
    ledger = Ledger(str(tmp_path / "ledger"), config=config)
    ledger.choose(Choices("UTC"))
    ledger.record_many(requests)
    yield ledger
    ledger.close()


@pytest.mark.parametrize("model", [*MODELS[:-1], "claude-opus-4-5", "premium"])
def test_the_sums_cost_what_their_requests_would_have_cost(ledger, requests, model):
    """To the pico, for all of them and for some."""
    card, _ = ledger.card_until(model)
    priced = [request for request in requests if request.model != "no-such-model"]
    found = what_if(ledger, model)
    assert found.exact
    assert found.hypothetical_picousd == sum(cost_picousd(request.usage, card) for request in priced)
    assert (found.requests, found.unpriced_requests) == (len(priced), len(requests) - len(priced))
    assert found.actual_picousd == ledger.totals()[0].cost_picousd
    assert found.savings_picousd == found.hypothetical_picousd - found.actual_picousd
    some = what_if(ledger, model, date(2026, 5, 2), date(2026, 5, 3), {"task_type": "t1"})
    chosen = [each for each in priced if each.at.day in {2, 3} and each.task_type == "t1"]
    assert some.hypothetical_picousd == sum(cost_picousd(request.usage, card) for request in chosen)
    assert some.requests == len(chosen) > 0


def test_a_price_with_steps_of_its_own_is_not_called_exact(ledger):
    """The sums are not split by it."""
    assert not what_if(ledger, "odd").exact


def test_a_model_without_a_price_is_refused(ledger):
    """There is nothing to compare with."""
    with pytest.raises(UsageError, match="no published price for 'no-such-model'"):
        what_if(ledger, "no-such-model")
