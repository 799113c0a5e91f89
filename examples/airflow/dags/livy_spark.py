"""A Spark batch through the recovery group's stable address: the post's job, for Airflow 2.10, 2.11 and 3.

The connection `livy_default` names the balancer (or its alias in Route 53), and carries the timeout and the headers of
each request; connections.json in the folder above is an example. The Airflow Variable `livy_spark_file` says which file
to run; it must lie where the cluster's role can read it.

A poll that fails, as in a failover, fails the attempt at once. Five minutes later the batch is submitted again, to
whichever cluster serves then: give it only work that may run twice.
"""

from datetime import UTC, datetime, timedelta

from airflow.providers.apache.livy.operators.livy import LivyOperator

try:  # Airflow 3
    from airflow.sdk import DAG
except ImportError:  # Airflow 2
    from airflow import DAG

# From Airflow 3.3 on a retry would not submit again, but ask for the number that the lost cluster gave: on another
# cluster that number is nobody's, or another job's. Older ones know neither the word nor the danger.
try:
    from airflow.sdk import ResumableJobMixin
except ImportError:
    SUBMIT_AGAIN = {}
else:
    SUBMIT_AGAIN = {"durable": False} if issubclass(LivyOperator, ResumableJobMixin) else {}

with DAG(
    "livy_spark",
    description="One Spark batch through Livy at the recovery group's address",
    doc_md=__doc__,
    start_date=datetime(2025, 1, 1, tzinfo=UTC),
    schedule=None,
    catchup=False,
    tags=["emr", "livy", "spark"],
):
    LivyOperator(
        task_id="spark",
        livy_conn_id="livy_default",
        file="{{ var.value.get('livy_spark_file', 's3://acme-artifacts/jobs/pi.py') }}",
        args=["10"],
        conf={"spark.submit.deployMode": "cluster", "spark.app.name": "livy_spark"},
        polling_interval=5,  # 0, its default, would call the task a success as soon as the batch was accepted
        retries=1,
        retry_delay=timedelta(minutes=5),
        execution_timeout=timedelta(hours=2),
        **SUBMIT_AGAIN,
    )
