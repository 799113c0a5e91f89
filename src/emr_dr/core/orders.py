"""What a person may write into the document: pure, so that the walk tries the very writes that verbs make."""

from dataclasses import replace

from emr_dr.core.group import ENDING, Group, Member, Order, Stage, Wanted
from emr_dr.core.standing import move

NOTHING_WANTED = Wanted(0)
"""What a group wants that is destroyed; no strategy wants so little, so it means nothing else."""


def asked_out(group: Group, number: int, order: Order) -> Group:
    """The group with a member that is to leave. A failover overrules a hold, for it is a person who asks."""
    freed = released_hold(group) if order.failover and group.held else group
    return replace(freed, leaving=number, order=order)


def called_off(group: Group) -> Group:
    """The group in which nobody is to leave; who was draining serves on."""
    return replace(group, leaving=None, order=None)


def released_hold(group: Group) -> Group:
    """The group with new attempts, and its failures forgotten."""
    return replace(group, held="", attempts=0, avoid=())


def released(group: Group, member: Member) -> Group:
    """The group in which this fenced member may be retired without evidence."""
    members = (replace(m, released=m.released or m is member) for m in group.members)
    return replace(group, members=tuple(members))


def ended(group: Group, at: float, reason: str) -> Group:
    """The group that wants nobody, with all its members condemned; itself, untouched, if it is so already.

    A launch under way stays: it is awaited, and ended once it is found. A pause or a hold would only keep controllers
    from carrying it out.
    """
    left = [m for m in group.members if m.stage not in (*ENDING, Stage.LAUNCHING)]
    if not left and group.wanted == NOTHING_WANTED and group.pause is None:
        return group
    epoch = group.epoch + (1 if group.entitled else 0)
    members = move(group.members, group.entitled, Stage.CONDEMNED, at, epoch=epoch, reason=reason)
    others = [m for m in left if m not in group.entitled]
    members = move(members, others, Stage.CONDEMNED, at, reason=reason)
    return replace(called_off(group), wanted=NOTHING_WANTED, members=members, epoch=epoch, pause=None, held="")
