"""Lines of progress as members move, and one line below them that is kept up to date."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from rich.console import Console
from rich.markup import escape

from emr_dr.cli.words import COLOURS, DIFFERS, title
from emr_dr.controller.act import Ending
from emr_dr.controller.journal import effect_name
from emr_dr.controller.loop import Round
from emr_dr.core.group import Group as RecoveryGroup
from emr_dr.core.group import Member
from emr_dr.provision.change import Change


class Progress:
    """Lines as things change, and one line that is kept up to date below them on a terminal."""

    def __init__(self, console: Console, *, quiet: bool) -> None:
        self._console = console
        self._quiet = quiet
        self._before: RecoveryGroup | None = None
        self._verdicts: dict[str, str] = {}
        self._leader = ""
        self._still = False
        self._troubles: frozenset[str] = frozenset()
        self._remarks: set[str] = set()
        self._begun = time.monotonic()
        self._status = console.status("looking", spinner="dots")

    def change(self, change: Change) -> None:
        """Show one change made in the account."""
        self._line(escape(str(change)))

    def round(self, done: Round) -> None:
        """Show what one round changed."""
        if done.observation is None:
            self._idle(done)
            return
        self._still = False
        self._members(done.group)
        for cluster, verdict in done.observation.verdicts.items():
            if verdict.name != self._verdicts.get(cluster, "Healthy") and verdict.name != "Starting":
                self._line(f"{cluster}: [{COLOURS.get(verdict.name, 'white')}]{verdict.name}[/]: {escape(verdict.why)}")
            self._verdicts[cluster] = verdict.name
        for outcome in done.outcomes:
            if outcome.ending is not Ending.DONE:
                self._line(f"{effect_name(outcome.effect)} {outcome.ending}: {escape(outcome.detail)}")
        for trouble in done.observation.troubles:
            if trouble not in self._troubles:
                self._line(f"[magenta]could not see[/] {escape(trouble)}")
        self._troubles = frozenset(done.observation.troubles)
        for remark in done.observation.remarks:
            if remark not in self._remarks:
                self._line(f"[yellow]{DIFFERS}[/]: {escape(remark)}")
        self._remarks.update(done.observation.remarks)
        self._status.update(_headline(done))

    def _idle(self, done: Round) -> None:
        """A round in which nothing was decided; its reason may count seconds down, so it is told when it begins."""
        if done.still:
            if not self._still:
                self._line(f"[magenta]nothing is done[/]: {escape(done.still)}")
        elif done.leader != self._leader:
            self._line(f"another controller leads: {escape(done.leader)}")
        self._still, self._leader = bool(done.still), done.leader
        if done.leader:  # what another one does, as it saves it
            self._members(done.group)

    def _members(self, group: RecoveryGroup) -> None:
        old = {m.number: m for m in self._before.members} if self._before else {}
        for m in group.members:
            was = old.get(m.number)
            if was is None or was.stage is not m.stage:
                self._line(f"{title(m)}: {f'{was.stage} → ' if was else ''}[bold]{m.stage}[/]{_because(m)}")
        for number in sorted(set(old) - {m.number for m in group.members}):
            self._line(f"{title(old[number])}: gone")
        for refusal in group.refusals:
            if self._before is None or refusal not in self._before.refusals:
                self._line(f"[yellow]not now[/]: {escape(refusal)}")
        self._before = group

    def _line(self, text: str) -> None:
        if not self._quiet:
            self._console.print(
                f"[dim]{time.monotonic() - self._begun:6.1f}s[/] {text}", highlight=False, soft_wrap=True
            )

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Keep the terminal free for a question."""
        self._status.stop()
        yield
        self.__enter__()

    def __enter__(self) -> Self:
        if not self._quiet and self._console.is_terminal:
            self._status.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._status.stop()


def progress(*, quiet: bool) -> Progress:
    """Return a progress display for a `with` block; `quiet` shows nothing, for --json."""
    return Progress(Console(), quiet=quiet)


def _headline(done: Round) -> str:
    stages = ", ".join(f"{title(m)} {m.stage}{_unfinished(m, done)}" for m in done.group.members) or "no member yet"
    return f"{done.group.name} · epoch {done.group.epoch} · {stages}"


def _unfinished(m: Member, done: Round) -> str:
    """How much a draining member is still waited for."""
    seen = done.observation.unfinished if done.observation is not None else {}
    waited_for = seen.get(m.cluster or "", ())
    return f" ({len(waited_for)} unfinished)" if waited_for else ""


def _because(m: Member) -> str:
    return f" ({escape(m.reason)})" if m.reason else ""
