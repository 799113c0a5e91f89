"""Ledgers and members around which something goes wrong, as a story wants it."""

import asyncio
from typing import Any

from emr_dr.errors import TransientError


class Crash(BaseException):
    """The process is gone. No error of ours, so nothing on the way may swallow it."""


class Life:
    """Counts the effects of a process, and lets it die at one of them, before or after it; the dead do nothing more."""

    def __init__(self, dies_at: int = 0) -> None:
        self.dies_at = dies_at
        self.points: list[str] = []
        self.died = asyncio.Event()

    async def point(self, name: str) -> None:
        if not self.died.is_set():
            self.points.append(name)
            if len(self.points) == self.dies_at:
                self.died.set()
        if self.died.is_set():
            await asyncio.Event().wait()  # nothing of this process goes on, until it is taken away


WRITES = frozenset({"create", "save", "keep_log", "submit", "delete", "kill"})


class Mortal:
    """Any port, whose user may die before or after each of its effects."""

    def __init__(self, port: object, life: Life) -> None:
        self._port = port
        self._life = life

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the port has
        method = getattr(self._port, name)
        if name not in WRITES:
            return method

        async def called(*given: object, **more: object) -> object:
            await self._life.point(f"before {name}")
            try:
                value: object = await method(*given, **more)
            finally:
                await self._life.point(f"after {name}")
            return value

        return called


class Away:
    """Any port that can be away: whatever is asked of it fails, before or after it was done.

    Attributes:
        away: Whether it is.
        fails: How many calls it is still away for.
        answers: How many calls it still answers; None: all.
        loses: Calls whose next reply is lost though they were carried out, by name.
        asked: Names of the calls, in order.
    """

    def __init__(self, port: object) -> None:
        self._port = port
        self.away = False
        self.fails = 0
        self.answers: int | None = None
        self.loses: list[str] = []
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the port has
        method = getattr(self._port, name)

        async def called(*given: object, **more: object) -> object:
            self.asked.append(name)
            self.fails, failing = max(self.fails - 1, 0), self.fails > 0
            if self.answers is not None:
                self.answers, failing = max(self.answers - 1, 0), self.answers == 0
            if self.away or failing:
                raise TransientError("out of reach", where="the test")
            value = await method(*given, **more)
            if name in self.loses:
                self.loses.remove(name)
                raise TransientError("the reply was lost", where="the test")
            return value

        return called


class Hanging:
    """Members of which one hangs: it accepts, and every call to it ends at its deadline."""

    def __init__(self, port: object, cluster: str, seconds: float = 20.0) -> None:
        self._port = port
        self._cluster = cluster
        self._seconds = seconds
        self.hangs = True
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the port has
        method = getattr(self._port, name)

        async def called(*given: Any, **more: object) -> object:  # noqa: ANN401
            if given and getattr(given[0], "cluster_id", "") == self._cluster and self.hangs:
                self.asked.append(name)
                await asyncio.sleep(self._seconds)
                raise TransientError("no answer in time", where=self._cluster)
            return await method(*given, **more)

        return called
