"""What redis-py and the system raise, made into our own errors; the one place where that is done.

A server's own words are not repeated: they can hold names of keys and parts of values. They are the cause
(``__cause__``) of the error; its message has the server's error code.
"""

from __future__ import annotations

import re
import ssl
from typing import TYPE_CHECKING

from quarterdeck.errors import (
    AccessDenied,
    ConfigError,
    MemoryUnavailable,
    QuarterdeckError,
    StateError,
    StoreCorrupt,
    StoreFull,
)

if TYPE_CHECKING:
    from types import TracebackType

    from quarterdeck.memory.server.breaker import Outage

ACL_RULE = (
    "~{<namespace>.* -@all +@read +@write -@dangerous +eval +evalsha +time +select +info"
    " +client|tracking +client|setname +cluster|slots +asking"
)
"""What a user of the server needs; see `quarterdeck.memory.server`."""

_CODE = re.compile(r"[A-Z]{2,20}(?= )")
_CODE_IN_SCRIPT = re.compile(r"@user_script: ?\d+: -?([A-Z]{2,20}) ")
"""How Redis 6 wraps the error of a command in a script."""

_PASSING = {
    "LOADING": "is loading its data",
    "CLUSTERDOWN": "says that its cluster is down: a part of it is missing",
    "MASTERDOWN": "has lost its master",
    "TRYAGAIN": "is handing its data to another one",
    "MOVED": "says that the data is elsewhere, again and again: the cluster is being rearranged",
    "ASK": "says that the data is elsewhere, again and again: the cluster is being rearranged",
    "BUSY": "is busy with a script of somebody else",
    "NOREPLICAS": "has too few replicas to accept a write",
}
"""Errors that come and go, and with which nothing has happened."""


def code_of(error: BaseException) -> str:
    """The server's code for *error*, as ``WRONGTYPE``; ``ERR`` and the empty string say nothing."""
    code = getattr(error, "status_code", None)
    text = str(error)
    if not code:
        found = _CODE.match(text)
        code = found.group() if found else ""
    if code in {"ERR", ""} and (found := _CODE_IN_SCRIPT.search(text)):
        return found.group(1)
    return str(code)


def reason_of(error: BaseException) -> str:
    """Why a server that *error* was raised for could not be used, in a few words that follow its name."""
    root = _root(error)
    if isinstance(root, ssl.SSLCertVerificationError):
        return "shows a certificate that is not trusted"
    if isinstance(root, ssl.SSLError):
        return "does not speak TLS as it should"
    if isinstance(root, ConnectionRefusedError):
        return "refuses connections"
    if isinstance(root, TimeoutError) or type(error).__name__ == "TimeoutError":
        return "does not answer in time"
    if isinstance(root, FileNotFoundError):
        return "has no socket there"
    if code_of(error) in _PASSING:
        return _PASSING[code_of(error)]
    if "max number of clients" in str(error):
        return "has as many clients as it accepts"
    if isinstance(root, OSError) and root.strerror:
        return f"cannot be reached ({root.strerror})"
    return "has closed the connection"


def unavailable(
    place: str, reason: str, outage: Outage | None, *, sent: bool = False, write: bool = False
) -> MemoryUnavailable:
    """The error for a server that cannot be asked, or has not answered.

    Args:
        place: its address, without secrets.
        reason: what is wrong with it, in words that follow its name.
        outage: what its breaker knows.
        sent: something may have got there.
        write: what was to be done is a write.
    """
    since = f", for {outage.down_s:.1f} s now" if outage and outage.down_s >= 0.1 else ""
    if not sent:
        outcome = "nothing was sent"
    elif write:
        outcome = "whether the write has happened is not known"
    else:
        outcome = "nothing was read"
    again = f"it is tried again in {outage.retry_in_s:.2g} s; " if outage else ""
    return MemoryUnavailable(
        f"the memory server at {place} {reason}{since}; {outcome}", hint=again + _mend(reason)
    )


