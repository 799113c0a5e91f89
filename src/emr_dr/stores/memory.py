"""A store and a ledger that live in this process: for tests, rehearsals, and whoever needs no second process.

They keep the same text as the stores on disk, so that what cannot be kept there cannot be kept here.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from emr_dr.core.batch import Batch, NewBatch
from emr_dr.core.document import Document, Lease
from emr_dr.core.evidence import Sighting
from emr_dr.core.view import Load, MemberView
from emr_dr.ports import JournalEntry, PublishedViews
from emr_dr.ports.ledger import BatchLog, BatchPage, Changes, Creation, LogTail
from emr_dr.stores import codec
from emr_dr.stores.memory_sessions import MemorySessions
from emr_dr.stores.rules import changed, checked_id, read_cursor, refuse_taken_name, stale, taken


class MemoryStore:
    """A `Store` without a file. Nothing of it outlives the object."""

    def __init__(self) -> None:
        self._documents: dict[str, str] = {}
        self._views: dict[str, tuple[int, str]] = {}
        self._journals: defaultdict[str, list[str]] = defaultdict(list)
        self._sightings: defaultdict[str, dict[str, str]] = defaultdict(dict)
        self._leases: dict[str, Lease] = {}

    async def load(self, group: str) -> Document | None:
        """The document as last saved, or None."""
        text = self._documents.get(group)
        return codec.DOCUMENT.decode(text, f"group {group}") if text is not None else None

    async def groups(self) -> Sequence[str]:
        """The names of all groups saved here."""
        return sorted(self._documents)

    async def save(
        self, document: Document, *, views: Sequence[MemberView] = (), entries: Sequence[JournalEntry] = ()
    ) -> Document:
        """Save all or nothing, if nobody else saved first."""
        name = document.group.name
        where = f"group {name}"
        saved = replace(document, version=document.version + 1)
        # Everything that may refuse comes before the first thing that changes.
        texts = (codec.DOCUMENT.encode(saved, where), codec.VIEWS.encode(tuple(views), where))
        lines = [codec.encode_entry(entry, where) for entry in entries]
        held = self._views[name][0] if name in self._views else 0
        if held != document.version:
            raise stale(where, document.version, held)
        self._documents[name] = texts[0]
        self._views[name] = (saved.version, texts[1])
        self._journals[name] += lines
        return saved

    async def views(self, group: str, *, newer_than: int = 0) -> PublishedViews | None:
        """The views of the last save, or None if they are not newer than asked."""
        version, text = self._views.get(group, (0, ""))
        return PublishedViews(version, codec.VIEWS.decode(text, f"group {group}")) if version > newer_than else None

    async def append(self, group: str, entries: Sequence[JournalEntry]) -> None:
        """Add to the journal."""
        self._journals[group] += [codec.encode_entry(entry, f"group {group}") for entry in entries]

    async def journal(self, group: str, *, after: int = 0, limit: int = 1000) -> Sequence[JournalEntry]:
        """Entries with a greater `seq`, oldest first."""
        texts = self._journals[group][max(after, 0) :][: max(limit, 0)]
        return [codec.decode_entry(text, n, f"group {group}") for n, text in enumerate(texts, max(after, 0) + 1)]

    async def newest(self, group: str, count: int, *, without: Collection[str] = ()) -> Sequence[JournalEntry]:
        """The last entries but those of some events, oldest first."""
        entries = await self.journal(group, limit=len(self._journals[group]))
        wanted = [e for e in entries if e.event not in without]
        return wanted[max(len(wanted) - max(count, 0), 0) :]

    async def tell(self, group: str, sighting: Sighting) -> None:
        """Keep what one vantage saw, in the place of what it told before."""
        self._sightings[group][sighting.vantage] = codec.SIGHTING.encode(sighting, f"group {group}")

    async def sightings(self, group: str) -> Sequence[Sighting]:
        """What each vantage told last, by the vantages' names."""
        return [codec.SIGHTING.decode(text, f"group {group}") for _, text in sorted(self._sightings[group].items())]

    async def take_lease(self, name: str, holder: str, *, now: float, seconds: float) -> Lease | None:
        """Take or renew a named lease; None while another holder's has not expired."""
        lease = taken(self._leases.get(name), holder, now, seconds)
        if lease is not None:
            self._leases[name] = lease
        return lease

    async def drop_lease(self, name: str, holder: str) -> None:
        """Give a named lease back; its term stays, so that the next holder's is greater."""
        lease = self._leases.get(name)
        if lease is not None and lease.holder == holder:
            self._leases[name] = Lease("", lease.term, 0.0)

    async def close(self) -> None:
        """Nothing to release."""


