"""The verbs `emr-dr lab …`."""

import json
import shlex
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from emr_dr.errors import UsageError
from emr_dr.lab import client
from emr_dr.lab.fetch import fetched
from emr_dr.lab.spec import lab_spec
from emr_dr.lab.times import LabTimes
from emr_dr.lab.world import IN_THE_WAY, ZONES

SERVICES = ("livy", "resource-manager", "name-node", "data-node", "node-manager")


@click.group()
@click.option(
    "--dir",
    "directory",
    envvar="EMR_DR_LAB_DIR",
    type=click.Path(path_type=Path),
    help="The lab's folder; several labs may run at once, each in its own.",
)
@click.pass_context
def lab(context: click.Context, directory: Path | None) -> None:
    """A local AWS with real Spark, Livy, YARN and HDFS to rehearse against."""
    context.obj = client.state_directory(directory)


@lab.command("fetch")
def fetch() -> None:
    """Fetch JDK, Spark, Hadoop and Livy into the user's cache, once; about 450 MB."""
    click.echo(f"the lab's parts are in {fetched().root}")


@lab.command()
@click.option("--detach", is_flag=True, help="Return when it is ready; end it with `emr-dr lab down`.")
@click.option("--stand-in", is_flag=True, help="Small HTTP servers instead of Hadoop and Livy: quick, and no Spark.")
@click.option("--owner", type=int, help="Process id: the lab ends when that process does.")
@click.option("--port", default=0, type=click.IntRange(0, 65535), help="Port of the AWS API; 0 chooses a free one.")
@click.option(
    "--set", "settings", multiple=True, metavar="TIME=SECONDS", help="How long something takes; see the docs."
)
@click.pass_obj
def up(
    directory: Path, *, detach: bool, stand_in: bool, owner: int | None, port: int, settings: tuple[str, ...]
) -> None:
    """Bring the lab up: three AZs, one VPC, nothing running in it yet."""
    LabTimes.parse(dict(each.partition("=")[::2] for each in settings))  # what is wrong is told before anything starts
    client.refuse_second(directory)
    if not stand_in:
        fetched()
    arguments = ["--port", str(port), *(["--stand-in"] if stand_in else [])]
    arguments += ["--owner", str(owner)] if owner else []
    for each in settings:
        arguments += ["--time", each]
    if not detach:
        click.echo(f'lab in {directory}; in another terminal: eval "$(emr-dr lab env)"; Ctrl-C ends it', err=True)
        from emr_dr.lab import server  # noqa: PLC0415 - imports all of moto, which no other verb needs

        raise click.exceptions.Exit(server.main(["--dir", str(directory), *arguments]))
    running = client.up(directory, arguments)
    click.echo(f'the lab is up at {running.url}; now: eval "$(emr-dr lab env)"')


