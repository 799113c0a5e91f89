"""A name of one's own leads to the balancer, is known as ours, and nobody else's name is touched."""

import itertools

import pytest

from emr_dr.errors import ConflictError, PermanentError
from emr_dr.provision.apply import ensure, plan
from emr_dr.provision.desired import DesiredBalancer
from provision.memory_account import ADDRESS, KilledError, MemoryAccount, Named
from provision.test_provision import declared as declared_balancer

NAME = "livy.etl.example.internal"
BALANCER = ADDRESS["DNSName"]


def declared(zone: str = "Z1") -> DesiredBalancer:
    return declared_balancer(dns={"zone": zone, "name": NAME})


async def test_the_name_comes_last_leads_to_the_balancer_and_is_marked_as_ours() -> None:
    account = MemoryAccount()
    planned = await plan(account, declared())
    assert str(planned[-1]) == f"record {NAME}: new (alias of balancer etl-livy)"
    changes = await ensure(account, declared())
    assert str(changes[-1]) == f"record {NAME}: new (alias of {BALANCER})"
    assert account.writes[-1] == f"point {NAME}"
    assert account.names.names == {NAME: Named(BALANCER, "etl")}
    assert await ensure(account, declared()) == []


async def test_a_name_of_ours_that_leads_elsewhere_is_put_right() -> None:
    account = MemoryAccount()
    await ensure(account, declared())
    account.names.names[NAME] = Named("old.elb.us-east-1.amazonaws.com", "etl")
    (change,) = await ensure(account, declared())
    assert (change.field, change.before, change.after) == ("AliasTarget", "old.elb.us-east-1.amazonaws.com", BALANCER)
    assert account.names.names == {NAME: Named(BALANCER, "etl")}


async def test_a_name_that_leads_to_our_balancer_already_is_taken_over() -> None:
    account = MemoryAccount()
    await ensure(account, declared_balancer())
    account.names.names[NAME] = Named(BALANCER)
    (change,) = await ensure(account, declared())
    assert (change.resource, change.field, change.after) == (f"record {NAME}", "owner", "etl")


@pytest.mark.parametrize(
    ("there", "match"),
    [
        (Named("other.elb.us-east-1.amazonaws.com"), "leads to other.elb.* and is not marked as ours"),
        (Named(BALANCER, "other"), "is of group other"),
        (Named(other="CNAME elsewhere.example.com"), "no alias of ours: CNAME elsewhere.example.com"),
        (Named(BALANCER, "etl", other="AAAA dual"), "no alias of ours: AAAA dual"),
    ],
)
async def test_what_is_at_that_name_and_not_ours_is_refused_before_anything_is_made(there: Named, match: str) -> None:
    account = MemoryAccount()
    account.names.names[NAME] = there
    for act in (plan, ensure):
        with pytest.raises(ConflictError, match=match):
            await act(account, declared())
    assert account.writes == []


async def test_a_zone_that_does_not_exist_is_told_before_anything_is_made() -> None:
    account = MemoryAccount()
    with pytest.raises(PermanentError, match="hosted zone Z9"):
        await ensure(account, declared("Z9"))
    assert account.writes == []


@pytest.mark.parametrize("carried_out", [False, True], ids=["before the call", "after the call"])
async def test_broken_off_at_any_call_it_converges_when_it_is_run_again(*, carried_out: bool) -> None:
    whole = MemoryAccount()
    await ensure(whole, declared())
    for kill_at in itertools.count(1):
        account = MemoryAccount(kill_at=kill_at, killed_after=carried_out)
        try:
            await ensure(account, declared())
        except KilledError:
            account.kill_at = None
            await ensure(account, declared())
            assert (account.parts, account.rules.open()) == (whole.parts, whole.rules.open())
            assert account.names.names == whole.names.names
            continue
        break
    assert kill_at == len(whole.writes) + 1
