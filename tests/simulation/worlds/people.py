"""What operators ask for: a switchover, a pause with an end, other counts, and to go on after a hold."""

from collections.abc import Callable
from dataclasses import replace

from emr_dr.core import orders
from emr_dr.core.group import Group, Order, Pause, Stage
from emr_dr.ports import JournalEntry
from simulation.worlds.ground import GROUP, Ground
from simulation.worlds.setting import STRATEGIES
from simulation.worlds.troubles import Trouble

Change = Callable[[Group], Group]


def ask(ground: Ground, event: str, change: Change) -> None:
    """Have a person change the document, if the store lets him: what was saved last, so that nobody is ahead of him."""
    if not ground.weather.store_down:
        ground.spawn(_save(ground, event, change))


async def _save(ground: Ground, event: str, change: Change) -> None:
    document, published = await ground.store.load(GROUP), await ground.store.views(GROUP)
    if document is not None and (group := change(document.group)) != document.group:
        entry = JournalEntry(ground.clock.now(), event, {})
        views = published.views if published is not None else ()
        await ground.store.save(replace(document, group=group), views=views, entries=[entry])


def release(ground: Ground) -> None:
    """Have a held group go on, as `emr-dr release` does."""
    ask(ground, "hold_released", lambda g: orders.released_hold(g) if g.held else g)


def resume(ground: Ground) -> None:
    """Have a pause end at once."""
    ask(ground, "resumed", lambda g: replace(g, pause=None))


def _switchover(ground: Ground) -> str:
    kept = ground.store.kept
    serving = [m.number for m in kept.group.at(Stage.SERVING)] if kept is not None else []
    if not serving:
        return ""
    leaving = ground.rng.choice(serving)
    order = Order(drain=ground.rng.choice((None, 0.0, 30.0)))
    ask(ground, "switchover_asked_for", lambda g: orders.asked_out(g, leaving, order))
    return f"a person asks member {leaving} to hand over, and waits {order.drain} s"


def _failover(ground: Ground) -> str:
    kept = ground.store.kept
    entitled = [m.number for m in kept.group.entitled] if kept is not None else []
    if not entitled:
        return ""
    leaving = ground.rng.choice(entitled)
    ask(ground, "failover_asked_for", lambda g: orders.asked_out(g, leaving, Order(failover=True)))
    return f"a person fails over from member {leaving} by hand"


def _called_off(ground: Ground) -> str:
    if ground.store.kept is None or ground.store.kept.group.leaving is None:
        return ""
    ask(ground, "switchover_called_off", orders.called_off)
    return "a person calls the handover off"


def _pause(ground: Ground) -> str:
    seconds = ground.rng.uniform(10, 300)
    pause = Pause("maintenance", ground.clock.now() + seconds)
    ask(ground, "paused", lambda g: replace(g, pause=pause))
    return f"a person pauses the group for {seconds:.0f} s"


def _counts(ground: Ground) -> str:
    wanted = ground.rng.choice(STRATEGIES)
    ask(ground, "counts_changed", lambda g: replace(g, wanted=wanted))
    return f"a person wants {wanted.serving}+{wanted.standby}"


def _released(ground: Ground) -> str:
    if ground.store.kept is None or not ground.store.kept.group.held:
        return ""
    release(ground)
    return "a person has the group go on"


def _member_released(ground: Ground) -> str:
    kept = ground.store.kept
    fenced = [m.number for m in kept.group.at(Stage.FENCING)] if kept is not None else []
    if not fenced:
        return ""
    number = ground.rng.choice(fenced)

    def freed(g: Group) -> Group:
        members = (replace(m, released=m.stage is Stage.FENCING and m.number == number) for m in g.members)
        return replace(g, members=tuple(members))

    ask(ground, "member_released", freed)
    return f"a person lets member {number} be retired"


OF_PEOPLE = {
    "switchover": Trouble(_switchover),
    "failover": Trouble(_failover, 0.5),
    "member released": Trouble(_member_released, 0.5),
    "called off": Trouble(_called_off, 0.5),
    "pause": Trouble(_pause),
    "counts": Trouble(_counts),
    "hold released": Trouble(_released),
}
