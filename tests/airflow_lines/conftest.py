"""Airflow's environments, made before the first test that needs one."""

import pytest

from airflow_lines.airflow import Airflow
from airflow_lines.line import LINES


@pytest.fixture(scope="module", params=LINES, ids=lambda line: f"airflow-{line.name}")
def airflow(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Airflow:
    """One line of Airflow with a home of its own; it fails, saying what to do, where there is no environment."""
    return Airflow.of(request.param, tmp_path_factory.mktemp("airflow"))
