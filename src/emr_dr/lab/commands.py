"""The verbs `emr-dr lab …`."""

import json
import shlex
from itertools import chain
from pathlib import Path

import click

from emr_dr.lab import client
from emr_dr.lab.fault_commands import FAULT_VERBS
from emr_dr.lab.fetch import fetched
from emr_dr.lab.gateway_start import HEALTHY_SECONDS, await_gateways
from emr_dr.lab.show import show_status, shown_gateways, shown_times
from emr_dr.lab.spec import lab_spec
from emr_dr.lab.times import LabTimes
from emr_dr.lab.world import IN_THE_WAY
from emr_dr.spec import MODE_NAMES, STRATEGY_NAMES

_HELP_WIDTH = 62


class _Sections(click.Group):
    """Lists the verbs by what they are about."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a section each, every verb with the first sentence of its help."""
        faults = {name: [each.name or "" for each in verbs] for name, verbs in FAULT_VERBS.items()}
        own = [name for name in self.list_commands(ctx) if name not in chain.from_iterable(faults.values())]
        for title, names in {"The lab": own, **faults}.items():
            with formatter.section(title):
                formatter.write_dl([(name, self.commands[name].get_short_help_str(_HELP_WIDTH)) for name in names])


@click.group(cls=_Sections)
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
    """Fetch JDK, Spark, Hadoop and Livy once; about 450 MB."""
    click.echo(f"the lab's parts are in {fetched().root}")


@lab.command()
@click.option("--detach", is_flag=True, help="Return when it is ready; end it with `emr-dr lab down`.")
@click.option("--stand-in", is_flag=True, help="Small HTTP servers instead of Hadoop and Livy: quick, and no Spark.")
@click.option("--owner", type=int, help="Process id: the lab ends when that process does.")
@click.option("--port", default=0, type=click.IntRange(0, 65535), help="Port of the AWS API; 0 chooses a free one.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="TIME=SECONDS",
    help="How long something takes, or `never`; see the docs.",
)
@click.pass_obj
def up(
    directory: Path, *, detach: bool, stand_in: bool, owner: int | None, port: int, settings: tuple[str, ...]
) -> None:
    """Bring the lab up: three AZs, nothing running in them yet."""
    LabTimes.parse(_pairs(settings))  # what is wrong is told before anything starts
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


def _pairs(settings: tuple[str, ...]) -> dict[str, str]:
    return dict(each.partition("=")[::2] for each in settings)


@lab.command("set")
@click.argument("settings", metavar="TIME=SECONDS...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@click.pass_obj
def set_times(directory: Path, settings: tuple[str, ...], *, as_json: bool) -> None:
    """Change how long things take while the lab runs.

    As `lab up --set`: seconds, or `never`. What is under way takes the new time too, but for a target that is being
    registered or deregistered already.
    """
    times = client.require(directory).set_times(**_pairs(settings))
    click.echo(json.dumps({"times": times}) if as_json else "\n".join(shown_times(times)) or "all are the defaults")


@lab.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@click.pass_obj
def env(directory: Path, *, as_json: bool) -> None:
    """Print the environment that leads to the lab.

    It lets boto3, the aws command line and emr-dr talk to it: eval "$(emr-dr lab env)".
    """
    variables = {**client.require(directory).environment, "EMR_DR_LAB_DIR": str(directory)}
    if as_json:
        click.echo(json.dumps(variables, indent=2))
    else:
        click.echo(f"unset {' '.join(IN_THE_WAY)}")
        click.echo("\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables.items()))


@lab.command()
@click.argument("strategy", type=click.Choice(STRATEGY_NAMES))
@click.option("--group", default="etl", show_default=True)
@click.option("--mode", default="direct", show_default=True, type=click.Choice(MODE_NAMES))
@click.pass_obj
def spec(directory: Path, strategy: str, *, group: str, mode: str) -> None:
    """Print a spec for STRATEGY that fits the running lab."""
    click.echo(lab_spec(client.require(directory).description["resources"], strategy, group, mode), nl=False)


@lab.command("gateways")
@click.argument("count", metavar="N", type=click.IntRange(0, 15))
@click.option("--spec", default="emr-dr.yaml", show_default=True, type=click.Path(path_type=Path))
@click.option("--no-wait", is_flag=True, help="Return before the balancer calls them healthy.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@click.pass_obj
def run_gateways(directory: Path, count: int, *, spec: Path, no_wait: bool, as_json: bool) -> None:
    """Run N gateways of a spec's group, each in the next AZ.

    As Fargate would: `emr-dr gateway` at addresses of their own, registered in the group's target group, which `emr-dr
    apply` makes. One that was killed is started again; with 0 all of them end.
    """
    running = client.require(directory)
    running.run_gateways(count, spec)
    seen = await_gateways(running, seconds=0 if no_wait else HEALTHY_SECONDS)
    click.echo(json.dumps({"gateways": seen}) if as_json else "\n".join(shown_gateways(seen)) or "no gateway runs")


@lab.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@click.pass_obj
def status(directory: Path, *, as_json: bool) -> None:
    """Show AZs, clusters, balancers, cuts, rules and faults."""
    running = client.require(directory)
    seen = {"url": running.url, "directory": str(directory), **running.status()}
    if as_json:
        click.echo(json.dumps(seen, indent=2))
    else:
        show_status(seen)


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


for verb in chain.from_iterable(FAULT_VERBS.values()):
    lab.add_command(verb)
