"""What may befall members, zones, AWS and launches: each trouble by its name, and how often it is drawn."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from emr_dr.core.group import Stage
from emr_dr.core.world import EmrState
from emr_dr.lab.memory import Machine
from simulation.worlds.ground import Ground

Begin = Callable[[Ground], str]
"""Has a trouble begin, arranges for its end, and says what it is; empty when there is nothing that it could befall."""


class Trouble(NamedTuple):
    """One kind of trouble and its weight among all."""

    begin: Begin
    weight: float = 1.0


def some_machine(ground: Ground, *, up: bool = False) -> Machine | None:
    """Any of the group's clusters that lives; those that serve are drawn as often as all others together."""
    now = ground.clock.now()
    alive = [m for m in ground.nature.alive(ground.origin) if not up or m.state(now) is EmrState.UP]
    serving = [m for m in alive if m.address in ground.nature.targets]
    chosen = serving if serving and ground.rng.random() < 0.5 else alive
    return ground.rng.choice(chosen) if chosen else None


def _for(ground: Ground) -> float:
    """How long a trouble lasts."""
    return ground.rng.choice((ground.rng.uniform(3, 40), ground.rng.uniform(40, 600)))


def _dies(ground: Ground) -> str:
    if (machine := some_machine(ground)) is None or machine.died_at is not None:
        return ""
    ground.nature.kill(machine.id)
    return f"the machines of {machine.id} die"


def _freezes(ground: Ground) -> str:
    if (machine := some_machine(ground, up=True)) is None:
        return ""
    seconds = _for(ground)
    ground.nature.freeze(machine.id)
    ground.later(seconds, partial(ground.nature.heal, machine.id))
    return f"{machine.id} freezes for {seconds:.0f} s"


def _flaps(ground: Ground) -> str:
    if (machine := some_machine(ground, up=True)) is None:
        return ""
    at, times = 0.0, ground.rng.randint(3, 12)
    for _ in range(times):
        ground.later(at, partial(ground.nature.freeze, machine.id))
        at += ground.rng.uniform(1, 60)
        ground.later(at, partial(ground.nature.heal, machine.id))
        at += ground.rng.uniform(1, 30)
    return f"{machine.id} flaps {times} times in {at:.0f} s"


def _service_fails(ground: Ground) -> str:
    if (machine := some_machine(ground, up=True)) is None:
        return ""
    service, seconds = ground.rng.choice(ground.nature.services), _for(ground)
    fail = ground.rng.choice((ground.nature.freeze, ground.nature.stop_service))
    fail(machine.id, service)
    ground.later(seconds, partial(ground.nature.heal, machine.id, service))
    return f"{service} of {machine.id} fails for {seconds:.0f} s"


def _service_is_unwell(ground: Ground) -> str:
    if (machine := some_machine(ground, up=True)) is None:
        return ""
    service, seconds = ground.rng.choice(ground.nature.services), _for(ground)
    ground.nature.say_unwell(machine.id, service, "it is in safe mode")
    ground.later(seconds, partial(ground.nature.heal, machine.id, service))
    return f"{service} of {machine.id} says for {seconds:.0f} s that it is not well"


def _impaired(ground: Ground) -> str:
    if (machine := some_machine(ground, up=True)) is None:
        return ""
    seconds = _for(ground)
    ground.nature.impaired.add(machine.id)
    ground.later(seconds, partial(ground.nature.impaired.discard, machine.id))
    return f"EC2 calls {machine.id} impaired for {seconds:.0f} s"


def _zone_is_lost(ground: Ground) -> str:
    az = ground.rng.choice(ground.setting.policy.placements).az
    seconds = ground.rng.uniform(60, 900)
    ground.nature.dark.add(az)
    ground.nature.kill_az(az)
    ground.later(seconds, partial(ground.nature.dark.discard, az))
    return f"{az} is lost for {seconds:.0f} s"


def _ended_by_hand(ground: Ground) -> str:
    if (machine := some_machine(ground)) is None:
        return ""
    ground.nature.terminate_by_hand(machine.id)
    return f"a person ends {machine.id}"


def _cloned_by_hand(ground: Ground) -> str:
    """EMR's console copies the tags, the launch number with them."""
    if (machine := some_machine(ground)) is None:
        return ""
    clone = ground.nature.create(machine.number, machine.origin, machine.placement)
    ground.nature.by_hand.add(clone.id)
    return f"a person clones {machine.id}: {clone.id}"


def _stranger(ground: Ground) -> str:
    address = f"10.9.0.{ground.rng.randint(1, 250)}"
    ground.nature.register_by_hand(address)
    return f"a person registers {address}"


