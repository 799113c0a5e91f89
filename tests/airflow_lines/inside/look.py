"""Run by Airflow's own Python: reads the folder of DAGs and prints, as JSON, what Airflow makes of it."""

import json
import runpy
import sys
import warnings
from pathlib import Path
from typing import Any

try:
    from airflow.dag_processing.dagbag import DagBag
except ImportError:
    from airflow.models.dagbag import DagBag


def warned(file: Path) -> list[str]:
    """What importing it warns of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        runpy.run_path(str(file))
    return [str(each.message) for each in caught]


def shown(dag: Any) -> dict[str, Any]:
    """The parts of a DAG that matter to whoever runs it."""
    return {
        "schedule": dag.schedule if hasattr(dag, "schedule") else dag.schedule_interval,
        "catchup": dag.catchup,
        "max_active_runs": dag.max_active_runs,
        "dagrun_timeout": dag.dagrun_timeout.total_seconds() if dag.dagrun_timeout else None,
        "doc": dag.doc_md,
        "tasks": {
            task.task_id: {
                "type": type(task).__name__,
                "pool": task.pool,
                "retries": task.retries,
                "retry_delay": task.retry_delay.total_seconds(),
                "execution_timeout": task.execution_timeout.total_seconds(),
                "templated": list(task.template_fields),
                "durable": getattr(task, "durable", False),
                "spark": getattr(task, "spark_params", {}),
            }
            for task in dag.tasks
        },
    }


folder = Path(sys.argv[1])
bag = DagBag(str(folder))
answer = {
    "errors": bag.import_errors,
    "warnings": {file.name: warned(file) for file in sorted(folder.glob("*.py"))},
    "dags": {name: shown(dag) for name, dag in bag.dags.items()},
}
sys.stdout.write(f"\n{json.dumps(answer)}\n")