class MemoryLedger(MemorySessions):
    """A `Ledger` without a file. Nothing of it outlives the object."""

    def __init__(self) -> None:
        super().__init__()
        self._last_id = 0
        self._batches: dict[int, str] = {}
        self._tokens: dict[str, int] = {}
        self._keys: dict[tuple[str, str], int] = {}
        self._logs: dict[int, str] = {}
        self._loads: dict[str, str] = {}
        self._turn = 0
        self._turns: dict[int, int] = {}

    async def create(self, new: NewBatch) -> Creation:
        """Give the submission a number, or the batch that has its token or key."""
        known = self._tokens.get(new.token)
        if known is None and new.key is not None:
            known = self._keys.get((new.owner or "", new.key))
        if known is not None:
            return Creation(self._held(known), created=False)
        refuse_taken_name((b for b in self._all() if new.name is not None and b.name == new.name), new, "the ledger")
        batch = new.numbered(checked_id(self._last_id + 1, "the ledger"))
        self._batches[batch.id] = codec.BATCH.encode(batch, f"batch {batch.id}")
        self._last_id = batch.id
        self._count(batch.id)
        self._tokens[new.token] = batch.id
        if new.key is not None:
            self._keys[new.owner or "", new.key] = batch.id
        return Creation(batch, created=True)

    async def read(self, batch_id: int) -> Batch | None:
        """The batch, deleted or not, or None."""
        return self._held(batch_id) if batch_id in self._batches else None

    async def find(self, name: str) -> Batch | None:
        """The newest listed batch of that name, or None."""
        return next((b for b in reversed(self._all()) if b.name == name and b.listed), None)

    async def save(self, batch: Batch) -> Batch:
        """Save the batch if nobody else saved first and the change is allowed."""
        where = f"batch {batch.id}"
        saved = changed(await self.read(batch.id), batch, where)
        self._batches[batch.id] = codec.BATCH.encode(saved, where)
        self._count(batch.id)
        return saved

    async def page(self, start: int, size: int) -> BatchPage:
        """Up to `size` listed batches by number, after skipping `start`."""
        listed = [b for b in self._all() if b.listed]
        return BatchPage(start, len(listed), tuple(listed[max(start, 0) :][: max(size, 0)]))

    async def unfinished(self, cluster_id: str | None = None) -> Sequence[Batch]:
        """The unfinished batches of a cluster, the queued ones, or all."""
        return [b for b in self._all() if b.unfinished and cluster_id in (None, b.last.cluster_id)]

    async def backlog(self) -> Mapping[str, int]:
        """How many unfinished batches each cluster has."""
        return Counter(b.last.cluster_id for b in self._all() if b.unfinished)

    async def changes(self, cursor: str | None = None) -> Changes:
        """What was created or saved since `cursor`."""
        now = str(self._turn)
        if cursor is None:
            return Changes(now)
        since = read_cursor(cursor, "the ledger")
        new = sorted((turn, n) for n, turn in self._turns.items() if turn > since)
        return Changes(now, tuple(self._held(n) for _, n in new))

    async def keep_log(self, batch_id: int, tail: LogTail) -> None:
        """Keep an attempt's tail unless more of it is known already."""
        log = (await self.logs([batch_id]))[batch_id]
        self._logs[batch_id] = codec.LOG.encode(log.keeping(tail), f"log of batch {batch_id}")

    async def logs(self, batch_ids: Sequence[int]) -> Mapping[int, BatchLog]:
        """The logs of these batches."""
        return {
            n: codec.LOG.decode(self._logs[n], f"log of batch {n}") if n in self._logs else BatchLog()
            for n in batch_ids
        }

    async def report_loads(self, gateway: str, loads: Sequence[Load]) -> None:
        """Replace what this gateway reported before."""
        self._loads[gateway] = codec.LOADS.encode(tuple(loads), f"loads of {gateway}")

    async def loads(self) -> Mapping[str, Sequence[Load]]:
        """What each gateway reported last."""
        return {name: codec.LOADS.decode(text, f"loads of {name}") for name, text in self._loads.items()}

    async def drop_loads(self, gateway: str) -> None:
        """Forget a gateway that is gone."""
        self._loads.pop(gateway, None)

    async def close(self) -> None:
        """Nothing to release."""

    def _count(self, batch_id: int) -> None:
        self._turn += 1
        self._turns[batch_id] = self._turn

    def _held(self, batch_id: int) -> Batch:
        return codec.BATCH.decode(self._batches[batch_id], f"batch {batch_id}")

    def _all(self) -> list[Batch]:
        return [self._held(batch_id) for batch_id in self._batches]
