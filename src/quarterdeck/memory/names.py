"""Names of entries and logs, the same in every backend: ``{namespace.agent.bucket}:kind:key``.

What stands in braces is the *space*: entries of one space lie together (on a cluster in one slot), so they
can change together. The space of an agent holds what it alone may write; the space of nobody (agent ``""``)
is shared.

Namespace and agent are escaped (all but ASCII letters, digits, ``-`` and ``_`` become ``%XX`` of their UTF-8
bytes), so no two of them give one name and none reaches into another's: ``a:b`` with ``c`` is not ``a``
with ``b:c``, and ``*`` is just a name. The key comes last and stands as it is.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import unquote
from zlib import crc32

from quarterdeck.errors import TooLarge, UsageError

SHARED = ""
"""The agent of the shared space."""

_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"
_SAFE = frozenset(_LETTERS + b"0123456789")
_PLAIN = frozenset(_LETTERS)


class Name(NamedTuple):
    """A name taken apart; *agent* is `SHARED` in the shared space."""

    namespace: str
    agent: str
    bucket: int
    kind: str
    key: str


def space(namespace: str, agent: str = SHARED, bucket: int = 0) -> str:
    """``{namespace.agent.bucket}``."""
    return f"{{{escaped(namespace)}.{escaped(agent)}.{bucket}}}"


def named(space: str, kind: str, key: str = "") -> str:
    """The entry or log *key* of that kind in *space*; without a key: the prefix of all of that kind."""
    return f"{space}:{kind}:{key}"


def beginning(namespace: str, agent: str | None = None) -> str:
    """What all names of a namespace begin with, or all those of one of its agents, in every bucket."""
    return f"{{{escaped(namespace)}." if agent is None else f"{{{escaped(namespace)}.{escaped(agent)}."


def space_of(name: str) -> str:
    """The space of a name, braces included."""
    return name[: name.index("}") + 1]


def split(name: str) -> Name:
    """The parts of a name that `named` made.

    Raises:
        ValueError: it did not.
    """
    tag, kind, key = name.split(":", 2)
    namespace, agent, bucket = tag[1:-1].split(".")
    parts = Name(unquote(namespace), unquote(agent), int(bucket), kind, key)
    if named(space(*parts[:3]), kind, key) != name:
        raise ValueError("not as named() makes it")
    return parts


def bucket_of(key: str, buckets: int) -> int:
    """Which of *buckets* a key of an agent lies in; stable for ever."""
    return crc32(key.encode()) % buckets if buckets > 1 else 0


def escaped(text: str) -> str:
    """*text* with nothing in it that has a meaning in a name."""
    return "".join(chr(byte) if byte in _SAFE else f"%{byte:02X}" for byte in text.encode())


def spelled(text: str) -> str:
    """A name as it stands in a value: nothing that is scrubbed looks like this; ``unquote`` reads it.

    Digits are escaped, too: an agent called by a phone number must not become another one by that.
    """
    return "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in text.encode())


def checked(text: object, what: str, max_bytes: int) -> str:
    """*text*, if it can be the name of something.

    Args:
        text: what the caller gave.
        what: how an error calls it: ``key``, ``agent``.
        max_bytes: the most it may have in UTF-8.

    Raises:
        UsageError: it is not a string, is empty, or is no valid text.
        TooLarge: it is longer than that.
    """
    if type(text) is str and text.isascii() and 0 < len(text) <= max_bytes:
        return text  # nearly all of them
    if not isinstance(text, str) or not text:
        raise UsageError(f"the {what} must be a string that is not empty", hint=f"name the {what}")
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise UsageError(
            f"the {what} is not valid text: it holds half of a character", hint="decode it first"
        ) from error
    if size > max_bytes:
        raise TooLarge(
            f"the {what} has {size} bytes, more than {max_bytes}",
            hint="shorten it, or raise max_key_bytes of section memory",
        )
    return text
