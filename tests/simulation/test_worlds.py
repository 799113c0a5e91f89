"""Worlds drawn from a seed hold what they must; the same seed is the same world; planted faults are found."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from emr_dr.controller.act import Actor
from emr_dr.controller.tenure import Tenure
from emr_dr.core.document import Document
from emr_dr.core.group import Placement
from emr_dr.core.view import MemberView
from emr_dr.ports import ClusterFacts, Clusters, Difference, JournalEntry
from simulation.worlds.living import Making
from simulation.worlds.stores import WatchedStore
from simulation.worlds.world import run

SEED = 1
TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize("number", range(40))
def test_a_world_holds_what_it_must_and_converges(number: int) -> None:
    result = run(SEED, number)
    again = f"PYTHONPATH=tests python -m simulation.worlds --seed {SEED} --only {number} --story"
    assert result.well, f"{result.wrong or result.unconverged}; see it with: {again}"


@pytest.mark.parametrize("number", [3, 14])
def test_the_same_seed_is_the_same_world_event_by_event(number: int) -> None:
    one, other = run(SEED, number), run(SEED, number)
    assert one.story is not None
    assert other.story is not None
    assert list(one.story.lines()) == list(other.story.lines())
    assert one.digest == other.digest


def test_the_same_seed_is_the_same_world_in_a_process_that_hashes_otherwise() -> None:
    def told(hash_seed: str) -> str:
        command = [sys.executable, "-m", "simulation.worlds", "--seed", str(SEED), "--only", "5"]
        environment = {**os.environ, "PYTHONPATH": str(TESTS), "PYTHONHASHSEED": hash_seed}
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout

    assert told("1") == told("2")
    assert run(SEED, 5).digest in told("1")


class ForgetsItsTenure(Actor):
    """Begins every effect, however little of the lease is left."""

    def _within(self, tenure: Tenure, seconds: float) -> None:
        """Let everything pass."""


class LastWriterWins(WatchedStore):
    """What is saved replaces what is kept, whichever version it was made of."""

    async def save(
        self, document: Document, *, views: Sequence[MemberView] = (), entries: Sequence[JournalEntry] = ()
    ) -> Document:
        version = self.kept.version if self.kept is not None else 0
        return await super().save(replace(document, version=version), views=views, entries=entries)


class IgnoresOrigin:
    """Shows every cluster of the group's name as ours, so that nothing can tell those of another store."""

    def __init__(self, inner: Clusters) -> None:
        self._inner = inner
        self._origin = ""

    async def launch(self, number: int, origin: str, placement: Placement) -> str:
        self._origin = origin
        return await self._inner.launch(number, origin, placement)

    async def find(self) -> Sequence[ClusterFacts]:
        return [self._as_ours(f) for f in await self._inner.find()]

    async def describe(self, cluster_id: str) -> ClusterFacts:
        return self._as_ours(await self._inner.describe(cluster_id))

    async def differences(self, cluster_id: str, placement: Placement) -> Sequence[Difference]:
        return await self._inner.differences(cluster_id, placement)

    async def protect(self, cluster_id: str, *, on: bool) -> None:
        await self._inner.protect(cluster_id, on=on)

    async def terminate(self, cluster_id: str) -> None:
        await self._inner.terminate(cluster_id)

    def _as_ours(self, facts: ClusterFacts) -> ClusterFacts:
        return replace(facts, origin=self._origin) if self._origin else facts


PLANTED = {
    "a controller that forgets its tenure": (Making(actor=ForgetsItsTenure), "B1"),
    "a store in which the last writer wins": (Making(store=LastWriterWins), "I"),
    "ports that ignore origin": (Making(clusters=IgnoresOrigin), "O1"),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_found(fault: str) -> None:
    making, code = PLANTED[fault]
    results = (run(SEED, number, making) for number in range(200))
    assert any(wrong.startswith(code) for result in results for wrong in result.wrong)
