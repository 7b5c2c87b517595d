"""The published API of cost tracking, on the ledger.

    log_request() ──plain tokens, labels seen before──> one f-string ──> journal.append: one write(2)
          └──anything else──> Request ──> Ledger.record ───────────────────────┘
    get_summary() ──> Ledger.totals, and what the same tokens cost on the baseline model

`CostTracker.log_request` is the hot path: it meets neither SQLite nor the price list, only what it
remembers of the same labels. ``batch_size`` is accepted as published and has no effect: every call
writes its record at once, which costs less than the specification's buffer did.
"""

from __future__ import annotations

import math
import os
import time
from datetime import UTC, datetime, timedelta
from time import time as _now_s
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict, Unpack

from quarterdeck.costs.ledger.opening import open_ledger
from quarterdeck.costs.ledger.what_if import compared
from quarterdeck.costs.line import encode
from quarterdeck.costs.model import MAX_TOKENS, Request, Usage
from quarterdeck.costs.money import PICO, format_usd, parse_usd, to_usd
from quarterdeck.costs.pricing import cost_picousd, simple_rates
from quarterdeck.errors import UsageError
from quarterdeck.words import count, harmless
from quarterdeck.workspace import find_root

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from decimal import Decimal

    from quarterdeck.costs.budgets import BudgetBook, Reservation
    from quarterdeck.costs.ledger.ledger import Ledger, Priced
    from quarterdeck.costs.ledger.totals import Total
    from quarterdeck.costs.pricing import RateCard

_PARTS = ("bracket", "priced", "tier", "task_type", "model")
"""By what a summary is read: the first two are what another model's price takes."""

TIERS = ("cheap", "capable", "premium")
LEGACY_FILES = ("costs.json", "costs.jsonl", "costs_summary.json")
LEGACY_FOLDER = ".empathy"
REMEMBERED_LABELS = 10_000
MAX_DAYS = 36_500
_MILLISECONDS = {number: f"{number:03d}+00:00" for number in range(1000)}


class _Known(NamedTuple):
    """What `CostTracker.log_request` remembers of one set of labels.

    Attributes:
        middle: the record's line between its time and its input tokens.
        input_picousd, output_picousd: per token.
        baseline_input_picousd, baseline_output_picousd: the same of the baseline model.
        max_input_tokens: the largest input for which all four hold.
    """

    middle: str
    tier: str
    input_picousd: int
    output_picousd: int
    baseline_input_picousd: int
    baseline_output_picousd: int
    max_input_tokens: int


class _Moment(NamedTuple):
    """What holds for one second; replaced as a whole, for other threads read it.

    Attributes:
        second_s: its beginning, a whole number.
        prefix: how its timestamps begin.
        known: by labels as `CostTracker.log_request` takes them.
    """

    second_s: float
    prefix: str
    known: dict[tuple[str | None, ...], _Known]


class Details(TypedDict, total=False):
    """What only some requests have; token counts as `Usage` explains them, labels as `Request` does."""

    cache_read_input_tokens: int
    cache_write_input_tokens: int
    cache_write_1h_input_tokens: int
    reasoning_output_tokens: int
    input_audio_tokens: int
    output_audio_tokens: int
    cache_read_audio_tokens: int
    input_image_tokens: int
    output_image_tokens: int
    web_searches: int
    service_tier: str
    response_id: str
    source: str
    tags: Mapping[str, str]
    at: datetime
    cost_picousd: int