def _fenced_by_hand(ground: Ground) -> str:
    kept = ground.store.kept
    known = [m.address for m in kept.group.members if m.address and m.stage is not Stage.SERVING] if kept else []
    if not known:
        return ""
    address = ground.rng.choice(known)
    ground.nature.register_by_hand(address)
    return f"a person registers {address}, which is known"


def _foreign(ground: Ground) -> str:
    seconds, placement = ground.rng.uniform(30, 300), ground.rng.choice(ground.setting.policy.placements)
    other = ground.nature.create(ground.rng.randint(1, 4), "another-store", placement)
    ground.nature.by_hand.add(other.id)
    if ground.rng.random() < 0.5:
        return f"another store of the group's name makes {other.id}"
    ground.nature.register_by_hand(other.address)
    ground.later(seconds, partial(ground.nature.deregister_by_hand, other.address))
    return f"another store makes {other.id} and registers it for {seconds:.0f} s"


def _removed_by_hand(ground: Ground) -> str:
    targets = ground.nature.registered()
    if not targets:
        return ""
    address = ground.rng.choice(targets)
    ground.nature.deregister_by_hand(address)
    return f"a person takes {address} out"


def _no_room(ground: Ground) -> str:
    ground.nature.next_without_room = ground.rng.randint(1, 3)
    return f"EC2 has no room for the next {ground.nature.next_without_room}"


def _full(ground: Ground) -> str:
    place = ground.rng.choice(ground.setting.policy.placements)
    short = (place.subnet, place.types[0])
    seconds = ground.rng.uniform(60, 900)
    ground.nature.full.add(short)
    ground.later(seconds, partial(ground.nature.full.discard, short))
    return f"EC2 has no {short[1]} in {short[0]} for {seconds:.0f} s"


def _boots_fail(ground: Ground) -> str:
    ground.nature.next_fails_to_boot = ground.rng.randint(1, 2)
    return f"the next {ground.nature.next_fails_to_boot} do not boot"


def _boots_hang(ground: Ground) -> str:
    ground.nature.next_hang = ground.rng.randint(1, 2)
    return f"the next {ground.nature.next_hang} stay in STARTING"


def _unfit(ground: Ground) -> str:
    ground.nature.next_unfit = ground.rng.randint(1, 2)
    return f"the next {ground.nature.next_unfit} will fail the proof"


def _differs(ground: Ground) -> str:
    ground.nature.next_differ = 1
    return "the next one is not what is declared"


def _refused(ground: Ground) -> str:
    words = ground.rng.choice(("the quota is used up", "the subnet has no free address", "the role is not there"))
    ground.weather.refusals += [words] * ground.rng.randint(1, 2)
    return f"AWS refuses {len(ground.weather.refusals)} launches: {words}"


def _work(ground: Ground) -> str:
    """Clients reach whoever is a target."""
    serving = [m for a in ground.nature.registered() if (m := ground.nature.at(a)) and m.runs(ground.clock.now())]
    if not serving:
        return ""
    machine, name = ground.rng.choice(serving), f"batch-{ground.rng.randint(1, 10**6)}"
    seconds = _for(ground)
    ground.nature.begin_job(machine.id, name)
    ground.clock.at(ground.clock.now() + seconds, partial(ground.nature.finish_job, machine.id, name))
    return f"{name} runs on {machine.id} for {seconds:.0f} s"


OF_MEMBERS = {
    "dies": Trouble(_dies, 2),
    "freezes": Trouble(_freezes, 3),
    "flaps": Trouble(_flaps),
    "service fails": Trouble(_service_fails, 2),
    "service is unwell": Trouble(_service_is_unwell),
    "impaired": Trouble(_impaired, 0.5),
    "zone is lost": Trouble(_zone_is_lost),
    "ended by hand": Trouble(_ended_by_hand),
    "cloned by hand": Trouble(_cloned_by_hand, 0.5),
    "stranger": Trouble(_stranger),
    "registered by hand": Trouble(_fenced_by_hand, 0.5),
    "another store": Trouble(_foreign, 0.5),
    "removed by hand": Trouble(_removed_by_hand),
    "no room": Trouble(_no_room),
    "full": Trouble(_full),
    "boots fail": Trouble(_boots_fail),
    "boots hang": Trouble(_boots_hang),
    "unfit": Trouble(_unfit),
    "differs": Trouble(_differs, 0.5),
    "refused": Trouble(_refused),
    "work": Trouble(_work, 3),
}
