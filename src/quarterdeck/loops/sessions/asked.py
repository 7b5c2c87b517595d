"""Which calls have been asked about before: a look into a small file of checksums.

Whoever goes in circles asks for the same again, so a call that is new in its session needs no longer look.
What a detector takes for one call has one checksum here. That two others share one costs a longer look and
nothing else; so this is the coarser of the two.
"""

from __future__ import annotations

import json
import os
import re
import zlib
from typing import TYPE_CHECKING

from quarterdeck.files import PRIVATE_FILE

if TYPE_CHECKING:
    from quarterdeck.loops.sessions.protocol import Question

_ASKED_BYTES = 90_000  # ten thousand calls
_MOMENTS = 1e9, 3e18  # seconds to nanoseconds since 1970: when a call is made is another time each time

# As in `loops.events.calls`, which takes longer to load than a hook may: a test says that none is missing.
_REMARKS = frozenset({
    *("description", "explanation", "justification", "rationale", "reasoning", "thought", "thoughts"),
    *("timestamp", "nonce", "requestid", "traceid", "spanid", "correlationid", "idempotencykey"),
    *("callid", "toolcallid", "tooluseid", "timeout", "timeoutms", "timeoutseconds"),
})  # fmt: skip
_ASIDE = re.compile(r"\s#.*|\|\s*(?:tail|head)\b[^|;&\n]*")
"""Of a command: what it is remarked on with, and how much of what it prints is shown."""


def asked_before(question: Question, folder: str) -> bool:
    """Whether the like of its call has been asked for in this session; from now on it has.

    Where that cannot be known, it may have been.
    """
    own = b"%08x\n" % checksum(question)
    path = os.path.join(folder, f"{question.key}.asked")
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        descriptor = os.open(path, flags, PRIVATE_FILE)
        try:
            size = os.fstat(descriptor).st_size
            before = os.pread(descriptor, _ASKED_BYTES, max(0, size - _ASKED_BYTES))
            os.write(descriptor, own)
        finally:
            os.close(descriptor)
    except OSError:
        return True
    return own in before


def checksum(question: Question) -> int:
    """The same for calls that a detector takes for one."""
    value = question.arguments
    if isinstance(value, str):
        value = _opened(value)
    if isinstance(value, dict):
        value = {key: _plain(item) for key, item in value.items() if not _is_remark(key, item)}
    text = _unspaced(_text(value))
    folder = _unspaced(question.folder.rstrip("/"))
    if folder:
        text = text.replace(f"cd{folder}&&", "").replace(f"{folder}/", "")
    text = text.removeprefix("./")
    return zlib.crc32(f"{question.tool.casefold()}\0{text}".encode(errors="surrogatepass"))


def _opened(text: str) -> object:
    """What JSON in a string holds; other text as it is."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _is_remark(key: str, item: object) -> bool:
    """Whether an argument may be no part of what is called."""
    if key.replace("_", "").casefold() in _REMARKS:
        return True
    if isinstance(item, str) and item[:1].isdecimal() and len(item) < 2 * len("1700000000000000000"):
        try:
            item = float(item)
        except ValueError:
            return False
    return isinstance(item, int | float) and _MOMENTS[0] < item < _MOMENTS[1]


def _plain(item: object) -> object:
    """Texts without spaces, and lists in one order: of some tools these do not count."""
    if isinstance(item, list):
        return sorted(_unspaced(_text(each)) for each in item)
    return _unspaced(_ASIDE.sub("", item)) if isinstance(item, str) else item


def _text(value: object) -> str:
    """Text as it is, other values as JSON, None as nothing."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, sort_keys=True, ensure_ascii=False)


def _unspaced(text: str) -> str:
    return "".join(text.split())
