"""What people see is whole, and what AWS or a service said is shown as it was said."""

import json
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from emr_dr.cli import render
from emr_dr.cli.operate import conclude
from emr_dr.cli.progress import Progress
from emr_dr.cli.words import COLOURS
from emr_dr.controller.loop import Round
from emr_dr.controller.observe import Observation
from emr_dr.core.document import Document, Lease
from emr_dr.core.group import Group, Member, Placement, Stage, Wanted
from emr_dr.core.verdict import Verdict, VerdictName
from emr_dr.core.view import Proof, ProofKind
from emr_dr.core.world import Cluster, EmrState, Health, HostHealth, Sight, TargetState, World
from emr_dr.errors import EmrDrError
from emr_dr.provision.change import Change
from emr_dr.service import Status

ODD = "refused [arn:aws:iam::1:role/x] at [/emr-dr/proving-job.py]"
MEMBER = Member(1, Stage.SERVING, 0.0, "j-IKO5DA6QVJ5CO", 1, 1, Placement("subnet-a", "us-east-1a"), "127.10.1.10")


def seen(lease: Lease | None = None) -> Status:
    group = Group("etl", "origin", Wanted(1), (MEMBER,), 1, 1)
    cluster = Cluster("j-IKO5DA6QVJ5CO", 1, EmrState.UP, target=TargetState.IN_SERVICE)
    verdict = Verdict(VerdictName.SUSPECT, Health.UNKNOWN, ODD)
    observation = Observation(World(100.0, (cluster,)), verdicts={"j-IKO5DA6QVJ5CO": verdict}, troubles=(ODD,))
    return Status(Document(group, lease=lease), observation, ())


