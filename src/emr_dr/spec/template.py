"""The commented spec that `emr-dr init` writes: everything a first group needs, each choice with its reason."""

from pydantic import TypeAdapter, ValidationError

from emr_dr.errors import UsageError
from emr_dr.spec.address import MODE_NAMES
from emr_dr.spec.fields import PLACEHOLDER, GroupName
from emr_dr.spec.models import STRATEGY_NAMES

RECOMMENDED_MODE = "gateway"

_STARTER = """\
# A recovery group of emr-dr: what is protected, where it may live, and what may be done about a loss.
# Replace every @@ below; nothing loads before. All keys and defaults: emr-dr schema

group: $group                           # AWS resources are named after it; it cannot change later
region: @@-region                 # such as us-east-1
strategy: $strategy               # active-passive: one member serves; warm-standby: another waits, proven
                                        # active-active: two serve, and work is spread over them

address:                                # the one address that clients use, whatever member serves
$mode
  balancer:
    name: $group-livy
    subnets: [subnet-@@-a, subnet-@@-b]   # one for each AZ; with two the address survives the loss of one
    # dns: {zone: Z0123456789ABCDEFGHIJ, name: livy.example.internal}   a name of your own, in Route 53
$further
services:                               # what must work; $listeners
  livy: {port: 8998}
  resource-manager: {port: 8088}
  name-node: {port: 9870}

placements:                             # where members may live, best first; each in another AZ
  - subnet: subnet-@@-a
  - subnet: subnet-@@-b

cluster:                                # every member is launched from this; keep it like the one you run today
  release: emr-7.9.0
  applications: [Spark, Livy]
  roles: {service: EMR_DefaultRole_V2, instance: EMR_EC2_DefaultRole}
  security_groups:                      # EMR fixes them at launch; both EMR-managed groups are needed
    primary: sg-@@-primary        # let the machine that runs emr-dr in; apply lets the balancer in
    core: sg-@@-core
    service_access: sg-@@-service   # needed in private subnets; remove it for public ones
  instances:                            # groups: one type a role. fleets: several, more chances in a crisis
    groups:
      primary: {type: m5.xlarge}
      core: {type: m5.xlarge, count: 1} # small at launch comes up sooner; managed scaling lets it grow
      # primary: {type: m5.xlarge, alternatives: [m6i.xlarge, m5a.xlarge]}   asked for when EC2 has no room for m5
  managed_scaling: {minimum: 1, maximum: 10, unit: Instances}
  # batch_id_ranges: true   a range of batch numbers for each member: an old number is a 404, never another job's
  log_uri: s3://@@-logs/emr/      # without logs a failed launch can hardly be explained
  artifacts: s3://@@-artifacts/emr-dr/   # the proving job is put here; the instance role must read it

detection:                              # shorter finds a loss sooner, and mistakes a hiccup for one more often
  interval: 5s
  member_lost: 60s                      # all services silent this long, and a second witness agrees
  service_down: 120s                    # one service down this long while others answer
  on_service_down: replace              # or report: only say so
  # control_targets: [{address: 10.0.0.2, port: 53}]   what answers while our own network works, such as the resolver

recovery:                               # what automation may do without asking
  cooldown: 30m                         # least time between two recoveries
  launches_a_day: 6                     # the limit of what a mistake can cost
  probation: 10m                        # how long a new member serves well before the old one may end
  retire_unconfirmed_after: 24h         # a lost member whose death nobody could confirm is kept this long

objectives:
  rto: 20m                              # what you promise; checked against what the settings above allow
  # launch: 8m    from request to ready, once you measured your clusters

store:
  sqlite: ./emr-dr.db                   # where emr-dr remembers, from this file's folder; keep it with care

# What to do next:
#   1. replace every @@, then: emr-dr validate
#   2. see what would be made: emr-dr plan
#   3. make the balancer and the first member: emr-dr apply
#   4. let it watch: emr-dr watch
$serve"""

_DIRECT = "  mode: direct                          # it leads to the members themselves"
_GATEWAY = """\
  mode: gateway                         # it leads to gateways (`emr-dr gateway`) that you run, best two or more;
                                        # direct: to the members themselves, each with batch numbers of its own"""
_GATEWAYS_OWN = """
gateway:                                # clients see one Livy whose batches outlive the members they run on
  # port: 8998                            where gateways listen, if it is not Livy's own port
  # security_groups: [sg-0123456789abcdef0]   the gateways' own: apply lets them in at the members
  # tls: {certificate: gateway.pem, key: gateway.key}   beside this file
  users: {scheme: none}                 # basic or bearer with a file of users; none: everybody may do everything
  rescue:                               # what runs again, under its number, once its member is proven dead
    attempts: 2                         # most runs of one batch, the first included
    # rules: [{when: {queue: nightly}, class: idempotent}]   for clients that cannot say it; otherwise: never
"""
_STICKINESS = """\
    stickiness: source_ip                 # a client stays on one member; `validate` tells the limits
"""
_ALL_LISTEN = "each gets a listener of the balancer on its port"
_LIVY_LISTENS = "livy alone gets a listener: the others are each member's own"

_SERVE = """\
#   5. serve clients: emr-dr gateway, twice or more, registered in the target group $group-gateway
"""

_COMMENT_COLUMN = 47


def starter(group: str, strategy: str, mode: str = RECOMMENDED_MODE) -> str:
    """Return a commented YAML spec for a new group, with a placeholder wherever only the user knows the value.

    Raises:
        UsageError: the group cannot be called so, or there is no such strategy or mode.
    """
    try:
        TypeAdapter(GroupName).validate_python(group)
    except ValidationError as error:
        reason = error.errors(include_url=False)[0]["msg"]
        raise UsageError(f"no group can be called so: {reason}") from error
    if strategy not in STRATEGY_NAMES:
        remedy = f"choose from {', '.join(STRATEGY_NAMES)}"
        raise UsageError(f"there is no strategy {strategy!r}", remedy=remedy)
    if mode not in MODE_NAMES:
        raise UsageError(f"there is no mode {mode!r}", remedy=f"choose from {', '.join(MODE_NAMES)}")
    by_gateway, several = mode == "gateway", strategy == "active-active"
    given = {
        "$serve": _SERVE if by_gateway else "",
        "$group": group,
        "$strategy": strategy,
        "$mode": _GATEWAY if by_gateway else _DIRECT,
        "$further": _GATEWAYS_OWN if by_gateway else _STICKINESS if several else "",
        "$listeners": _LIVY_LISTENS if several or by_gateway else _ALL_LISTEN,
        "@@": PLACEHOLDER,
    }
    text = _STARTER
    for name, value in given.items():
        text = text.replace(name, value)
    return "".join(_aligned(line) + "\n" for line in text.splitlines())


def _aligned(line: str) -> str:
    """Move the comment behind a setting to its column; names of any length may stand before it."""
    setting, mark, comment = line.partition(" # ")
    if mark and not setting.strip() and len(setting) > _COMMENT_COLUMN // 2:
        return f"{'':<{_COMMENT_COLUMN}} # {comment}"  # it goes on from the line before
    return f"{setting.rstrip():<{_COMMENT_COLUMN}} # {comment}" if mark and setting.strip(" #") else line
