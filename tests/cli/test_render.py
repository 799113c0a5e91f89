"""What people see is whole, and what AWS or a service said is shown as it was said."""

from io import StringIO

import pytest
from rich.console import Console

from emr_dr.cli import render
from emr_dr.controller.loop import Round
from emr_dr.controller.observe import Observation
from emr_dr.core.document import Document, Lease
from emr_dr.core.group import Group, Member, Placement, Stage, Wanted
from emr_dr.core.verdict import Verdict, VerdictName
from emr_dr.core.world import Cluster, EmrState, Health, TargetState, World
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


def test_a_lease_that_was_given_back_leads_nothing() -> None:
    assert render.status_json(seen(Lease("us", 1, 0.0)))["leader"] is None
    assert render.status_json(seen(Lease("us", 1, 200.0)))["leader"] == "us"


def test_brackets_in_what_was_said_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    render.check(seen())
    assert capsys.readouterr().out.count(ODD) == 2
    out = StringIO()
    shown = render.Progress(Console(file=out, width=300), quiet=False)
    status = seen()
    for _ in range(2):
        shown.round(Round(status.document, status.observation))
    assert out.getvalue().count(f"Suspect: {ODD}") == 1
    assert out.getvalue().count(f"could not see {ODD}") == 1