@lab.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@click.pass_obj
def env(directory: Path, *, as_json: bool) -> None:
    """Print what lets boto3, the aws command line and emr-dr talk to the lab: eval "$(emr-dr lab env)"."""
    variables = {**client.require(directory).environment, "EMR_DR_LAB_DIR": str(directory)}
    if as_json:
        click.echo(json.dumps(variables, indent=2))
    else:
        click.echo(f"unset {' '.join(IN_THE_WAY)}")
        click.echo("\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables.items()))


@lab.command()
@click.argument("strategy", type=click.Choice(["active-passive"]))
@click.option("--group", default="etl", show_default=True)
@click.pass_obj
def spec(directory: Path, strategy: str, *, group: str) -> None:
    """Print a spec for STRATEGY that fits the running lab."""
    click.echo(lab_spec(client.require(directory).description["resources"], strategy, group), nl=False)


@lab.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@click.pass_obj
def status(directory: Path, *, as_json: bool) -> None:
    """Show AZs, clusters, balancers and faults."""
    running = client.require(directory)
    seen = {"url": running.url, "directory": str(directory), **running.status()}
    if as_json:
        click.echo(json.dumps(seen, indent=2))
    else:
        _show(seen)


@lab.command("kill-az")
@click.argument("az", type=click.Choice(ZONES))
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@click.pass_obj
def kill_az(directory: Path, az: str, *, as_json: bool) -> None:
    """Power an Availability Zone off: everything in it falls silent, and nothing can be launched there."""
    done = client.require(directory).kill_az(az)
    if as_json:
        click.echo(json.dumps(done))
    else:
        click.echo(f"{az} is dead; lost: {', '.join(done['lost']) or 'no cluster'}")


@lab.command("kill-member")
@click.argument("cluster", required=False)
@click.pass_obj
def kill_member(directory: Path, cluster: str | None) -> None:
    """Power the machines of one CLUSTER off; its AZ lives on."""
    running = client.require(directory)
    chosen = _chosen(running, cluster)
    running.kill_member(chosen)
    click.echo(f"{chosen} is lost")


@lab.command("kill-service")
@click.argument("service", type=click.Choice(SERVICES))
@click.argument("cluster", required=False)
@click.pass_obj
def kill_service(directory: Path, service: str, cluster: str | None) -> None:
    """SIGKILL one service of a CLUSTER: its port refuses."""
    running = client.require(directory)
    running.kill_service(_chosen(running, cluster), service)
    click.echo(f"{service} is killed")


@lab.command()
@click.argument("service", type=click.Choice(SERVICES))
@click.argument("cluster", required=False)
@click.pass_obj
def freeze(directory: Path, service: str, cluster: str | None) -> None:
    """SIGSTOP one service of a CLUSTER: its port accepts, and nothing answers."""
    running = client.require(directory)
    running.freeze(_chosen(running, cluster), service)
    click.echo(f"{service} is frozen")


@lab.command()
@click.argument("service", type=click.Choice(SERVICES))
@click.argument("cluster", required=False)
@click.pass_obj
def thaw(directory: Path, service: str, cluster: str | None) -> None:
    """Let a frozen service of a CLUSTER go on."""
    running = client.require(directory)
    running.thaw(_chosen(running, cluster), service)
    click.echo(f"{service} goes on")


@lab.command()
@click.pass_obj
def down(directory: Path) -> None:
    """End the lab and everything in it. A no-op when none is running."""
    running = client.find(directory)
    if running is None:
        left = "; what a killed one had left is gone" if client.clean_up(directory) else ""
        click.echo(f"no lab is running in {directory}{left}")
        return
    running.down()
    click.echo("the lab is down")


def _chosen(running: client.RunningLab, cluster: str | None) -> str:
    """The named cluster, or the only one that lives."""
    if cluster is not None:
        return cluster
    living = [
        c["id"] for c in running.status()["clusters"] if not c["state"].startswith("TERMINATED") and not c["lost"]
    ]
    if len(living) != 1:
        remedy = f"name one of {', '.join(living)}" if living else "launch one first"
        raise UsageError(f"{len(living)} clusters live", where="lab", remedy=remedy)
    return str(living[0])


def _show(seen: dict[str, Any]) -> None:
    console = Console()
    console.print(f"lab at {seen['url']} in {seen['directory']}", highlight=False, soft_wrap=True)
    console.print(
        "  ".join(f"{zone} {state}" for zone, state in seen["zones"].items()), highlight=False, soft_wrap=True
    )
    table = Table("cluster", "name", "state", "AZ", "address", "machines", box=None, pad_edge=False)
    for c in seen["clusters"]:
        machines = "lost" if c["lost"] else "-" if c["state"].startswith("TERMINATED") else "there"
        table.add_row(c["id"], c["name"], c["state"], c["availability_zone"], c["address"] or "-", machines)
    console.print(table)
    for b in seen["balancers"]:
        console.print(
            f"balancer {b['name']} at {b['dns_name']} {'active' if b['active'] else 'provisioning'}", highlight=False
        )
    for fault in seen["faults"]:
        console.print(f"fault {fault}", highlight=False, soft_wrap=True)
