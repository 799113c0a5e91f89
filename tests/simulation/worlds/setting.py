"""What one world is like: strategy, limits, delays, controllers and its troubles, all drawn from one source."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from emr_dr.controller.tenure import CLOCK_SKEW, LEASE_SECONDS
from emr_dr.core.group import Placement, Policy, Wanted
from emr_dr.core.verdict import Detection
from emr_dr.lab.memory import Delays

STRATEGIES = (Wanted(1), Wanted(1, 1), Wanted(2))
AZS = ("az-a", "az-b", "az-c")


@dataclass(frozen=True, slots=True)
class HostPlan:
    """One machine that runs a controller.

    Attributes:
        vantage: Two hosts of one vantage are one witness.
        ahead: Seconds by which its clock differs, within what is allowed.
        ticks: A scheduler starts it again and again, each time until nothing is outstanding; else it watches for ever.
    """

    name: str
    vantage: str
    ahead: float
    ticks: bool


@dataclass(frozen=True, slots=True)
class Setting:
    """One world before anything happens in it.

    Attributes:
        troubles: The kinds that may befall it: few of them in each world, so that each world gets deep into a few.
        every: Mean seconds between two troubles.
        lasts: Seconds until troubles end for good.
        dies, stops: How probable it is at each save and each effect that the process dies, or is stopped.
        lags: Seconds for which a new cluster may be missing from the list.
        served: Troubles begin only when the group has all it wants.
    """

    wanted: Wanted
    policy: Policy
    delays: Delays
    detection: Detection
    hosts: tuple[HostPlan, ...]
    troubles: tuple[str, ...]
    every: float
    lasts: float
    dies: float
    stops: float
    lags: float
    served: bool


def draw(rng: Random, troubles: Sequence[str], losses: Sequence[str]) -> Setting:
    """Draw a world from all those that are within reason; most of them lose members in one way at least."""
    lags = rng.choice((0.0, 0.0, rng.uniform(1, 30)))
    delays, detection = _delays(rng), _detection(rng)
    share = rng.uniform(0.05, 0.6)
    befalls = {t for t in troubles if rng.random() < share} | {rng.choice(losses if rng.random() < 0.8 else troubles)}
    return Setting(
        wanted=rng.choice(STRATEGIES),
        policy=_policy(rng, delays, lags),
        delays=delays,
        detection=detection,
        hosts=_hosts(rng),
        troubles=tuple(sorted(befalls)),
        every=rng.choice((rng.uniform(5, 30), rng.uniform(30, 120))),
        lasts=rng.uniform(300, 1100),
        dies=rng.choice((0.0, rng.uniform(0.01, 0.12))),
        stops=rng.choice((0.0, rng.uniform(0.01, 0.12))),
        lags=lags,
        served=rng.random() < 0.7,
    )


def _delays(rng: Random) -> Delays:
    boot = rng.uniform(15, 120)
    return Delays(
        boot=boot,
        address_known=rng.uniform(2, boot),
        ending=rng.uniform(5, 60),
        emr_notices=rng.choice((rng.uniform(20, 120), rng.uniform(120, 600))),
        ec2_notices=rng.uniform(20, 180),
        # A controller looks each second while it waits for these: short ones make more worlds in the same time.
        healthy=rng.uniform(4, 18),
        unhealthy=rng.uniform(4, 18),
        draining=rng.uniform(3, 15),
        proof=rng.uniform(3, 25),
    )


def _detection(rng: Random) -> Detection:
    interval = rng.choice((5.0, 8.0, 10.0, 15.0))
    return Detection(
        interval=interval,
        member_lost=rng.uniform(2 * interval, 6 * interval),
        service_down=rng.uniform(3 * interval, 10 * interval),
        replace_on_service_down=rng.random() < 0.8,
    )


def _policy(rng: Random, delays: Delays, lags: float) -> Policy:
    """Deadlines leave some room over what things take.

    `settle` counts from the look that led to a licence; its save comes at most a lease's length later, and the call at
    most another one later.
    """
    azs = AZS[: rng.choice((2, 2, 3))]
    places = [Placement(f"subnet-{az[-1]}", az, 0, ("m5.xlarge",)) for az in azs]
    if rng.random() < 0.3:
        places += [Placement(f"subnet-{az[-1]}", az, 1, ("r5.xlarge",)) for az in azs]
    return Policy(
        placements=tuple(places),
        settle=lags + rng.uniform(5, 60) + 2 * LEASE_SECONDS + CLOCK_SKEW,
        tries=rng.choice((1, 2, 2, 3)),
        attempts=rng.choice((2, 3, 3, 5)),
        boot=1.4 * delays.boot + rng.uniform(30, 200),
        prove=delays.proof + rng.uniform(40, 200),
        admit=delays.healthy + delays.draining + rng.uniform(40, 200),
        drain=rng.uniform(20, 200),
        probation=rng.uniform(0, 120),
        cooldown=rng.choice((0.0, rng.uniform(30, 600))),
        launches_a_day=rng.choice((5, 12, 30)),
        retire_unconfirmed_after=rng.uniform(120, 1800),
        avoid_for=rng.uniform(60, 1800),
        protect=rng.random() < 0.8,
        stop_work=rng.random() < 0.15,
    )


def _hosts(rng: Random) -> tuple[HostPlan, ...]:
    count = rng.choice((1, 1, 2, 2, 3))
    same_place = rng.random() < 0.3
    return tuple(
        HostPlan(
            name=f"host-{n}",
            vantage="here" if same_place else f"place-{n}",
            ahead=rng.uniform(-CLOCK_SKEW / 2, CLOCK_SKEW / 2) * 0.99,
            ticks=rng.random() < 0.2,
        )
        for n in range(1, count + 1)
    )
