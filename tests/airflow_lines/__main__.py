"""Makes the environments of all lines, and that of Livy's other clients: `make airflow-envs`."""

import sys
import time

from airflow_lines.line import LINES
from emr_dr.errors import EmrDrError
from livy_clients.place import WHERE, environment


def main() -> int:
    """Make those that are not there."""
    makers = [(f"Airflow {line.name}", line.ready) for line in LINES]
    for name, make in [*makers, (WHERE, environment)]:
        begun = time.monotonic()
        try:
            make()
        except EmrDrError as error:
            sys.stderr.write(f"{error}\n")
            return error.exit_code
        sys.stdout.write(f"{name}: there ({time.monotonic() - begun:.0f} s)\n")
    return 0


sys.exit(main())