class CostTracker:
    """Records what requests cost and answers what was spent; to be shared by threads, and across forks.

    Attributes:
        ledger: everything beyond the published API.
    """

    def __init__(self, storage_dir: str | os.PathLike[str] | None = None, batch_size: int = 50) -> None:
        """Opens no file.

        Args:
            storage_dir: the ledger's folder; None: the one in the settings, by default the user's own. The
                specification's ``costs.json`` and ``costs.jsonl`` in that folder (with None: in the project's
                `LEGACY_FOLDER`) are taken in at the first question, and left as they are.
            batch_size: accepted as published; there is no buffer.

        Raises:
            ConfigError: a setting cannot be meant.
        """
        if type(batch_size) is not int or batch_size < 1:
            raise UsageError(f"batch_size must be 1 or more, got {batch_size!r:.40}", hint="leave it out")
        self.ledger: Ledger = open_ledger(storage_dir)
        self._legacy_folder = (
            os.path.join(find_root(), LEGACY_FOLDER) if storage_dir is None else self.ledger.folder
        )
        self._moment = _Moment(0.0, "", {})
        self._until_s = 0.0
        self._append = self._append_first
        self._budgets: BudgetBook | None = None

    def log_request(
        self,
        model: str,
        input_tokens: int,
        output_tokens: int,
        task_type: str = "unknown",
        tier: str | None = None,
        provider: str = "",
        session: str = "",
        project: str = "",
        user: str = "",
        **details: Unpack[Details],
    ) -> dict[str, Any]:
        """Price one request and write it down; when this returns, a kill -9 does not lose it.

        Args:
            model: as the provider names it; or ``cheap``, ``capable``, ``premium``: those of the settings.
            input_tokens: all of the prompt, cached tokens included.
            output_tokens: all of the answer, reasoning included.
            task_type: what it was for.
            tier: ``cheap``, ``capable``, ``premium`` or your own; None: by the model's price.
            provider: ``anthropic``, ``openai``, …; empty: whoever publishes a price for the model.
            session: a label.
            project: a label.
            user: a label.
            **details: what only some requests have, see `Details`.

        Returns:
            ``timestamp`` (UTC, ISO 8601), ``model``, ``tier``, ``task_type``, ``input_tokens``,
            ``output_tokens``, and in dollars ``actual_cost``, ``baseline_cost`` (the same tokens on the
            baseline model) and ``savings``. A model without a published price is unpriced: its
            ``actual_cost`` and ``savings`` are None.

        Raises:
            UsageError: a count or a label cannot be meant; says which.
            StoreFull, StateError: it could not be written; nothing that was there before is touched.
        """
        second_s, prefix, known = self._moment
        most = -1
        try:
            middle, known_tier, input_rate, output_rate, baseline_input, baseline_output, most = known[
                model, task_type, tier, provider, session, project, user
            ]
            at = prefix + _MILLISECONDS[int((_now_s() - second_s) * 1000.0)]
        except (LookupError, TypeError):  # new labels, another second, or a label that is no string
            most = -1
        if (
            details
            or type(input_tokens) is not int
            or type(output_tokens) is not int
            or not (0 <= input_tokens <= most and 0 <= output_tokens <= MAX_TOKENS)
        ):
            return self._log(
                Request(
                    model=model,
                    usage=_usage(input_tokens, output_tokens, details),
                    provider=provider,
                    task_type=task_type,
                    tier="" if tier is None else tier,
                    session=session,
                    project=project,
                    user=user,
                    **_labels(details),
                ),
                plain=not details,
            )
        cost = input_tokens * input_rate + output_tokens * output_rate
        baseline = input_tokens * baseline_input + output_tokens * baseline_output
        self._append(
            f'{{"v":1,"at":"{at}{middle}{input_tokens},"output_tokens":{output_tokens},'
            f'"cost_picousd":{cost}}}\n'.encode()
        )
        return {
            "timestamp": at,
            "model": model,
            "tier": known_tier,
            "task_type": task_type,
            "input_tokens": input_tokens,
            "output_tokens": output_tokens,
            "actual_cost": cost / PICO,
            "baseline_cost": baseline / PICO,
            "savings": (baseline - cost) / PICO,
        }

    def flush(self) -> None:
        """Wait until everything recorded so far is on the disk; with durability ``process`` nothing waits."""
        if self.ledger.config.durability == "power":
            self.ledger.journal.sync()

    def get_summary(self, days: int = 7, include_breakdown: bool = True) -> dict[str, Any]:
        """What was spent in the last *days* days, today included, in the ledger's time zone.

        Args:
            days: 1 or more.
            include_breakdown: fill ``by_tier``, ``by_task`` and ``by_model``.

        Returns:
            ``days``, ``requests``, ``unpriced_requests``, every count of `Usage`, in dollars ``actual_cost``,
            ``baseline_cost`` and ``savings`` (of the requests that have a price), ``savings_percent``,
            and requests ``by_tier``, ``by_task`` and ``by_model``. All of one moment: one range scan of those
            days' cells.

        Raises:
            UsageError: *days* is not a whole number from 1 on; the settings' baseline model has no price.
        """
        parts = self.ledger.totals(self._first_day(days), by=_PARTS)
        summary: dict[str, Any] = {"days": days, **self._sums(parts)}
        baseline, savings = summary["baseline_cost"], summary["savings"]
        summary["savings_percent"] = round(savings / baseline * 100, 1) if baseline else 0.0
        summary["by_tier"] = dict.fromkeys(TIERS, 0)
        summary["by_task"], summary["by_model"] = {}, {}
        if include_breakdown:
            for part in parts:
                for name, label in zip(("by_tier", "by_task", "by_model"), part.key[2:], strict=True):
                    requests = summary[name]
                    requests[label or "unknown"] = requests.get(label or "unknown", 0) + part.requests
        return summary

    def get_today(self) -> dict[str, Any]:
        """The same sums for today alone, without ``days`` and breakdowns."""
        return self._sums(self.ledger.totals(self._first_day(1), by=_PARTS[:2]))

    def get_report(self, days: int = 7) -> str:
        """The last *days* days for people, as plain text.

        Raises:
            UsageError: as `get_summary`.
        """
        summary = self.get_summary(days)
        since = self._first_day(days)
        rows = [
            ("Requests", f"{summary['requests']:,}"),
            ("Input tokens", f"{summary['input_tokens']:,}"),
            ("  of them cached", f"{summary['cache_read_input_tokens']:,}"),
            ("Output tokens", f"{summary['output_tokens']:,}"),
            ("Cost", _dollars(summary["actual_cost"])),
            (f"On {self.ledger.config.baseline_model}", _dollars(summary["baseline_cost"])),
            ("Saved", f"{_dollars(summary['savings'])} ({summary['savings_percent']} %)"),
        ]
        if summary["unpriced_requests"]:
            rows.append(("Without a price", count(summary["unpriced_requests"], "request")))
        lines = [f"Costs of the last {count(days, 'day')}", ""]
        lines += [f"{name:<24}{value:>24}" for name, value in rows]
        for title, label in (("By model", "model"), ("By task", "task_type"), ("By tier", "tier")):
            totals = sorted(self.ledger.totals(since, by=(label,)), key=lambda total: -total.cost_picousd)
            lines += ["", title]
            for total in totals:
                name, cost = harmless(str(total.key[0] or "unknown")), format_usd(total.cost_picousd)
                lines.append(f"  {name:<34.34}{total.requests:>8,}{cost:>14}")
        return "\n".join(lines)

    def take_in_legacy(self) -> list[str]:
        """Take in what is new in the specification's files, as every question does; cheap with none.

        Returns:
            What could not be taken in, for people.
        """
        if not any(os.path.lexists(os.path.join(self._legacy_folder, name)) for name in LEGACY_FILES):
            return []
        from quarterdeck.costs.importers.legacy import migrate

        return [str(problem) for problem in migrate(self._legacy_folder, self.ledger).problems]

    @property
    def budgets(self) -> BudgetBook:
        """The budgets of this ledger."""
        if self._budgets is None:
            from quarterdeck.costs.budgets import BudgetBook

            self._budgets = BudgetBook(self.ledger)
        return self._budgets

    def reserve(self, estimated_usd: float | str | Decimal, **labels: str) -> Reservation:
        """Set *estimated_usd* aside before a call, if every budget has room for it.

        ::

            with tracker.reserve(0.25, project="/srv/app"):
                answer = client.messages.create(...)
                tracker.log_request(...)          # inside the block: money is counted at every moment

        Args:
            estimated_usd: the most that the call may cost; what is logged beyond it no budget can hold back.
            **labels: what the request will be labelled with: ``project``, ``model``, ``provider``,
                ``task_type``, ``tier``, ``source``, ``user``; tags by their own name.

        Raises:
            UsageError: not an amount of dollars.
            BudgetExceeded: on entering the block: a budget has no room.
        """
        from quarterdeck.costs.budgets import Reservation
        from quarterdeck.costs.ledger.totals import label_name

        named = {label_name(name): value for name, value in labels.items()}
        return Reservation(self.budgets, parse_usd(estimated_usd, name="estimated_usd"), named)

    def close(self) -> None:
        """Give back every file; the next call opens them again."""
        if self._budgets is not None:
            self._budgets.close()
        self.ledger.close()
        self._moment = _Moment(0.0, "", {})
        self._append = self._append_first

    def _log(self, request: Request, *, plain: bool) -> dict[str, Any]:
        """One request the long way; what a plain one like it will need is remembered."""
        now_s = _now_s()
        known = self._turn_to(now_s).known
        if request.at is None:
            request = request._replace(at=datetime.fromtimestamp(now_s, UTC))
        priced = self.ledger.record(request)
        baseline_card, baseline_until_s = self.ledger.card_until(
            self.ledger.config.baseline_model, at_s=now_s
        )
        baseline = None if baseline_card is None else cost_picousd(request.usage, baseline_card)
        if plain and baseline_card is not None:
            card, until_s = self.ledger.card_until(request.model, provider=request.provider, at_s=now_s)
            self._until_s = min(self._until_s, until_s, baseline_until_s)
            self._append = self.ledger.journal.append
            remembered = _known(request, priced, card, baseline_card)
            if remembered is not None:
                known[
                    request.model, request.task_type, request.tier or None, request.provider,
                    request.session, request.project, request.user,
                ] = remembered  # fmt: skip
        cost = priced.cost_picousd
        return {
            "timestamp": priced.at,
            "model": request.model,
            "tier": priced.tier,
            "task_type": request.task_type,
            "input_tokens": request.usage.input_tokens,
            "output_tokens": request.usage.output_tokens,
            "actual_cost": None if cost is None else to_usd(cost),
            "baseline_cost": None if baseline is None else to_usd(baseline),
            "savings": None if cost is None or baseline is None else to_usd(baseline - cost),
        }

    def _turn_to(self, now_s: float) -> _Moment:
        """The second that *now_s* lies in; labels are forgotten when their prices may have changed."""
        moment, second_s = self._moment, float(int(now_s))
        if second_s != moment.second_s:
            known = moment.known
            if not moment.second_s < now_s < self._until_s or len(known) >= REMEMBERED_LABELS:
                known, self._until_s = {}, math.inf  # a new one: a thread that prices now fills the old one
            prefix = time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime(second_s))
            moment = self._moment = _Moment(second_s, prefix, known)
        return moment

    def _append_first(self, line: bytes) -> None:
        """What the hot path calls until the journal is open."""
        self.ledger.journal.append(line)

    def _first_day(self, days: int) -> date:
        """The first of the last *days* days."""
        if type(days) is not int or not 1 <= days <= MAX_DAYS:
            raise UsageError(
                f"days must be a whole number from 1 to {MAX_DAYS:,}, got {days!r:.40}", hint="7 is a week"
            )
        self.take_in_legacy()
        return self.ledger.calendar.today() - timedelta(days=days - 1)

    def _sums(self, parts: Sequence[Total]) -> dict[str, Any]:
        """The sum of *parts*, whose keys begin as `_PARTS` does: read at one moment, they fit each other."""
        compared_with = compared(self.ledger, self.ledger.config.baseline_model, parts)
        return {
            "requests": sum(part.requests for part in parts),
            "unpriced_requests": sum(part.unpriced_requests for part in parts),
            **{name: sum(getattr(part.usage, name) for part in parts) for name in Usage._fields},
            "actual_cost": to_usd(compared_with.actual_picousd),
            "baseline_cost": to_usd(compared_with.hypothetical_picousd),
            "savings": to_usd(compared_with.savings_picousd),
        }


