"""What a plan says: exactly what `apply` would do, in the account and in the group, and nothing is touched by it."""

from dataclasses import replace

import pytest

from emr_dr import service
from emr_dr.core.group import Placement, Wanted
from emr_dr.errors import ConflictError
from emr_dr.provision.change import Change
from emr_dr.service import Site
from provision.memory_account import MemoryAccount
from simulation.harness import GROUP, Scene, site


async def apply(found: Site) -> list[Change]:
    return list(await service.apply(found, lambda _: None, changed=lambda _: None))


async def test_a_plan_for_a_new_group_tells_the_account_the_file_and_the_members_and_touches_nothing() -> None:
    scene, account = Scene(), MemoryAccount()
    found = site(scene, account)
    controller = found.controller
    controller.policy = replace(controller.policy, placements=(Placement("subnet-a", "us-east-1a"),))
    planned = await service.plan(found)
    assert [str(each) for each in planned[-3:]] == [
        "file s3://memory/prove.py: new (4 bytes)",
        f"group {GROUP}: new (1 serving, 0 standing by)",
        "member 1: new (launched in subnet-a us-east-1a, serves)",
    ]
    assert planned[0].resource.startswith("balancer ")
    assert (account.writes, scene.artifacts.files, scene.cloud.machines) == ([], {}, {})
    assert await scene.store.load(GROUP) is None


async def test_once_applied_a_plan_is_empty() -> None:
    scene, account = Scene(), MemoryAccount()
    made = await apply(site(scene, account))
    assert made[-1].resource == "file s3://memory/prove.py"
    assert await service.plan(site(scene, account)) == []


async def test_a_file_that_differs_is_told_and_put_right() -> None:
    scene, account = Scene(), MemoryAccount()
    await apply(site(scene, account))
    scene.artifacts.files["prove.py"] = b"another"
    (change,) = await service.plan(site(scene, account))
    assert (change.resource, change.field) == ("file s3://memory/prove.py", "sha256")
    assert await apply(site(scene, account)) == [change]
    assert scene.artifacts.files["prove.py"] == b"pass"


async def test_a_file_of_another_hand_is_refused_and_nothing_is_made() -> None:
    scene, account = Scene(), MemoryAccount()
    scene.artifacts.files["prove.py"] = b"theirs"
    for act in (service.plan, apply):
        with pytest.raises(ConflictError, match=r"prove\.py: is there already, and is not ours"):
            await act(site(scene, account))
    assert (account.writes, scene.artifacts.files) == ([], {"prove.py": b"theirs"})


async def test_a_strategy_that_wants_more_than_the_remembered_group_is_told() -> None:
    scene, account = Scene(), MemoryAccount()
    await apply(site(scene, account))
    warm = replace(site(scene, account), strategy="warm-standby")
    (change,) = await service.plan(warm)
    assert (change.resource, change.field, change.before, change.after) == (f"group {GROUP}", "standby", "0", "1")
    document = await scene.store.load(GROUP)
    assert document is not None
    assert document.group.wanted == Wanted(1), "a plan saves nothing"
