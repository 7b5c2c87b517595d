"""Every error a user of Quarterdeck can meet, as one tree.

    QuarterdeckError                 message, hint, code, exit_code
    ├── UsageError             (2)   the call or the command line is wrong
    │   └── ConfigError        (2)   a setting has the wrong type or an unknown name
    ├── NothingToRead          (3)   the place asked about holds nothing that can be read
    │   ├── NotIndexed         (3)   the path is not part of the index
    │   └── UnknownSnapshot    (3)   no recorded state has that name
    ├── StateError             (1)   something on disk cannot be used
    │   ├── StoreCorrupt       (1)   a file that holds the truth (not a cache) is damaged
    │   ├── StoreTooNew        (1)   a file was written by a newer Quarterdeck
    │   ├── StoreFull          (1)   the disk or the quota is full
    │   └── StoreBusy          (1)   another process held a lock for too long
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


class BudgetExceeded(QuarterdeckError):
    """A budget leaves no room for what was about to be spent; nothing was reserved."""

    code = "budget-exceeded"


class MissingExtra(QuarterdeckError):
    """A feature needs an optional dependency that is not installed."""

    code = "missing-extra"
    exit_code = 2
