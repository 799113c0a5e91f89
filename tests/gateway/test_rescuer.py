"""Rescue under a lease: one gateway acts, on proof alone, and whoever follows it finds what it left."""

from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from emr_dr.core.batch import Batch, RescueClass, ShownState, SubmitState
from emr_dr.core.rescue import Holding, Refusal
from emr_dr.core.view import Proof, ProofKind
from emr_dr.errors import OutcomeUnknownError, PermanentError, TransientError
from emr_dr.gateway.cleaning import clean
from emr_dr.gateway.counters import Counters
from emr_dr.gateway.metrics import Metrics
from emr_dr.gateway.rescuer import Rescuer
from emr_dr.gateway.turn import LEASE_SECONDS, MARGIN, Turn
from emr_dr.ports import LogTail
from emr_dr.spec.gateway import Rescue
from emr_dr.stores import MemoryLedger, MemoryStore
from gateway.memory import MemoryBatches
from gateway.scenes import TERMINATED, new, publish, read, running, sent_on
from gateway.town import GROUP, ManualClock, Town, out, view

A, B = view("j-1"), view("j-2")
DEAD = replace(out(A), death=TERMINATED)


class World:
    """Two members, a store, a ledger, and as many gateways' rescuers as a story needs."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.store = MemoryStore()
        self.ledger = MemoryLedger()
        self.town = Town("j-1", "j-2")

    def rescuer(self, holder: str = "g-1", ledger: MemoryLedger | None = None, **settings: object) -> Rescuer:
        rules = Rescue.model_validate(settings)
        return Rescuer(GROUP, holder, self.store, ledger or self.ledger, self.clock, rules)

    async def lose(self, *, proof: Proof | None = TERMINATED) -> None:
        if proof is not None:
            self.town.sites["j-1"].end()
        await publish(self.store, replace(out(A), death=proof), B)


@pytest.fixture
async def world() -> World:
    world = World()
    await publish(world.store, A, B)
    return world


class TestOneRound:
    async def test_all_unfinished_batches_of_a_dead_member_go_on_or_end_in_order_of_their_numbers(
        self, world: World
    ) -> None:
        first, _ = await running(world.ledger, world.town.sites["j-1"])
        second, _ = await running(world.ledger, world.town.sites["j-1"], RescueClass.NEVER)
        third, _ = await running(world.ledger, world.town.sites["j-1"], RescueClass.CHECKPOINTED)
        elsewhere, _ = await running(world.ledger, world.town.sites["j-2"])
        await world.lose()
        rescuer = world.rescuer()
        with capture_logs() as logs:
            await rescuer.round()
        told = [(line["event"], line["batch"]) for line in logs if "batch" in line]
        assert told == [("batch_rescued", 1), ("batch_not_rescued", 2), ("batch_rescued", 3)]
        assert [b.id for b in await world.ledger.unfinished("")] == [first.id, third.id]
        assert (await read(world.ledger, second)).shown is ShownState.DEAD
        assert (await read(world.ledger, elsewhere)) == elsewhere
        numbers = rescuer.counts.numbers()
        assert (numbers["rescued"], numbers["rescue_refused_never"], numbers["rescue_lease"]) == (2, 1, 1)

    async def test_a_second_round_has_nothing_left_to_do_and_says_nothing_more(self, world: World) -> None:
        batch, _ = await running(world.ledger, world.town.sites["j-1"])
        await world.lose()
        rescuer = world.rescuer()
        await rescuer.round()
        with capture_logs() as logs:
            await rescuer.round()
        assert (logs, len((await read(world.ledger, batch)).attempts)) == ([], 2)

    async def test_the_client_reads_in_the_log_why_it_was_not_run_again(self, world: World) -> None:
        batch, _ = await running(world.ledger, world.town.sites["j-1"], RescueClass.NEVER)
        await world.ledger.keep_log(batch.id, LogTail(1, 300, ("line 299", "line 300")))
        await world.lose()
        await world.rescuer().round()
        page = (await world.ledger.logs([batch.id]))[batch.id].page(-1, 10)
        assert page.total == 301
        assert page.lines[0] == "line 299"
        assert page.lines[-1].startswith("emr-dr: cluster lost; not retry-safe: it may have run")

    async def test_one_batch_that_the_ledger_will_not_change_holds_up_no_other(self, world: World) -> None:
        class Stubborn(MemoryLedger):
            async def save(self, batch: Batch) -> Batch:
                if batch.id == 1 and len(batch.attempts) > 1:
                    raise PermanentError("no")
                return await super().save(batch)

        world.ledger = Stubborn()
        first, _ = await running(world.ledger, world.town.sites["j-1"])
        second, _ = await running(world.ledger, world.town.sites["j-1"])
        await world.lose()
        rescuer = world.rescuer()
        with capture_logs() as logs:
            await rescuer.round()
            await rescuer.round()
        assert len((await read(world.ledger, second)).attempts) == 2
        assert len((await read(world.ledger, first)).attempts) == 1
        assert [line["event"] for line in logs].count("rescue_refused_by_ledger") == 1
        assert rescuer.counts.numbers()["rescue_held_refused"] == 1


class TestWithoutProof:
    async def test_a_member_that_ec2_never_confirms_is_waited_for_until_a_person_releases_it(
        self, world: World
    ) -> None:
        batch, app = await running(world.ledger, world.town.sites["j-1"])
        never, _ = await running(world.ledger, world.town.sites["j-1"], RescueClass.NEVER)
        world.town.sites["j-1"].cut = True
        await publish(world.store, out(A), B)
        rescuer = world.rescuer()
        with capture_logs() as logs:
            for _ in range(100):
                await rescuer.round()
                await world.clock.sleep(60.0)
        assert [await read(world.ledger, b) for b in (batch, never)] == [batch, never]
        assert rescuer.counts.numbers()["rescue_held_no_proof"] == 2
        said = [line for line in logs if line["event"] == "rescue_waits"]
        assert [line["why"] for line in said] == [
            "j-1 is fenced, and nothing proves that it is dead: what runs there is not run elsewhere"
        ]
        await publish(world.store, replace(out(A), death=Proof(ProofKind.PERSON, world.clock.now(), "ann")), B)
        await rescuer.round()
        assert len((await read(world.ledger, batch)).attempts) == 2
        assert (await read(world.ledger, never)).shown is ShownState.DEAD
        assert rescuer.counts.numbers()["rescue_held_no_proof"] == 0
        assert rescuer.counts.losses["j-1"].proof_seconds == pytest.approx(6000.0)
        assert app.state == "RUNNING", "only a person knew better"

    async def test_a_gateway_that_is_cut_off_from_everything_rescues_nothing(self, world: World) -> None:
        batch, _ = await running(world.ledger, world.town.sites["j-1"])
        rescuer = world.rescuer()
        await rescuer.round()
        world.town.blind = True
        for _ in range(20):
            await rescuer.round()
            assert not await clean(A, GROUP, world.ledger, world.town, world.clock)
            await world.clock.sleep(60.0)
        assert await read(world.ledger, batch) == batch
        assert rescuer.counts.numbers()["rescued"] == 0

    async def test_batches_on_a_cluster_that_nobody_publishes_are_told_and_left_alone(self, world: World) -> None:
        stranger = (await world.ledger.create(new(cluster="j-9"))).batch
        rescuer = world.rescuer()
        with capture_logs() as logs:
            await rescuer.round()
        assert "j-9 is not among the members" in next(line["why"] for line in logs if line["event"] == "rescue_waits")
        assert await read(world.ledger, stranger) == stranger


class TestTombstones:
    async def test_a_batch_deleted_during_a_recovery_is_never_attempted_again(self, world: World) -> None:
        batch, _ = await running(world.ledger, world.town.sites["j-1"])
        world.town.sites["j-1"].cut = True
        await publish(world.store, out(A), B)
        rescuer = world.rescuer()
        await rescuer.round()
        await world.ledger.save(batch.deleted())
        await world.lose()
        await rescuer.round()
        kept = await read(world.ledger, batch)
        assert (len(kept.attempts), kept.shown, kept.unfinished) == (1, ShownState.KILLED, False)
        assert rescuer.counts.refused[Refusal.DELETED] == 1

    async def test_one_deleted_between_the_look_and_the_save_stays_deleted(self, world: World) -> None:
        class Overtaken(MemoryLedger):
            """A client deletes the batch just before it is saved."""

            async def save(self, batch: Batch) -> Batch:
                if len(batch.attempts) > 1:
                    held = await self.read(batch.id)
                    assert held is not None
                    if held.listed:
                        await super().save(held.deleted())
                return await super().save(batch)

        world.ledger = Overtaken()
        batch, _ = await running(world.ledger, world.town.sites["j-1"])
        await world.lose()
        await world.rescuer().round()
        kept = await read(world.ledger, batch)
        assert (len(kept.attempts), kept.listed, kept.unfinished) == (1, False, False)

    async def test_one_deleted_after_the_rescue_is_not_sent(self, world: World) -> None:
        batch, _ = await running(world.ledger, world.town.sites["j-1"])
        await world.lose()
        await world.rescuer().round()
        tombstone = await world.ledger.save((await read(world.ledger, batch)).deleted())
        sent = replace(tombstone.last, submit=SubmitState.SENT, cluster_id="j-2")
        with pytest.raises(PermanentError, match="nothing is sent"):
            await world.ledger.save(tombstone.with_last(sent))


class TestLease:
    async def test_two_gateways_race_on_one_loss_and_each_batch_is_attempted_once_more(self, world: World) -> None:
        batches = [(await running(world.ledger, world.town.sites["j-1"]))[0] for _ in range(5)]
        await world.lose()
        first, second = world.rescuer("g-1"), world.rescuer("g-2")
        for _ in range(3):
            await first.round()
            await second.round()
        assert [len((await read(world.ledger, b)).attempts) for b in batches] == [2] * 5
        assert (first.counts.rescued, second.counts.rescued) == (5, 0)

    async def test_even_if_both_believe_in_their_lease(self, world: World) -> None:
        class Generous(MemoryStore):
            async def take_lease(self, name: str, holder: str, *, now: float, seconds: float):  # type: ignore[no-untyped-def]  # noqa: ANN202
                return await super().take_lease(f"{name}/{holder}", holder, now=now, seconds=seconds)

        world.store = Generous()
        batches = [(await running(world.ledger, world.town.sites["j-1"]))[0] for _ in range(5)]
        await world.lose()
        first, second = world.rescuer("g-1"), world.rescuer("g-2")
        await first.round()
        await second.round()
        assert [len((await read(world.ledger, b)).attempts) for b in batches] == [2] * 5
        assert first.counts.rescued + second.counts.rescued == 5

    async def test_whoever_was_stopped_too_long_does_not_act_when_it_wakes_up(self, world: World) -> None:
        sleeper, other = world.rescuer("g-1"), world.rescuer("g-2")
        await sleeper.round()
        await world.clock.sleep(LEASE_SECONDS + 1)
        await other.round()
        batch, _ = await running(world.ledger, world.town.sites["j-1"])
        await world.lose()
        await sleeper.round()
        assert (sleeper.counts.holds, len((await read(world.ledger, batch)).attempts)) == (False, 1)
        await other.round()
        assert len((await read(world.ledger, batch)).attempts) == 2

    async def test_it_stops_in_the_middle_when_the_lease_is_lost_and_the_next_holder_goes_on(
        self, world: World
    ) -> None:
        class Stopped(MemoryLedger):
            """The process stands still for a minute after its second save, and somebody else leads meanwhile."""

            saves = 0

            async def save(self, batch: Batch) -> Batch:
                saved = await super().save(batch)
                if batch.attempts[0].proof is not None:
                    Stopped.saves += 1
                    if Stopped.saves == 2:
                        await world.clock.sleep(LEASE_SECONDS + 1)
                        await other.round()
                return saved

        world.ledger = Stopped()
        batches = [(await running(world.ledger, world.town.sites["j-1"]))[0] for _ in range(4)]
        await world.lose()
        sleeper, other = world.rescuer("g-1"), world.rescuer("g-2")
        await sleeper.round()
        assert (sleeper.counts.rescued, other.counts.rescued) == (2, 2)
        assert [len((await read(world.ledger, b)).attempts) for b in batches] == [2] * 4

    async def test_a_wall_clock_that_is_set_back_does_not_make_the_lease_longer(self, world: World) -> None:
        class TwoHands(ManualClock):
            back = 0.0

            def now(self) -> float:
                return self.time - self.back

        world.clock = clock = TwoHands()
        rescuer = world.rescuer("g-1")
        await rescuer.round()
        clock.back = 3600.0
        await clock.sleep(LEASE_SECONDS - MARGIN + 1)
        assert not rescuer._turn.ours  # noqa: SLF001 - what the rounds go by

    async def test_given_back_the_lease_is_the_next_ones_at_once(self, world: World) -> None:
        first, second = world.rescuer("g-1"), world.rescuer("g-2")
        await first.round()
        await first.close()
        await second.round()
        assert (second.counts.holds, second.counts.numbers()["rescue_lease"]) == (True, 1)

    async def test_without_the_lease_the_store_is_not_asked_for_it_every_second(self, world: World) -> None:
        class Counting(MemoryStore):
            asked = 0

            async def take_lease(self, name: str, holder: str, *, now: float, seconds: float):  # type: ignore[no-untyped-def]  # noqa: ANN202
                Counting.asked += holder == "g-2"
                return await super().take_lease(name, holder, now=now, seconds=seconds)

        world.store = Counting()
        await publish(world.store, A)
        first, second = world.rescuer("g-1"), world.rescuer("g-2")
        for _ in range(20):
            await first.round()
            await second.round()
            await world.clock.sleep(1.0)
        assert Counting.asked <= 5


class Careless(Turn):
    """Believes that it is always its turn."""

    async def hold(self) -> bool:
        return True


@pytest.mark.parametrize("careless", [False, True])
async def test_the_lease_is_what_keeps_two_gateways_within_a_minutes_worth(world: World, careless: bool) -> None:
    for _ in range(6):
        await running(world.ledger, world.town.sites["j-1"])
    await world.lose()
    first, second = world.rescuer("g-1", a_minute=2), world.rescuer("g-2", a_minute=2)
    if careless:
        second._turn = Careless("rescue/etl", "g-2", world.store, world.clock, term=1)  # noqa: SLF001 - a planted fault
        second._seeded = 1  # noqa: SLF001
    for _ in range(30):
        await first.round()
        await second.round()
        await world.clock.sleep(1.0)
    assert (len(await world.ledger.unfinished("")) > 2) is careless


class TestLimits:
    async def test_beyond_a_minutes_worth_they_wait_for_the_next_minute(self, world: World) -> None:
        batches = [(await running(world.ledger, world.town.sites["j-1"]))[0] for _ in range(5)]
        await world.lose()
        rescuer = world.rescuer(a_minute=2)
        rescued = []
        for _ in range(13):
            await rescuer.round()
            rescued.append(sum([len((await read(world.ledger, b)).attempts) > 1 for b in batches]))
            await world.clock.sleep(10.0)
        assert rescued == [2] * 6 + [4] * 6 + [5]

    async def test_the_next_holder_knows_what_the_former_one_spent(self, world: World) -> None:
        for _ in range(5):
            await running(world.ledger, world.town.sites["j-1"])
        await world.lose()
        first, second = world.rescuer("g-1", a_minute=2), world.rescuer("g-2", a_minute=2)
        await first.round()
        await world.clock.sleep(LEASE_SECONDS)
        await second.round()
        assert (first.counts.rescued, second.counts.rescued) == (2, 0)
        assert second.counts.held["j-1"][Holding.RATE] == 3
        await world.clock.sleep(60.0 - LEASE_SECONDS)
        await second.round()
        assert second.counts.rescued == 2

    async def test_with_the_kill_switch_on_nothing_is_run_again(self, world: World) -> None:
        batch, _ = await running(world.ledger, world.town.sites["j-1"])
        await world.lose()
        rescuer = world.rescuer(mode="off")
        await rescuer.round()
        assert (await read(world.ledger, batch)).shown is ShownState.DEAD
        assert rescuer.counts.refused[Refusal.OFF] == 1


class TestAway:
    @pytest.mark.parametrize("kept", [True, False])
    async def test_a_save_whose_reply_was_lost_is_counted_as_what_the_ledger_says(
        self, world: World, kept: bool
    ) -> None:
        class Losing(MemoryLedger):
            lose = True

            async def save(self, batch: Batch) -> Batch:
                if not (Losing.lose and len(batch.attempts) > 1):
                    return await super().save(batch)
                Losing.lose = False
                if kept:
                    await super().save(batch)
                raise OutcomeUnknownError("the ledger did not answer")

        world.ledger = Losing()
        batch, _ = await running(world.ledger, world.town.sites["j-1"])
        await world.lose()
        rescuer = world.rescuer()
        with capture_logs() as logs:
            with pytest.raises(TransientError):
                await rescuer.round()
            await rescuer.round()
        assert [line["event"] for line in logs].count("batch_rescued") == 1
        assert (rescuer.counts.rescued, len((await read(world.ledger, batch)).attempts)) == (1, 2)

    async def test_while_store_or_ledger_is_away_it_waits_and_says_so_once(self, world: World) -> None:
        class Away(MemoryLedger):
            away = True

            async def unfinished(self, cluster_id: str | None = None):  # type: ignore[no-untyped-def]  # noqa: ANN202
                if Away.away:
                    raise TransientError("locked", where="ledger")
                return await super().unfinished(cluster_id)

        class Stop(Exception):  # noqa: N818
            """The story is over."""

        class Ending(ManualClock):
            async def sleep(self, seconds: float) -> None:
                await super().sleep(seconds)
                Away.away = self.time < 1010.0
                if self.time > 1020.0:
                    raise Stop

        world.clock, world.ledger = Ending(), Away()
        batch, _ = await running(world.ledger, world.town.sites["j-1"])
        await world.lose()
        with capture_logs() as logs, pytest.raises(Stop):
            await world.rescuer().run()
        assert [line["event"] for line in logs].count("rescue_interrupted") == 1
        assert len((await read(world.ledger, batch)).attempts) == 2


class TestTimes:
    async def test_the_time_to_the_proof_is_told_apart_from_the_time_to_the_second_submission(
        self, world: World
    ) -> None:
        batch, _ = await running(world.ledger, world.town.sites["j-1"])
        other, _ = await running(world.ledger, world.town.sites["j-1"])
        await publish(world.store, out(A), B)
        rescuer = world.rescuer()
        rescuer.answered = {"j-1": 995.0}.__getitem__
        await rescuer.round()
        await world.clock.sleep(300.0)
        await world.lose(proof=replace(TERMINATED, at=1290.0))
        await rescuer.round()
        await sent_on(world.ledger, batch.id, world.town.sites["j-2"], at=1302.0)
        await rescuer.round()
        with capture_logs() as logs:
            await sent_on(world.ledger, other.id, world.town.sites["j-2"], at=1305.0)
            await rescuer.round()
            await rescuer.round()
        (line,) = [line for line in logs if line["event"] == "rescue_finished"]
        assert (line["proof_seconds"], line["rescue_seconds"], line["rescued"]) == (295.0, 15.0, 2)
        [entry] = await world.store.journal(GROUP)
        assert (entry.event, entry.detail["proof_seconds"], entry.detail["closed"]) == ("rescue_finished", 295.0, 0)


async def test_metrics_tell_what_was_rescued_refused_and_how_long_it_took(world: World) -> None:
    batch, _ = await running(world.ledger, world.town.sites["j-1"])
    await running(world.ledger, world.town.sites["j-1"], RescueClass.NEVER)
    await publish(world.store, out(A), B)
    rescuer = world.rescuer()
    await rescuer.round()
    await world.clock.sleep(300.0)
    await world.lose(proof=replace(TERMINATED, at=1290.0))
    await rescuer.round()
    await sent_on(world.ledger, batch.id, world.town.sites["j-2"], at=1302.0)
    await rescuer.round()
    told = Metrics(MemoryBatches(), Counters(), world.clock.now, rescuer.counts).answer().body.decode()
    assert "emr_dr_batches_rescued_total 1.0" in told
    assert 'emr_dr_rescues_refused_total{reason="never"} 1.0' in told
    assert 'emr_dr_loss_proof_seconds{cluster="j-1"} 290.0' in told
    assert 'emr_dr_loss_rescue_seconds{cluster="j-1"} 12.0' in told
