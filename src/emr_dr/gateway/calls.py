"""Where the two halves of a gateway meet: what a client asked for, and what answers it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from emr_dr.core.batch import Batch, RescueClass
from emr_dr.core.view import MemberView
from emr_dr.ports import LogPage, QueueLoad

LOG_SHOWN = 10
"""Log lines in the view of a batch, as Livy shows them."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as the gateway authenticated them.

    Attributes:
        user: Empty where nobody has to sign in.
        superuser: Whether they may act in another user's name, and on everybody's batches.
        sees_all: Whether they see and may end batches of others.
    """

    user: str = ""
    superuser: bool = False
    sees_all: bool = True


@dataclass(frozen=True, slots=True)
class Submission:
    """A well-formed POST /batches, before it is given to anybody.

    Attributes:
        request: What the client sent, by Livy's names for it, with `proxyUser` as it may be; no field of ours.
        name: The client's own name for it; None if it gave none.
        proxy_user: Whom it runs as; from `doAs`, or the body.
        rescue: As declared by header or conf; None if neither says anything, so that rules of the spec decide.
        key: The client's idempotency key, by header or conf.
    """

    request: Mapping[str, object]
    name: str | None = None
    proxy_user: str | None = None
    queue: str = ""
    rescue: RescueClass | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """One batch as clients are shown it now.

    Attributes:
        log: The last lines, as in Livy's view; of the newest attempt.
        as_of: When the state was last confirmed (seconds of the epoch); an end is confirmed for ever.
    """

    batch: Batch
    log: tuple[str, ...] = ()
    as_of: float = 0.0


@dataclass(frozen=True, slots=True)
class MemberState:
    """One member as this gateway sees it.

    Attributes:
        livy, yarn: Why the service is not used; empty while it answers well.
        clean: Whether no run of a superseded attempt is left there; it is given nothing before.
        load: What YARN has to do; None until it was read.
        unfinished: Batches whose live attempt is there.
        seen_at: When Livy last answered well; 0 if it never did.
    """

    view: MemberView
    livy: str = "not asked yet"
    yarn: str = "not asked yet"
    clean: bool = False
    load: QueueLoad | None = None
    unfinished: int = 0
    seen_at: float = 0.0

    @property
    def takes_work(self) -> bool:
        """Whether it is given new batches."""
        return self.view.accepts_new and self.view.death is None and not self.livy and self.clean


class RefusedError(Exception):
    """The answer to a client whose request is not carried out, as Livy words it; nothing was done.

    Not one of `EmrDrError`: it never leaves the gateway.
    """

    def __init__(self, status: int, body: bytes, content_type: str = "application/json;charset=utf-8") -> None:
        super().__init__(f"{status} {body[:200]!r}")
        self.status = status
        self.body = body
        self.content_type = content_type


class UnavailableError(Exception):
    """503 with Retry-After: what was asked cannot be recorded, or not be known, just now. Nothing was done.

    Attributes:
        why: For people; it names no member and no path.
        retry_after: Seconds.
    """

    def __init__(self, why: str, retry_after: int = 5) -> None:
        super().__init__(why)
        self.why = why
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the batches that a caller sees, and how many there are in all."""

    start: int
    total: int
    batches: tuple[Shown, ...]


@dataclass(frozen=True, slots=True)
class Situation:
    """What a gateway knows of itself and its group, for `/gateway/…` and health.

    Attributes:
        views_at: When the members' views were last read from the store (seconds of the epoch).
        troubles: What is out of reach, in words.
    """

    group: str
    gateway: str
    members: tuple[MemberState, ...] = ()
    queued: int = 0
    views_at: float = 0.0
    troubles: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)


class Batches(Protocol):
    """What the HTTP side asks of the rest. Whatever raises `UnavailableError` has done nothing."""

    def recall(self, batch_id: int) -> Shown | None:
        """The batch from memory, without waiting; None if it is not in memory, which says nothing of whether it is."""

    async def submit(self, submission: Submission, caller: Caller) -> Shown:
        """Record it, give it to a member or queue it, and return it under its number.

        Raises:
            RefusedError: Livy does not take it, or the name is taken.
            UnavailableError: It cannot be recorded, or the queue is full.
        """

    async def find(self, batch: str) -> Shown | None:
        """The listed batch of that number or name, from memory or the ledger; None only if the ledger has none.

        Raises:
            UnavailableError: It is not in memory, and the ledger cannot be asked.
        """

    async def page(self, start: int, size: int, caller: Caller) -> Page:
        """The listed batches that the caller sees.

        Raises:
            UnavailableError: The ledger cannot be asked.
        """

    async def log(self, batch: Batch, start: int, size: int) -> LogPage:
        """Lines of its log over all its attempts, from the member or from what was kept of it; never fails."""

    async def delete(self, batch: Batch, caller: Caller) -> None:
        """Make it a tombstone, and end its run as soon as its member can be reached; may be repeated.

        Raises:
            UnavailableError: It cannot be recorded.
        """

    def situation(self) -> Situation:
        """What is known now."""

    def sessions_member(self) -> MemberView | None:
        """A member for a new session; None if none takes work."""

    def members(self) -> Sequence[MemberView]:
        """The members as published last."""
