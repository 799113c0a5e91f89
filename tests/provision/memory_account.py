"""An account in memory with ELBv2's rules, as far as provisioning can break them; it can be killed at any call."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from emr_dr.errors import ConflictError
from emr_dr.provision.account import Fields, Tags


class KilledError(Exception):
    """The process ended in this call."""


@dataclass(frozen=True)
class Subnet:
    vpc: str
    az: str


@dataclass(frozen=True)
class Found:
    id: str
    fields: Fields
    tags: Tags


SUBNETS = {
    "subnet-a": Subnet("vpc-1", "us-east-1a"),
    "subnet-b": Subnet("vpc-1", "us-east-1b"),
    "subnet-a2": Subnet("vpc-1", "us-east-1a"),
    "subnet-c": Subnet("vpc-1", "us-east-1c"),
    "subnet-x": Subnet("vpc-2", "us-east-1b"),
}
DEFAULTS = {
    "balancer": {"load_balancing.cross_zone.enabled": "false", "deletion_protection.enabled": "false"},
    "group": {
        "deregistration_delay.timeout_seconds": "300",
        "deregistration_delay.connection_termination.enabled": "false",
        "target_health_state.unhealthy.connection_termination.enabled": "true",
        "preserve_client_ip.enabled": "false",
    },
    "listener": {},
}


@dataclass
class MemoryAccount:
    """Parts by ARN. `kill_at` counts calls that change something; `killed_after` says if that call was carried out."""

    parts: dict[str, Found] = field(default_factory=dict)
    kill_at: int | None = None
    killed_after: bool = False
    writes: list[str] = field(default_factory=list)

    async def subnets(self, ids: Collection[str]) -> Mapping[str, Subnet]:
        return {each: SUBNETS[each] for each in ids}

    async def load_balancer(self, name: str) -> Found | None:
        return self.parts.get(f"balancer/{name}")

    async def target_group(self, name: str) -> Found | None:
        return self.parts.get(f"group/{name}")

    async def listeners(self, load_balancer: str) -> Mapping[str, Found]:
        prefix = f"listener/{load_balancer}/"
        return {arn.removeprefix(prefix): each for arn, each in self.parts.items() if arn.startswith(prefix)}

    async def create_load_balancer(self, name: str, fields: Fields, tags: Tags) -> str:
        return self._create(f"balancer/{name}", {**fields, "VpcId": SUBNETS[fields["Subnets"].split(",")[0]].vpc}, tags)

    async def create_target_group(self, name: str, fields: Fields, tags: Tags) -> str:
        return self._create(f"group/{name}", fields, tags)

    async def create_listener(self, load_balancer: str, fields: Fields, tags: Tags) -> str:
        assert load_balancer in self.parts
        assert f"group/{fields['TargetGroup']}" in self.parts
        return self._create(f"listener/{load_balancer}/{fields['Port']}", fields, tags)

    async def change_load_balancer(self, arn: str, fields: Fields) -> None:
        self._change(arn, fields)

    async def change_target_group(self, arn: str, fields: Fields) -> None:
        self._change(arn, fields)

    async def change_listener(self, arn: str, fields: Fields) -> None:
        self._change(arn, fields)

    async def add_tags(self, arn: str, tags: Tags) -> None:
        self._write(f"tag {arn}", arn, replace(self.parts[arn], tags={**self.parts[arn].tags, **tags}))

    def _create(self, arn: str, fields: Fields, tags: Tags) -> str:
        if arn in self.parts:
            raise ConflictError("is there already", where=arn)
        attributes = [name for name in fields if "." in name]
        assert not attributes, "attributes are no parameters of creation"
        self._write(f"create {arn}", arn, Found(arn, {**DEFAULTS[arn.split("/", maxsplit=1)[0]], **fields}, tags))
        return arn

    def _change(self, arn: str, fields: Fields) -> None:
        self._write(f"change {arn}", arn, replace(self.parts[arn], fields={**self.parts[arn].fields, **fields}))

    def _write(self, what: str, arn: str, part: Found) -> None:
        self.writes.append(what)
        kill = self.kill_at == len(self.writes)
        if not kill or self.killed_after:
            self.parts[arn] = part
        if kill:
            raise KilledError
