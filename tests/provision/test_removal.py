"""What is ours goes, from wherever it was broken off; what is not ours stays, and is never taken along."""

import itertools
from collections.abc import Mapping
from dataclasses import replace

import pytest

from emr_dr.errors import ConflictError, PermanentError
from emr_dr.provision.apply import ensure
from emr_dr.provision.desired import DesiredBalancer
from emr_dr.provision.removal import removals, remove
from provision.memory_account import Found, KilledError, MemoryAccount, Named
from provision.test_provision import declared as declared_balancer

NAME = "livy.etl.example.internal"


def declared() -> DesiredBalancer:
    return declared_balancer(dns={"zone": "Z1", "name": NAME})


async def applied() -> MemoryAccount:
    account = MemoryAccount()
    await ensure(account, declared())
    account.writes.clear()
    return account


def left(account: MemoryAccount) -> tuple[object, ...]:
    return account.parts, account.rules.rules, account.names.names


async def test_all_that_was_made_goes_clients_first_and_nothing_the_second_time() -> None:
    account = await applied()
    told: list[str] = []
    gone = await remove(account, declared(), lambda change: told.append(change.resource))
    assert left(account) == ({}, {}, {})
    assert told == [change.resource for change in gone]
    assert [name.split()[0] for name in told] == (
        ["record"] + ["listener"] * 3 + ["balancer"] + ["target"] * 3 + ["rule"] * 6
    )
    assert all(change.removes for change in gone)
    assert await remove(account, declared()) == []


@pytest.mark.parametrize("carried_out", [False, True], ids=["before the call", "after the call"])
async def test_broken_off_at_any_call_it_goes_on_when_it_is_run_again(*, carried_out: bool) -> None:
    for kill_at in itertools.count(1):
        account = await applied()
        account.kill_at, account.killed_after = kill_at, carried_out
        try:
            await remove(account, declared())
        except KilledError:
            account.kill_at = None
            await remove(account, declared())
            assert left(account) == ({}, {}, {})
            continue
        break
    assert kill_at == 15


@pytest.mark.parametrize("tags", [{}, {"emr-dr:group": "other"}], ids=["untagged", "another group's"])
async def test_what_is_not_ours_is_left_alone(tags: Mapping[str, str]) -> None:
    account = await applied()
    for arn in ("balancer/etl-livy", "listener/balancer/etl-livy/8998", "group/etl-livy"):
        account.parts[arn] = replace(account.parts[arn], tags=tags)
    for rule in account.rules.rules.values():
        account.rules.rules[rule.id] = replace(rule, tags=tags)
    account.names.names[NAME] = Named(account.names.names[NAME].target, tags.get("emr-dr:group", ""))
    before = dict(account.rules.rules)
    await remove(account, declared())
    assert account.parts.keys() == {"balancer/etl-livy", "listener/balancer/etl-livy/8998", "group/etl-livy"}
    assert account.rules.rules == before
    assert NAME in account.names.names


async def test_a_listener_of_somebody_else_on_our_balancer_keeps_all_of_it() -> None:
    account = await applied()
    account.parts["listener/balancer/etl-livy/443"] = Found("theirs", {"TargetGroup": "web"}, {})
    with pytest.raises(ConflictError, match="listens on port 443 for somebody else"):
        await remove(account, declared())
    assert account.writes == []


async def test_a_balancer_that_is_protected_from_deletion_is_told_and_kept() -> None:
    account = await applied()
    found = account.parts["balancer/etl-livy"]
    account.parts["balancer/etl-livy"] = replace(found, fields={**found.fields, "deletion_protection.enabled": "true"})
    with pytest.raises(PermanentError, match=r"protected from deletion; switch deletion_protection\.enabled off"):
        await remove(account, declared())
    assert account.writes == []


async def test_rules_of_ours_go_from_a_group_that_is_declared_no_more_too() -> None:
    account = await applied()
    account.rules.add("sg-own", 8998, "10.0.1.7/32", {"emr-dr:group": "etl"})
    account.rules.add("sg-own", 8998, "10.0.2.7/32")
    await remove(account, declared())
    assert account.rules.open() == {("sg-own", 8998, "10.0.2.7/32", "")}


async def test_it_asks_for_no_subnet_and_no_security_group_for_these_may_have_gone() -> None:
    account = await applied()
    account.rules.groups.clear()
    desired = replace(declared(), placements=("subnet-gone",))
    assert await removals(account, desired)
    await remove(account, desired)
    assert left(account) == ({}, {}, {})
