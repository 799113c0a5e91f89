"""An account in memory with ELBv2's and EC2's rules, as far as provisioning can break them; killed at any call."""

import itertools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from emr_dr.errors import ConflictError, PermanentError
from emr_dr.provision.account import Fields, Tags


class KilledError(Exception):
    """The process ended in this call."""


@dataclass(frozen=True)
class Subnet:
    vpc: str
    az: str
    cidr: str = "10.0.9.0/24"


@dataclass(frozen=True)
class Found:
    id: str
    fields: Fields
    tags: Tags


@dataclass(frozen=True)
class Rule:
    id: str
    group: str
    protocol: str
    ports: tuple[int, int]
    source: str
    tags: Tags = field(default_factory=dict)


@dataclass(frozen=True)
class Interface:
    subnet: str
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class Target:
    address: str
    port: int
    health: str = "initial"
    reason: str = ""


SUBNETS = {
    "subnet-a": Subnet("vpc-1", "us-east-1a", "10.0.1.0/24"),
    "subnet-b": Subnet("vpc-1", "us-east-1b", "10.0.2.0/24"),
    "subnet-a2": Subnet("vpc-1", "us-east-1a", "10.0.4.0/24"),
    "subnet-c": Subnet("vpc-1", "us-east-1c", "10.0.3.0/24"),
    "subnet-x": Subnet("vpc-2", "us-east-1b"),
}
ADDRESS = {"DNSName": "etl-livy-0.elb.us-east-1.amazonaws.com", "CanonicalHostedZoneId": "Z2"}
DEFAULTS = {
    "balancer": {"load_balancing.cross_zone.enabled": "false", "deletion_protection.enabled": "false"},
    "group": {
        "deregistration_delay.timeout_seconds": "300",
        "deregistration_delay.connection_termination.enabled": "false",
        "target_health_state.unhealthy.connection_termination.enabled": "true",
        "preserve_client_ip.enabled": "false",
        "stickiness.enabled": "false",
    },
    "listener": {},
}


@dataclass
class MemoryRules:
    """Rules by id; a balancer's interfaces appear in its subnets, after `late` looks."""

    write: Callable[[str, Callable[[], object]], None]
    parts: dict[str, Found]
    groups: dict[str, Tags] = field(default_factory=lambda: dict[str, Tags]({"sg-p": {}, "sg-more": {}, "sg-own": {}}))
    rules: dict[str, Rule] = field(default_factory=dict)
    host: int = 7
    late: int = 0
    _ids: Iterator[int] = field(default_factory=itertools.count)

    async def owners(self, groups: Collection[str]) -> Mapping[str, Tags]:
        if missing := [each for each in groups if each not in self.groups]:
            raise PermanentError(f"not all of these security groups exist: {', '.join(missing)}")
        return {each: self.groups[each] for each in groups}

    async def ingress(self, groups: Collection[str]) -> Sequence[Rule]:
        return [rule for rule in self.rules.values() if rule.group in groups]

    async def tagged(self, key: str, value: str) -> Sequence[Rule]:
        return [rule for rule in self.rules.values() if rule.tags.get(key) == value]

    async def interfaces(self, load_balancer: str) -> Sequence[Interface]:
        self.late -= 1
        subnets = self.parts[load_balancer].fields["Subnets"].split(",") if self.late < 0 else ()
        return [Interface(each, (SUBNETS[each].cidr.replace("0/24", str(self.host)),)) for each in subnets]

    async def admit(self, group: str, port: int, source: str, tags: Tags, text: str) -> None:
        assert text
        self.add(group, port, source, tags)

    def add(self, group: str, port: int, source: str, tags: Tags | None = None) -> None:
        twins = [r for r in self.rules.values() if (r.group, r.ports, r.source) == (group, (port, port), source)]
        if not twins:
            rule = Rule(f"sgr-{next(self._ids)}", group, "tcp", (port, port), source, tags or {})
            self.write(f"admit {source} to {group} at {port}", lambda: self.rules.setdefault(rule.id, rule))

    async def revoke(self, group: str, rule: str) -> None:
        if rule in self.rules:
            assert self.rules[rule].group == group
            self.write(f"revoke {self.rules[rule].source} at {self.rules[rule].ports[0]}", lambda: self.rules.pop(rule))

    def open(self) -> set[tuple[str, int, str, str]]:
        """Group, port, source, and whose the rule is."""
        return {(r.group, r.ports[0], r.source, r.tags.get("emr-dr:group", "")) for r in self.rules.values()}


