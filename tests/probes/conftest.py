"""The client of all probe tests."""

from collections.abc import AsyncIterator

import pytest

from emr_dr.probes.http import Http


@pytest.fixture
async def client() -> AsyncIterator[Http]:
    client = Http(timeout=0.3)
    yield client
    await client.close()
