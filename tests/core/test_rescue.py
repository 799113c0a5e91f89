"""What becomes of a batch whose member died, reason by reason."""

import json
from dataclasses import replace
from typing import Any

import pytest

from emr_dr.core.batch import Batch, NewBatch, RescueClass, ShownState, SubmitState, objections
from emr_dr.core.rescue import Again, Close, Hold, Holding, Limits, Refusal, carried_out, decide, spent_lately
from emr_dr.core.view import MemberView, Proof, ProofKind, Role

TERMINATED = Proof(ProofKind.TERMINATED, 500.0, "EMR says TERMINATED")
KILLED = Proof(ProofKind.YARN_KILLED, 450.0, "application_1_0001 is KILLED")
PERSON = Proof(ProofKind.PERSON, 500.0, "ann: pulled the plug")
LOST = MemberView("j-1", 1, 1, "az-a", "http://10.0.0.1:8998", "http://10.0.0.1:8088", Role.FENCED, accepts_new=False)
DEAD = replace(LOST, death=TERMINATED)
NOW = 600.0
LIMITS = Limits()


def batch(
    rescue: RescueClass = RescueClass.IDEMPOTENT,
    submit: SubmitState = SubmitState.CONFIRMED,
    file: str = "s3://acme/job.py",
) -> Batch:
    """A batch on j-1 that runs since the second 101."""
    text = json.dumps({"file": file})
    new = NewBatch("t0k3n", text, 100.0, rescue=rescue, cluster_id="j-1", epoch=1, sent=True).numbered(7)
    return change(new, submit=submit, livy_id=3).showing(ShownState.RUNNING, 101.0)


def change(of: Batch, **changes: Any) -> Batch:  # noqa: ANN401 - as dataclasses.replace has it
    return of.with_last(replace(of.last, **changes))


RUNNING = batch()


class TestWithoutProof:
    def test_nothing_happens_to_a_batch_whose_member_is_not_proven_dead(self) -> None:
        decision = decide(RUNNING, LOST, LIMITS, NOW)
        assert isinstance(decision, Hold)
        assert (decision.reason, decision.why) == (Holding.NO_PROOF, "nothing proves that j-1 (fenced) is dead")

    @pytest.mark.parametrize("submit", SubmitState)
    @pytest.mark.parametrize("rescue", RescueClass)
    def test_whatever_its_class_and_however_far_it_got(self, rescue: RescueClass, submit: SubmitState) -> None:
        assert isinstance(decide(batch(rescue, submit), LOST, LIMITS, NOW), Hold)

    def test_the_death_of_another_member_proves_nothing(self) -> None:
        decision = decide(RUNNING, replace(DEAD, cluster_id="j-2"), LIMITS, NOW)
        assert isinstance(decision, Hold)
        assert decision.reason is Holding.ELSEWHERE

    def test_a_persons_word_does_not_cover_what_was_sent_after_it(self) -> None:
        released = replace(LOST, death=PERSON)
        late = change(RUNNING, sent_at=500.5)
        decision = decide(late, released, LIMITS, NOW)
        assert isinstance(decision, Hold)
        assert decision.reason is Holding.SENT_AFTER
        assert isinstance(decide(change(RUNNING, sent_at=499.0), released, LIMITS, NOW), Again)
        assert isinstance(decide(late, DEAD, LIMITS, NOW), Again), "what is terminated runs nothing, whenever sent"

    def test_an_attempt_that_was_seen_to_end_needs_no_rescue(self) -> None:
        decision = decide(change(RUNNING, ended_at=300.0), DEAD, LIMITS, NOW)
        assert isinstance(decision, Hold)


