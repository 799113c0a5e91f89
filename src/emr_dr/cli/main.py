"""The entry point: a click group whose verbs are imported only when they are used."""

import asyncio
import importlib
import sys
from importlib.metadata import entry_points
from typing import Any

import click

from emr_dr.errors import EmrDrError, UsageError

VERBS = {
    "init": "emr_dr.cli.declare:init",
    "validate": "emr_dr.cli.declare:validate",
    "schema": "emr_dr.cli.declare:schema",
    "plan": "emr_dr.cli.provision:plan",
    "apply": "emr_dr.cli.provision:apply",
    "destroy": "emr_dr.cli.provision:destroy",
    "status": "emr_dr.cli.operate:status",
    "check": "emr_dr.cli.operate:check",
    "why": "emr_dr.cli.explain:why",
    "history": "emr_dr.cli.past:history",
    "switchover": "emr_dr.cli.handover:switchover",
    "failback": "emr_dr.cli.handover:failback",
    "failover": "emr_dr.cli.handover:failover",
    "pause": "emr_dr.cli.orders:pause",
    "resume": "emr_dr.cli.orders:resume",
    "release": "emr_dr.cli.orders:release",
    "watch": "emr_dr.cli.operate:watch",
    "tick": "emr_dr.cli.operate:tick",
    "gateway": "emr_dr.cli.gateway:gateway",
}
SUMMARIES = {
    "init": "Write a commented spec to start from.",
    "validate": "Check a spec; every problem is one line: file:line: field: what, and what to do.",
    "schema": "Print the spec's JSON Schema, for editors.",
    "plan": "Show what `apply` would change, field by field, and why; touch nothing.",
    "apply": "Make balancer, target groups, listeners, rules, and the first member; again, change nothing.",
    "destroy": "Delete all that is ours: clusters, balancer, rules, name, files; asks first.",
    "status": "Show the group: members, stages, verdicts, targets, refusals.",
    "check": "One health check: exit 0 healthy, 1 not, 2 could not tell.",
    "why": "Explain a decision by the evidence of that second, and what is refused now.",
    "history": "Tell past recoveries step by step, and what was refused.",
    "switchover": "Move service to another AZ while both sides are well; running work is waited for.",
    "failback": "A switchover to where it was before.",
    "failover": "Replace a member by hand, whatever its verdict: a proven successor takes over.",
    "pause": "Have automation begin and end nothing for a while.",
    "resume": "End a pause.",
    "release": "Let automation go on that stopped itself, or let a member be retired that is kept.",
    "watch": "Run the controller until stopped: detect, recover, switch over, retire.",
    "tick": "Run controller rounds until nothing is outstanding or time is up, for schedulers.",
    "gateway": "Run a Livy gateway: one address that speaks Livy in front of every member, until stopped.",
    "lab": "A local AWS with real Spark, Livy, YARN and HDFS to rehearse against.",
    "demo": "The whole story in one command: a lab, real batches, an AZ that dies, the recovery.",
}


class LazyGroup(click.Group):
    """A group that knows its verbs by name and imports one only to run it, so that `--help` is quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every verb, those of installed extras last."""
        del ctx
        return [*VERBS, *(p.name for p in _plugins())]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the one verb that is to run."""
        del ctx
        if cmd_name in VERBS:
            module, _, name = VERBS[cmd_name].partition(":")
            command: click.Command = getattr(importlib.import_module(module), name)
            return command
        plugin = next((p for p in _plugins() if p.name == cmd_name), None)
        if plugin is None:
            return None
        try:
            loaded: click.Command = plugin.load()
        except ModuleNotFoundError as error:
            remedy = "install it with: pip install 'emr-dr[lab]'"
            raise UsageError(
                f"the verb needs a package that is not here: {error.name}", where=cmd_name, remedy=remedy
            ) from error
        return loaded

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs from their summaries, without importing any."""
        rows = [(name, SUMMARIES.get(name, "")) for name in self.list_commands(ctx)]
        with formatter.section("Verbs"):
            formatter.write_dl(rows)


def _plugins() -> list[Any]:
    return sorted(entry_points(group="emr_dr.verbs"), key=lambda p: p.name, reverse=True)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="emr-dr", prog_name="emr-dr")
def cli() -> None:
    """Disaster recovery for Spark on Amazon EMR.

    Exit codes: 0 done, 1 failed for good, 2 wrong use or could not tell, 3 somebody else decided first, 75 try again.
    """


def main() -> None:
    """Run the command line and turn what we raise on purpose into one line and its exit code."""
    try:
        code = cli.main(standalone_mode=False)  # click returns the code of an Exit in this mode
        sys.exit(code if isinstance(code, int) else 0)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt, asyncio.CancelledError):
        click.echo("emr-dr: stopped", err=True)
        sys.exit(130)
    except BrokenPipeError:  # whoever read our output has left
        sys.exit(0)
    except OSError as error:  # of our own output: adapters translate all others
        click.echo(f"emr-dr: {error.filename or 'output'}: {error.strerror}", err=True)
        sys.exit(1)
    except EmrDrError as error:
        # A spec's problems begin with file:line, so that editors find their way.
        click.echo(str(error) if hasattr(error, "problems") else f"emr-dr: {error}", err=True)
        sys.exit(error.exit_code)
