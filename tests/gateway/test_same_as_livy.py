"""A real Livy, and a gateway in front of it, are asked the same and answer the same."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from airflow_lines.line import EXAMPLES
from benchmarks.gateway.bed import bed
from benchmarks.gateway.livy import Real, real_cluster
from emr_dr.core.view import MemberView, Role
from gateway.same_requests import Ask, Asker, compared, deletions, questions, submissions

pytestmark = [pytest.mark.lab, pytest.mark.long, pytest.mark.timeout(300)]

NAME = "same"
JOB_SECONDS = 180.0
STUMBLES = "Livy stumbles and says 500; what makes it stumble is the client's mistake, and some clients repeat a 500"
OURS = {
    "GET /ui": "a page of our own",
    "POST /batches null": STUMBLES,
    'POST /batches {"file": ""}': STUMBLES,
    'POST /batches {"file": "", "name": "x"}': STUMBLES,
    'POST /batches {"file": "a", "numExecutors": "two"}': STUMBLES,
    'POST /batches {"file": "a", "numExecutors": 2.5}': STUMBLES,
    'POST /batches {"file": "a", "driverCores": 99999999999}': STUMBLES,
}
"""What is different, and why."""


def view(real: Real) -> MemberView:
    urls = (f"http://{real.address}:8998", f"http://{real.address}:8088")
    return MemberView(real.cluster, 1, 1, "us-east-1a", *urls, Role.SERVING, accepts_new=True)


def ended(*askers: Asker) -> None:
    """Wait until the batches of all have ended, and well."""
    until = time.monotonic() + JOB_SECONDS
    left = [(asker, name) for asker in askers for name in asker.known]
    while left:
        assert time.monotonic() < until, left
        time.sleep(0.5)  # between two looks
        states = {each: each[0].json(f"/batches/{{{each[1]}}}/state")["state"] for each in left}
        assert not {"dead", "killed", "error"} & set(states.values())
        left = [each for each, state in states.items() if state != "success"]


def differences(livy: Asker, gateway: Asker, asked: Sequence[Ask]) -> dict[str, tuple[object, object]]:
    """What the two answer differently, by request."""
    found: dict[str, tuple[object, object]] = {}
    for each in asked:
        one, other = (compared(each, asker.ask(each), asker) for asker in (livy, gateway))
        for part in one:
            if one[part] != other[part]:
                found[f"{each}: {part}"] = (one[part], other[part])
    return found


async def test_a_gateway_answers_as_the_livy_behind_it(tmp_path: Path) -> None:
    with real_cluster(EXAMPLES / "jobs" / "pi.py", {}) as real:
        async with bed(tmp_path, members=0) as town:
            await town.publish(view(real))
            gateway = await town.gateway()
            one, other = Asker(real.address), Asker(gateway.address)

            def story() -> dict[str, tuple[object, object]]:
                found = differences(one, other, submissions(real.file, NAME))
                ended(one, other)
                return found | differences(one, other, [*questions(NAME), *deletions()])

            found = await asyncio.to_thread(story)
    unexpected = {k: v for k, v in found.items() if not any(k.startswith(each) for each in OURS)}
    assert unexpected == {}, "\n".join(f"{k}\n  Livy:    {a}\n  gateway: {b}" for k, (a, b) in unexpected.items())
    assert {each for each in OURS if not any(k.startswith(each) for k in found)} == set(), "no longer different"
