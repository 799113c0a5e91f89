"""What a decision changes in the document, in words."""

from collections.abc import Iterator

from emr_dr.core.group import Group, Stage
from walk.decisions import moved
from walk.state import called


def changes(was: Group, now: Group) -> Iterator[str]:
    """Say what is different; clusters and launches stand there as in all labels, for a story to name them."""
    for old, m in moved(was, now):
        name = called(m.cluster, m.number)
        if old is None:
            yield f"{name} begins" if m.stage is Stage.LAUNCHING else f"{name} is an orphan, hence {m.stage}"
        else:
            found = f"{called(None, m.number)} is {name}, " if old.cluster is None else f"{name} "
            yield f"{found}goes from {old.stage} to {m.stage}"
    tries = {m.number: m.tries for m in was.members}
    for m in now.members:
        if m.tries > tries.get(m.number, m.tries):
            yield f"{called(m.cluster, m.number)} may be tried again"
    kept = {who for m in now.members for who in ((m.number, m.cluster), (m.number, None))}
    for m in was.members:
        if (m.number, m.cluster) not in kept:
            yield f"{called(m.cluster, m.number)} is forgotten"
    if now.held and not was.held:
        yield "the group is held for a person"
    if was.leaving is not None and now.leaving is None:
        yield "the switchover is done with"
