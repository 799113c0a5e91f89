"""What we need from the world: small protocols that adapters implement and decisions never see.

Every method keeps a deadline of its own and raises only the tree of `emr_dr.errors`. Unless its docstring says
otherwise, a method may be repeated.
"""

from emr_dr.ports.cloud import (
    Artifacts,
    Balancer,
    ClusterFacts,
    Clusters,
    Difference,
    Hosts,
    Roles,
    TargetFact,
    TargetHealth,
)
from emr_dr.ports.ledger import Backlog, BatchLog, BatchPage, Changes, Creation, Ledger, LogPage, LogTail
from emr_dr.ports.member import MemberWork, Probes, ProvingRun, Unfinished
from emr_dr.ports.sessions import Passage, Question, Reply, SessionLedger
from emr_dr.ports.store import JournalEntry, PublishedViews, Store
from emr_dr.ports.timing import Clock
from emr_dr.ports.upstream import Accepted, Declined, LivyBatch, QueueLoad, Upstream, YarnApplication

__all__ = [
    "Accepted",
    "Artifacts",
    "Backlog",
    "Balancer",
    "BatchLog",
    "BatchPage",
    "Changes",
    "Clock",
    "ClusterFacts",
    "Clusters",
    "Creation",
    "Declined",
    "Difference",
    "Hosts",
    "JournalEntry",
    "Ledger",
    "LivyBatch",
    "LogPage",
    "LogTail",
    "MemberWork",
    "Passage",
    "Probes",
    "ProvingRun",
    "PublishedViews",
    "Question",
    "QueueLoad",
    "Reply",
    "Roles",
    "SessionLedger",
    "Store",
    "TargetFact",
    "TargetHealth",
    "Unfinished",
    "Upstream",
    "YarnApplication",
]
