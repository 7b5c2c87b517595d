"""Every error a user of Quarterdeck can meet, as one tree.

    QuarterdeckError                 message, hint, code, exit_code
    ├── UsageError             (2)   the call or the command line is wrong
    │   ├── ConfigError        (2)   a setting has the wrong type or an unknown name
    │   └── TooLarge           (2)   a value or a name is larger than the limit that is set
    ├── NothingToRead          (3)   the place asked about holds nothing that can be read
    │   ├── NotIndexed         (3)   the path is not part of the index
    │   └── UnknownSnapshot    (3)   no recorded state has that name
    ├── StateError             (1)   something on disk cannot be used
    │   ├── StoreCorrupt       (1)   a file that holds the truth (not a cache) is damaged
    │   ├── StoreTooNew        (1)   a file was written by a newer Quarterdeck
    │   ├── StoreFull          (1)   the disk or the quota is full
    │   ├── StoreBusy          (1)   another process held a lock for too long
    │   └── MemoryUnavailable  (1)   the memory server cannot be reached, or not in time
    ├── AccessDenied           (1)   the store knows this agent, and does not let it do that
    ├── ScrubRefused           (1)   something secret could not be taken out, so nothing was stored
    ├── BudgetExceeded         (1)   a budget leaves no room for what was about to be spent
    └── MissingExtra           (2)   an optional dependency is not installed

The number is the exit code of a command that ends with that error. Every error says what is wrong
in its message and how to mend it in its hint; ``code`` is stable and meant for programs. None of
them shadows a builtin.
"""

from __future__ import annotations

from typing import ClassVar


class QuarterdeckError(Exception):
    """The root: catch this to catch everything Quarterdeck raises on purpose.

    Attributes:
        message: what is wrong, in one sentence.
        hint: how to mend it, in one sentence; never empty.
        code: stable, kebab-case, for programs.
        exit_code: what a command that ends with this error exits with.
    """

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message, hint)  # both, so that the error can be pickled and copied
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  hint: {self.hint}"


class UsageError(QuarterdeckError):
    """The caller asked for something that cannot be meant."""

    code = "usage"
    exit_code = 2


class ConfigError(UsageError):
    """A setting has a wrong type, an impossible value, or a name nobody reads."""

    code = "config"


class TooLarge(UsageError):
    """A value or a name is larger than its limit; nothing was stored."""

    code = "too-large"


class NothingToRead(QuarterdeckError):
    """The place asked about does not exist or holds nothing that can be read."""

    code = "nothing-to-read"
    exit_code = 3


class NotIndexed(NothingToRead):
    """The path exists or once did, but it is not part of the index."""

    code = "not-indexed"


class UnknownSnapshot(NothingToRead):
    """No recorded state of the project has that name or id."""

    code = "unknown-snapshot"


class StateError(QuarterdeckError):
    """Something Quarterdeck keeps on disk cannot be used."""

    code = "state"


class StoreCorrupt(StateError):
    """A file that holds the truth is damaged; it is left as it is, for you to look at."""

    code = "store-corrupt"


class StoreTooNew(StateError):
    """A file was written by a newer Quarterdeck than this one."""

    code = "store-too-new"


class StoreFull(StateError):
    """The disk or the quota is full; nothing that was there before is lost."""

    code = "store-full"


class StoreBusy(StateError):
    """Another process held a lock for longer than the time-out."""

    code = "store-busy"


class MemoryUnavailable(StateError):
    """The memory server cannot be reached, or did not answer in time.

    A read has not been answered. Of a write it is not known whether it happened, unless the message says so.
    """

    code = "memory-unavailable"


class AccessDenied(QuarterdeckError):
    """What the store knows of this agent does not allow what it was about to do; nothing has happened."""

    code = "access-denied"


class ScrubRefused(QuarterdeckError):
    """A secret or something personal could not be taken out of a value or a name; nothing was stored."""

    code = "scrub-refused"


class BudgetExceeded(QuarterdeckError):
    """A budget leaves no room for what was about to be spent; nothing was reserved."""

    code = "budget-exceeded"


class MissingExtra(QuarterdeckError):
    """A feature needs an optional dependency that is not installed."""

    code = "missing-extra"
    exit_code = 2
