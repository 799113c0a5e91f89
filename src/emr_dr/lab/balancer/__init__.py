"""The data plane of the lab's network load balancers: real listeners, real health checks, NLB's rules."""

from emr_dr.lab.balancer.plane import Balancer
from emr_dr.lab.balancer.snapshot import Group, Health, HealthCheck, Listener, Snapshot, State, Target

__all__ = ["Balancer", "Group", "Health", "HealthCheck", "Listener", "Snapshot", "State", "Target"]
