"""Run by Airflow's own Python: has LivyOperators do one job each, all at once, and prints how each task ended."""

import asyncio
import json
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from typing import Any
from unittest.mock import MagicMock

from airflow.exceptions import TaskDeferred
from airflow.providers.apache.livy.operators.livy import LivyOperator

try:
    from airflow.sdk.bases.resumablejobmixin import ResumableJobMixin
except ImportError:
    ResumableJobMixin = None  # before 3.3 a retry knows nothing of the try before


class WorkerDiedError(Exception):
    """The worker that polled is gone."""


class State:
    """What Airflow keeps for a task between its tries; the worker dies once, right after it was written."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}
        self.deaths = 1

    def get(self, key: str) -> Any:
        """What was kept."""
        return self.kept.get(key)

    def set(self, key: str, value: Any, *_: Any, **__: Any) -> None:
        """Keep it."""
        self.kept[key] = value
        if self.deaths:
            self.deaths -= 1
            raise WorkerDiedError


def done(operator: LivyOperator, mode: str, context: dict[str, Any]) -> Any:
    """Run the task as the worker, and for a deferred one the triggerer, would."""
    if mode == "durable":
        context["task_state_store"] = state = State()
        try:
            operator.execute(context)
        except WorkerDiedError:
            operator.execute(context)
        return state.kept[operator.external_id_key]
    try:
        return operator.execute(context)
    except TaskDeferred as deferred:
        return operator.execute_complete(context, asyncio.run(first(deferred.trigger)))


async def first(trigger: Any) -> dict[str, Any]:
    """The event on which Airflow goes on."""
    async for event in trigger.run():
        return dict(event.payload)
    raise AssertionError


def task(asked: dict[str, Any]) -> dict[str, Any]:
    """Do one task; tell what it returned or raised, and what it pushed for others."""
    ti = MagicMock()
    operator = LivyOperator(
        task_id=asked["task"],
        name=asked["task"],
        file=asked["file"],
        conf=asked["conf"],
        polling_interval=asked["every"],
        extra_headers=asked["headers"],
        deferrable=asked["mode"] == "deferrable",
    )
    try:
        answer = {"returned": done(operator, asked["mode"], {"ti": ti}), "raised": ""}
    except Exception as error:  # noqa: BLE001 - which one is the answer
        answer = {"returned": None, "raised": f"{type(error).__name__}: {error}"}
    pushed = {each.kwargs["key"]: each.kwargs["value"] for each in ti.xcom_push.call_args_list}
    return answer | {"pushed": pushed}


usual: dict[str, Any] = {"every": 1, "headers": {}, "conf": {}}
asked = [usual | each for each in json.loads(sys.argv[2])]
tasks = [each for each in asked if each["mode"] != "durable" or ResumableJobMixin is not None]
with ProcessPoolExecutor(len(tasks), multiprocessing.get_context("fork")) as workers:
    answers = dict(zip((each["task"] for each in tasks), workers.map(task, tasks), strict=True))
sys.stdout.write(f"\n{json.dumps(answers)}\n")
