"""Run by Airflow's own Python: executes the monitor's one task with each command given, and prints how each ended."""

import json
import sys
import threading
import time
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


def killed(task: Any, mark: Path) -> dict[str, str]:
    """Execute it, and have Airflow end it when its process has left its mark."""

    def kill() -> None:
        while not mark.exists():
            time.sleep(0.05)
        task.on_kill()

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        return ended(task)
    finally:
        killer.join()


asked = json.loads(sys.argv[2])
task = DagBag(sys.argv[1]).dags["emr_dr_monitor"].task_dict["tick"]
answers = []
for each in asked:
    task.command, task.spec = each["command"], each["spec"]
    answers.append(killed(task, Path(each["kill_at"])) if "kill_at" in each else ended(task))
sys.stdout.write(f"\n{json.dumps(answers)}\n")
