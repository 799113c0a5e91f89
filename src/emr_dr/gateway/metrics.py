"""Prometheus metrics of one gateway, read from its counters and its situation when they are asked for."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from emr_dr.gateway.calls import Batches, Situation
from emr_dr.gateway.counters import Counters
from emr_dr.gateway.livy.answers import Answer
from emr_dr.gateway.losses import RescueCounts


class Metrics(Collector):
    """A registry of its own, so that two groups in one process do not mix."""

    def __init__(
        self,
        batches: Batches,
        counters: Counters,
        now: Callable[[], float],
        rescues: RescueCounts | None = None,
        sessions: Callable[[], Mapping[str, int]] | None = None,
    ) -> None:
        """`sessions` tells how many each cluster has."""
        self._batches = batches
        self._counters = counters
        self._now = now
        self._rescues = rescues
        self._sessions = sessions
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def answer(self) -> Answer:
        """GET /metrics."""
        return Answer(200, generate_latest(self._registry), CONTENT_TYPE_LATEST)

    def describe(self) -> Iterator[Metric]:
        """Nothing: metrics are made when they are asked for."""
        yield from ()

    def collect(self) -> Iterator[Metric]:
        """All metrics as of now."""
        seen = self._batches.situation()
        yield from self._http()
        yield from _members(seen)
        yield _gauge("emr_dr_batches_queued", "Batches that wait for a member.", seen.queued)
        age = max(self._now() - seen.views_at, 0.0) if seen.views_at else float("inf")
        yield _gauge("emr_dr_views_age_seconds", "Since the members' views were read from the store.", age)
        yield _gauge("emr_dr_troubles", "What is out of reach, by number.", len(seen.troubles))
        held = GaugeMetricFamily("emr_dr_batches_in_memory", "Batches held in memory.", labels=["kind"])
        for kind, count in sorted(seen.counts.items()):
            held.add_metric([kind], count)
        yield held
        if self._rescues is not None:
            yield from _rescues(self._rescues)
        if self._sessions is not None:
            living = GaugeMetricFamily("emr_dr_member_sessions", "Sessions there, a minute ago.", labels=["cluster"])
            for cluster, count in sorted(self._sessions().items()):
                living.add_metric([cluster], count)
            yield living

    def _http(self) -> Iterator[Metric]:
        counts = self._counters
        yield CounterMetricFamily("emr_dr_polls", "Reads of one batch, its state or its log.", value=counts.polls)
        yield CounterMetricFamily("emr_dr_submissions", "Batches taken.", value=counts.submitted)
        yield _by("emr_dr_submissions_refused", "Submissions not taken.", "reason", counts.refused)
        yield CounterMetricFamily("emr_dr_deletions", "Batches deleted.", value=counts.deleted)
        yield CounterMetricFamily("emr_dr_sign_ins_refused", "Requests of nobody known.", value=counts.signed_out)
        yield CounterMetricFamily(
            "emr_dr_requests_failed", "Requests that ended in a fault of ours.", value=counts.failed
        )
        yield _by("emr_dr_connections_cut_off", "Connections ended by the gateway.", "reason", counts.cut_off)
        yield _gauge("emr_dr_connections", "Connections of clients.", counts.connections)
        yield _gauge("emr_dr_submissions_under_way", "Submissions not answered yet.", counts.submitting)


def _members(seen: Situation) -> Iterator[Metric]:
    by_role = Counter(member.view.role.value for member in seen.members)
    members = GaugeMetricFamily("emr_dr_members", "Members by role.", labels=["role"])
    for role, count in sorted(by_role.items()):
        members.add_metric([role], count)
    yield members
    each: list[tuple[str, str, Callable[[int], float | None]]] = [
        ("emr_dr_member_takes_work", "Whether it is given new batches.", lambda n: float(seen.members[n].takes_work)),
        ("emr_dr_member_livy_up", "Whether its Livy answers well.", lambda n: float(not seen.members[n].livy)),
        ("emr_dr_member_yarn_up", "Whether its YARN answers well.", lambda n: float(not seen.members[n].yarn)),
        (
            "emr_dr_member_batches_unfinished",
            "Batches that run or may run there.",
            lambda n: seen.members[n].unfinished,
        ),
        (
            "emr_dr_member_seen_timestamp_seconds",
            "When its Livy last answered well.",
            lambda n: seen.members[n].seen_at,
        ),
    ]
    for name, text, value in each:
        gauge = GaugeMetricFamily(name, text, labels=["cluster"])
        for n, member in enumerate(seen.members):
            gauge.add_metric([member.view.cluster_id], value(n) or 0.0)
        yield gauge


def _rescues(counts: RescueCounts) -> Iterator[Metric]:
    yield _gauge("emr_dr_rescue_lease_held", "Whether this gateway is the one that rescues.", float(counts.holds))
    yield CounterMetricFamily("emr_dr_batches_rescued", "Batches attempted again after a proof.", value=counts.rescued)
    yield _by(
        "emr_dr_rescues_refused",
        "Batches ended instead of attempted again.",
        "reason",
        {str(k): n for k, n in counts.refused.items()},
    )
    held = GaugeMetricFamily("emr_dr_rescues_held", "Batches on lost members that wait.", labels=["cluster", "reason"])
    for cluster, reasons in sorted(counts.held.items()):
        for reason, count in sorted(reasons.items()):
            held.add_metric([cluster, reason], count)
    yield held
    proof = GaugeMetricFamily("emr_dr_loss_proof_seconds", "From a member's loss to the proof.", labels=["cluster"])
    sent = GaugeMetricFamily("emr_dr_loss_rescue_seconds", "From there to the last sending.", labels=["cluster"])
    for cluster, loss in counts.losses.items():
        proof.add_metric([cluster], loss.proof_seconds)
        if loss.rescue_seconds is not None:
            sent.add_metric([cluster], loss.rescue_seconds)
    yield from (proof, sent)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _by(name: str, text: str, label: str, counts: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(name, text, labels=[label])
    for key, count in sorted(counts.items()):
        family.add_metric([key], count)
    return family
