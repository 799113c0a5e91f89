"""The balancer is let in at every port that members serve, by rules of ours or of others, and by no more than that."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from emr_dr.errors import PermanentError, TransientError
from emr_dr.provision.apply import INTERFACE_SECONDS, ensure, plan
from emr_dr.provision.change import Change
from emr_dr.provision.desired import DesiredBalancer, desired_balancer
from emr_dr.spec import Spec
from provision.memory_account import MemoryAccount
from provision.test_provision import SPEC

PORTS = (8998, 8088, 9870)
OURS = {"emr-dr:group": "etl"}
BY_ADDRESS = {("sg-p", port, f"10.0.{net}.7/32", "etl") for port in PORTS for net in (1, 2)}


def declared(*additional: str, **balancer: object) -> DesiredBalancer:
    groups = {"primary": "sg-p", "core": "sg-c", "additional_primary": list(additional)}
    cluster = {**SPEC["cluster"], "security_groups": groups}  # type: ignore[dict-item]
    address = {"balancer": {"name": "etl-livy", "subnets": ["subnet-a", "subnet-b"], **balancer}}
    return desired_balancer(Spec.model_validate({**SPEC, "address": address, "cluster": cluster}))


def refuse(_: Sequence[Change]) -> None:
    raise AssertionError("nobody was to be asked")


class NoError(Exception):
    """A person said no."""


async def test_without_groups_of_its_own_each_address_of_the_balancer_is_let_in_at_each_port() -> None:
    account = MemoryAccount()
    changes = await ensure(account, declared())
    assert account.rules.open() == BY_ADDRESS
    assert [str(c) for c in changes if c.kind == "rule"][:2] == [
        "rule sg-p tcp/8998 from 10.0.1.7/32: new (let in by sg-p)",
        "rule sg-p tcp/8998 from 10.0.2.7/32: new (let in by sg-p)",
    ]
    assert {r.tags["emr-dr:service"] for r in account.rules.rules.values()} == {
        "livy",
        "resource-manager",
        "name-node",
    }
    assert await plan(account, declared()) == []
    assert await ensure(account, declared(), consent=refuse) == []


async def test_a_balancer_with_groups_is_let_in_by_the_first_of_them() -> None:
    account = MemoryAccount()
    await ensure(account, declared(security_groups=["sg-nlb", "sg-other"]))
    assert account.rules.open() == {("sg-p", port, "sg-nlb", "etl") for port in PORTS}
    assert await plan(account, declared(security_groups=["sg-nlb", "sg-other"])) == []


@pytest.mark.parametrize(
    ("group", "source", "balancer"),
    [
        ("sg-p", "10.0.0.0/16", {}),
        ("sg-p", "0.0.0.0/0", {}),
        ("sg-more", "10.0.0.0/16", {}),
        ("sg-p", "sg-other", {"security_groups": ["sg-nlb", "sg-other"]}),
        ("sg-p", "10.0.0.0/16", {"security_groups": ["sg-nlb"]}),
    ],
)
async def test_rules_of_another_hand_that_admit_the_same_are_left_alone_and_nothing_is_added(
    group: str, source: str, balancer: dict[str, object]
) -> None:
    account = MemoryAccount()
    for port in PORTS:
        account.rules.add(group, port, source)
    before = account.rules.open()
    await ensure(account, declared("sg-more", **balancer), consent=refuse)
    assert account.rules.open() == before


async def test_rules_for_other_ports_protocols_or_parts_of_the_balancer_do_not_count() -> None:
    account = MemoryAccount()
    account.rules.add("sg-p", 8999, "10.0.0.0/16")
    account.rules.add("sg-p", 8998, "10.0.1.0/24")
    account.rules.add("sg-own", 8088, "10.0.0.0/16")
    account.rules.rules = {
        **account.rules.rules,
        "sgr-udp": replace(next(iter(account.rules.rules.values())), id="sgr-udp", protocol="udp", ports=(0, 65535)),
    }
    await ensure(account, declared())
    added = {each for each in account.rules.open() if each[3]}
    assert added == BY_ADDRESS - {("sg-p", 8998, "10.0.1.7/32", "etl")}


async def test_a_group_that_is_not_ours_is_changed_only_when_a_person_has_seen_all_of_it_and_said_yes() -> None:
    account, shown = MemoryAccount(), list[Change]()

    def no(changes: Sequence[Change]) -> None:
        shown.extend(changes)
        raise NoError

    with pytest.raises(NoError):
        await ensure(account, declared(), consent=no)
    assert account.writes == [], "it was asked before anything was changed"
    assert [c.resource for c in shown if c.asks] == [
        f"rule sg-p tcp/{port} from the balancer's addresses" for port in PORTS
    ]
    assert shown[0].resource == "balancer etl-livy"


async def test_for_a_subnet_that_is_added_the_rule_to_come_is_foretold() -> None:
    account = MemoryAccount()
    await ensure(account, declared())
    planned = await plan(account, declared(subnets=["subnet-a", "subnet-b", "subnet-c"]))
    assert [c.resource for c in planned if c.kind == "rule"] == [
        f"rule sg-p tcp/{port} from the balancer's addresses in subnet-c" for port in PORTS
    ]


async def test_in_a_group_of_ours_nobody_is_asked() -> None:
    account = MemoryAccount()
    account.rules.groups["sg-p"] = OURS
    await ensure(account, declared(), consent=refuse)
    assert account.rules.open() == BY_ADDRESS


async def test_when_the_balancers_addresses_change_new_ones_are_let_in_before_the_old_ones_are_shut_out() -> None:
    account = MemoryAccount()
    await ensure(account, declared())
    account.rules.add("sg-p", 8998, "10.0.1.99/32")
    account.rules.host = 8
    account.writes.clear()
    changes = await ensure(account, declared())
    assert account.rules.open() == {(g, p, s.replace(".7/", ".8/"), o) for g, p, s, o in BY_ADDRESS} | {
        ("sg-p", 8998, "10.0.1.99/32", "")
    }
    assert [w.split()[0] for w in account.writes] == ["admit"] * 6 + ["revoke"] * 6
    assert str(changes[-1]).endswith("removed (the balancer does not come from there any more)")


async def test_while_an_interface_is_missing_no_rule_seems_left_over() -> None:
    account = MemoryAccount()
    await ensure(account, declared())
    account.rules.late = 1
    planned = await plan(account, declared())
    assert [c for c in planned if c.removes] == []


async def test_a_rule_of_ours_at_a_port_that_is_declared_no_more_goes() -> None:
    account = MemoryAccount()
    await ensure(account, declared())
    account.rules.add("sg-p", 18998, "10.0.1.7/32", OURS)
    account.rules.add("sg-p", 18998, "10.0.2.7/32", {"emr-dr:group": "other"})
    (change,) = await ensure(account, declared())
    assert change.resource == "rule sg-p tcp/18998 from 10.0.1.7/32"
    assert ("sg-p", 18998, "10.0.2.7/32", "other") in account.rules.open()


async def test_the_interfaces_of_a_new_balancer_are_waited_for() -> None:
    account, waits = MemoryAccount(), list[float]()

    async def pause(seconds: float) -> None:
        waits.append(seconds)

    account.rules.late = 3
    await ensure(account, declared(), pause=pause)
    assert len(waits) == 3
    assert account.rules.open() == BY_ADDRESS


async def test_interfaces_that_never_come_are_told_and_applying_again_goes_on() -> None:
    account, waits = MemoryAccount(), list[float]()

    async def pause(seconds: float) -> None:
        waits.append(seconds)

    account.rules.late = 1000
    with pytest.raises(TransientError, match="network interfaces in subnet-a, subnet-b yet; apply again"):
        await ensure(account, declared(), pause=pause)
    assert sum(waits) == INTERFACE_SECONDS
    account.rules.late = 0
    await ensure(account, declared())
    assert account.rules.open() == BY_ADDRESS


async def test_a_security_group_that_does_not_exist_is_told_before_anything_is_made() -> None:
    account = MemoryAccount()
    with pytest.raises(PermanentError, match="sg-gone"):
        await ensure(account, declared("sg-gone"))
    assert account.writes == []


async def test_who_sees_to_the_rules_themselves_has_none_of_them_looked_at() -> None:
    account = MemoryAccount()
    account.rules.groups.clear()
    await ensure(account, declared(admit=False))
    assert account.rules.open() == set()
