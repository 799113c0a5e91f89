"""What gateways keep of interactive sessions, and how they pass requests about them on to a member's Livy."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from emr_dr.core.session import NewSession, Session
from emr_dr.core.view import MemberView


class SessionLedger(Protocol):
    """The sessions of one group's address; part of its `Ledger`, and raising what that raises."""

    async def create_session(self, new: NewSession) -> Session:
        """Give the session a number, from 1, never twice, before anything is sent; sessions count apart from batches.

        A token that is known already gets the session that has it, as it is now. Must be repeated with the same token
        after a `TransientError`.

        Raises:
            PermanentError: All numbers were given out.
        """

    async def read_session(self, session_id: int) -> Session | None:
        """The session; None only if that number was never given out here, or the session was dropped."""

    async def save_session(self, session: Session) -> Session:
        """Save the session if the saved version is still `session.version`; return it with its new version.

        Raises:
            ConflictError: Somebody else saved first, or dropped it; nothing of this was kept.
            PermanentError: `core.session.objections` forbids the change.
        """

    async def drop_session(self, session_id: int) -> None:
        """Forget it; its number is never given out again. A no-op if it is not known."""

    async def sessions(self) -> Sequence[Session]:
        """All that were not dropped, by number."""


@dataclass(frozen=True, slots=True)
class Question:
    """One request as it is passed on.

    Attributes:
        path: With its query, encoded.
        headers: Those of the client's that a member may see.
        body: In the pieces in which it comes; None where there is none.
        seconds: How long the member may let us wait: for the answer to begin, and for each further piece, in either
            direction. A piece may take as long as its sender takes, so a whole exchange has no deadline.
    """

    method: str
    path: str
    seconds: float
    headers: Mapping[str, str]
    body: AsyncIterator[bytes] | bytes | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that has begun, of any status; redirects are not followed."""

    status: int
    headers: Mapping[str, str]
    """By their names in small letters."""
    body: AsyncIterator[bytes]


class Passage(Protocol):
    """Passes requests on to members' Livys, over connections of each member's own; nothing is retried."""

    def passed(self, member: MemberView, question: Question) -> AbstractAsyncContextManager[Reply]:
        """Ask, and give the answer as it comes; leaving the block lets the connection go.

        Raises:
            UnreachedError: No connection was made, so nothing was sent.
            OutcomeUnknownError: It may have been carried out, and could not be repeated without doing it twice.
            TransientError: No good answer to a question; also when a piece of the answer's body does not come.
        """

    async def close(self) -> None:
        """Let all connections go."""
