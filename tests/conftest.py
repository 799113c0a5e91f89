"""What every test begins with."""

from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def _log_events_go_nowhere_special() -> Iterator[None]:
    """Undo what a verb that ran in this process set up: it would keep other tests from seeing what is logged."""
    yield
    structlog.reset_defaults()
