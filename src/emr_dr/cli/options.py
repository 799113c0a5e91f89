"""Options that several verbs share, with the same meaning in each."""

import re
import time
from datetime import UTC, datetime
from pathlib import Path

import click

spec_option = click.option(
    "--spec",
    default="emr-dr.yaml",
    show_default=True,
    envvar="EMR_DR_SPEC",
    type=click.Path(path_type=Path),
    help="The declared recovery group.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
vantage_option = click.option(
    "--vantage",
    default="",
    envvar="EMR_DR_VANTAGE",
    help="Where this process looks from, such as its AZ: two that fail together are one witness.  "
    "[default: this host's name]",
)


class Count(click.ParamType[int]):
    """A whole number from 1 on, as far as a store can count."""

    name = "number"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read it; a sign, a point or another script's digits are no part of it."""
        text = str(value).strip()
        number = int(text) if re.fullmatch(r"\d{1,18}", text, re.ASCII) else 0
        if not number:
            self.fail(f"{text!r} is no number from 1 on", param, ctx)
        return number


class Seconds(click.ParamType[float]):
    """A duration such as 50s, 2m or 1h, read as seconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read a duration by the spec's own rules."""
        from emr_dr.spec.fields import parse_duration  # noqa: PLC0415 - keeps `--help` quick

        if isinstance(value, int | float):
            return float(value)
        try:
            return parse_duration(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Moment(click.ParamType[float]):
    """A point in time as seconds of the epoch: ISO 8601, or so long ago, or such seconds as the journal has them."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read a time; one without a zone is UTC, as all times are shown."""
        from emr_dr.spec.fields import parse_duration  # noqa: PLC0415 - keeps `--help` quick

        text = str(value).strip()
        if re.fullmatch(r"\d{9,11}(\.\d+)?", text, re.ASCII):
            return float(text)
        try:
            return time.time() - parse_duration(text.removesuffix("ago").strip())
        except ValueError:
            pass
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            self.fail(
                f"{text!r} is no time; write it like 2026-08-03T10:15:00Z, or 10m for ten minutes ago", param, ctx
            )
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
