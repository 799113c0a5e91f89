"""The ledger as the rest of a gateway uses it: what is saved is on the board at once, and what fails is remembered."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from emr_dr.core.batch import Batch, NewBatch
from emr_dr.errors import ConflictError, TransientError
from emr_dr.gateway.board import Board
from emr_dr.ports import Clock, Creation, Ledger, LogTail

T = TypeVar("T")
PAUSE = 0.5
"""Between two tries, while the ledger is away."""

log = structlog.get_logger("emr_dr.gateway")


class Books:
    """Reads and writes of batches.

    Attributes:
        trouble: Why the ledger could not be used the last time; empty while it answers.
    """

    def __init__(self, ledger: Ledger, board: Board, clock: Clock) -> None:
        self.ledger = ledger
        self.board = board
        self.trouble = ""
        self._clock = clock

    async def asked(self, call: Awaitable[T]) -> T:
        """Wait for one call, and remember whether the ledger answered.

        Raises:
            TransientError: It is away.
        """
        try:
            value = await call
        except TransientError as error:
            if not self.trouble:
                log.warning("ledger_away", reason=str(error))
            self.trouble = str(error)
            raise
        except ConflictError:
            self.trouble = ""
            raise
        if self.trouble:
            log.info("ledger_back")
        self.trouble = ""
        return value

    async def create(self, new: NewBatch) -> Creation:
        """Create, and hold what is created.

        Raises:
            ConflictError: The name is taken.
            TransientError: The ledger is away; it may have been kept.
        """
        creation = await self.asked(self.ledger.create(new))
        self.board.keep(creation.batch)
        return creation

    async def read(self, batch_id: int) -> Batch | None:
        """Read, and hold what is read.

        Raises:
            TransientError: The ledger is away.
        """
        batch = await self.asked(self.ledger.read(batch_id))
        if batch is not None:
            self.board.keep(batch)
        return batch

    async def save(self, batch: Batch) -> Batch:
        """Save, and hold what is saved; if somebody else saved first, theirs is held.

        Raises:
            ConflictError: Somebody else saved first.
            TransientError: The ledger is away; it may have been kept.
        """
        try:
            saved = await self.asked(self.ledger.save(batch))
        except ConflictError:
            await self.read(batch.id)
            raise
        self.board.keep(saved)
        return saved

    async def change(self, batch: Batch, change: Callable[[Batch], Batch | None]) -> Batch:
        """Save what `change` makes of the batch, as often as somebody else saves first, and however long it takes.

        It is for what has happened and must not be lost: a `TransientError` is waited out. `change` returns None when
        there is nothing left to do, as others did it.
        """
        while True:
            wanted = change(batch)
            if wanted is None or wanted is batch:
                return batch
            try:
                return await self.save(wanted)
            except ConflictError:
                batch = self._held(batch)
            except TransientError:
                await self._clock.sleep(PAUSE)
                batch = await self._read_again(batch)

    async def keep_log(self, batch_id: int, tail: LogTail) -> None:
        """Keep a log's tail.

        Raises:
            TransientError: The ledger is away.
        """
        await self.asked(self.ledger.keep_log(batch_id, tail))

    def _held(self, batch: Batch) -> Batch:
        entry = self.board.entry(batch.id)
        return entry.saved if entry is not None and entry.saved.version > batch.version else batch

    async def _read_again(self, batch: Batch) -> Batch:
        while True:
            try:
                read = await self.read(batch.id)
            except TransientError:
                await self._clock.sleep(PAUSE)
            else:
                return read if read is not None else batch
