"""The whole emr-dr controller on Airflow's schedule: each minute one `emr-dr tick`, in a pool of its own.

Before you unpause it:

    airflow pools set emr_dr 1 "emr-dr monitor"
    airflow variables set emr_dr_command "/opt/emr-dr/bin/emr-dr"        # how to start emr-dr; default: emr-dr
    airflow variables set emr_dr_spec "/etc/emr-dr/emr-dr.yaml"          # default: emr-dr.yaml beside this file

**Without the pool `emr_dr` no tick is ever begun**, and nothing looks after the group: Airflow leaves the task
`scheduled`, and each run ends as failed after four minutes.

emr-dr is a process of its own, in an environment of its own: it needs newer packages than Airflow's constraints allow.
One run at a time is wanted; two at once, or one beside `emr-dr watch`, do no harm: one leads, the others see that.
"""

import logging
import os
import shlex
import signal
import subprocess
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

try:  # Airflow 3
    from airflow.sdk import DAG, BaseOperator
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.models import BaseOperator
try:  # Airflow 3.2 and newer
    from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
except ImportError:
    from airflow.exceptions import AirflowFailException, AirflowSkipException

POOL = "emr_dr"
TICK = ("tick", "--for", "50s", "--vantage", "airflow")  # all workers look from one place: they fail together
LATER = {3: "somebody else decided first", 75: "try again"}
"""Exit codes that are no failure: the next minute's tick looks again."""
FAILURES = {1: "failed for good", 2: "wrong use, or could not tell"}
OTHERS = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
"""What would make emr-dr's Python take Airflow's packages."""
PARTING_SECONDS = 20
"""A tick that is asked to end finishes its round and gives its lease back."""
SPEC = Path(__file__).with_name("emr-dr.yaml")


class EmrDrTick(BaseOperator):
    """Runs `emr-dr tick` once, tells what it prints to the task's log, and takes its exit code for what it means."""

    template_fields = ("command", "spec")

    def __init__(self, *, command: str, spec: str, **options: Any) -> None:
        super().__init__(**options)
        self.command = command
        self.spec = spec
        self._process: subprocess.Popen[str] | None = None

    def execute(self, context: Any) -> None:  # noqa: ARG002 - Airflow's signature
        """Run it; 0 is success, 3 and 75 are skipped, all else fails with the words that were printed."""
        words: deque[str] = deque(maxlen=10)
        with self._started() as process:
            for line in process.stdout or ():
                words.append(line.rstrip())
                self.log.info("%s", words[-1])
            code = process.wait()
        said = "\n".join(words) or "it said nothing"
        if code in LATER:
            raise AirflowSkipException(f"{LATER[code]} (exit {code}): {said}")
        if code:
            raise AirflowFailException(f"{FAILURES.get(code, 'ended unexpectedly')} (exit {code}): {said}")

    def on_kill(self) -> None:
        """Airflow ends the task: the tick may finish its round."""
        if self._process is not None:
            _end(self._process)

    @contextmanager
    def _started(self) -> Iterator["subprocess.Popen[str]"]:
        environment = {name: value for name, value in os.environ.items() if name not in OTHERS}
        try:
            self._process = subprocess.Popen(
                [*shlex.split(self.command), *TICK, "--spec", self.spec],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        except OSError as error:
            remedy = "say how to start emr-dr in the Airflow Variable emr_dr_command"
            raise AirflowFailException(f"{self.command}: {error.strerror}; {remedy}") from error
        with self._process as process:
            try:
                yield process
            finally:  # also when Airflow's timeout strikes
                _end(process)


def _end(process: "subprocess.Popen[str]") -> None:
    """End it with all that it started, if it has not ended."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        os.killpg(process.pid, how)
        try:
            process.wait(PARTING_SECONDS)
        except subprocess.TimeoutExpired:
            logging.getLogger(__name__).warning("emr-dr tick did not end on %s", how.name)


def say_why_no_tick_ended(context: Any) -> None:
    """Airflow says only that a run timed out; the usual cause is worth naming."""
    if context.get("reason") == "timed_out":
        logging.getLogger(__name__).error(
            "no tick ended in time: nothing looks after the recovery group. If the task was never begun, the pool %s is"
            ' missing or full; make it with: airflow pools set %s 1 "emr-dr monitor"',
            POOL,
            POOL,
        )


with DAG(
    "emr_dr_monitor",
    description=f"emr-dr tick, each minute; needs the pool {POOL}",
    doc_md=__doc__,
    start_date=datetime(2025, 1, 1, tzinfo=UTC),
    schedule="* * * * *",
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=4),
    on_failure_callback=say_why_no_tick_ended,
    tags=["emr-dr"],
):
    EmrDrTick(
        task_id="tick",
        command="{{ var.value.get('emr_dr_command', 'emr-dr') }}",
        spec=f"{{{{ var.value.get('emr_dr_spec', '{SPEC}') }}}}",
        pool=POOL,
        retries=0,  # the next minute is the retry
        execution_timeout=timedelta(minutes=2),
    )
