"""The state of a lab for a person to read."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from emr_dr.lab.times import NEVER, LabTimes

Shown = Mapping[str, Any]


def show_status(seen: Shown) -> None:
    """Print what `lab status` found: the answer of the order, with `url` and `directory`."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"lab at {seen['url']} in {seen['directory']}")
    console.print("  ".join(f"{zone} {state}" for zone, state in seen["zones"].items()))
    table = Table("cluster", "name", "state", "AZ", "address", "machines", box=None, pad_edge=False)
    for c in seen["clusters"]:
        machines = "lost" if c["lost"] else "-" if c["state"].startswith("TERMINATED") else "there"
        table.add_row(c["id"], c["name"], c["state"], c["availability_zone"], c["address"] or "-", machines)
    console.print(table)
    gateways, times = shown_gateways(seen["gateways"]), shown_times(seen["times"])
    for line in (*gateways, *_balancers(seen), *_paths(seen), *map(_fault, seen["faults"]), *times):
        console.print(line, markup=False)


def shown_gateways(gateways: Iterable[Shown]) -> list[str]:
    """Return a line for each gateway."""
    return [
        f"gateway {g['name']} in {g['availability_zone']} at {g['address']}:{g['port']} {g['state']}, "
        f"target {g['target'] or 'none'}"
        for g in gateways
    ]


def _balancers(seen: Shown) -> list[str]:
    return [
        f"balancer {b['name']} at {b['dns_name']} {'active' if b['active'] else 'provisioning'}"
        for b in seen["balancers"]
    ]


def _paths(seen: Shown) -> list[str]:
    cuts = [f"cut: {each['source']} to {each['target']}" for each in seen["cuts"]]
    rules = [f"rule revoked: {each['service']} of {each['cluster_id']}" for each in seen["revoked"]]
    return cuts + rules


def _fault(fault: Shown) -> str:
    if "kind" in fault:
        about = "any AZ" if fault["availability_zone"] == "*" else fault["availability_zone"]
        about += "" if fault["instance_type"] == "*" else f", {fault['instance_type']}"
        what = f"{fault['kind']}{' (hangs)' if fault['hang'] else ''} in {about}"
    else:
        operation = "any operation" if fault["operation"] == "*" else fault["operation"]
        does = "throttled" if fault["throttle"] else "reply lost" if fault["lose_reply"] else fault["code"] or "slow"
        what = f"{operation} {does}"
    left = f"{fault['times']} more" if fault["times"] else "until cleared"
    return f"fault: {what}, {left}"


def shown_times(times: Mapping[str, float]) -> list[str]:
    """Return a line with the times that differ from the defaults, none if all are as they are."""
    changed = LabTimes(**times).shortened()
    if not changed:
        return []
    written = (f"{name}={'never' if value == NEVER else f'{value:g}'}" for name, value in changed.items())
    return [f"times: {' '.join(written)}"]
