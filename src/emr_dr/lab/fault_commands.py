"""The verbs `emr-dr lab …` that break something or make it whole again; each gives the running lab one order."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from emr_dr.errors import UsageError
from emr_dr.lab.client import RunningLab, require
from emr_dr.lab.orders import RULED_SERVICES, Source
from emr_dr.lab.world import ZONES

Told = dict[str, Any]
"""What an order was given, and what it answered."""
_SERVICES = (*RULED_SERVICES, "data-node", "node-manager")
_SOURCES = tuple(each.value for each in Source)


def _verb(order: str, text: str, *parameters: click.Parameter, say: Callable[[Told], str]) -> click.Command:
    """Return the verb of an order: its parameters are the order's, and `say` is what a person reads."""

    def run(directory: Path, *, as_json: bool, **given: object) -> None:
        lab = require(directory)
        if given.get("cluster_id", "") is None and order in _ABOUT_ONE_CLUSTER:
            given["cluster_id"] = _only(lab, lost=order == "come-back")
        answer = lab.order(order, **given)
        click.echo(json.dumps(answer) if as_json else say({**given, **answer}))

    as_json = click.Option(["--json", "as_json"], is_flag=True, help="Print JSON for programs.")
    return click.Command(order, callback=click.pass_obj(run), params=[*parameters, as_json], help=text)


_ABOUT_ONE_CLUSTER = ("kill-member", "come-back", "kill-service", "freeze", "thaw", "revoke-rule")


def _only(lab: RunningLab, *, lost: bool) -> str:
    """The only cluster that lives, or that is lost."""
    there = [c for c in lab.status()["clusters"] if not c["state"].startswith("TERMINATED") and c["lost"] == lost]
    if len(there) != 1:
        remedy = f"name one of {', '.join(c['id'] for c in there)}" if there else "see `emr-dr lab status`"
        raise UsageError(f"{len(there)} clusters {'are lost' if lost else 'live'}", where="lab", remedy=remedy)
    return str(there[0]["id"])


def _argument(name: str, metavar: str, choices: tuple[str, ...] = (), *, required: bool = True) -> click.Argument:
    kind = click.Choice(choices) if choices else None
    return click.Argument([name], metavar=metavar if required else f"[{metavar}]", type=kind, required=required)


def _az(*, required: bool) -> click.Argument:
    return _argument("zone", "AZ", ZONES, required=required)


def _cluster() -> click.Argument:
    return _argument("cluster_id", "CLUSTER", required=False)


def _times(what: str) -> click.Option:
    text = f"How many {what} it strikes; 0 is until `emr-dr lab clear-faults`."
    return click.Option(["--times"], default=1, show_default=True, type=click.IntRange(0), help=text)


def _service() -> click.Option:
    return click.Option(["--service"], type=click.Choice(RULED_SERVICES), help="Only this one; all three without it.")


def _of_service(order: str, text: str, now: str) -> click.Command:
    service = _argument("service", "SERVICE", _SERVICES)
    return _verb(order, text, service, _cluster(), say=lambda told: f"{told['service']} {now}")


def _names(told: Told) -> str:
    return ", ".join(told["targets"]) or "nobody"


def _strikes(told: Told, one: str, many: str, of_what: str, does: str) -> str:
    times = told["times"]
    which = f"every {one}" if times == 0 else f"the next {one}" if times == 1 else f"each of the next {times} {many}"
    return f"{which} {of_what} {does}"


def _launches(told: Told, does: str) -> str:
    kind = f"of {told['type']} " if told.get("type") else ""
    return _strikes(told, "launch", "launches", f"{kind}in {told['zone'] or 'any AZ'}", does)


def _calls(told: Told, does: str) -> str:
    return _strikes(told, "call", "calls", f"of {told['operation'] or 'any operation'}", does)


_MACHINES = (
    _verb(
        "kill-az",
        """Power an AZ off: silence, and no launches in it.

        Everything in it falls silent, gateways too; EMR and EC2 notice in their own time.""",
        _az(required=True),
        say=lambda told: f"{told['zone']} is dead; lost: {', '.join([*told['lost'], *told['gateways']]) or 'nothing'}",
    ),
    _verb(
        "restore-az",
        """Let a dead AZ take launches again.

        Clusters lost in it stay lost, see come-back; gateways start again.""",
        _az(required=True),
        say=lambda told: f"{told['zone']} takes launches again",
    ),
    _verb(
        "kill-member",
        """Power the machines of one CLUSTER off; its AZ lives on.""",
        _cluster(),
        say=lambda told: f"{told['cluster_id']} is lost",
    ),
    _verb(
        "come-back",
        """Let the machines of a lost CLUSTER boot again.

        At the same address, with what was on their disks. Refused once EMR has noticed the loss. With the name of a
        gateway that was killed it starts that again.""",
        _cluster(),
        say=lambda told: f"{told['cluster_id']} boots again",
    ),
    _verb(
        "kill-gateway",
        """SIGKILL the gateway NAME: its port refuses.""",
        _argument("gateway", "NAME"),
        say=lambda told: f"{told['gateway']} is killed",
    ),
    _of_service("kill-service", "SIGKILL one SERVICE: its port refuses.", "is killed"),
    _of_service("freeze", "SIGSTOP one SERVICE: its port accepts, nothing answers.", "is frozen"),
    _of_service("thaw", "Let a frozen SERVICE go on.", "goes on"),
)

