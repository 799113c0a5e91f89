"""The tables of the SQLite file, the marks by which it is known as ours, and how an older file becomes a newer one."""

import sqlite3
from contextlib import closing
from pathlib import Path

from emr_dr.errors import PermanentError

APPLICATION_ID = 0x454D5244
"""`EMRD`, in the header of every file of ours (PRAGMA application_id)."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE groups (
            name TEXT PRIMARY KEY, version INTEGER NOT NULL, document TEXT NOT NULL, views TEXT NOT NULL
        ) STRICT""",
        """CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT""",
        """CREATE TABLE journal (
            group_name TEXT NOT NULL, seq INTEGER NOT NULL, entry TEXT NOT NULL, PRIMARY KEY (group_name, seq)
        ) STRICT""",
        """CREATE TABLE leases (
            name TEXT PRIMARY KEY, holder TEXT NOT NULL, term INTEGER NOT NULL, expires_at REAL NOT NULL
        ) STRICT""",
        """CREATE TABLE batches (
            group_name TEXT NOT NULL, id INTEGER NOT NULL, version INTEGER NOT NULL,
            token TEXT NOT NULL, owner TEXT NOT NULL, key TEXT, name TEXT,
            listed INTEGER NOT NULL, unfinished INTEGER NOT NULL, cluster_id TEXT NOT NULL,
            batch TEXT NOT NULL, PRIMARY KEY (group_name, id)
        ) STRICT""",
        "CREATE UNIQUE INDEX batch_token ON batches (group_name, token)",
        "CREATE UNIQUE INDEX batch_key ON batches (group_name, owner, key) WHERE key IS NOT NULL",
        "CREATE INDEX batch_name ON batches (group_name, name) WHERE name IS NOT NULL",
        "CREATE INDEX batch_listed ON batches (group_name, id) WHERE listed",
        "CREATE INDEX batch_unfinished ON batches (group_name, cluster_id) WHERE unfinished",
        """CREATE TABLE logs (
            group_name TEXT NOT NULL, batch_id INTEGER NOT NULL, log TEXT NOT NULL, PRIMARY KEY (group_name, batch_id)
        ) STRICT""",
        """CREATE TABLE loads (
            group_name TEXT NOT NULL, gateway TEXT NOT NULL, loads TEXT NOT NULL, PRIMARY KEY (group_name, gateway)
        ) STRICT""",
    ),
    (
        """CREATE TABLE sightings (
            group_name TEXT NOT NULL, vantage TEXT NOT NULL, sighting TEXT NOT NULL, PRIMARY KEY (group_name, vantage)
        ) STRICT""",
    ),
    (
        "ALTER TABLE batches ADD COLUMN change INTEGER NOT NULL DEFAULT 0",
        "CREATE INDEX batch_change ON batches (group_name, change)",
    ),
    (
        """CREATE TABLE sessions (
            group_name TEXT NOT NULL, id INTEGER NOT NULL, version INTEGER NOT NULL, token TEXT NOT NULL,
            session TEXT NOT NULL, PRIMARY KEY (group_name, id)
        ) STRICT""",
        "CREATE UNIQUE INDEX session_token ON sessions (group_name, token)",
    ),
)
"""Step n leads from version n to n + 1. A step that was released is never changed; a new one is added."""


def prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Make sure that the file is ours, and set it up or bring it up to date.

    Raises:
        PermanentError: It is somebody else's file, a newer emr-dr made it, or it cannot be kept safely where it is.
    """
    where = str(path)
    connection.execute("BEGIN")  # so that a set-up under way elsewhere is seen whole or not at all
    try:
        version = _version(connection, where)
    finally:
        connection.execute("ROLLBACK")
    # Before this line nothing was written: a file that is not ours stays as it is.
    if _pragma(connection, "journal_mode = WAL") != "wal":
        remedy = "put the store on a local disk; for more than one machine use DynamoDB"
        raise PermanentError("this file system cannot be shared safely by processes", where=where, remedy=remedy)
    connection.execute("PRAGMA synchronous = FULL")
    if version < len(MIGRATIONS):
        _migrate(connection, where)


def _migrate(connection: sqlite3.Connection, where: str) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Asked again, now that nobody else can write: another process may have done some of it.
        for step in MIGRATIONS[_version(connection, where) :]:
            for statement in step:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _version(connection: sqlite3.Connection, where: str) -> int:
    owner, version = _pragma(connection, "application_id"), _pragma(connection, "user_version")
    with closing(connection.execute("SELECT count(*) FROM sqlite_schema")) as rows:
        empty = rows.fetchone() == (0,)
    if empty and owner == version == 0:
        return 0
    if owner != APPLICATION_ID or not isinstance(version, int):
        remedy = "name another file in the spec under `store`"
        raise PermanentError("this is not a store of emr-dr", where=where, remedy=remedy)
    if version > len(MIGRATIONS):
        what = f"the store has schema {version}, newer than {len(MIGRATIONS)}"
        raise PermanentError(what, where=where, remedy="use the newest emr-dr that ever wrote to this store")
    return version


def _pragma(connection: sqlite3.Connection, name: str) -> object:
    with closing(connection.execute(f"PRAGMA {name}")) as rows:
        value: object = rows.fetchone()[0]
    return value
