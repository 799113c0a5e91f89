"""Where groups, journals, leases and batches are kept: adapters of the `Store` and `Ledger` ports."""

from emr_dr.stores.memory import MemoryLedger, MemoryStore
from emr_dr.stores.sqlite import SqliteStore
from emr_dr.stores.sqlite_ledger import SqliteLedger

__all__ = ["MemoryLedger", "MemoryStore", "SqliteLedger", "SqliteStore"]
