"""What the files of the specification's `CostTracker` say, whatever is in them.

    costs.jsonl           one request a line, appended
    costs.json            {"requests": [the last 1,000 or so], "daily_totals": {day: sums}}
    costs_summary.json    {"daily_totals": {day: sums}}, newer where both have a day

Every line of costs.jsonl is one request, also where two are equal. costs.json repeats many of them, some of
its own twice: of it only what costs.jsonl has not is taken, each once.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections import Counter
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from quarterdeck.costs.importers.source import Problem
from quarterdeck.costs.line import REPORTED, timestamp
from quarterdeck.costs.model import MAX_LABEL_CHARS, Request, Usage, checked
from quarterdeck.costs.money import MAX_USD, PICO
from quarterdeck.errors import UsageError
from quarterdeck.files import open_plain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo
    from typing import BinaryIO

SOURCE_NAME = "legacy"
FILES = ("costs.jsonl", "costs.json", "costs_summary.json")
MAX_LINE_BYTES = 1_000_000
MAX_DOCUMENT_BYTES = 64_000_000
_MOST = 1 << 50
_Kind = TypeVar("_Kind", list[object], dict[str, object])


class Sums(NamedTuple):
    """Of one day."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_picousd: int = 0

    def plus(self, other: Sums) -> Sums:
        """Field by field."""
        return Sums(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))

    def minus(self, other: Sums) -> Sums:
        """Field by field; below zero where *other* has more."""
        return Sums(*(mine - theirs for mine, theirs in zip(self, other, strict=True)))


class Folder(NamedTuple):
    """What the files of one folder say.

    Attributes:
        name: the same wherever the folder is moved to.
        requests: each request they list, once; all have their time and their price.
        totals: the sums that they know, by day.
        is_complete: whether every file that is there could be read. Where not, what the totals know beyond
            the requests may stand in the one that could not.
        problems: what could not be read or understood.
    """

    name: str
    requests: list[Request]
    totals: dict[str, Sums]
    is_complete: bool
    problems: list[Problem]


def read_folder(folder: str, zone: tzinfo) -> Folder:
    """What the files in *folder* say; writes nothing. O(their size).

    Args:
        folder: absolute; what it lies in is the project.
        zone: of the times, which are written without one.
    """
    unread: list[Problem] = []
    problems: list[Problem] = []
    old, new = (_document(os.path.join(folder, name), unread) for name in FILES[1:])
    requests = _requests(folder, old, zone, unread, problems)
    totals = _totals(os.path.join(folder, FILES[1]), old, problems)
    totals |= _totals(os.path.join(folder, FILES[2]), new, problems)
    born = (document.get("created_at") for document in (new, old))
    name = digest(next(filter(None, born), folder))
    return Folder(name, requests, totals, not unread, unread + problems)


def _requests(
    folder: str, old: dict[str, object], zone: tzinfo, unread: list[Problem], problems: list[Problem]
) -> list[Request]:
    """Each request that costs.jsonl lists, or that only costs.json, *old*, does."""
    requests: list[Request] = []
    listed: Counter[str] = Counter()
    project = project_of(folder)

    def take(entry: object, identity: str) -> None:
        requests.append(_request(entry, f"{SOURCE_NAME}:{identity}-{listed[identity]}", project, zone))
        listed[identity] += 1

    path = os.path.join(folder, FILES[0])
    for number, text in _lines(path, unread, problems):
        try:
            entry = _parsed(text)
            take(entry, digest(entry))
        except UsageError as error:
            problems.append(Problem(path, number, error.message))
    path = os.path.join(folder, FILES[1])
    for entry in _member(old, "requests", list, path, problems):
        if not listed[identity := digest(entry)]:
            try:
                take(entry, identity)
            except UsageError as error:
                problems.append(Problem(path, 0, error.message))
    return requests


def _totals(path: str, document: dict[str, object], problems: list[Problem]) -> dict[str, Sums]:
    """The sums in *document*, by day."""
    totals: dict[str, Sums] = {}
    for day, sums in _member(document, "daily_totals", dict, path, problems).items():
        try:
            totals[date.fromisoformat(day).isoformat()] = _sums(sums, _integer(sums, "requests"))
        except UsageError as error:
            problems.append(Problem(path, 0, f"daily_totals: {error.message}"))
        except ValueError:
            problems.append(Problem(path, 0, "daily_totals: a name is not a day"))
    return totals


def project_of(folder: str) -> str:
    """The label of what *folder* lies in."""
    return os.fsencode(os.path.dirname(folder)).decode(errors="replace")[:MAX_LABEL_CHARS]


