"""Clients that submit at a steady rate and poll their batches to the end, and what they are told meanwhile."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

ENDED = frozenset({"success", "dead", "killed", "error"})
SUBMIT_SECONDS = 30.0
"""Deadline of one submission."""
POLL_SECONDS = 5.0
"""Deadline of one poll."""
AGAIN_SECONDS = 0.25
KEY = "X-Emr-Dr-Idempotency-Key"


@dataclass(frozen=True, slots=True)
class Pace:
    """How much is asked.

    Attributes:
        rate: Submissions a second.
        seconds: How long there are any.
        job_seconds: How long each job takes; every other one fails.
        every: Seconds between two polls of one client.
        patience: Seconds without a 200 after which a client gives up.
    """

    rate: float = 20.0
    seconds: float = 30.0
    job_seconds: float = 4.0
    every: float = 1.0
    patience: float = 60.0


@dataclass
class Task:
    """One job as its client sees it.

    Attributes:
        fails: What becomes of it if nobody disturbs it.
        accepted_at: When its number was told, by the monotonic clock; None if it was refused.
        took: Seconds until the submission was answered.
        refusal: How it was refused.
        repeated: How often it was submitted again for want of an answer.
        right, missing, others, silent: Polls answered about this batch, with 404, about another one, and not with 200.
        told: The state with which its client took it for ended.
        told_of: The batch of which that was said.
    """

    name: str
    fails: bool
    number: int | None = None
    accepted_at: float | None = None
    took: float = 0.0
    refusal: str = ""
    repeated: int = 0
    right: int = 0
    missing: int = 0
    others: int = 0
    silent: int = 0
    told: str = ""
    told_of: str = ""
    states: list[str] = field(default_factory=list)

    @property
    def wrong_end(self) -> bool:
        """Whether its client was told of an end that is not its own."""
        return bool(self.told) and (self.told_of != self.name or (self.told == "success") is self.fails)


class Clients:
    """All of them, at one address; each request on a connection of its own, as curl and deferrable triggers do.

    With `again`, a submission without an answer is made again with the same idempotency key, until it has one.
    """

    def __init__(self, base: str, pace: Pace, headers: dict[str, str], *, again: bool = False) -> None:
        self.tasks: list[Task] = []
        self._again = again
        self._base = base
        self._pace = pace
        self._headers = headers

    async def run(self, deed: Callable[[], Awaitable[None]], after: float) -> dict[str, Any]:
        """Submit and poll, have something happen meanwhile, and return what the clients were told."""
        loop, pace = asyncio.get_running_loop(), self._pace
        connector = aiohttp.TCPConnector(force_close=True, limit=0)
        async with aiohttp.ClientSession(connector=connector) as session, asyncio.TaskGroup() as group:
            begun = loop.time()
            group.create_task(_later(after, deed))
            for turn in range(int(pace.rate * pace.seconds)):
                await asyncio.sleep(begun + turn / pace.rate - loop.time())
                task = Task(f"paced-{turn}", fails=turn % 2 == 1)
                self.tasks.append(task)
                group.create_task(self._live(session, task))
        return counted(self.tasks, begun, begun + pace.seconds)

    async def _live(self, session: aiohttp.ClientSession, task: Task) -> None:
        body = {
            "file": "s3://acme-artifacts/jobs/paced.py",
            "name": task.name,
            "args": [f"seconds={self._pace.job_seconds}", f"outcome={'fail' if task.fails else 'success'}"],
        }
        headers = self._headers | ({KEY: task.name} if self._again else {})
        begun = time.monotonic()
        while True:
            try:
                timeout = aiohttp.ClientTimeout(SUBMIT_SECONDS)
                url = f"{self._base}/batches"
                async with session.post(url, json=body, headers=headers, timeout=timeout) as answer:
                    status, text = answer.status, await answer.text()
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                status, text = 0, type(error).__name__
            if not self._again or status or time.monotonic() > begun + SUBMIT_SECONDS:
                break
            task.repeated += 1
            await asyncio.sleep(AGAIN_SECONDS)  # as a client does that got no answer
        if status != 201:  # noqa: PLR2004 - created
            task.refusal = f"{status} {text[:100]}" if status else text
            return
        task.number, task.accepted_at = int(json.loads(text)["id"]), time.monotonic()
        task.took = task.accepted_at - begun
        await self._follow(session, task)

    async def _follow(self, session: aiohttp.ClientSession, task: Task) -> None:
        patient_until = time.monotonic() + self._pace.patience
        while not task.told and time.monotonic() < patient_until:
            await asyncio.sleep(self._pace.every)  # as a client does between two polls
            try:
                timeout = aiohttp.ClientTimeout(POLL_SECONDS)
                async with session.get(f"{self._base}/batches/{task.number}", timeout=timeout) as answer:
                    status, text = answer.status, await answer.text()
            except (aiohttp.ClientError, TimeoutError, OSError):
                task.silent += 1
                continue
            if status == 404:  # noqa: PLR2004 - not found
                task.missing += 1
            elif status != 200:  # noqa: PLR2004 - fine
                task.silent += 1
            else:
                patient_until = time.monotonic() + self._pace.patience
                _believe(task, json.loads(text))


def _believe(task: Task, batch: dict[str, Any]) -> None:
    """Take what is said for true, as every client does."""
    if batch["name"] == task.name:
        task.right += 1
    else:
        task.others += 1
    if batch["state"] not in task.states[-1:]:
        task.states.append(batch["state"])
    if batch["state"] in ENDED:
        task.told, task.told_of = batch["state"], str(batch["name"])


async def _later(seconds: float, deed: Callable[[], Awaitable[None]]) -> None:
    await asyncio.sleep(seconds)
    await deed()


def counted(tasks: Sequence[Task], begun: float, until: float) -> dict[str, Any]:
    """Return what all clients were told. A gap is a time in which no submission was accepted, though some were made."""
    accepted = sorted([begun, *(t.accepted_at for t in tasks if t.accepted_at is not None and t.accepted_at < until)])
    gaps = [b - a for a, b in zip(accepted, [*accepted[1:], max(until, accepted[-1])], strict=True)]
    refusals: dict[str, int] = {}
    for each in tasks:
        if each.refusal:
            refusals[each.refusal] = refusals.get(each.refusal, 0) + 1
    polls = {kind: sum(getattr(t, kind) for t in tasks) for kind in ("right", "missing", "others", "silent")}
    took = sorted(t.took for t in tasks if t.accepted_at is not None)
    return {
        "submissions": len(tasks),
        "accepted": len(took),
        "refused": sum(refusals.values()),
        "refusals": refusals,
        "repeated": sum(t.repeated for t in tasks),
        "gap_seconds": round(max(gaps), 2),
        "slowest_submit_seconds": round(took[-1], 2) if took else None,
        "polls": polls,
        "wrong_answers": polls["missing"] + polls["others"] + sum(t.wrong_end for t in tasks),
        "ends": {
            "right": sum(bool(t.told) and not t.wrong_end for t in tasks),
            "wrong": sum(t.wrong_end for t in tasks),
            "never_learned": sum(t.accepted_at is not None and not t.told for t in tasks),
        },
        "ran_again": sum("starting" in t.states[t.states.index("running") :] for t in tasks if "running" in t.states),
    }