def test_a_status_is_not_cut_where_it_is_piped_or_the_terminal_is_narrow(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    render.status(seen())
    out = capsys.readouterr().out
    for whole in ("j-IKO5DA6QVJ5CO", "us-east-1a", "127.10.1.10", "in-service"):
        assert whole in out


def test_the_batch_numbers_of_each_member_are_shown_where_it_has_a_range_of_its_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    observation = replace(seen().observation, ranged=frozenset({"j-IKO5DA6QVJ5CO"}))
    plainly, ranged = seen(), replace(seen(), observation=observation)
    for status, shown, told in ((plainly, False, None), (ranged, True, [1_000_000, 1_999_999])):
        render.status(status)
        assert ("1000000-1999999" in capsys.readouterr().out) is shown
        (member,) = json.loads(json.dumps(render.status_json(status)))["members"]
        assert member["batch_ids"] == told


def test_a_plan_cuts_nothing_off_however_narrow_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    subnets = ",".join(f"subnet-{number:017x}" for number in range(6))
    render.changes([Change("balancer", "etl-livy", "Subnets", subnets, "subnet-a", "because [it] is declared so")])
    out = capsys.readouterr().out
    assert "…" not in out
    assert "[it]" in out
    assert out.count("subnet-0") >= 6


def test_a_lease_that_was_given_back_leads_nothing() -> None:
    assert render.status_json(seen(Lease("us", 1, 0.0)))["leader"] is None
    assert render.status_json(seen(Lease("us", 1, 200.0)))["leader"] == "us"


def test_brackets_in_what_was_said_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    render.check(seen())
    assert capsys.readouterr().out.count(ODD) == 2
    out = StringIO()
    shown = Progress(Console(file=out, width=300), quiet=False)
    status = seen()
    for _ in range(2):
        shown.round(Round(status.document, status.observation))
    assert out.getvalue().count(f"Suspect: {ODD}") == 1
    assert out.getvalue().count(f"could not see {ODD}") == 1


def shown(*rounds: Round) -> str:
    """What progress says of these rounds."""
    out = StringIO()
    progress = Progress(Console(file=out, width=300), quiet=False)
    for done in rounds:
        progress.round(done)
    return out.getvalue()


def test_a_controller_that_stands_still_says_so_when_it_begins_and_not_as_its_seconds_count_down() -> None:
    document, looked = seen().document, Round(seen().document, seen().observation)
    still = [Round(document, None, still=f"the clock was set: nothing is done for {s} s more") for s in (60, 55, 50)]
    assert shown(*still).count("nothing is done: the clock was set: nothing is done for 60 s more") == 1
    assert shown(*still).count("the clock was set") == 1
    assert shown(*still, looked, *still).count("the clock was set") == 2
    assert "another controller leads" not in shown(*still)
    assert "another controller leads: them" in shown(*still, Round(document, None, leader="them"))


def test_whoever_follows_shows_what_the_leader_saves() -> None:
    document = seen().document
    members = tuple(replace(m, stage=Stage.FENCING, reason="handed over") for m in document.group.members)
    later = replace(document, group=replace(document.group, members=members))
    assert "handed over" in shown(Round(document, None, leader="them"), Round(later, None, leader="them"))


def test_a_difference_from_the_spec_is_shown_once() -> None:
    observation = replace(seen().observation, remarks=(f"j-1: tags: {ODD}",))
    done = Round(seen().document, observation)
    assert shown(done, done).count(f"differs from the spec, admitted all the same: j-1: tags: {ODD}") == 1
    assert COLOURS["BalancerPathBroken"]


def test_a_status_tells_differences_and_ec2s_word_where_there_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    plain = seen()
    render.status(plain)
    out = capsys.readouterr().out
    assert "EC2" not in out
    assert "differs" not in out
    (cluster,) = plain.observation.world.clusters
    world = replace(plain.observation.world, clusters=(replace(cluster, host=HostHealth.IMPAIRED),))
    told = replace(plain, observation=replace(plain.observation, world=world), remarks=(f"j-1: tags: {ODD}",))
    render.status(told)
    out = capsys.readouterr().out
    assert "EC2" in out
    assert "impaired" in out
    assert f"differs from the spec, admitted all the same: j-1: tags: {ODD}" in out
    as_json = render.status_json(told)
    assert as_json["remarks"] == [f"j-1: tags: {ODD}"]
    assert '"impaired"' in json.dumps(as_json)


def test_behind_gateways_a_status_tells_who_works_what_is_unfinished_and_who_is_proven_dead(
    capsys: pytest.CaptureFixture[str],
) -> None:
    plain = seen()
    (cluster,) = plain.observation.world.clusters
    world = replace(plain.observation.world, clusters=(replace(cluster, unfinished=3),))
    dead = replace(MEMBER, death=Proof(ProofKind.TERMINATED, 90.0, "EMR says that the cluster has ended"))
    document = replace(plain.document, group=replace(plain.document.group, members=(dead,)))
    observation = replace(plain.observation, world=world)
    told = Status(document, observation, (), gateways=("gateway-1", "gateway-2"))
    render.status(told)
    out = capsys.readouterr().out
    assert "through 2 gateways: gateway-1, gateway-2" in out
    assert "unfinished" in out
    assert "in-service" not in out
    assert "member 1 is proven dead: EMR says that the cluster has ended" in out
    render.check(told)
    assert "batches 3" in capsys.readouterr().out
    render.status(replace(told, gateways=()))
    assert "no gateway has told of its members lately" in capsys.readouterr().out


def test_a_tick_on_a_destroyed_group_ends_well_though_its_targets_are_not_seen() -> None:
    document, observation = seen().document, seen().observation
    blind = replace(observation, world=replace(observation.world, blind=frozenset({Sight.TARGETS})))
    with pytest.raises(EmrDrError):
        conclude(Round(document, blind))
    conclude(Round(replace(document, group=Group("etl", "origin", Wanted(0))), blind))


def test_a_tick_ends_with_the_exit_code_of_how_its_last_round_ended() -> None:
    document, observation = seen().document, seen().observation
    conclude(Round(document, observation))
    conclude(Round(document, None, leader="them"))
    blind = replace(observation, world=replace(observation.world, blind=frozenset({Sight.TARGETS})))
    held = replace(document, group=replace(document.group, held="3 candidates spent"))
    for done, code, words in [
        (
            Round(document, None, still="the clock was set"),
            75,
            "etl: nothing was decided: the clock was set; try again",
        ),
        (Round(document, blind), 75, f"etl: could not see {ODD}"),
        (Round(held, observation), 1, "etl: automation stopped itself: 3 candidates spent"),
    ]:
        with pytest.raises(EmrDrError) as ended:
            conclude(done)
        assert ended.value.exit_code == code
        assert str(ended.value).startswith(words)
