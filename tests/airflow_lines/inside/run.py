"""Run by Airflow's own Python: runs a DAG once by `dag.test()`, and prints the states that its database has then."""

import json
import sys

try:
    from airflow.dag_processing.dagbag import DagBag
except ImportError:
    from airflow.models.dagbag import DagBag

run = DagBag(sys.argv[1]).dags[sys.argv[2]].test()
states = {task.task_id: str(task.state) for task in run.get_task_instances()}
sys.stdout.write(f"\n{json.dumps({'run': str(run.state), 'tasks': states})}\n")
