"""What a gateway holds in memory: every unfinished batch, and those that ended lately, as they are shown."""

from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from emr_dr.core.batch import Batch, ShownState, SubmitState
from emr_dr.core.view import Load
from emr_dr.gateway.calls import Shown
from emr_dr.ports import Clock

ENDED_KEPT = 100_000
"""Ended batches held; those that nobody asked for the longest are dropped first, and read from the ledger again."""

QUEUED = ""
"""In place of a cluster: no member has taken it yet."""


@dataclass(slots=True)
class Entry:
    """One batch in memory.

    Attributes:
        saved: As the ledger holds it.
        batch: As it is shown: what was heard of it since is not worth a save, or not saved yet. Never an end that the
            ledger does not have.
        as_of: When it was last read or saved (seconds of the epoch).
    """

    saved: Batch
    batch: Batch
    log: tuple[str, ...] = ()
    as_of: float = 0.0


class Board:
    """The batches in memory. Whatever is told comes from the ledger, or from trackers; it is never waited for."""

    def __init__(self, clock: Clock, *, ended_kept: int = ENDED_KEPT) -> None:
        self._clock = clock
        self._ended_kept = ended_kept
        self._unfinished: dict[int, Entry] = {}
        self._ended: OrderedDict[int, Entry] = OrderedDict()
        self._on: dict[str, dict[int, Entry]] = {}
        self._waiting: dict[int, Entry] = {}
        self._confirmed: dict[str, float] = {}

    def keep(self, batch: Batch) -> Entry:
        """Hold what the ledger gave, unless something newer of it is held."""
        held = self.entry(batch.id)
        if held is not None and held.saved.version >= batch.version:
            return held
        now = self._clock.now()
        if not batch.unfinished:
            # An end never changes, but for a tombstone, and whoever makes one reads the batch anew.
            batch = replace(batch, request="")
        entry = held or Entry(batch, batch)
        self._unlist(entry)
        if held is not None:
            entry.log = () if batch.last.number != held.saved.last.number else held.log
            entry.batch = _merged(held.batch, batch)
        entry.saved, entry.as_of = batch, now
        self._list(entry)
        return entry

    def show(self, batch: Batch) -> None:
        """Show what was heard of an unfinished batch; nothing of it is an end."""
        entry = self._unfinished.get(batch.id)
        if entry is not None and entry.saved.version == batch.version and not batch.shown.terminal:
            entry.batch = batch

    def confirm(self, cluster_id: str, at: float) -> None:
        """Note that what is shown of a member's batches was true at `at`."""
        self._confirmed[cluster_id] = at

    def entry(self, batch_id: int) -> Entry | None:
        """What is held of a batch, deleted or not."""
        found = self._unfinished.get(batch_id)
        if found is None and (found := self._ended.get(batch_id)) is not None:
            self._ended.move_to_end(batch_id)
        return found

    def recall(self, batch_id: int) -> Shown | None:
        """The batch as it is shown now."""
        entry = self.entry(batch_id)
        if entry is None:
            return None
        return Shown(entry.batch, entry.log, self._as_of(entry))

    def named(self, name: str) -> Entry | None:
        """The unfinished, listed batch of that name."""
        return next((e for e in self._unfinished.values() if e.saved.name == name and e.saved.listed), None)

    def on(self, cluster_id: str) -> Mapping[int, Entry]:
        """The unfinished batches whose last attempt is on that member."""
        return self._on.get(cluster_id, {})

    def waiting(self) -> Collection[Entry]:
        """Those whose live attempt is not sent: queued, or left behind by whoever was about to send."""
        return self._waiting.values()

    @property
    def queued(self) -> int:
        """How many no member has taken yet."""
        return len(self.on(QUEUED))

    def loads(self, at: float) -> list[Load]:
        """How much is unfinished on each member that has any, and how much is queued, though it be nothing."""
        clusters = [QUEUED, *(cluster for cluster in self._on if cluster != QUEUED)]
        return [Load(cluster, len(self.on(cluster)), at) for cluster in clusters]

    def counts(self) -> dict[str, int]:
        """How many are held, in words for people."""
        return {"unfinished": len(self._unfinished), "ended": len(self._ended), "waiting": len(self._waiting)}

    def keep_all(self, batches: Iterable[Batch]) -> None:
        """Hold what the ledger gave of several."""
        for batch in batches:
            self.keep(batch)

    def forget(self) -> None:
        """Hold nothing any more: the ledger is another than before."""
        for memory in (self._unfinished, self._ended, self._on, self._waiting):
            memory.clear()

    def _as_of(self, entry: Entry) -> float:
        if not entry.saved.unfinished or entry.saved.last.cluster_id == QUEUED:
            return self._clock.now()
        return max(entry.as_of, self._confirmed.get(entry.saved.last.cluster_id, 0.0))

    def _unlist(self, entry: Entry) -> None:
        batch_id, cluster = entry.saved.id, entry.saved.last.cluster_id
        self._unfinished.pop(batch_id, None)
        self._waiting.pop(batch_id, None)
        there = self._on.get(cluster)
        if there is not None:
            there.pop(batch_id, None)
            if not there and cluster != QUEUED:
                del self._on[cluster]

    def _list(self, entry: Entry) -> None:
        batch = entry.saved
        if not batch.unfinished:
            self._ended[batch.id] = entry
            self._ended.move_to_end(batch.id)
            while len(self._ended) > self._ended_kept:
                self._ended.popitem(last=False)
            return
        self._ended.pop(batch.id, None)
        self._unfinished[batch.id] = entry
        self._on.setdefault(batch.last.cluster_id, {})[batch.id] = entry
        if batch.last.live and batch.last.submit is SubmitState.INTENT:
            self._waiting[batch.id] = entry


def _merged(shown: Batch, saved: Batch) -> Batch:
    """What is saved, shown no further back than what was heard of the same attempt."""
    same = shown.last.number == saved.last.number
    if same and shown.shown is ShownState.RUNNING and saved.shown is ShownState.STARTING:
        return saved.showing(ShownState.RUNNING, 0.0)
    return saved