_trackers: dict[str, CostTracker] = {}


def get_tracker(storage_dir: str | os.PathLike[str] | None = None) -> CostTracker:
    """The tracker of *storage_dir* that this process shares; as `CostTracker` has it."""
    key = "" if storage_dir is None else os.path.abspath(storage_dir)
    if key not in _trackers:
        _trackers[key] = CostTracker(storage_dir)
    return _trackers[key]


def log_request(
    model: str,
    input_tokens: int,
    output_tokens: int,
    task_type: str = "unknown",
    tier: str | None = None,
    **more: Any,  # noqa: ANN401 - as log_request has them
) -> dict[str, Any]:
    """`CostTracker.log_request` of the shared tracker."""
    return get_tracker().log_request(model, input_tokens, output_tokens, task_type, tier, **more)


def _known(request: Request, priced: Priced, card: RateCard | None, baseline: RateCard) -> _Known | None:
    """What to remember of the labels of *request*; None where a price takes more than two rates."""
    rates, baseline_rates = card and simple_rates(card), simple_rates(baseline)
    if not rates or not baseline_rates:
        return None
    line = encode(
        request._replace(usage=Usage()), **priced._replace(at="", cost_picousd=0)._asdict()
    ).decode()
    begin, end = len('{"v":1,"at":"'), line.rindex("0", 0, line.rindex(',"output_tokens":0'))
    return _Known(
        line[begin:end],
        priced.tier,
        rates.input_picousd,
        rates.output_picousd,
        baseline_rates.input_picousd,
        baseline_rates.output_picousd,
        min(rates.max_input_tokens, baseline_rates.max_input_tokens),
    )


def _usage(input_tokens: int, output_tokens: int, details: Details) -> Usage:
    parts: dict[str, Any] = {name: value for name, value in details.items() if name in Usage._fields}
    return Usage(input_tokens, output_tokens, **parts)


def _labels(details: Details) -> dict[str, Any]:
    """What of *details* is a field of `Request`.

    Raises:
        UsageError: one is neither that nor a count of `Usage`.
    """
    labels = {name: value for name, value in details.items() if name not in Usage._fields}
    for name in labels:
        if name not in Details.__annotations__:
            raise UsageError(
                f"log_request has no parameter {name!r:.60}",
                hint=f"it has {', '.join(Details.__annotations__)}; your own labels go into tags",
            )
    if labels.get("tags", ...) is None:
        del labels["tags"]
    return labels


def _dollars(amount: float) -> str:
    return format_usd(round(amount * PICO))
