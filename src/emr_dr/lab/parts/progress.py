"""How a fetch tells what it is doing: a small protocol, a silent one, and a live display for terminals."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)
from rich.progress import (
    Progress as RichProgress,
)


class Progress(Protocol):
    """Told about each part from several threads at once; must not raise and must not be slow."""

    def begin(self, part: str, total_bytes: int) -> None:
        """`part` is being fetched; it is `total_bytes` long, or 0 where that is not known."""

    def advance(self, part: str, downloaded_bytes: int) -> None:
        """So many more bytes of `part` are here."""

    def finish(self, part: str) -> None:
        """`part` is complete and verified."""


class QuietProgress:
    """Says nothing."""

    def begin(self, part: str, total_bytes: int) -> None:
        """Ignore it."""

    def advance(self, part: str, downloaded_bytes: int) -> None:
        """Ignore it."""

    def finish(self, part: str) -> None:
        """Ignore it."""


class DisplayedProgress:
    """One bar a part, on a rich display."""

    def __init__(self, bars: RichProgress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def begin(self, part: str, total_bytes: int) -> None:
        """Show a bar; one that pulses where the size is not known."""
        self._tasks[part] = self._bars.add_task(part, total=total_bytes or None)

    def advance(self, part: str, downloaded_bytes: int) -> None:
        """Move the bar."""
        self._bars.advance(self._tasks[part], downloaded_bytes)

    def finish(self, part: str) -> None:
        """Fill the bar."""
        task = self._tasks[part]
        total = next(shown.total for shown in self._bars.tasks if shown.id == task)
        self._bars.update(task, total=total or 1, completed=total or 1)


@contextmanager
def progress_display(console: Console | None = None) -> Iterator[Progress]:
    """Show bars on `console` (standard error by default) until the block ends."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeElapsedColumn(),
    )
    with RichProgress(*columns, console=console or Console(stderr=True)) as bars:
        yield DisplayedProgress(bars)