@dataclass(frozen=True)
class Named:
    target: str = ""
    owner: str = ""
    other: str = ""


@dataclass
class MemoryNames:
    """What there is at each name of the one zone there is."""

    write: Callable[[str, Callable[[], object]], None]
    names: dict[str, Named] = field(default_factory=dict)

    async def find(self, zone: str, name: str) -> Named:
        if zone != "Z1":
            raise PermanentError("does not exist", where=f"hosted zone {zone}")
        return self.names.get(name, Named())

    async def point(self, zone: str, name: str, target: tuple[str, str], group: str, instead: Named) -> None:
        assert await self.find(zone, name) == instead
        assert all(target)
        self.write(f"point {name}", lambda: self.names.update({name: Named(target[0], group)}))

    async def forget(self, zone: str, found: Named) -> None:
        assert zone
        (name,) = [name for name, each in self.names.items() if each == found]
        self.write(f"forget {name}", lambda: self.names.pop(name))


@dataclass
class MemoryAccount:
    """Parts by ARN. `kill_at` counts calls that change something; `killed_after` says if that call was carried out."""

    parts: dict[str, Found] = field(default_factory=dict)
    kill_at: int | None = None
    killed_after: bool = False
    writes: list[str] = field(default_factory=list)
    registered: dict[str, list[Target]] = field(default_factory=dict)
    rules: MemoryRules = field(init=False)
    names: MemoryNames = field(init=False)

    def __post_init__(self) -> None:
        self.rules = MemoryRules(self._write, self.parts)
        self.names = MemoryNames(self._write)

    async def subnets(self, ids: Collection[str]) -> Mapping[str, Subnet]:
        return {each: SUBNETS[each] for each in ids}

    async def load_balancer(self, name: str) -> Found | None:
        return self.parts.get(f"balancer/{name}")

    async def target_group(self, name: str) -> Found | None:
        return self.parts.get(f"group/{name}")

    async def listeners(self, load_balancer: str) -> Mapping[str, Found]:
        prefix = f"listener/{load_balancer}/"
        return {arn.removeprefix(prefix): each for arn, each in self.parts.items() if arn.startswith(prefix)}

    async def targets(self, target_group: str) -> Sequence[Target]:
        """As registered; unused where no listener leads to the group."""
        used = {each.fields["TargetGroup"] for key, each in self.parts.items() if key.startswith("listener/")}
        found = self.registered.get(target_group, [])
        return found if target_group.removeprefix("group/") in used else [replace(t, health="unused") for t in found]

    async def create_load_balancer(self, name: str, fields: Fields, tags: Tags) -> str:
        found = {"VpcId": SUBNETS[fields["Subnets"].split(",")[0]].vpc, **ADDRESS}
        return self._create(f"balancer/{name}", {**fields, **found}, tags)

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
        self._put(f"tag {arn}", arn, replace(self.parts[arn], tags={**self.parts[arn].tags, **tags}))

    async def delete_load_balancer(self, arn: str) -> None:
        self._delete(arn, *(each for each in self.parts if each.startswith(f"listener/{arn}/")))

    async def delete_target_group(self, arn: str) -> None:
        used = [each.fields["TargetGroup"] for key, each in self.parts.items() if key.startswith("listener/")]
        if arn.removeprefix("group/") in used:
            raise ConflictError("a listener uses it", where=arn)
        self._delete(arn)

    async def delete_listener(self, arn: str) -> None:
        self._delete(arn)

    def _delete(self, *arns: str) -> None:
        self._write(f"delete {arns[0]}", lambda: [self.parts.pop(arn, None) for arn in arns])

    def _create(self, arn: str, fields: Fields, tags: Tags) -> str:
        if arn in self.parts:
            raise ConflictError("is there already", where=arn)
        attributes = [name for name in fields if "." in name]
        assert not attributes, "attributes are no parameters of creation"
        self._put(f"create {arn}", arn, Found(arn, {**DEFAULTS[arn.split("/", maxsplit=1)[0]], **fields}, tags))
        return arn

    def _change(self, arn: str, fields: Fields) -> None:
        self._put(f"change {arn}", arn, replace(self.parts[arn], fields={**self.parts[arn].fields, **fields}))

    def _put(self, what: str, arn: str, part: Found) -> None:
        self._write(what, lambda: self.parts.update({arn: part}))

    def _write(self, what: str, carry_out: Callable[[], object]) -> None:
        self.writes.append(what)
        kill = self.kill_at == len(self.writes)
        if not kill or self.killed_after:
            carry_out()
        if kill:
            raise KilledError
