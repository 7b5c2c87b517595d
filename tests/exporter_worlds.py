"""A ledger with everything that makes counting hard: better answers, corrections, damage, hostile labels."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from quarterdeck.costs.ledger import Choices, Ledger
from quarterdeck.costs.model import Request, Usage
from quarterdeck.costs.settings import CostsConfig

START = datetime(2026, 11, 1, 3, 4, 5, 678_000, tzinfo=UTC)
MODELS = ("claude-haiku-4-5", "claude-opus-4-5", "gpt-5-mini", "nobody-knows-this-model")
HOSTILE = (
    "", "plain", "=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx", "'quoted", "''twice", "\uff1dwide",
    'say "hi", she said', "semi;colon", "back\\slash\\.", "\\N", "zero\0zero", "zwei\nzeilen",
    "Grüße 日本 🚢",
    "$(reboot)", "' OR 1=1 --",
)  # fmt: skip
CONFIG = CostsConfig(rotate_bytes=6_000)


def opened(folder, timezone="Pacific/Auckland"):
    """A ledger in *folder* with many small segments, whose days are not those of UTC."""
    ledger = Ledger(str(folder), config=CONFIG)
    if timezone:
        ledger.choose(Choices(timezone, ("team",)))
    return ledger


def lived(folder, *, seed=1, answers=120):
    """A ledger in which some days have passed; `live` goes on with it."""
    ledger = opened(folder)
    live(ledger, seed=seed, answers=answers)
    return ledger


def live(ledger, *, seed, answers):
    """Requests, some of them again with more or less output, corrections, and lines that are none."""
    dice = random.Random(seed)
    for number in range(answers):
        ledger.record(request(dice, f"answer-{dice.randrange(answers)}" if dice.random() < 0.5 else ""))
        if number % 17 == 5:
            ledger.journal.append(b'{"v":1,"at":"no time","model":"m","input_tokens":1,"output_tokens":1}\n')
        if number % 13 == 7:
            places = [
                place for place, record in ledger.records() if not record.response_id and not record.replaces
            ]
            ledger.record(request(dice, "")._replace(replaces=dice.choice(places)))
        if number % 40 == 39:
            ledger.close()  # the next record may go to another segment


def request(dice, response_id):
    whole = dice.randrange(400_000)
    usage = Usage(whole, dice.randrange(3_000), cache_read_input_tokens=dice.randrange(whole + 1))
    return Request(
        dice.choice(MODELS),
        usage,
        at=START + timedelta(seconds=dice.randrange(4 * 86_400), milliseconds=dice.randrange(1_000)),
        task_type=dice.choice(HOSTILE) or "unknown",
        session=dice.choice(HOSTILE),
        project=dice.choice(HOSTILE),
        user=dice.choice(("", "ann", "bob")),
        response_id=response_id,
        tags={
            dice.choice(("team", dice.choice(HOSTILE))): dice.choice(("plain", dice.choice(HOSTILE)))
            for _ in range(dice.randrange(3))
        },
        requests=dice.choice((1, 1, 1, 1, 12)),
    )
