"""The group's balancer as a place of targets: who stands in its target groups, and letting addresses in and out."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from emr_dr.aws import tags
from emr_dr.aws.errors import NotFoundError, RefusedError
from emr_dr.errors import ConflictError
from emr_dr.ports import TargetFact, TargetHealth

if TYPE_CHECKING:
    from mypy_boto3_elbv2.type_defs import TargetDescriptionTypeDef

    from emr_dr.aws.session import Session

T = TypeVar("T")
Json = Mapping[str, Any]  # what boto3 answers with; every field of it may be missing

_MADE_BY_APPLY = "emr-dr apply makes it; if it was made, see that region in the spec is right"


def target_health(state: object) -> TargetHealth:
    """Return ELBv2's state of a target; `unhealthy.draining` counts as draining, an unknown state as unavailable.

    Unavailable says nothing in favour of the target and nothing against it.
    """
    if state == "unhealthy.draining":
        return TargetHealth.DRAINING
    try:
        return TargetHealth(str(state))
    except ValueError:
        return TargetHealth.UNAVAILABLE


class NetworkBalancer:
    """The port `Balancer` over the ELBv2 API.

    Args:
        session: Makes clients and runs their calls.
        group: The group's name; what does not carry it as a tag is not ours and not touched.
        name: The balancer's name.
        target_groups: The target group's name for each service that has a listener.
        ending: Whether all of it is being deleted: then a target group that has gone just has no targets.
    """

    def __init__(
        self, session: "Session", *, group: str, name: str, target_groups: Mapping[str, str], ending: bool = False
    ) -> None:
        self._session = session
        self._client = session.elbv2()
        self._group = group
        self._name = name
        self._target_groups = dict(target_groups)
        self._ending = ending
        self._known: Mapping[str, Json] | None = None

    async def targets(self) -> Sequence[TargetFact]:
        """Every target of every group. See `Balancer.targets`.

        Raises:
            PermanentError: A target group does not exist.
            ConflictError: A target group of that name is not ours.
        """

        async def read(service: str, group: Json) -> Sequence[TargetFact]:
            facts = [_fact(service, each) for each in await self._health(group)]
            return [fact for fact in facts if fact.address and not fact.reason.startswith("Target.NotRegistered")]

        return [fact for facts in await self._on_each_group("reading targets", read) for fact in facts]

    async def register(self, address: str) -> None:
        """Make the address a target of every group; may be repeated. See `Balancer.register`."""

        async def register(_: str, group: Json) -> None:
            arn: str = group["TargetGroupArn"]
            target: TargetDescriptionTypeDef = {"Id": address, "Port": group["Port"]}
            await self._session.call(
                "ELBv2",
                "RegisterTargets",
                lambda: self._client.register_targets(TargetGroupArn=arn, Targets=[target]),
            )

        await self._on_each_group(f"registering {address}", register)

    async def deregister(self, address: str) -> None:
        """Take the address out of every group; may be repeated. See `Balancer.deregister`.

        It is taken out on every port it is listed with, however it got there.
        """

        async def deregister(_: str, group: Json) -> None:
            listed = [each.get("Target") or {} for each in await self._health(group)]
            ports = {target.get("Port") or group["Port"] for target in listed if target.get("Id") == address}
            try:
                # If it is not listed, on the group's port: what was registered a moment ago may not be shown yet.
                await self._deregister(group, address, sorted(ports) or [group["Port"]])
            except RefusedError as error:
                if ports or error.code != "InvalidTarget":
                    raise

        await self._on_each_group(f"deregistering {address}", deregister)

    async def address(self) -> str:
        """The name at which clients reach the balancer. See `Balancer.address`.

        Raises:
            ConflictError: A balancer of that name is not ours.
        """
        where = f"balancer {self._name}"
        async with self._session.within(where):
            try:
                answer: Json = await self._session.call(
                    "ELBv2", "DescribeLoadBalancers", lambda: self._client.describe_load_balancers(Names=[self._name])
                )
            except NotFoundError as error:
                raise self._missing("does not exist", where) from error
            found = next(iter(answer.get("LoadBalancers") or ()), None)
            if found is None or not found.get("DNSName"):
                raise self._missing("does not exist or has no address yet", where)
            await self._make_sure_they_are_ours([found["LoadBalancerArn"]], where)
        name: str = found["DNSName"]
        return name

    async def _deregister(self, group: Json, address: str, ports: Sequence[int]) -> None:
        arn: str = group["TargetGroupArn"]
        targets: list[TargetDescriptionTypeDef] = [{"Id": address, "Port": port} for port in ports]
        await self._session.call(
            "ELBv2", "DeregisterTargets", lambda: self._client.deregister_targets(TargetGroupArn=arn, Targets=targets)
        )

    async def _health(self, group: Json) -> Sequence[Json]:
        arn: str = group["TargetGroupArn"]
        answer: Json = await self._session.call(
            "ELBv2", "DescribeTargetHealth", lambda: self._client.describe_target_health(TargetGroupArn=arn)
        )
        return answer.get("TargetHealthDescriptions") or ()

    async def _on_each_group(self, what: str, act: Callable[[str, Json], Awaitable[T]]) -> Sequence[T]:
        """Act on all target groups at once; once more with fresh ARNs if one was made anew meanwhile."""
        async with self._session.within(what):
            try:
                return await self._act_on(await self._groups(), act)
            except NotFoundError:
                self._known = None
                return await self._act_on(await self._groups(), act)

    async def _act_on(self, groups: Mapping[str, Json], act: Callable[[str, Json], Awaitable[T]]) -> Sequence[T]:
        return await asyncio.gather(*(act(service, group) for service, group in groups.items()))

    async def _groups(self) -> Mapping[str, Json]:
        """The target groups by service; remembered, for an ARN means one group for ever."""
        if self._ending:
            return await self._left_groups()
        if self._known is None:
            self._known = await self._find_groups()
        return self._known

    async def _left_groups(self) -> Mapping[str, Json]:
        """Those of the target groups that are there and ours; asked each time, for they go."""
        found: dict[str, Json] = {}
        for service, name in self._target_groups.items():
            with suppress(NotFoundError, ConflictError):
                found[service] = (await self._described([name]))[name]
        return found

    async def _find_groups(self) -> Mapping[str, Json]:
        by_name = await self._described(list(self._target_groups.values()))
        return {service: by_name[name] for service, name in self._target_groups.items()}

    async def _described(self, names: Sequence[str]) -> Mapping[str, Json]:
        """These target groups by name; every one is there and is ours, or it raises."""
        where = f"target groups {', '.join(names)}"
        try:
            answer: Json = await self._session.call(
                "ELBv2", "DescribeTargetGroups", lambda: self._client.describe_target_groups(Names=names)
            )
        except NotFoundError as error:
            raise self._missing("not all of them exist", where) from error
        by_name = {group.get("TargetGroupName"): group for group in answer.get("TargetGroups") or ()}
        if missing := [name for name in names if name not in by_name]:
            raise self._missing("does not exist", f"target group {missing[0]}")
        await self._make_sure_they_are_ours([by_name[name]["TargetGroupArn"] for name in names], where)
        return by_name

    def _missing(self, what: str, where: str) -> NotFoundError:
        return NotFoundError(f"{what} in {self._session.region}", where=where, remedy=_MADE_BY_APPLY)

    async def _make_sure_they_are_ours(self, arns: Sequence[str], where: str) -> None:
        answer: Json = await self._session.call(
            "ELBv2", "DescribeTags", lambda: self._client.describe_tags(ResourceArns=arns)
        )
        owners = {
            each.get("ResourceArn"): tags.as_mapping(each.get("Tags") or ()).get(tags.GROUP)
            for each in answer.get("TagDescriptions") or ()
        }
        if any(owners.get(arn) != self._group for arn in arns):
            remedy = f"choose another name, or tag it {tags.GROUP}={self._group} if it may be ours"
            raise ConflictError("is there but does not carry our tag", where=where, remedy=remedy)


def _fact(service: str, described: Json) -> TargetFact:
    health: Json = described.get("TargetHealth") or {}
    words = (health.get("Reason") or "", health.get("Description") or "")
    return TargetFact(
        service=service,
        address=(described.get("Target") or {}).get("Id") or "",
        health=target_health(health.get("State")),
        reason=": ".join(word for word in words if word),
    )
