"""To say what `apply` would do, field by field and with its reasons, and touch nothing."""

import hashlib
from collections.abc import Iterator, Sequence

from emr_dr.core.group import Group
from emr_dr.errors import ConflictError
from emr_dr.provision import apply as provision
from emr_dr.provision.change import Change
from emr_dr.service.site import STRATEGIES, OwnFile, Site


async def plan(site: Site) -> Sequence[Change]:
    """Return what `apply` would change in the account and in the group; empty when there is nothing to do.

    What becomes of a group that runs (a lost member, a replacement) is the controller's to decide, not `apply`'s.

    Raises:
        ConflictError: A resource of a needed name is not ours.
        UsageError: The declared subnets do not go together.
        PermanentError: Something that is declared does not exist, or we may not look.
        TransientError: AWS, or the store, gave no good answer.
    """
    document = await site.store.load(site.group)
    changes = [*await provision.plan(site.account, site.balancer), *await file_changes(site)]
    return [*changes, *_group_changes(site, document.group if document is not None else None)]


async def file_changes(site: Site) -> Sequence[Change]:
    """What has to be put under `cluster.artifacts`, because it is missing or is not what we would put there."""
    found = [(file, await site.artifacts.digest(file.name)) for file in site.files]
    return [change for file, digest in found for change in _file_change(file, digest, site.artifacts.url(file.name))]


def _file_change(file: OwnFile, found: str | None, url: str) -> Iterator[Change]:
    wanted = hashlib.sha256(file.body).hexdigest()
    if found is None:
        yield Change("file", url, "", "", f"{len(file.body)} bytes", file.why)
    elif not found:
        remedy = "move it away, or declare another place in cluster.artifacts"
        raise ConflictError("is there already, and is not ours", where=f"file {url}", remedy=remedy)
    elif found != wanted:
        yield Change("file", url, "sha256", found, wanted, file.why)


def wanted_changes(site: Site, group: Group) -> Sequence[Change]:
    """In which counts the remembered group wants something else than the spec."""
    wanted, why = STRATEGIES[site.strategy], f"declared: strategy {site.strategy}"
    pairs = (("serving", group.wanted.serving, wanted.serving), ("standby", group.wanted.standby, wanted.standby))
    return [Change("group", site.group, name, str(was), str(now), why) for name, was, now in pairs if was != now]


def _group_changes(site: Site, group: Group | None) -> Iterator[Change]:
    """What a first apply launches, or in what the remembered group wants something else than the spec."""
    wanted, why = STRATEGIES[site.strategy], f"declared: strategy {site.strategy}"
    if group is None:
        shown = f"{wanted.serving} serving, {wanted.standby} standing by"
        yield Change("group", site.group, "", "", shown, "it is not in this store yet")
    else:
        yield from wanted_changes(site, group)
    placements = [p for p in site.controller.policy.placements if not p.rung]
    members = group.members if group is not None else ()
    first = 1 + (group.launched if group is not None else 0)
    for index in range(wanted.serving + wanted.standby if not members else 0):
        placement = placements[index % len(placements)] if placements else None
        where = f"in {placement.subnet} {placement.az}".strip() if placement is not None else "in a declared subnet"
        role = "serves" if index < wanted.serving else "stands by"
        yield Change("member", str(first + index), "", "", f"launched {where}, {role}", why)
