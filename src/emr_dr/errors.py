"""The tree of everything emr-dr raises on purpose, and the exit code that each kind means.

EmrDrError
├── UsageError            2   the caller asked for something that cannot be: wrong spec, wrong option, wrong place
├── TransientError       75   the world did not answer well this time; the same call may work later
│   ├── ThrottledError        AWS asked us to slow down
│   ├── UnreachedError        no connection was made, so nothing was sent: it may be asked of another
│   └── OutcomeUnknownError   the call may or may not have been carried out: look before repeating it
├── PermanentError        1   refused for good; repeating the same call will not help
└── ConflictError         3   somebody else decided first, or holds what we need

Anything else that escapes is a bug: the process ends, and the next start looks at the world again.
Adapters translate foreign errors into this tree at their edge and chain the original as `__cause__`.
"""

from typing import ClassVar


class EmrDrError(Exception):
    """An error with an address: what went wrong, where, and what to do next."""

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        advice = f"; {self.remedy}" if self.remedy else ""
        return f"{place}{self.what}{advice}"


class UsageError(EmrDrError):
    """The request itself is wrong; nothing was touched."""

    exit_code = 2


class TransientError(EmrDrError):
    """The world did not answer well this time; repeating later is right."""

    exit_code = 75


class ThrottledError(TransientError):
    """AWS asked us to slow down; the call was not carried out."""


class UnreachedError(TransientError):
    """No connection was made, so nothing of the request left this machine."""


class OutcomeUnknownError(TransientError):
    """The reply was lost: the call may have been carried out. Look at the world before repeating it."""


class PermanentError(EmrDrError):
    """Refused for good: repeating the same call will not help."""

    exit_code = 1


class ConflictError(EmrDrError):
    """Somebody else decided first (a save was refused, a lease is held, a name is not ours)."""

    exit_code = 3
