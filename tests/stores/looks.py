"""Looks at a SQLite file from outside, and at the error that a call ends with."""

import sqlite3
from collections.abc import Awaitable
from contextlib import closing
from pathlib import Path

import pytest

from emr_dr.errors import EmrDrError


def run_sql(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def pragma(path: Path, name: str) -> object:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(f"PRAGMA {name}").fetchone()[0]


async def refusal(call: Awaitable[object]) -> EmrDrError:
    with pytest.raises(EmrDrError) as caught:
        await call
    return caught.value
