"""The hot path: GET of a batch or its state, answered from memory with bytes that are ready."""

from dataclasses import dataclass

from emr_dr.core.batch import Batch
from emr_dr.gateway.calls import Batches, Shown
from emr_dr.gateway.livy.answers import JSON
from emr_dr.gateway.livy.views import batch_json, metadata, state_json

BATCHES = b"/batches/"
STATE = b"/state"
KEPT = 50_000
"""Answers kept ready; when there are so many, those that were not asked for lately are dropped."""


@dataclass(frozen=True, slots=True)
class Ready:
    """An answer as long as its batch is shown so: headers, an empty line and the body; no status line, no date."""

    number: int
    batch: Batch
    log: tuple[str, ...]
    head: bytes
    body: bytes


class Polls:
    """Answers polls from `Batches.recall` alone: nothing waits, and nothing is rendered twice."""

    def __init__(self, batches: Batches) -> None:
        self._batches = batches
        self._ready: dict[bytes, Ready] = {}
        self._before: dict[bytes, Ready] = {}

    def forget(self) -> None:
        """Drop what was not asked for since this was called last: an answer holds its batch, which may be large."""
        self._before, self._ready = self._ready, {}

    def find(self, path: bytes) -> Ready | None:
        """The answer to a poll by number; None if the path is no such poll, or the batch is not in memory."""
        ready = self._ready.get(path) or self._again(path)
        if ready is not None:
            shown = self._batches.recall(ready.number)
            if shown is None:
                return None
            # By identity: whoever shows something else makes another object of it.
            if shown.batch is ready.batch and shown.log is ready.log:
                return ready
            return self._render(path, shown)
        number = _number(path)
        shown = None if number is None else self._batches.recall(number)
        return None if shown is None else self._render(path, shown)

    def _render(self, path: bytes, shown: Shown) -> Ready | None:
        batch = shown.batch
        if not batch.listed:
            return None
        body = state_json(batch) if path.endswith(STATE) else batch_json(shown)
        told = "".join(f"{name}: {value}\r\n" for name, value in metadata(batch))
        head = f"content-type: {JSON}\r\ncontent-length: {len(body)}\r\n{told}\r\n".encode("ascii")
        ready = Ready(batch.id, batch, shown.log, head, body)
        if len(self._ready) >= KEPT // 2:
            self.forget()
        self._ready[path] = ready
        return ready

    def _again(self, path: bytes) -> Ready | None:
        """Keep an answer that is asked for again."""
        ready = self._before.pop(path, None)
        if ready is not None:
            self._ready[path] = ready
        return ready


def _number(path: bytes) -> int | None:
    """Return the number in a plain path of a poll; whatever is written in another way goes the long way."""
    if not path.startswith(BATCHES):
        return None
    digits = path[len(BATCHES) :].removesuffix(STATE)
    if not digits.isdigit() or len(digits) > 9 or digits.startswith(b"0"):  # noqa: PLR2004 - below 2**31
        return None
    return int(digits)