_PATHS = (
    _verb(
        "cut",
        """Make the path FROM somebody TO something silent.

        FROM is monitor (whoever looks directly), balancer, or everyone. TO is a cluster, an AZ (the members that are in
        it now), or aws (no API call gets an answer, nor is it carried out). Nothing is refused or closed: new
        connections time out, established ones stall. The members and their jobs go on.""",
        _argument("source", "FROM", _SOURCES),
        _argument("target", "TO"),
        say=lambda told: f"{told['source']} no longer reaches {_names(told)}",
    ),
    _verb(
        "heal",
        """Undo one cut, or all cuts and revoked rules.

        All of them without FROM and TO. Established connections go on where they stalled.""",
        _argument("source", "FROM", _SOURCES, required=False),
        _argument("target", "TO", required=False),
        say=lambda told: f"healed: {_names(told)}",
    ),
    _verb(
        "revoke-rule",
        """Close a healthy CLUSTER to new connections.

        As a revoked security-group rule does: nobody but the member itself gets new connections to the service, those
        that are established go on, and so do its jobs. Undone by restore-rule, and by heal without arguments.""",
        _cluster(),
        _service(),
        say=lambda told: f"{told['cluster_id']}: {told['service'] or 'every service'} takes no new connections",
    ),
    _verb(
        "restore-rule",
        """Undo revoke-rule; without CLUSTER, everywhere.""",
        _cluster(),
        _service(),
        say=lambda told: f"restored: {_names(told)}",
    ),
)

_LAUNCHES = (
    _verb(
        "no-capacity",
        """Let the next launch find no capacity in an AZ.

        It ends in TERMINATED_WITH_ERRORS, with EC2's error in ErrorDetails. A fleet that may take another type or
        another AZ does. Without AZ it is true of all of them.""",
        _az(required=False),
        click.Option(["--hang"], is_flag=True, help="Stay in STARTING for ever instead, as EMR may."),
        click.Option(["--type"], metavar="INSTANCE_TYPE", help="Only this type is not to be had."),
        _times("launches"),
        say=lambda told: _launches(told, "hangs in STARTING" if told["hang"] else "finds no capacity"),
    ),
    _verb(
        "boot-failure",
        """Let the next launch fail in a bootstrap action.""",
        _az(required=False),
        _times("launches"),
        say=lambda told: _launches(told, "fails to boot"),
    ),
    _verb(
        "hang-starting",
        """Let the next launch stay in STARTING for ever.""",
        _az(required=False),
        _times("launches"),
        say=lambda told: _launches(told, "hangs in STARTING"),
    ),
)

_CALLS = (
    _verb(
        "throttle",
        """Refuse the next AWS call: there are too many.

        OPERATION as AWS writes it (RunJobFlow); without it, any call. Clients repeat such calls by themselves, most of
        them up to five times.""",
        _argument("operation", "OPERATION", required=False),
        _times("calls"),
        say=lambda told: _calls(told, "is throttled"),
    ),
    _verb(
        "lose-reply",
        """Carry the next call of OPERATION out, and lose the answer.""",
        _argument("operation", "OPERATION"),
        _times("calls"),
        say=lambda told: _calls(told, "is carried out, and its answer lost"),
    ),
    _verb(
        "api-error",
        """Answer the next call of OPERATION with the error CODE.

        For example AccessDeniedException or ExpiredTokenException. The call is not carried out.""",
        _argument("operation", "OPERATION"),
        _argument("code", "CODE"),
        click.Option(["--message"], help="What the error says."),
        click.Option(["--status"], default=400, show_default=True, type=click.IntRange(400, 599), help="HTTP status."),
        _times("calls"),
        say=lambda told: _calls(told, f"is answered with {told['code']}"),
    ),
    _verb(
        "clear-faults",
        """Withdraw the faults of calls and launches still to strike.""",
        say=lambda _: "nothing is to strike any more",
    ),
)

FAULT_VERBS = {"Machines": _MACHINES, "Paths": _PATHS, "Launches": _LAUNCHES, "AWS calls": _CALLS}
"""All of them, by what they are about."""
