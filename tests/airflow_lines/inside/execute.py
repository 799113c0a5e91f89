"""Run by Airflow's own Python: executes the monitor's one task with each command given, and prints how each ended."""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

try:
    from airflow.dag_processing.dagbag import DagBag
except ImportError:
    from airflow.models.dagbag import DagBag


def ended(task: Any) -> dict[str, str]:
    """Execute it; tell what it raised, and what that said."""
    try:
        task.execute({})
    except Exception as error:  # noqa: BLE001 - which one is the answer
        return {"raised": type(error).__name__, "said": str(error)}
    return {"raised": "", "said": ""}


def struck(task: Any, mark: Path, how: Callable[[], object]) -> dict[str, str]:
    """Execute it, and have it struck when its process has left its mark."""

    def strike() -> None:
        while not mark.exists():
            time.sleep(0.05)
        how()

    striker = threading.Thread(target=strike)
    striker.start()
    try:
        return ended(task)
    finally:
        striker.join()


def time_out() -> None:
    """Do as Airflow's execution timeout does: raise in the task's thread by SIGALRM."""
    os.kill(os.getpid(), signal.SIGALRM)


def raise_in_task(*_: object) -> None:
    """The handler of that signal."""
    raise TimeoutError("the task's time is over")


asked = json.loads(sys.argv[2])
task = DagBag(sys.argv[1]).dags["emr_dr_monitor"].task_dict["tick"]
signal.signal(signal.SIGALRM, raise_in_task)  # reading a DAG has Airflow set a handler of its own
blows = {"kill": task.on_kill, "timeout": time_out}
answers = []
for each in asked:
    task.command, task.spec = each["command"], each["spec"]
    answers.append(struck(task, Path(each["mark"]), blows[each["blow"]]) if "blow" in each else ended(task))
sys.stdout.write(f"\n{json.dumps(answers)}\n")
