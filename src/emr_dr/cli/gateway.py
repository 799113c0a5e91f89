"""The verb that serves: a Livy gateway for one group or several."""

import re
import socket
from pathlib import Path

import click

from emr_dr.cli.logs import configure_logs
from emr_dr.cli.options import json_option, vantage_option

EVERY_ADDRESS = ("", "0.0.0.0", "::")  # noqa: S104 - they are told apart, not chosen


class Address(click.ParamType[tuple[str, int | None]]):
    """HOST, or HOST:PORT; an IPv6 address in brackets if a port follows."""

    name = "HOST[:PORT]"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int | None]:
        """Read it; an empty host means every address of this machine."""
        if isinstance(value, tuple):
            return value
        text = str(value).strip()
        match = re.fullmatch(r"\[([^\]]*)\](?::(\d{1,5}))?|([^:]*)(?::(\d{1,5}))?|(.*:.*:.*)", text, re.ASCII)
        if match is None:
            self.fail(f"{text!r} is no HOST[:PORT]", param, ctx)
        host = match[1] or match[3] or match[5] or ""
        port = match[2] or match[4]
        if port is not None and not 0 < int(port) < 1 << 16:
            self.fail(f"{port} is no port", param, ctx)
        return host, None if port is None else int(port)


@click.command()
@click.option(
    "--spec",
    "specs",
    multiple=True,
    default=("emr-dr.yaml",),
    show_default=True,
    envvar="EMR_DR_SPEC",
    type=click.Path(path_type=Path),
    help="A declared recovery group; give it again for each further group, which has a port of its own.",
)
@click.option(
    "--listen",
    default="",
    type=Address(),
    help="Where to listen.  [default: every address, at the spec's gateway.port, which is Livy's]",
)
@click.option("--name", default="", help="Name of this gateway, unique in its group.  [default: this host and port]")
@vantage_option
@json_option
def gateway(specs: tuple[Path, ...], *, listen: tuple[str, int | None], name: str, vantage: str, as_json: bool) -> None:
    """Run a Livy gateway until stopped (Ctrl-C or SIGTERM). Any number may run behind one balancer.

    Clients speak Livy to it as to a single server; batches have numbers of their own, survive the member that they run
    on, and are never confused. It tells controllers what it sees of the members, as a second witness. It needs the
    store of `emr-dr apply`, and the spec's address.mode: gateway. Its log is on standard error: one line `audit` for
    each change that a client asked for. With --json all of it is JSON lines.
    """
    # Here, and not above: a server's libraries take a while to load, and `--help` should not wait for them.
    from emr_dr.bootstrap_gateway import places, port_of, run_gateways  # noqa: PLC0415 - see above
    from emr_dr.cli.serving import serve  # noqa: PLC0415 - see above
    from emr_dr.spec import load_spec  # noqa: PLC0415 - see above

    configure_logs(json_lines=as_json, everything=True)
    declared = [load_spec(spec) for spec in specs]
    host, port = listen
    found = places(declared, host, port)
    here = socket.gethostname() if host in EVERY_ADDRESS else host
    own = name or f"{here}:{port or port_of(declared[0])}"
    serve(lambda asked_to_stop: run_gateways(found, own, vantage, asked_to_stop))