def digest(value: object) -> str:
    """The same for the same content, however it is spaced and ordered."""
    text = json.dumps(value, sort_keys=True, default=str)  # str: of a decimal, its own digits
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _request(entry: object, response_id: str, project: str, zone: tzinfo) -> Request:
    """*entry* as a request.

    Raises:
        UsageError: says which field cannot be meant.
    """
    sums = _sums(entry, 1)
    try:
        at = datetime.fromisoformat(_text(entry, "timestamp"))
    except ValueError:
        raise _bad("timestamp is no time") from None
    at = at if at.tzinfo else at.replace(tzinfo=zone)
    timestamp(at)
    return Request(
        model=_text(entry, "model"),
        usage=checked(Usage(sums.input_tokens, sums.output_tokens)),
        at=at,
        task_type=_text(entry, "task_type", "unknown"),
        tier=_text(entry, "tier", ""),
        source=SOURCE_NAME,
        card=REPORTED,
        project=project,
        response_id=response_id,
        cost_picousd=sums.cost_picousd,
    )


def _sums(found: object, requests: int) -> Sums:
    """The numbers of a request or of a day.

    Raises:
        UsageError: one is missing, negative, or not a number of its kind.
    """
    cost = _field(found, "actual_cost")
    usd = Decimal(cost) if isinstance(cost, int | Decimal) and not isinstance(cost, bool) else Decimal(-1)
    if not 0 <= usd <= MAX_USD:
        raise _bad(f"actual_cost is not dollars from 0 to {MAX_USD:,}")
    picousd = int((usd * PICO).to_integral_value())
    return Sums(requests, _integer(found, "input_tokens"), _integer(found, "output_tokens"), picousd)


def _integer(found: object, name: str) -> int:
    count = _field(found, name)
    if type(count) is not int or not 0 <= count <= _MOST:
        raise _bad(f"{name} is not a whole number from 0 up")
    return count


def _text(found: object, name: str, default: str | None = None) -> str:
    text = _field(found, name, default)
    if not isinstance(text, str) or len(text) > MAX_LABEL_CHARS or (default is None and not text):
        raise _bad(f"{name} is not a text of at most {MAX_LABEL_CHARS} characters")
    return text.encode("utf-8", "replace").decode()  # JSON can hold half a character


def _field(found: object, name: str, default: object = None) -> object:
    if not isinstance(found, dict):
        raise _bad("not an object")
    return found.get(name, default)


def _bad(reason: str) -> UsageError:
    return UsageError(reason, hint="the rest of the file is taken")


def _member(
    document: dict[str, object], name: str, kind: type[_Kind], path: str, problems: list[Problem]
) -> _Kind:
    """What *document* has under *name*; an empty one where it has none of that *kind*."""
    value = document.get(name, kind())
    if isinstance(value, kind):
        return value
    problems.append(Problem(path, 0, f"{name} is not of type {kind.__name__}"))
    return kind()


def _document(path: str, problems: list[Problem]) -> dict[str, object]:
    """The object in the file at *path*; empty where it is missing or cannot be understood."""
    with _opened(path, problems) as file:
        if file is None:
            return {}
        content = file.read(MAX_DOCUMENT_BYTES + 1)
    try:
        if len(content) > MAX_DOCUMENT_BYTES:
            raise _bad(f"longer than {MAX_DOCUMENT_BYTES:,} bytes")
        found = _parsed(content)
        if not isinstance(found, dict):
            raise _bad("not an object")
    except UsageError as error:
        problems.append(Problem(path, 0, error.message))
        return {}
    return found


def _lines(path: str, unread: list[Problem], problems: list[Problem]) -> Iterator[tuple[int, bytes]]:
    """Every line that holds something and is not too long, with its number."""
    with _opened(path, unread) as file:
        number = 0
        while file and (line := file.readline(MAX_LINE_BYTES)):
            number += 1
            if len(line) == MAX_LINE_BYTES and not line.endswith(b"\n"):
                problems.append(Problem(path, number, f"longer than {MAX_LINE_BYTES:,} bytes"))
                while line and not line.endswith(b"\n"):
                    line = file.readline(MAX_LINE_BYTES)
            elif line.strip():
                yield number, line


@contextlib.contextmanager
def _opened(path: str, problems: list[Problem]) -> Iterator[BinaryIO | None]:
    """The file at *path* to read; None where there is none, or nothing that may be read."""
    try:
        descriptor = open_plain(path)
    except FileNotFoundError:
        yield None
        return
    except OSError as error:
        problems.append(Problem(path, 0, f"cannot be read: {error.strerror}"))
        yield None
        return
    with open(descriptor, "rb") as file:
        yield file


def _parsed(text: bytes) -> object:
    """What *text* says, its fractions as decimals.

    Raises:
        UsageError: it is no JSON.
    """
    try:
        return json.loads(text.decode(), parse_float=Decimal, parse_constant=_refuse)
    except RecursionError:
        raise _bad("nested too deeply") from None
    except UnicodeDecodeError:
        raise _bad("not UTF-8") from None
    except (ValueError, ArithmeticError):  # also a number of more digits than Python takes
        raise _bad("not JSON") from None


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is no JSON")
