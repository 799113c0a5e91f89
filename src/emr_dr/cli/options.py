"""Options that several verbs share, with the same meaning in each."""

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
