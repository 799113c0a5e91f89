"""Has clients of both kinds submit and poll, before and across the loss of one of two clusters, and counts."""

import os
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.answers.clients import PATIENCE, POLL_SECONDS, TIMEOUT, Asker, ConnectionEach, OneConnection, Task
from benchmarks.answers.pair import CHECKS, LIVY_CONF, Pair, pair

CLIENTS: Mapping[str, Callable[[str], Asker]] = {
    "one connection": OneConnection,
    "a connection each": ConnectionEach,
}
IN_FLIGHT = 3
"""Batches at once: about what two cores bear."""
TASKS = 20
"""In each phase; every other one is a job that fails."""
JOB_SECONDS = 2.0
KILLED_AFTER = 4
"""Submissions of the phase in which one cluster is lost."""


def measure(*, tasks: int = TASKS, options: Sequence[str] = (), told: Callable[[str], None] = print) -> dict[str, Any]:
    """Return what each kind of client was told, by kind and phase; `options` are further ones of `lab up`.

    Each kind has a lab of its own, whose two Livy servers are fresh.
    """
    clients = dict[str, dict[str, Any]]()
    for kind, asker in CLIENTS.items():
        with tempfile.TemporaryDirectory(prefix="emr-dr-answers-") as folder, pair(Path(folder), *options) as both:
            clients[kind] = {}
            for phase, kill in (("before", None), ("across the loss of one", both.kill_one)):
                clients[kind][phase] = seen = _phase(both, asker, tasks, phase.partition(" ")[0], kill)
                told(f"{kind}, {phase}: {seen}")
    return {
        "clients": clients,
        "conditions": {
            "tasks_in_each_phase": tasks,
            "tasks_in_flight": IN_FLIGHT,
            "job_seconds": JOB_SECONDS,
            "poll_seconds": POLL_SECONDS,
            "request_timeout_seconds": TIMEOUT,
            "patience_seconds": PATIENCE,
            "target_group": CHECKS,
            "livy_conf": LIVY_CONF,
            "cores": os.cpu_count(),
        },
    }


def _phase(
    both: Pair, asker: Callable[[str], Asker], count: int, phase: str, kill: Callable[[], None] | None
) -> dict[str, Any]:
    load, begun = os.getloadavg()[0], time.monotonic()
    tasks = [Task(f"{phase}-{number}", succeeds=number % 2 == 0) for number in range(count)]
    submitted = threading.Semaphore(0)
    with ThreadPoolExecutor(IN_FLIGHT + 1) as threads:
        killing = threads.submit(_after, submitted, KILLED_AFTER, kill) if kill is not None else None
        turns = threading.Semaphore(IN_FLIGHT)
        runs = [partial(_one, both, turns, submitted.release, task, asker(both.address)) for task in tasks]
        for each in [threads.submit(run) for run in runs]:
            each.result()
        if killing is not None:
            killing.result()
    return {**counted(tasks), "seconds": round(time.monotonic() - begun, 1), "load": _loads(load)}


def _one(both: Pair, turns: threading.Semaphore, submitted: Callable[[], None], task: Task, asker: Asker) -> None:
    args = ["succeeds" if task.succeeds else "fails", str(JOB_SECONDS)]
    with turns, closing(asker):
        task.run(asker, {"file": both.job, "args": args}, submitted)


def _after(submitted: threading.Semaphore, count: int, deed: Callable[[], None]) -> None:
    for _ in range(count):
        submitted.acquire()
    deed()


def _loads(before: float) -> list[float]:
    return [round(before, 1), round(os.getloadavg()[0], 1)]


def counted(tasks: Sequence[Task]) -> dict[str, Any]:
    """Return how the polls were answered, and with what each client ended."""
    polls = {name: sum(getattr(t, name) for t in tasks) for name in ("right", "unknown", "others", "silent")}
    asked = sum(polls.values())
    return {
        "submissions": len(tasks),
        "submissions_refused": sum(t.refused for t in tasks),
        "polls": asked,
        "polls_by_answer": polls,
        "wrong_polls_percent": round(100 * (polls["unknown"] + polls["others"]) / max(asked, 1), 1),
        "final_states": {
            "own": sum(bool(t.told) and not t.another_jobs for t in tasks),
            "another_jobs": sum(t.another_jobs for t in tasks),
            "opposite_of_the_truth": sum(t.opposite for t in tasks),
            "never_learned": sum(not t.told for t in tasks),
        },
    }
