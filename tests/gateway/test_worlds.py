"""Random worlds around gateways at work; `python -m gateway.worlds` lives through as many as one likes."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from emr_dr.core.view import MemberView, Proof, ProofKind, Role
from emr_dr.errors import OutcomeUnknownError, UnreachedError
from emr_dr.ports import Accepted, Declined, PublishedViews
from gateway.town import Town
from gateway.worlds import BrokenError, Planted, Port, Process, lived

SEEDS = (1, 2)
ENOUGH = range(100, 110)
"""Worlds within which a planted fault must be found."""


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_happens_no_batch_is_forgotten_run_twice_at_once_or_mistaken_for_another(seed: int) -> None:
    events = lived(seed)
    assert events["ended success"] > 10


@pytest.mark.long
@pytest.mark.timeout(900)
def test_so_it_is_in_many_worlds() -> None:
    events = sum((lived(seed) for seed in range(1000, 1100)), start=type(lived(1))())
    assert events["rescued"] > 100


class Blaming:
    """A store that calls every fenced member dead: rescue without proof."""

    def __init__(self, store: Port) -> None:
        self._store = store

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    async def views(self, group: str, *, newer_than: int = 0) -> PublishedViews | None:
        published = await self._store.views(group, newer_than=newer_than)
        if published is None:
            return None
        guess = Proof(ProofKind.TERMINATED, 0.0, "it does not answer")
        views = [replace(v, death=v.death or guess) if v.role is Role.FENCED else v for v in published.views]
        return PublishedViews(published.version, tuple(views))


class Hasty(Town):
    """Members whose lost replies are taken for refused connections."""

    async def submit(
        self, member: MemberView, request: Mapping[str, object], *, do_as: str = ""
    ) -> Accepted | Declined:
        try:
            return await super().submit(member, request, do_as=do_as)
        except OutcomeUnknownError as error:
            raise UnreachedError("it did not answer") from error


def _blames(process: Process) -> None:
    process.rescuer.store = Blaming(process.rescuer.store)  # type: ignore[arg-type,assignment]


PLANTED = {
    "rescue without proof": Planted(("submit", "cut", "heal"), 150.0, 0.005, process=_blames),
    "a lost reply is taken for a refused connection": Planted(("submit", "lose_reply"), 100.0, 0.005, town=Hasty),
}


def _lived_until_it_is_found(planted: Planted) -> None:
    for seed in ENOUGH:
        lived(seed, planted)


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_found(name: str) -> None:
    with pytest.raises(BrokenError, match="may still write"):
        _lived_until_it_is_found(PLANTED[name])
