"""What is kept: group documents with their leases and views, and the journal."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from emr_dr.core.document import Document, Lease
from emr_dr.core.evidence import Sighting
from emr_dr.core.view import MemberView

JsonValue = None | bool | int | float | str | Sequence["JsonValue"] | Mapping[str, "JsonValue"]


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One thing that happened to a group, with the evidence of that second.

    Attributes:
        at: Seconds of the epoch.
        event: A constant snake_case name, past tense.
        detail: Key-values, JSON only.
        seq: Given by the store, growing within a group; 0 before it is stored.
    """

    at: float
    event: str
    detail: Mapping[str, JsonValue] = field(default_factory=dict)
    seq: int = 0


@dataclass(frozen=True, slots=True)
class PublishedViews:
    """The member views of a group as of one version of its document."""

    version: int
    views: tuple[MemberView, ...]


class Store(Protocol):
    """Groups, their views, leases and journals. Any number of processes may use one store at once."""

    async def load(self, group: str) -> Document | None:
        """The document as last saved, or None if the group was never saved here.

        Raises:
            PermanentError: The store is corrupt or was written by a newer version.
            TransientError: The store is locked or out of reach.
        """

    async def groups(self) -> Sequence[str]:
        """The names of all groups saved here."""

    async def save(
        self, document: Document, *, views: Sequence[MemberView] = (), entries: Sequence[JournalEntry] = ()
    ) -> Document:
        """Save document, views and journal entries, all or nothing, if the saved version is still `document.version`.

        Version 0 means: the group must not exist yet. Returns the document with its new version.

        Raises:
            ConflictError: Somebody else saved first; nothing of this was kept.
            TransientError: Locked, full, or out of reach. Only the next `load` tells whether it was kept.
        """

    async def views(self, group: str, *, newer_than: int = 0) -> PublishedViews | None:
        """The views of the last save, or None if the version is not newer than asked."""

    async def append(self, group: str, entries: Sequence[JournalEntry]) -> None:
        """Add to the journal without touching the document: outcomes of effects, observations."""

    async def journal(self, group: str, *, after: int = 0, limit: int = 1000) -> Sequence[JournalEntry]:
        """Entries with a greater `seq`, oldest first."""

    async def newest(self, group: str, count: int, *, without: Collection[str] = ()) -> Sequence[JournalEntry]:
        """The last `count` entries but those of the events in `without`, oldest first; reads no more than it must."""

    async def tell(self, group: str, sighting: Sighting) -> None:
        """Keep what one vantage saw, in the place of what it told before; touches no document and no version."""

    async def sightings(self, group: str) -> Sequence[Sighting]:
        """What each vantage told last, however long ago, by the vantages' names."""

    async def take_lease(self, name: str, holder: str, *, now: float, seconds: float) -> Lease | None:
        """Take or renew a named lease (rescue and the like); None while another holder's has not expired.

        The group's own lease is in its document, not here.
        """

    async def drop_lease(self, name: str, holder: str) -> None:
        """Give a named lease back; a no-op if it is not ours."""

    async def close(self) -> None:
        """Release files and connections."""
