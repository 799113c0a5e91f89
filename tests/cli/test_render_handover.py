"""What a person is shown of a handover before it is asked for, and when it is over."""

import json
from dataclasses import replace

import pytest

from core.scenes import A, B, member
from emr_dr.cli.render_handover import handover_json, show_handover, show_switched, switched_json
from emr_dr.core.group import Order, Stage
from emr_dr.errors import ConflictError
from emr_dr.ports import Unfinished
from emr_dr.service import Gap, Handover, Kind, Switched

OLD, NEW = member(1, Stage.SERVING, epoch=1), member(2, Stage.STANDBY, placement=B)
JOBS = tuple(Unfinished("batch", str(n), f"job-{n}", "running") for n in range(25))
PLANNED = Handover(Kind.SWITCHOVER, OLD, None, B, Order(), 3600.0, ())


def shown(capsys: pytest.CaptureFixture[str], found: Handover) -> str:
    show_handover(found)
    return capsys.readouterr().out


def test_who_goes_and_who_comes_is_said_first(capsys: pytest.CaptureFixture[str]) -> None:
    said = shown(capsys, PLANNED)
    assert "member 1 az-a (j-1) hands over to a new member, to be launched in subnet-b az-b and proven first" in said
    said = shown(capsys, Handover(Kind.FAILOVER, OLD, NEW, None, Order(failover=True), 0.0, ()))
    assert "failover: member 1 az-a (j-1) hands over to the standby, member 2 az-b (j-2)" in said
    assert A.az in said


def test_where_others_serve_on_no_gap_is_announced(capsys: pytest.CaptureFixture[str]) -> None:
    assert "nobody takes new batches" in shown(capsys, PLANNED)
    said = shown(capsys, replace(PLANNED, others=1))
    assert "1 more serve meanwhile, and take new batches" in said
    assert "nobody takes" not in said


def test_unfinished_batches_are_counted_and_listed_with_what_becomes_of_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = shown(capsys, Handover(Kind.SWITCHOVER, OLD, NEW, None, Order(), 90.0, JOBS))
    assert "25 unfinished on it" in said
    assert "batch 0 (job-0) running" in said
    assert "and 5 more" in said
    assert "waited for, 1m30s at the most" in said
    assert "may submit it again while it still runs" in said
    said = shown(capsys, Handover(Kind.FAILOVER, OLD, NEW, None, Order(failover=True), 0.0, JOBS[:1]))
    assert "it is not waited for" in said


def test_when_nobody_can_tell_what_runs_that_is_said_and_never_taken_for_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = shown(capsys, Handover(Kind.SWITCHOVER, OLD, NEW, None, Order(), 90.0, None, "livy at 10.0.0.1: refused"))
    assert "nobody could tell what runs on it: livy at 10.0.0.1: refused" in said
    assert "nothing unfinished" not in said


def test_the_gap_is_printed_with_the_balancers_part_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    show_switched(Switched("handed over", "", OLD, NEW, Gap(12.34, 10.0), JOBS[:2], led=True))
    said = capsys.readouterr().out
    assert "refused for 12.3 s at the most: 10.0 s until the balancer called the new target healthy, 2.3 s" in said
    assert "2 run on at member 1" in said
    assert "no controller runs" not in said
    show_switched(Switched("handed over", "", OLD, NEW, None, ()))
    assert "no controller runs: start `emr-dr watch`" in capsys.readouterr().out


def test_one_that_was_called_off_says_why_and_who_serves_on(capsys: pytest.CaptureFixture[str]) -> None:
    show_switched(Switched("called off", "the proof failed", OLD, None))
    assert "called off: the proof failed; member 1 az-a (j-1) serves on" in capsys.readouterr().out


def test_programs_get_the_same_in_json() -> None:
    refused = Handover(Kind.SWITCHOVER, OLD, None, B, Order(), 60.0, None, "x", refusal=ConflictError("paused"))
    told = json.loads(json.dumps(handover_json(refused)))
    assert (told["refused"], told["unfinished"], told["placement"]["subnet"]) == ("paused", None, "subnet-b")
    told = json.loads(json.dumps(switched_json(Switched("handed over", "", OLD, NEW, Gap(12.3456, 10), ()))))
    assert (told["refused_seconds"], told["balancer_seconds"], told["successor"]["number"]) == (12.346, 10, 2)


def test_with_gateways_nothing_is_waited_for_and_nobody_refused(capsys: pytest.CaptureFixture[str]) -> None:
    said = shown(capsys, replace(PLANNED, by_gateway=True, drain=0.0, unfinished=JOBS))
    assert "it is not waited for: batches run on there to their end" in said
    assert "nobody is refused" in said
    assert "may submit it again" not in said
    assert "nobody takes" not in said
    show_switched(Switched("handed over", "", OLD, NEW, None, JOBS, led=True, by_gateway=True))
    said = capsys.readouterr().out
    assert "25 run on at member 1 az-a (j-1), which is kept until then, and gateways follow them" in said
    assert "refused" not in said
