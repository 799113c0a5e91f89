"""A real Livy and a stand-in are asked the same and answer the same, so that tests over stand-ins mean something."""

import asyncio
import re
import time
from collections.abc import Sequence

import pytest

from airflow_lines.line import EXAMPLES
from benchmarks.gateway.livy import real_cluster
from emr_dr.lab.standin import LivySettings
from gateway.members import Members
from gateway.same_requests import Ask, Asker, compared, deletions, get, questions, submissions

pytestmark = [pytest.mark.lab, pytest.mark.long, pytest.mark.timeout(300)]

JOB_SECONDS = 180.0
OURS = {"GET /ui": "a page of its own"}
"""What is different, and why."""


def differences(livy: Asker, other: Asker, asked: Sequence[Ask]) -> dict[str, tuple[object, object]]:
    found: dict[str, tuple[object, object]] = {}
    for each in asked:
        one, two = (compared(each, asker.ask(each), asker) for asker in (livy, other))
        for part in sorted({*one, *two}):
            told = [_without_column(answer.get(part)) for answer in (one, two)]
            if told[0] != told[1]:
                found[f"{each}: {part}"] = (told[0], told[1])
    return found


def _without_column(value: object) -> object:
    """Where exactly Jackson stopped depends on how it buffers."""
    return re.sub(r"column: \d+", "column", value) if isinstance(value, str) else value


def ended(*askers: Asker) -> None:
    until = time.monotonic() + JOB_SECONDS
    for asker in askers:
        for name in asker.known:
            while asker.json(f"/batches/{{{name}}}/state")["state"] != "success":
                assert time.monotonic() < until, name
                time.sleep(0.5)  # between two looks


async def test_a_stand_in_answers_as_a_real_livy(members: Members) -> None:
    member = await members.start(settings=LivySettings(absolute_paths=True))
    with real_cluster(EXAMPLES / "jobs" / "pi.py", {}) as real:
        one, other = Asker(real.address), Asker(member.address)

        def story() -> dict[str, tuple[object, object]]:
            found = differences(one, other, submissions(real.file, "same"))
            ended(one, other)
            return found | differences(one, other, [*questions("same"), *deletions(), *get("/batches", exact=False)])

        found = await asyncio.to_thread(story)
    assert {k: v for k, v in found.items() if not any(k.startswith(each) for each in OURS)} == {}
