"""Calls that go wrong: planned errors, lost replies, and a hook around every effect at which a process may die."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum

from emr_dr.errors import EmrDrError, OutcomeUnknownError, TransientError


class Moment(StrEnum):
    """On which side of an effect the hook is called."""

    BEFORE = "before"
    AFTER = "after"


Hook = Callable[[Moment, str], None]


def _nothing(moment: Moment, call: str) -> None:
    """Let everything pass."""
    del moment, call


class Faults:
    """What becomes of calls.

    Effects are launch, protect, terminate, register, deregister, prove, stop, deny and allow.

    Attributes:
        hook: Called before and after each effect; what it raises, the caller gets.
        aws_down: No call to AWS is answered.
        denied: What every call to AWS raises, such as expired credentials; None while they are good.
    """

    def __init__(self) -> None:
        self.hook: Hook = _nothing
        self.aws_down = False
        self.denied: EmrDrError | None = None
        self._planned: defaultdict[str, deque[EmrDrError]] = defaultdict(deque)
        self._lost: defaultdict[str, int] = defaultdict(int)

    def fail(self, call: str, error: EmrDrError, *, times: int = 1) -> None:
        """Have the next calls of that name raise this, and do nothing: refused, throttled, out of reach."""
        self._planned[call].extend([error] * times)

    def lose_reply(self, call: str, *, times: int = 1) -> None:
        """Have the next calls of that name be carried out, and raise OutcomeUnknownError."""
        self._lost[call] += times

    def read(self, call: str, *, aws: bool = True) -> None:
        """Raise what is planned for a call that changes nothing."""
        if aws and self.aws_down:
            raise TransientError("AWS is out of reach", where=call)
        if aws and self.denied is not None:
            raise self.denied
        if self._planned[call]:
            raise self._planned[call].popleft()

    @contextmanager
    def effect(self, call: str, *, aws: bool = True) -> Iterator[None]:
        """Surround a call that changes something."""
        self.hook(Moment.BEFORE, call)
        self.read(call, aws=aws)
        yield
        self.hook(Moment.AFTER, call)
        if self._lost[call]:
            self._lost[call] -= 1
            raise OutcomeUnknownError("the reply was lost", where=call, remedy="look before repeating it")