class TestByClass:
    def test_never_ends_dead_and_says_why(self) -> None:
        decision = decide(batch(RescueClass.NEVER), DEAD, LIMITS, NOW)
        assert isinstance(decision, Close)
        assert decision.reason is Refusal.NEVER
        assert decision.why.startswith("cluster lost; not retry-safe: it may have run")
        assert "j-1 is dead, terminated: EMR says TERMINATED" in decision.why
        after = carried_out(batch(RescueClass.NEVER), decision, NOW)
        assert (after.shown, after.ended_at, after.why) == (ShownState.DEAD, NOW, decision.why)
        assert (after.last.proof, after.unfinished) == (TERMINATED, False)

    @pytest.mark.parametrize("rescue", [RescueClass.IDEMPOTENT, RescueClass.ATOMIC])
    @pytest.mark.parametrize("kind", ProofKind)
    def test_idempotent_and_atomic_go_on_by_any_proof(self, rescue: RescueClass, kind: ProofKind) -> None:
        dead = replace(LOST, death=replace(TERMINATED, kind=kind))
        assert isinstance(decide(batch(rescue), dead, LIMITS, NOW), Again)

    @pytest.mark.parametrize(
        ("kind", "goes_on"),
        {
            ProofKind.YARN_KILLED: False,
            ProofKind.TERMINATED: True,
            ProofKind.ROLE_DENIED: True,
            ProofKind.PERSON: True,
        }.items(),
    )
    def test_checkpointed_waits_for_a_proof_that_excludes_a_second_writer(self, kind: ProofKind, goes_on: bool) -> None:
        dead = replace(LOST, death=replace(TERMINATED, kind=kind))
        decision = decide(batch(RescueClass.CHECKPOINTED), dead, LIMITS, NOW)
        assert isinstance(decision, Again if goes_on else Hold)
        if isinstance(decision, Hold):
            assert decision.reason is Holding.TWO_WRITERS

    def test_checkpointed_whose_run_was_killed_goes_on_when_its_member_dies(self) -> None:
        killed = change(batch(RescueClass.CHECKPOINTED), proof=KILLED)
        assert isinstance(decide(killed, LOST, LIMITS, NOW), Hold)
        decision = decide(killed, DEAD, LIMITS, NOW)
        assert isinstance(decision, Again)
        assert decision.proof == TERMINATED
        assert carried_out(killed, decision, NOW).attempts[0].proof == KILLED, "a proof is set once"

    @pytest.mark.parametrize("submit", [SubmitState.INTENT, SubmitState.FAILED])
    @pytest.mark.parametrize("rescue", RescueClass)
    def test_what_never_ran_is_always_attempted_again(self, rescue: RescueClass, submit: SubmitState) -> None:
        strict = Limits(attempts=1, oldest=60.0, off=True)
        killed = replace(LOST, death=KILLED)
        assert isinstance(decide(batch(rescue, submit, file="hdfs:///job.py"), killed, strict, NOW), Again)

    @pytest.mark.parametrize("submit", [SubmitState.SENT, SubmitState.UNKNOWN, SubmitState.CONFIRMED])
    def test_what_was_sent_may_have_run(self, submit: SubmitState) -> None:
        assert isinstance(decide(batch(RescueClass.NEVER, submit), DEAD, LIMITS, NOW), Close)


class TestLimits:
    @pytest.mark.parametrize(
        ("limits", "reason"),
        [
            (Limits(off=True), Refusal.OFF),
            (Limits(oldest=499.0), Refusal.OLDEST),
            (Limits(attempts=1), Refusal.ATTEMPTS),
        ],
    )
    def test_a_limit_is_a_reason_to_end(self, limits: Limits, reason: Refusal) -> None:
        decision = decide(RUNNING, DEAD, limits, NOW)
        assert isinstance(decision, Close)
        assert decision.reason is reason
        assert "cluster lost; not run again: " in decision.why

    def test_attempts_that_never_ran_do_not_count(self) -> None:
        failed = change(RUNNING, submit=SubmitState.FAILED).again(200.0, cluster_id="j-1")
        again = change(failed, submit=SubmitState.CONFIRMED, sent_at=200.0)
        assert isinstance(decide(again, DEAD, Limits(attempts=2), NOW), Again)
        assert isinstance(decide(again, DEAD, Limits(attempts=1), NOW), Close)

    def test_beyond_a_minutes_worth_a_batch_waits_and_does_not_end(self) -> None:
        decision = decide(RUNNING, DEAD, Limits(a_minute=3), NOW, spent=3)
        assert isinstance(decision, Hold)
        assert decision.reason is Holding.RATE
        assert isinstance(decide(RUNNING, DEAD, Limits(a_minute=3), NOW, spent=2), Again)

    def test_rescues_of_the_last_minute_are_known_by_their_second_attempts(self) -> None:
        rescued = change(RUNNING, proof=TERMINATED).again(NOW - 30.0)
        older = change(RUNNING, proof=TERMINATED).again(NOW - 60.0)
        never_arrived = change(RUNNING, submit=SubmitState.FAILED).again(NOW - 30.0)
        assert spent_lately([RUNNING, rescued, older, never_arrived], NOW) == [NOW - 30.0]


