"""What may befall the controllers: their calls, their store, their hosts and their clocks."""

from functools import partial

from emr_dr.controller.tenure import CLOCK_JUMP, LEASE_SECONDS
from simulation.worlds.ground import Ground
from simulation.worlds.process import Host
from simulation.worlds.troubles import Trouble, some_machine

MOST_AHEAD = 900.0
"""Seconds by which a clock is set wrong at most."""


def _spell(ground: Ground) -> float:
    return ground.rng.choice((ground.rng.uniform(5, 60), ground.rng.uniform(60, 300)))


def _weather(ground: Ground, name: str, value: object, usual: object) -> float:
    """Have the weather change for a while."""
    seconds = _spell(ground)
    setattr(ground.weather, name, value)
    ground.later(seconds, lambda: setattr(ground.weather, name, usual))
    return seconds


def _aws_down(ground: Ground) -> str:
    return f"AWS does not answer for {_weather(ground, 'aws_down', value=True, usual=False):.0f} s"


def _denied(ground: Ground) -> str:
    return f"our credentials are not good for {_weather(ground, 'denied', value=True, usual=False):.0f} s"


def _throttled(ground: Ground) -> str:
    share = ground.rng.uniform(0.1, 0.9)
    return f"AWS throttles {share:.0%} for {_weather(ground, 'throttled', share, 0.0):.0f} s"


def _replies_lost(ground: Ground) -> str:
    share = ground.rng.uniform(0.2, 1.0)
    return f"{share:.0%} of replies get lost for {_weather(ground, 'lost', share, 0.0):.0f} s"


def _slow(ground: Ground) -> str:
    most = ground.rng.uniform(0.5, 4.5)
    return f"calls take up to {most:.1f} s each way for {_weather(ground, 'slow', most, 0.0):.0f} s"


def _store_down(ground: Ground) -> str:
    return f"the store is down for {_weather(ground, 'store_down', value=True, usual=False):.0f} s"


def _store_locked(ground: Ground) -> str:
    share = ground.rng.uniform(0.1, 0.8)
    return f"the store is locked at {share:.0%} for {_weather(ground, 'locked', share, 0.0):.0f} s"


def _torn(ground: Ground) -> str:
    share = ground.rng.uniform(0.2, 0.9)
    return f"{share:.0%} of calls miss a target group for {_weather(ground, 'torn', share, 0.0):.0f} s"


def _unrouted(ground: Ground) -> str:
    if (machine := some_machine(ground)) is None:
        return ""
    ground.nature.unrouted[machine.address] = ground.clock.now()
    seconds = _spell(ground)
    ground.later(seconds, partial(_routed, ground, machine.address))
    return f"the balancer does not reach {machine.address} for {seconds:.0f} s"


def _routed(ground: Ground, address: str) -> None:
    ground.nature.unrouted.pop(address, None)


def _misled(ground: Ground) -> str:
    """The balancer sends clients elsewhere than its API says."""
    if (machine := some_machine(ground)) is None:
        return ""
    ground.nature.front_leads_to = machine.address
    seconds = _spell(ground)
    ground.later(seconds, partial(setattr, ground.nature, "front_leads_to", ""))
    return f"the balancer leads to {machine.address} for {seconds:.0f} s"


def _path_cut(ground: Ground) -> str:
    if (machine := some_machine(ground)) is None:
        return ""
    hosts = [h for h in ground.hosts if ground.rng.random() < 0.7] or ground.hosts[:1]
    seconds = _spell(ground)
    for host in hosts:
        host.hidden.add(machine.address)
        ground.later(seconds, partial(host.hidden.discard, machine.address))
    return f"{_names(hosts)} do not reach {machine.address} for {seconds:.0f} s"


def _isolated(ground: Ground) -> str:
    host, seconds = ground.rng.choice(ground.hosts), _spell(ground)
    host.isolated = True
    host.cut_from_aws = ground.rng.random() < 0.5
    ground.later(seconds, partial(_joined, host))
    return f"{host.plan.name} reaches nobody for {seconds:.0f} s{', nor AWS' if host.cut_from_aws else ''}"


def _joined(host: Host) -> None:
    host.isolated = host.cut_from_aws = False


def _killed(ground: Ground) -> str:
    host = ground.rng.choice(ground.hosts)
    if host.life is None or host.life.dead:
        return ""
    host.life.kill()
    return f"{host.plan.name} kills its controller"


def _stopped(ground: Ground) -> str:
    host = ground.rng.choice(ground.hosts)
    if host.life is None or host.life.dead:
        return ""
    host.life.stop(_spell(ground))
    return f"{host.plan.name} stops its controller"


def _asked_to_end(ground: Ground) -> str:
    host = ground.rng.choice(ground.hosts)
    if host.life is None or host.life.dead:
        return ""
    host.life.stopping = True
    return f"{host.plan.name} asks its controller to end"


def _all_down(ground: Ground) -> str:
    seconds = ground.rng.uniform(20, 300)
    for host in ground.hosts:
        host.down = True
        if host.life is not None:
            host.life.kill()
        ground.later(seconds, partial(setattr, host, "down", False))
    return f"no controller runs for {seconds:.0f} s"


def _clock_set(ground: Ground) -> str:
    """With others beside it, a clock is put right before its host decides again: leases hang on clocks that agree."""
    host = ground.rng.choice(ground.hosts)
    if host.clock.ahead != host.plan.ahead:
        return ""
    size = ground.rng.choice((ground.rng.uniform(CLOCK_JUMP + 1, 20), ground.rng.uniform(20, MOST_AHEAD)))
    jump = ground.rng.choice((-size, size))
    alone = len(ground.hosts) == 1
    seconds = ground.rng.uniform(5, 600 if alone else LEASE_SECONDS - 10)
    host.clock.ahead += jump
    host.clock_wrong = not alone
    ground.later(seconds, partial(_right, host))
    return f"the clock of {host.plan.name} is set by {jump:+.0f} s for {seconds:.0f} s"


def _right(host: Host) -> None:
    host.clock.ahead, host.clock_wrong = host.plan.ahead, False


def _names(hosts: list[Host]) -> str:
    return ", ".join(h.plan.name for h in hosts)


OF_CONTROLLERS = {
    "AWS down": Trouble(_aws_down),
    "denied": Trouble(_denied, 0.5),
    "AWS throttles": Trouble(_throttled),
    "replies lost": Trouble(_replies_lost),
    "torn": Trouble(_torn),
    "unrouted": Trouble(_unrouted),
    "slow": Trouble(_slow),
    "store down": Trouble(_store_down),
    "store locked": Trouble(_store_locked),
    "misled": Trouble(_misled, 0.5),
    "path cut": Trouble(_path_cut, 2),
    "isolated": Trouble(_isolated),
    "killed": Trouble(_killed, 2),
    "stopped": Trouble(_stopped, 2),
    "asked to end": Trouble(_asked_to_end),
    "all down": Trouble(_all_down, 0.5),
    "clock set": Trouble(_clock_set),
}
