"""Real clients of Livy other than Airflow's, each run by a Python or a Java of its own."""
