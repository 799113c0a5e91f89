"""The examples for Airflow, run by real Airflow of each line in an environment of its own."""