class TestFiles:
    @pytest.mark.parametrize(
        "request_",
        [
            {"file": "hdfs:///jobs/a.py"},
            {"file": "/user/ann/a.py"},
            {"file": "a.py"},
            {"file": "FILE:/home/ann/a.py"},
            {"jars": ["s3://acme/x.jar", "viewfs://here/y.jar"]},
            {"pyFiles": ["lib/a:b.zip"]},
            {"files": ["webhdfs://nn:9870/conf"]},
            {"archives": ["/envs/py.tar.gz#env"]},
            {"conf": {"spark.jars": "s3://acme/x.jar,hdfs:///y.jar"}},
            {"conf": {"spark.yarn.dist.archives": "py.tar.gz#env"}},
        ],
        ids=str,
    )
    def test_what_was_on_the_dead_cluster_is_named_and_not_run_again(self, request_: dict[str, object]) -> None:
        decision = decide(
            replace(RUNNING, request=json.dumps({"file": "s3://acme/job.py", **request_})), DEAD, LIMITS, NOW
        )
        assert isinstance(decision, Close)
        assert decision.reason is Refusal.FILES
        assert "not retry-safe: on the cluster's own file systems were" in decision.why

    @pytest.mark.parametrize(
        "request_",
        [
            {"file": "local:///usr/lib/spark/examples/jars/spark-examples.jar"},
            {"file": "S3A://acme/job.py", "jars": [], "args": ["/not/a/file", "hdfs:///is/the/jobs/own/affair"]},
            {"file": "https://acme.example/job.py", "conf": {"spark.jars": "", "spark.eventLog.dir": "hdfs:///logs"}},
        ],
        ids=str,
    )
    def test_what_outlives_the_cluster_is_run_again(self, request_: dict[str, object]) -> None:
        assert isinstance(
            decide(replace(RUNNING, request=json.dumps({"file": "s3://acme/job.py", **request_})), DEAD, LIMITS, NOW),
            Again,
        )

    def test_a_request_that_nobody_can_read_is_not_run_again(self) -> None:
        assert isinstance(decide(replace(RUNNING, request="{"), DEAD, LIMITS, NOW), Close)


class TestTombstones:
    @pytest.mark.parametrize("rescue", RescueClass)
    @pytest.mark.parametrize("submit", SubmitState)
    def test_what_was_deleted_is_never_attempted_again(self, rescue: RescueClass, submit: SubmitState) -> None:
        tombstone = batch(rescue, submit).deleted()
        decision = decide(tombstone, DEAD, LIMITS, NOW)
        assert isinstance(decision, Close)
        assert decision.reason is Refusal.DELETED
        assert not carried_out(tombstone, decision, NOW).unfinished

    def test_an_end_that_was_shown_stays(self) -> None:
        ended = RUNNING.showing(ShownState.SUCCESS, 400.0)
        decision = decide(ended, DEAD, LIMITS, NOW)
        assert isinstance(decision, Close)
        after = carried_out(ended, decision, NOW)
        assert (after.shown, after.ended_at, after.unfinished) == (ShownState.SUCCESS, 400.0, False)


def test_a_rescued_batch_starts_again_under_its_number_with_the_proof_on_its_former_attempt() -> None:
    decision = decide(RUNNING, DEAD, LIMITS, NOW)
    assert isinstance(decision, Again)
    after = carried_out(RUNNING, decision, NOW)
    assert (after.id, after.shown, after.ended_at) == (7, ShownState.STARTING, None)
    assert after.attempts[0].proof == TERMINATED
    assert (after.last.number, after.last.submit, after.last.cluster_id) == (2, SubmitState.INTENT, "")
    assert "goes on as attempt 2, declared idempotent" in after.why


@pytest.mark.parametrize("submit", SubmitState)
@pytest.mark.parametrize("rescue", RescueClass)
@pytest.mark.parametrize("deleted", [False, True])
@pytest.mark.parametrize("shown", [ShownState.STARTING, ShownState.RUNNING, ShownState.SUCCESS, ShownState.DEAD])
def test_the_ledger_has_no_objection_to_any_decision(
    submit: SubmitState, rescue: RescueClass, deleted: bool, shown: ShownState
) -> None:
    before = batch(rescue, submit).showing(shown, 300.0)
    before = before.deleted() if deleted else before
    for kind in ProofKind:
        decision = decide(before, replace(LOST, death=replace(TERMINATED, kind=kind)), LIMITS, NOW)
        if not isinstance(decision, Hold):
            assert not list(objections(before, carried_out(before, decision, NOW)))
