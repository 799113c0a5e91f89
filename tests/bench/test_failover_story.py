"""A run of the failover benchmark for each contender, against stand-ins and with a quicker schedule."""

import shutil
from pathlib import Path

import pytest

from benchmarks.failover.cases import CASES, Contender, Rules
from benchmarks.failover.outcome import outcome
from benchmarks.failover.run import play
from benchmarks.failover.schedule import NEEDS

pytestmark = [pytest.mark.lab, pytest.mark.long, pytest.mark.timeout(600)]

QUICK = Rules(period=30, wait="20s", starts=2, patience=240)


async def test_our_own_run_comes_back_and_breaks_nothing(tmp_path: Path) -> None:
    told = outcome(await play(Contender.OURS, CASES["fast"], tmp_path, QUICK, print, stand_in=True))
    assert told["rto_seconds"] >= told["overhead_seconds"] > 0, "a stand-in starts within a tenth of a second"
    assert told["broke"] == []
    assert (told["clusters_launched"], told["clusters_left"]) == (1, 0)
    assert [e["to"] for e in told["events"] if e["event"] == "verdict_changed"][:2] == ["Suspect", "MemberLost"]


@pytest.mark.skipif(any(shutil.which(tool) is None for tool in NEEDS), reason="the procedure's tools are not here")
async def test_the_procedures_run_comes_back_with_a_cluster_for_each_start_that_found_nothing(tmp_path: Path) -> None:
    told = outcome(await play(Contender.BASELINE, CASES["fast"], tmp_path, QUICK, print, stand_in=True))
    done = [start for start in told["starts"] if start["done"]]
    assert told["rto_seconds"] > 20, "it waits so long before it registers anything"
    assert told["clusters_launched"] == len(done) >= 1
    assert told["clusters_left"] == len(done) - 1
