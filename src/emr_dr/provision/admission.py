"""Who is let in at the members: which security-group rules are missing, and which of ours are left over.

In mode direct it is the balancer. It speaks to its targets as itself (`preserve_client_ip.enabled` is off), so what has
to be let in is its own security groups or, where it has none, the private addresses of its network interfaces. In mode
gateway it is the gateways, by their own security groups; who lets the balancer in at them is whoever runs them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Network

from emr_dr.provision.account import Account, Found, Interface, Rule, Subnet
from emr_dr.provision.change import Change
from emr_dr.provision.desired import OWNER_TAG, SERVICE_TAG, DesiredBalancer, Gateways
from emr_dr.provision.step import Step

RULE = "rule"
_TCP = ("tcp", "6", "-1")


@dataclass(frozen=True, slots=True)
class _Seen:
    """What there is to judge by."""

    desired: DesiredBalancer
    subnets: Mapping[str, Subnet]
    rules: Sequence[Rule]
    interfaces: Sequence[Interface]
    asks: bool

    @property
    def addresses(self) -> tuple[str, ...]:
        """The balancer's, as ranges of one."""
        return tuple(sorted(f"{address}/32" for each in self.interfaces for address in each.addresses))

    @property
    def pending(self) -> tuple[str, ...]:
        """Subnets in which the balancer has no interface yet."""
        there = {each.subnet for each in self.interfaces}
        return tuple(each for each in self.desired.balancer.subnets if each not in there)

    def admitted(self, port: int, source: str) -> bool:
        """Whether a rule lets a source in, whoever made it."""
        return any(_admits(rule, port, source) for rule in self.rules)


async def pending(account: Account, desired: DesiredBalancer, balancer: Found) -> tuple[str, ...]:
    """The subnets whose interface has to be waited for before anybody knows whom to let in."""
    if not desired.doors or desired.balancer.security_groups or desired.gateways is not None:
        return ()
    there = {each.subnet for each in await account.rules.interfaces(balancer.id)}
    return tuple(each for each in desired.balancer.subnets if each not in there)


@dataclass(frozen=True, slots=True)
class Admission:
    """What has to be done so that whoever has to reach members is let in, and nobody else by rules of ours."""

    missing: Sequence[Step]
    left_over: Sequence[Step]


async def admission(
    account: Account, desired: DesiredBalancer, subnets: Mapping[str, Subnet], balancer: Found | None
) -> Admission:
    """Return which rules are missing, and which of ours are left over.

    Rules of ours in groups that are declared no more stay until the group is destroyed: security groups are fixed
    when a cluster is launched, so a member that serves may still stand behind them.

    Raises:
        PermanentError: A declared security group does not exist, or we may not look.
    """
    if not desired.doors:
        return Admission((), ())
    owner = (await account.rules.owners(desired.doors))[desired.doors[0]].get(OWNER_TAG)
    rules = await account.rules.ingress(desired.doors)
    interfaces = await account.rules.interfaces(balancer.id) if balancer is not None else ()
    seen = _Seen(desired, subnets, rules, interfaces, asks=owner != desired.group)
    if desired.gateways is not None:
        return Admission([*_gateways_missing(account, seen, desired.gateways)], [*_left_over(account, seen)])
    return Admission([*_missing(account, seen)], [*_left_over(account, seen)])


def _gateways_missing(account: Account, seen: _Seen, gateways: Gateways) -> Iterator[Step]:
    for name, service in gateways.reaches.items():
        for source in gateways.groups:
            if not seen.admitted(service.port, source):
                yield _opening(account, seen, name, service.port, source)


def _missing(account: Account, seen: _Seen) -> Iterator[Step]:
    for name, service in seen.desired.services.items():
        port, groups = service.port, seen.desired.balancer.security_groups
        if groups:
            there_or_coming = (*seen.addresses, *(seen.subnets[each].cidr for each in seen.pending))
            by_address = all(seen.admitted(port, each) for each in there_or_coming)
            if not by_address and not any(seen.admitted(port, each) for each in groups):
                yield _opening(account, seen, name, port, groups[0])
            continue
        for source in seen.addresses:
            if not seen.admitted(port, source):
                yield _opening(account, seen, name, port, source)
        unknown = [each for each in seen.pending if not seen.admitted(port, seen.subnets[each].cidr)]
        if unknown:
            yield _foretold(seen, name, port, unknown)


def _opening(account: Account, seen: _Seen, service: str, port: int, source: str) -> Step:
    desired, group = seen.desired, seen.desired.doors[0]
    tags = {OWNER_TAG: desired.group, SERVICE_TAG: service}
    who = f"balancer {desired.balancer.name}" if desired.gateways is None else "gateways"
    why = _why(service) if desired.gateways is None else f"else gateways cannot reach {service} of a member"
    text = f"emr-dr {desired.group}: {who} to {service}"
    change = Change(RULE, _name(group, port, source), "", "", f"let in by {group}", why, asks=seen.asks)
    return Step(change, partial(account.rules.admit, group, port, source, tags, text))


def _foretold(seen: _Seen, service: str, port: int, unknown: Sequence[str]) -> Step:
    """A rule whose source shows only when the balancer stands; `apply` looks again then."""
    group = seen.desired.doors[0]
    source = "the balancer's addresses"
    if len(unknown) < len(seen.desired.balancer.subnets):
        source += f" in {', '.join(unknown)}"
    return Step(
        Change(RULE, _name(group, port, source), "", "", f"let in by {group}", _why(service), asks=seen.asks), _later
    )


async def _later() -> None:
    """Nothing: it is looked for again once the balancer stands."""


def _left_over(account: Account, seen: _Seen) -> Iterator[Step]:
    """Yield rules of ours that let in who is no part of balancer or gateways any more, or at a port nobody serves."""
    gateways, why = seen.desired.gateways, "the balancer does not come from there any more"
    services, sources = seen.desired.services, {*seen.desired.balancer.security_groups} or {*seen.addresses}
    if gateways is not None:
        services, sources, why = gateways.reaches, {*gateways.groups}, "no gateway comes from there"
    elif not sources or (seen.pending and not seen.desired.balancer.security_groups):
        return  # not all of its addresses are known: one that seems left over may be needed
    ports = {service.port for service in services.values()}
    for rule in seen.rules:
        ours = rule.tags.get(OWNER_TAG) == seen.desired.group
        if ours and not (rule.ports[0] in ports and rule.source in sources):
            yield removal(account, rule, why, asks=seen.asks)


def removal(account: Account, rule: Rule, why: str, *, asks: bool = False) -> Step:
    """Return the removal of a rule of ours."""
    name = _name(rule.group, rule.ports[0], rule.source)
    return Step(Change(RULE, name, "", rule.id, "", why, asks=asks), partial(account.rules.revoke, rule.group, rule.id))


def _admits(rule: Rule, port: int, source: str) -> bool:
    if rule.protocol not in _TCP:
        return False
    low, high = rule.ports
    if rule.protocol != "-1" and not low <= port <= high:
        return False
    return rule.source == source or _within(source, rule.source)


def _within(source: str, allowed: str) -> bool:
    """Whether one IPv4 range lies in another; groups and prefix lists are no ranges."""
    try:
        return IPv4Network(source).subnet_of(IPv4Network(allowed))
    except ValueError:
        return False


def _name(group: str, port: int, source: str) -> str:
    return f"{group} tcp/{port} from {source}"


def _why(service: str) -> str:
    return f"else the balancer cannot reach {service} of a member"
