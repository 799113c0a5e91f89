"""Makes the environments of all lines: `make airflow-envs`."""

import sys
import time

from airflow_lines.line import LINES
from emr_dr.errors import EmrDrError


def main() -> int:
    """Make those that are not there."""
    for line in LINES:
        begun = time.monotonic()
        try:
            line.ready()
        except EmrDrError as error:
            sys.stderr.write(f"{error}\n")
            return error.exit_code
        sys.stdout.write(f"Airflow {line.name}: {line.folder} ({time.monotonic() - begun:.0f} s)\n")
    return 0


sys.exit(main())
