"""Batches for whoever asks: from memory, and from the ledger what is not in memory."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from emr_dr.core.batch import MAX_BATCH_ID, Batch
from emr_dr.errors import TransientError
from emr_dr.gateway.board import Board
from emr_dr.gateway.books import Books
from emr_dr.gateway.calls import LOG_SHOWN, Caller, Page, Shown, UnavailableError

CHUNK = 500
"""Batches read at once where only some of them are for the caller."""

_AWAY = "the ledger is out of reach, and this is not in memory"


@dataclass(frozen=True, slots=True)
class Lookup:
    """Finds batches and pages through them."""

    books: Books
    board: Board

    async def find(self, asked: str) -> Shown | None:
        """The listed batch of that number or name.

        Raises:
            UnavailableError: It is not in memory, and the ledger cannot be asked.
        """
        if asked.isascii() and asked.isdigit():
            return await self._numbered(int(asked)) if len(asked) <= len(str(MAX_BATCH_ID)) else None
        entry = self.board.named(asked)
        if entry is not None:
            return self.board.recall(entry.saved.id)
        try:
            batch = await self.books.asked(self.books.ledger.find(asked))
        except TransientError as error:
            raise UnavailableError(_AWAY) from error
        return (await self._shown([batch]))[0] if batch is not None else None

    async def page(self, start: int, size: int, caller: Caller) -> Page:
        """The listed batches that the caller sees.

        Raises:
            UnavailableError: The ledger cannot be asked.
        """
        try:
            if caller.sees_all:
                page = await self.books.asked(self.books.ledger.page(start, size))
                return Page(page.start, page.total, tuple(await self._shown(page.batches)))
            theirs = [b async for b in self._all() if b.owner == caller.user]
        except TransientError as error:
            raise UnavailableError(_AWAY) from error
        begin = max(start, 0)
        return Page(start, len(theirs), tuple(await self._shown(theirs[begin : begin + max(size, 0)])))

    async def _all(self) -> AsyncIterator[Batch]:
        start = 0
        while True:
            page = await self.books.asked(self.books.ledger.page(start, CHUNK))
            for batch in page.batches:
                yield batch
            start += CHUNK
            if start >= page.total or not page.batches:
                return

    async def _numbered(self, number: int) -> Shown | None:
        shown = self.board.recall(number)
        if shown is None and 0 < number <= MAX_BATCH_ID:
            try:
                batch = await self.books.asked(self.books.ledger.read(number))
            except TransientError as error:
                raise UnavailableError(_AWAY) from error
            if batch is not None:
                await self._shown([batch])
                shown = self.board.recall(number)
        return shown if shown is not None and shown.batch.listed else None

    async def _shown(self, batches: Sequence[Batch]) -> list[Shown]:
        """As they are shown now, with the lines kept of those that were not in memory, which then are."""
        missing = [b.id for b in batches if self.board.entry(b.id) is None]
        try:
            logs = await self.books.asked(self.books.ledger.logs(missing)) if missing else {}
        except TransientError as error:
            raise UnavailableError(_AWAY) from error
        shown: list[Shown] = []
        for batch in batches:
            entry = self.board.keep(batch)
            if batch.id in logs and not entry.log and logs[batch.id].tails:
                last = logs[batch.id].tails[-1]
                entry.log = last.lines[-LOG_SHOWN:] if last.attempt == batch.last.number else ()
            shown.append(self.board.recall(batch.id) or Shown(batch))
        return shown