def refused(error: BaseException, place: str) -> QuarterdeckError:
    """The error for a command (or a login) that a server has answered with an error; it has not been done."""
    code = code_of(error)
    text = str(error)
    if code in _PASSING:
        return MemoryUnavailable(
            f"the memory server at {place} {_PASSING[code]}; nothing has happened", hint="try again"
        )
    if code == "READONLY":
        return MemoryUnavailable(
            f"the memory server at {place} is a replica, which cannot be written to; nothing has happened",
            hint="name its master, or let Sentinel find it with redis+sentinel://…",
        )
    if code in {"OOM", "MISCONF"}:
        what = "has no memory left" if code == "OOM" else "cannot save to its disk, so it accepts no write"
        mend = "raise its maxmemory, or remove entries" if code == "OOM" else "look into its log"
        return StoreFull(f"the memory server at {place} {what}; nothing has happened", hint=mend)
    if code in {"NOAUTH", "WRONGPASS", "NOPERM"} or "invalid password" in text or "AUTH <password>" in text:
        return _no_access(code, place)
    if code == "WRONGTYPE":
        return StoreCorrupt(
            f"the memory server at {place} holds something of another kind under a name of ours",
            hint="find out who else writes there, or choose a namespace of your own",
        )
    if code == "NOPROTO" or "unknown command" in text:
        return ConfigError(
            f"the memory server at {place} is too old, or lets nobody use a command that is needed",
            hint="use Redis 6 or newer, or Valkey, without renamed commands",
        )
    if "DB index" in text:
        return ConfigError(
            f"the memory server at {place} has no database of that number", hint="use a lower one, as 0"
        )
    if "cluster support disabled" in text:
        return ConfigError(f"the memory server at {place} is no cluster", hint="write redis:// in its URL")
    if type(error).__name__ == "InvalidResponse":
        return garbage(place)
    return StateError(
        f"the memory server at {place} has refused a command ({code or 'no code'})",
        hint="look at the cause of this error, and run: qd memory doctor",
    )


def garbage(place: str) -> StoreCorrupt:
    """The error for an answer that makes no sense."""
    return StoreCorrupt(
        f"what answers at {place} does not answer as a memory server does",
        hint="check the address: is that Redis or Valkey, and does nobody else write under our names",
    )


class Sense:
    """With it, a reply is taken apart: one that makes no sense is `StoreCorrupt`, and no traceback."""

    __slots__ = ("_place",)

    def __init__(self, place: str) -> None:
        self._place = place

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, TypeError | ValueError | LookupError | AttributeError):
            raise garbage(self._place) from error


def _no_access(code: str, place: str) -> QuarterdeckError:
    if code == "NOAUTH":
        return ConfigError(
            f"the memory server at {place} wants to know who we are",
            hint="set the user and password in the url of section memory, or username and password",
        )
    if code == "NOPERM":
        return AccessDenied(
            f"the memory server at {place} does not let this user do that; nothing has happened",
            hint=f"have its administrator grant: ACL SETUSER <user> {ACL_RULE}",
        )
    return AccessDenied(
        f"the memory server at {place} does not accept this user and password",
        hint="check the user and password in the url of section memory, or username and password",
    )


def _mend(reason: str) -> str:
    if "certificate" in reason:
        return "name the authority in ssl_ca_certs, and the server as its certificate does"
    if "TLS" in reason:
        return "check whether that port speaks TLS (rediss://) or not (redis://)"
    if "as many clients" in reason:
        return "raise its maxclients"
    if "no socket" in reason:
        return "check the path, and whether the server runs"
    return "see whether it runs and can be reached: qd memory doctor"


def _root(error: BaseException) -> BaseException:
    """The error of the system that redis-py has made *error* of."""
    while (inner := error.__cause__ or error.__context__) is not None:
        if isinstance(error, OSError):
            return error
        error = inner
    return error
