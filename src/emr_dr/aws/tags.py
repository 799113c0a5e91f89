"""The tags by which AWS resources are recognised as ours, and reading tags as AWS sends them."""

from collections.abc import Iterable, Mapping

GROUP = "emr-dr:group"
"""Name of the recovery group a resource belongs to."""
LAUNCH = "emr-dr:launch"
"""Launch number of a cluster."""
ORIGIN = "emr-dr:origin"
"""Origin of the store that licensed the launch."""
MANAGED_POLICIES = "for-use-with-amazon-emr-managed-policies"
"""`true` on what AmazonEMRServicePolicy_v2 may touch (EMR management guide, managed policies)."""


def as_mapping(tags: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return AWS's list of Key and Value as a mapping; an entry without a key is left out, a missing value is empty."""
    return {tag["Key"]: tag.get("Value", "") for tag in tags if tag.get("Key")}


def as_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return a mapping as AWS's list of Key and Value, by key."""
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]
