"""The gateway's own pages: health, metrics, members and drains."""

import re
from dataclasses import replace

import pytest

from emr_dr.core.view import MemberView, Proof, ProofKind, Role
from emr_dr.gateway.calls import Caller, MemberState, Situation, Submission
from emr_dr.ports import QueueLoad
from emr_dr.spec.gateway import Limits
from gateway.memory import MemoryBatches
from gateway.served import Served, served

NOW = 1000.0
VIEW = MemberView("j-A", 1, 1, "us-east-1a", "http://10.0.0.1:8998", "http://10.0.0.1:8088", Role.SERVING, True)
WELL = MemberState(VIEW, livy="", yarn="", clean=True, load=QueueLoad(3, 1), unfinished=4, seen_at=999.5)
FENCED = replace(VIEW, cluster_id="j-B", role=Role.FENCED, accepts_new=False)
DEAD = replace(FENCED, cluster_id="j-C", death=Proof(ProofKind.TERMINATED, 900.0, "EMR says TERMINATED"))
DRAINED = (MemberState(FENCED, livy="", yarn="", unfinished=2), MemberState(DEAD, unfinished=0))
FRESH = Situation("etl", "gateway-1", (WELL, *DRAINED), queued=5, views_at=999.0, counts={"unfinished": 4})


async def told(gateway: Served, path: str, status: int = 200) -> dict[str, object]:
    """A page's JSON."""
    reply = await gateway.ask("GET", path)
    assert (reply.status, reply.headers["content-type"]) == (status, "application/json;charset=utf-8")
    assert isinstance(reply.json, dict)
    return reply.json


HEALTH = {
    "all is well": (FRESH, True, []),
    "a member is away": (replace(FRESH, members=DRAINED), True, []),
    "the store is away": (replace(FRESH, views_at=980.0), False, ["the store was last read 20 s ago"]),
    "it has just begun": (replace(FRESH, views_at=0.0), False, ["the members were never read from the store"]),
    "the queue is full": (
        replace(FRESH, members=DRAINED, queued=1000),
        False,
        ["no member takes work, and the queue is full"],
    ),
}


@pytest.mark.parametrize(("situation", "accepts", "why"), HEALTH.values(), ids=HEALTH.keys())
async def test_health_is_200_as_long_as_what_is_known_is_served(
    situation: Situation, why: list[str], *, accepts: bool
) -> None:
    async with served(MemoryBatches(told=situation), now=NOW) as gateway:
        page = await told(gateway, "/gateway/health")
        assert (page["status"], page["accepts_submissions"], page["why"]) == ("ok", accepts, why)
        assert (page["group"], page["gateway"]) == ("etl", "gateway-1")


async def test_a_gateway_that_stops_says_so_to_the_balancer() -> None:
    async with served(MemoryBatches(told=FRESH), now=NOW) as gateway:
        gateway.pages.stopping = True
        page = await told(gateway, "/gateway/health", status=503)
        assert (page["status"], page["accepts_submissions"]) == ("stopping", False)


async def test_members_are_shown_with_why_they_are_not_used() -> None:
    odd = MemberState(VIEW, livy="no connection", yarn="", clean=False)
    async with served(MemoryBatches(told=replace(FRESH, members=(WELL, odd))), now=NOW) as gateway:
        page = await told(gateway, "/gateway/members")
        members = page["members"]
        assert isinstance(members, list)
        assert [each["takes_work"] for each in members] == [True, False]
        assert [each["livy"] for each in members] == ["ok", "no connection"]
        assert (members[0]["running"], members[0]["pending"], members[1]["running"]) == (3, 1, None)
        assert "livy_url" not in members[0]


async def test_drains_are_members_that_take_nothing_new_with_what_is_left() -> None:
    async with served(MemoryBatches(told=FRESH), now=NOW) as gateway:
        page = await told(gateway, "/gateway/drains")
        drains = page["drains"]
        assert isinstance(drains, list)
        assert [(each["cluster"], each["unfinished"], each["drained"]) for each in drains] == [
            ("j-B", 2, False),
            ("j-C", 0, True),
        ]
        assert drains[1]["death"]["kind"] == "terminated"


LINE = re.compile(r"(emr_dr_[a-z_]+)(\{[^}]*\})? (\S+)")


async def metrics(gateway: Served) -> dict[str, float]:
    """What Prometheus would read."""
    reply = await gateway.ask("GET", "/metrics")
    assert reply.headers["content-type"].startswith("text/plain")
    found = {}
    for line in reply.body.decode().splitlines():
        if not line.startswith("#"):
            match = LINE.fullmatch(line)
            assert match is not None, line
            found[match[1] + (match[2] or "")] = float(match[3])
    return found


async def test_metrics_count_what_was_asked_and_tell_what_is_seen() -> None:
    batches = MemoryBatches(told=FRESH)
    await batches.submit(Submission({"file": "x"}), Caller())
    async with served(batches, now=NOW, limits=Limits(connections=100)) as gateway:
        for path in ("/batches/1", "/batches/1/state", "/batches/1/log"):
            await gateway.ask("GET", path)
        await gateway.ask("POST", "/batches", b'{"file":"x"}')
        await gateway.ask("POST", "/batches", b"{")
        await gateway.ask("DELETE", "/batches/1")
        seen = await metrics(gateway)
        assert seen["emr_dr_polls_total"] == 4  # the deleted one was looked at, too
        assert seen["emr_dr_submissions_total"] == 1
        assert seen['emr_dr_submissions_refused_total{reason="request"}'] == 1
        assert seen["emr_dr_deletions_total"] == 1
        assert seen["emr_dr_batches_queued"] == 5
        assert seen["emr_dr_views_age_seconds"] == 1
        assert seen['emr_dr_members{role="fenced"}'] == 2
        assert seen['emr_dr_member_takes_work{cluster="j-A"}'] == 1
        assert seen['emr_dr_member_batches_unfinished{cluster="j-B"}'] == 2
        assert seen["emr_dr_connections"] >= 1


async def test_two_groups_in_one_process_do_not_mix_their_metrics() -> None:
    async with served(MemoryBatches(told=FRESH), now=NOW) as one, served(MemoryBatches(told=FRESH), now=NOW) as two:
        await one.ask("POST", "/batches", b'{"file":"x"}')
        assert (await metrics(one))["emr_dr_submissions_total"] == 1
        assert (await metrics(two))["emr_dr_submissions_total"] == 0


async def test_the_pages_are_read_only_and_there_are_no_others() -> None:
    async with served(MemoryBatches(told=FRESH), now=NOW) as gateway:
        for path in ("/gateway/health", "/metrics", "/gateway/members", "/gateway/batches/1"):
            reply = await gateway.ask("POST", path, b"{}")
            assert (reply.status, reply.headers["allow"]) == (405, "GET, HEAD")
        for path in ("/gateway/nosuch", "/gateway/members/", "/metrics/ping", "/gateway/../batches"):
            assert (await gateway.ask("GET", path)).status == 404
        index = await gateway.ask("GET", "/gateway/")
        assert (index.status, b"/gateway/members" in index.body) == (200, True)


async def test_names_are_not_taken_for_markup() -> None:
    async with served(MemoryBatches(told=replace(FRESH, gateway="<script>")), now=NOW) as gateway:
        assert b"<script>" not in (await gateway.ask("GET", "/gateway/")).body
